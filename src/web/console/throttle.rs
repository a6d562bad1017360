//! How often somebody may try to sign in: a small number at once, then one each half minute. Kept as `web::throttle` says.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::web::throttle::{Rate, bucket, count};

const INTERVAL_MS: i64 = 30_000;
/// Tries at once for one email from one address.
const TRIES_OF_PAIR: i64 = 5;
/// Tries at once from one address, whichever the email; offices share an address.
const TRIES_OF_ADDRESS: i64 = 30;

fn rate(tries: i64) -> Rate {
    Rate {
        at_once: tries,
        interval_ms: INTERVAL_MS,
    }
}

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
        let (email, address) = (normal(email), bucket(address));
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut inner.addresses, address, rate(TRIES_OF_ADDRESS), now.0)
            && count(&mut inner.pairs, (email, address), rate(TRIES_OF_PAIR), now.0)
    }

    /// Counts one try at a code of an account's second factor. Six digits are soon guessed, so tries are counted for the
    /// account, wherever they come from, and for the address.
    pub fn admit_code(&self, account: AccountId, address: Option<IpAddr>, now: Timestamp) -> bool {
        let counted = codes_of(account);
        self.admit(&counted, None, now) && self.admit(&counted, address, now)
    }

    /// Forgets the tries that led to the right code.
    pub fn refund_code(&self, account: AccountId, address: Option<IpAddr>, now: Timestamp) {
        let counted = codes_of(account);
        self.refund(&counted, None, now);
        self.refund(&counted, address, now);
    }

    /// Forgets the tries that led to the right password, also for the address that they came from. Tries with other
    /// emails still count: somebody who has an account cannot clear what they tried with those of others.
    pub fn refund(&self, email: &str, address: Option<IpAddr>, now: Timestamp) {
        let (email, address) = (normal(email), bucket(address));
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(full_at) = inner.pairs.remove(&(email, address)) else {
            return;
        };
        let tried = (full_at - now.0).max(0);
        if let Some(full_at) = inner.addresses.get_mut(&address) {
            *full_at -= tried;
        }
    }
}

/// What tries at an account's codes are counted under; no email looks like it.
fn codes_of(account: AccountId) -> String {
    format!("code of {account}")
}

fn normal(email: &str) -> String {
    email.trim().to_lowercase().chars().take(200).collect()
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
    fn the_right_password_gives_its_tries_back() {
        let throttle = Throttle::default();
        let (now, office) = (Timestamp(0), Some(IpAddr::from([198, 51, 100, 7])));
        // More members than the address has tries, each with a typing mistake first.
        for member in 0..2 * TRIES_OF_ADDRESS {
            let email = format!("member{member}@example.com");
            assert!(throttle.admit(&email, office, now));
            assert!(throttle.admit(&email, office, now));
            throttle.refund(&email, office, now);
        }
    }

    #[test]
    fn an_own_account_does_not_give_tries_with_others_back() {
        let throttle = Throttle::default();
        let (now, thief) = (Timestamp(0), Some(IpAddr::from([198, 51, 100, 7])));
        let guesses = (0..100).filter(|victim| {
            let guessed = throttle.admit(&format!("victim{victim}@example.com"), thief, now);
            if throttle.admit("thief@example.com", thief, now) {
                throttle.refund("thief@example.com", thief, now);
            }
            guessed
        });
        assert_eq!(i64::try_from(guesses.count()), Ok(TRIES_OF_ADDRESS));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_tries() {
        let throttle = Throttle::default();
        let from = |text: &str, email: i64| {
            let address = text.parse::<IpAddr>().ok();
            throttle.admit(&format!("{email}@example.com"), address, Timestamp(0))
        };
        let tries = (0..100).filter(|n| from(&format!("2001:db8:0:1::{n:x}"), *n));
        assert_eq!(i64::try_from(tries.count()), Ok(TRIES_OF_ADDRESS));
        assert!(from("2001:db8:0:2::1", 0));
        assert!(from("198.51.100.1", 0) && from("198.51.100.2", 0));
    }
}
