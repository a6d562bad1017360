//! Live counts: how many cards of a program stand in which built-in segments and which cell of the grid.
//!
//! Invariant: at every commit, the counters with their deltas are what counting all cards by what each is stored as would
//! give. Every statement that writes cards asks `weigh` first, which looks at what each card was counted as, asks
//! `domain::chips` what it is now, and hands back the columns to write with the card and the difference to append.
//! Nothing is locked here: deltas are appended, and [`fold`] adds them up later, in one order.
//!
//! What a card had within the window of its program's counts is carried along with each change, and read from the ledger
//! where `domain::window` says that only the ledger knows it: the visit that ages is one such case, and so is due.
//!
//! What changes by time alone is due at `cards.counts_due_at`, which is never too late and often too early: a visit
//! puts the moment off, and an index entry that every tap moves costs more than one look too many at a card.

mod counters;

use std::collections::{BTreeSet, HashMap};

use crate::domain::card::{Card, CardStatus};
use crate::domain::chips::{self, Chip, Facts, KnownVisits, VisitBefore};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::ledger;
use crate::domain::time::Timestamp;
use crate::domain::window::{self, Followed, Kept, Recent, Window};
use crate::store::locked::{Counted, Known};
use crate::store::segment_rules::{Counting, ProgramKey};
use crate::store::sql::params;
use crate::store::{Change, Error, Tx, cards, events, segment_rules, windows};

pub use crate::store::locked::CardKey;
use counters::Deltas;
pub(crate) use counters::STATEMENTS as OF_COUNTERS;
pub use counters::{CountRow, counts, fold, show};

const ERASED: &str = "select u.merchant_id, u.customer_id from (values {bigint, bigint}) as v \
     join customers u on u.merchant_id = v.column1 and u.customer_id = v.column2 where u.erased_at is not null";
/// Leaves `counts_due_at` alone: SQLite rewrites the index entry of every column that is named.
const COUNTED: &str = "update cards set counted_program = v.column3, counted_version = v.column4, segments = v.column5, \
     rfm = v.column6, installed_at = v.column7, visit_before_at = v.column8, recent_days = v.column9, \
     recent_visits = v.column10, recent_spend = v.column11, recent_from = v.column12 \
     from (values {bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
const COUNTED_AND_DUE: &str = "update cards set counted_program = v.column3, counted_version = v.column4, \
     segments = v.column5, rfm = v.column6, installed_at = v.column7, visit_before_at = v.column8, \
     recent_days = v.column9, recent_visits = v.column10, recent_spend = v.column11, recent_from = v.column12, \
     counts_due_at = v.column13 \
     from (values {bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, \
     bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
const DUE: &str = "select c.merchant_id, c.card_id from cards c where c.counts_due_at <= $1 \
     order by c.counts_due_at limit $2 for update skip locked";
const NEXT: &str = "select c.card_id, c.counted_program, c.counted_version from cards c \
     where c.merchant_id = $1 and c.card_id > $2 order by c.card_id limit $3";
const OF_CUSTOMER: &str = "select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2 order by c.card_id";

pub(crate) const STATEMENTS: &[&str] = &[ERASED, COUNTED, COUNTED_AND_DUE, DUE, NEXT, OF_CUSTOMER];

/// How far back in a ledger the last visit but one is looked for.
const NEIGHBOURS: i64 = 500;

/// When a card is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A moment that is too early stays.
    NotLater,
    Exactly,
}

/// What a card is to be stored as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) counted: Counted,
    pub(super) installed_at: Option<Timestamp>,
    pub(super) visit_before_at: Option<Timestamp>,
    pub(super) kept: Kept,
    /// The moment to store, where it is another one.
    pub(super) due_at: Option<Option<Timestamp>>,
    /// Whether anything but the moment is another one.
    differs: bool,
}

