//! How long phones took to fetch what a message says: the figure that counts, because a provider's "accepted" proves
//! nothing.
//!
//! Only Apple's copies are fetched by phones from us; Google, browsers and apps are handed the text, and what becomes of it
//! there nobody tells us. Times are counted in steps, so that a message to a million cards has some thousands of them.

use std::collections::BTreeMap;
use std::time::Duration;

/// Times to fetch, each with how many copies took it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetches(BTreeMap<i64, i64>);

/// Milliseconds as they are counted: tenths of a second up to a minute, seconds up to an hour, minutes above.
pub fn rounded(milliseconds: i64) -> i64 {
    let step = match milliseconds {
        ..60_000 => 100,
        60_000..3_600_000 => 1_000,
        _ => 60_000,
    };
    milliseconds.max(0) / step * step
}

impl Fetches {
    pub fn add(&mut self, milliseconds: i64, copies: i64) {
        *self.0.entry(rounded(milliseconds)).or_default() += copies;
    }

    /// Copies that were fetched.
    pub fn count(&self) -> i64 {
        self.0.values().sum()
    }

    /// The time within which `percent` of those were fetched that were; none where none was. Never too long, and too
    /// short by less than one step.
    pub fn within(&self, percent: i64) -> Option<Duration> {
        let count = self.count();
        let rank = (count.saturating_mul(percent) + 99) / 100;
        let mut seen = 0;
        for (milliseconds, copies) in &self.0 {
            seen += copies;
            if seen >= rank && *copies > 0 {
                return Some(Duration::from_millis(u64::try_from(*milliseconds).unwrap_or(0)));
            }
        }
        None
    }

    pub fn median(&self) -> Option<Duration> {
        self.within(50)
    }

    pub fn p95(&self) -> Option<Duration> {
        self.within(95)
    }
}

/// A time as people read it.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the sorted list itself.
        #[test]
        fn percentiles_are_those_of_the_times(times in proptest::collection::vec(0..200_000_000_i64, 1..300), percent in 1..100_i64) {
            let mut fetches = Fetches::default();
            for time in &times {
                fetches.add(*time, 1);
            }
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let rank = (times.len() * usize::try_from(percent).expect("small")).div_ceil(100);
            let exact = rounded(sorted[rank - 1]);
            prop_assert_eq!(fetches.within(percent), Some(Duration::from_millis(exact.try_into().expect("positive"))));
            prop_assert_eq!(fetches.count(), i64::try_from(times.len()).expect("few"));
        }

        #[test]
        fn a_time_is_rounded_down_by_less_than_a_step(time in 0..1_000_000_000_i64) {
            let lost = time - rounded(time);
            prop_assert!((0..60_000).contains(&lost));
            prop_assert!(lost * 50 < time.max(5_000), "little beside the time itself: {} of {}", lost, time);
            prop_assert_eq!(rounded(rounded(time)), rounded(time));
        }
    }

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        assert_eq!(Fetches::default().median(), None);
        let said = [400, 59_900, 61_000, 3_660_000].map(|time| shown(Duration::from_millis(time)));
        assert_eq!(said, ["0.4 s", "59.9 s", "1 min 1 s", "1 h 1 min"]);
    }
}
