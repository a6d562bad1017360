//! Sets of rows of one block, one bit each.

use super::block::ROWS;

/// Which rows of a block are meant, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Mask([u64; ROWS / 64]);

impl Mask {
    pub(super) fn none() -> Self {
        Self([0; ROWS / 64])
    }

    /// The first `rows` rows.
    pub(super) fn first(rows: usize) -> Self {
        let mut mask = Self::none();
        for (index, word) in mask.0.iter_mut().enumerate() {
            let left = rows.saturating_sub(index * 64);
            *word = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        }
        mask
    }

    pub(super) fn of(rows: impl Iterator<Item = bool>) -> Self {
        let mut mask = Self::none();
        let (mut word, mut index) = (0_u64, 0);
        for holds in rows {
            word |= u64::from(holds) << (index % 64);
            index += 1;
            if index % 64 == 0 {
                mask.0[index / 64 - 1] = word;
                word = 0;
            }
        }
        if index % 64 != 0 {
            mask.0[index / 64] = word;
        }
        mask
    }

    pub(super) fn with(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = join(*word, other);
        }
        self
    }

    pub(super) fn put(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Calls `each` with every row, from the first to the last or the other way.
    pub(super) fn for_each(&self, backwards: bool, mut each: impl FnMut(usize)) {
        if backwards {
            for (index, word) in self.0.iter().enumerate().rev() {
                let mut left = *word;
                while left != 0 {
                    let bit = 63 - left.leading_zeros() as usize;
                    left &= !(1 << bit);
                    each(index * 64 + bit);
                }
            }
        } else {
            for (index, word) in self.0.iter().enumerate() {
                let mut left = *word;
                while left != 0 {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    each(index * 64 + bit);
                }
            }
        }
    }
}
