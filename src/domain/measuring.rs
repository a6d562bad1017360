//! Measuring the relative limits of a program's live counts: the top fifth by money, and the fifths of the large grid.
//!
//! Invariant: rules that were corrected by a measurement are not corrected again by the same one, so that nothing is
//! counted anew for nothing.

use std::collections::BTreeMap;

use crate::domain::chips::CountRules;
use crate::domain::fifths;
use crate::domain::rfm::{Cell, Fifths, Grid, Seen};
use crate::domain::time::Timestamp;

/// The numbers of one card that limits are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Ever, as money that makes a customer of high value is.
    pub spend: i64,
    pub seen: Seen,
}

/// The numbers of all cards of a program whose customers have not been erased.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    cards: Vec<Numbers>,
}

impl Measured {
    pub fn new(cards: Vec<Numbers>) -> Self {
        Self { cards }
    }

    pub fn cards(&self) -> usize {
        self.cards.len()
    }

    /// The least money spent in the top fifth.
    pub fn high_value_from(&self) -> Option<i64> {
        let mut spend: Vec<i64> = self.cards.iter().map(|card| card.spend).collect();
        fifths::top_fifth_from(&mut spend)
    }

    /// Where the fifths of the cards end that were ever visited with.
    pub fn fifths(&self) -> Fifths {
        let mut last: Vec<i64> = self.last_visits().map(|last| last.0).collect();
        let mut frequency: Vec<(i64, i64)> = self.frequencies().collect();
        let ends = fifths::ends(&mut frequency);
        Fifths {
            last_visit: fifths::ends(&mut last),
            visits: ends.map(|(visits, _)| visits),
            spend: ends.map(|(_, spend)| spend),
        }
    }

    /// How many cards each cell of a grid would have.
    pub fn sizes(&self, grid: &Grid, now: Timestamp) -> BTreeMap<Cell, i64> {
        let mut sizes: BTreeMap<Cell, i64> = grid.cells().map(|cell| (cell, 0)).collect();
        for card in &self.cards {
            let cell = grid.cell(&card.seen, now);
            *sizes.entry(cell).or_default() += 1;
        }
        sizes
    }

    /// `rules` with the limits that were measured, where theirs are off by so much that counting anew is worth it.
    pub fn corrected(&self, rules: CountRules) -> CountRules {
        let mut corrected = rules;
        let is_off = rules.high_value_from.is_none_or(|from| {
            let reached = self.cards.iter().filter(|card| card.spend >= from).count();
            fifths::is_off(reached, self.cards.len())
        });
        if is_off {
            corrected.high_value_from = self.high_value_from();
        }
        if let Grid::Fifths(old) = rules.grid {
            let recent = |last: &Timestamp| fifths::score(old.last_visit, last.0) == 5;
            let reached = self.last_visits().filter(recent).count();
            let new = self.fifths();
            let is_off = fifths::is_off(reached, self.last_visits().count());
            if is_off
                || fifths::are_apart(
                    self.most_frequent(&old),
                    self.most_frequent(&new),
                    self.cards.len(),
                )
            {
                corrected.grid = Grid::Fifths(new);
            }
        }
        corrected
    }

    fn most_frequent(&self, fifths: &Fifths) -> usize {
        let ends = fifths.frequency();
        let most = |of: &(i64, i64)| fifths::score(ends, *of) == 5;
        self.frequencies().filter(most).count()
    }

    fn last_visits(&self) -> impl Iterator<Item = Timestamp> {
        self.cards.iter().filter_map(|card| card.seen.last_visit())
    }

    /// Visits and money within the window, of the cards that were ever visited with.
    fn frequencies(&self) -> impl Iterator<Item = (i64, i64)> {
        let visited = self.cards.iter().filter(|card| card.seen.last_visit().is_some());
        visited.map(|card| (card.seen.recent.visits, card.seen.recent.spend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::window::Recent;
    use proptest::prelude::*;

    fn measured(cards: impl IntoIterator<Item = (i64, i64, i64)>) -> Measured {
        let card = |(spend, visits, last): (i64, i64, i64)| Numbers {
            spend,
            seen: Seen {
                visits,
                last_visit_at: (visits > 0).then_some(Timestamp(last)),
                // Some of it was before the window.
                recent: Recent {
                    visits: visits - visits / 3,
                    spend: spend / 2,
                    oldest: None,
                },
            },
        };
        Measured::new(cards.into_iter().map(card).collect())
    }

    #[test]
    fn limits_that_are_nearly_right_stay() {
        let old = CountRules {
            high_value_from: Some(80),
            ..CountRules::default()
        };
        let hundred = |shift: i64| measured((1..=100).map(|spend| (spend + shift, 0, 0)));
        assert_eq!(hundred(0).corrected(old), old, "21 of 100");
        assert_eq!(hundred(10).corrected(old).high_value_from, Some(91), "31 of 100");
    }

    proptest! {
        #[test]
        fn nothing_is_corrected_twice_and_sizes_add_up(
            cards in prop::collection::vec((0..30_i64, 0..6_i64, 0..40_i64), 0..120),
            from in proptest::option::of(1..40_i64),
            large: bool,
        ) {
            let measured = measured(cards);
            let grid = if large { Grid::Fifths(Fifths::default()) } else { Grid::default() };
            let rules = CountRules { grid, high_value_from: from, ..CountRules::default() };
            let once = measured.corrected(rules);
            prop_assert_eq!(measured.corrected(once), once);
            let sizes = measured.sizes(&once.grid, Timestamp(50));
            let all = i64::try_from(measured.cards()).expect("few");
            prop_assert_eq!(sizes.values().sum::<i64>(), all);
            prop_assert_eq!(sizes.len(), once.grid.cells().count());
        }
    }
}
