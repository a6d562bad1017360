//! How often somebody may try to sign in: a small number at once, then one each half minute.
//!
//! Kept in memory, for one node, and bounded: when it is full, entries that no longer hold anybody back go
//! first. Each entry is one number, the time at which the account would be full again (the generic cell rate
//! algorithm, ITU-T I.371).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::time::Timestamp;

const MOST_ENTRIES: usize = 20_000;
const INTERVAL_MS: i64 = 30_000;
/// Tries at once for one email from one address.
const TRIES_OF_PAIR: i64 = 5;
/// Tries at once from one address, whichever the email; offices share an address.
const TRIES_OF_ADDRESS: i64 = 30;

#[derive(Debug, Clone, Default)]
pub struct Throttle {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    pairs: HashMap<(String, Option<IpAddr>), i64>,
    addresses: HashMap<Option<IpAddr>, i64>,
}

impl Throttle {
    /// Counts one try; false when it is one too many.
    pub fn admit(&self, email: &str, address: Option<IpAddr>, now: Timestamp) -> bool {
        let email: String = email.trim().to_lowercase().chars().take(200).collect();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut inner.addresses, address, TRIES_OF_ADDRESS, now.0)
            && count(&mut inner.pairs, (email, address), TRIES_OF_PAIR, now.0)
    }

    /// Forgets the tries that led to the right password.
    pub fn clear(&self, email: &str, address: Option<IpAddr>) {
        let email = email.trim().to_lowercase().chars().take(200).collect();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.pairs.remove(&(email, address));
    }
}

fn count<K: Hash + Eq>(entries: &mut HashMap<K, i64>, key: K, tries: i64, now: i64) -> bool {
    if entries.len() >= MOST_ENTRIES && !entries.contains_key(&key) {
        entries.retain(|_, full_at| *full_at > now);
        if entries.len() >= MOST_ENTRIES {
            // Twenty thousand callers are held back right now: somebody is attacking. Nobody new gets in
            // until some of them have waited.
            return false;
        }
    }
    let full_at = entries.entry(key).or_insert(now);
    let next = (*full_at).max(now) + INTERVAL_MS;
    if next - now > tries * INTERVAL_MS {
        return false;
    }
    *full_at = next;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_then_one_each_half_minute() {
        let throttle = Throttle::default();
        let now = Timestamp(1_000_000);
        let tries = (0..9)
            .filter(|_| throttle.admit("A@example.com", None, now))
            .count();
        assert_eq!(tries, 5);
        assert!(!throttle.admit(" a@example.com", None, Timestamp(now.0 + INTERVAL_MS - 1)));
        assert!(throttle.admit("a@example.com", None, Timestamp(now.0 + INTERVAL_MS)));
        assert!(throttle.admit("b@example.com", None, now));
    }

    #[test]
    fn the_right_password_clears_the_count() {
        let throttle = Throttle::default();
        let now = Timestamp(0);
        for _ in 0..5 {
            assert!(throttle.admit("a@example.com", None, now));
        }
        throttle.clear("a@example.com", None);
        assert!(throttle.admit("a@example.com", None, now));
    }

    #[test]
    fn memory_is_bounded() {
        let mut entries = HashMap::new();
        for key in 0..MOST_ENTRIES {
            assert!(count(&mut entries, key, 5, 0));
        }
        assert!(!count(&mut entries, MOST_ENTRIES, 5, 0));
        assert!(count(&mut entries, MOST_ENTRIES, 5, INTERVAL_MS + 1));
        assert_eq!(entries.len(), 1);
    }
}
