//! When a message goes out: at once, or at a local time in the merchant's zone or in each customer's own.
//!
//! A local time that a zone skips (clocks go forward) is moved on by what was skipped: 02:30 becomes 03:30. One that
//! happens twice (clocks go back) is the first of the two. A time that has passed in the merchant's zone is refused. With
//! each customer's zone a message starts when that time comes in the first of the zones that its merchant's customers
//! live in; for whom it has passed already when the message starts, it is due at once.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// When, as somebody says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    Now,
    /// This local date and time.
    At {
        time: DateTime,
        zone: WhoseZone,
    },
}

/// Whose clock a local time is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoseZone {
    Merchant,
    /// Each customer's own; the merchant's where it is not known.
    Customer,
}

/// What a zone's clock makes of a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It happens once.
    Plain,
    /// It is skipped; the time is moved on by what was skipped.
    Skipped,
    /// It happens twice; the first is meant.
    Twice,
}

/// Why a time is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhenRefusal {
    #[error("time: expected one that is still to come; got {got}, which has passed where the merchant is")]
    Past { got: DateTime },
    #[error("time: expected one within {MOST_DAYS} days; got {got}")]
    TooFar { got: DateTime },
}

/// So far ahead a message can be scheduled.
pub const MOST_DAYS: i64 = 400;

impl WhoseZone {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Customer => "customer",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Merchant, Self::Customer]
            .into_iter()
            .find(|zone| zone.as_str() == text)
    }
}

/// The instant at which a clock in `zone` shows `time`.
pub fn instant(time: DateTime, zone: &TimeZone) -> (Timestamp, Fit) {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let fit = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => Fit::Plain,
        AmbiguousOffset::Gap { .. } => Fit::Skipped,
        AmbiguousOffset::Fold { .. } => Fit::Twice,
    };
    // Only times at the ends of all time have no instant; those are not within reach of any schedule.
    let at = ambiguous
        .compatible()
        .map_or(Timestamp(i64::MAX), |at| Timestamp(at.as_millisecond()));
    (at, fit)
}

