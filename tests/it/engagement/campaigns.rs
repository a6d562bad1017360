//! Campaigns: each trigger, each action, exactly once on two nodes and over a restart, and nothing for merchants that
//! have none.

use std::sync::Arc;
use std::time::Duration;

use passgate::clock::Ids;
use passgate::domain::bulk::Audience;
use passgate::domain::campaign::step::Membership;
use passgate::domain::campaign::{Campaign, CampaignRules, CampaignState, Cause};
use passgate::domain::card::Card;
use passgate::domain::coupon::Redeem;
use passgate::domain::event::{Actor, EventKind, Source};
use passgate::domain::feedback::Feedback;
use passgate::domain::offer::Terms;
use passgate::domain::preference::Class;
use passgate::domain::program::{CouponRules, Rules, Scheme};
use passgate::ops::Ops;
use passgate::ops::campaigns::CampaignError;
use passgate::store::Error;

use super::offers::{published, terms};
use super::shop::{DAY, NOON, STAFF, Shop, exec};
use crate::engines::{for_each_engine, values};

const HOUR: Duration = Duration::from_secs(3600);

pub(super) async fn start(shop: &Shop, rules: &str) -> Campaign {
    let rules = CampaignRules::parse(rules).expect("valid");
    let draft = shop
        .ops
        .create_campaign(shop.merchant, "Welcome", rules, STAFF)
        .await;
    set(shop, &draft.expect("a draft"), CampaignState::Active).await
}

async fn set(shop: &Shop, campaign: &Campaign, to: CampaignState) -> Campaign {
    let set = shop
        .ops
        .set_campaign_state(shop.merchant, campaign.id, to, STAFF)
        .await;
    set.expect("set")
}

/// How many messages are queued for a card.
pub(super) async fn messages(shop: &Shop, card: &Card) -> usize {
    let messages = shop
        .ops
        .campaign_messages(shop.merchant, 1000)
        .await
        .expect("read");
    messages.iter().filter(|message| message.card == card.id).count()
}

fn message(trigger: &str, more: &str) -> String {
    format!(
        r#"{{"trigger": {trigger}, {more} "action": {{"do": "message", "class": "marketing", "text": "Hello"}}}}"#
    )
}

