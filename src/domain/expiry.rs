//! When a card ends by itself.
//!
//! An end is decided by the clock alone: from that moment on the card is refused, whether or not the ledger has a row
//! for it yet. The row follows, once for each end, and with it the pass shows it.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::program::Validity;
use crate::domain::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// When a card issued at `issued` ends; none when it does not.
pub fn first_end(validity: &Validity, issued: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    match validity {
        Validity::Never => None,
        Validity::Fixed { day } => day.end_in(zone),
        Validity::AfterIssue { days } | Validity::Rolling { days } => Some(after(issued, *days)),
    }
}

/// The day with which every card of the program ends, where there is one.
pub fn last_day(validity: &Validity) -> Option<jiff::civil::Date> {
    match validity {
        Validity::Fixed { day } => Some(day.0),
        Validity::Never | Validity::AfterIssue { .. } | Validity::Rolling { .. } => None,
    }
}

/// The row that says that the card has ended by itself, if it has and none says so yet. A card that staff ended is not
/// told again; should they restore it, it is told then.
pub fn expire(card: &mut Card, now: Timestamp) -> Option<NewEvent> {
    let end = card.expires_at.filter(|end| *end <= now)?;
    if card.is_shown_expired() || card.status == CardStatus::Void {
        return None;
    }
    card.expired_at = Some(end);
    card.touch(now);
    Some(NewEvent::of_card(
        card.id,
        EventKind::CardExpired,
        Actor::Gateway,
        end,
    ))
}

/// Moves the end of a card whose visits keep it alive; an end that staff set further away stays.
pub(super) fn roll(validity: &Validity, card: &mut Card) {
    let Validity::Rolling { days } = validity else {
        return;
    };
    let begun = card.last_visit_at.unwrap_or(card.created_at);
    let rolled = after(begun, *days);
    card.expires_at = Some(card.expires_at.map_or(rolled, |end| end.max(rolled)));
}

fn after(at: Timestamp, days: i64) -> Timestamp {
    at.plus(DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX)))
}
