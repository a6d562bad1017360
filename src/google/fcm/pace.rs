//! The pace of messages: Firebase's quota for a project, and a slow start after a rest.
//!
//! No minute, wherever it begins, holds more than the quota: the generic cell rate algorithm (ITU-T I.371) with a second's
//! worth at once. After a rest the rate grows over a minute from a sixtieth to the whole, because Firebase throttles who
//! comes with everything at once. The line is bounded: who would wait too long is told so and comes back later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::stopwatch;

const MINUTE: Duration = Duration::from_secs(60);
/// What may leave at once after a pause, as time.
const BURST: Duration = Duration::from_secs(1);
/// The longest that a message stands in line.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The line is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many messages are waiting for Firebase's quota; this one would wait {} ms", wait.as_millis())]
pub(super) struct Crowded {
    pub(super) wait: Duration,
}

pub(super) struct Pace {
    started: Instant,
    line: Mutex<Line>,
}

/// The pure part. Times count from the start of the process's pace.
#[derive(Debug)]
struct Line {
    /// Between two messages at the whole rate.
    spacing: Duration,
    /// When all that has left would have left at even distances.
    even: Duration,
    /// When the current rush began; nothing left in the minute before.
    rush: Option<Duration>,
    last: Duration,
    held_until: Duration,
}

impl Line {
    fn new(per_minute: u32) -> Self {
        Self {
            // A minute and what may leave at once before it.
            spacing: (MINUTE + BURST) / per_minute.max(2).saturating_sub(1),
            even: Duration::ZERO,
            rush: None,
            last: Duration::ZERO,
            held_until: Duration::ZERO,
        }
    }

    /// Takes the next place: how long to wait from `now` on.
    fn place(&mut self, now: Duration) -> Result<Duration, Crowded> {
        let start = self.even.saturating_sub(BURST).max(now).max(self.held_until);
        let wait = start - now;
        if wait > LONGEST_WAIT {
            return Err(Crowded { wait });
        }
        let rush = match self.rush {
            Some(rush) if start.saturating_sub(self.last) < MINUTE => rush,
            _ => start,
        };
        self.rush = Some(rush);
        self.last = start;
        self.even = self.even.max(start) + self.spacing_at(start.saturating_sub(rush));
        Ok(wait)
    }

    /// The distance so long after the beginning of a rush.
    fn spacing_at(&self, rushing: Duration) -> Duration {
        let grown = (rushing + Duration::from_secs(1)).min(MINUTE);
        self.spacing.mul_f64(MINUTE.as_secs_f64() / grown.as_secs_f64())
    }

    fn hold(&mut self, now: Duration, pause: Duration) {
        self.held_until = self.held_until.max(now + pause);
        // What comes after a quota that was used up begins slowly again.
        self.rush = None;
    }
}

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            started: stopwatch(),
            line: Mutex::new(Line::new(per_minute)),
        }
    }

    /// Waits for this message's turn.
    pub(super) async fn turn(&self) -> Result<(), Crowded> {
        let wait = self.line().place(self.started.elapsed())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How many messages that ask at once leave within `time`, at the whole rate.
    pub(super) fn room(&self, time: Duration) -> usize {
        let spacing = self.line().spacing.as_nanos().max(1);
        let places = (time.min(LONGEST_WAIT) + BURST).as_nanos() / spacing;
        usize::try_from(places).unwrap_or(usize::MAX).max(1)
    }

    /// Firebase says that the quota is used up: nobody who has no place yet leaves before `pause` is over.
    pub(super) fn hold(&self, pause: Duration) {
        self.line().hold(self.started.elapsed(), pause);
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// When messages leave that ask again at once when they are told to come back.
    fn departures(line: &mut Line, wanted: usize) -> Vec<Duration> {
        let mut now = Duration::ZERO;
        let mut left = Vec::with_capacity(wanted);
        while left.len() < wanted {
            match line.place(now) {
                Ok(wait) => left.push(now + wait),
                Err(crowded) => now += crowded.wait,
            }
        }
        left
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_quota(
            per_minute in 2..3000_u32,
            steps in prop::collection::vec((0..4000_u64, 1..40_usize), 1..60),
        ) {
            let mut line = Line::new(per_minute);
            let mut now = Duration::ZERO;
            let mut left: Vec<Duration> = Vec::new();
            for (pause, messages) in steps {
                now += Duration::from_millis(pause);
                left.extend((0..messages).filter_map(|_| line.place(now).ok()).map(|wait| now + wait));
            }
            prop_assert!(left.is_sorted());
            for (index, first) in left.iter().enumerate() {
                let within = left[index..].iter().take_while(|at| **at < *first + MINUTE);
                prop_assert!(within.count() <= per_minute as usize);
            }
        }
    }

    #[test]
    fn a_rush_begins_slowly_and_comes_to_the_whole_rate() {
        let mut line = Line::new(6000);
        let left = departures(&mut line, 20_000);
        let within = |from: u64, to: u64| {
            let seconds = Duration::from_secs(from)..Duration::from_secs(to);
            left.iter().filter(|at| seconds.contains(*at)).count()
        };
        assert!(within(0, 2) < 20, "{}", within(0, 2));
        assert!(within(29, 30) < 60, "half the rate after half the time");
        let whole = within(120, 121);
        assert!((95..=100).contains(&whole), "{whole}");
    }

    #[test]
    fn a_single_message_after_a_rest_leaves_at_once() {
        let mut line = Line::new(600_000);
        for hour in 0..5 {
            let now = Duration::from_secs(3600 * hour);
            assert_eq!(line.place(now), Ok(Duration::ZERO));
        }
    }

    #[test]
    fn a_quota_that_is_used_up_holds_everybody_back() {
        let mut line = Line::new(600_000);
        assert_eq!(line.place(Duration::ZERO), Ok(Duration::ZERO));
        line.hold(Duration::ZERO, MINUTE);
        assert_eq!(line.place(Duration::ZERO), Err(Crowded { wait: MINUTE }));
        assert_eq!(line.place(Duration::from_secs(58)), Ok(Duration::from_secs(2)));
    }
}
