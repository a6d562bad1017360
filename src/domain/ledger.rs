//! Reading a card's ledger: which earnings stand, and what they say about a moment or about the card as it is now.
//!
//! An earning is an accepted presentation of the card; it stands unless a later row takes it back. Manual rows and
//! rewards are not earnings.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::id::EventId;
use crate::domain::presentation::History;
use crate::domain::time::{Day, Timestamp};

/// The newest earning that stands, as a card keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatestEarning {
    pub at: Option<Timestamp>,
    pub day: Option<Day>,
    pub earned_on_day: i64,
    /// The newest visit that stands, earned or redeemed.
    pub visit_at: Option<Timestamp>,
}

/// The earnings among `events` that no row of `events` takes back.
pub fn standing_earnings(events: &[Event]) -> impl Iterator<Item = &NewEvent> {
    standing(events).map(|event| &event.event)
}

/// The same with their numbers.
pub fn standing(events: &[Event]) -> impl Iterator<Item = &Event> {
    let reversed: HashSet<EventId> = events
        .iter()
        .filter(|event| {
            matches!(
                event.event.kind,
                EventKind::PunchReversed | EventKind::PointsReversed
            )
        })
        .filter_map(|event| event.event.reverses)
        .collect();
    events
        .iter()
        .filter(move |event| !reversed.contains(&event.id) && is_earning(&event.event))
}

/// When the visits among `events` were that no row of `events` takes back, in the order of `events`.
pub fn standing_visits(events: &[Event]) -> impl Iterator<Item = Timestamp> {
    let reversed: HashSet<EventId> = events
        .iter()
        .filter(|event| event.event.delta.visits < 0)
        .filter_map(|event| event.event.reverses)
        .collect();
    events
        .iter()
        .filter(move |event| event.event.delta.visits > 0 && !reversed.contains(&event.id))
        .map(|event| event.event.at)
}

/// The newest of `events`, newest first, that is wanted and that no row of them takes back.
pub fn newest_standing(events: &[Event], is_wanted: impl Fn(&Event) -> bool) -> Option<&Event> {
    let reversed: HashSet<EventId> = events.iter().filter_map(|event| event.event.reverses).collect();
    events
        .iter()
        .find(|event| is_wanted(event) && !reversed.contains(&event.id))
}

/// Whether an event is a presentation that was accepted.
pub fn is_earning(event: &NewEvent) -> bool {
    matches!(event.kind, EventKind::CustomerScanned | EventKind::CustomerTapped)
}

/// What was earned around `at`, for a capture that arrives after a later one of the same card.
pub fn around<'e>(
    earnings: impl Iterator<Item = &'e NewEvent>,
    visits: impl Iterator<Item = Timestamp>,
    at: Timestamp,
    zone: &TimeZone,
) -> History {
    let day = at.day_in(zone);
    let mut earned_on_day = 0;
    let mut nearest: Option<Timestamp> = None;
    for earning in earnings {
        if earning.at.day_in(zone) == day {
            earned_on_day += given(earning);
        }
        if nearest.is_none_or(|nearest| earning.at.distance(at) < nearest.distance(at)) {
            nearest = Some(earning.at);
        }
    }
    History::Past {
        earned_on_day,
        nearest,
        nearest_visit: visits.min_by_key(|visit| visit.distance(at)),
    }
}

/// The newest of `earnings` and what was given on its day.
pub fn latest<'e>(earnings: impl Iterator<Item = &'e NewEvent> + Clone, zone: &TimeZone) -> LatestEarning {
    let Some(at) = earnings.clone().map(|earning| earning.at).max() else {
        return LatestEarning::default();
    };
    let day = at.day_in(zone);
    LatestEarning {
        at: Some(at),
        day: Some(day),
        earned_on_day: earnings
            .filter(|earning| earning.at.day_in(zone) == day)
            .map(given)
            .sum(),
        visit_at: None,
    }
}

/// Punches or points that an earning gave.
fn given(earning: &NewEvent) -> i64 {
    earning.delta.punches + earning.delta.points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Actor, Delta};
    use crate::domain::id::{CardId, StationId};

    const DAY: i64 = 86_400_000;

    fn event(id: i64, kind: EventKind, punches: i64, at: i64, reverses: Option<i64>) -> Event {
        let actor = Actor::Station(StationId(1));
        let delta = Delta {
            punches,
            ..Delta::default()
        };
        let mut event = NewEvent::of_card(CardId(1), kind, actor, Timestamp(at)).with_delta(delta);
        event.reverses = reverses.map(EventId);
        Event {
            id: EventId(id),
            previous: None,
            recorded_at: Timestamp(at),
            event,
        }
    }

    #[test]
    fn a_punch_that_was_taken_back_limits_nothing() {
        let events = [
            event(3, EventKind::PunchReversed, -1, DAY + 20, Some(2)),
            event(2, EventKind::CustomerScanned, 1, DAY + 10, None),
            event(1, EventKind::CustomerTapped, 2, 5, None),
        ];
        let utc = TimeZone::UTC;
        let standing: Vec<_> = standing_earnings(&events).collect();
        assert_eq!(standing.len(), 1);
        let latest = latest(standing.iter().copied(), &utc);
        assert_eq!((latest.at, latest.earned_on_day), (Some(Timestamp(5)), 2));
        assert_eq!(
            around(
                standing.iter().copied(),
                [Timestamp(7)].into_iter(),
                Timestamp(DAY + 12),
                &utc
            ),
            History::Past {
                earned_on_day: 0,
                nearest: Some(Timestamp(5)),
                nearest_visit: Some(Timestamp(7)),
            }
        );
    }
}
