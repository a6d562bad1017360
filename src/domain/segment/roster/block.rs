//! A thousand cards by column: a condition runs down one column, a thousand small numbers that lie side by side.

use super::super::facts::{Facts, NumberFact, TextFact, TimesFact};
use super::super::plan::{Plan, Which};
use super::super::range::Ranges;
use crate::domain::id::CardId;

/// Rows of a block.
pub(super) const ROWS: usize = 1024;

/// Which rows of a block are meant, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Mask([u64; ROWS / 64]);

pub(super) struct Block {
    cards: Vec<i64>,
    numbers: [Numbers; NumberFact::COUNT],
    texts: [Texts; TextFact::COUNT],
    times: [Times; TimesFact::COUNT],
}

/// One column of numbers, as narrow as its values allow. 0 is "none" where codes are kept, [`NONE`] where they are not.
enum Numbers {
    Bytes { base: i64, codes: Vec<u8> },
    Pairs { base: i64, codes: Vec<u16> },
    Whole(Vec<i64>),
}

const NONE: i64 = i64::MIN;

/// Texts one behind the other; `ends[i]` is where the i-th one ends.
struct Texts {
    ends: Vec<u32>,
    joined: String,
}

struct Times {
    ends: Vec<u32>,
    values: Vec<i64>,
}

impl Mask {
    fn none() -> Self {
        Self([0; ROWS / 64])
    }

    /// The first `rows` rows.
    fn first(rows: usize) -> Self {
        let mut mask = Self::none();
        for (index, word) in mask.0.iter_mut().enumerate() {
            let left = rows.saturating_sub(index * 64);
            *word = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        }
        mask
    }

