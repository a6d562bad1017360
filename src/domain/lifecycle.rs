//! How staff end a card, bring it back, and move the day on which it ends by itself.
//!
//! Three operations that are not each other: ending a card is reversible and touches no balance; that a phone no
//! longer has a copy is observed and never asked for (`ops::devices`); erasing a person is final
//! (`ops::erasure`). None of them makes a redeemed coupon redeemable.

use std::time::Duration;

use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;

/// The furthest end that is not a slip of the keyboard.
const FURTHEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Why a card stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleRefusal {
    #[error("This card has already ended.")]
    AlreadyVoid,
    #[error("This card has not ended.")]
    NotVoid,
    #[error("This card has ended. Restore it before its last day is changed.")]
    CardVoid,
    #[error("The customer was erased. Their cards cannot be brought back.")]
    CustomerErased,
    #[error("That day is past: the card would end now. Say so again to confirm.")]
    WouldEndNow,
    #[error("The last day of a card is within 100 years from now.")]
    TooFar,
}

/// Ends a card: it stays on the phone, shown as void, and gives nothing any more.
pub fn void(card: &Card, actor: Actor, now: Timestamp) -> Result<Change, LifecycleRefusal> {
    if card.status == CardStatus::Void {
        return Err(LifecycleRefusal::AlreadyVoid);
    }
    let mut after = card.clone();
    after.status = CardStatus::Void;
    Ok(changed(after, EventKind::CardVoided, actor, now))
}

/// Brings an ended card back with its balance, and with the status that its copies give it.
pub fn restore(
    card: &Card,
    is_erased: bool,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, LifecycleRefusal> {
    if card.status != CardStatus::Void {
        return Err(LifecycleRefusal::NotVoid);
    }
    if is_erased {
        return Err(LifecycleRefusal::CustomerErased);
    }
    let mut after = card.clone();
    after.status = card.status_by_copies();
    Ok(changed(after, EventKind::CardRestored, actor, now))
}

/// Moves the end of a card, or takes it away. An end that is past is *now*, and only when `confirmed`: what was
/// presented before now stays good. None when nothing changes.
pub fn change_expiry(
    card: &Card,
    end: Option<Timestamp>,
    confirmed: bool,
    actor: Actor,
    now: Timestamp,
) -> Result<Option<Change>, LifecycleRefusal> {
    if card.status == CardStatus::Void {
        return Err(LifecycleRefusal::CardVoid);
    }
    let end = match end {
        Some(end) if end > now.plus(FURTHEST) => return Err(LifecycleRefusal::TooFar),
        Some(end) if end <= now && !confirmed => return Err(LifecycleRefusal::WouldEndNow),
        Some(end) if end <= now => Some(card.expires_at.map_or(now, |old| old.min(now))),
        other => other,
    };
    if end == card.expires_at {
        return Ok(None);
    }
    let mut after = card.clone();
    let detail = Detail::Expiry {
        from: card.expires_at,
        to: end,
    };
    after.expires_at = end;
    let mut change = changed(after, EventKind::ExpiryChanged, actor, now);
    for event in &mut change.events {
        event.detail = Some(detail.clone());
    }
    Ok(Some(change))
}

/// Whether a change of `card` that `events` tell is to reach phones: an ended card is shown as ended once, and then its
/// pushes stop.
pub fn is_told(card: &Card, events: &[NewEvent]) -> bool {
    let ends = |event: &NewEvent| event.kind == EventKind::CardVoided;
    card.status != CardStatus::Void || events.iter().any(ends)
}

fn changed(mut card: Card, kind: EventKind, actor: Actor, now: Timestamp) -> Change {
    let events = vec![NewEvent::of_card(card.id, kind, actor, now)];
    card.touch(now);
    Change { card, events }
}

#[cfg(test)]
mod tests;
