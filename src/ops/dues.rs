//! Cards that time alone changes: those that expire, and those whose cycle of the ladder is over.
//!
//! A turn looks for due rows without locking anything, locks their cards in the usual order, and looks again: what
//! another node did meanwhile is no longer due.

use std::collections::HashMap;

use crate::domain::card::Card;
use crate::domain::change::Change;
use crate::domain::event::Actor;
use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, tier};
use crate::ops::Ops;
use crate::ops::cards::write_changes;
use crate::ops::chores::TURN;
use crate::store::cards::ProgramOfMerchant;
use crate::store::dues::{self, Kind};
use crate::store::{Error, Tx, cards};

/// Writes down that cards have expired and lets their passes show it.
pub(super) async fn end_cards(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    ops.store
        .write("end_cards", move |tx| {
            Box::pin(async move {
                look(tx, Kind::End, now, |card, _| {
                    let mut card = card.clone();
                    let event = expiry::expire(&mut card, now)?;
                    Some(Change {
                        card,
                        events: vec![event],
                    })
                })
                .await
            })
        })
        .await
}

/// Starts what counts towards tiers at zero again where a cycle is over.
pub(super) async fn end_cycles(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    ops.store
        .write("end_cycles", move |tx| {
            Box::pin(async move {
                look(tx, Kind::Cycle, now, |card, of| {
                    let ladder = of.program.rules.ladder.as_ref();
                    let mut after = card.clone();
                    let ended = tier::catch_up(ladder, &mut after, now, &of.time_zone());
                    let at = ended.as_ref().map_or(now, |event| event.at);
                    let moved = tier::settle(ladder, &mut after, Actor::Gateway, at);
                    let events: Vec<_> = ended.into_iter().chain(moved).collect();
                    if !events.is_empty() {
                        after.touch(now);
                    }
                    (after != *card).then_some(Change { card: after, events })
                })
                .await
            })
        })
        .await
}

/// One turn: what `judge` makes of each card that is due, and when to look at each again.
async fn look(
    tx: &mut Tx<'_>,
    kind: Kind,
    now: Timestamp,
    judge: impl Fn(&Card, &ProgramOfMerchant) -> Option<Change>,
) -> Result<usize, Error> {
    let found = dues::due(tx, kind, now, TURN).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let locked = cards::cards_for_update(tx, &found).await?;
    let due = dues::still_due(tx, kind, now, &found).await?;
    let programs = programs_of(tx, &locked).await?;
    let in_hand: HashMap<_, _> = locked
        .into_iter()
        .map(|card| ((card.merchant, card.id), card))
        .collect();
    let (mut changes, mut looked_at) = (Vec::new(), Vec::new());
    for key in &due {
        let card = in_hand.get(key);
        let of = card.and_then(|card| programs.get(&(card.merchant, card.program)));
        let Some((card, of)) = card.zip(of) else {
            dues::drop(tx, kind, key.0, key.1).await?;
            continue;
        };
        match judge(card, of) {
            Some(change) => changes.push(change),
            None => looked_at.push(card.clone()),
        }
    }
    looked_at.extend(write_changes(tx, changes, now).await?);
    for card in &looked_at {
        let ahead = kind.date(card).is_some_and(|date| date > now);
        if ahead {
            dues::set(tx, kind, card).await?;
        } else {
            dues::drop(tx, kind, card.merchant, card.id).await?;
        }
    }
    Ok(due.len())
}

async fn programs_of(
    tx: &mut Tx<'_>,
    cards: &[Card],
) -> Result<HashMap<(MerchantId, ProgramId), ProgramOfMerchant>, Error> {
    let mut keys: Vec<_> = cards.iter().map(|card| (card.merchant, card.program)).collect();
    keys.sort_unstable();
    keys.dedup();
    let programs = cards::programs_of(tx, &keys).await?;
    Ok(programs
        .into_iter()
        .map(|of| ((of.program.merchant, of.program.id), of))
        .collect())
}
