//! Punch cards: what a presentation is worth, and when punches become rewards.

use crate::domain::card::Card;
use crate::domain::event::Delta;
use crate::domain::presentation::{Presentation, Refusal};
use crate::domain::program::PunchRules;

/// Gives the punches of one visit, as far as the day has room for them.
pub(super) fn present(rules: &PunchRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    let offered = presentation.fit_into_day(rules.punches_per_visit)?;
    let given = counted(rules, presentation.accepted.card.punches, offered);
    presentation.add_seen(Delta {
        punches: given,
        ..Delta::default()
    });
    presentation.note_earning(given);
    Ok(())
}

/// Of `offered` punches, those that a card with `punches` really gets: without carry-over, what goes beyond the goal is
/// not given, so that the ledger's sum stays the truth. A card that has more punches than a goal that was lowered
/// meanwhile is on its way to the next multiple of it.
pub fn counted(rules: &PunchRules, punches: i64, offered: i64) -> i64 {
    if rules.carry_over {
        return offered;
    }
    offered.min(rules.goal - punches.rem_euclid(rules.goal))
}

/// One row for each goal that `punches` reach.
pub fn rewards(rules: &PunchRules, punches: i64) -> impl Iterator<Item = Delta> + use<> {
    let goal = rules.goal;
    let reached = usize::try_from(punches / goal).unwrap_or(0);
    std::iter::repeat_n(
        Delta {
            punches: -goal,
            rewards: 1,
            ..Delta::default()
        },
        reached,
    )
}

/// The row that turns rewards back into punches so that `taken` punches can go; none where the card has enough. One
/// row, however many rewards go: a row takes back another one only once. The caller has checked that there are as many.
pub(super) fn withdrawn(rules: &PunchRules, card: &Card, taken: i64) -> Option<Delta> {
    let missing = (taken - card.punches).max(0);
    let rewards = (missing + rules.goal - 1) / rules.goal;
    (rewards > 0).then(|| Delta {
        punches: rules.goal * rewards,
        rewards: -rewards,
        ..Delta::default()
    })
}
