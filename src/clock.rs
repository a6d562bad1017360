//! Time, ids and randomness, passed in: the only file that asks the machine for any of them.
//!
//! Everything else takes a [`Clock`] or an [`Ids`] (or plain values made from them), so that a test decides what
//! time it is and which ids appear.

use crate::domain::time::Timestamp;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where *now* comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    /// Moves only when told to; shared by every clone.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(now) => Timestamp(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock; the system clock does not listen.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(now) = self {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            now.fetch_add(by, Ordering::SeqCst);
        }
    }
}

/// A point on the machine's monotonic clock, for measuring how long something took.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the monotonic clock"
)]
pub fn stopwatch() -> Instant {
    Instant::now()
}

/// Where ids and secrets come from.
#[derive(Clone, Debug)]
pub struct Ids {
    source: Arc<Mutex<Source>>,
}

#[derive(Debug)]
struct Source {
    last: i64,
    /// `Some` in tests: a counter stands in for randomness.
    seed: Option<u64>,
}

/// 2024-01-01T00:00:00Z; ids count milliseconds from here, which leaves 42 bits for them.
const ID_EPOCH: i64 = 1_704_067_200_000;
const RANDOM_BITS: u32 = 21;

impl Ids {
    pub fn random() -> Self {
        Self::with(None)
    }

    /// Predictable ids and secrets, for tests only: the same seed gives the same sequence.
    pub fn seeded(seed: u64) -> Self {
        Self::with(Some(seed))
    }

    fn with(seed: Option<u64>) -> Self {
        let source = Source { last: 0, seed };
        Self {
            source: Arc::new(Mutex::new(source)),
        }
    }

    /// The smallest id that can be made at `at` or later.
    pub fn first_at(at: Timestamp) -> i64 {
        (at.0 - ID_EPOCH).clamp(0, i64::MAX >> RANDOM_BITS) << RANDOM_BITS
    }

    /// A new id: milliseconds since 2024, then random bits; always greater than the one before.
    /// Two nodes collide only with the same millisecond and the same 21 bits, and then one of them gets a
    /// refused insert, not a shared row.
    pub fn next(&self, now: Timestamp) -> i64 {
        let mut source = self.lock();
        let time = (now.0 - ID_EPOCH).max(1) << RANDOM_BITS;
        let low = i64::from(source.draw_u32()) & ((1 << RANDOM_BITS) - 1);
        let fresh = time | low;
        source.last = fresh.max(source.last + 1);
        source.last
    }

    /// Random bytes from the operating system's generator, for keys, tokens and nonces.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.lock().fill(&mut bytes);
        bytes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Source> {
        self.source
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Source {
    fn draw_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that draws randomness"
    )]
    fn fill(&mut self, bytes: &mut [u8]) {
        use rand::RngExt as _;
        match &mut self.seed {
            None => rand::rng().fill(bytes),
            Some(seed) => {
                for chunk in bytes.chunks_mut(8) {
                    // splitmix64: spreads a counter over all bits; not secret and not meant to be.
                    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut mixed = *seed;
                    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    mixed ^= mixed >> 31;
                    let size = chunk.len();
                    chunk.copy_from_slice(&mixed.to_le_bytes()[..size]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let ids = Ids::random();
        let first = ids.next(Timestamp(1_800_000_000_000));
        let second = ids.next(Timestamp(1_700_000_000_000));
        assert!(second > first);
    }

    #[test]
    fn a_seed_repeats_its_sequence() {
        let draw = || Ids::seeded(7).secret::<16>();
        assert_eq!(draw(), draw());
        assert_ne!(Ids::random().secret::<16>(), Ids::random().secret::<16>());
    }
}
