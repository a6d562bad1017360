//! Redeeming and taking back: never below zero, and back to where the card was.

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::event::NewEvent;
use crate::domain::id::{EventId, MemberId};
use proptest::prelude::*;

const ACTOR: Actor = Actor::Member(MemberId(1));
const NONE: LatestEarning = LatestEarning {
    at: None,
    day: None,
    earned_on_day: 0,
    visit_at: None,
};

fn stored(id: i64, event: NewEvent, at: i64) -> Event {
    Event {
        id: EventId(id),
        previous: None,
        recorded_at: Timestamp(at),
        event,
    }
}

fn punch(amount: i64) -> Event {
    let delta = Delta {
        punches: amount,
        visits: 1,
        ..Delta::default()
    };
    let event = NewEvent::of_card(sample().id, EventKind::CustomerScanned, ACTOR, Timestamp(0));
    stored(1, event.with_delta(delta), 0)
}

proptest! {
    #[test]
    fn redeeming_never_goes_below_zero(rewards in 0..5_i64, tries in 0..10_usize) {
        let rules = Rules::punch(5).expect("valid goal");
        let mut card = sample();
        card.rewards = rewards;
        let mut handed_out = 0;
        for _ in 0..tries {
            if let Ok(change) = redeem(&rules, &card, None, &Cause::of(ACTOR), Timestamp(10)) {
                card = change.card;
                handed_out += 1;
            }
        }
        prop_assert_eq!(card.rewards, rewards - handed_out);
        prop_assert!(card.rewards >= 0);
    }

    #[test]
    fn a_redemption_taken_back_leaves_the_card_as_it_was(rewards in 1..5_i64, punches in 0..5_i64) {
        let rules = Rules::punch(5).expect("valid goal");
        let mut card = sample();
        card.rewards = rewards;
        card.punches = punches;
        let redeemed = redeem(&rules, &card, None, &Cause::of(ACTOR), Timestamp(10)).expect("there is a reward");
        let original = stored(2, redeemed.events[0].clone(), 10);
        let back = reverse(&rules, &redeemed.card, &original, false, NONE, ACTOR, Timestamp(20))
            .expect("within the window");
        prop_assert_eq!(back.card.rewards, card.rewards);
        prop_assert_eq!(back.card.punches, card.punches);
        prop_assert_eq!(back.card.visits, card.visits);
    }
}

#[test]
fn reversing_the_punch_that_earned_a_reward_withdraws_it() {
    let rules = Rules::punch(5).expect("valid goal");
    let mut card = sample();
    card.rewards = 1; // four punches and one more: the goal was reached, nothing is left over
    card.visits = 1;
    let change = reverse(&rules, &card, &punch(1), false, NONE, ACTOR, Timestamp(5)).expect("possible");
    assert_eq!((change.card.punches, change.card.rewards), (4, 0));
    assert_eq!(change.events.len(), 2);
    assert_eq!(change.events[0].kind, EventKind::RewardWithdrawn);
}

#[test]
fn reversing_a_punch_that_earned_several_rewards_withdraws_them_in_one_row() {
    let rules = Rules::punch(5).expect("valid goal");
    let mut card = sample();
    card.rewards = 2; // ten punches at once: two goals, nothing left over
    card.visits = 1;
    let change = reverse(&rules, &card, &punch(10), false, NONE, ACTOR, Timestamp(5)).expect("possible");
    assert_eq!((change.card.punches, change.card.rewards), (0, 0));
    let kinds: Vec<_> = change.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::RewardWithdrawn, EventKind::PunchReversed]);
}

#[test]
fn what_is_taken_back_does_not_limit_what_comes_next() {
    let rules = Rules::punch(5).expect("valid goal");
    let mut card = sample();
    card.punches = 1;
    card.visits = 1;
    card.last_earned_at = Some(Timestamp(0));
    card.earned_on_day = 1;
    let change = reverse(&rules, &card, &punch(1), false, NONE, ACTOR, Timestamp(5)).expect("possible");
    assert_eq!((change.card.last_earned_at, change.card.earned_on_day), (None, 0));
}

#[test]
fn refusals_say_why() {
    let rules = Rules::punch(5).expect("valid goal");
    let card = sample();
    let late = Timestamp(2 * 3_600_000);
    let refuse =
        |already, now| reverse(&rules, &card, &punch(1), already, NONE, ACTOR, now).expect_err("refused");
    assert_eq!(refuse(true, Timestamp(1)), ReverseRefusal::AlreadyReversed);
    assert_eq!(refuse(false, late), ReverseRefusal::TooLate { ago: 60 });
    assert_eq!(refuse(false, Timestamp(1)), ReverseRefusal::RewardRedeemed);
    let no_reward = redeem(&rules, &card, None, &Cause::of(ACTOR), Timestamp(1)).expect_err("no reward");
    assert_eq!(
        no_reward.to_string(),
        "There is no reward to redeem: 0 of 5 punches."
    );
}
