//! Live counts of the built-in segments and of the grid by recency and frequency: reading them, changing their rules,
//! and the chores that keep them true while nothing but time passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::chips::{Chip, CountRules, Counter};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::lifetime::Lifetime;
use crate::domain::measuring::{Measured, Numbers};
use crate::domain::rfm::{Cell, Grid, Limits};
use crate::domain::time::Timestamp;
use crate::domain::window::Window;
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::store::segment_rules::{Counting, ProgramKey, RulesVersion};
use crate::store::{Change, Error, Tx, counts, lifetimes, segment_rules};

/// Cards whose numbers are read in one go while limits are measured; the thread serves others in between.
const READ: i64 = 2_000;
/// The same where each card's ledger has to be read, because another window is asked about.
const READ_LEDGERS: i64 = 200;
/// How long a program's measured limits are good for, and those of a large one, whose fifths move slowly and whose cards
/// take long to count anew.
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const LARGE: usize = 20_000;

/// Which grid the fifths or limits of a program are to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewGrid {
    Limits(Limits),
    /// Measured from the cards as they are, and again as they move.
    Fifths,
}

/// The live counts of one program.
#[derive(Debug, Clone)]
pub struct ProgramCounts {
    pub program: ProgramId,
    /// The version in force.
    pub version: i64,
    pub rules: CountRules,
    /// The counters, by the version that cards are counted by. Right after a change some cards are still counted by an
    /// older one.
    pub counters: BTreeMap<i64, BTreeMap<Counter, i64>>,
    /// The grids of all versions that occur.
    pub grids: BTreeMap<i64, Grid>,
}

impl NewGrid {
    fn grid(self, measured: &Measured) -> Grid {
        match self {
            Self::Limits(limits) => Grid::Limits(limits),
            Self::Fifths => Grid::Fifths(measured.fifths()),
        }
    }
}

impl ProgramCounts {
    /// Cards in a built-in segment, whichever version they are counted by.
    pub fn chip(&self, chip: Chip) -> i64 {
        let versions = self.counters.keys();
        versions
            .map(|version| self.counter(*version, Counter::Chip(chip)))
            .sum()
    }

    /// Cards in a cell of the grid of a version.
    pub fn cell(&self, version: i64, cell: Cell) -> i64 {
        self.counter(version, Counter::Cell(cell))
    }

    /// Cards that are still counted by an older version.
    pub fn behind(&self) -> i64 {
        let older = self.counters.keys().filter(|version| **version != self.version);
        older
            .map(|version| self.counter(*version, Counter::Chip(Chip::All)))
            .sum()
    }

    fn counter(&self, version: i64, counter: Counter) -> i64 {
        let counters = self.counters.get(&version);
        counters
            .and_then(|counters| counters.get(&counter))
            .copied()
            .unwrap_or(0)
    }
}

/// How a grid would divide the cards of a program as they are now.
#[derive(Debug, Clone)]
pub struct Preview {
    pub grid: Grid,
    pub window: Window,
    pub cells: BTreeMap<Cell, i64>,
}

impl Ops {
    /// The live counts of each program of a merchant, or of one of them. One snapshot.
    pub async fn segment_counts(
        &self,
        merchant: MerchantId,
        program: Option<ProgramId>,
    ) -> Result<Vec<ProgramCounts>, Error> {
        self.store
            .read("segment_counts", move |tx| {
                Box::pin(async move {
                    let rows = counts::counts(tx, merchant, program).await?;
                    let mut programs = Vec::new();
                    for counting in segment_rules::of_merchant(tx, merchant).await? {
                        if program.is_some_and(|wanted| wanted != counting.key.1) {
                            continue;
                        }
                        let mut of = collect(&counting, &rows);
                        if of.behind() > 0 {
                            for older in segment_rules::versions(tx, counting.key).await? {
                                of.grids.insert(older.version, older.rules.grid);
                            }
                        }
                        programs.push(of);
                    }
                    Ok(programs)
                })
            })
            .await
    }

    /// What a customer has spent on all of their cards.
    pub async fn lifetime(&self, merchant: MerchantId, customer: CustomerId) -> Result<Lifetime, Error> {
        self.store
            .read("lifetime", move |tx| {
                Box::pin(lifetimes::of_customer(tx, merchant, customer))
            })
            .await
    }

    /// The versions of the rules that a program's counts follow, newest first.
    pub async fn count_rules(
        &self,
        merchant: MerchantId,
        program: ProgramId,
    ) -> Result<Vec<RulesVersion>, Error> {
        self.store
            .read("count_rules", move |tx| {
                Box::pin(segment_rules::versions(tx, (merchant, program)))
            })
            .await
    }

    /// How large the cells of another grid would be, with the visits of another window or of the one in force. Reads every
    /// card of the program, and with another window the ledgers of those that were ever visited with.
    pub async fn preview_grid(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        new: NewGrid,
        window: Option<Window>,
    ) -> Result<Preview, Error> {
        let now = self.clock.now();
        let (measured, window) = self.measure((merchant, program), window).await?;
        let grid = new.grid(&measured);
        let cells = measured.sizes(&grid, now);
        Ok(Preview { grid, window, cells })
    }