/// What cards count as now, and what that changes.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// One for each card; none for a card that is not counted.
    pub(super) places: Vec<Option<Place>>,
    /// The cards that count differently.
    moved: Vec<CardKey>,
    /// Those with other visits or money within the window.
    aged: Vec<CardKey>,
    deltas: Deltas,
    countings: HashMap<ProgramKey, Counting>,
}

/// Weighs `cards` as they are about to be written. They are locked and known, so nobody else counts them meanwhile; the
/// caller writes the places with them and ends with [`count`].
pub(super) async fn weigh(
    tx: &mut Tx<'_>,
    cards: &[Card],
    now: Timestamp,
    due: Due,
) -> Result<Weighed, Error> {
    let mut weighed = Weighed {
        places: vec![None; cards.len()],
        ..Weighed::default()
    };
    if !tx.counts_cards {
        return Ok(weighed);
    }
    let programs: BTreeSet<_> = cards.iter().map(|card| (card.merchant, card.program)).collect();
    let programs: Vec<_> = programs.into_iter().collect();
    weighed.countings = segment_rules::of_programs(tx, &programs).await?;
    let erased = erased(tx, cards).await?;
    for (card, place) in cards.iter().zip(&mut weighed.places) {
        let key = (card.merchant, card.id);
        let counting = weighed.countings.get(&(card.merchant, card.program));
        let (Some(before), Some(counting)) = (tx.known.get(&key).copied(), counting) else {
            continue;
        };
        let facts = Facts {
            rules: counting.rules,
            ready: counting.ready,
            installed_at: (card.installed_at.or(before.installed_at))
                .or_else(|| chips::is_in_a_wallet(card).then_some(now)),
            visit_before_at: visit_before(tx, before.visits, card).await?,
            recent: recent(tx, &before.kept, card, counting.rules.window, now).await?,
            is_erased: !erased.is_empty() && erased.contains(&(card.merchant, card.customer)),
        };
        let after = Counted {
            program: card.program,
            version: counting.version,
            standing: chips::standing(card, &facts, now),
        };
        let moves = before.counted != Some(after);
        if moves {
            weighed.moved.push(key);
            weighed.deltas.shift(card.merchant, before.counted, after);
        }
        let kept = Kept::of(card, counting.rules.window, facts.recent);
        if kept.recent != before.kept.recent {
            weighed.aged.push(key);
        }
        let due_at = due_at(&before, card, &facts, now, due);
        let differs = moves
            || kept != before.kept
            || before.installed_at != facts.installed_at
            || before.visits.before_last != facts.visit_before_at;
        *place = Some(Place {
            counted: after,
            installed_at: facts.installed_at,
            visit_before_at: facts.visit_before_at,
            kept,
            due_at,
            differs,
        });
        let known = Known {
            program: card.program,
            is_void: card.status == CardStatus::Void,
            installed_at: facts.installed_at,
            visits: KnownVisits {
                visits: card.visits,
                last: card.last_visit_at,
                before_last: facts.visit_before_at,
            },
            kept,
            counted: Some(after),
            due_at: due_at.unwrap_or(before.due_at),
        };
        tx.known.insert(key, known);
    }
    Ok(weighed)
}

/// Counts what was weighed and written; returns the cards that count differently.
pub(super) async fn count(tx: &mut Tx<'_>, weighed: Weighed) -> Result<Vec<CardKey>, Error> {
    counters::append(tx, &weighed.deltas).await?;
    for counting in weighed.countings.values() {
        start_walk(tx, counting).await?;
    }
    Ok(weighed.moved)
}

