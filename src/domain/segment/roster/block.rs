//! A thousand cards by column: a condition runs down one column, a thousand small numbers that lie side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Facts, NumberFact, TextFact, TextsFact, TimesFact};
use super::super::order::{Sort, SortBy};
use super::super::plan::{Plan, TextTest};
use super::columns::{Answers, Lists, NONE, Numbers, Texts, Times};
use super::mask::Mask;
use crate::domain::custom_field::FieldValue;
use crate::domain::id::CardId;

/// Rows of a block.
pub(super) const ROWS: usize = 1024;

/// A text, and before it how it begins: most texts differ there, and two numbers are compared without a look at the texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SortedText<'r> {
    head: u64,
    text: &'r [u8],
}

impl<'r> SortedText<'r> {
    /// Of a text that is sorted by `fact`.
    pub(super) fn of(fact: TextFact, text: &'r str) -> Self {
        Self {
            head: if is_sorted_by(fact) { head(text) } else { 0 },
            text: text.as_bytes(),
        }
    }

    pub(super) fn whole(self) -> String {
        String::from_utf8_lossy(self.text).into_owned()
    }
}

fn is_sorted_by(fact: TextFact) -> bool {
    let by = SortBy::Text(fact);
    Sort::ALL.iter().any(|sort| sort.by() == by)
}

/// The first eight bytes as a number, which sorts as they do; what a short text lacks sorts before all else.
fn head(text: &str) -> u64 {
    let mut first = [0; 8];
    for (place, byte) in first.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    u64::from_be_bytes(first)
}

pub(super) struct Block {
    cards: Vec<i64>,
    numbers: [Numbers; NumberFact::COUNT],
    texts: [Texts; TextFact::COUNT],
    /// How the texts begin, of those that lists are sorted by; nothing of the others.
    heads: [Vec<u64>; TextFact::COUNT],
    times: [Times; TimesFact::COUNT],
    lists: [Lists; TextsFact::COUNT],
    /// By the code of the field.
    answers: BTreeMap<String, Answers>,
}

impl Block {
    /// At most [`ROWS`] cards, sorted by id.
    pub(super) fn pack(rows: &[Facts]) -> Self {
        let number = |fact: &NumberFact| Numbers::pack(rows.iter().map(|row| row.number(*fact)).collect());
        let text = |index: usize| Texts::pack(rows.iter().map(move |row| row.texts[index].as_str()));
        let heads = |index: usize| match is_sorted_by(TextFact::ALL[index]) {
            true => rows.iter().map(|row| head(&row.texts[index])).collect(),
            false => Vec::new(),
        };
        let codes: BTreeSet<&String> = rows.iter().flat_map(|row| row.answers.keys()).collect();
        Self {
            cards: rows.iter().map(|row| row.card.0).collect(),
            numbers: std::array::from_fn(|index| number(&NumberFact::ALL[index])),
            texts: std::array::from_fn(text),
            heads: std::array::from_fn(heads),
            times: std::array::from_fn(|index| Times::pack(rows.iter().map(move |row| &row.times[index]))),
            lists: std::array::from_fn(|index| Lists::pack(rows.iter().map(move |row| &row.lists[index]))),
            answers: codes
                .into_iter()
                .map(|code| {
                    (
                        code.clone(),
                        Answers::pack(rows.iter().map(|row| row.answers.get(code))),
                    )
                })
                .collect(),
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
        let rows = self.cards.len();
        for (texts, text) in self.texts.iter_mut().zip(&facts.texts) {
            texts.set(rows, row, text);
        }
        for (heads, text) in self.heads.iter_mut().zip(&facts.texts) {
            if let Some(place) = heads.get_mut(row) {
                *place = head(text);
            }
        }
        for (lists, list) in self.lists.iter_mut().zip(&facts.lists) {
            lists.set(rows, row, list);
        }
        for code in facts.answers.keys() {
            let column = self.answers.entry(code.clone());
            column.or_insert_with(|| Answers::pack(std::iter::repeat_n(None, rows)));
        }
        for (code, answers) in &mut self.answers {
            answers.set(rows, row, facts.answers.get(code));
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
            lists: std::array::from_fn(|index| self.lists[index].get(row).map(str::to_owned).collect()),
            answers: self
                .answers
                .iter()
                .filter_map(|(code, answers)| {
                    let (text, number) = answers.get(row)?;
                    let text = text.to_owned();
                    Some((code.clone(), FieldValue { text, number }))
                })
                .collect(),
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

    /// What a row is sorted by, by one of its texts.
    pub(super) fn text(&self, fact: TextFact, row: usize) -> SortedText<'_> {
        SortedText {
            head: self.heads[fact.index()].get(row).copied().unwrap_or_default(),
            text: self.texts[fact.index()].sorted_by(row),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers: usize = self.numbers.iter().map(Numbers::bytes).sum();
        let texts: usize = self.texts.iter().map(Texts::bytes).sum();
        let times: usize = self.times.iter().map(Times::bytes).sum();
        let lists: usize = self.lists.iter().map(Lists::bytes).sum();
        let answers = self.answers.iter();
        let answers: usize = answers.map(|(code, answers)| code.len() + answers.bytes()).sum();
        let heads: usize = self.heads.iter().map(|heads| heads.len() * 8).sum();
        size_of::<Self>() + self.cards.len() * 8 + numbers + texts + heads + times + lists + answers
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
                if let TextTest::Contains(part) = test {
                    return texts.mask_of_part(self.len(), part);
                }
                Mask::of((0..self.len()).map(|row| test.holds(texts.get(row))))
            }
            Plan::Times { fact, ranges, which } => self.times[fact.index()].mask(ranges, *which),
            Plan::Texts { fact, test } => {
                let lists = &self.lists[fact.index()];
                Mask::of((0..self.len()).map(|row| test.holds_for_one(lists.get(row))))
            }
            Plan::Answer { code, test } => match self.answers.get(code) {
                Some(answers) => Mask::of((0..self.len()).map(|row| test.holds(answers.get(row)))),
                None if test.holds(None) => all,
                None => Mask::none(),
            },
            Plan::Listed { cards, .. } => Mask::of(self.cards.iter().map(|card| cards.holds(*card))),
        }
    }
}
