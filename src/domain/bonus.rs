//! A bonus: punches or points that a rule gives. An adjustment by the gateway, so never a visit and never less.

use crate::domain::adjustment::{self, AdjustRefusal, Adjustment};
use crate::domain::card::Card;
use crate::domain::change::{Cause, Change, Reason};
use crate::domain::detail::Detail;
use crate::domain::event::Actor;
use crate::domain::program::Rules;
use crate::domain::time::Timestamp;

/// Most that one bonus gives.
pub const MOST: i64 = 10_000;

/// Gives `amount` to `card`; each goal reached earns its reward, as with any other punch. Each row of it says why, and
/// `detail` where it has nothing of its own to say.
pub fn give(
    rules: &Rules,
    card: &Card,
    amount: i64,
    reason: &str,
    detail: &Detail,
    now: Timestamp,
) -> Result<Change, AdjustRefusal> {
    let mut cause = Cause::of(Actor::Gateway);
    cause.reason = Reason::parse(reason).ok();
    let adjustment = Adjustment::Add { amount, paid: None };
    let mut change = adjustment::adjust(rules, card, adjustment, &cause, now)?;
    for event in &mut change.events {
        event.detail.get_or_insert_with(|| detail.clone());
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::event::Delta;
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
