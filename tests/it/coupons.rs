//! Coupons on both engines: one redemption ever, whoever tries from wherever; and what a coupon turns into.

pub(crate) mod shop;

use std::time::Duration;

use passgate::domain::capture::Capture;
use passgate::domain::card::CardStatus;
use passgate::domain::conversion::Follow;
use passgate::domain::coupon::{RedeemedBy, Redemption};
use passgate::domain::event::{EventKind, Source};
use passgate::domain::id::{CardId, EventId, LocationId};
use passgate::domain::money::Amount;
use passgate::domain::presentation::Refusal;
use passgate::domain::program::{Cycle, Ladder, Measure, Rules, Tier};
use passgate::domain::redemption::ReverseRefusal;
use passgate::ops::cards::CardError;
use passgate::ops::coupons::CouponError;
use passgate::store::Store;
use passgate::store::conversions;

use crate::engines::{for_each_engine, sqlite, values};
use crate::postgres;
use shop::{NOON, Shop, coupon, punch};

/// What one attempt came to.
enum Came {
    Redeemed,
    Late(Redemption),
}

/// A hundred attempts at once: a third by hand, a third from tills, a third of an offline till's late batches.
async fn race(nodes: &[Shop], card: CardId) -> Vec<Came> {
    let token = nodes[0].card(card).await.card.token;
    let mut attempts = Vec::new();
    for index in 0..100_i64 {
        let node = &nodes[usize::try_from(index).expect("small") % nodes.len()];
        let (ops, recorder, merchant) = (node.ops.clone(), node.recorder.clone(), node.merchant);
        let mut wish = node.wish(Some(1250));
        wish.source = if index % 2 == 0 {
            Source::Api
        } else {
            Source::Console
        };
        let live = node.capture(index, &token, NOON);
        let offline: Vec<_> = (0..3)
            .map(|part| {
                let at = NOON.minus(Duration::from_secs(600 - index.unsigned_abs()));
                node.capture(1000 + 10 * index + part, &token, at)
            })
            .collect();
        attempts.push(tokio::spawn(async move {
            let captures = match index % 3 {
                0 => match ops.redeem_coupon(merchant, card, wish).await {
                    Ok(_) => return vec![Came::Redeemed],
                    Err(CouponError::AlreadyRedeemed(told)) => return vec![Came::Late(*told)],
                    Err(other) => panic!("{other}"),
                },
                1 => vec![live],
                _ => offline,
            };
            let answers = recorder.record(merchant, captures).await.expect("recorded");
            let came = answers.into_iter().map(|answer| match answer.refusal {
                None => {
                    assert!(answer.redeemed);
                    Came::Redeemed
                }
                Some(Refusal::AlreadyRedeemed { .. }) => {
                    Came::Late(answer.redemption.expect("time, place and name"))
                }
                Some(other) => panic!("{other:?}"),
            });
            came.collect()
        }));
    }
    let mut came = Vec::new();
    for attempt in attempts {
        came.extend(attempt.await.expect("no panic"));
    }
    came
}

