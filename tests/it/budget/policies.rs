//! Policies: what may be set, what is in force, and what another one would have done.

use passgate::domain::budget::{Level, PolicyError};
use passgate::domain::campaign::CampaignState;
use passgate::domain::delivery::Channel;
use passgate::domain::event::Actor;
use passgate::domain::id::{MemberId, ProgramId};
use passgate::domain::preference::Class;
use passgate::ops::pushes::PolicyRefusal;

use super::shop::{LOOSE, Shop};
use super::{DAY, HOUR, MINUTE};
use crate::engines::for_each_engine;
use crate::push::world::settings;

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_only_lowers_and_holds_from_the_next_decision_on() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let set = async |program, channel, policy| {
            shop.ops
                .set_push_policy(shop.merchant, program, channel, policy)
                .await
        };
        let above = set(
            None,
            Channel::Google,
            Some(r#"{"windows": [{"most": 4, "hours": 24}]}"#),
        )
        .await;
        assert!(
            matches!(
                &above,
                Err(PolicyRefusal::Policy(PolicyError::AboveCap { cap: 3, .. }))
            ),
            "{above:?}"
        );
        let unknown = set(Some(ProgramId(5)), Channel::Apple, Some("{}")).await;
        assert!(matches!(unknown, Err(PolicyRefusal::NoProgram)), "{unknown:?}");

        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        shop.tap(card, 1).await;
        shop.settle().await;
        assert_eq!(shop.alerts().await.len(), 1);
        // The program's own policy comes on top of the merchant's.
        let strict = r#"{"windows": [{"most": 1, "hours": 168}]}"#;
        set(Some(shop.program), Channel::Apple, Some(strict))
            .await
            .expect("set");
        shop.pass(2 * DAY).await;
        shop.tap(card, 2).await;
        shop.settle().await;
        assert_eq!(shop.alerts().await.len(), 1, "one a week now");
        let policies = shop.ops.push_policies(shop.merchant).await.expect("read");
        let of_apple = policies.in_force.iter().find(|of| of.channel == Channel::Apple);
        let levels: Vec<_> = of_apple
            .expect("in force")
            .limits
            .windows
            .iter()
            .map(|of| of.level)
            .collect();
        assert_eq!(
            levels,
            [Level::Platform, Level::Platform, Level::Merchant, Level::Program]
        );
        // Without it the next decision lets the alert through.
        set(Some(shop.program), Channel::Apple, None)
            .await
            .expect("taken away");
        shop.pass(2 * HOUR).await;
        shop.tap(card, 3).await;
        shop.settle().await;
        assert_eq!(shop.alerts().await.len(), 2);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_would_have_changed_and_changes_nothing() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let cards = [shop.issue(1).await, shop.issue(2).await];
        let node = shop.world.dispatch(settings());
        // Each card rings for four messages, one a day.
        for number in 1..=4 {
            shop.message(number, &format!("Offer {number}"), Class::Marketing, &cards)
                .await;
            shop.settle().await;
            shop.pass(DAY).await;
        }
        assert_eq!(shop.alerts().await.len(), 8);
        let preview = async |policy| {
            let preview = shop
                .ops
                .preview_push_policy(shop.merchant, None, Channel::Apple, policy);
            preview.await.expect("replayed")
        };
        let same = preview(Some(LOOSE)).await;
        assert_eq!((same.cards, same.wanted, same.rang), (2, 8, 8));
        assert_eq!(same.before, same.after);
        assert_eq!(same.before.sent(), 8);
        let strict = preview(Some(
            r#"{"windows": [{"most": 1, "hours": 72}], "gap_minutes": 1, "quiet": null, "repeat_hours": 0}"#,
        ))
        .await;
        // Of four in four days, one is sent at once and another three days later.
        assert_eq!(
            (strict.after.at_once, strict.after.later, strict.after.waiting),
            (2, 2, 4)
        );
        assert_eq!((strict.fewer, strict.later, strict.more), (4, 2, 0));
        // Nothing is in force by being looked at.
        let quiet = preview(Some(
            r#"{"quiet": {"from": "00:00", "to": "23:59"}, "gap_minutes": 1}"#,
        ))
        .await;
        assert_eq!(quiet.after.at_once, 0);
        shop.message(5, "Offer 5", Class::Marketing, &cards).await;
        shop.pass(MINUTE).await;
        assert_eq!(shop.alerts().await.len(), 10);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_knows_the_changes_that_another_alert_spoke_for() {
    for_each_engine(async |store| {
        let gap = r#"{"windows": [{"most": 9, "hours": 24}], "gap_minutes": 120, "quiet": null, "repeat_hours": 0}"#;
        let shop = Shop::open(store, gap).await;
        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        // One rings; two more come while it is too early, and ring as one.
        for number in 1..=3 {
            shop.tap(card, number).await;
            shop.settle().await;
            shop.pass(40 * MINUTE).await;
        }
        shop.pass(2 * HOUR).await;
        assert_eq!(shop.alerts().await.len(), 2);
        let preview = async |policy| {
            let preview = shop
                .ops
                .preview_push_policy(shop.merchant, None, Channel::Apple, Some(policy));
            preview.await.expect("replayed")
        };
        let same = preview(gap).await;
        assert_eq!((same.cards, same.wanted, same.rang), (1, 3, 2));
        assert_eq!(same.before, same.after);
        assert_eq!((same.before.sent(), same.before.merged), (2, 1));
        let lax = preview(
            r#"{"windows": [{"most": 9, "hours": 24}], "gap_minutes": 1, "quiet": null, "repeat_hours": 0}"#,
        )
        .await;
        assert_eq!((lax.after.at_once, lax.after.merged, lax.more), (3, 0, 1));
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_campaigns_say_goes_through_the_same_budget() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        let staff = Actor::Member(MemberId(1));
        let rules = r#"{"trigger": {"on": "visit"}, "action": {"do": "message", "class": "marketing", "text": "Thank you"}}"#;
        let rules = passgate::domain::campaign::CampaignRules::parse(rules).expect("rules");
        let draft = shop.ops.create_campaign(shop.merchant, "Thanks", rules, staff).await.expect("a draft");
        let active = CampaignState::Active;
        shop.ops.set_campaign_state(shop.merchant, draft.id, active, staff).await.expect("active");
        let chores = ["act_for_campaigns", "take_campaign_messages"];
        shop.tap(card, 1).await;
        shop.ops.do_chores_named(&chores).await.expect("done");
        // Taken over once, whoever looks again.
        shop.ops.do_chores_named(&chores).await.expect("done");
        let node = shop.world.dispatch(settings());
        shop.settle().await;
        let classes: Vec<_> = shop.alerts().await.into_iter().map(|row| row.1).collect();
        assert_eq!(classes, ["balance"], "the punch comes first");
        assert_eq!(shop.messages().await.len(), 1);
        assert_eq!(shop.messages().await[0].1, "waiting");
        // A campaign that has ended calls off what it wanted said.
        let ended = CampaignState::Ended;
        shop.ops.set_campaign_state(shop.merchant, draft.id, ended, staff).await.expect("ended");
        shop.pass(2 * DAY).await;
        let messages = shop.messages().await;
        assert_eq!(
            (messages[0].1.as_str(), messages[0].2.as_deref()),
            ("suppressed", Some("cancelled"))
        );
        node.stop().await;
    })
    .await;
}
