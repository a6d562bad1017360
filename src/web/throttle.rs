//! How often somebody may try something that must not be tried often: a number at once, then one each interval.
//!
//! Kept in memory, for one node, and bounded: when it is full, the entries that hold back least go first. Each entry
//! is one number, the time at which the account would be full again (the generic cell rate algorithm, ITU-T I.371).
//! IPv6 addresses count by their first 64 bits, the least that one customer of a provider is given (RFC 6177).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

const MOST_ENTRIES: usize = 20_000;

/// So many tries at once, and one more each interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) at_once: i64,
    pub(super) interval_ms: i64,
}

/// What an address counts as: itself, or its network.
pub(super) fn bucket(address: Option<IpAddr>) -> Option<IpAddr> {
    address.map(|address| match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    })
}

/// Counts one try of `key`; false when it is one too many.
pub(super) fn count<K: Hash + Eq + Clone>(
    entries: &mut HashMap<K, i64>,
    key: K,
    rate: Rate,
    now: i64,
) -> bool {
    if entries.len() >= MOST_ENTRIES && !entries.contains_key(&key) {
        entries.retain(|_, full_at| *full_at > now);
        // All of them hold somebody back: somebody is attacking. That must not keep everybody else out.
        if entries.len() >= MOST_ENTRIES
            && let Some((least, _)) = entries.iter().min_by_key(|(_, full_at)| **full_at)
        {
            let least = least.clone();
            entries.remove(&least);
        }
    }
    let full_at = entries.entry(key).or_insert(now);
    let next = (*full_at).max(now) + rate.interval_ms;
    if next - now > rate.at_once * rate.interval_ms {
        return false;
    }
    *full_at = next;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Rate = Rate {
        at_once: 5,
        interval_ms: 30_000,
    };

    #[test]
    fn memory_is_bounded_and_nobody_new_is_kept_out() {
        let mut entries = HashMap::new();
        for key in 1..MOST_ENTRIES {
            assert!(count(&mut entries, key, FIVE, 1));
        }
        assert!(count(&mut entries, 0, FIVE, 0), "the one that holds back least");
        assert!(count(&mut entries, MOST_ENTRIES, FIVE, 1));
        assert_eq!(entries.len(), MOST_ENTRIES);
        assert!(!entries.contains_key(&0) && entries.contains_key(&MOST_ENTRIES));
        assert!(count(&mut entries, MOST_ENTRIES + 1, FIVE, FIVE.interval_ms + 1));
        assert_eq!(entries.len(), 1);
    }
}
