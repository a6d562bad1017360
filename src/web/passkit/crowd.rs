//! What phones ask of this process: how full the queue for signatures is, how many passes are on their way, and what they
//! weigh. Whoever tells phones looks here first, so that no more come than are served.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::SIGNING;

/// Downloads at once that count as full: more of them than a network carries only make each of them slower.
const MOST_OPEN: usize = 1024;

static OPEN: AtomicUsize = AtomicUsize::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);

/// A pass on its way to a phone.
#[derive(Debug)]
pub(super) struct Download(());

impl Download {
    pub(super) fn begin() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// Takes note of what left.
    pub(super) fn sent(&self, bytes: usize) {
        SENT.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waits for a signature or is on its way, in percent of what is taken on at once.
pub fn crowd() -> u32 {
    let open = OPEN.load(Ordering::Relaxed).saturating_mul(100) / MOST_OPEN;
    u32::try_from(SIGNING.crowd().max(open)).unwrap_or(u32::MAX)
}

/// Bytes of passes that have left since this process began.
pub fn bytes_sent() -> u64 {
    SENT.load(Ordering::Relaxed)
}
