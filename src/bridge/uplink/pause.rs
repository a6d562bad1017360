//! How long to wait between attempts: doubling from 0.2 s to 15 s, spread at random so that the stations of a
//! merchant do not return all at once.

use crate::clock::Ids;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    ids: Ids,
}

impl Pause {
    pub(super) fn new(ids: Ids) -> Self {
        Self { next: FIRST, ids }
    }

    /// Between half and all of the current pause; the one after is twice as long.
    pub(super) fn next(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LAST);
        let [draw] = self.ids.secret::<1>();
        full / 2 + full * u32::from(draw) / 512
    }

    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let mut pause = Pause::new(Ids::seeded(1));
        let mut full = FIRST;
        for _ in 0..12 {
            let wait = pause.next();
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
            full = (full * 2).min(LAST);
        }
        assert_eq!(full, LAST);
        pause.reset();
        assert!(pause.next() <= FIRST);
    }
}
