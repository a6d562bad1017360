//! A bonus: punches or points that a rule gives. Never a visit, so it moves neither limits nor recency.

use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::program::{Rules, Scheme};
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::domain::{punch, tier};

/// Most that one bonus gives.
pub const MOST: i64 = 10_000;

/// Why a bonus is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BonusRefusal {
    #[error("the card has ended")]
    CardVoid,
    #[error("the card has expired")]
    CardExpired,
    #[error("a coupon holds neither punches nor points")]
    Coupon,
    #[error("the card is full: its program keeps nothing beyond the goal")]
    Full,
}

/// Gives `amount` to `card`; each goal reached earns its reward, as with any other punch.
pub fn give(
    rules: &Rules,
    card: &Card,
    amount: i64,
    reason: &str,
    detail: &Detail,
    now: Timestamp,
) -> Result<Change, BonusRefusal> {
    if card.status == CardStatus::Void {
        return Err(BonusRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(BonusRefusal::CardExpired);
    }
    let mut delta = match &rules.scheme {
        Scheme::Coupon(_) => return Err(BonusRefusal::Coupon),
        Scheme::Points(_) => Delta {
            points: amount,
            ..Delta::default()
        },
        Scheme::Punch(punch) => Delta {
            punches: punch::counted(punch, card.punches, amount),
            ..Delta::default()
        },
    };
    if delta == Delta::default() {
        return Err(BonusRefusal::Full);
    }
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let mut after = card.clone();
    let mut events = Vec::with_capacity(2);
    let mut add = |after: &mut Card, kind, delta| {
        after.apply(delta);
        let event = NewEvent::of_card(card.id, kind, Actor::Gateway, now).with_delta(delta);
        events.push(event.with_reason(reason).with_detail(detail.clone()));
    };
    add(&mut after, EventKind::PointsAdded, delta);
    if let Scheme::Punch(punch) = &rules.scheme {
        for earned in punch::rewards(punch, after.punches) {
            add(&mut after, EventKind::RewardRedeemable, earned);
        }
    }
    events.extend(tier::settle(
        rules.ladder.as_ref(),
        &mut after,
        Actor::Gateway,
        now,
    ));
    after.touch(now);
    Ok(Change { card: after, events })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::id::CardId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bonus_is_in_the_ledger_and_is_no_visit(
            punches in 0..10_i64, amount in 1..40_i64, carry in any::<bool>()
        ) {
            let rules = Rules::punch(10).and_then(|rules| rules.with_carry_over(carry)).expect("valid");
            let mut card = sample();
            card.punches = punches;
            let detail = Detail::Referral { card: CardId(2) };
            let change = give(&rules, &card, amount, "a friend", &detail, Timestamp(5)).expect("given");
            let sum: Delta = change.events.iter().map(|event| event.delta).sum();
            let mut expected = card;
            expected.apply(sum);
            prop_assert_eq!(change.card.sums(), expected.sums());
            prop_assert!(change.card.punches < 10);
            prop_assert_eq!((sum.visits, change.card.last_visit_at, change.card.scans), (0, None, 0));
            let total = change.card.rewards * 10 + change.card.punches;
            prop_assert_eq!(total, if carry { punches + amount } else { (punches + amount).min(10) });
        }
    }
}
