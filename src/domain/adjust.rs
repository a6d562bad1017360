//! Punches and points given or taken by hand: what that does to a card, and to the rewards that hang on it.

use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::program::{Rules, Scheme};
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::domain::{punch, tier};

/// More than this at once is a slip of the hand.
pub const MOST: i64 = 1_000_000;

/// Why a balance stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdjustRefusal {
    #[error("This card has ended.")]
    CardVoid,
    #[error("This card has expired.")]
    CardExpired,
    #[error("A coupon has no balance.")]
    NoBalance,
    #[error("This card is full: {balance} of {goal} punches, and nothing is carried over.")]
    Full { balance: i64, goal: i64 },
    #[error("expected an amount from 1 to {MOST}, to add or to take; got {got}")]
    Amount { got: i64 },
    #[error("The balance is {balance}, and no more than {covered} can be taken; {wanted} cannot.")]
    NotCovered { balance: i64, covered: i64, wanted: i64 },
}

/// Adds `amount` to the balance, or takes it where it is below zero. Reaching the goal earns rewards; punches that are
/// missing come back out of rewards that were not redeemed.
pub fn adjust(
    rules: &Rules,
    card: &Card,
    amount: i64,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, AdjustRefusal> {
    if card.status == CardStatus::Void {
        return Err(AdjustRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(AdjustRefusal::CardExpired);
    }
    if amount == 0 || amount.unsigned_abs() > MOST.unsigned_abs() {
        return Err(AdjustRefusal::Amount { got: amount });
    }
    let mut after = card.clone();
    let mut events = Vec::with_capacity(2);
    let mut add = |after: &mut Card, kind, delta: Delta| {
        after.apply(delta);
        events.push(NewEvent::of_card(card.id, kind, actor, now).with_delta(delta));
    };
    let kind = if amount > 0 {
        EventKind::PointsAdded
    } else {
        EventKind::PointsRemoved
    };
    match &rules.scheme {
        Scheme::Coupon(_) => return Err(AdjustRefusal::NoBalance),
        Scheme::Points(points) => {
            let covered = card.points.saturating_add(points.overdraw);
            not_covered(card.points, covered, amount)?;
            let mut delta = Delta {
                points: amount,
                ..Delta::default()
            };
            delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
            add(&mut after, kind, delta);
        }
        Scheme::Punch(punch) => {
            let given = if amount > 0 {
                punch::counted(punch, card.punches, amount)
            } else {
                amount
            };
            if given == 0 {
                let (balance, goal) = (card.punches, punch.goal);
                return Err(AdjustRefusal::Full { balance, goal });
            }
            let covered = card
                .rewards
                .max(0)
                .saturating_mul(punch.goal)
                .saturating_add(card.punches);
            not_covered(card.punches, covered, given)?;
            let missing = (-given - card.punches).max(0);
            let withdrawn = (missing + punch.goal - 1) / punch.goal;
            if withdrawn > 0 {
                let back = Delta {
                    punches: punch.goal * withdrawn,
                    rewards: -withdrawn,
                    ..Delta::default()
                };
                add(&mut after, EventKind::RewardWithdrawn, back);
            }
            let mut delta = Delta {
                punches: given,
                ..Delta::default()
            };
            delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
            add(&mut after, kind, delta);
            for earned in punch::rewards(punch, after.punches) {
                add(&mut after, EventKind::RewardRedeemable, earned);
            }
        }
    }
    events.extend(tier::settle(rules.ladder.as_ref(), &mut after, actor, now));
    after.touch(now);
    Ok(Change { card: after, events })
}

fn not_covered(balance: i64, covered: i64, amount: i64) -> Result<(), AdjustRefusal> {
    let wanted = -amount;
    if wanted > 0 && wanted > covered {
        return Err(AdjustRefusal::NotCovered {
            balance,
            covered,
            wanted,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::id::MemberId;
    use proptest::prelude::*;

    const ACTOR: Actor = Actor::Member(MemberId(1));

    proptest! {
        #[test]
        fn punches_by_hand_keep_all_sums_true(goal in 1..9_i64, carry in any::<bool>(), amounts in
            prop::collection::vec(-30..30_i64, 1..20))
        {
            let rules = Rules::punch(goal).and_then(|rules| rules.with_carry_over(carry)).expect("rules");
            let mut card = sample();
            for amount in amounts {
                let worth = card.punches + card.rewards * goal;
                match adjust(&rules, &card, amount, ACTOR, Timestamp(5)) {
                    Ok(change) => {
                        let delta: Delta = change.events.iter().map(|event| event.delta).sum();
                        let mut sums = card.sums();
                        sums += delta;
                        prop_assert_eq!(sums, change.card.sums());
                        prop_assert!((0..goal).contains(&change.card.punches), "{}", change.card.punches);
                        prop_assert!(change.card.rewards >= 0);
                        let moved = change.card.punches + change.card.rewards * goal - worth;
                        prop_assert!(moved == amount || (!carry && amount > 0 && moved <= amount));
                        card = change.card;
                    }
                    Err(AdjustRefusal::NotCovered { .. }) => prop_assert!(-amount > worth),
                    Err(AdjustRefusal::Amount { .. }) => prop_assert_eq!(amount, 0),
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
        }
    }

    #[test]
    fn absurd_amounts_are_refused() {
        let rules = Rules::punch(5).expect("rules");
        for got in [0, MOST + 1, -MOST - 1, i64::MIN, i64::MAX] {
            let refused = adjust(&rules, &sample(), got, ACTOR, Timestamp(5));
            assert_eq!(refused, Err(AdjustRefusal::Amount { got }));
        }
    }
}
