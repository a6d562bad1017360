//! The counters behind the live counts, and what is still to be added to them.
//!
//! One row of `segment_deltas` holds all that a transaction changes of the counters of one program, as JSON pairs of a
//! counter's code and the change: `[[4,1],[72,-1]]`. Rows are appended and locked by nobody; [`fold`] adds them up.

use std::collections::BTreeMap;

use crate::domain::chips::Counter;
use crate::domain::id::{MerchantId, ProgramId};
use crate::store::locked::Counted;
use crate::store::segment_rules::Version;
use crate::store::sql::params;
use crate::store::{Error, Tx, Value};

const APPEND: &str = "insert into segment_deltas (merchant_id, program_id, version, changes) \
     values {bigint, bigint, bigint, text}";
const TAKE: &str = "delete from segment_deltas where delta_id in \
     (select d.delta_id from segment_deltas d order by d.delta_id limit $1 for update skip locked) \
     returning merchant_id, program_id, version, changes";
const ADD: &str = "insert into segment_counters (merchant_id, program_id, version, counter, cards) \
     values {bigint, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, program_id, version, counter) \
     do update set cards = segment_counters.cards + excluded.cards";
/// Program 0 is every program.
const COUNTERS: &str = "select program_id, version, counter, cards from segment_counters \
     where merchant_id = $1 and ($2 = 0 or program_id = $2)";
const DELTAS: &str = "select program_id, version, changes from segment_deltas \
     where merchant_id = $1 and ($2 = 0 or program_id = $2)";

pub(crate) const STATEMENTS: &[&str] = &[APPEND, TAKE, ADD, COUNTERS, DELTAS];

/// Whose counters they are, by which version.
type Owner = (MerchantId, ProgramId, Version);

/// What is to be added to which counters, by their codes.
#[derive(Debug, Default)]
pub(super) struct Deltas(BTreeMap<Owner, BTreeMap<i64, i64>>);

/// The counters of one program by one version; those that are zero are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountRow {
    pub program: ProgramId,
    pub version: Version,
    pub counters: BTreeMap<Counter, i64>,
}

impl Deltas {
    /// A card that counted as `before`, or not at all, counts as `after` from now on.
    pub(super) fn shift(&mut self, merchant: MerchantId, before: Option<Counted>, after: Counted) {
        let owner = |counted: Counted| (merchant, counted.program, counted.version);
        match before {
            // Most cards stay with the counters of their program, and leave most of them as they are.
            Some(before) if owner(before) == owner(after) => {
                let counters = self.0.entry(owner(after)).or_default();
                add(counters, before.standing.counters_without(after.standing), -1);
                add(counters, after.standing.counters_without(before.standing), 1);
            }
            _ => {
                if let Some(before) = before {
                    let counters = self.0.entry(owner(before)).or_default();
                    add(counters, before.standing.counters(), -1);
                }
                let counters = self.0.entry(owner(after)).or_default();
                add(counters, after.standing.counters(), 1);
            }
        }
    }

    fn add_row(&mut self, owner: Owner, changes: &str) -> Result<(), Error> {
        let changes: Vec<(i64, i64)> = serde_json::from_str(changes)
            .map_err(|error| Error::inconsistent("pairs of counter and change", error))?;
        let counters = self.0.entry(owner).or_default();
        for (counter, change) in changes {
            *counters.entry(counter).or_default() += change;
        }
        Ok(())
    }

    /// One row for each program, none where nothing changes. The order is the same in every transaction.
    fn rows(&self) -> Vec<[Value; 4]> {
        let mut rows = Vec::new();
        for ((merchant, program, version), counters) in &self.0 {
            let changes: Vec<_> = counters.iter().filter(|(_, change)| **change != 0).collect();
            if !changes.is_empty() {
                // Numbers always serialize.
                let changes = serde_json::to_string(&changes).unwrap_or_default();
                rows.push(params![*merchant, *program, version.0, changes]);
            }
        }
        rows
    }
}

fn add(counters: &mut BTreeMap<i64, i64>, to: impl Iterator<Item = Counter>, cards: i64) {
    for counter in to {
        *counters.entry(counter.code()).or_default() += cards;
    }
}

/// Has `deltas` counted from the commit on.
pub(super) async fn append(tx: &mut Tx<'_>, deltas: &Deltas) -> Result<(), Error> {
    tx.exec_rows(APPEND, &[], &deltas.rows()).await?;
    Ok(())
}

/// Adds at most `limit` deltas to the counters. Returns how many those were.
pub async fn fold(tx: &mut Tx<'_>, limit: i64) -> Result<usize, Error> {
    let taken: Vec<(MerchantId, ProgramId, i64, String)> = tx.all(TAKE, &params![limit]).await?;
    let mut deltas = Deltas::default();
    for (merchant, program, version, changes) in &taken {
        deltas.add_row((*merchant, *program, Version(*version)), changes)?;
    }
    // In one order, so that two nodes that fold at once do not wait for each other in a circle.
    let mut rows = Vec::new();
    for ((merchant, program, version), counters) in deltas.0 {
        for (counter, change) in counters.into_iter().filter(|(_, change)| *change != 0) {
            rows.push(params![merchant, program, version.0, counter, change]);
        }
    }
    tx.exec_rows(ADD, &[], &rows).await?;
    Ok(taken.len())
}

/// How the counters of a merchant are asked for.
pub fn show(merchant: MerchantId) -> (String, Vec<Value>) {
    (COUNTERS.to_owned(), params![merchant, 0_i64].to_vec())
}

/// The counters of a merchant, or of one of its programs.
pub async fn counts(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: Option<ProgramId>,
) -> Result<Vec<CountRow>, Error> {
    let params = params![merchant, program.map_or(0, |program| program.0)];
    let counters: Vec<(ProgramId, i64, i64, i64)> = tx.all(COUNTERS, &params).await?;
    let deltas: Vec<(ProgramId, i64, String)> = tx.all(DELTAS, &params).await?;
    let mut sums = Deltas::default();
    for (program, version, counter, cards) in counters {
        let owner = (merchant, program, Version(version));
        *sums.0.entry(owner).or_default().entry(counter).or_default() += cards;
    }
    for (program, version, changes) in deltas {
        sums.add_row((merchant, program, Version(version)), &changes)?;
    }
    let rows = sums
        .0
        .into_iter()
        .map(|((_, program, version), counters)| CountRow {
            program,
            version,
            counters: counters
                .into_iter()
                .filter(|(_, cards)| *cards != 0)
                .filter_map(|(code, cards)| Some((Counter::from_code(code)?, cards)))
                .collect(),
        });
    Ok(rows.filter(|row| !row.counters.is_empty()).collect())
}
