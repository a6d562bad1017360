//! Points cards: what a presentation and a purchase are worth.

use crate::domain::event::Delta;
use crate::domain::money::Amount;
use crate::domain::presentation::{Presentation, Refusal};
use crate::domain::program::PointsRules;

/// Gives the points of one visit and of what was paid.
pub(super) fn present(rules: &PointsRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    let given = earned(rules, presentation.is_visit, presentation.capture.amount);
    presentation.check_day(given)?;
    presentation.add_seen(Delta {
        points: given,
        ..Delta::default()
    });
    presentation.note_earning(given);
    Ok(())
}

/// Points for a visit, or for a purchase without one, and for each full unit of its amount.
pub fn earned(rules: &PointsRules, is_visit: bool, amount: Option<Amount>) -> i64 {
    let for_visit = if is_visit { rules.per_visit } else { 0 };
    let for_amount = match (rules.per_amount, amount) {
        (Some(rate), Some(amount)) => (amount.minor() / rate.per.minor()).saturating_mul(rate.points),
        _ => 0,
    };
    for_visit.saturating_add(for_amount)
}
