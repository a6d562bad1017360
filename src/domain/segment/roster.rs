//! All cards of one merchant as columns in memory: what lists, counts and previews are answered from.
//!
//! Any rule takes one pass over the columns that it names and any order one more, some milliseconds for a million cards,
//! whatever the rule, the order and the depth of the page. No index can promise that, and every index on something that
//! a tap changes would be paid for by the tap; a roster costs the tap nothing. It is a copy: who keeps it says how it
//! is kept current.

mod block;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use super::facts::Facts;
use super::order::{Direction, Edge, Key, Order, Place, SortBy};
use super::plan::{Plan, status_now};
use crate::domain::id::CardId;
use crate::domain::segment::facts::NumberFact;
use crate::domain::time::Timestamp;
use block::{Block, ROWS};

/// Cards by column, in blocks sorted by the card's id.
#[derive(Default)]
pub struct Roster {
    blocks: Vec<Block>,
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub places: Vec<Place>,
    /// Cards that the rule holds for, on all pages.
    pub total: usize,
    /// Whether more rows come after the last one, in the direction that was asked for.
    pub has_more: bool,
}

impl Roster {
    pub fn len(&self) -> usize {
        self.blocks.iter().map(Block::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Memory that it takes, nearly.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum()
    }

    /// Adds cards that come after all others, sorted by id; returns the memory that they take.
    pub fn add_block(&mut self, rows: &[Facts]) -> usize {
        let before = self.blocks.len();
        self.blocks.extend(rows.chunks(ROWS).map(Block::pack));
        self.blocks.iter().skip(before).map(Block::bytes).sum()
    }

    /// Adds cards that are new, or replaces what was known of them.
    pub fn put(&mut self, rows: Vec<Facts>) {
        let mut by_block: BTreeMap<usize, Vec<Facts>> = BTreeMap::new();
        for row in rows {
            let index = self.block_of(row.card);
            let known = self.blocks.get_mut(index);
            match known.and_then(|block| Some((block.row_of(row.card)?, block))) {
                Some((at, block)) => block.set(at, &row),
                None => by_block.entry(index).or_default().push(row),
            }
        }
        // From the back, so that a block that splits moves none that is still to come.
        for (index, rows) in by_block.into_iter().rev() {
            let old = self.blocks.get(index).map(Block::unpack).unwrap_or_default();
            let mut merged: BTreeMap<i64, Facts> = old.into_iter().map(|row| (row.card.0, row)).collect();
            merged.extend(rows.into_iter().map(|row| (row.card.0, row)));
            let merged: Vec<Facts> = merged.into_values().collect();
            self.replace(index, &merged);
        }
    }

    /// Forgets cards; those that it does not know are no trouble.
    pub fn remove(&mut self, cards: &[CardId]) {
        let mut indexes: Vec<usize> = cards.iter().map(|card| self.block_of(*card)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        for index in indexes.into_iter().rev() {
            let mut rows = self.blocks.get(index).map(Block::unpack).unwrap_or_default();
            let before = rows.len();
            rows.retain(|row| !cards.contains(&row.card));
            if rows.len() < before {
                self.replace(index, &rows);
            }
        }
    }

    /// The block that a card is in, or belongs into.
    fn block_of(&self, card: CardId) -> usize {
        let begun = self.blocks.partition_point(|block| block.first_card() <= card.0);
        begun.saturating_sub(1)
    }

    fn replace(&mut self, index: usize, rows: &[Facts]) {
        // New cards come at the end: full blocks there, no half-empty ones.
        let blocks = rows.chunks(ROWS).map(Block::pack);
        let old = index..(index + 1).min(self.blocks.len());
        self.blocks.splice(old, blocks);
    }

    pub fn count(&self, plan: &Plan) -> usize {
        self.blocks.iter().map(|block| block.mask(plan).count()).sum()
    }

    /// Every card that `plan` holds for, by id.
    pub fn cards(&self, plan: &Plan) -> Vec<CardId> {
        let of_block = |block: &Block| -> Vec<CardId> {
            block
                .mask(plan)
                .rows()
                .map(|row| CardId(block.card(row)))
                .collect()
        };
        self.blocks.iter().flat_map(of_block).collect()
    }

    /// The `size` cards next to `edge` among those that `plan` holds for, in the order asked for.
    pub fn page(&self, plan: &Plan, order: Order, edge: &Edge, size: usize, now: Timestamp) -> Page {
        // The page before a place is the page after it in the opposite order, turned round.
        let (direction, from) = match edge {
            Edge::First => (order.direction, None),
            Edge::After(place) => (order.direction, Some(place)),
            Edge::Before(place) => (order.direction.opposite(), Some(place)),
        };
        let from = from.map(|place| Candidate {
            key: match &place.key {
                Key::Number(number) => KeyIn::Number(*number),
                Key::Text(text) => KeyIn::Text(text),
            },
            card: place.card.0,
            direction,
        });
        let mut total = 0;
        let mut best = BinaryHeap::with_capacity(size + 2);
        for block in &self.blocks {
            let mask = block.mask(plan);
            total += mask.count();
            for row in mask.rows() {
                let candidate = Candidate {
                    key: key_in(block, row, order.sort.by(), now),
                    card: block.card(row),
                    direction,
                };
                let is_past = from.as_ref().is_none_or(|from| candidate > *from);
                // One more than asked for tells whether there is another page.
                if is_past && (best.len() <= size || best.peek().is_some_and(|worst| candidate < *worst)) {
                    best.push(candidate);
                    if best.len() > size + 1 {
                        best.pop();
                    }
                }
            }
        }
        let mut found = best.into_sorted_vec();
        let has_more = found.len() > size;
        found.truncate(size);
        if matches!(edge, Edge::Before(_)) {
            found.reverse();
        }
        Page {
            places: found.into_iter().map(Candidate::place).collect(),
            total,
            has_more,
        }
    }
}

fn key_in(block: &Block, row: usize, by: SortBy, now: Timestamp) -> KeyIn<'_> {
    match by {
        SortBy::Number(fact) => KeyIn::Number(block.number(fact, row)),
        SortBy::Text(fact) => KeyIn::Text(block.text(fact, row)),
        SortBy::Status => {
            let expires = block.number(NumberFact::Expires, row);
            let expires = Some(expires).filter(|end| *end != i64::MIN);
            KeyIn::Number(status_now(block.number(NumberFact::Status, row), expires, now))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KeyIn<'r> {
    Number(i64),
    Text(&'r str),
}

/// A row that may be on the page; what comes first in the order is the least.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate<'r> {
    key: KeyIn<'r>,
    card: i64,
    direction: Direction,
}

impl Candidate<'_> {
    fn place(self) -> Place {
        Place {
            key: match self.key {
                KeyIn::Number(number) => Key::Number(number),
                KeyIn::Text(text) => Key::Text(text.to_owned()),
            },
            card: CardId(self.card),
        }
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = self.key.cmp(&other.key).then(self.card.cmp(&other.card));
        match self.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
