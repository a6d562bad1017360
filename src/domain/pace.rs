//! How fast long work goes on, by what was seen of it lately, and how long the rest will take at that pace.
//!
//! Invariant: nothing is said before enough was seen, nor of work that stands still: no number is better than a wrong one.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Timestamp;

/// What lies further back says nothing about how fast it goes now.
const LOOKS_BACK: Duration = Duration::from_secs(60);
/// What was seen for less time than this says too little.
const LEAST: Duration = Duration::from_secs(2);
/// Two looks that are closer count as one.
const APART: Duration = Duration::from_secs(1);
/// No estimate is longer: who has to wait for days is not helped by their number.
const MOST: Duration = Duration::from_hours(48);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    at: Timestamp,
    part: i64,
    things: i64,
}

/// What was seen of one piece of work in the last minute; at most some sixty looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    seen: VecDeque<Seen>,
}

impl Pace {
    /// Notes that at `at` so much of the whole was done, and so many things of those that people count. Work that has
    /// gone back was begun anew, and what was seen before is forgotten.
    pub fn note(&mut self, at: Timestamp, part: i64, things: i64) {
        if let Some(last) = self.seen.back() {
            if at < last.at {
                return;
            }
            if part < last.part || things < last.things {
                self.seen.clear();
            }
        }
        let looks = self.seen.len();
        let before = looks.checked_sub(2).and_then(|index| self.seen.get(index));
        if before.is_some_and(|before| at.since(before.at) < APART) {
            self.seen.pop_back();
        }
        self.seen.push_back(Seen { at, part, things });
        // The oldest look is the last one that lies before the minute, so that a whole minute is seen.
        while self
            .seen
            .get(1)
            .is_some_and(|second| at.since(second.at) >= LOOKS_BACK)
        {
            self.seen.pop_front();
        }
    }

    /// Whether it was looked at within the last minute: what lies further back says nothing any more.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.seen
            .back()
            .is_some_and(|last| now.since(last.at) < LOOKS_BACK)
    }

    /// Things of a minute, rounded; none while that is not known.
    pub fn per_minute(&self) -> Option<i64> {
        let (took, _, things) = self.moved()?;
        let rate = i128::from(things) * 60_000 / i128::try_from(took.as_millis()).ok()?.max(1);
        i64::try_from(rate).ok().filter(|rate| *rate > 0)
    }

    /// How long the rest of `whole` takes; none while that is not known.
    pub fn left(&self, whole: i64) -> Option<Duration> {
        let (took, parts, _) = self.moved()?;
        let rest = i128::from(whole) - i128::from(self.seen.back()?.part);
        if parts <= 0 || rest < 0 {
            return None;
        }
        let millis = rest * i128::try_from(took.as_millis()).ok()? / i128::from(parts);
        let left = Duration::from_millis(u64::try_from(millis).ok()?);
        (left <= MOST).then_some(left)
    }

    fn moved(&self) -> Option<(Duration, i64, i64)> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let took = last.at.since(first.at);
        let parts = last.part.saturating_sub(first.part);
        (took >= LEAST).then(|| (took, parts, last.things.saturating_sub(first.things)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_000_000 + seconds * 1000)
    }

    #[test]
    fn nothing_is_said_before_enough_was_seen_or_while_nothing_moves() {
        let mut pace = Pace::default();
        pace.note(at(0), 0, 0);
        assert_eq!((pace.per_minute(), pace.left(100)), (None, None));
        pace.note(at(1), 10, 10);
        assert_eq!(pace.left(100), None, "a second is too little");
        pace.note(at(10), 50, 50);
        assert_eq!(pace.per_minute(), Some(300));
        assert_eq!(pace.left(100), Some(Duration::from_secs(10)));
        for second in 11..90 {
            pace.note(at(second), 50, 50);
        }
        assert_eq!(
            (pace.per_minute(), pace.left(100)),
            (None, None),
            "it stands still"
        );
        assert!(pace.is_fresh(at(120)) && !pace.is_fresh(at(150)));
        assert!(
            !Pace::default().is_fresh(at(0)),
            "what nobody looked at says nothing"
        );
    }

    #[test]
    fn work_that_was_begun_anew_has_no_past() {
        let mut pace = Pace::default();
        pace.note(at(0), 0, 0);
        pace.note(at(20), 100, 100);
        pace.note(at(21), 5, 5);
        assert_eq!(pace.left(100), None);
        pace.note(at(31), 15, 15);
        assert_eq!(pace.left(25), Some(Duration::from_secs(10)));
    }

    proptest! {
        #[test]
        fn looks_are_bounded_and_an_even_pace_is_said_as_it_is(
            steps in proptest::collection::vec(1..5_i64, 1..300), each in 1..1000_i64,
        ) {
            let (mut pace, mut second) = (Pace::default(), 0);
            for step in steps {
                second += step;
                pace.note(at(second), second * each, second * each);
                prop_assert!(pace.seen.len() <= 64);
            }
            if let Some(rate) = pace.per_minute() {
                prop_assert_eq!(rate, each * 60);
                prop_assert_eq!(pace.left((second + 7) * each), Some(Duration::from_secs(7)));
            }
        }

        #[test]
        fn no_numbers_panic(looks in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..20), whole: i64) {
            let mut pace = Pace::default();
            for (at, part, things) in looks {
                pace.note(Timestamp(at), part, things);
                let _ = (pace.per_minute(), pace.left(whole));
            }
        }
    }
}
