//! How recent and how frequent a card's visits are, as one cell of a grid.
//!
//! Invariant: every card is in exactly one cell, whatever the grid's limits are. "No visit yet" is a cell of its own: that
//! of cards which were never visited with. Frequency counts the visits within the program's window; who came before it
//! and not since has the lowest.
//! The small grid has rows by days since the last visit and columns by visits; the large one has scores by fifths, where
//! of equally many visits those with more money are the more frequent.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::domain::card::Card;
use crate::domain::fifths;
use crate::domain::time::Timestamp;
use crate::domain::window::Recent;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Limits beyond these say nothing about a shop.
const MOST_DAYS: i64 = 3650;
const MOST_VISITS: i64 = 10_000;

/// Where the cells of a program's grid begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "grid", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grid {
    /// 3 x 3.
    Limits(Limits),
    /// 5 x 5, for programs with many cards.
    Fifths(Fifths),
}

/// `recency` ends the first and the second row, in whole days since the last visit; `visits` ends the first and the
/// second column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub recency: [i64; 2],
    pub visits: [i64; 2],
}

/// The last visit and the number of visits with which each of the first four fifths ended when they were measured, and the
/// money that the last of those with so many visits had spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fifths {
    pub last_visit: [i64; 4],
    pub visits: [i64; 4],
    /// In versions that were made before money had a part in it, equal numbers of visits are one.
    #[serde(default = "any_money")]
    pub spend: [i64; 4],
}

/// What a grid looks at of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Ever.
    pub visits: i64,
    pub last_visit_at: Option<Timestamp>,
    pub recent: Recent,
}

/// One cell; which one, [`Grid::name`] says. 0 is "no visit yet", then row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cell(pub i64);

/// Why limits make no grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    #[error("the limits of days are two numbers that grow, between 0 and {MOST_DAYS}; got {0} and {1}")]
    Recency(i64, i64),
    #[error("the limits of visits are two numbers that grow, between 1 and {MOST_VISITS}; got {0} and {1}")]
    Visits(i64, i64),
}

const SMALL: [&str; 9] = [
    "Beginners",
    "Growths",
    "Champions",
    "Doubtful",
    "Medium",
    "Loyal",
    "Sleeping",
    "At risk",
    "Needs attention",
];

impl Default for Grid {
    fn default() -> Self {
        Self::Limits(Limits::default())
    }
}

impl Default for Limits {
    /// 0-30, 31-60 and 61 or more days; 1-3, 4-7 and 8 or more visits.
    fn default() -> Self {
        Self {
            recency: [30, 60],
            visits: [3, 7],
        }
    }
}

impl Limits {
    pub fn new(recency: [i64; 2], visits: [i64; 2]) -> Result<Self, GridError> {
        let [first, second] = recency;
        if !(0 <= first && first < second && second <= MOST_DAYS) {
            return Err(GridError::Recency(first, second));
        }
        let [few, some] = visits;
        if !(1 <= few && few < some && some <= MOST_VISITS) {
            return Err(GridError::Visits(few, some));
        }
        Ok(Self { recency, visits })
    }
}

impl Fifths {
    /// Where the fifths of frequency end: visits, and money where those are equal.
    pub fn frequency(&self) -> [(i64, i64); 4] {
        let mut ends = [(0, 0); 4];
        for (end, of) in ends.iter_mut().zip(self.visits.into_iter().zip(self.spend)) {
            *end = of;
        }
        ends
    }
}

fn any_money() -> [i64; 4] {
    [i64::MAX; 4]
}

impl Seen {
    pub fn of(card: &Card, recent: Recent) -> Self {
        Self {
            visits: card.visits,
            last_visit_at: card.last_visit_at,
            recent,
        }
    }

    /// The last visit of a card that was ever visited with.
    pub fn last_visit(&self) -> Option<Timestamp> {
        self.last_visit_at.filter(|_| self.visits > 0)
    }
}

impl Cell {
    pub const NO_VISIT: Self = Self(0);
}

impl Grid {
    /// The cell of a card.
    pub fn cell(&self, seen: &Seen, now: Timestamp) -> Cell {
        let Some(last) = seen.last_visit() else {
            return Cell::NO_VISIT;
        };
        let recent = seen.recent;
        match self {
            Self::Limits(limits) => {
                let row = passed(limits.recency.map(|days| last_of_row(last, days) <= now));
                let column = passed(limits.visits.map(|limit| recent.visits > limit));
                Cell(1 + row * 3 + column)
            }
            Self::Fifths(fifths) => {
                let recency = fifths::score(fifths.last_visit, last.0);
                let frequency = fifths::score(fifths.frequency(), (recent.visits, recent.spend));
                Cell(1 + (recency - 1) * 5 + (frequency - 1))
            }
        }
    }

