//! Points in time as the store keeps them: unix milliseconds, made in Rust, never by a database.

use jiff::tz::TimeZone;
use std::time::Duration;

/// Twenty-four hours.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The distance between two points, whichever is first.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// The same instant for printing; times outside jiff's range are moved to its nearest end.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// The civil day in `zone` as a count of days since 1970-01-01: two instants share a business day
    /// exactly when these are equal.
    pub fn day_in(self, zone: &TimeZone) -> Day {
        let date = self.to_jiff().to_zoned(zone.clone()).date();
        let epoch = jiff::civil::date(1970, 1, 1);
        Day(i64::from((date - epoch).get_days()))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A civil day, counted from 1970-01-01 in whatever zone it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// A day of the calendar as people write it, `2026-11-25`; which instants it covers depends on a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CivilDay(pub jiff::civil::Date);

impl CivilDay {
    /// The first instant after this day in `zone`; none for the last day of all time.
    pub fn end_in(self, zone: &TimeZone) -> Option<Timestamp> {
        let start_of_next = self.0.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(start_of_next.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_begins_in_its_zone() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let day = CivilDay(jiff::civil::date(2026, 3, 28)); // the night after it has no 02:00
        let end = day.end_in(&zone).expect("an end");
        assert_eq!(
            end.minus(Duration::from_millis(1)).day_in(&zone).0 + 1,
            end.day_in(&zone).0
        );
    }

    #[test]
    fn a_business_day_follows_the_zone_and_not_utc() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let late = Timestamp(1_782_941_400_000); // 2026-07-01T21:30:00Z = 23:30 in Berlin
        let later = late.plus(Duration::from_secs(3600)); // 00:30 in Berlin
        assert_eq!(late.day_in(&zone).0 + 1, later.day_in(&zone).0);
        assert_eq!(late.day_in(&TimeZone::UTC), later.day_in(&TimeZone::UTC));
    }
}