async fn check_race(nodes: &[Shop]) {
    let shop = &nodes[0];
    let program = shop.program(coupon(None)).await;
    let card = shop.issue(program).await;
    // The offline till had the card before its neighbours.
    let sql = "update cards set created_at = 0 where merchant_id = $1 and card_id = $2";
    shop.change(sql, values![shop.merchant, card.id].to_vec()).await;
    let came = race(nodes, card.id).await;
    assert!(came.len() > 100);
    let redeemed = came.iter().filter(|came| matches!(came, Came::Redeemed)).count();
    assert_eq!(redeemed, 1);
    let history = shop.history(card.id).await;
    let rows: Vec<_> = history
        .iter()
        .filter(|event| event.event.kind == EventKind::RewardRedeemed)
        .collect();
    assert_eq!(rows.len(), 1);
    let (location, by) = if rows[0].event.capture.is_some() {
        ("Harbour", RedeemedBy::Station("Till 1".into()))
    } else {
        ("Counter", RedeemedBy::Member("Olga".into()))
    };
    for came in &came {
        if let Came::Late(told) = came {
            assert_eq!(told.at, rows[0].event.at);
            assert_eq!(told.location.as_deref(), Some(location));
            assert_eq!(told.by, by);
        }
    }
    assert_eq!(shop.card(card.id).await.card.redemptions, 1);
    shop.check(card.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_attempts_from_everywhere_redeem_a_coupon_once() {
    let (store, _folder) = sqlite().await;
    check_race(&[Shop::open(store).await]).await;
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let first = Shop::open(Store::open(&url, 6).await.expect("the store opens")).await;
    let second = first.on(Store::open(&url, 6).await.expect("the store opens"));
    check_race(&[first, second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_comer_is_told_and_a_repeat_hears_the_same() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await;
        let first = shop.record(shop.capture(1, &card.token, NOON)).await;
        assert!(first.redeemed);
        shop.wait(60);
        let error = shop
            .ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(None))
            .await;
        assert_eq!(
            error.expect_err("refused").to_string(),
            "This coupon was already redeemed on 21 September 2026 at 16:13, Harbour, by Till 1."
        );
        let late = shop.capture(2, &card.token, NOON.plus(Duration::from_secs(9)));
        let once = shop.record(late.clone()).await;
        let again = shop.record(late).await;
        assert!(once.redemption.is_some());
        assert_eq!(again.redemption, once.redemption);
        let mut elsewhere = shop.wish(None);
        elsewhere.location = Some(LocationId(5));
        let error = shop.ops.redeem_coupon(shop.merchant, card.id, elsewhere).await;
        assert!(matches!(error, Err(CouponError::NoLocation)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_amount_is_insisted_on_and_counts_as_spend() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let mut rules = coupon(None);
        rules.purchase.required = true;
        let program = shop.program(rules).await;
        let card = shop.issue(program).await;
        let without = shop
            .ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(None))
            .await;
        assert!(matches!(without, Err(CouponError::Refused(_))));
        let scanned = shop.record(shop.capture(1, &card.token, NOON)).await;
        assert_eq!(scanned.refusal, Some(Refusal::AmountRequired));
        let redeemed = shop
            .ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(Some(1250)))
            .await
            .expect("redeemed");
        assert_eq!((redeemed.card.spend, redeemed.card.unpriced), (1250, 0));
        let optional = shop.program(coupon(None)).await;
        let other = shop.issue(optional).await;
        shop.ops
            .redeem_coupon(shop.merchant, other.id, shop.wish(None))
            .await
            .expect("redeemed");
        let other = shop.card(other.id).await.card;
        assert_eq!((other.spend, other.unpriced), (0, 1));
        shop.check(card.id).await;
        shop.check(other.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redeemed_coupon_turns_into_the_linked_card_at_the_till_and_by_hand() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(3)).await;
        let program = shop.program(coupon(Some((linked, true)))).await;
        for by_hand in [false, true] {
            let card = shop.issue(program).await;
            shop.install(card.id).await;
            shop.pushes(card.id).await;
            if by_hand {
                let done = shop
                    .ops
                    .redeem_coupon(shop.merchant, card.id, shop.wish(Some(400)))
                    .await;
                assert_eq!(done.expect("redeemed").follow, Follow::Converted(linked));
            } else {
                let answer = shop.record(shop.capture(1, &card.token, NOON)).await;
                assert!(answer.redeemed);
                assert_eq!((answer.punches, answer.goal), (1, 3), "what the card is now");
            }
            let now = shop.card(card.id).await;
            assert_eq!((now.card.program, now.card.installed_as), (linked, program));
            assert_eq!(now.card.serial_number, card.serial_number);
            assert_eq!((now.card.punches, now.card.redemptions), (1, 1));
            assert_eq!(now.card.status, CardStatus::Installed);
            assert_eq!(now.face().goal, 3);
            assert!(!now.face().redeemed);
            assert_eq!(shop.pushes(card.id).await, 1, "the phone fetches the new design");
            let kinds = shop.kinds(card.id).await;
            let tail = [
                EventKind::RewardRedeemed,
                EventKind::CardConverted,
                EventKind::PointsAdded,
            ];
            assert!(kinds.starts_with(&[EventKind::CardIssued, EventKind::CardInstalled]));
            assert!(kinds.ends_with(&tail), "{kinds:?}");
            shop.check(card.id).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_batch_of_a_converted_coupon_punches_nothing_and_later_scans_do() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((linked, false)))).await;
        let card = shop.issue(program).await;
        shop.wait(60);
        shop.ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(None))
            .await
            .expect("redeemed");
        let offline = shop
            .record(shop.capture(1, &card.token, NOON.plus(Duration::from_secs(30))))
            .await;
        assert!(matches!(offline.refusal, Some(Refusal::AlreadyRedeemed { .. })));
        assert_eq!(
            offline.redemption.expect("told").by,
            RedeemedBy::Member("Olga".into())
        );
        shop.wait(60);
        let live = shop
            .record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(120))))
            .await;
        assert_eq!((live.refusal, live.punches), (None, 1));
        let again = shop
            .ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(None))
            .await;
        assert!(matches!(again, Err(CouponError::AlreadyRedeemed(_))));
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversion_that_fails_is_tried_until_it_works_and_happens_once() {
    let (store, _folder) = sqlite().await;
    check_retries(&[Shop::open(store).await]).await;
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let first = Shop::open(Store::open(&url, 6).await.expect("the store opens")).await;
    let second = first.on(Store::open(&url, 6).await.expect("the store opens"));
    check_retries(&[first, second]).await;
}

