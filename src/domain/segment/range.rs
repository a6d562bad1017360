//! Sets of whole numbers as ranges: what every comparison of a number or a moment comes to.

/// Both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub least: i64,
    pub most: i64,
}

/// Ranges in order that do not touch each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

impl Range {
    pub const ALL: Self = Self {
        least: i64::MIN,
        most: i64::MAX,
    };
    pub(super) const NOTHING: Self = Self { least: 0, most: -1 };

    pub fn only(value: i64) -> Self {
        Self {
            least: value,
            most: value,
        }
    }

    /// Everything below `value`.
    pub fn below(value: i64) -> Self {
        let below = |most| Self { most, ..Self::ALL };
        value.checked_sub(1).map_or(Self::NOTHING, below)
    }

    /// Everything above `value`.
    pub fn above(value: i64) -> Self {
        let above = |least| Self { least, ..Self::ALL };
        value.checked_add(1).map_or(Self::NOTHING, above)
    }

    pub fn holds(self, value: i64) -> bool {
        self.least <= value && value <= self.most
    }
}

impl Ranges {
    pub fn holds(&self, value: i64) -> bool {
        match self.0.as_slice() {
            [only] => only.holds(value),
            // A search may have found thousands.
            many => {
                let begun = many.partition_point(|range| range.least <= value);
                let last = begun.checked_sub(1).and_then(|index| many.get(index));
                last.is_some_and(|range| value <= range.most)
            }
        }
    }

    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> Self {
        let mut ranges: Vec<Range> = ranges
            .into_iter()
            .filter(|range| range.least <= range.most)
            .collect();
        ranges.sort_by_key(|range| range.least);
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.least <= last.most.saturating_add(1) => {
                    last.most = last.most.max(range.most);
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }
}

impl From<Range> for Ranges {
    fn from(range: Range) -> Self {
        Self::from_iter([range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joining_changes_no_answer(pairs in proptest::collection::vec((-20_i64..20, -20_i64..20), 0..8)) {
            let ranges: Vec<_> = pairs.iter().map(|(least, most)| Range { least: *least, most: *most }).collect();
            let joined: Ranges = ranges.iter().copied().collect();
            for value in -25..25 {
                prop_assert_eq!(joined.holds(value), ranges.iter().any(|range| range.holds(value)));
            }
        }
    }

    #[test]
    fn ends_of_all_numbers_are_no_trouble() {
        assert_eq!(Ranges::from(Range::below(i64::MIN)).as_slice(), []);
        assert_eq!(Ranges::from(Range::above(i64::MAX)).as_slice(), []);
        let all: Ranges = [Range::ALL, Range::only(7)].into_iter().collect();
        assert_eq!(all.as_slice(), [Range::ALL]);
    }
}