impl When {
    /// When the message starts, said at `now`. `zones` are those that the merchant's customers are known to live in.
    pub fn starts_at<'z>(
        self,
        merchant: &TimeZone,
        zones: impl IntoIterator<Item = &'z TimeZone>,
        now: Timestamp,
    ) -> Result<Timestamp, WhenRefusal> {
        let Self::At { time, zone } = self else {
            return Ok(now);
        };
        let (at, _) = instant(time, merchant);
        if at <= now {
            return Err(WhenRefusal::Past { got: time });
        }
        if at.0.saturating_sub(now.0) > MOST_DAYS * 24 * 3_600_000 {
            return Err(WhenRefusal::TooFar { got: time });
        }
        Ok(match zone {
            WhoseZone::Merchant => at,
            WhoseZone::Customer => {
                let theirs = zones.into_iter().map(|zone| instant(time, zone).0);
                theirs.fold(at, Timestamp::min).max(now)
            }
        })
    }

    /// When one customer of a message that has started at `started` is due.
    pub fn due_for(self, merchant: &TimeZone, customer: Option<&TimeZone>, started: Timestamp) -> Timestamp {
        match self {
            Self::Now
            | Self::At {
                zone: WhoseZone::Merchant,
                ..
            } => started,
            Self::At {
                time,
                zone: WhoseZone::Customer,
            } => instant(time, customer.unwrap_or(merchant)).0.max(started),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a bundled zone")
    }

    fn utc(time: DateTime) -> Timestamp {
        instant(time, &TimeZone::UTC).0
    }

    fn at(time: DateTime, zone: WhoseZone) -> When {
        When::At { time, zone }
    }

    #[test]
    fn a_skipped_hour_is_moved_on_and_a_doubled_one_is_the_first() {
        let berlin = zone("Europe/Berlin");
        let (skipped, fit) = instant(datetime(2027, 3, 28, 2, 30, 0, 0), &berlin);
        assert_eq!(fit, Fit::Skipped);
        assert_eq!(
            skipped,
            utc(datetime(2027, 3, 28, 1, 30, 0, 0)),
            "03:30 in summer time"
        );
        let (first, fit) = instant(datetime(2027, 10, 31, 2, 30, 0, 0), &berlin);
        assert_eq!(fit, Fit::Twice);
        assert_eq!(
            first,
            utc(datetime(2027, 10, 31, 0, 30, 0, 0)),
            "still summer time"
        );
        let (plain, fit) = instant(datetime(2027, 7, 1, 9, 0, 0, 0), &berlin);
        assert_eq!((plain, fit), (utc(datetime(2027, 7, 1, 7, 0, 0, 0)), Fit::Plain));
        // Half an hour is skipped here, not a whole one.
        let (skipped, _) = instant(datetime(2026, 10, 4, 2, 15, 0, 0), &zone("Australia/Lord_Howe"));
        assert_eq!(skipped, utc(datetime(2026, 10, 3, 15, 45, 0, 0)));
    }

    #[test]
    fn what_has_passed_where_the_merchant_is_is_refused() {
        let (berlin, tokyo) = (zone("Europe/Berlin"), zone("Asia/Tokyo"));
        let time = datetime(2027, 5, 3, 10, 0, 0, 0);
        let now = utc(datetime(2027, 5, 3, 8, 0, 0, 0));
        for whose in [WhoseZone::Merchant, WhoseZone::Customer] {
            let refused = at(time, whose).starts_at(&berlin, [&tokyo], now);
            assert_eq!(
                refused,
                Err(WhenRefusal::Past { got: time }),
                "now is not to come"
            );
        }
        let before = Timestamp(now.0 - 1);
        assert_eq!(
            at(time, WhoseZone::Merchant).starts_at(&berlin, [], before),
            Ok(now)
        );
        let far = datetime(2030, 5, 3, 10, 0, 0, 0);
        assert!(matches!(
            at(far, WhoseZone::Merchant).starts_at(&berlin, [], now),
            Err(WhenRefusal::TooFar { .. })
        ));
        assert_eq!(When::Now.starts_at(&berlin, [], now), Ok(now));
    }

    #[test]
    fn with_each_customers_zone_the_first_zone_starts_it_and_each_has_its_own_time() {
        let (berlin, tokyo, lima) = (zone("Europe/Berlin"), zone("Asia/Tokyo"), zone("America/Lima"));
        let time = datetime(2027, 5, 3, 10, 0, 0, 0);
        let when = at(time, WhoseZone::Customer);
        let now = utc(datetime(2027, 5, 2, 12, 0, 0, 0));
        let started = when.starts_at(&berlin, [&lima, &tokyo], now).expect("to come");
        assert_eq!(
            started,
            utc(datetime(2027, 5, 3, 1, 0, 0, 0)),
            "ten o'clock in Tokyo"
        );
        assert_eq!(when.due_for(&berlin, Some(&tokyo), started), started);
        assert_eq!(
            when.due_for(&berlin, Some(&lima), started),
            utc(datetime(2027, 5, 3, 15, 0, 0, 0))
        );
        assert_eq!(
            when.due_for(&berlin, None, started),
            utc(datetime(2027, 5, 3, 8, 0, 0, 0)),
            "the merchant's zone where nothing is known"
        );
        // It is past ten in Tokyo when somebody in Berlin thinks of it.
        let late = utc(datetime(2027, 5, 3, 6, 0, 0, 0));
        let started = when
            .starts_at(&berlin, [&tokyo], late)
            .expect("to come in Berlin");
        assert_eq!(started, late);
        assert_eq!(when.due_for(&berlin, Some(&tokyo), started), late);
    }

    proptest! {
        #[test]
        fn nobody_is_due_before_the_message_starts(minutes in 0..600_000_i64, ahead in 1..500_i64) {
            let zones: Vec<_> = ["Asia/Tokyo", "America/Lima", "Pacific/Kiritimati", "Europe/Berlin"].map(zone).into();
            let now = Timestamp(1_780_000_000_000 + minutes * 60_000);
            let time = now.plus(std::time::Duration::from_secs(ahead.unsigned_abs() * 1800)).to_jiff();
            let time = time.to_zoned(zones[3].clone()).datetime();
            for whose in [WhoseZone::Merchant, WhoseZone::Customer] {
                if let Ok(started) = at(time, whose).starts_at(&zones[3], &zones, now) {
                    prop_assert!(started >= now);
                    for zone in &zones {
                        let due = at(time, whose).due_for(&zones[3], Some(zone), started);
                        prop_assert!(due >= started);
                        prop_assert!(due.since(started) <= std::time::Duration::from_secs(27 * 3600));
                    }
                }
            }
        }
    }
}