    /// The instants at which a card moves to another cell unless it is visited with again.
    pub fn moves(&self, last_visit: Option<Timestamp>) -> [Option<Timestamp>; 2] {
        match self {
            Self::Limits(limits) => limits
                .recency
                .map(|days| last_visit.map(|last| last_of_row(last, days))),
            // Fifths compare with visits of others, not with now.
            Self::Fifths(_) => [None, None],
        }
    }

    /// Every cell of the grid, "no visit yet" first.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
        let count = match self {
            Self::Limits(_) => 9,
            Self::Fifths(_) => 25,
        };
        (0..=count).map(Cell)
    }

    /// Row and column of a cell, counted from 0; none for "no visit yet".
    pub fn place(&self, cell: Cell) -> Option<(i64, i64)> {
        let width = match self {
            Self::Limits(_) => 3,
            Self::Fifths(_) => 5,
        };
        let index = cell.0 - 1;
        (0..width * width)
            .contains(&index)
            .then_some((index / width, index % width))
    }

    /// What the customers of a cell are called. Several cells of the large grid share a name.
    pub fn name(&self, cell: Cell) -> &'static str {
        let Some((row, column)) = self.place(cell) else {
            return "No visit yet";
        };
        match self {
            Self::Limits(_) => {
                let index = usize::try_from(row * 3 + column).unwrap_or(0);
                SMALL.get(index).copied().unwrap_or("No visit yet")
            }
            Self::Fifths(_) => name_of_scores(row + 1, column + 1),
        }
    }
}

/// The usual map of recency and frequency, with the lowest row apart as "Lost": each pair of scores has one name.
fn name_of_scores(recency: i64, frequency: i64) -> &'static str {
    match (recency, frequency) {
        (5, 4..) => "Champions",
        (3 | 4, 4..) => "Loyal customers",
        (4.., 2 | 3) => "Potential loyalists",
        (5.., 1) => "New customers",
        (4, 1) => "Promising",
        (3, 3) => "Need attention",
        (3, _) => "About to sleep",
        (_, 5..) => "Cannot lose them",
        (_, 3 | 4) => "At risk",
        (2, _) => "Hibernating",
        _ => "Lost",
    }
}

/// The first instant that is more than `days` whole days after `last`.
fn last_of_row(last: Timestamp, days: i64) -> Timestamp {
    let days = u32::try_from(days.saturating_add(1).clamp(0, 1 << 20)).unwrap_or(0);
    last.plus(DAY.saturating_mul(days))
}

