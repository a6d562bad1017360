//! Spending rewards, and taking punches and redemptions back within the program's window.

use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::ledger::LatestEarning;
use crate::domain::money::Amount;
use crate::domain::presentation::visit;
use crate::domain::program::{ProgramKind, Rules};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, tier};
use std::time::Duration;

/// The card after the change and the ledger rows that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub card: Card,
    pub events: Vec<NewEvent>,
}

/// Why a reward is not handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemRefusal {
    #[error("This card has ended.")]
    CardVoid,
    #[error("This card has expired.")]
    CardExpired,
    #[error("There is no reward to redeem: {punches} of {goal} punches.")]
    NoReward { punches: i64, goal: i64 },
}

/// Why something is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReverseRefusal {
    #[error("Only a punch or a redemption can be taken back; this is {kind}.")]
    NotReversible { kind: &'static str },
    #[error("This was already taken back.")]
    AlreadyReversed,
    #[error("It is too late to take this back: the time for it ended {ago} minutes ago.")]
    TooLate { ago: u64 },
    #[error("The reward that this punch earned was already redeemed. Take back the redemption first.")]
    RewardRedeemed,
}

/// Hands out one reward.
pub fn redeem(
    rules: &Rules,
    card: &Card,
    amount: Option<Amount>,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, RedeemRefusal> {
    if card.status == CardStatus::Void {
        return Err(RedeemRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(RedeemRefusal::CardExpired);
    }
    if card.rewards < 1 {
        return Err(RedeemRefusal::NoReward {
            punches: card.punches,
            goal: rules.goal(),
        });
    }
    let is_visit = actor.is_at_the_shop()
        && card
            .last_visit_at
            .is_none_or(|last| now.distance(last) >= rules.limits.visit_gap);
    let mut delta = visit(is_visit, amount);
    delta += Delta {
        rewards: -1,
        redemptions: 1,
        ..Delta::default()
    };
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let mut after = card.clone();
    after.apply(delta);
    if is_visit {
        after.last_visit_at = card.last_visit_at.max(Some(now));
        expiry::roll(&rules.validity, &mut after);
    }
    let mut events =
        vec![NewEvent::of_card(card.id, EventKind::RewardRedeemed, actor, now).with_delta(delta)];
    events.extend(tier::settle(rules.ladder.as_ref(), &mut after, actor, now));
    after.touch(now);
    Ok(Change { card: after, events })
}

/// Takes back a punch or a redemption.
///
/// A punch that has been spent on rewards takes unredeemed rewards with it: the goals' punches come back and the
/// punch leaves. `already` says whether some row reverses `original`; `remaining` is the newest punch that stands
/// without it, so that what is taken back neither limits the day nor makes the next presentation too soon.
pub fn reverse(
    rules: &Rules,
    card: &Card,
    original: &Event,
    already: bool,
    remaining: LatestEarning,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let reversal = match original.event.kind {
        EventKind::CustomerScanned | EventKind::CustomerTapped => match rules.kind() {
            ProgramKind::Punch => EventKind::PunchReversed,
            ProgramKind::Points | ProgramKind::Coupon => EventKind::PointsReversed,
        },
        EventKind::RewardRedeemed => EventKind::RedemptionReversed,
        other => {
            return Err(ReverseRefusal::NotReversible { kind: other.as_str() });
        }
    };
    if already {
        return Err(ReverseRefusal::AlreadyReversed);
    }
    let age = now.since(original.event.at.max(original.recorded_at));
    if age > rules.limits.reversal_window {
        let late: Duration = age - rules.limits.reversal_window;
        return Err(ReverseRefusal::TooLate {
            ago: late.as_secs().div_ceil(60),
        });
    }

    let mut after = card.clone();
    let mut events = Vec::with_capacity(2);
    let event = |kind, delta| {
        NewEvent::of_card(card.id, kind, actor, now)
            .with_delta(delta)
            .taking_back(original.id)
    };
    let given = original.event.delta;
    let missing = (given.punches - after.punches).max(0);
    // One row, however many rewards go: a row takes back another one only once.
    let rewards_withdrawn = match rules.goal() {
        0 => 0,
        goal => (missing + goal - 1) / goal,
    };
    if rewards_withdrawn > after.rewards {
        return Err(ReverseRefusal::RewardRedeemed);
    }
    if rewards_withdrawn > 0 {
        let withdrawn = Delta {
            punches: rules.goal() * rewards_withdrawn,
            rewards: -rewards_withdrawn,
            ..Delta::default()
        };
        after.apply(withdrawn);
        events.push(event(EventKind::RewardWithdrawn, withdrawn));
    }
    let back = given.opposite();
    after.apply(back);
    events.push(event(reversal, back));
    if reversal != EventKind::RedemptionReversed {
        after.last_earned_at = remaining.at;
        after.last_earned_day = remaining.day;
        after.earned_on_day = remaining.earned_on_day;
    }
    if given.visits > 0 {
        // Visits older than what was read of the ledger leave the card's word standing.
        after.last_visit_at = match remaining.visit_at {
            None if after.visits > 0 => card.last_visit_at,
            newest => newest,
        };
    }
    events.extend(tier::settle(rules.ladder.as_ref(), &mut after, actor, now));
    after.touch(now);
    Ok(Change { card: after, events })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
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
                if let Ok(change) = redeem(&rules, &card, None, ACTOR, Timestamp(10)) {
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
            let redeemed = redeem(&rules, &card, None, ACTOR, Timestamp(10)).expect("there is a reward");
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
    fn a_visit_goes_with_what_it_was_counted_for() {
        let rules = Rules::punch(5).expect("valid goal");
        let mut card = sample();
        card.rewards = 2;
        card.visits = 1;
        card.last_visit_at = Some(Timestamp(0));
        let later = Timestamp(2 * 3_600_000);
        let redeemed = redeem(&rules, &card, None, ACTOR, later).expect("there is a reward");
        assert_eq!(
            (redeemed.card.visits, redeemed.card.last_visit_at),
            (2, Some(later))
        );
        let original = stored(2, redeemed.events[0].clone(), later.0);
        let remaining = LatestEarning {
            visit_at: Some(Timestamp(0)),
            ..NONE
        };
        let back =
            reverse(&rules, &redeemed.card, &original, false, remaining, ACTOR, later).expect("possible");
        assert_eq!(
            (back.card.visits, back.card.last_visit_at),
            (1, Some(Timestamp(0)))
        );
        // What the holder or a rule does is not done at the shop.
        for actor in [Actor::Device, Actor::Gateway] {
            let redeemed = redeem(&rules, &card, None, actor, later).expect("there is a reward");
            assert_eq!(
                (redeemed.card.visits, redeemed.card.last_visit_at),
                (1, Some(Timestamp(0)))
            );
        }
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
        let no_reward = redeem(&rules, &card, None, ACTOR, Timestamp(1)).expect_err("no reward");
        assert_eq!(
            no_reward.to_string(),
            "There is no reward to redeem: 0 of 5 punches."
        );
    }
}
