//! Live counts: how many cards of a program stand in which built-in segments and which cell of the grid.
//!
//! Invariant: at every commit, the counts with their deltas are what counting all cards by what each is stored as would
//! give. The one place where that is kept is `follow`, which every statement that writes cards ends in: it looks at what
//! the card was counted as, asks `domain::chips` what it is now, and appends the difference. Nothing is locked here:
//! deltas are appended, and [`fold`] adds them up later, in one order.
//!
//! What changes by time alone is due at `cards.counts_due_at`, which is never too late and often too early: a visit
//! puts the moment off, and an index entry that every tap moves costs more than one look too many at a card.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::card::{Card, CardStatus};
use crate::domain::chips::{self, Chip, Chips, Facts, KnownVisits, Standing, VisitBefore};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::ledger;
use crate::domain::rfm::Cell;
use crate::domain::time::Timestamp;
use crate::store::segment_rules::{Counting, Version};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value, cards, events, segment_rules};

const KNOWN: &str = "select c.merchant_id, c.card_id, c.counted_program, c.counted_version, c.segments, c.rfm, \
     c.counts_due_at, c.status, c.installed_at, c.visits, c.last_visit_at, c.visit_before_at \
     from (values {bigint, bigint}) as v join cards c on c.merchant_id = v.column1 and c.card_id = v.column2";
const ERASED: &str = "select u.merchant_id, u.customer_id from (values {bigint, bigint}) as v \
     join customers u on u.merchant_id = v.column1 and u.customer_id = v.column2 where u.erased_at is not null";
/// Leaves `counts_due_at` alone: SQLite rewrites the index entry of every column that is named.
const COUNTED: &str = "update cards set counted_program = v.column3, counted_version = v.column4, segments = v.column5, \
     rfm = v.column6, installed_at = v.column7, visit_before_at = v.column8 \
     from (values {bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
const POSTPONE: &str = "update cards set counts_due_at = v.column3 from (values {bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
const APPEND: &str = "insert into segment_deltas (merchant_id, program_id, version, segments, rfm, cards) \
     values {bigint, bigint, bigint, bigint, bigint, bigint}";
const DUE: &str = "select c.merchant_id, c.card_id from cards c where c.counts_due_at <= $1 \
     order by c.counts_due_at limit $2 for update skip locked";
const NEXT: &str = "select c.card_id, c.counted_program, c.counted_version from cards c \
     where c.merchant_id = $1 and c.card_id > $2 order by c.card_id limit $3";
const OF_CUSTOMER: &str = "select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2 order by c.card_id";
const TAKE: &str = "delete from segment_deltas where delta_id in \
     (select d.delta_id from segment_deltas d order by d.delta_id limit $1 for update skip locked) \
     returning merchant_id, program_id, version, segments, rfm, cards";
const ADD: &str = "insert into segment_counts (merchant_id, program_id, version, segments, rfm, cards) \
     values {bigint, bigint, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, program_id, version, segments, rfm) \
     do update set cards = segment_counts.cards + excluded.cards";
/// Program 0 is every program.
const COUNTS: &str = "select t.program_id, t.version, t.segments, t.rfm, cast(sum(t.cards) as bigint) from ( \
     select program_id, version, segments, rfm, cards from segment_counts \
     where merchant_id = $1 and ($2 = 0 or program_id = $2) \
     union all \
     select program_id, version, segments, rfm, cards from segment_deltas \
     where merchant_id = $1 and ($2 = 0 or program_id = $2)) as t \
     group by t.program_id, t.version, t.segments, t.rfm having sum(t.cards) <> 0 \
     order by t.program_id, t.version, t.segments, t.rfm";

pub(crate) const STATEMENTS: &[&str] = &[
    KNOWN,
    ERASED,
    COUNTED,
    POSTPONE,
    APPEND,
    DUE,
    NEXT,
    OF_CUSTOMER,
    TAKE,
    ADD,
    COUNTS,
];

/// How far back in a ledger the last visit but one is looked for.
const NEIGHBOURS: i64 = 500;

pub type CardKey = (MerchantId, CardId);

/// What a card was stored as before it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    key: CardKey,
    counted: Option<Counted>,
    due_at: Option<Timestamp>,
    is_void: bool,
    installed_at: Option<Timestamp>,
    visits: KnownVisits,
}

/// What a card is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Counted {
    program: ProgramId,
    version: Version,
    standing: Standing,
}

/// When a card is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A moment that is too early stays.
    NotLater,
    Exactly,
}

/// So many cards of a program stand exactly so, by this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountRow {
    pub program: ProgramId,
    pub version: Version,
    pub standing: Standing,
    pub cards: i64,
}

