//! Balances by hand and rewards for points.

use passgate::domain::adjustment::{AdjustRefusal, Adjustment};
use passgate::domain::detail::Detail;
use passgate::domain::order::OrderReference;
use passgate::ops::balances::AdjustError;

use super::*;
use crate::engines::for_each_engine;

const POINTS: &str = r#"{"scheme": {"kind": "points", "per_visit": 10, "overdraw": 5, "rewards": [
    {"code": "espresso", "name": "An espresso", "points": 50}, {"code": "mug", "name": "A mug", "points": 90}]},
    "ladder": {"measure": "earned", "tiers": [{"name": "Basic", "threshold": 0}, {"name": "Gold", "threshold": 100}]}}"#;
const PUNCH: &str = r#"{"scheme": {"kind": "punch", "goal": 9, "punches_per_visit": 1, "carry_over": true}}"#;

fn add(amount: i64) -> Adjustment {
    Adjustment::Add { amount, paid: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_is_then_done() {
    for_each_engine(async |store| {
        for rules in [POINTS, PUNCH] {
            let shop = Shop::open(store.clone(), rules).await;
            let card = shop.issue().await;
            // Steps that go up and down over every threshold, the same in each run.
            let mut dice = 7_i64;
            for _ in 0..40 {
                dice = (dice * 1_103_515_245 + 12_345) % 2_147_483_648;
                let held = shop.card(card.id).await;
                let adjustment = match dice % 3 {
                    0 if rules == PUNCH => Adjustment::SetPunches {
                        from: held.punches + 9 * held.rewards,
                        to: dice / 7 % 30,
                    },
                    _ => add(dice / 5 % 70 - 30),
                };
                let (merchant, ops) = (shop.merchant, &shop.ops);
                let preview = ops
                    .preview_adjustment(merchant, card.id, adjustment, staff())
                    .await;
                let untouched = shop.card(card.id).await;
                assert_eq!(untouched, held, "looking changes nothing");
                let done = ops
                    .adjust(merchant, card.id, None, adjustment, None, staff())
                    .await;
                match (preview, done) {
                    (Ok(preview), Ok(done)) => {
                        assert_eq!(Some(&preview), done.effect.as_ref());
                        let now = shop.card(card.id).await;
                        assert_eq!(
                            (preview.after.points, preview.after.punches),
                            (now.points, now.punches)
                        );
                        assert_eq!(
                            (preview.after.rewards, preview.after.tier),
                            (now.rewards, now.tier)
                        );
                        assert!(now.version > held.version, "the pass is drawn anew");
                    }
                    (Err(AdjustError::Refused(shown)), Err(AdjustError::Refused(refused))) => {
                        assert_eq!(shown, refused);
                        assert_eq!(shop.card(card.id).await, held);
                    }
                    (preview, done) => panic!("{preview:?} is not {done:?}"),
                }
            }
            shop.history(card.id).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_is_changed_for_a_reason_by_who_saw_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, POINTS).await;
        let card = shop.issue().await;
        let adjust = async |seen, amount, cause| {
            shop.ops
                .adjust(shop.merchant, card.id, seen, add(amount), None, cause)
                .await
        };
        let silent = adjust(None, 5, Cause::of(Actor::Member(MemberId(1)))).await;
        assert!(matches!(silent, Err(AdjustError::NoReason)));
        let first = adjust(Some(card.version), 5, staff()).await.expect("adjusted");
        let again = adjust(Some(card.version), 5, staff()).await;
        assert!(
            matches!(again, Err(AdjustError::Stale)),
            "a second click does nothing"
        );
        let refused = adjust(Some(first.card.version), -11, staff()).await;
        let least = -5;
        let overdrawn = AdjustRefusal::Overdrawn {
            balance: 5,
            wanted: 11,
            least,
        };
        assert!(matches!(refused, Err(AdjustError::Refused(refusal)) if refusal == overdrawn));
        adjust(None, -10, staff())
            .await
            .expect("as far as the program allows");
        assert_eq!(shop.card(card.id).await.points, -5);
        let rows = shop.history(card.id).await;
        let removed = rows.last().expect("a row");
        assert_eq!(removed.event.kind, EventKind::PointsRemoved);
        assert_eq!(removed.event.reason.as_deref(), Some("the till was down"));
        assert_eq!(removed.event.actor, Actor::Member(MemberId(1)));
        assert!(
            shop.ops
                .adjust(shop.merchant, CardId(5), None, add(1), None, staff())
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_credited_once_however_often_it_is_sent() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, POINTS).await;
        let card = shop.issue().await;
        let other = shop.issue().await;
        let order = OrderReference::parse("2026-1234").expect("a reference");
        let sends: Vec<_> = (0..20)
            .map(|_| {
                let (ops, merchant, order) = (shop.ops.clone(), shop.merchant, order.clone());
                let seen = Some(card.version);
                tokio::spawn(async move {
                    ops.adjust(merchant, card.id, seen, add(30), Some(order), staff())
                        .await
                })
            })
            .collect();
        let mut credits = 0;
        for send in sends {
            let adjusted = send.await.expect("no panic").expect("heard");
            assert_eq!(adjusted.card.points, 30);
            credits += usize::from(adjusted.effect.is_some());
        }
        assert_eq!(credits, 1);
        let elsewhere = shop.ops.adjust(
            shop.merchant,
            other.id,
            None,
            add(30),
            Some(order.clone()),
            staff(),
        );
        assert!(matches!(elsewhere.await, Err(AdjustError::OtherCard)));
        // A credit that is refused leaves the order free.
        let free = OrderReference::parse("2026-1235").expect("a reference");
        let adjust = async |card: CardId, amount| {
            let order = Some(free.clone());
            shop.ops
                .adjust(shop.merchant, card, None, add(amount), order, staff())
                .await
        };
        assert!(adjust(card.id, -1000).await.is_err());
        assert!(adjust(other.id, 7).await.expect("credited").effect.is_some());
        assert_eq!(shop.count(card.id, EventKind::PointsAdded).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_exchanged_once_by_fifty_hands() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, POINTS).await;
        let card = shop.issue().await;
        for hour in 0..9_u64 {
            let at = NOW.plus(Duration::from_secs(hour * 3600));
            shop.ops.clock.advance(Duration::from_secs(3600));
            let answer = shop.present(&card, at, None).await;
            assert_eq!(
                (answer.earned, answer.rewards_earned),
                (10, i64::from(hour == 4 || hour == 8))
            );
        }
        let seen = shop.card(card.id).await;
        assert_eq!((seen.points, seen.rewards, seen.visits), (90, 2, 9));
        let tries: Vec<_> = (0..50)
            .map(|_| {
                let (ops, merchant) = (shop.ops.clone(), shop.merchant);
                let (card, version) = (seen.id, seen.version);
                tokio::spawn(async move {
                    ops.redeem_reward(merchant, card, "espresso".into(), version, None, staff())
                        .await
                })
            })
            .collect();
        let mut redeemed = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(_) => redeemed += 1,
                Err(CardError::Stale) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(redeemed, 1);
        let now = shop.card(card.id).await;
        assert_eq!((now.points, now.rewards, now.redemptions), (40, 0, 1));
        let history = shop.history(card.id).await;
        let row = history
            .iter()
            .find(|event| event.event.kind == EventKind::RewardRedeemed)
            .expect("a redemption");
        let (code, points) = ("espresso".to_owned(), 50);
        assert_eq!(row.event.detail, Some(Detail::Reward { code, points }));
        let refused = async |code: &str| {
            let version = shop.card(card.id).await.version;
            let (merchant, card) = (shop.merchant, card.id);
            let tried = shop
                .ops
                .redeem_reward(merchant, card, code.into(), version, None, staff());
            tried.await.expect_err("refused").to_string()
        };
        assert_eq!(refused("mug").await, "A mug costs 90 points; the balance is 40.");
        assert!(refused("cake").await.contains("no reward \"cake\""));
        let without = shop
            .ops
            .redeem(shop.merchant, card.id, now.version, staff().actor)
            .await;
        assert!(
            without
                .expect_err("refused")
                .to_string()
                .contains("say which one")
        );
        // Taken back within the window, the points are there again.
        shop.ops
            .reverse(shop.merchant, card.id, row.id, staff().actor)
            .await
            .expect("reversed");
        let now = shop.card(card.id).await;
        assert_eq!((now.points, now.rewards, now.redemptions), (90, 2, 0));
        shop.history(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_was_taken_back_does_not_hide_the_next_one() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, POINTS).await;
        let card = shop.issue().await;
        shop.present(&card, NOW, None).await;
        let wrong = shop.history(card.id).await.last().expect("a row").id;
        shop.ops
            .reverse(shop.merchant, card.id, wrong, staff().actor)
            .await
            .expect("reversed");
        shop.ops.clock.advance(Duration::from_secs(60));
        let answer = shop.present(&card, shop.ops.clock.now(), None).await;
        assert_eq!((answer.earned, shop.card(card.id).await.visits), (10, 1));
    })
    .await;
}
