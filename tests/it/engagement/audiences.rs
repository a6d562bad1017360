//! Segments as those whom a job, an offer or a campaign is for: by rule, by list, by the word of a built-in one.

use std::sync::Arc;
use std::time::Duration;

use passgate::domain::bulk::{Audience, BulkAction};
use passgate::domain::campaign::step::Membership;
use passgate::domain::card::Card;
use passgate::domain::chips::Chip;
use passgate::domain::event::Source;
use passgate::domain::id::CardId;
use passgate::domain::offer::{OfferState, Terms};
use passgate::domain::segment::Rule;
use passgate::domain::segment::saved::{Refusal, Viewer};
use passgate::ops::Ops;
use passgate::ops::jobs::NewJob;
use passgate::ops::segments::{NewContent, NewSegment, SegmentError, Target};

use super::campaigns::{messages, start};
use super::shop::{DAY, STAFF, Shop};
use crate::engines::for_each_engine;

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn whom(shop: &Shop, target: Target) -> Audience {
    let audience = shop.ops.audience(shop.merchant, Viewer::Operator, &target).await;
    audience.expect("found")
}

fn job(audience: Audience) -> NewJob {
    NewJob {
        action: BulkAction::AddPunches { count: 1 },
        audience,
        reason: Some("A present".into()),
        member: None,
        source: Source::Console,
        expected: None,
    }
}

/// Visits on the next day.
async fn later(shop: &Shop, card: &Card) {
    shop.ops.clock.advance(DAY);
    shop.visit(card).await;
}