    fn of(rows: impl Iterator<Item = bool>) -> Self {
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

    fn with(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = join(*word, other);
        }
        self
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

impl Numbers {
    fn pack(values: Vec<Option<i64>>) -> Self {
        let known = || values.iter().flatten();
        let base = known().min().copied().unwrap_or(0);
        let width = known().max().map_or(Some(0), |most| most.checked_sub(base));
        match width {
            Some(0..=254) => Self::Bytes {
                base,
                codes: values.iter().map(|value| code(*value, base)).collect(),
            },
            Some(255..=65_534) => Self::Pairs {
                base,
                codes: values.iter().map(|value| code(*value, base)).collect(),
            },
            _ => Self::Whole(values.into_iter().map(|value| value.unwrap_or(NONE)).collect()),
        }
    }

    /// Changes one value, in place where it is as narrow as the others.
    fn set(&mut self, row: usize, value: Option<i64>) {
        if self.get(row) == value.unwrap_or(NONE) {
            return;
        }
        let distance = |base: i64| value.map_or(Some(0), |value| value.checked_sub(base)?.checked_add(1));
        let is_set = match self {
            Self::Bytes { base, codes } => {
                let code = distance(*base).filter(|code| value.is_none() || *code > 0);
                put(codes, row, code.and_then(|code| u8::try_from(code).ok()))
            }
            Self::Pairs { base, codes } => {
                let code = distance(*base).filter(|code| value.is_none() || *code > 0);
                put(codes, row, code.and_then(|code| u16::try_from(code).ok()))
            }
            Self::Whole(values) => put(values, row, Some(value.unwrap_or(NONE))),
        };
        if !is_set {
            let known = |index| Some(self.get(index)).filter(|value| *value != NONE);
            let values = (0..self.len()).map(|index| if index == row { value } else { known(index) });
            *self = Self::pack(values.collect());
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bytes { codes, .. } => codes.len(),
            Self::Pairs { codes, .. } => codes.len(),
            Self::Whole(values) => values.len(),
        }
    }

    fn get(&self, row: usize) -> i64 {
        match self {
            Self::Bytes { base, codes } => decoded(*base, codes.get(row).copied().unwrap_or(0)),
            Self::Pairs { base, codes } => decoded(*base, codes.get(row).copied().unwrap_or(0)),
            Self::Whole(values) => values.get(row).copied().unwrap_or(NONE),
        }
    }

    fn mask(&self, test: impl Fn(i64) -> bool) -> Mask {
        match self {
            Self::Bytes { base, codes } => Mask::of(codes.iter().map(|code| test(decoded(*base, *code)))),
            Self::Pairs { base, codes } => Mask::of(codes.iter().map(|code| test(decoded(*base, *code)))),
            Self::Whole(values) => Mask::of(values.iter().map(|value| test(*value))),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Bytes { codes, .. } => codes.len(),
            Self::Pairs { codes, .. } => codes.len() * 2,
            Self::Whole(values) => values.len() * 8,
        }
    }
}

/// Whether there was a value to put and a place for it.
fn put<C>(places: &mut [C], row: usize, value: Option<C>) -> bool {
    match (places.get_mut(row), value) {
        (Some(place), Some(value)) => {
            *place = value;
            true
        }
        _ => false,
    }
}

fn code<C: TryFrom<i64> + Default>(value: Option<i64>, base: i64) -> C {
    let code = value.map_or(0, |value| value - base + 1);
    C::try_from(code).unwrap_or_default()
}

fn decoded<C: Into<i64>>(base: i64, code: C) -> i64 {
    match code.into() {
        0 => NONE,
        code => base + (code - 1),
    }
}

impl Texts {
    fn pack<'f>(texts: impl Iterator<Item = &'f str>) -> Self {
        let (mut ends, mut joined) = (Vec::new(), String::new());
        for text in texts {
            joined.push_str(text);
            ends.push(u32::try_from(joined.len()).unwrap_or(u32::MAX));
        }
        joined.shrink_to_fit();
        Self { ends, joined }
    }

    fn set(&mut self, row: usize, text: &str) {
        if self.get(row) != text {
            let all: Vec<_> = (0..self.ends.len())
                .map(|index| if index == row { text } else { self.get(index) }.to_owned())
                .collect();
            *self = Self::pack(all.iter().map(String::as_str));
        }
    }

    fn get(&self, row: usize) -> &str {
        self.joined.get(span(&self.ends, row)).unwrap_or_default()
    }
}

impl Times {
    fn pack<'f>(lists: impl Iterator<Item = &'f Vec<i64>>) -> Self {
        let (mut ends, mut values) = (Vec::new(), Vec::new());
        for list in lists {
            values.extend(list);
            ends.push(u32::try_from(values.len()).unwrap_or(u32::MAX));
        }
        values.shrink_to_fit();
        Self { ends, values }
    }

    fn set(&mut self, row: usize, times: &[i64]) {
        if self.get(row) != times {
            let all: Vec<_> = (0..self.ends.len())
                .map(|index| if index == row { times } else { self.get(index) }.to_vec())
                .collect();
            *self = Self::pack(all.iter());
        }
    }

    fn get(&self, row: usize) -> &[i64] {
        self.values.get(span(&self.ends, row)).unwrap_or_default()
    }

    fn mask(&self, ranges: &Ranges, which: Which) -> Mask {
        let holds = |row| which.of(self.get(row)).iter().any(|at| ranges.holds(*at));
        Mask::of((0..self.ends.len()).map(holds))
    }
}

/// Where the things of `row` are among those of all rows.
fn span(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let end = |row: usize| ends.get(row).map_or(0, |end| *end as usize);
    row.checked_sub(1).map_or(0, end)..end(row)
}

impl Block {
    /// At most [`ROWS`] cards, sorted by id.
    pub(super) fn pack(rows: &[Facts]) -> Self {
        let number = |fact: &NumberFact| Numbers::pack(rows.iter().map(|row| row.number(*fact)).collect());
        let text = |index: usize| Texts::pack(rows.iter().map(move |row| row.texts[index].as_str()));
        Self {
            cards: rows.iter().map(|row| row.card.0).collect(),
            numbers: std::array::from_fn(|index| number(&NumberFact::ALL[index])),
            texts: std::array::from_fn(text),
            times: std::array::from_fn(|index| Times::pack(rows.iter().map(move |row| &row.times[index]))),
        }
    }

