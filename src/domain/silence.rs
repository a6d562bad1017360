//! An address at which nobody answers, and when it is believed to be dead.
//!
//! A push service is named by the browser that subscribes, so that an address may lead to a machine that is gone, or never
//! was one. It is tried again, ever more rarely, and dropped in the end. What could be our own network being away is waited
//! for: days of silence count when somebody else answered meanwhile, and a month counts by itself.

use std::time::Duration;

use crate::domain::time::{DAY, Timestamp};

/// Attempts that are made at least.
pub const FEWEST: i64 = 8;
/// Silence that is enough when others answer,
pub const WHILE_OTHERS_ANSWER: Duration = DAY.saturating_mul(3);
/// and silence that is enough when nobody is known to.
pub const AT_MOST: Duration = DAY.saturating_mul(30);
/// For how long the answer of another shows that our own network is there.
const SHOWS: Duration = DAY;

/// How long nobody has answered at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Attempts without an answer since the last that had one; 0: it answers.
    pub attempts: i64,
    /// When the first of them was.
    pub since: Timestamp,
}

impl Silence {
    pub const NONE: Self = Self {
        attempts: 0,
        since: Timestamp(0),
    };

    /// After one more attempt without an answer.
    #[must_use]
    pub fn longer(self, now: Timestamp) -> Self {
        Self {
            attempts: self.attempts.saturating_add(1),
            since: if self.attempts == 0 { now } else { self.since },
        }
    }

    /// Whether nobody will answer any more. `answered` is when anybody else at all answered last.
    pub fn is_for_good(self, answered: Option<Timestamp>, now: Timestamp) -> bool {
        let lasted = now.since(self.since);
        let network_is_there = answered.is_some_and(|at| now.since(at) <= SHOWS && at >= self.since);
        self.attempts >= FEWEST && (lasted >= AT_MOST || (lasted >= WHILE_OTHERS_ANSWER && network_is_there))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn silent(attempts: i64, lasted: Duration) -> Silence {
        Silence {
            attempts,
            since: Timestamp(NOW.0 - i64::try_from(lasted.as_millis()).expect("fits")),
        }
    }

    #[test]
    fn our_own_outage_costs_no_address() {
        let week = silent(100, DAY * 7);
        assert!(!week.is_for_good(None, NOW));
        let before_it_began = Timestamp(week.since.0 - 1);
        assert!(!week.is_for_good(Some(before_it_began), NOW));
        assert!(week.is_for_good(Some(NOW), NOW));
    }

    #[test]
    fn a_few_attempts_and_a_few_hours_are_not_enough() {
        assert!(!silent(FEWEST - 1, DAY * 365).is_for_good(Some(NOW), NOW));
        assert!(!silent(1000, DAY * 2).is_for_good(Some(NOW), NOW));
        assert!(silent(FEWEST, AT_MOST).is_for_good(None, NOW));
    }

    proptest! {
        #[test]
        fn silence_ends_however_often_it_is_asked(every in 1..100_u64) {
            let mut silence = Silence::NONE;
            let mut now = NOW;
            for _ in 0..AT_MOST.as_secs() / 3600 / every + 10 {
                silence = silence.longer(now);
                prop_assert_eq!(silence.since, NOW);
                now = now.plus(Duration::from_secs(3600 * every));
            }
            prop_assert!(silence.is_for_good(None, now));
        }
    }
}