async fn punches(shop: &Shop, cards: &[Card]) -> Vec<i64> {
    let mut all = Vec::new();
    for card in cards {
        all.push(shop.card(card.id).await.punches);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_for_whom_a_segment_names_when_it_starts() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant): (&Ops, _) = (&shop.ops, shop.merchant);
        let mut cards = Vec::new();
        for number in 0..5 {
            cards.push(shop.issue(&format!("Holder {number}")).await);
        }
        for card in &cards[..2] {
            shop.visit(card).await;
        }
        ops.clock.advance(DAY * 7);

        // By a rule over time: what it says is said of the start, however late the job is worked off.
        let quiet = whom(&shop, Target::BuiltIn(Chip::Inactive7)).await;
        let preview = ops
            .preview_job(merchant, BulkAction::AddPunches { count: 1 }, &quiet, Some("A present"))
            .await
            .expect("previewed");
        assert_eq!((preview.seen.cards, preview.seen.able), (5, 5));
        let batch = ops.start_job(merchant, job(quiet)).await.expect("started");
        ops.clock.advance(Duration::from_secs(3600));
        let late = shop.issue("Late").await;
        ops.do_chores_named(&["work_jobs"]).await.expect("done");
        assert_eq!(punches(&shop, &cards).await, [2, 2, 1, 1, 1]);
        assert_eq!(shop.card(late.id).await.punches, 0);
        assert_eq!(ops.job(merchant, batch).await.expect("there").done, 5);

        // By a saved rule, which the job keeps as it is now, and by a saved list.
        let save = async |name: &str, content| {
            let new = NewSegment {
                name: name.into(),
                content,
                owner: None,
                shared: true,
            };
            ops.add_segment(merchant, new).await.expect("saved")
        };
        let regulars = save("Regulars", NewContent::Rule(rule("visits.over.0"))).await;
        let by_rule = whom(&shop, Target::Saved(regulars.id)).await;
        ops.start_job(merchant, job(by_rule)).await.expect("started");
        ops.delete_segment(merchant, Viewer::Operator, regulars.id, 1)
            .await
            .expect("the job has its own copy");
        let chosen = vec![cards[4].id, late.id, CardId(99)];
        let list = save("Chosen", NewContent::List(chosen)).await;
        let by_list = whom(&shop, Target::Saved(list.id)).await;
        assert_eq!(by_list, Audience::Listed(list.id));
        ops.start_job(merchant, job(by_list)).await.expect("started");
        let deleted = ops.delete_segment(merchant, Viewer::Operator, list.id, 1).await;
        assert!(
            matches!(&deleted, Err(SegmentError::Refused(Refusal::InUse { what })) if what.starts_with("the job")),
            "{deleted:?}"
        );
        ops.do_chores_named(&["work_jobs"]).await.expect("done");
        assert_eq!(punches(&shop, &cards).await, [3, 3, 1, 1, 2]);
        assert_eq!(shop.card(late.id).await.punches, 1);
        ops.delete_segment(merchant, Viewer::Operator, list.id, 1)
            .await
            .expect("nothing needs it any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_given_to_a_segment() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let mut cards = Vec::new();
        // More than one page of those who are meant.
        for number in 0..230 {
            cards.push(shop.issue(&format!("Holder {number}")).await);
        }
        let terms = Terms {
            title: "Croissant".into(),
            text: String::new(),
            program: None,
            from: None,
            until: None,
            claims: None,
            times: 1,
            personal: true,
        };
        let offer = ops.create_offer(merchant, terms, STAFF).await.expect("made").id;
        ops.set_offer_state(merchant, offer, OfferState::Published, STAFF)
            .await
            .expect("published");
        shop.visit(&cards[3]).await;
        let new = whom(&shop, Target::Rule(rule("all(joined.within.7d,visits.is.0)"))).await;
        let given = ops
            .assign_offer(merchant, offer, Arc::new(new.clone()), STAFF)
            .await;
        assert_eq!(given.expect("given").assigned, 229);
        let again = ops
            .assign_offer(merchant, offer, Arc::new(new), STAFF)
            .await
            .expect("given");
        assert_eq!((again.assigned, again.passed_over), (0, 229));
        let of = ops
            .offers_of_customer(merchant, cards[3].customer)
            .await
            .expect("read");
        assert!(
            of.iter().all(|(_, holding, _)| holding.assigned_at.is_none()),
            "{of:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_follows_a_segment_and_asks_it_again_when_it_acts() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (ops, merchant) = (&shop.ops, shop.merchant);
        let (zoe, max) = (shop.issue("Zoë").await, shop.issue("Max").await);
        let by_hand = start(
            &shop,
            r#"{"trigger": {"on": "joined"}, "audience": "members",
                "action": {"do": "message", "class": "marketing", "text": "Hello"}}"#,
        )
        .await;
        shop.visit(&zoe).await;
        let sync = async |text: &str| {
            let whom = whom(&shop, Target::Rule(rule(text))).await;
            ops.sync_campaign(merchant, by_hand.id, Arc::new(whom), STAFF).await
        };
        assert_eq!(sync("visits.over.0").await.expect("moved"), (1, 0));
        later(&shop, &max).await;
        assert_eq!(sync("all(visits.over.0,name.has.max)").await.expect("moved"), (1, 1));
        let in_it = ops.campaigns_of_card(merchant, zoe.id).await.expect("read");
        assert_eq!(in_it[0].1.membership, Membership::Left);

        // Only those in the segment; and not who has left it before the action is due.
        let rules = r#"{"trigger": {"on": "visit"}, "eligible": "all(visits.over.1,visits.under.4)", "delay_minutes": 4320,
            "action": {"do": "message", "class": "marketing", "text": "Welcome back"}}"#;
        let campaign = start(&shop, rules).await;
        let act = async || ops.do_chores_named(&["act_for_campaigns"]).await.expect("done");
        act().await;
        let before = (messages(&shop, &zoe).await, messages(&shop, &max).await);
        later(&shop, &max).await;
        act().await;
        for _ in 0..3 {
            later(&shop, &zoe).await;
            act().await;
        }
        assert_eq!(messages(&shop, &zoe).await, before.0, "it is not time yet");
        ops.clock.advance(DAY * 4);
        act().await;
        let report = ops.campaign_report(merchant, campaign.id).await.expect("read");
        let skipped = report.counts.iter().find(|(state, _)| state == "skipped");
        assert_eq!(skipped.map(|(_, count)| *count), Some(3), "{:?}", report.counts);
        assert_eq!(messages(&shop, &max).await, before.1 + 1, "{:?}", report.counts);
        assert_eq!(messages(&shop, &zoe).await, before.0, "{:?}", report.counts);
    })
    .await;
}
