//! What one row says that stands for all cards of a customer, and what it is sorted by: the sum of what adds up, the
//! furthest of what goes on, and otherwise what the card says by which the row is reached.
//!
//! Invariant: what is shown, what is sorted by in memory and what the store sorts by are merged alike; each of them asks
//! [`Sort::merge`].

use super::facts::Facts;
use super::order::{Key, NO_VALUE, Order, Place, Sort};
use crate::domain::id::CardId;
use crate::domain::time::Timestamp;

/// How the numbers of several cards become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    Sum,
    Most,
    Least,
    /// The status of the card that can do most.
    Best,
}

impl Sort {
    /// None for what every card of a customer says alike, and for what only the row's own card can say.
    pub fn merge(self) -> Option<Merge> {
        match self {
            Self::Punches | Self::Points | Self::Rewards | Self::Visits | Self::Spend => Some(Merge::Sum),
            Self::Progress | Self::Activity => Some(Merge::Most),
            Self::Joined => Some(Merge::Least),
            Self::Status => Some(Merge::Best),
            Self::Name | Self::Email | Self::Phone | Self::Program | Self::Tier | Self::TierPoints => None,
        }
    }
}

impl Merge {
    /// [`NO_VALUE`] adds nothing.
    pub fn of(self, one: i64, other: i64) -> i64 {
        match (one, other) {
            (NO_VALUE, value) | (value, NO_VALUE) => value,
            (one, other) => match self {
                Self::Sum => one.saturating_add(other).max(NO_VALUE + 1),
                Self::Most => one.max(other),
                Self::Least => one.min(other),
                Self::Best => usefulness(usefulness(one).min(usefulness(other))),
            },
        }
    }
}

/// The order of statuses from the most useful one: as they are numbered, but an installed card before one that waits to
/// be. Its own inverse.
pub fn usefulness(status: i64) -> i64 {
    match status {
        0 => 1,
        1 => 0,
        other => other,
    }
}

impl Place {
    /// Where a row stands that is `card` for all of its holder's cards, whose facts these are.
    pub fn of_customer(all: &[Facts], card: CardId, order: Order, now: Timestamp) -> Option<Self> {
        let own = all.iter().find(|facts| facts.card == card)?;
        let own = Self::of(own, order, now);
        let Some(merge) = order.sort.merge() else {
            return Some(own);
        };
        let keys = all
            .iter()
            .filter_map(|facts| match Self::of(facts, order, now).key {
                Key::Number(number) => Some(number),
                Key::Text(_) => None,
            });
        let merged = keys.reduce(|one, other| merge.of(one, other))?;
        Some(Self {
            key: Key::Number(merged),
            card,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::CardStatus;
    use crate::domain::segment::facts::{EXPIRED_CODE, status_code};
    use proptest::prelude::*;

    #[test]
    fn the_best_status_is_that_of_the_most_useful_card() {
        let [pending, installed, removed, void] = [
            CardStatus::Pending,
            CardStatus::Installed,
            CardStatus::Removed,
            CardStatus::Void,
        ]
        .map(status_code);
        let best = [installed, pending, removed, EXPIRED_CODE, void];
        for (place, better) in best.iter().enumerate() {
            for worse in best.iter().skip(place) {
                assert_eq!(Merge::Best.of(*worse, *better), *better);
            }
        }
    }

    proptest! {
        #[test]
        fn merging_asks_for_no_order(one: i64, two: i64, three in 0..5_i64) {
            for merge in [Merge::Sum, Merge::Most, Merge::Least, Merge::Best] {
                let (one, two) = match merge {
                    Merge::Sum => (one / 4, two / 4),
                    _ => (one, two),
                };
                prop_assert_eq!(merge.of(one, two), merge.of(two, one));
                prop_assert_eq!(merge.of(merge.of(one, two), three), merge.of(one, merge.of(two, three)));
                prop_assert_eq!(merge.of(one, NO_VALUE), one);
            }
        }
    }
}
