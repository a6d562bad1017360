//! Adjustments: what is refused, in which words, and what counts.

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::change::Reason;
use crate::domain::event::Actor;
use crate::domain::id::MemberId;

fn cause() -> Cause {
    Cause::of(Actor::Member(MemberId(1))).because(Reason::parse("card lost").expect("a reason"))
}

fn punch(goal: i64) -> Rules {
    Rules::punch(goal).expect("valid goal")
}

fn points(overdraw: i64) -> Rules {
    let text = format!(
        r#"{{"scheme": {{"kind": "points", "overdraw": {overdraw}}}, "ladder": {{"measure": "earned", "tiers": [
        {{"name": "Basic", "threshold": 0}}, {{"name": "Gold", "threshold": 100}}]}}}}"#
    );
    Rules::parse(&text).expect("rules")
}

fn add(amount: i64) -> Adjustment {
    Adjustment::Add { amount, paid: None }
}

fn set(from: i64, to: i64) -> Adjustment {
    Adjustment::SetPunches { from, to }
}

fn try_it(rules: &Rules, card: &Card, adjustment: Adjustment) -> Result<Change, AdjustRefusal> {
    adjust(rules, card, adjustment, &cause(), Timestamp(5))
}

#[test]
fn eighteen_punches_by_hand_on_a_card_of_nine_are_two_rewards() {
    let change = try_it(&punch(9), &sample(), add(18)).expect("adjusted");
    assert_eq!((change.card.punches, change.card.rewards), (0, 2));
    let effect = Effect::of(&sample(), &change);
    assert_eq!((effect.rewards_earned, effect.rewards_withdrawn), (2, 0));
}

#[test]
fn setting_punches_below_a_full_card_withdraws_its_reward() {
    let mut card = sample();
    (card.punches, card.rewards) = (2, 1);
    let change = try_it(&punch(10), &card, set(12, 8)).expect("adjusted");
    assert_eq!((change.card.punches, change.card.rewards), (8, 0));
    let kinds: Vec<_> = change.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::RewardWithdrawn, EventKind::PointsRemoved]);
    assert_eq!(change.events[1].delta.punches, -4, "the entry is b - a");
    assert_eq!(change.events[1].reason.as_deref(), Some("card lost"));
    assert_eq!(change.events[1].actor, Actor::Member(MemberId(1)));
    assert_eq!(change.card.visits, 0, "nobody came");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let card = sample();
    let refused = |rules: &Rules, adjustment| try_it(rules, &card, adjustment).expect_err("refused");
    assert_eq!(
        refused(&punch(5), set(0, -1)),
        AdjustRefusal::BelowZero { to: -1 }
    );
    assert_eq!(
        refused(&punch(5), set(3, 4)),
        AdjustRefusal::Moved { from: 3, now: 0 }
    );
    assert_eq!(refused(&punch(5), set(0, 0)), AdjustRefusal::NoChange);
    let missing = AdjustRefusal::NotEnoughPunches { has: 0, wanted: 1 };
    assert_eq!(refused(&punch(5), add(-1)), missing);
    assert_eq!(refused(&points(0), set(0, 1)), AdjustRefusal::NotPunches);
    assert!(matches!(
        refused(&points(0), add(i64::MIN)),
        AdjustRefusal::TooMuch { .. }
    ));
    assert!(matches!(
        refused(&punch(5), set(0, i64::MAX)),
        AdjustRefusal::TooMuch { .. }
    ));
    let coupon = Rules::parse(r#"{"scheme": {"kind": "coupon"}}"#).expect("rules");
    assert_eq!(refused(&coupon, add(1)), AdjustRefusal::NoBalance);
    let void = Card {
        status: CardStatus::Void,
        ..sample()
    };
    assert_eq!(try_it(&punch(5), &void, add(1)), Err(AdjustRefusal::CardVoid));
    let over = Card {
        expires_at: Some(Timestamp(5)),
        ..sample()
    };
    assert_eq!(try_it(&punch(5), &over, add(1)), Err(AdjustRefusal::CardExpired));
}

#[test]
fn a_balance_is_overdrawn_as_far_as_the_program_allows() {
    let mut card = sample();
    card.points = 10;
    let refused = try_it(&points(0), &card, add(-11)).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "The balance is 10; taking 11 would overdraw it below 0."
    );
    assert_eq!(
        try_it(&points(5), &card, add(-15)).expect("allowed").card.points,
        -5
    );
    assert!(try_it(&points(5), &card, add(-16)).is_err());
}

#[test]
fn what_is_added_counts_towards_a_tier_and_what_is_taken_does_not() {
    let up = try_it(&points(0), &sample(), add(120)).expect("adjusted").card;
    assert_eq!((up.tier_points, up.tier), (120, Some(1)));
    let down = try_it(&points(0), &up, add(-120)).expect("adjusted").card;
    assert_eq!((down.points, down.tier_points, down.tier), (0, 120, Some(1)));
}
