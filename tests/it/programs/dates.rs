//! What time alone does to cards: they expire, and cycles of the ladder end.

use passgate::domain::issue::IssueRefusal;
use passgate::domain::presentation::Refusal;

use super::*;
use crate::engines::for_each_engine;

const PUNCH: &str = r#"{"kind": "punch", "goal": 9, "punches_per_visit": 1, "carry_over": true}"#;

fn ending(validity: &str) -> String {
    format!(r#"{{"scheme": {PUNCH}, "validity": {validity}}}"#)
}

fn cycling(cycle: &str) -> String {
    format!(
        r#"{{"scheme": {PUNCH}, "ladder": {{"measure": "earned", "cycle": "{cycle}", "tiers": [
        {{"name": "Basic", "threshold": 0}}, {{"name": "Gold", "threshold": 3}}]}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_expires_once_whoever_looks() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &ending(r#"{"ends": "after_issue", "days": 10}"#)).await;
        let card = shop.issue().await;
        let end = NOW.plus(10 * DAY);
        assert_eq!(card.expires_at, Some(end));
        assert_eq!(shop.do_chores().await, 0, "nothing is due");
        shop.ops.clock.advance(10 * DAY);
        // The clock decides, not the chore.
        let refused = shop.present(&card, end, None).await.refusal;
        assert_eq!(refused, Some(Refusal::CardExpired { at: end }));
        assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 0);
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let ops = shop.ops.clone();
                tokio::spawn(async move { ops.do_chores_named(&DATES).await.expect("chores") })
            })
            .collect();
        for node in nodes {
            node.await.expect("no panic");
        }
        let ended = shop.card(card.id).await;
        assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 1);
        assert!(ended.version > card.version, "the pass is drawn anew");
        assert_eq!(ended.expired_at, Some(end));
        // What was presented before the end and arrives late is still good.
        let late = shop.present(&card, end.minus(DAY), None).await;
        assert_eq!((late.refusal, late.punches), (None, 1));
        shop.ops.clock.advance(DAY);
        shop.do_chores().await;
        assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cards_expire_in_several_turns_and_void_ones_silently() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &ending(r#"{"ends": "fixed", "day": "2026-09-30"}"#)).await;
        let mut cards = Vec::new();
        for _ in 0..205 {
            cards.push(shop.issue().await);
        }
        let void = cards.pop().expect("a card");
        shop.ops
            .void(shop.merchant, void.id, staff().actor)
            .await
            .expect("ended");
        shop.ops.clock.advance(30 * DAY);
        assert_eq!(shop.do_chores().await, 205);
        assert_eq!(shop.do_chores().await, 0);
        for card in cards {
            assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 1);
        }
        assert_eq!(shop.count(void.id, EventKind::CardExpired).await, 0);
        shop.ops
            .restore(shop.merchant, void.id, staff().actor)
            .await
            .expect("restored");
        shop.do_chores().await;
        assert_eq!(
            shop.count(void.id, EventKind::CardExpired).await,
            1,
            "now it is told"
        );
        let new = shop.try_issue().await;
        assert!(matches!(new, Err(CardError::Issue(IssueRefusal::Ended { .. }))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visits_keep_a_rolling_card_alive() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, &ending(r#"{"ends": "rolling", "days": 10}"#)).await;
        let card = shop.issue().await;
        shop.ops.clock.advance(6 * DAY);
        let visit = shop.ops.clock.now();
        shop.present(&card, visit, None).await;
        assert_eq!(shop.card(card.id).await.expires_at, Some(visit.plus(10 * DAY)));
        // The first end passes: the chore looks, finds a later one, and looks again then.
        shop.ops.clock.advance(5 * DAY);
        assert_eq!(shop.do_chores().await, 1);
        assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 0);
        assert_eq!(shop.do_chores().await, 0);
        shop.ops.clock.advance(5 * DAY);
        assert_eq!(shop.do_chores().await, 1);
        assert_eq!(shop.count(card.id, EventKind::CardExpired).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_ends_the_same_whether_a_tap_or_the_chore_comes_first() {
    for_each_engine(async |store| {
        for cycle in ["calendar", "enrolment"] {
            let shop = Shop::open(store.clone(), &cycling(cycle)).await;
            let (by_chore, by_tap) = (shop.issue().await, shop.issue().await);
            for card in [&by_chore, &by_tap] {
                for _ in 0..4 {
                    shop.present(card, NOW, None).await;
                }
                let now = shop.card(card.id).await;
                assert_eq!((now.tier_points, now.tier), (4, Some(1)), "{cycle}");
            }
            let end = shop.card(by_tap.id).await.cycle_ends_at.expect("a cycle");
            let until_end = end.since(shop.ops.clock.now());
            shop.ops.clock.advance(until_end + DAY);
            let after = end.plus(Duration::from_secs(60));
            shop.present(&by_tap, after, None).await;
            shop.do_chores().await;
            shop.present(&by_chore, after, None).await;
            // Both tills were offline on the eve and send now: that counted in the cycle that is over.
            for card in [&by_chore, &by_tap] {
                let eve = shop.present(card, end.minus(Duration::from_secs(60)), None).await;
                assert_eq!(eve.refusal, None);
            }
            let (one, other) = (shop.card(by_chore.id).await, shop.card(by_tap.id).await);
            for card in [&one, &other] {
                assert_eq!((card.tier_points, card.tier), (1, Some(0)), "{cycle}");
                assert_eq!(card.cycle_began_at, Some(end));
                assert_eq!(shop.count(card.id, EventKind::TierCycleEnded).await, 1);
                assert_eq!(
                    shop.count(card.id, EventKind::TierChanged).await,
                    2,
                    "up and down"
                );
            }
            assert_eq!(one.sums().punches, other.sums().punches);
            assert_eq!(shop.do_chores().await, 0, "nothing is left to do");
        }
    })
    .await;
}

/// What is redeemed by hand after the end of a cycle, before any chore has seen it, is of the new cycle: the end stands
/// before it in the ledger, once, and the tier that is told is that of both together.
#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_ends_before_what_is_redeemed_by_hand() {
    use passgate::domain::id::LocationId;
    use passgate::domain::offer::{OfferState, Terms};
    let rules = r#"{"scheme": {"kind": "punch", "goal": 2, "punches_per_visit": 1, "carry_over": true},
        "ladder": {"measure": "spend", "cycle": "calendar", "tiers": [{"name": "Basic", "threshold": 0},
        {"name": "Gold", "threshold": 1000}]}}"#;
    for_each_engine(async |store| {
        let shop = Shop::open(store, rules).await;
        let (merchant, member) = (shop.merchant, Actor::Member(MemberId(1)));
        let (by_reward, by_offer, by_little) = (shop.issue().await, shop.issue().await, shop.issue().await);
        for card in [&by_reward, &by_offer, &by_little] {
            for _ in 0..2 {
                shop.present(card, NOW, Some(800)).await;
            }
            let now = shop.card(card.id).await;
            assert_eq!((now.tier_points, now.tier, now.rewards), (1600, Some(1), 1));
        }
        let end = shop.card(by_reward.id).await.cycle_ends_at.expect("a cycle");
        shop.ops.clock.advance(end.since(shop.ops.clock.now()) + DAY);
        let kinds = async |card: &Card, from: usize| {
            let history = shop.history(card.id).await;
            let rows = history.iter().skip(from).map(|event| event.event.kind);
            rows.collect::<Vec<_>>()
        };
        let before = shop.history(by_reward.id).await.len();

        let seen = shop.card(by_reward.id).await.version;
        let redeemed = shop.ops.redeem(merchant, by_reward.id, seen, member).await;
        let redeemed = redeemed.expect("redeemed");
        assert_eq!(
            (redeemed.tier_points, redeemed.tier, redeemed.rewards),
            (0, Some(0), 0)
        );
        assert_eq!(redeemed.cycle_began_at, Some(end));
        assert_eq!(
            kinds(&by_reward, before).await,
            [
                EventKind::TierCycleEnded,
                EventKind::RewardRedeemed,
                EventKind::TierChanged
            ]
        );

        let terms = Terms {
            title: "Two for one".into(),
            text: String::new(),
            program: None,
            from: None,
            until: None,
            claims: None,
            times: 1,
            personal: false,
        };
        let draft = shop
            .ops
            .create_offer(merchant, terms, member)
            .await
            .expect("a draft");
        let offer = shop
            .ops
            .set_offer_state(merchant, draft.id, OfferState::Published, member);
        let offer = offer.await.expect("published").id;
        let place = LocationId(7);
        for (card, paid) in [(&by_offer, 1200), (&by_little, 10)] {
            let seen = shop.card(card.id).await.version;
            let amount = Amount::new(paid).expect("an amount");
            let of = (Some(amount), Some(place));
            let redeemed = shop
                .ops
                .redeem_offer(merchant, offer, (card.id, seen), of, member)
                .await;
            assert_eq!(redeemed.expect("redeemed").redemptions, 1);
            let now = shop.card(card.id).await;
            let is_gold = paid >= 1000;
            assert_eq!(
                (now.tier_points, now.tier),
                (paid, Some(is_gold.into())),
                "of the new cycle"
            );
            let mut expected = vec![
                EventKind::TierCycleEnded,
                EventKind::OfferClaimed,
                EventKind::OfferRedeemed,
            ];
            // Whoever is of the same tier in the new cycle at once never left it.
            expected.extend((!is_gold).then_some(EventKind::TierChanged));
            assert_eq!(kinds(card, before).await, expected);
            let history = shop.history(card.id).await;
            let (ended, redemption) = (&history[before], &history[before + 2]);
            assert_eq!(
                (ended.event.at, ended.event.location),
                (end, None),
                "it ended by itself"
            );
            assert_eq!(redemption.event.location, Some(place));
            // The redemption that is kept beside the offer is that very row, so that it can be taken back.
            shop.ops
                .reverse(merchant, card.id, redemption.id, member)
                .await
                .expect("taken back");
            assert_eq!(shop.card(card.id).await.tier_points, 0);
            let customer = shop.card(card.id).await.customer;
            let sheet = shop
                .ops
                .offers_of_customer(merchant, customer)
                .await
                .expect("read");
            assert!(sheet[0].2[0].taken_back_at.is_some());
        }
        shop.do_chores().await;
        for card in [&by_reward, &by_offer, &by_little] {
            assert_eq!(shop.count(card.id, EventKind::TierCycleEnded).await, 1);
        }
        assert_eq!(shop.do_chores().await, 0, "nothing is left to do");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_is_no_visit_and_counts() {
    for_each_engine(async |store| {
        let rules = r#"{"scheme": {"kind": "points", "rewards": [{"code": "a", "name": "A", "points": 20}]},
            "welcome": 25, "ladder": {"measure": "earned", "tiers": [{"name": "Basic", "threshold": 0},
            {"name": "Silver", "threshold": 25}]}}"#;
        let shop = Shop::open(store, rules).await;
        let card = shop.issue().await;
        assert_eq!(
            (card.points, card.rewards, card.visits, card.tier),
            (25, 1, 0, Some(1))
        );
        assert_eq!(card.version, 1, "nobody has seen it before");
        let history = shop.history(card.id).await;
        let kinds: Vec<_> = history.iter().map(|event| event.event.kind).collect();
        let expected = [
            EventKind::CardIssued,
            EventKind::PointsAdded,
            EventKind::RewardRedeemable,
            EventKind::TierChanged,
        ];
        assert_eq!(kinds, expected);
    })
    .await;
}
