//! Card states on both engines: what staff do, what phones do, what time does, and what a till is told meanwhile.

use std::time::Duration;

use passgate::domain::card::{CardState, CardStatus};
use passgate::domain::detail::Detail;
use passgate::domain::event::EventKind;
use passgate::domain::lifecycle::LifecycleRefusal;
use passgate::domain::presentation::Refusal;
use passgate::domain::program::{Cycle, Ladder, Measure, Tier};
use passgate::ops::cards::CardError;
use passgate::ops::coupons::CouponError;

use crate::coupons::shop::{NOON, Shop, coupon, punch};
use crate::engines::{for_each_engine, values};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_card_still_earns_and_comes_back_from_void_as_removed() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.uninstall(card.id).await;
        assert_eq!(shop.card(card.id).await.card.status, CardStatus::Removed);
        let punched = shop.record(shop.capture(1, &card.token, NOON)).await;
        assert_eq!((punched.refusal, punched.punches), (None, 1));
        shop.ops
            .void(shop.merchant, card.id, shop.staff())
            .await
            .expect("ended");
        let back = shop
            .ops
            .restore(shop.merchant, card.id, shop.staff())
            .await
            .expect("restored");
        assert_eq!((back.status, back.punches), (CardStatus::Removed, 1));
        assert_eq!(back.serial_number, card.serial_number);
        let never = shop.issue_to(program, "Grace Hopper").await;
        shop.ops
            .void(shop.merchant, never.id, shop.staff())
            .await
            .expect("ended");
        let back = shop.ops.restore(shop.merchant, never.id, shop.staff()).await;
        assert_eq!(back.expect("restored").status, CardStatus::Pending);
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_a_void_card_stop_after_the_one_that_shows_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        shop.pushes(card.id).await;
        shop.ops
            .void(shop.merchant, card.id, shop.staff())
            .await
            .expect("ended");
        assert!(shop.card(card.id).await.face().void);
        assert_eq!(shop.pushes(card.id).await, 1, "the last one");
        let tap = shop
            .record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(1))))
            .await;
        assert_eq!(tap.refusal, Some(Refusal::CardVoid));
        // A correction of the ledger is possible, and no phone hears of it.
        let history = shop.history(card.id).await;
        let punch = history
            .iter()
            .find(|event| event.event.delta.punches > 0)
            .expect("punched");
        shop.ops
            .reverse(shop.merchant, card.id, punch.id, shop.staff())
            .await
            .expect("taken back");
        assert_eq!(shop.pushes(card.id).await, 0);
        shop.ops
            .restore(shop.merchant, card.id, shop.staff())
            .await
            .expect("restored");
        assert_eq!(shop.pushes(card.id).await, 1);
        assert_eq!(shop.card(card.id).await.card.status, CardStatus::Installed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_phone_hears_of_what_time_does_to_an_ended_card() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let mut rules = punch(5);
        rules.ladder = Some(Ladder {
            measure: Measure::Earned,
            cycle: Cycle::Calendar,
            tiers: vec![Tier {
                name: "Basic".into(),
                threshold: 0,
            }],
        });
        let program = shop.program(rules).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        shop.ops
            .void(shop.merchant, card.id, shop.staff())
            .await
            .expect("ended");
        shop.pushes(card.id).await;
        shop.ops.clock.advance(400 * DAY);
        let chores = shop.ops.do_chores_named(&["end_cycles"]).await;
        assert_eq!(chores.expect("chores"), 1);
        let history = shop.history(card.id).await;
        let ended = history
            .iter()
            .any(|event| event.event.kind == EventKind::TierCycleEnded);
        assert!(ended, "its sums go on all the same");
        assert_eq!(shop.pushes(card.id).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_moved_past_and_back_and_phones_hear_of_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.pushes(card.id).await;
        let change = async |end, confirmed| {
            let staff = shop.staff();
            shop.ops
                .change_expiry(shop.merchant, card.id, None, end, confirmed, staff)
                .await
        };
        let past = Some(NOON.minus(DAY));
        assert!(matches!(
            change(past, false).await,
            Err(CardError::Lifecycle(LifecycleRefusal::WouldEndNow))
        ));
        assert_eq!(shop.pushes(card.id).await, 0);
        let ended = change(past, true).await.expect("changed");
        assert_eq!(ended.state(NOON), CardState::Expired);
        assert_eq!(shop.pushes(card.id).await, 1);
        assert!(shop.card(card.id).await.face().expired());
        let tap = shop
            .record(shop.capture(1, &card.token, NOON.plus(Duration::from_secs(1))))
            .await;
        assert_eq!(tap.refusal, Some(Refusal::CardExpired { at: NOON }));
        shop.wait(60);
        let later = NOON.plus(DAY);
        change(Some(later), false).await.expect("revived");
        assert!(!shop.card(card.id).await.face().expired());
        assert_eq!(shop.pushes(card.id).await, 1);
        let tap = shop
            .record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(60))))
            .await;
        assert_eq!(tap.punches, 1);
        let newest = shop.history(card.id).await;
        let moved = newest
            .iter()
            .find(|event| event.event.kind == EventKind::ExpiryChanged)
            .expect("a row");
        let detail = Detail::Expiry {
            from: Some(NOON),
            to: Some(later),
        };
        assert_eq!(moved.event.detail, Some(detail));
        shop.ops
            .void(shop.merchant, card.id, shop.staff())
            .await
            .expect("ended");
        assert!(matches!(
            change(None, true).await,
            Err(CardError::Lifecycle(LifecycleRefusal::CardVoid))
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_new_end_makes_a_redeemed_coupon_redeemable() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await;
        let staff = shop.staff();
        let end = async |days| {
            let end = Some(NOON.plus(days * DAY));
            let done = shop
                .ops
                .change_expiry(shop.merchant, card.id, None, end, true, staff)
                .await;
            done.expect("changed")
        };
        // An expired coupon is revived and redeemed.
        end(1).await;
        shop.wait(2 * 86_400);
        let redeem = async || {
            shop.ops
                .redeem_coupon(shop.merchant, card.id, shop.wish(None))
                .await
        };
        assert!(matches!(redeem().await, Err(CouponError::Refused(_))));
        end(3).await;
        redeem().await.expect("redeemed");
        shop.wait(2 * 86_400);
        end(9).await;
        assert!(matches!(redeem().await, Err(CouponError::AlreadyRedeemed(_))));
        shop.ops.void(shop.merchant, card.id, staff).await.expect("ended");
        shop.ops
            .restore(shop.merchant, card.id, staff)
            .await
            .expect("restored");
        assert!(matches!(redeem().await, Err(CouponError::AlreadyRedeemed(_))));
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_before_knows_from_the_ledger_what_was_ever_installed() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.uninstall(card.id).await;
        let installed = shop.card(card.id).await.card.installed_at;
        assert_eq!(installed, Some(NOON));
        // What the migration does for cards that were there before it.
        let keys = values![shop.merchant, card.id];
        let sql =
            "update cards set installed_at = null, status = 'void' where merchant_id = $1 and card_id = $2";
        shop.change(sql, keys.to_vec()).await;
        let migration = include_str!("../../src/store/migrations/postgres/0004_coupons.sql");
        let from = migration.find("update cards").expect("the statement");
        let statement = migration[from..].split(';').next().expect("whole");
        shop.change(Box::leak(statement.to_owned().into_boxed_str()), Vec::new())
            .await;
        assert_eq!(shop.card(card.id).await.card.installed_at, Some(NOON));
    })
    .await;
}
