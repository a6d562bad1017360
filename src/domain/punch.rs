//! Punch cards: what a presentation is worth, and when punches become rewards.

use crate::domain::event::{Delta, EventKind};
use crate::domain::presentation::{Presentation, Refusal};
use crate::domain::program::PunchRules;

/// Gives the punches of one visit. Each goal reached is one `RewardRedeemable` row that takes the goal's punches and
/// adds one reward.
pub(super) fn present(rules: &PunchRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    presentation.check_day(rules.punches_per_visit)?;
    let given = counted(rules, presentation.accepted.card.punches, rules.punches_per_visit);
    presentation.add_seen(Delta {
        punches: given,
        ..Delta::default()
    });
    for earned in rewards(rules, presentation.accepted.card.punches) {
        presentation.add(EventKind::RewardRedeemable, earned);
        presentation.accepted.rewards_earned += earned.rewards;
    }
    presentation.note_earning(given);
    Ok(())
}

/// Of `offered` punches, those that a card with `punches` really gets: without carry-over, what goes beyond the goal is
/// not given, so that the ledger's sum stays the truth.
pub fn counted(rules: &PunchRules, punches: i64, offered: i64) -> i64 {
    if rules.carry_over {
        return offered;
    }
    offered.min(rules.goal - punches)
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
