//! Ledger and timeline rows. Only ever inserted.
//!
//! A card names its newest row and each row the one before it, so a card's history is read by walking back from
//! the card, without an index that every tap would have to keep.

use std::collections::{HashMap, HashSet};

use crate::domain::capture::CaptureKey;
use crate::domain::card::Card;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::id::{CardId, EventId, MemberId, MerchantId, StationId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

macro_rules! event_columns {
    () => {
        "e.event_id, e.card_id, e.previous_event_id, e.kind, e.punches, e.rewards, e.visits, e.at, e.recorded_at, \
         e.actor, e.actor_id, e.station_id, e.counter, e.reverses_event_id, e.reason"
    };
}

const INSERT: &str = "insert into events (merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, at, \
     recorded_at, actor, actor_id, station_id, counter, reverses_event_id, reason) \
     values {bigint, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, text, bigint, bigint, bigint, \
     bigint, text} returning event_id, card_id";
const EVENT: &str = concat!(
    "select ",
    event_columns!(),
    " from events e where e.merchant_id = $1 and e.event_id = $2"
);
/// The newest `$3` rows of the chain that begins at event `$2`.
const HISTORY: &str = concat!(
    "with recursive chain (event_id, previous_event_id, depth) as ( \
     select e.event_id, e.previous_event_id, cast(1 as bigint) from events e \
     where e.merchant_id = $1 and e.event_id = $2 \
     union all \
     select e.event_id, e.previous_event_id, chain.depth + 1 from chain \
     join events e on e.merchant_id = $1 and e.event_id = chain.previous_event_id \
     where chain.depth < $3) \
     select ",
    event_columns!(),
    " from chain join events e on e.merchant_id = $1 and e.event_id = chain.event_id order by chain.depth"
);
const REVERSED: &str = "select count(*) from events where merchant_id = $1 and reverses_event_id = $2 \
     and kind in ('punch_reversed', 'redemption_reversed')";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, EVENT, HISTORY, REVERSED];

/// Appends `events` in order and moves `last_event` of each card they belong to.
///
/// `cards` must hold every card that `events` name; the caller saves them afterwards. Rows of one card that come
/// in the same call are chained to each other: round after round, each round holding at most one row a card.
pub async fn append(
    tx: &mut Tx<'_>,
    cards: &mut HashMap<CardId, Card>,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<(), Error> {
    let mut rest: Vec<&NewEvent> = events.iter().collect();
    while !rest.is_empty() {
        let mut later = Vec::new();
        let mut round = HashSet::with_capacity(rest.len());
        let mut rows = Vec::with_capacity(rest.len());
        for event in rest {
            if !round.insert(event.card) {
                later.push(event);
                continue;
            }
            let card = cards
                .get(&event.card)
                .ok_or_else(|| Error::inconsistent("the card of each new event in hand", "another card"))?;
            rows.push(row(card, event, now));
        }
        let numbered: Vec<(EventId, CardId)> = tx.all_rows(INSERT, &[], &rows).await?;
        for (event, card) in numbered {
            if let Some(card) = cards.get_mut(&card) {
                card.last_event = Some(event);
            }
        }
        rest = later;
    }
    Ok(())
}

fn row(card: &Card, event: &NewEvent, now: Timestamp) -> [Value; 15] {
    let (actor, actor_id) = match event.actor {
        Actor::Station(station) => ("station", Some(station.0)),
        Actor::Member(member) => ("member", Some(member.0)),
        Actor::Device => ("device", None),
        Actor::Gateway => ("gateway", None),
    };
    params![
        card.merchant,
        event.card,
        card.last_event,
        event.kind.as_str(),
        event.delta.punches,
        event.delta.rewards,
        event.delta.visits,
        event.at,
        now,
        actor,
        actor_id,
        event.capture.map(|key| key.station),
        event.capture.map(|key| key.counter),
        event.reverses,
        event.reason.as_deref(),
    ]
}

pub async fn event(tx: &mut Tx<'_>, merchant: MerchantId, event: EventId) -> Result<Option<Event>, Error> {
    tx.opt(EVENT, &params![merchant, event]).await
}

/// The newest `limit` rows of a card, newest first, beginning at `from`.
pub async fn history(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    from: EventId,
    limit: i64,
) -> Result<Vec<Event>, Error> {
    tx.all(HISTORY, &params![merchant, from, limit]).await
}

/// Whether some row takes `event` back.
pub async fn is_reversed(tx: &mut Tx<'_>, merchant: MerchantId, event: EventId) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(REVERSED, &params![merchant, event]).await?;
    Ok(count > 0)
}

impl FromRow for Event {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let id = row.next()?;
        let card = row.next()?;
        let previous = row.next()?;
        let kind: String = row.next()?;
        let kind =
            EventKind::parse(&kind).ok_or_else(|| Error::inconsistent("an event kind", "another word"))?;
        let delta = Delta {
            punches: row.next()?,
            rewards: row.next()?,
            visits: row.next()?,
        };
        let at = row.next()?;
        let recorded_at = row.next()?;
        let actor: String = row.next()?;
        let actor_id: Option<i64> = row.next()?;
        let actor = match (actor.as_str(), actor_id) {
            ("station", Some(id)) => Actor::Station(StationId(id)),
            ("member", Some(id)) => Actor::Member(MemberId(id)),
            ("device", None) => Actor::Device,
            ("gateway", None) => Actor::Gateway,
            _ => return Err(Error::inconsistent("an actor with its id", "another word")),
        };
        let station: Option<i64> = row.next()?;
        let counter: Option<i64> = row.next()?;
        let capture = station.zip(counter).map(|(station, counter)| CaptureKey {
            station: StationId(station),
            counter,
        });
        let reverses = row.next()?;
        let reason = row.next()?;
        Ok(Self {
            id,
            previous,
            recorded_at,
            event: NewEvent {
                card,
                kind,
                delta,
                at,
                actor,
                capture,
                reverses,
                reason,
            },
        })
    }
}
