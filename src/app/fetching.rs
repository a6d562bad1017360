//! How crowded this node is by phones that fetch: what pushes slow down for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::clock::stopwatch;
use crate::push::dispatcher::Fetches;
use crate::web::passkit::crowd;

/// Over which the network's use is measured.
const MEASURED_OVER: Duration = Duration::from_millis(500);

/// Connections, signatures and downloads of this process, each beside its limit; the fullest counts.
pub(super) struct Fetching {
    /// Places for connections that are free, and all of them.
    free: Arc<Semaphore>,
    places: usize,
    egress: Egress,
}

impl Fetching {
    /// `megabits` a second are what passes may take of the network; 0: as much as there is.
    pub(super) fn new(free: Arc<Semaphore>, places: usize, megabits: u32) -> Self {
        Self {
            free,
            places,
            egress: Egress::new(megabits),
        }
    }
}

impl Fetches for Fetching {
    fn crowd(&self) -> u32 {
        let taken = self.places.saturating_sub(self.free.available_permits());
        let taken = u32::try_from(taken.saturating_mul(100) / self.places.max(1)).unwrap_or(u32::MAX);
        let egress = self.egress.used(crowd::bytes_sent(), stopwatch());
        crowd::crowd().max(taken).max(egress)
    }
}

/// How much of the network passes take.
struct Egress {
    /// Bytes a second; 0: not limited.
    most: u64,
    last: Mutex<Option<Look>>,
}

#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    bytes: u64,
    used: u32,
}

impl Egress {
    fn new(megabits: u32) -> Self {
        Self {
            most: u64::from(megabits) * 1_000_000 / 8,
            last: Mutex::new(None),
        }
    }

    /// In percent of the limit, given how many bytes have ever left.
    fn used(&self, bytes: u64, now: Instant) -> u32 {
        if self.most == 0 {
            return 0;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *last.get_or_insert(Look {
            at: now,
            bytes,
            used: 0,
        });
        let passed = now.saturating_duration_since(before.at);
        if passed < MEASURED_OVER {
            return before.used;
        }
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let each_second = bytes.saturating_sub(before.bytes).saturating_mul(1000) / millis.max(1);
        let used = u32::try_from(each_second.saturating_mul(100) / self.most).unwrap_or(u32::MAX);
        *last = Some(Look { at: now, bytes, used });
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_measured_over_a_while() {
        let egress = Egress::new(8);
        let start = stopwatch();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(egress.used(5_000_000, at(0)), 0);
        assert_eq!(egress.used(5_900_000, at(100)), 0);
        assert_eq!(egress.used(6_000_000, at(1000)), 100);
        assert_eq!(egress.used(9_000_000, at(1100)), 100);
        assert_eq!(egress.used(6_500_000, at(2000)), 50);
        assert_eq!(egress.used(6_500_000, at(3000)), 0);
        assert_eq!(Egress::new(0).used(u64::MAX, at(0)), 0);
    }

    #[test]
    fn connections_crowd_a_node_too() {
        let free = Arc::new(Semaphore::new(4));
        let fetching = Fetching::new(Arc::clone(&free), 4, 0);
        let _three = free.try_acquire_many(3).expect("three of four");
        assert!(fetching.crowd() >= 75);
    }
}
