//! The columns of a block: small numbers, texts and moments of a thousand rows that lie side by side.

use memchr::memmem::Finder;

use super::super::plan::Which;
use super::super::range::Ranges;
use super::mask::Mask;
use crate::domain::custom_field::FieldValue;

/// One column of numbers, as narrow as its values allow. 0 is "none" where codes are kept, [`NONE`] where they are not.
pub(super) enum Numbers {
    Bytes { base: i64, codes: Vec<u8> },
    Pairs { base: i64, codes: Vec<u16> },
    Whole(Vec<i64>),
}

pub(super) const NONE: i64 = i64::MIN;

/// Texts one behind the other; `ends[i]` is where the i-th one ends. Where all are empty there is nothing at all.
pub(super) struct Texts {
    ends: Vec<u32>,
    joined: String,
}

pub(super) struct Times {
    ends: Vec<u32>,
    values: Vec<i64>,
}

impl Numbers {
    pub(super) fn pack(values: Vec<Option<i64>>) -> Self {
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
    pub(super) fn set(&mut self, row: usize, value: Option<i64>) {
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

    pub(super) fn get(&self, row: usize) -> i64 {
        match self {
            Self::Bytes { base, codes } => decoded(*base, codes.get(row).copied().unwrap_or(0)),
            Self::Pairs { base, codes } => decoded(*base, codes.get(row).copied().unwrap_or(0)),
            Self::Whole(values) => values.get(row).copied().unwrap_or(NONE),
        }
    }

    pub(super) fn mask(&self, test: impl Fn(i64) -> bool) -> Mask {
        match self {
            Self::Bytes { base, codes } => Mask::of(codes.iter().map(|code| test(decoded(*base, *code)))),
            Self::Pairs { base, codes } => Mask::of(codes.iter().map(|code| test(decoded(*base, *code)))),
            Self::Whole(values) => Mask::of(values.iter().map(|value| test(*value))),
        }
    }

    pub(super) fn bytes(&self) -> usize {
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
    pub(super) fn pack<'f>(texts: impl Iterator<Item = &'f str>) -> Self {
        let (mut ends, mut joined) = (Vec::new(), String::new());
        for text in texts {
            joined.push_str(text);
            ends.push(u32::try_from(joined.len()).unwrap_or(u32::MAX));
        }
        joined.shrink_to_fit();
        if joined.is_empty() {
            ends = Vec::new();
        }
        Self { ends, joined }
    }

    /// Changes one of the texts of `rows` rows.
    pub(super) fn set(&mut self, rows: usize, row: usize, text: &str) {
        if self.get(row) != text {
            let all: Vec<_> = (0..rows)
                .map(|index| if index == row { text } else { self.get(index) }.to_owned())
                .collect();
            *self = Self::pack(all.iter().map(String::as_str));
        }
    }

    pub(super) fn get(&self, row: usize) -> &str {
        self.joined.get(span(&self.ends, row)).unwrap_or_default()
    }

    /// Those of the first `rows` texts that hold `part`. It is looked for in all of them at once: looking into each text
    /// by itself takes several times as long.
    pub(super) fn mask_of_part(&self, rows: usize, part: &str) -> Mask {
        if part.is_empty() {
            return Mask::first(rows);
        }
        let (mut mask, mut row, mut from) = (Mask::none(), 0, 0);
        let (texts, finder) = (self.joined.as_bytes(), Finder::new(part));
        while let Some(found) = texts.get(from..).and_then(|rest| finder.find(rest)) {
            let begins = from + found;
            let ends_after = |end: &u32| *end as usize <= begins;
            row += self
                .ends
                .get(row..)
                .unwrap_or_default()
                .partition_point(ends_after);
            let end = span(&self.ends, row).end;
            // What reaches into the next text is in neither; but within it may lie the begin of one that counts.
            from = begins + 1;
            if begins + part.len() <= end {
                mask.put(row);
                from = end;
            }
        }
        mask
    }

    /// The text's bytes, which sort as the text does.
    pub(super) fn sorted_by(&self, row: usize) -> &[u8] {
        let bytes = self.joined.as_bytes();
        bytes.get(span(&self.ends, row)).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        self.joined.len() + self.ends.len() * 4
    }
}

/// Several texts of each row, between line breaks: a mark that no text has in it.
pub(super) struct Lists(Texts);

const BETWEEN: char = '\n';

impl Lists {
    pub(super) fn pack<'f>(lists: impl Iterator<Item = &'f Vec<String>>) -> Self {
        let joined: Vec<String> = lists.map(|list| join(list)).collect();
        Self(Texts::pack(joined.iter().map(String::as_str)))
    }

    pub(super) fn set(&mut self, rows: usize, row: usize, list: &[String]) {
        self.0.set(rows, row, &join(list));
    }

    pub(super) fn get(&self, row: usize) -> impl Iterator<Item = &str> {
        self.0.get(row).split(BETWEEN).filter(|text| !text.is_empty())
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

fn join(list: &[String]) -> String {
    list.join(&BETWEEN.to_string())
}

/// What each row answered to one field; an empty text is no answer.
pub(super) struct Answers {
    texts: Texts,
    numbers: Numbers,
}

impl Answers {
    pub(super) fn pack<'f>(answers: impl Iterator<Item = Option<&'f FieldValue>> + Clone) -> Self {
        let texts = answers
            .clone()
            .map(|answer| answer.map_or("", |value| value.text.as_str()));
        Self {
            texts: Texts::pack(texts),
            numbers: Numbers::pack(
                answers
                    .map(|answer| answer.and_then(|value| value.number))
                    .collect(),
            ),
        }
    }

    pub(super) fn set(&mut self, rows: usize, row: usize, answer: Option<&FieldValue>) {
        self.texts
            .set(rows, row, answer.map_or("", |value| value.text.as_str()));
        self.numbers.set(row, answer.and_then(|value| value.number));
    }

    pub(super) fn get(&self, row: usize) -> Option<(&str, Option<i64>)> {
        let text = Some(self.texts.get(row)).filter(|text| !text.is_empty())?;
        Some((text, Some(self.numbers.get(row)).filter(|number| *number != NONE)))
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.bytes() + self.numbers.bytes()
    }
}

impl Times {
    pub(super) fn pack<'f>(lists: impl Iterator<Item = &'f Vec<i64>>) -> Self {
        let (mut ends, mut values) = (Vec::new(), Vec::new());
        for list in lists {
            values.extend(list);
            ends.push(u32::try_from(values.len()).unwrap_or(u32::MAX));
        }
        values.shrink_to_fit();
        Self { ends, values }
    }

    pub(super) fn set(&mut self, row: usize, times: &[i64]) {
        if self.get(row) != times {
            let all: Vec<_> = (0..self.ends.len())
                .map(|index| if index == row { times } else { self.get(index) }.to_vec())
                .collect();
            *self = Self::pack(all.iter());
        }
    }

    pub(super) fn get(&self, row: usize) -> &[i64] {
        self.values.get(span(&self.ends, row)).unwrap_or_default()
    }

    pub(super) fn mask(&self, ranges: &Ranges, which: Which) -> Mask {
        let holds = |row| which.of(self.get(row)).iter().any(|at| ranges.holds(*at));
        Mask::of((0..self.ends.len()).map(holds))
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.len() * 8 + self.ends.len() * 4
    }
}

/// Where the things of `row` are among those of all rows.
fn span(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let end = |row: usize| ends.get(row).map_or(0, |end| *end as usize);
    row.checked_sub(1).map_or(0, end)..end(row)
}