async fn check_retries(nodes: &[Shop]) {
    let shop = &nodes[0];
    let linked = shop.program(punch(5)).await;
    let program = shop.program(coupon(Some((linked, true)))).await;
    shop.archive(linked, Some(NOON)).await;
    let mut cards = Vec::new();
    for index in 0..10_i64 {
        let card = shop.issue(program).await;
        if index % 2 == 0 {
            let done = shop
                .ops
                .redeem_coupon(shop.merchant, card.id, shop.wish(None))
                .await;
            assert!(matches!(done.expect("stands").follow, Follow::Waits(..)));
        } else {
            assert!(shop.record(shop.capture(index, &card.token, NOON)).await.redeemed);
        }
        let now = shop.card(card.id).await;
        assert_eq!(now.card.program, program);
        assert!(now.face().redeemed, "the pass shows it as used");
        cards.push(card.id);
    }
    shop.wait(61);
    assert_eq!(
        shop.ops
            .do_chores_named(&["convert_coupons"])
            .await
            .expect("chores"),
        10
    );
    let kinds = shop.kinds(cards[0]).await;
    let failed = |kinds: &[EventKind]| {
        let failed = kinds.iter().filter(|kind| **kind == EventKind::ConversionFailed);
        failed.count()
    };
    assert_eq!(failed(&kinds), 1, "the same reason is told once: {kinds:?}");
    shop.archive(linked, None).await;
    assert_eq!(
        shop.ops
            .do_chores_named(&["convert_coupons"])
            .await
            .expect("chores"),
        0,
        "it waits longer now"
    );
    shop.wait(3600);
    let turns: Vec<_> = nodes
        .iter()
        .chain(nodes)
        .map(|node| {
            let ops = node.ops.clone();
            tokio::spawn(async move { ops.do_chores_named(&["convert_coupons"]).await })
        })
        .collect();
    for turn in turns {
        turn.await.expect("no panic").expect("chores");
    }
    for card in cards {
        let now = shop.card(card).await.card;
        assert_eq!((now.program, now.punches), (linked, 1));
        let kinds = shop.kinds(card).await;
        let converted = kinds.iter().filter(|kind| **kind == EventKind::CardConverted);
        assert_eq!(converted.count(), 1);
        shop.check(card).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_try_again_relink_or_give_up() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let gone = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((gone, false)))).await;
        let sql = "delete from programs where merchant_id = $1 and program_id = $2";
        shop.change(sql, values![shop.merchant, gone].to_vec()).await;
        let (one, other) = (shop.issue(program).await.id, shop.issue(program).await.id);
        for card in [one, other] {
            shop.ops
                .redeem_coupon(shop.merchant, card, shop.wish(None))
                .await
                .expect("stands");
        }
        let gave_up = shop
            .ops
            .give_up_conversion(shop.merchant, other, shop.staff())
            .await;
        assert!(gave_up.expect("given up"));
        let tried = shop
            .ops
            .convert(shop.merchant, other)
            .await
            .expect("nothing to do");
        assert_eq!(tried, None);
        let tried = shop.ops.convert(shop.merchant, one).await.expect("tried");
        assert!(matches!(tried, Some(Follow::Waits(..))));
        let instead = shop.program(punch(7)).await;
        let sql = "update programs set rules = $3 where merchant_id = $1 and program_id = $2";
        let rules = coupon(Some((instead, false))).print();
        shop.change(sql, values![shop.merchant, program, rules].to_vec())
            .await;
        let tried = shop.ops.convert(shop.merchant, one).await.expect("tried");
        assert_eq!(tried, Some(Follow::Converted(instead)));
        assert_eq!(shop.card(other).await.card.program, program);
        for card in [one, other] {
            shop.check(card).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_could_never_work_is_not_made() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let other = shop
            .try_program(punch(5), "pass.example.other")
            .await
            .expect("program");
        let refused = shop
            .try_program(coupon(Some((other, false))), shop::PASS_TYPE)
            .await;
        let words = refused.expect_err("refused").to_string();
        assert!(words.contains("pass.example.other"), "{words}");
        let archived = shop.program(punch(5)).await;
        shop.archive(archived, Some(NOON)).await;
        let refused = shop
            .try_program(coupon(Some((archived, false))), shop::PASS_TYPE)
            .await;
        assert!(refused.expect_err("refused").to_string().contains("archived"));
    })
    .await;
}