fn passed(limits: [bool; 2]) -> i64 {
    limits.into_iter().map(i64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const MS_PER_DAY: i64 = 86_400_000;

    fn grids() -> impl Strategy<Value = Grid> {
        let limits = (any::<[i64; 2]>(), any::<[i64; 2]>(), any::<bool>(), 0..100_i64).prop_map(
            |(recency, visits, wild, small)| {
                let tame = |of: [i64; 2]| of.map(|number| number.rem_euclid(small + 1));
                let (recency, visits) = if wild {
                    (recency, visits)
                } else {
                    (tame(recency), tame(visits))
                };
                Grid::Limits(Limits { recency, visits })
            },
        );
        let fifths = (any::<[i64; 4]>(), any::<[i64; 4]>(), any::<[i64; 4]>()).prop_map(
            |(last_visit, visits, spend)| {
                Grid::Fifths(Fifths {
                    last_visit,
                    visits,
                    spend,
                })
            },
        );
        prop_oneof![limits, fifths]
    }

    fn seen(visits: i64, last: Option<i64>, (recent, spend): (i64, i64)) -> Seen {
        Seen {
            visits,
            last_visit_at: last.map(Timestamp),
            recent: Recent {
                visits: recent,
                spend,
                oldest: None,
            },
        }
    }

    #[test]
    fn the_default_grid_has_the_written_limits() {
        let grid = Grid::default();
        let name = |days: i64, visits| {
            let now = Timestamp(days * MS_PER_DAY + MS_PER_DAY - 1);
            grid.name(grid.cell(&seen(visits, Some(0), (visits, 0)), now))
        };
        assert_eq!(name(0, 1), "Beginners");
        assert_eq!(name(30, 3), "Beginners");
        assert_eq!(name(30, 4), "Growths");
        assert_eq!(name(30, 8), "Champions");
        assert_eq!(name(31, 3), "Doubtful");
        assert_eq!(name(60, 7), "Medium");
        assert_eq!(name(60, 8), "Loyal");
        assert_eq!(name(61, 1), "Sleeping");
        assert_eq!(name(61, 7), "At risk");
        assert_eq!(name(4000, 500), "Needs attention");
        assert_eq!(
            grid.name(grid.cell(&Seen::default(), Timestamp(0))),
            "No visit yet"
        );
    }

    #[test]
    fn who_came_before_the_window_and_not_since_is_seldom_and_long_ago() {
        let now = Timestamp(400 * MS_PER_DAY);
        let seen = seen(50, Some(0), (0, 0));
        let name = |grid: Grid| grid.name(grid.cell(&seen, now));
        assert_eq!(name(Grid::default()), "Sleeping");
        let ends = [1, 2, 3, 4];
        let fifths = Fifths {
            last_visit: ends.map(|day| day * MS_PER_DAY),
            visits: ends,
            spend: [0; 4],
        };
        assert_eq!(name(Grid::Fifths(fifths)), "Lost");
    }

    #[test]
    fn of_equally_many_visits_those_with_more_money_are_the_more_frequent() {
        let fifths = Fifths {
            last_visit: [0; 4],
            visits: [2, 2, 5, 9],
            spend: [100, 300, 0, 50],
        };
        let column = |fifths, visits, spend| {
            let grid = Grid::Fifths(fifths);
            let cell = grid.cell(&seen(20, Some(1), (visits, spend)), Timestamp(2));
            grid.place(cell).map(|(_, column)| column)
        };
        let told = |visits, spend| column(fifths, visits, spend);
        assert_eq!(
            [told(1, 900), told(2, 100), told(2, 101), told(2, 300)],
            [0, 0, 1, 1].map(Some)
        );
        assert_eq!(
            [told(2, 301), told(5, 0), told(5, 1), told(9, 51)],
            [2, 2, 3, 4].map(Some)
        );
        let json = r#"{"last_visit":[0,0,0,0],"visits":[2,2,5,9]}"#;
        let without_money: Fifths = serde_json::from_str(json).expect("an older version");
        assert_eq!(column(without_money, 2, i64::MAX - 1), Some(0));
        assert_eq!(column(without_money, 3, 0), Some(2));
    }

    #[test]
    fn the_large_grid_has_the_usual_cells() {
        let grid = Grid::Fifths(Fifths::default());
        let mut sizes = BTreeMap::new();
        for cell in grid.cells() {
            *sizes.entry(grid.name(cell)).or_insert(0) += 1;
        }
        let expected = [
            ("Champions", 2),
            ("Loyal customers", 4),
            ("Potential loyalists", 4),
            ("New customers", 1),
            ("Promising", 1),
            ("Need attention", 1),
            ("About to sleep", 2),
            ("At risk", 4),
            ("Cannot lose them", 2),
            ("Hibernating", 2),
            ("Lost", 2),
            ("No visit yet", 1),
        ];
        assert_eq!(sizes, BTreeMap::from(expected));
        assert_eq!(name_of_scores(1, 2), "Lost");
        assert_eq!(name_of_scores(2, 1), "Hibernating");
        assert_eq!(name_of_scores(2, 5), "Cannot lose them");
    }

    #[test]
    fn limits_that_do_not_grow_are_refused() {
        for (recency, visits) in [
            ([30, 30], [3, 7]),
            ([-1, 30], [3, 7]),
            ([30, 60], [0, 7]),
            ([30, 60], [7, 3]),
            ([30, 100_000], [3, 7]),
        ] {
            assert!(Limits::new(recency, visits).is_err(), "{recency:?} {visits:?}");
        }
        assert_eq!(Limits::new([30, 60], [3, 7]), Ok(Limits::default()));
    }

    proptest! {
        #[test]
        fn every_card_is_in_exactly_one_cell(
            grid in grids(),
            visits in prop_oneof![-5..20_i64, any::<i64>()],
            recent in (prop_oneof![-5..20_i64, any::<i64>()], any::<i64>()),
            last in proptest::option::of(prop_oneof![0..200 * MS_PER_DAY, any::<i64>()]),
            now in prop_oneof![0..200 * MS_PER_DAY, any::<i64>()],
        ) {
            let cell = grid.cell(&seen(visits, last, recent), Timestamp(now));
            prop_assert_eq!(grid.cells().filter(|other| *other == cell).count(), 1);
            prop_assert_eq!(grid.place(cell).is_none(), visits <= 0 || last.is_none());
            prop_assert_eq!(grid.place(cell).is_none(), grid.name(cell) == "No visit yet");
        }

        #[test]
        fn no_two_cells_share_a_place(grid in grids()) {
            let places: std::collections::BTreeSet<_> = grid.cells().map(|cell| grid.place(cell)).collect();
            prop_assert_eq!(places.len(), grid.cells().count());
        }
    }
}
