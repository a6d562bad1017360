//! Promotions: used within their limits whoever redeems at the same time, and counted.

use passgate::domain::promotion::{PromotionRefusal, Terms};
use passgate::ops::promotions::PromotionError;

use super::*;
use crate::engines::for_each_engine;

const PUNCH: &str = r#"{"scheme": {"kind": "punch", "goal": 9, "punches_per_visit": 1, "carry_over": true}}"#;

fn terms(most_per_customer: Option<i64>, most: Option<i64>) -> Terms {
    Terms {
        name: "Second shot".into(),
        text: "A second shot for nothing.".into(),
        starts_at: NOW,
        ends_at: NOW.plus(7 * DAY),
        most_per_customer,
        most,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_is_passed_by_many_at_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, PUNCH).await;
        let made = shop
            .ops
            .add_promotion(shop.merchant, shop.program, terms(Some(2), Some(5)))
            .await;
        let promotion = made.expect("made");
        let mut holders = Vec::new();
        for _ in 0..4 {
            holders.push(shop.issue().await);
        }
        let on_card = shop
            .ops
            .promotions_on_card(shop.merchant, holders[0].id)
            .await
            .expect("read");
        assert_eq!(on_card[0].uses_left(), Some(2));
        let tries: Vec<_> = (0..40)
            .map(|at| {
                let (ops, merchant) = (shop.ops.clone(), shop.merchant);
                let (card, promotion) = (holders[at % holders.len()].id, promotion.id);
                tokio::spawn(async move { ops.use_promotion(merchant, card, promotion, None, staff()).await })
            })
            .collect();
        let mut used = 0;
        for attempt in tries {
            match attempt.await.expect("no panic") {
                Ok(_) => used += 1,
                Err(PromotionError::Refused(
                    PromotionRefusal::UsedUp { most: 5 } | PromotionRefusal::CustomerLimit { most: 2 },
                )) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(used, 5);
        let statement = shop
            .ops
            .promotion_uses(shop.merchant, promotion.id, i64::MAX, 100)
            .await
            .expect("read");
        let numbers: Vec<_> = statement.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [5, 4, 3, 2, 1]);
        for holder in &holders {
            let own = statement
                .iter()
                .filter(|row| row.customer == holder.customer)
                .count();
            assert!(own <= 2);
            assert_eq!(shop.count(holder.id, EventKind::PromotionUsed).await, own);
            let card = shop.card(holder.id).await;
            assert_eq!((card.punches, card.visits), (0, 0), "earning is as it was");
        }
        let listed = shop.ops.promotions(shop.merchant).await.expect("read");
        assert_eq!((listed.len(), listed[0].uses), (1, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_belongs_to_its_time_its_program_and_its_version() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, PUNCH).await;
        let made = shop
            .ops
            .add_promotion(shop.merchant, shop.program, terms(None, None))
            .await;
        let promotion = made.expect("made");
        let card = shop.issue().await;
        let try_it = async |card: &Card, seen| {
            let tried = shop
                .ops
                .use_promotion(shop.merchant, card.id, promotion.id, seen, staff());
            tried.await.map_err(|error| error.to_string())
        };
        let after = try_it(&card, Some(card.version)).await.expect("used");
        assert!(
            try_it(&card, Some(card.version))
                .await
                .expect_err("a second click")
                .contains("look again")
        );
        let elsewhere = shop
            .ops
            .create_program(shop.merchant, program(PUNCH))
            .await
            .expect("program");
        let other = Shop {
            program: elsewhere,
            ..shop_of(&shop)
        }
        .issue()
        .await;
        assert!(
            try_it(&other, None)
                .await
                .expect_err("refused")
                .contains("another program")
        );
        let longer = Terms {
            ends_at: NOW.plus(20 * DAY),
            ..terms(None, Some(1))
        };
        let edit = async |seen| {
            let edited = shop
                .ops
                .edit_promotion(shop.merchant, promotion.id, seen, longer.clone());
            edited.await
        };
        assert_eq!(edit(1).await.expect("edited").uses, 1);
        assert!(matches!(edit(1).await, Err(PromotionError::Changed(now)) if now.version == 2));
        assert!(
            try_it(&after, None)
                .await
                .expect_err("refused")
                .contains("used 1 times")
        );
        shop.ops.clock.advance(20 * DAY);
        assert_eq!(
            try_it(&after, None).await.expect_err("refused"),
            "This promotion is over."
        );
        let none = shop
            .ops
            .promotions_on_card(shop.merchant, card.id)
            .await
            .expect("read");
        assert!(none.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_goes_with_the_scan_that_it_came_with_and_counts_no_more() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, PUNCH).await;
        let made = shop
            .ops
            .add_promotion(shop.merchant, shop.program, terms(Some(1), Some(1)))
            .await;
        let promotion = made.expect("made").id;
        let (card, other) = (shop.issue().await, shop.issue().await);
        let use_it = async |card: &Card| {
            let used = shop
                .ops
                .use_promotion(shop.merchant, card.id, promotion, None, staff());
            used.await.map(|_| ()).map_err(|error| error.to_string())
        };
        let row = async |card: &Card, kind| {
            let history = shop.history(card.id).await;
            let newest = history.iter().rev().find(|event| event.event.kind == kind);
            newest.expect("there").id
        };
        let take_back = async |card: &Card, event| {
            let actor = Actor::Member(MemberId(1));
            shop.ops.reverse(shop.merchant, card.id, event, actor).await
        };
        let now = || shop.ops.clock.now();
        assert_eq!(shop.present(&card, now(), None).await.refusal, None);
        use_it(&card).await.expect("used");
        assert!(
            use_it(&other)
                .await
                .expect_err("refused")
                .contains("used 1 times")
        );
        // The scan was a mistake: what was used with it is free again, for whoever comes.
        take_back(&card, row(&card, EventKind::CustomerScanned).await)
            .await
            .expect("taken back");
        assert_eq!(shop.count(card.id, EventKind::PromotionReversed).await, 1);
        let listed = shop.ops.promotions(shop.merchant).await.expect("read");
        assert_eq!((listed[0].uses, listed[0].numbered), (0, 1));
        use_it(&other).await.expect("used");
        let on_card = shop.ops.promotions_on_card(shop.merchant, card.id).await;
        assert_eq!(on_card.expect("read")[0].used, 0);
        let uses = shop
            .ops
            .promotion_uses(shop.merchant, promotion, i64::MAX, 10)
            .await
            .expect("read");
        let told: Vec<_> = uses
            .iter()
            .map(|one| (one.number, one.customer, one.taken_back_at.is_some()))
            .collect();
        assert_eq!(told, [(2, other.customer, false), (1, card.customer, true)]);
        // A use without a scan is taken back by itself: once, and in time.
        let second = row(&other, EventKind::PromotionUsed).await;
        take_back(&other, second).await.expect("taken back");
        let again = take_back(&other, second).await;
        assert!(again.is_err_and(|error| error.to_string().contains("already taken back")));
        use_it(&card).await.expect("used");
        shop.ops.clock.advance(DAY);
        let late = take_back(&card, row(&card, EventKind::PromotionUsed).await).await;
        assert!(late.is_err_and(|error| error.to_string().contains("too late")));
        // A scan of another visit takes nothing with it.
        assert_eq!(shop.present(&card, now(), None).await.refusal, None);
        take_back(&card, row(&card, EventKind::CustomerScanned).await)
            .await
            .expect("taken back");
        assert_eq!(shop.ops.promotions(shop.merchant).await.expect("read")[0].uses, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_is_ended_is_over_and_one_to_come_never_begins() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, PUNCH).await;
        let card = shop.issue().await;
        let later = Terms {
            starts_at: NOW.plus(DAY),
            ..terms(None, None)
        };
        for terms in [terms(None, None), later] {
            let made = shop
                .ops
                .add_promotion(shop.merchant, shop.program, terms)
                .await
                .expect("made");
            shop.ops
                .end_promotion(shop.merchant, made.id)
                .await
                .expect("ended");
            for day in [0, 1, 2] {
                let at = shop.ops.clock.now().plus(day * DAY);
                let listed = shop.ops.promotions(shop.merchant).await.expect("read");
                assert!(!listed[0].is_running(at));
            }
            let used = shop
                .ops
                .use_promotion(shop.merchant, card.id, made.id, None, staff())
                .await;
            assert!(matches!(
                used,
                Err(PromotionError::Refused(PromotionRefusal::Over { .. }))
            ));
        }
        let nobody = shop
            .ops
            .end_promotion(shop.merchant, passgate::domain::id::PromotionId(1))
            .await;
        assert!(matches!(nobody, Err(PromotionError::NotFound)));
    })
    .await;
}

fn shop_of(shop: &Shop) -> Shop {
    Shop {
        ops: shop.ops.clone(),
        recorder: shop.recorder.clone(),
        merchant: shop.merchant,
        program: shop.program,
    }
}
