//! A bounded map of things that are dear to make and the same every time.
//!
//! Two generations: what is used moves to the young one; when that is full it becomes the old one and the
//! former old one is dropped. So the weight never exceeds the limit, and what is in use stays.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Cache<K, V> {
    generations: Mutex<Generations<K, V>>,
    /// Of one generation.
    limit: usize,
}

struct Generations<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Of the young generation.
    weight: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    /// `limit` is the greatest sum of weights held, in whatever unit `insert` is given.
    pub(crate) fn new(limit: usize) -> Self {
        let generations = Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
        };
        Self {
            generations: Mutex::new(generations),
            limit: limit / 2,
        }
    }

    pub(crate) fn find(&self, key: &K) -> Option<V> {
        let mut generations = self.lock();
        if let Some((value, _)) = generations.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = generations.old.remove(key)?;
        generations.admit(key.clone(), value.clone(), weight, self.limit);
        Some(value)
    }

    /// Keeps `value`, unless it alone is too heavy.
    pub(crate) fn insert(&self, key: K, value: V, weight: usize) {
        if weight <= self.limit {
            self.lock().admit(key, value, weight, self.limit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    fn admit(&mut self, key: K, value: V, weight: usize, limit: usize) {
        if self.weight + weight > limit {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        if let Some((_, replaced)) = self.young.insert(key, (value, weight)) {
            self.weight -= replaced;
        }
        self.weight += weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_weight_stays_under_the_limit(keys in prop::collection::vec((0_u8..40, 1_usize..30), 0..300)) {
            let cache = Cache::new(100);
            for (key, weight) in keys {
                cache.insert(key, key, weight);
                prop_assert!(cache.find(&key).is_none_or(|found| found == key));
                let held = cache.lock();
                let sum: usize = held.young.values().chain(held.old.values()).map(|(_, weight)| weight).sum();
                prop_assert!(sum <= 100);
            }
        }
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let cache = Cache::new(8);
        cache.insert(0, "used", 1);
        for key in 1..50 {
            cache.insert(key, "passing by", 1);
            assert_eq!(cache.find(&0), Some("used"));
        }
        assert_eq!(cache.find(&1), None);
    }
}