/// What `keys` are stored as; to be asked before they are written.
pub(super) async fn known(
    tx: &mut Tx<'_>,
    keys: impl Iterator<Item = CardKey>,
) -> Result<HashMap<CardKey, Known>, Error> {
    if !tx.counts_cards {
        return Ok(HashMap::new());
    }
    let rows: Vec<_> = keys
        .map(|(merchant, card)| params![merchant, card].to_vec())
        .collect();
    let known: Vec<Known> = tx.all_rows(KNOWN, &[], &rows).await?;
    Ok(known.into_iter().map(|known| (known.key, known)).collect())
}

/// Counts `cards`, which have just been written, as what they are now; returns those that count differently.
///
/// `known` is what they were. The cards are locked, so nobody else counts them meanwhile.
pub(super) async fn follow(
    tx: &mut Tx<'_>,
    cards: &[Card],
    known: &HashMap<CardKey, Known>,
    now: Timestamp,
    due: Due,
) -> Result<Vec<CardKey>, Error> {
    if !tx.counts_cards {
        return Ok(Vec::new());
    }
    let programs: BTreeSet<_> = cards.iter().map(|card| (card.merchant, card.program)).collect();
    let programs: Vec<_> = programs.into_iter().collect();
    let countings = segment_rules::of_programs(tx, &programs).await?;
    let erased = erased(tx, cards, known).await?;
    let mut deltas: BTreeMap<(MerchantId, Counted), i64> = BTreeMap::new();
    let (mut moved, mut counted_rows, mut due_rows) = (Vec::new(), Vec::new(), Vec::new());
    for card in cards {
        let key = (card.merchant, card.id);
        let (Some(before), Some(counting)) = (known.get(&key), countings.get(&(card.merchant, card.program)))
        else {
            continue;
        };
        let facts = Facts {
            rules: counting.rules,
            ready: counting.ready,
            installed_at: before
                .installed_at
                .or_else(|| chips::is_in_a_wallet(card).then_some(now)),
            visit_before_at: visit_before(tx, before.visits, card).await?,
            is_erased: erased.contains(&(card.merchant, card.customer)),
        };
        let after = Counted {
            program: card.program,
            version: counting.version,
            standing: chips::standing(card, &facts, now),
        };
        if before.counted != Some(after) {
            moved.push(key);
            *deltas.entry((card.merchant, after)).or_default() += 1;
            if let Some(counted) = before.counted {
                *deltas.entry((card.merchant, counted)).or_default() -= 1;
            }
        }
        if before.counted != Some(after)
            || before.installed_at != facts.installed_at
            || before.visits.before_last != facts.visit_before_at
        {
            counted_rows.push(counted_row(key, after, &facts));
        }
        if let Some(at) = due_at(before, card, &facts, now, due) {
            due_rows.push(params![card.merchant, card.id, at].to_vec());
        }
    }
    tx.exec_rows(COUNTED, &[], &counted_rows).await?;
    tx.exec_rows(POSTPONE, &[], &due_rows).await?;
    tx.exec_rows(APPEND, &[], &delta_rows(deltas)).await?;
    for counting in countings.values() {
        start_walk(tx, counting).await?;
    }
    Ok(moved)
}

/// The moment to store, where it is another one.
#[expect(
    clippy::option_option,
    reason = "none to store, or to store that there is none"
)]
fn due_at(before: &Known, card: &Card, facts: &Facts, now: Timestamp, due: Due) -> Option<Option<Timestamp>> {
    // Whoever erases a customer ends their cards, and may say only afterwards that they are erased: look again.
    let has_just_ended = card.status == CardStatus::Void && !before.is_void && !facts.is_erased;
    let next = if has_just_ended {
        Some(now)
    } else {
        chips::next_change(card, facts, now)
    };
    let is_new = before.counted.is_none();
    let differs = if due == Due::Exactly || is_new {
        next != before.due_at
    } else {
        next.is_some_and(|next| before.due_at.is_none_or(|due| next < due))
    };
    differs.then_some(next)
}

async fn visit_before(tx: &mut Tx<'_>, known: KnownVisits, card: &Card) -> Result<Option<Timestamp>, Error> {
    match (chips::visit_before(known, card), card.last_event) {
        (VisitBefore::Is(at), _) => Ok(at),
        (VisitBefore::InLedger, None) => Ok(None),
        (VisitBefore::InLedger, Some(newest)) => {
            let history = events::history(tx, card.merchant, newest, NEIGHBOURS).await?;
            let mut visits: Vec<_> = ledger::standing_visits(&history).collect();
            visits.sort_unstable();
            Ok(visits.iter().rev().nth(1).copied())
        }
    }
}

