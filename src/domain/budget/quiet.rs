//! Quiet hours: when a phone is not to ring, by the clock on the wall.
//!
//! An instant is quiet exactly when the wall clock of the zone shows a time from `from` up to, but without, `to`. So a
//! clock that is put forward skips what it does not show (hours that would end in the gap end when it jumps), and one
//! that is put back is quiet again when it shows a quiet time for the second time.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::domain::time::Timestamp;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Changes of a zone's clock that a search passes; no zone changes twice within a day.
const PASSES: usize = 8;

/// A time on the wall, in whole minutes; `"21:30"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: i16,
}

/// Why a text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time like \"21:30\", from 00:00 to 23:59; got {0:?}")]
pub struct NoTimeOfDay(String);

/// Whose clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The customer's; the merchant's where the customer's zone is not known.
    #[default]
    Customer,
    Merchant,
}

/// From one time on the wall to another, over midnight where `to` is the earlier one. They differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    #[serde(default)]
    pub zone: Whose,
}

impl TimeOfDay {
    pub(super) const NINE_IN_THE_EVENING: Self = Self { minutes: 21 * 60 };
    pub(super) const EIGHT_IN_THE_MORNING: Self = Self { minutes: 8 * 60 };

    pub fn parse(text: &str) -> Result<Self, NoTimeOfDay> {
        let refused = || NoTimeOfDay(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(refused)?;
        let number = |text: &str, below: i16| {
            let sound = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: i16 = sound.then(|| text.parse().ok()).flatten()?;
            (number < below).then_some(number)
        };
        match (number(hour, 24), number(minute, 60)) {
            (Some(hour), Some(minute)) => Ok(Self {
                minutes: hour * 60 + minute,
            }),
            _ => Err(refused()),
        }
    }

    fn millis(self) -> i64 {
        i64::from(self.minutes) * MINUTE
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NoTimeOfDay;

    fn try_from(text: String) -> Result<Self, NoTimeOfDay> {
        Self::parse(&text)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl Quiet {
    /// The first instant from `at` on that is not quiet: `at` itself where it is not.
    pub fn over(&self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let mut at = at;
        for _ in 0..PASSES {
            let Some(left) = self.left(wall(at, zone)) else {
                return at;
            };
            // Until the clock is changed, the wall moves as time does.
            let end = Timestamp(at.0.saturating_add(left));
            let change = zone
                .following(at.to_jiff())
                .next()
                .map(|change| Timestamp(change.timestamp().as_millisecond()));
            at = match change {
                // Also where both come at once: a clock that is put back may show a quiet time again.
                Some(change) if change <= end => change,
                _ => return end,
            };
        }
        at
    }

    pub fn is_quiet(&self, at: Timestamp, zone: &TimeZone) -> bool {
        self.left(wall(at, zone)).is_some()
    }

    /// Milliseconds on the wall until the end; none when it is not quiet.
    fn left(&self, wall: i64) -> Option<i64> {
        let (from, to) = (self.from.millis(), self.to.millis());
        let quiet = if from < to {
            (from..to).contains(&wall)
        } else {
            wall >= from || wall < to
        };
        quiet.then(|| (to - wall).rem_euclid(DAY))
    }
}

/// Milliseconds since midnight as the wall shows them.
fn wall(at: Timestamp, zone: &TimeZone) -> i64 {
    let offset = i64::from(zone.to_offset(at.to_jiff()).seconds()) * 1000;
    at.0.saturating_add(offset).rem_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quiet(from: &str, to: &str) -> Quiet {
        Quiet {
            from: TimeOfDay::parse(from).expect("a time"),
            to: TimeOfDay::parse(to).expect("a time"),
            zone: Whose::Customer,
        }
    }

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().expect("an instant");
        Timestamp(at.as_millisecond())
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled")
    }

    #[test]
    fn hours_over_midnight_end_in_the_morning() {
        let (night, zone) = (quiet("21:00", "08:00"), berlin());
        // 22:30 in Berlin.
        assert_eq!(
            night.over(at("2026-01-10T21:30:00Z"), &zone),
            at("2026-01-11T07:00:00Z")
        );
        let noon = at("2026-01-10T11:00:00Z");
        assert_eq!(night.over(noon, &zone), noon);
        // The first quiet moment, and the first after it.
        assert!(night.is_quiet(at("2026-01-10T20:00:00Z"), &zone));
        assert!(!night.is_quiet(at("2026-01-11T07:00:00Z"), &zone));
        assert!(night.is_quiet(at("2026-01-11T06:59:59.999Z"), &zone));
    }

    /// On 29 March 2026 Berlin's clock jumps from 02:00 to 03:00 at 01:00 UTC.
    #[test]
    fn hours_that_end_in_a_gap_end_when_the_clock_jumps() {
        let over = quiet("23:00", "02:30").over(at("2026-03-28T23:00:00Z"), &berlin());
        assert_eq!(over, at("2026-03-29T01:00:00Z"));
        // Hours within the gap do not come at all.
        let inside = quiet("02:10", "02:50");
        let jump = at("2026-03-29T01:00:00Z");
        assert_eq!(inside.over(jump, &berlin()), jump);
    }

    /// On 25 October 2026 Berlin's clock shows 02:00 to 03:00 twice, from 00:00 to 02:00 UTC.
    #[test]
    fn hours_in_an_overlap_come_twice() {
        let night = quiet("23:00", "02:30");
        assert_eq!(
            night.over(at("2026-10-24T22:00:00Z"), &berlin()),
            at("2026-10-25T00:30:00Z")
        );
        let between = at("2026-10-25T00:45:00Z");
        assert_eq!(night.over(between, &berlin()), between);
        assert_eq!(
            night.over(at("2026-10-25T01:10:00Z"), &berlin()),
            at("2026-10-25T01:30:00Z")
        );
    }

    /// The hour that is over when the clock is put back begins again.
    #[test]
    fn hours_that_end_when_the_clock_is_put_back_go_on() {
        let most_of_the_day = quiet("04:00", "03:00");
        assert_eq!(
            most_of_the_day.over(at("2026-10-24T02:00:00Z"), &berlin()),
            at("2026-10-25T02:00:00Z")
        );
    }

    #[test]
    fn times_are_written_in_one_way() {
        for wrong in ["", "24:00", "7:30", "07:60", "07:3", "07:30:00", "ab:cd", "-1:00"] {
            assert!(TimeOfDay::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(TimeOfDay::parse("07:05").expect("a time").to_string(), "07:05");
    }

    proptest! {
        /// Against the wall clock itself, minute by minute, over days on which clocks change.
        #[test]
        fn the_end_is_the_first_minute_that_is_not_quiet(
            zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata"]),
            start in prop::sample::select(vec!["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z", "2026-04-04T00:00:00Z", "2026-10-03T00:00:00Z"]),
            minutes in 0..3000_i64,
            from in 0..1440_i16,
            length in 1..1440_i16,
        ) {
            let zone = TimeZone::get(zone).expect("bundled");
            let quiet = Quiet {
                from: TimeOfDay { minutes: from },
                to: TimeOfDay { minutes: (from + length) % 1440 },
                zone: Whose::Customer,
            };
            let now = Timestamp(at(start).0 + minutes * MINUTE);
            let shown = |at: Timestamp| {
                let time = at.to_jiff().to_zoned(zone.clone()).time();
                let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
                if quiet.from < quiet.to {
                    (quiet.from.minutes..quiet.to.minutes).contains(&minutes)
                } else {
                    minutes >= quiet.from.minutes || minutes < quiet.to.minutes
                }
            };
            let mut first = now;
            while shown(first) {
                first = Timestamp(first.0 + MINUTE);
            }
            prop_assert_eq!(quiet.over(now, &zone), first);
            prop_assert!(first == now || quiet.is_quiet(Timestamp(first.0 - 1), &zone));
        }
    }
}
