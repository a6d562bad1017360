//! Reading a card's ledger: which punches stand, and what they say about a moment or about the card as it is now.
//!
//! A punch stands unless a later row takes it back. Manual rows and rewards are not punches.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::id::EventId;
use crate::domain::punch::History;
use crate::domain::time::{Day, Timestamp};

/// The newest punch that stands, as a card keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatestPunch {
    pub at: Option<Timestamp>,
    pub day: Option<Day>,
    pub punches_on_day: i64,
}

/// The punches among `events` that no row of `events` takes back.
pub fn standing_punches(events: &[Event]) -> impl Iterator<Item = &NewEvent> {
    let reversed: HashSet<EventId> = events
        .iter()
        .filter(|event| event.event.kind == EventKind::PunchReversed)
        .filter_map(|event| event.event.reverses)
        .collect();
    events
        .iter()
        .filter(move |event| !reversed.contains(&event.id))
        .map(|event| &event.event)
        .filter(|event| is_punch(event))
}

/// Whether an event is a presentation that gave punches.
pub fn is_punch(event: &NewEvent) -> bool {
    matches!(event.kind, EventKind::CustomerScanned | EventKind::CustomerTapped)
}

/// What was punched around `at`, for a capture that arrives after a later one of the same card.
pub fn around<'e>(punches: impl Iterator<Item = &'e NewEvent>, at: Timestamp, zone: &TimeZone) -> History {
    let day = at.day_in(zone);
    let mut punches_on_day = 0;
    let mut nearest_punch: Option<Timestamp> = None;
    for punch in punches {
        if punch.at.day_in(zone) == day {
            punches_on_day += punch.delta.punches;
        }
        if nearest_punch.is_none_or(|nearest| punch.at.distance(at) < nearest.distance(at)) {
            nearest_punch = Some(punch.at);
        }
    }
    History::Past {
        punches_on_day,
        nearest_punch,
    }
}

/// The newest of `punches` and how many were given on its day.
pub fn latest<'e>(punches: impl Iterator<Item = &'e NewEvent> + Clone, zone: &TimeZone) -> LatestPunch {
    let Some(at) = punches.clone().map(|punch| punch.at).max() else {
        return LatestPunch::default();
    };
    let day = at.day_in(zone);
    LatestPunch {
        at: Some(at),
        day: Some(day),
        punches_on_day: punches
            .filter(|punch| punch.at.day_in(zone) == day)
            .map(|punch| punch.delta.punches)
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Actor, Delta};
    use crate::domain::id::{CardId, StationId};

    const DAY: i64 = 86_400_000;

    fn event(id: i64, kind: EventKind, punches: i64, at: i64, reverses: Option<i64>) -> Event {
        Event {
            id: EventId(id),
            previous: None,
            recorded_at: Timestamp(at),
            event: NewEvent {
                card: CardId(1),
                kind,
                delta: Delta {
                    punches,
                    rewards: 0,
                    visits: 0,
                },
                at: Timestamp(at),
                actor: Actor::Station(StationId(1)),
                capture: None,
                reverses: reverses.map(EventId),
                reason: None,
            },
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
        let standing: Vec<_> = standing_punches(&events).collect();
        assert_eq!(standing.len(), 1);
        let latest = latest(standing.iter().copied(), &utc);
        assert_eq!((latest.at, latest.punches_on_day), (Some(Timestamp(5)), 2));
        assert_eq!(
            around(standing.iter().copied(), Timestamp(DAY + 12), &utc),
            History::Past {
                punches_on_day: 0,
                nearest_punch: Some(Timestamp(5)),
            }
        );
    }
}