async fn signals(shop: &Shop) -> i64 {
    let merchant = shop.merchant;
    let read: Result<(i64,), Error> = shop
        .ops
        .store
        .read("signals", move |tx| {
            Box::pin(async move {
                tx.one(
                    "select signals from merchants where merchant_id = $1",
                    &values![merchant],
                )
                .await
            })
        })
        .await;
    read.expect("read").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_bonus_is_given_once_by_two_nodes_and_feeds_nothing() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        start(
            &shop,
            r#"{"trigger": {"on": "installed"}, "repeat": {"again": "never"}, "action": {"do": "bonus", "amount": 5}}"#,
        )
        .await;
        // A reward that a campaign gave is not earned once more.
        start(&shop, &message(r#"{"on": "reward_earned"}"#, "")).await;
        let mut cards = Vec::new();
        for index in 0..30 {
            let card = shop.issue(&format!("Holder {index}")).await;
            shop.install(card.id).await;
            cards.push(card);
        }
        let node = Ops { ids: Ids::random(), ..shop.ops.clone() };
        let (one, other, third) = tokio::join!(shop.ops.do_chores(), node.do_chores(), node.do_chores());
        one.and(other).and(third).expect("done");
        shop.chores().await;
        for card in &cards {
            assert_eq!(shop.card(card.id).await.rewards, 1);
            assert_eq!(shop.count(card.id, EventKind::PointsAdded).await, 1);
            assert_eq!(shop.count(card.id, EventKind::CampaignJoined).await, 1);
            assert_eq!(messages(&shop, card).await, 0);
        }
        let joined = shop.ledger(cards[0].id).await;
        let row = joined.iter().find(|event| event.event.kind == EventKind::CampaignJoined).expect("a row");
        let detail = row.event.detail.as_ref().expect("says why").print();
        assert!(detail.contains(r#""name":"Welcome","cause":"trigger""#), "{detail}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_waited_for_and_leaving_cancels() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let campaign = start(&shop, &message(r#"{"on": "visit"}"#, r#""delay_minutes": 60,"#)).await;
        let (ada, bob) = (shop.issue("Ada").await, shop.issue("Bob").await);
        shop.visit(&ada).await;
        shop.visit(&bob).await;
        shop.chores().await;
        assert_eq!(
            shop.count(ada.id, EventKind::CampaignJoined).await,
            1,
            "a member at once"
        );
        let out = Arc::new(Audience::Cards(vec![bob.id]));
        let left = shop
            .ops
            .leave_campaign(shop.merchant, campaign.id, out, Cause::Hand, STAFF)
            .await;
        assert_eq!(left.expect("left"), 1);
        shop.pass(HOUR - Duration::from_secs(1)).await;
        assert_eq!(messages(&shop, &ada).await, 0);
        shop.pass(Duration::from_secs(1)).await;
        assert_eq!((messages(&shop, &ada).await, messages(&shop, &bob).await), (1, 0));
        shop.visit(&bob).await;
        shop.pass(DAY).await;
        assert_eq!(
            messages(&shop, &bob).await,
            0,
            "who was taken out by hand stays out"
        );
        assert_eq!(shop.count(bob.id, EventKind::CampaignDisjoined).await, 1);
        let of_card = shop
            .ops
            .campaigns_of_card(shop.merchant, bob.id)
            .await
            .expect("read");
        assert_eq!(
            (of_card[0].1.membership, of_card[0].1.cause),
            (Membership::LeftByHand, Cause::Hand)
        );
        let back = Arc::new(Audience::Cards(vec![ada.id]));
        shop.ops
            .leave_campaign(shop.merchant, campaign.id, back, Cause::Hand, STAFF)
            .await
            .expect("left");
        assert_eq!(
            messages(&shop, &ada).await,
            0,
            "what was queued and not sent goes too"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_before_it_is_done_is_not_done() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        start(
            &shop,
            &message(r#"{"on": "punches", "count": 2}"#, r#""delay_minutes": 10,"#),
        )
        .await;
        let card = shop.issue("Ada").await;
        shop.visit(&card).await;
        shop.ops.clock.advance(HOUR);
        shop.visit(&card).await;
        shop.chores().await;
        let last = shop.ledger(card.id).await;
        let punch = last
            .iter()
            .rfind(|event| event.event.delta.punches > 0)
            .expect("a punch")
            .id;
        shop.ops
            .reverse(shop.merchant, card.id, punch, STAFF)
            .await
            .expect("taken back");
        shop.pass(HOUR).await;
        assert_eq!(messages(&shop, &card).await, 0);
        shop.visit(&card).await;
        shop.pass(HOUR).await;
        assert_eq!(messages(&shop, &card).await, 1, "reached again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_that_has_a_trigger_pulls_it() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ladder = r#"{"scheme": {"kind": "punch", "goal": 2, "punches_per_visit": 2, "carry_over": true},
            "ladder": {"measure": "earned", "tiers": [{"name": "Basic", "threshold": 0}, {"name": "Gold", "threshold": 2}]}}"#;
        let program = shop.add_program(Rules::parse(ladder).expect("valid")).await;
        let shop = Shop { program, ..shop };
        let triggers = ["installed", "visit", "reward_earned", "coupon_used", "tier_changed", "feedback_given"];
        let mut campaigns = Vec::new();
        for trigger in triggers {
            campaigns.push(start(&shop, &message(&format!(r#"{{"on": "{trigger}"}}"#), "")).await);
        }
        let other = format!(r#""program": "{}","#, passgate::domain::id::ProgramId(1));
        let elsewhere = start(&shop, &message(r#"{"on": "visit"}"#, &other)).await;
        let card = shop.issue("Ada").await;
        shop.install(card.id).await;
        shop.visit(&card).await;
        let seen = shop.card(card.id).await.version;
        shop.ops.redeem(shop.merchant, card.id, seen, STAFF).await.expect("redeemed");
        let feedback = Feedback::new(5, "").expect("valid");
        shop.ops
            .give_feedback(shop.merchant, card.id, feedback, Actor::Device)
            .await
            .expect("given");
        shop.chores().await;
        for (campaign, trigger) in campaigns.iter().zip(triggers) {
            let report = shop.ops.campaign_report(shop.merchant, campaign.id).await.expect("read");
            assert_eq!(report.counts, [("done".to_owned(), 1)], "{trigger}");
        }
        let report = shop.ops.campaign_report(shop.merchant, elsewhere.id).await.expect("read");
        assert_eq!(report.counts, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_or_an_offer_that_is_used_pulls_the_trigger_as_a_reward_does() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let coupon = Rules::new(Scheme::Coupon(CouponRules {
            redeem_at_till: true,
            linked: None,
        }));
        let coupons = shop.add_program(coupon.expect("valid")).await;
        start(&shop, &message(r#"{"on": "coupon_used"}"#, "")).await;
        let by_hand = shop.issue_of(coupons, "Ada", None).await;
        let at_the_till = shop.issue_of(coupons, "Bob", None).await;
        let (with_offer, with_nothing) = (shop.issue("Eve").await, shop.issue("Dan").await);
        let wish = Redeem {
            amount: None,
            actor: STAFF,
            source: Source::Console,
            location: None,
            batch: None,
        };
        shop.ops
            .redeem_coupon(shop.merchant, by_hand.id, wish)
            .await
            .expect("redeemed");
        shop.visit(&at_the_till).await;
        let offer = published(&shop, terms()).await.id;
        let seen = (with_offer.id, shop.card(with_offer.id).await.version);
        shop.ops
            .redeem_offer(shop.merchant, offer, seen, (None, None), STAFF)
            .await
            .expect("redeemed");
        shop.visit(&with_nothing).await;
        shop.chores().await;
        for (card, expected) in [
            (&by_hand, 1),
            (&at_the_till, 1),
            (&with_offer, 1),
            (&with_nothing, 0),
        ] {
            assert_eq!(messages(&shop, card).await, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reward_that_lies_unused_is_noticed_and_a_used_one_is_not() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        start(&shop, &message(r#"{"on": "reward_unused", "days": 7}"#, "")).await;
        let (ada, bob) = (shop.issue("Ada").await, shop.issue("Bob").await);
        for card in [&ada, &bob] {
            for _ in 0..5 {
                shop.visit(card).await;
            }
        }
        let seen = shop.card(bob.id).await.version;
        shop.ops
            .redeem(shop.merchant, bob.id, seen, STAFF)
            .await
            .expect("redeemed");
        shop.pass(7 * DAY - HOUR).await;
        assert_eq!(messages(&shop, &ada).await, 0);
        shop.pass(HOUR).await;
        assert_eq!((messages(&shop, &ada).await, messages(&shop, &bob).await), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_noticed_once_and_a_visit_ends_the_win_back() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let rules = r#""delay_minutes": 1440, "leave_on": "visit","#;
        start(&shop, &message(r#"{"on": "inactive", "days": 30}"#, rules)).await;
        let (ada, bob) = (shop.issue("Ada").await, shop.issue("Bob").await);
        shop.pass(29 * DAY).await;
        assert_eq!(shop.count(ada.id, EventKind::CampaignJoined).await, 0);
        shop.pass(DAY + HOUR).await;
        shop.pass(HOUR).await;
        assert_eq!(
            shop.count(ada.id, EventKind::CampaignJoined).await,
            1,
            "noticed once by two looks"
        );
        shop.visit(&bob).await;
        shop.pass(DAY).await;
        assert_eq!(shop.count(bob.id, EventKind::CampaignDisjoined).await, 1);
        assert_eq!((messages(&shop, &ada).await, messages(&shop, &bob).await), (1, 0));
        shop.pass(20 * DAY).await;
        assert_eq!(messages(&shop, &ada).await, 1, "once for each silence");
        shop.pass(11 * DAY).await;
        assert_eq!(
            shop.count(bob.id, EventKind::CampaignJoined).await,
            2,
            "Bob is silent once more"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birthday_is_remembered_once_a_year_over_restarts() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        start(
            &shop,
            &message(r#"{"on": "birthday", "offset_days": -1, "hour": 9}"#, ""),
        )
        .await;
        let mut cards = Vec::new();
        for index in 0..3 {
            cards.push(shop.issue(&format!("Holder {index}")).await);
        }
        let born = "update customers set birthday = 924 where merchant_id = $1 and customer_id = $2";
        exec(&store, born, values![shop.merchant, cards[2].customer].to_vec()).await;
        // It is the 21st; the message leaves on the 23rd at 9 o'clock in Berlin, 7 o'clock UTC.
        let nine = Duration::from_millis((1_790_146_800_000_i64 - NOON.0).unsigned_abs());
        shop.pass(nine - Duration::from_secs(1)).await;
        assert_eq!(messages(&shop, &cards[2]).await, 0);
        // Both nodes look at once, and again after a restart.
        shop.ops.clock.advance(Duration::from_secs(1));
        let node = Ops {
            ids: Ids::random(),
            ..shop.ops.clone()
        };
        let (one, other) = tokio::join!(shop.ops.do_chores(), node.do_chores());
        one.and(other).expect("done");
        shop.pass(HOUR).await;
        assert_eq!(
            (messages(&shop, &cards[2]).await, messages(&shop, &cards[1]).await),
            (1, 0)
        );
        shop.pass(375 * DAY).await;
        assert_eq!(
            messages(&shop, &cards[2]).await,
            1,
            "after ten days it is too late"
        );
        shop.pass(353 * DAY).await;
        shop.pass(5 * DAY).await;
        assert_eq!(
            messages(&shop, &cards[2]).await,
            2,
            "after two days it is made up for"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_comes_near_is_announced_once_for_each_end() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        start(&shop, &message(r#"{"on": "expiry_near", "days": 3}"#, "")).await;
        let card = shop.issue("Ada").await;
        let ends = "update cards set expires_at = $3 where merchant_id = $1 and card_id = $2";
        let end = |days: u32| values![shop.merchant, card.id, NOON.plus(days * DAY)].to_vec();
        exec(&store, ends, end(10)).await;
        shop.pass(7 * DAY - HOUR - HOUR).await;
        assert_eq!(messages(&shop, &card).await, 0);
        shop.pass(3 * HOUR).await;
        shop.pass(HOUR).await;
        assert_eq!(messages(&shop, &card).await, 1);
        exec(&store, ends, end(20)).await;
        shop.pass(10 * DAY).await;
        assert_eq!(
            messages(&shop, &card).await,
            2,
            "it was moved and comes near again"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_assigned_and_a_cap_holds() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let cookie = Terms {
            title: "A cookie".into(),
            personal: true,
            ..terms()
        };
        let offer = published(&shop, cookie).await;
        let rules = format!(
            r#"{{"trigger": {{"on": "visit"}}, "action": {{"do": "offer", "offer": "{}"}}}}"#,
            offer.id
        );
        start(&shop, &rules).await;
        let capped = start(
            &shop,
            &message(r#"{"on": "visit"}"#, r#""cap": {"times": 2, "days": 7},"#),
        )
        .await;
        let card = shop.issue("Ada").await;
        for _ in 0..5 {
            shop.visit(&card).await;
            shop.pass(2 * HOUR).await;
        }
        assert_eq!(shop.count(card.id, EventKind::CouponAssigned).await, 1);
        assert_eq!(messages(&shop, &card).await, 2);
        let report = shop
            .ops
            .campaign_report(shop.merchant, capped.id)
            .await
            .expect("read");
        assert_eq!(report.counts, [("done".to_owned(), 2), ("skipped".to_owned(), 3)]);
        shop.pass(7 * DAY).await;
        shop.visit(&card).await;
        shop.chores().await;
        assert_eq!(messages(&shop, &card).await, 3);
        let queued = shop.ops.campaign_messages(shop.merchant, 1).await.expect("read");
        assert_eq!(
            (queued[0].class, queued[0].text.as_str()),
            (Class::Marketing, "Hello")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_puts_cards_in_and_takes_them_out() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let campaign = start(&shop, &message(r#"{"on": "joined"}"#, "")).await;
        let mut cards = Vec::new();
        for index in 0..4 {
            cards.push(shop.issue(&format!("Holder {index}")).await);
        }
        let segment = |named: &[usize]| {
            Arc::new(Audience::Cards(
                named.iter().map(|index| cards[*index].id).collect(),
            ))
        };
        let sync = async |named: &[usize]| {
            let synced = shop
                .ops
                .sync_campaign(shop.merchant, campaign.id, segment(named), STAFF)
                .await;
            synced.expect("synced")
        };
        assert_eq!(sync(&[0, 1]).await, (2, 0));
        let hand = shop
            .ops
            .join_campaign(shop.merchant, campaign.id, segment(&[3]), Cause::Hand, STAFF)
            .await;
        assert_eq!(hand.expect("joined"), 1);
        assert_eq!(sync(&[1, 2]).await, (1, 1));
        shop.chores().await;
        let mut queued = Vec::new();
        for card in &cards {
            queued.push(messages(&shop, card).await);
        }
        assert_eq!(
            queued,
            [0, 1, 1, 1],
            "who left before it was done gets nothing; who was put in by hand stays"
        );
        let by_holder = shop
            .ops
            .join_campaign(
                shop.merchant,
                campaign.id,
                segment(&[0]),
                Cause::Hand,
                Actor::Device,
            )
            .await;
        assert!(matches!(by_holder, Err(CampaignError::NotStaff { .. })));
        set(&shop, &campaign, CampaignState::Ended).await;
        let late = shop
            .ops
            .join_campaign(shop.merchant, campaign.id, segment(&[0]), Cause::Hand, STAFF)
            .await;
        assert!(matches!(late, Err(CampaignError::Ended)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_campaign_hears_nothing_and_holds_what_is_due() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        assert_eq!(signals(&shop).await, 0);
        let campaign = start(&shop, &message(r#"{"on": "visit"}"#, r#""delay_minutes": 5,"#)).await;
        assert_ne!(signals(&shop).await, 0);
        let card = shop.issue("Ada").await;
        shop.visit(&card).await;
        shop.chores().await;
        let paused = set(&shop, &campaign, CampaignState::Paused).await;
        assert_eq!(signals(&shop).await, 0, "taps pay nothing for it");
        shop.ops.clock.advance(HOUR);
        shop.visit(&card).await;
        shop.pass(HOUR).await;
        assert_eq!(messages(&shop, &card).await, 0);
        set(&shop, &paused, CampaignState::Active).await;
        shop.chores().await;
        assert_eq!(
            messages(&shop, &card).await,
            1,
            "what waited is done; what passed is not"
        );
        set(&shop, &paused, CampaignState::Ended).await;
        let back = shop
            .ops
            .set_campaign_state(shop.merchant, campaign.id, CampaignState::Active, STAFF)
            .await;
        assert!(matches!(
            back,
            Err(CampaignError::State {
                from: "ended",
                to: "active"
            })
        ));
    })
    .await;
}