/// Those customers of `cards` who have been erased. The cards of the erased are ended, or were found to be theirs before;
/// others need not be asked about.
async fn erased(
    tx: &mut Tx<'_>,
    cards: &[Card],
    known: &HashMap<CardKey, Known>,
) -> Result<BTreeSet<(MerchantId, CustomerId)>, Error> {
    let was_erased = |card: &&Card| {
        let counted = known
            .get(&(card.merchant, card.id))
            .and_then(|known| known.counted);
        counted.is_some_and(|counted| !counted.standing.chips.contains(Chip::All))
    };
    let suspects = cards
        .iter()
        .filter(|card| card.status == CardStatus::Void || was_erased(card));
    let customers: BTreeSet<_> = suspects.map(|card| (card.merchant, card.customer)).collect();
    let rows: Vec<_> = customers
        .into_iter()
        .map(|(merchant, customer)| params![merchant, customer].to_vec())
        .collect();
    let erased: Vec<(MerchantId, CustomerId)> = tx.all_rows(ERASED, &[], &rows).await?;
    Ok(erased.into_iter().collect())
}

/// The program's own rules have changed since its cards were last gone through.
async fn start_walk(tx: &mut Tx<'_>, counting: &Counting) -> Result<(), Error> {
    match counting.walk_version {
        Some(walked) if walked != counting.version => {
            segment_rules::walk(tx, counting.key, counting.version).await
        }
        _ => Ok(()),
    }
}

fn counted_row((merchant, card): CardKey, counted: Counted, facts: &Facts) -> Vec<Value> {
    params![
        merchant,
        card,
        counted.program,
        counted.version.0,
        counted.standing.chips.0,
        counted.standing.cell.0,
        facts.installed_at,
        facts.visit_before_at,
    ]
    .to_vec()
}

/// Differences that are none are left out. The order is the same in every transaction.
fn delta_rows(deltas: BTreeMap<(MerchantId, Counted), i64>) -> Vec<Vec<Value>> {
    let changed = deltas.into_iter().filter(|(_, cards)| *cards != 0);
    changed
        .map(|((merchant, counted), cards)| {
            params![
                merchant,
                counted.program,
                counted.version.0,
                counted.standing.chips.0,
                counted.standing.cell.0,
                cards,
            ]
            .to_vec()
        })
        .collect()
}

/// Counts cards anew that have been written without `follow`, or that time has moved. `keys` are sorted and without
/// repeats. Returns those that count differently.
pub async fn recount(tx: &mut Tx<'_>, keys: &[CardKey], now: Timestamp) -> Result<Vec<CardKey>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let cards = cards::cards_for_update(tx, keys).await?;
    let known = known(tx, keys.iter().copied()).await?;
    follow(tx, &cards, &known, now, Due::Exactly).await
}

/// Counts the cards of a customer anew, who has just been erased.
pub async fn recount_customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    now: Timestamp,
) -> Result<(), Error> {
    let keys: Vec<CardKey> = tx.all(OF_CUSTOMER, &params![merchant, customer]).await?;
    recount(tx, &keys, now).await?;
    Ok(())
}

/// Counts at most `limit` cards anew whose moment has come. Returns how many those were, and which count differently.
pub async fn recount_due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<(usize, Vec<CardKey>), Error> {
    let mut keys: Vec<CardKey> = tx.all(DUE, &params![now, limit]).await?;
    keys.sort_unstable();
    Ok((keys.len(), recount(tx, &keys, now).await?))
}