    /// Where a card is, if it is here.
    pub(super) fn row_of(&self, card: CardId) -> Option<usize> {
        self.cards.binary_search(&card.0).ok()
    }

    /// Replaces what is known of the card in `row`. Most changes are of a few numbers, and those are put in place.
    pub(super) fn set(&mut self, row: usize, facts: &Facts) {
        for (numbers, number) in self.numbers.iter_mut().zip(facts.numbers) {
            numbers.set(row, number);
        }
        for (texts, text) in self.texts.iter_mut().zip(&facts.texts) {
            texts.set(row, text);
        }
        for (times, list) in self.times.iter_mut().zip(&facts.times) {
            times.set(row, list);
        }
    }

    pub(super) fn unpack(&self) -> Vec<Facts> {
        let row = |row: usize| Facts {
            card: CardId(self.card(row)),
            numbers: std::array::from_fn(|index| {
                Some(self.numbers[index].get(row)).filter(|value| *value != NONE)
            }),
            texts: std::array::from_fn(|index| self.texts[index].get(row).to_owned()),
            times: std::array::from_fn(|index| self.times[index].get(row).to_vec()),
        };
        (0..self.cards.len()).map(row).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.cards.len()
    }

    pub(super) fn first_card(&self) -> i64 {
        self.card(0)
    }

    pub(super) fn card(&self, row: usize) -> i64 {
        self.cards.get(row).copied().unwrap_or(0)
    }

    /// The number, or the least one where there is none.
    pub(super) fn number(&self, fact: NumberFact, row: usize) -> i64 {
        self.numbers[fact.index()].get(row)
    }

    pub(super) fn text(&self, fact: TextFact, row: usize) -> &str {
        self.texts[fact.index()].get(row)
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers: usize = self.numbers.iter().map(Numbers::bytes).sum();
        let texts: usize = self
            .texts
            .iter()
            .map(|texts| texts.joined.len() + texts.ends.len() * 4)
            .sum();
        let times: usize = self
            .times
            .iter()
            .map(|times| times.values.len() * 8 + times.ends.len() * 4)
            .sum();
        size_of::<Self>() + self.cards.len() * 8 + numbers + texts + times
    }

    /// The rows for which `plan` holds.
    pub(super) fn mask(&self, plan: &Plan) -> Mask {
        let all = Mask::first(self.len());
        match plan {
            Plan::All(plans) => {
                let mut mask = all;
                for plan in plans {
                    if mask.is_empty() {
                        break;
                    }
                    mask = mask.with(&self.mask(plan), |one, other| one & other);
                }
                mask
            }
            Plan::Any(plans) => plans.iter().fold(Mask::none(), |mask, plan| {
                mask.with(&self.mask(plan), |one, other| one | other)
            }),
            Plan::Not(plan) => all.with(&self.mask(plan), |all, other| all & !other),
            Plan::Number { fact, ranges } => {
                let numbers = &self.numbers[fact.index()];
                match ranges.as_slice() {
                    [] => Mask::none(),
                    [range] => {
                        // "None" is the least of all numbers, so that a bound above it leaves it out.
                        let (least, most) = (range.least.max(NONE + 1), range.most);
                        numbers.mask(move |value| least <= value && value <= most)
                    }
                    _ => numbers.mask(|value| value != NONE && ranges.holds(value)),
                }
            }
            Plan::Absent(fact) => self.numbers[fact.index()].mask(|value| value == NONE),
            Plan::Bits { fact, mask } => {
                self.numbers[fact.index()].mask(|value| value != NONE && value & mask != 0)
            }
            Plan::Text { fact, test } => {
                let texts = &self.texts[fact.index()];
                Mask::of((0..self.len()).map(|row| test.holds(texts.get(row))))
            }
            Plan::Times { fact, ranges, which } => self.times[fact.index()].mask(ranges, *which),
            Plan::Listed { cards, .. } => Mask::of(self.cards.iter().map(|card| cards.holds(*card))),
        }
    }
}
