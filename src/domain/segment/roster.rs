//! All cards of one merchant as columns in memory: what lists, counts and previews are answered from.
//!
//! Any rule takes one pass over the columns that it names and any order one more, some milliseconds for a million cards,
//! whatever the rule, the order and the depth of the page. No index can promise that, and every index on something that
//! a tap changes would be paid for by the tap; a roster costs the tap nothing. It is a copy: who keeps it says how it
//! is kept current.

mod block;
mod columns;
mod mask;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use super::facts::Facts;
use super::meaning::status_now;
use super::order::{Direction, Each, Edge, Key, NO_VALUE, Order, Place, Sort, SortBy};
use super::plan::Plan;
use crate::domain::id::CardId;
use crate::domain::segment::facts::NumberFact;
use crate::domain::time::Timestamp;
use block::{Block, ROWS, SortedText};
use mask::Mask;

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

    /// How many rows there are of what `plan` holds for.
    pub fn count_each(&self, plan: &Plan, each: Each) -> usize {
        self.masks(plan, each).iter().map(Mask::count).sum()
    }

    /// The cards that have a row, block by block.
    fn masks(&self, plan: &Plan, each: Each) -> Vec<Mask> {
        let mut masks: Vec<Mask> = self.blocks.iter().map(|block| block.mask(plan)).collect();
        if each == Each::Customer {
            let mut seen = HashSet::new();
            for (mask, block) in masks.iter_mut().zip(&self.blocks).rev() {
                let mut newest = Mask::none();
                mask.for_each(true, |row| {
                    if seen.insert(block.number(NumberFact::Customer, row)) {
                        newest.put(row);
                    }
                });
                *mask = newest;
            }
        }
        masks
    }

    /// Every card that `plan` holds for, by id.
    pub fn cards(&self, plan: &Plan) -> Vec<CardId> {
        let mut cards = Vec::new();
        for block in &self.blocks {
            block
                .mask(plan)
                .for_each(false, |row| cards.push(CardId(block.card(row))));
        }
        cards
    }

    /// The `size` cards next to `edge` among those that `plan` holds for, in the order asked for.
    pub fn page(&self, plan: &Plan, order: Order, edge: &Edge, size: usize, now: Timestamp) -> Page {
        self.page_of_each(plan, Each::Card, order, edge, size, now)
    }

    /// The same of cards or of customers.
    pub fn page_of_each(
        &self,
        plan: &Plan,
        each: Each,
        order: Order,
        edge: &Edge,
        size: usize,
        now: Timestamp,
    ) -> Page {
        let masks = self.masks(plan, each);
        // The page before a place is the page after it in the opposite order, turned round.
        let (direction, from) = match edge {
            Edge::First => (order.direction, None),
            Edge::After(place) => (order.direction, Some(place)),
            Edge::Before(place) => (order.direction.opposite(), Some(place)),
        };
        // One more than asked for tells whether there is another page.
        let wanted = size.saturating_add(1);
        let (total, mut places) = match order.sort.by() {
            SortBy::Text(fact) => {
                let from = from.map(|place| match &place.key {
                    Key::Text(text) => (SortedText::of(fact, text), place.card.0),
                    Key::Number(_) => (SortedText::of(fact, ""), place.card.0),
                });
                let (total, found) = self.next_to(&masks, direction, from, wanted, |block, row| {
                    (block.text(fact, row), block.card(row))
                });
                let place = |(key, card): (SortedText<'_>, i64)| (Key::Text(key.whole()), card);
                (total, found.into_iter().map(place).collect::<Vec<_>>())
            }
            by => {
                let from = from.map(|place| match place.key {
                    Key::Number(number) => (number, place.card.0),
                    Key::Text(_) => (i64::MIN, place.card.0),
                });
                let merged = match each {
                    Each::Card => None,
                    Each::Customer => self.merged(order.sort, now),
                };
                let key = |block: &Block, row| match &merged {
                    None => number(block, row, by, now),
                    Some(merged) => {
                        let customer = block.number(NumberFact::Customer, row);
                        merged.get(&customer).copied().unwrap_or(NO_VALUE)
                    }
                };
                let (total, found) = self.next_to(&masks, direction, from, wanted, |block, row| {
                    (key(block, row), block.card(row))
                });
                let place = |(key, card)| (Key::Number(key), card);
                (total, found.into_iter().map(place).collect())
            }
        };
        let has_more = places.len() > size;
        places.truncate(size);
        if matches!(edge, Edge::Before(_)) {
            places.reverse();
        }
        let place = |(key, card)| Place {
            key,
            card: CardId(card),
        };
        Page {
            places: places.into_iter().map(place).collect(),
            total,
            has_more,
        }
    }

    /// What each customer's cards say together, all of them; none where the row's own card says it.
    fn merged(&self, sort: Sort, now: Timestamp) -> Option<HashMap<i64, i64>> {
        let merge = sort.merge()?;
        let mut merged = HashMap::with_capacity(self.len());
        for block in &self.blocks {
            for row in 0..block.len() {
                let value = number(block, row, sort.by(), now);
                merged
                    .entry(block.number(NumberFact::Customer, row))
                    .and_modify(|known| *known = merge.of(*known, value))
                    .or_insert(value);
            }
        }
        Some(merged)
    }

    /// How many rows there are, and the `wanted` first of those after `from` in one direction.
    fn next_to<'r, K: Ord + Copy>(
        &'r self,
        masks: &[Mask],
        direction: Direction,
        from: Option<K>,
        wanted: usize,
        key: impl Fn(&'r Block, usize) -> K,
    ) -> (usize, Vec<K>) {
        match direction {
            Direction::Ascending => self.least(masks, false, from, wanted, key),
            Direction::Descending => {
                let from = from.map(Reverse);
                let (total, found) =
                    self.least(masks, true, from, wanted, |block, row| Reverse(key(block, row)));
                (total, found.into_iter().map(|Reverse(key)| key).collect())
            }
        }
    }

    /// Goes through the rows in the direction in which ids, and with them much else, grow towards what is wanted least:
    /// then few rows take the place of an earlier one.
    fn least<'r, K: Ord + Copy>(
        &'r self,
        masks: &[Mask],
        backwards: bool,
        from: Option<K>,
        wanted: usize,
        key: impl Fn(&'r Block, usize) -> K,
    ) -> (usize, Vec<K>) {
        let total = masks.iter().map(Mask::count).sum();
        let mut best = BinaryHeap::with_capacity(wanted.min(1 << 16).saturating_add(1));
        let mut look_at = |(block, mask): (&'r Block, &Mask)| {
            mask.for_each(backwards, |row| {
                let key = key(block, row);
                // Most rows are worse than all that is kept: that is asked first, and once for them.
                let comes_after = |key| from.is_none_or(|from| key > from);
                if best.len() < wanted {
                    if comes_after(key) {
                        best.push(key);
                    }
                } else if let Some(mut worst) = best.peek_mut().filter(|worst| key < **worst)
                    && comes_after(key)
                {
                    *worst = key;
                }
            });
        };
        let blocks = self.blocks.iter().zip(masks);
        if backwards {
            blocks.rev().for_each(&mut look_at);
        } else {
            blocks.for_each(&mut look_at);
        }
        (total, best.into_sorted_vec())
    }
}

fn number(block: &Block, row: usize, by: SortBy, now: Timestamp) -> i64 {
    match by {
        SortBy::Number(fact) => block.number(fact, row),
        SortBy::Status => {
            let expires = block.number(NumberFact::Expires, row);
            let expires = Some(expires).filter(|end| *end != i64::MIN);
            status_now(block.number(NumberFact::Status, row), expires, now)
        }
        SortBy::Text(_) => i64::MIN,
    }
}

#[cfg(test)]
mod tests;