/// The moment to store, where it is another one.
#[expect(
    clippy::option_option,
    reason = "none to store, or to store that there is none"
)]
fn due_at(before: &Known, card: &Card, facts: &Facts, now: Timestamp, due: Due) -> Option<Option<Timestamp>> {
    // Whoever erases a customer ends their cards, and may say only afterwards that they are erased: look again.
    let has_just_ended = card.status == CardStatus::Void && !before.is_void && !facts.is_erased;
    let is_exact = due == Due::Exactly || before.counted.is_none();
    if is_exact {
        let next = if has_just_ended {
            Some(now)
        } else {
            chips::next_change(card, facts, now)
        };
        return (next != before.due_at).then_some(next);
    }
    let limit = before.due_at.unwrap_or(Timestamp(i64::MAX));
    let earlier = if has_just_ended {
        Some(now).filter(|now| *now < limit)
    } else {
        chips::next_change_before(card, facts, now, limit)
    };
    earlier.map(Some)
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

async fn recent(
    tx: &mut Tx<'_>,
    kept: &Kept,
    card: &Card,
    window: Window,
    now: Timestamp,
) -> Result<Recent, Error> {
    match window::follow(kept, card, window, now) {
        Followed::Is(recent) => Ok(recent),
        Followed::InLedger => windows::of_ledger(tx, card.merchant, card.last_event, window, now).await,
    }
}

/// Those customers of `cards` who have been erased. The cards of the erased are ended, or were found to be theirs before;
/// others need not be asked about.
async fn erased(tx: &mut Tx<'_>, cards: &[Card]) -> Result<BTreeSet<(MerchantId, CustomerId)>, Error> {
    let was_erased = |card: &Card| {
        let known = tx.known.get(&(card.merchant, card.id));
        let counted = known.and_then(|known| known.counted);
        counted.is_some_and(|counted| !counted.standing.chips.contains(Chip::All))
    };
    let suspects = cards
        .iter()
        .filter(|card| card.status == CardStatus::Void || was_erased(card));
    let customers: BTreeSet<_> = suspects.map(|card| (card.merchant, card.customer)).collect();
    let rows: Vec<_> = customers
        .into_iter()
        .map(|(merchant, customer)| params![merchant, customer])
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

/// Counts cards anew that have been written without `weigh`, or that time has moved. `keys` are sorted and without
/// repeats. Returns those that count differently.
pub async fn recount(tx: &mut Tx<'_>, keys: &[CardKey], now: Timestamp) -> Result<Vec<CardKey>, Error> {
    if keys.is_empty() || !tx.counts_cards {
        return Ok(Vec::new());
    }
    let cards = cards::cards_for_update(tx, keys).await?;
    let weighed = weigh(tx, &cards, now, Due::Exactly).await?;
    let (mut counted, mut due) = (Vec::new(), Vec::new());
    for (card, place) in cards.iter().zip(&weighed.places) {
        let Some(place) = place else { continue };
        let Counted {
            program,
            version,
            standing,
        } = place.counted;
        let row = params![
            card.merchant,
            card.id,
            program,
            version.0,
            standing.chips.0,
            standing.cell.0,
            place.installed_at,
            place.visit_before_at,
            place.kept.days,
            place.kept.recent.visits,
            place.kept.recent.spend,
            place.kept.recent.oldest,
        ];
        if let Some(at) = place.due_at {
            due.push(row.into_iter().chain([at.into()]).collect::<Vec<_>>());
        } else if place.differs {
            counted.push(row);
        }
    }
    tx.exec_rows(COUNTED, &[], &counted).await?;
    tx.exec_rows(COUNTED_AND_DUE, &[], &due).await?;
    // Lists that are kept in memory ask for these numbers.
    for (merchant, card) in &weighed.aged {
        tx.announce(Change::Card(*merchant, *card));
    }
    count(tx, weighed).await
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
            include_str!("migrations/sqlite/0018_windows.sql"),
        ] {
            database.execute_batch(schema).expect("the schema");
        }
        let by_index = [
            (
                DUE,
                "SEARCH c USING COVERING INDEX cards_by_counts_due (counts_due_at<?)",
            ),
            (NEXT, "SEARCH c USING PRIMARY KEY (merchant_id=? AND card_id>?)"),
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
