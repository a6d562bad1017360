//! Spending rewards, and taking punches and redemptions back within the program's window.

use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::ledger::LatestPunch;
use crate::domain::program::PunchRules;
use crate::domain::time::Timestamp;
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
    rules: &PunchRules,
    card: &Card,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, RedeemRefusal> {
    if card.status == CardStatus::Void {
        return Err(RedeemRefusal::CardVoid);
    }
    if card.rewards < 1 {
        return Err(RedeemRefusal::NoReward {
            punches: card.punches,
            goal: rules.goal(),
        });
    }
    let is_visit = card
        .last_visit_at
        .is_none_or(|last| now.distance(last) >= rules.visit_gap());
    let delta = Delta {
        punches: 0,
        rewards: -1,
        visits: i64::from(is_visit),
    };
    let mut after = card.clone();
    after.apply(delta);
    if is_visit {
        after.last_visit_at = Some(now);
    }
    after.touch(now);
    let events = vec![NewEvent {
        card: card.id,
        kind: EventKind::RewardRedeemed,
        delta,
        at: now,
        actor,
        capture: None,
        reverses: None,
        reason: None,
    }];
    Ok(Change { card: after, events })
}

/// Takes back a punch or a redemption.
///
/// A punch that has been spent on rewards takes unredeemed rewards with it: the goals' punches come back and the
/// punch leaves. `already` says whether some row reverses `original`; `remaining` is the newest punch that stands
/// without it, so that what is taken back neither limits the day nor makes the next presentation too soon.
pub fn reverse(
    rules: &PunchRules,
    card: &Card,
    original: &Event,
    already: bool,
    remaining: LatestPunch,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let reversal = match original.event.kind {
        EventKind::CustomerScanned | EventKind::CustomerTapped => EventKind::PunchReversed,
        EventKind::RewardRedeemed => EventKind::RedemptionReversed,
        other => {
            return Err(ReverseRefusal::NotReversible { kind: other.as_str() });
        }
    };
    if already {
        return Err(ReverseRefusal::AlreadyReversed);
    }
    let age = now.since(original.event.at.max(original.recorded_at));
    if age > rules.reversal_window() {
        let late: Duration = age - rules.reversal_window();
        return Err(ReverseRefusal::TooLate {
            ago: late.as_secs().div_ceil(60),
        });
    }

    let mut after = card.clone();
    let mut events = Vec::with_capacity(2);
    let event = |kind, delta| NewEvent {
        card: card.id,
        kind,
        delta,
        at: now,
        actor,
        capture: None,
        reverses: Some(original.id),
        reason: None,
    };
    let given = original.event.delta;
    let missing = (given.punches - after.punches).max(0);
    // One row, however many rewards go: a row takes back another one only once.
    let rewards_withdrawn = (missing + rules.goal() - 1) / rules.goal();
    if rewards_withdrawn > after.rewards {
        return Err(ReverseRefusal::RewardRedeemed);
    }
    if rewards_withdrawn > 0 {
        let withdrawn = Delta {
            punches: rules.goal() * rewards_withdrawn,
            rewards: -rewards_withdrawn,
            visits: 0,
        };
        after.apply(withdrawn);
        events.push(event(EventKind::RewardWithdrawn, withdrawn));
    }
    let back = Delta {
        punches: -given.punches,
        rewards: -given.rewards,
        visits: -given.visits,
    };
    after.apply(back);
    events.push(event(reversal, back));
    if reversal == EventKind::PunchReversed {
        after.last_punch_at = remaining.at;
        after.last_punch_day = remaining.day;
        after.punches_on_day = remaining.punches_on_day;
    }
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
    const NONE: LatestPunch = LatestPunch {
        at: None,
        day: None,
        punches_on_day: 0,
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
        let event = NewEvent {
            card: sample().id,
            kind: EventKind::CustomerScanned,
            delta: Delta {
                punches: amount,
                rewards: 0,
                visits: 1,
            },
            at: Timestamp(0),
            actor: ACTOR,
            capture: None,
            reverses: None,
            reason: None,
        };
        stored(1, event, 0)
    }

    proptest! {
        #[test]
        fn redeeming_never_goes_below_zero(rewards in 0..5_i64, tries in 0..10_usize) {
            let rules = PunchRules::new(5).expect("valid goal");
            let mut card = sample();
            card.rewards = rewards;
            let mut handed_out = 0;
            for _ in 0..tries {
                if let Ok(change) = redeem(&rules, &card, ACTOR, Timestamp(10)) {
                    card = change.card;
                    handed_out += 1;
                }
            }
            prop_assert_eq!(card.rewards, rewards - handed_out);
            prop_assert!(card.rewards >= 0);
        }

        #[test]
        fn a_redemption_taken_back_leaves_the_card_as_it_was(rewards in 1..5_i64, punches in 0..5_i64) {
            let rules = PunchRules::new(5).expect("valid goal");
            let mut card = sample();
            card.rewards = rewards;
            card.punches = punches;
            let redeemed = redeem(&rules, &card, ACTOR, Timestamp(10)).expect("there is a reward");
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
        let rules = PunchRules::new(5).expect("valid goal");
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
        let rules = PunchRules::new(5).expect("valid goal");
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
        let rules = PunchRules::new(5).expect("valid goal");
        let mut card = sample();
        card.punches = 1;
        card.visits = 1;
        card.last_punch_at = Some(Timestamp(0));
        card.punches_on_day = 1;
        let change = reverse(&rules, &card, &punch(1), false, NONE, ACTOR, Timestamp(5)).expect("possible");
        assert_eq!((change.card.last_punch_at, change.card.punches_on_day), (None, 0));
    }

    #[test]
    fn refusals_say_why() {
        let rules = PunchRules::new(5).expect("valid goal");
        let card = sample();
        let late = Timestamp(2 * 3_600_000);
        let refuse =
            |already, now| reverse(&rules, &card, &punch(1), already, NONE, ACTOR, now).expect_err("refused");
        assert_eq!(refuse(true, Timestamp(1)), ReverseRefusal::AlreadyReversed);
        assert_eq!(refuse(false, late), ReverseRefusal::TooLate { ago: 60 });
        assert_eq!(refuse(false, Timestamp(1)), ReverseRefusal::RewardRedeemed);
        let no_reward = redeem(&rules, &card, ACTOR, Timestamp(1)).expect_err("no reward");
        assert_eq!(
            no_reward.to_string(),
            "There is no reward to redeem: 0 of 5 punches."
        );
    }
}