    /// Puts another grid in force, as a new version, and another window where one is given; none where the program is
    /// missing or has both already. Cards move to it within moments.
    pub async fn set_grid(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        new: NewGrid,
        window: Option<Window>,
    ) -> Result<Option<i64>, Error> {
        let now = self.clock.now();
        let measured = match new {
            NewGrid::Limits(_) => Measured::default(),
            NewGrid::Fifths => self.measure((merchant, program), window).await?.0,
        };
        let grid = new.grid(&measured);
        self.enact((merchant, program), now, move |rules| CountRules {
            grid,
            window: window.unwrap_or(rules.window),
            ..rules
        })
        .await
    }

    async fn enact(
        &self,
        key: ProgramKey,
        now: Timestamp,
        change: impl Fn(CountRules) -> CountRules + Clone + Send + Sync + 'static,
    ) -> Result<Option<i64>, Error> {
        self.store
            .write("enact_count_rules", move |tx| {
                let change = change.clone();
                Box::pin(async move { segment_rules::enact(tx, key, now, change).await })
            })
            .await
    }

    /// Measures all cards of a program, read in parts, by a window or by the one in force. Says which it was.
    async fn measure(&self, key: ProgramKey, wanted: Option<Window>) -> Result<(Measured, Window), Error> {
        let now = self.clock.now();
        let in_force: Result<Window, Error> = self
            .store
            .read("counting_window", move |tx| {
                Box::pin(segment_rules::window(tx, key))
            })
            .await;
        let in_force = in_force?;
        let window = wanted.unwrap_or(in_force);
        let limit = if window == in_force { READ } else { READ_LEDGERS };
        let mut numbers = Vec::new();
        let mut after = CardId(0);
        loop {
            let part: Result<(Vec<Numbers>, Option<CardId>), Error> = self
                .store
                .read("segment_numbers", move |tx| {
                    Box::pin(segment_rules::numbers(tx, key, after, limit, (window, now)))
                })
                .await;
            let (part, last) = part?;
            numbers.extend(part);
            match last {
                Some(last) => after = last,
                None => return Ok((Measured::new(numbers), window)),
            }
            tokio::task::yield_now().await;
        }
    }

    /// A chore: cards that time has moved.
    pub(super) async fn recount_due(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("recount_due_cards", move |tx| {
                Box::pin(async move {
                    let (looked_at, moved) = counts::recount_due(tx, now, TURN).await?;
                    announce(tx, moved);
                    Ok(looked_at)
                })
            })
            .await
    }

    /// A chore: cards that are still counted by an older version.
    pub(super) async fn walk_cards(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("walk_cards", move |tx| {
                Box::pin(async move {
                    let (looked_at, moved) = counts::walk(tx, now, TURN).await?;
                    announce(tx, moved);
                    Ok(looked_at)
                })
            })
            .await
    }

    /// A chore: deltas into counts.
    pub(super) async fn fold_counts(&self) -> Result<usize, Error> {
        self.store
            .write("fold_counts", move |tx| {
                Box::pin(async move { counts::fold(tx, TURN).await })
            })
            .await
    }

    /// A chore: measures the relative limits of one program, and puts them in force where the old ones are off.
    pub(super) async fn measure_segments(&self, now: Timestamp) -> Result<usize, Error> {
        let unmeasured: Result<Option<ProgramKey>, Error> = self
            .store
            .read("unmeasured", move |tx| {
                Box::pin(segment_rules::unmeasured(tx, now))
            })
            .await;
        let Some(key) = unmeasured? else {
            return Ok(0);
        };
        let claimed: Result<bool, Error> = self
            .store
            .write("claim_measuring", move |tx| {
                Box::pin(async move {
                    let claimed = segment_rules::claim_measuring(tx, key, now, now.plus(HOUR)).await?;
                    if claimed {
                        segment_rules::tidy(tx, key).await?;
                    }
                    Ok(claimed)
                })
            })
            .await;
        if !claimed? {
            return Ok(0);
        }
        let measured = Arc::new(self.measure(key, None).await?.0);
        if measured.cards() > LARGE {
            let put_off: Result<(), Error> = self
                .store
                .write("put_off_measuring", move |tx| {
                    Box::pin(async move { segment_rules::put_off_measuring(tx, key, now.plus(DAY)).await })
                })
                .await;
            put_off?;
        }
        self.enact(key, now, move |rules| measured.corrected(rules))
            .await?;
        Ok(1)
    }
}

/// Tells whoever shows counts that they have changed: one card of each merchant will do, because nothing that a single
/// card's page shows has.
fn announce(tx: &mut Tx<'_>, moved: Vec<counts::CardKey>) {
    for (merchant, card) in moved.into_iter().collect::<BTreeMap<_, _>>() {
        tx.announce(Change::Card(merchant, card));
    }
}

fn collect(counting: &Counting, rows: &[counts::CountRow]) -> ProgramCounts {
    let version = counting.version.of_rules();
    let mut counters: BTreeMap<i64, BTreeMap<Counter, i64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.program == counting.key.1) {
        let of_version = counters.entry(row.version.of_rules()).or_default();
        for (counter, cards) in &row.counters {
            *of_version.entry(*counter).or_default() += cards;
        }
    }
    ProgramCounts {
        program: counting.key.1,
        version,
        rules: counting.rules,
        counters,
        grids: BTreeMap::from([(version, counting.rules.grid)]),
    }
}