/// Moves some cards of a program that is being walked through to the version in force. Returns how many cards were
/// looked at, 0 where no program is, and which count differently.
pub async fn walk(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<(usize, Vec<CardKey>), Error> {
    let Some(walk) = segment_rules::walking(tx).await? else {
        return Ok((0, Vec::new()));
    };
    let (merchant, program) = walk.key;
    let counting = segment_rules::of_programs(tx, &[walk.key]).await?;
    let version = counting.get(&walk.key).map(|counting| counting.version.0);
    let next: Vec<(CardId, Option<ProgramId>, i64)> =
        tx.all(NEXT, &params![merchant, walk.to, limit]).await?;
    let behind: Vec<CardKey> = next
        .iter()
        .filter(|(_, counted, by)| *counted == Some(program) && Some(*by) != version)
        .map(|(card, ..)| (merchant, *card))
        .collect();
    let moved = recount(tx, &behind, now).await?;
    let is_last = next.len() < usize::try_from(limit).unwrap_or(usize::MAX);
    let last = next.last().map(|(card, ..)| *card);
    segment_rules::walked(tx, walk, last.filter(|_| !is_last)).await?;
    Ok((next.len().max(1), moved))
}

/// Adds at most `limit` deltas to the counts. Returns how many those were.
pub async fn fold(tx: &mut Tx<'_>, limit: i64) -> Result<usize, Error> {
    let taken: Vec<(MerchantId, i64, i64, i64, i64, i64)> = tx.all(TAKE, &params![limit]).await?;
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for (merchant, program, version, segments, rfm, cards) in &taken {
        *sums
            .entry((*merchant, *program, *version, *segments, *rfm))
            .or_default() += cards;
    }
    // In one order, so that two nodes that fold at once do not wait for each other in a circle.
    let rows: Vec<_> = sums
        .into_iter()
        .filter(|(_, cards)| *cards != 0)
        .map(|((merchant, program, version, segments, rfm), cards)| {
            params![merchant, program, version, segments, rfm, cards].to_vec()
        })
        .collect();
    tx.exec_rows(ADD, &[], &rows).await?;
    Ok(taken.len())
}

/// The counts of a merchant, or of one of its programs.
pub async fn counts(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: Option<ProgramId>,
) -> Result<Vec<CountRow>, Error> {
    let program = program.map_or(0, |program| program.0);
    tx.all(COUNTS, &params![merchant, program]).await
}

/// How the counts of a merchant are asked for.
pub fn show(merchant: MerchantId) -> (String, Vec<Value>) {
    (COUNTS.to_owned(), params![merchant, 0_i64].to_vec())
}

impl FromRow for Known {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let program: Option<ProgramId> = row.next()?;
        let version = Version(row.next()?);
        let standing = Standing {
            chips: Chips(row.next()?),
            cell: Cell(row.next()?),
        };
        let due_at = row.next()?;
        let status: String = row.next()?;
        let installed_at = row.next()?;
        Ok(Self {
            key,
            counted: program.map(|program| Counted {
                program,
                version,
                standing,
            }),
            due_at,
            is_void: status == CardStatus::Void.as_str(),
            installed_at,
            visits: KnownVisits {
                visits: row.next()?,
                last: row.next()?,
                before_last: row.next()?,
            },
        })
    }
}

impl FromRow for CountRow {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            program: row.next()?,
            version: Version(row.next()?),
            standing: Standing {
                chips: Chips(row.next()?),
                cell: Cell(row.next()?),
            },
            cards: row.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dialect;

    /// Neither a tap nor a turn of a chore may cost more where there are more cards.
    #[test]
    fn sqlite_finds_cards_by_index() {
        let database = rusqlite::Connection::open_in_memory().expect("opened");
        for schema in [
            include_str!("migrations/sqlite/0001_initial.sql"),
            include_str!("migrations/sqlite/0002_loyalty.sql"),
            include_str!("migrations/sqlite/0003_programs.sql"),
            include_str!("migrations/sqlite/0004_coupons.sql"),
            include_str!("migrations/sqlite/0008_live_counts.sql"),
        ] {
            database.execute_batch(schema).expect("the schema");
        }
        let by_index = [
            (
                DUE,
                "SEARCH c USING COVERING INDEX cards_by_counts_due (counts_due_at<?)",
            ),
            (NEXT, "SEARCH c USING PRIMARY KEY (merchant_id=? AND card_id>?)"),
            (KNOWN, "SEARCH c USING PRIMARY KEY (merchant_id=? AND card_id=?)"),
            (
                COUNTED,
                "SEARCH cards USING PRIMARY KEY (merchant_id=? AND card_id=?)",
            ),
            (
                OF_CUSTOMER,
                "SEARCH c USING COVERING INDEX cards_by_customer (merchant_id=? AND customer_id=?)",
            ),
        ];
        for (statement, expected) in by_index {
            let text =
                dialect::expand_for_sqlite(statement, 3).unwrap_or_else(|| dialect::to_sqlite(statement));
            let text = format!("explain query plan {text}");
            let mut plan = database.prepare(&text).expect("a sound statement");
            let parameters = vec![0; plan.parameter_count()];
            let steps: Vec<String> = plan
                .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
                .expect("a plan")
                .collect::<Result<_, _>>()
                .expect("text");
            assert!(
                steps.iter().any(|step| step == expected),
                "{statement}: {steps:?}"
            );
            assert!(
                !steps.iter().any(|step| step.contains("TEMP B-TREE")),
                "{steps:?}"
            );
        }
    }
}
