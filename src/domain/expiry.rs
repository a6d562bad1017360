//! When a card ends by itself.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::card::Card;
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