/// The row of the redemption.
async fn redemption(shop: &Shop, card: CardId) -> EventId {
    let history = shop.history(card).await;
    let mut rows = history
        .iter()
        .filter(|event| event.event.kind == EventKind::RewardRedeemed);
    rows.next().expect("redeemed").id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_taken_back_converts_back_and_can_be_redeemed_again() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((linked, true)))).await;
        let card = shop.issue(program).await;
        for round in 0..2 {
            shop.wait(1);
            let at = NOON.plus(Duration::from_secs(round));
            let answer = shop
                .record(shop.capture(i64::try_from(round).expect("small"), &card.token, at))
                .await;
            assert!(answer.redeemed, "{answer:?}");
            let row = redemption(&shop, card.id).await;
            let back = shop
                .ops
                .reverse(shop.merchant, card.id, row, shop.staff())
                .await
                .expect("taken back");
            assert_eq!((back.program, back.redeemed_at, back.punches), (program, None, 0));
            let twice = shop.ops.reverse(shop.merchant, card.id, row, shop.staff()).await;
            assert!(matches!(
                twice,
                Err(CardError::Reverse(ReverseRefusal::AlreadyReversed))
            ));
            shop.check(card.id).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_stays_once_the_new_card_has_earned() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((linked, true)))).await;
        let card = shop.issue(program).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        shop.wait(5);
        let punched = shop
            .record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(5))))
            .await;
        assert_eq!(punched.punches, 2);
        let row = redemption(&shop, card.id).await;
        let refused = shop.ops.reverse(shop.merchant, card.id, row, shop.staff()).await;
        assert!(matches!(
            refused,
            Err(CardError::Reverse(ReverseRefusal::ConvertedCardUsed))
        ));
        assert_eq!(shop.card(card.id).await.card.program, linked);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_ends_the_wait_and_the_scan_goes_after_the_redemption() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((linked, false)))).await;
        shop.archive(linked, Some(NOON)).await;
        let card = shop.issue(program).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        let history = shop.history(card.id).await;
        let scan = history
            .iter()
            .find(|event| event.event.kind == EventKind::CustomerScanned)
            .expect("scanned")
            .id;
        let take = async |row| shop.ops.reverse(shop.merchant, card.id, row, shop.staff()).await;
        assert!(matches!(
            take(scan).await,
            Err(CardError::Reverse(ReverseRefusal::CouponRedeemed))
        ));
        take(redemption(&shop, card.id).await).await.expect("taken back");
        let merchant = shop.merchant;
        let waiting: Result<_, passgate::store::Error> = shop
            .ops
            .store
            .read("waiting", move |tx| {
                Box::pin(async move { conversions::of_card(tx, merchant, card.id).await })
            })
            .await;
        assert_eq!(waiting.expect("read"), None);
        let after = take(scan).await.expect("taken back");
        assert_eq!((after.visits, after.unpriced, after.redemptions), (0, 0, 0));
        shop.check(card.id).await;
    })
    .await;
}

