//! Who joined in which week, by the source that their link named: the numbers behind a chart.
//!
//! Weeks begin on Monday in the merchant's zone. The sources with most joins have a line each, what is left is one line
//! together, and those who came without a source another; so the lines of a week always sum to its joins.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

/// Weeks of a chart, with the one that goes on.
pub const WEEKS: usize = 12;
/// Sources that have a line of their own.
pub const LINES: usize = 6;

/// A week: its Monday, and where it begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    pub monday: Date,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// How many joined in the week that begins at `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub from: Timestamp,
    /// By links that named a source.
    pub named: i64,
    pub unnamed: i64,
}

/// How many of them one source brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub from: Timestamp,
    pub source: String,
    pub joins: i64,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Named(String),
    /// All that have no line of their own.
    Others,
    /// Links without a source, and cards that staff issued.
    Unnamed,
}

/// A line: joins of each week, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub source: Source,
    pub weeks: Vec<i64>,
}

impl Line {
    pub fn total(&self) -> i64 {
        self.weeks.iter().sum()
    }
}

/// Mondays, and a line for each source that brought anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joins {
    pub mondays: Vec<Date>,
    pub lines: Vec<Line>,
}

/// The last weeks up to the one that `now` is in, oldest first.
pub fn weeks(now: Timestamp, zone: &TimeZone) -> Vec<Week> {
    let today = now.to_jiff().to_zoned(zone.clone()).date();
    let back = i64::from(today.weekday().since(Weekday::Monday));
    let begin = |days: i64| {
        let day = today.checked_add(Span::new().days(days)).ok()?;
        let moment = day.to_zoned(zone.clone()).ok()?.timestamp();
        Some((day, Timestamp(moment.as_millisecond())))
    };
    let count = i64::try_from(WEEKS).unwrap_or(0);
    let week = |at: i64| {
        let first = -back - 7 * (count - 1 - at);
        let ((monday, from), (_, until)) = (begin(first)?, begin(first + 7)?);
        Some(Week { monday, from, until })
    };
    (0..count).filter_map(week).collect()
}

impl Joins {
    /// `totals` are all joins; `counted` those by source, as far as they were read. Weeks without joins may be missing.
    pub fn new(weeks: &[Week], totals: &[Total], counted: &[Counted]) -> Self {
        let at = |from: Timestamp| weeks.iter().position(|week| week.from == from);
        let empty = || vec![0; weeks.len()];
        let mut named: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for one in counted {
            let line = named.entry(&one.source).or_insert_with(empty);
            if let Some(joins) = at(one.from).and_then(|at| line.get_mut(at)) {
                *joins += one.joins;
            }
        }
        let mut lines: Vec<Line> = named
            .into_iter()
            .map(|(source, weeks)| Line {
                source: Source::Named(source.to_owned()),
                weeks,
            })
            .collect();
        // Stable: of two that brought as many the first by name stands first.
        lines.sort_by_key(|line| std::cmp::Reverse(line.total()));
        lines.truncate(LINES);
        lines.retain(|line| line.total() > 0);
        let shown = |at: usize| -> i64 { lines.iter().filter_map(|line| line.weeks.get(at)).sum() };
        let (mut others, mut unnamed) = (empty(), empty());
        for total in totals {
            let Some(at) = at(total.from) else { continue };
            if let (Some(others), Some(unnamed)) = (others.get_mut(at), unnamed.get_mut(at)) {
                *others = (total.named - shown(at)).max(0);
                *unnamed = total.unnamed;
            }
        }
        let rest = [(Source::Others, others), (Source::Unnamed, unnamed)];
        let rest = rest.map(|(source, weeks)| Line { source, weeks });
        lines.extend(rest.into_iter().filter(|line| line.total() > 0));
        Self {
            mondays: weeks.iter().map(|week| week.monday).collect(),
            lines,
        }
    }

    /// The most joins from one source in one week, at least one.
    pub fn most(&self) -> i64 {
        let all = self.lines.iter().flat_map(|line| line.weeks.iter().copied());
        all.max().unwrap_or(0).max(1)
    }

    pub fn total(&self) -> i64 {
        self.lines.iter().map(Line::total).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled zone")
    }

    #[test]
    fn weeks_begin_on_monday_there_and_join_also_where_the_clock_changes() {
        // Sunday the 1st of November 2026, half past eleven in the evening in Berlin; summer time ended the Sunday before.
        let now = Timestamp(1_793_572_200_000);
        let weeks = weeks(now, &berlin());
        assert_eq!(weeks.len(), WEEKS);
        let last = weeks.last().expect("weeks");
        assert_eq!(last.monday, jiff::civil::date(2026, 10, 26));
        assert!(last.from <= now && now < last.until);
        for pair in weeks.windows(2) {
            assert_eq!(pair[0].until, pair[1].from);
        }
        let hours = |week: &Week| week.until.since(week.from).as_secs() / 3600;
        assert_eq!(hours(&weeks[WEEKS - 2]), 7 * 24 + 1);
    }

    proptest! {
        #[test]
        fn the_lines_of_a_week_sum_to_its_joins(
            counted in proptest::collection::vec((0..WEEKS, 0..12_u8, 1..50_i64), 0..60),
            unnamed in proptest::collection::vec(0..20_i64, WEEKS), unread in 0..5_i64,
        ) {
            let weeks = weeks(Timestamp(1_793_572_200_000), &berlin());
            let counted: Vec<_> = counted.into_iter().map(|(at, source, joins)| Counted {
                from: weeks[at].from, source: format!("s{source}"), joins,
            }).collect();
            let total = |(week, unnamed): (&Week, &i64)| Total {
                from: week.from,
                named: unread + counted.iter().filter(|one| one.from == week.from).map(|one| one.joins).sum::<i64>(),
                unnamed: *unnamed,
            };
            let totals: Vec<_> = weeks.iter().zip(&unnamed).map(total).collect();
            let joins = Joins::new(&weeks, &totals, &counted);
            for (at, total) in totals.iter().enumerate() {
                let sum: i64 = joins.lines.iter().map(|line| line.weeks[at]).sum();
                prop_assert_eq!(sum, total.named + total.unnamed);
            }
            prop_assert!(joins.lines.len() <= LINES + 2);
            let named: Vec<_> = joins.lines.iter().filter(|line| matches!(line.source, Source::Named(_))).collect();
            prop_assert!(named.windows(2).all(|pair| pair[0].total() >= pair[1].total()));
            prop_assert!(joins.most() >= 1);
        }
    }
}
