//! Tiers: what counts towards them, and when a card moves.

use crate::domain::card::Card;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::program::{Ladder, Measure};
use crate::domain::time::Timestamp;

/// What a row with `delta` counts towards a tier. Only what is earned counts: spending a balance lowers no tier.
pub fn measured(ladder: Option<&Ladder>, delta: Delta) -> i64 {
    match ladder.map(|ladder| ladder.measure) {
        None => 0,
        Some(Measure::Spend) => delta.spend,
        Some(Measure::Earned) => delta.points + delta.punches,
    }
}

/// The tier that `tier_points` reach, counted from 0; none without a ladder.
pub fn reached(ladder: Option<&Ladder>, tier_points: i64) -> Option<i64> {
    let above = ladder?.tiers.iter().skip(1);
    let steps = above.take_while(|tier| tier.threshold <= tier_points).count();
    i64::try_from(steps).ok()
}

/// Moves the card to the tier that its points reach, once all rows of a transaction are applied, so that going up and
/// down within one is no change. The row to add, if it moved.
pub fn settle(ladder: Option<&Ladder>, card: &mut Card, actor: Actor, at: Timestamp) -> Option<NewEvent> {
    let to = reached(ladder, card.tier_points);
    if to == card.tier {
        return None;
    }
    let name = |tier: Option<i64>| {
        let index = usize::try_from(tier?).ok()?;
        Some(ladder?.tiers.get(index)?.name.clone())
    };
    let detail = Detail::Tier {
        from: name(card.tier),
        to: name(to),
    };
    card.tier = to;
    Some(NewEvent::of_card(card.id, EventKind::TierChanged, actor, at).with_detail(detail))
}