/// Rules with a ladder by spend that begins anew each New Year.
fn on_a_ladder(mut rules: Rules, welcome: i64) -> Rules {
    let tier = |name: &str, threshold| Tier {
        name: name.into(),
        threshold,
    };
    rules.ladder = Some(Ladder {
        measure: Measure::Spend,
        cycle: Cycle::Calendar,
        tiers: vec![tier("Basic", 0), tier("Gold", 1000)],
    });
    rules.welcome = welcome;
    rules.checked().expect("rules")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_after_a_cycle_ended_counts_in_the_next_one() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(on_a_ladder(coupon(None), 0)).await;
        let card = shop.issue(program).await;
        // New Year passes, and staff are faster than the chore that ends the cycle.
        shop.wait(120 * 86_400);
        let redeemed = shop
            .ops
            .redeem_coupon(shop.merchant, card.id, shop.wish(Some(1250)))
            .await
            .expect("redeemed");
        assert_eq!((redeemed.card.tier_points, redeemed.card.tier), (1250, Some(1)));
        shop.ops.do_chores().await.expect("chores");
        let later = shop.card(card.id).await.card;
        assert_eq!((later.tier_points, later.tier), (1250, Some(1)));
        assert!(later.cycle_ends_at > Some(shop.ops.clock.now()));
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_card_is_welcomed_earns_and_starts_its_cycle() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(on_a_ladder(punch(3), 2)).await;
        let program = shop.program(coupon(Some((linked, true)))).await;
        for by_hand in [false, true] {
            let card = shop.issue(program).await;
            if by_hand {
                let done = shop
                    .ops
                    .redeem_coupon(shop.merchant, card.id, shop.wish(Some(1250)))
                    .await;
                done.expect("redeemed");
            } else {
                let paid = Capture {
                    amount: Some(Amount::new(1250).expect("an amount")),
                    ..shop.capture(1, &card.token, NOON)
                };
                let answer = shop.record(paid).await;
                assert_eq!((answer.punches, answer.rewards, answer.rewards_earned), (0, 1, 1));
            }
            let now = shop.card(card.id).await.card;
            assert_eq!((now.program, now.punches, now.rewards), (linked, 0, 1));
            assert_eq!((now.tier_points, now.tier), (1250, Some(1)));
            let kinds = shop.kinds(card.id).await;
            let tail = [
                EventKind::CardConverted,
                EventKind::PointsAdded,
                EventKind::PointsAdded,
                EventKind::RewardRedeemable,
                EventKind::TierChanged,
            ];
            assert!(kinds.ends_with(&tail), "{kinds:?}");
            shop.check(card.id).await;
        }
        // The cycle that began with the conversion ends with the year.
        shop.wait(120 * 86_400);
        shop.ops.do_chores().await.expect("chores");
        let cards = "select count(*) from cards where merchant_id = $1 and tier_points = 0 and tier = 0";
        assert_eq!(shop.number(cards).await, 2);
    })
    .await;
}
