//! The pace of requests: calls under one credential start at even distances.
//!
//! The Wallet API takes 20 requests a second and says nothing in its headers. Even spacing (a token bucket of
//! one) is chosen over bursts because a burst that a cold connection holds up reaches Google together with the
//! next one, and both count in the same second. Callers start in the order in which they asked. The line is
//! bounded: who would wait too long is told so at once and comes back later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::stopwatch;

/// The longest that a call stands in line.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// The line is full; `wait` is how long this call would have stood in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls are waiting for Google's rate limit; this one would wait {} ms", wait.as_millis())]
pub struct Crowded {
    pub wait: Duration,
}

pub(super) struct Pace {
    started: Instant,
    line: Mutex<Line>,
}

/// The pure part. Times count from the start of the process's pace.
#[derive(Debug)]
struct Line {
    spacing: Duration,
    next: Duration,
}

impl Line {
    /// Takes the next place: how long to wait from `now` on.
    fn place(&mut self, now: Duration) -> Result<Duration, Crowded> {
        let start = self.next.max(now);
        let wait = start.saturating_sub(now);
        if wait > LONGEST_WAIT {
            return Err(Crowded { wait });
        }
        self.next = start + self.spacing;
        Ok(wait)
    }

    /// How many places an empty line has within `time`.
    fn room(&self, time: Duration) -> usize {
        let places = time.min(LONGEST_WAIT).as_nanos() / self.spacing.as_nanos().max(1);
        usize::try_from(places).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Nobody starts before `now + pause`.
    fn hold(&mut self, now: Duration, pause: Duration) {
        self.next = self.next.max(now + pause);
    }
}

impl Pace {
    /// `per_second` of 0 counts as 1.
    pub(super) fn new(per_second: u32) -> Self {
        let spacing = Duration::from_secs(1) / per_second.max(1);
        Self {
            started: stopwatch(),
            line: Mutex::new(Line {
                spacing,
                next: Duration::ZERO,
            }),
        }
    }

    /// Waits for this call's turn.
    pub(super) async fn turn(&self) -> Result<(), Crowded> {
        let wait = self.line().place(self.started.elapsed())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How many calls that ask at once are let in and start within `time`.
    pub(super) fn room(&self, time: Duration) -> usize {
        self.line().room(time)
    }

    /// Google says that we are too fast: everybody who has no place yet pauses.
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

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_rate(
            rate in 1..50_u32,
            steps in prop::collection::vec(0..200_u64, 1..200),
        ) {
            let spacing = Duration::from_secs(1) / rate;
            let mut line = Line { spacing, next: Duration::ZERO };
            let mut now = Duration::ZERO;
            let mut starts: Vec<Duration> = Vec::new();
            for step in steps {
                now += Duration::from_millis(step);
                if let Ok(wait) = line.place(now) {
                    prop_assert!(wait <= LONGEST_WAIT);
                    starts.push(now + wait);
                }
            }
            for window in starts.windows(2) {
                prop_assert!(window[1] - window[0] >= spacing);
            }
        }
    }

    proptest! {
        #[test]
        fn there_is_room_for_as_many_as_the_line_takes(rate in 1..2000_u32, seconds in 0..100_u64) {
            let spacing = Duration::from_secs(1) / rate;
            let mut line = Line { spacing, next: Duration::ZERO };
            let time = Duration::from_secs(seconds);
            for _ in 0..line.room(time) {
                let wait = line.place(Duration::ZERO);
                prop_assert!(wait.is_ok_and(|wait| wait <= time), "{wait:?}");
            }
            let next = line.place(Duration::ZERO);
            prop_assert!(next.is_err() || next.is_ok_and(|wait| wait > time), "{next:?}");
        }
    }

    fn twenty_a_second() -> Line {
        let spacing = Duration::from_millis(50);
        Line {
            spacing,
            next: Duration::ZERO,
        }
    }

    #[test]
    fn sixty_calls_at_once_start_in_order_over_three_seconds() {
        let mut line = twenty_a_second();
        for place in 0..60_u32 {
            assert_eq!(line.place(Duration::ZERO), Ok(Duration::from_millis(50) * place));
        }
    }

    #[test]
    fn a_call_after_a_rest_starts_at_once() {
        let mut line = twenty_a_second();
        for _ in 0..20 {
            line.place(Duration::ZERO).expect("room");
        }
        assert_eq!(line.place(Duration::from_secs(9)), Ok(Duration::ZERO));
        assert_eq!(line.place(Duration::from_secs(9)), Ok(Duration::from_millis(50)));
    }

    #[test]
    fn a_full_line_refuses_at_once_and_frees_itself() {
        let spacing = Duration::from_secs(1);
        let mut line = Line {
            spacing,
            next: Duration::ZERO,
        };
        for _ in 0..=15 {
            line.place(Duration::ZERO).expect("room");
        }
        let crowded = line.place(Duration::ZERO).expect_err("full");
        assert_eq!(crowded.wait, Duration::from_secs(16));
        assert_eq!(line.place(Duration::from_secs(2)), Ok(Duration::from_secs(14)));
    }

    #[test]
    fn a_hold_makes_everybody_wait() {
        let mut line = twenty_a_second();
        line.hold(Duration::from_secs(3), Duration::from_secs(1));
        assert_eq!(line.place(Duration::from_secs(3)), Ok(Duration::from_secs(1)));
    }
}
