//! What pushes leave in the timelines of cards: events that the gateway appends by itself, many cards at once.
//!
//! Invariant: the cards are locked, and whoever appends saves their newest events in the same transaction, so that a
//! card's chain has no gap and no branch.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::budget::Told;
use crate::domain::detail::Detail;
use crate::domain::event::EventKind;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const EVENTS: &str = "insert into events (merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, \
     at, recorded_at, actor, reason, detail) \
     values {bigint, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, text, text, text} \
     returning merchant_id, card_id, event_id";
const CHAIN: &str = "update cards set last_event_id = v.column3 from (values {bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";

pub(crate) const STATEMENTS: &[&str] = &[EVENTS, CHAIN];

/// A row of a timeline, of the gateway's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub key: CardKey,
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    pub reason: Option<String>,
    pub detail: Option<Detail>,
}

impl Line {
    pub fn new(key: CardKey, told: Told, at: Timestamp) -> Self {
        Self {
            key,
            kind: told.kind,
            at,
            reason: Some(told.reason),
            detail: Some(told.detail),
        }
    }
}

/// Appends `lines` in their order behind the newest events of their cards, which `newest` names and which are locked.
/// Moves those on; the caller saves them. Lines of cards that `newest` lacks are left
/// out. One statement for each round that holds at most one line of a card.
pub async fn append(
    tx: &mut Tx<'_>,
    newest: &mut HashMap<CardKey, Option<EventId>>,
    mut lines: Vec<Line>,
    now: Timestamp,
) -> Result<(), Error> {
    lines.retain(|line| newest.contains_key(&line.key));
    while !lines.is_empty() {
        let mut seen = HashSet::with_capacity(lines.len());
        let (round, later): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| seen.insert(line.key));
        let rows: Vec<_> = round
            .iter()
            .map(|line| {
                let (merchant, card) = line.key;
                params![
                    merchant,
                    card,
                    newest.get(&line.key).copied().flatten(),
                    line.kind.as_str(),
                    0,
                    0,
                    0,
                    line.at,
                    now,
                    "gateway",
                    line.reason.as_deref(),
                    line.detail.as_ref().map(Detail::print)
                ]
            })
            .collect();
        let made: Vec<(MerchantId, CardId, EventId)> = tx.all_rows(EVENTS, &[], &rows).await?;
        newest.extend(
            made.into_iter()
                .map(|(merchant, card, event)| ((merchant, card), Some(event))),
        );
        lines = later;
    }
    Ok(())
}

/// The same for cards that change in nothing else: their newest events are saved.
pub async fn append_alone(
    tx: &mut Tx<'_>,
    mut newest: HashMap<CardKey, Option<EventId>>,
    lines: Vec<Line>,
    now: Timestamp,
) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let touched: BTreeSet<CardKey> = lines.iter().map(|line| line.key).collect();
    append(tx, &mut newest, lines, now).await?;
    let rows: Vec<_> = touched
        .iter()
        .filter_map(|key| Some(params![key.0, key.1, *newest.get(key)?]))
        .collect();
    if !rows.is_empty() {
        tx.exec_rows(CHAIN, &[], &rows).await?;
    }
    Ok(())
}
