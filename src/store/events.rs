//! Ledger and timeline rows. Only ever inserted.
//!
//! A card names its newest row and each row the one before it, so a card's history is read by walking back from
//! the card, without an index that every tap would have to keep.

use std::collections::HashMap;

use crate::domain::capture::CaptureKey;
use crate::domain::card::Card;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent, Source, Subject};
use crate::domain::id::{CardId, CustomerId, EventId, MemberId, MerchantId, StationId};
use crate::domain::time::Timestamp;
use crate::store::redemption_days::{self, Noted};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

macro_rules! event_columns {
    () => {
        "e.event_id, e.card_id, e.customer_id, e.previous_event_id, e.kind, e.punches, e.points, e.tier_points, \
         e.rewards, e.visits, e.spend, e.unpriced, e.redemptions, e.at, e.recorded_at, e.actor, e.actor_id, e.source, \
         e.location_id, e.station_id, e.counter, e.batch_id, e.reverses_event_id, e.reason, e.detail"
    };
}

pub(super) use event_columns;

const INSERT: &str = "insert into events (merchant_id, card_id, customer_id, previous_event_id, kind, punches, points, \
     tier_points, rewards, visits, spend, unpriced, redemptions, at, recorded_at, actor, actor_id, source, location_id, \
     station_id, counter, batch_id, reverses_event_id, reason, detail) \
     values {bigint, bigint, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, \
     bigint, bigint, text, bigint, text, bigint, bigint, bigint, bigint, bigint, text, text} \
     returning event_id, card_id, customer_id";
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
     and kind in ('punch_reversed', 'points_reversed', 'redemption_reversed', 'promotion_reversed')";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, EVENT, HISTORY, REVERSED];

/// Appends `events` of cards in order and moves `last_event` of each card they belong to.
///
/// `cards` must hold every card that `events` name; the caller saves them afterwards. Rows of one card that come
/// in the same call are chained to each other: round after round, each round holding at most one row a card. Returns
/// the number of each event, in the order of `events`.
pub async fn append(
    tx: &mut Tx<'_>,
    cards: &mut HashMap<CardId, Card>,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<Vec<EventId>, Error> {
    let mut ids = vec![EventId(0); events.len()];
    let mut rest: Vec<(usize, &NewEvent)> = events.iter().enumerate().collect();
    while !rest.is_empty() {
        let mut later = Vec::new();
        let mut round = HashMap::with_capacity(rest.len());
        let mut rows = Vec::with_capacity(rest.len());
        let mut redeeming = Vec::new();
        for (place, event) in rest {
            let card = event
                .card()
                .and_then(|card| cards.get(&card))
                .ok_or_else(|| Error::inconsistent("the card of each new event in hand", "another card"))?;
            if round.contains_key(&card.id) {
                later.push((place, event));
                continue;
            }
            round.insert(card.id, place);
            rows.push(row(card.merchant, card.last_event, event, now));
            if event.delta.redemptions != 0 {
                redeeming.push((card.merchant, card.id, event));
            }
        }
        let numbered: Vec<Numbered> = tx.all_rows(INSERT, &[], &rows).await?;
        if !redeeming.is_empty() {
            let of_card: HashMap<CardId, EventId> = numbered
                .iter()
                .filter_map(|(id, card, _)| Some(((*card)?, *id)))
                .collect();
            let noted = redeeming.into_iter().filter_map(|(merchant, card, event)| {
                let id = *of_card.get(&card)?;
                Some(Noted {
                    merchant,
                    card,
                    id,
                    event,
                })
            });
            redemption_days::note(tx, &noted.collect::<Vec<_>>()).await?;
        }
        for (event, card, _) in numbered {
            if let Some(place) = card.and_then(|card| round.get(&card)) {
                ids[*place] = event;
            }
            if let Some(card) = card.and_then(|card| cards.get_mut(&card)) {
                card.last_event = Some(event);
            }
        }
        rest = later;
    }
    Ok(ids)
}

/// Appends one event of a person behind `previous`, their newest; returns the new newest, which the caller saves.
pub async fn append_of_customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    previous: Option<EventId>,
    event: &NewEvent,
    now: Timestamp,
) -> Result<EventId, Error> {
    let rows = [row(merchant, previous, event, now)];
    let numbered: Vec<Numbered> = tx.all_rows(INSERT, &[], &rows).await?;
    let newest = numbered.first().map(|(event, ..)| *event);
    newest.ok_or_else(|| Error::inconsistent("the number of the new event", "none"))
}

/// Appends one event each of several people behind their newest; returns the new newest of each.
pub async fn append_of_customers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    events: &[(Option<EventId>, NewEvent)],
    now: Timestamp,
) -> Result<HashMap<CustomerId, EventId>, Error> {
    let rows: Vec<_> = events
        .iter()
        .map(|(previous, event)| row(merchant, *previous, event, now))
        .collect();
    let numbered: Vec<Numbered> = tx.all_rows(INSERT, &[], &rows).await?;
    Ok(numbered
        .into_iter()
        .filter_map(|(event, _, customer)| Some((customer?, event)))
        .collect())
}

/// A new row's number, and the card or the person whose it is.
type Numbered = (EventId, Option<CardId>, Option<CustomerId>);

/// An actor as two columns.
pub(super) fn actor_columns(actor: Actor) -> (&'static str, Option<i64>) {
    match actor {
        Actor::Station(station) => ("station", Some(station.0)),
        Actor::Member(member) => ("member", Some(member.0)),
        Actor::Device => ("device", None),
        Actor::Gateway => ("gateway", None),
    }
}

/// The inverse of [`actor_columns`].
pub(super) fn actor_of_columns(actor: &str, id: Option<i64>) -> Result<Actor, Error> {
    match (actor, id) {
        ("station", Some(id)) => Ok(Actor::Station(StationId(id))),
        ("member", Some(id)) => Ok(Actor::Member(MemberId(id))),
        ("device", None) => Ok(Actor::Device),
        ("gateway", None) => Ok(Actor::Gateway),
        _ => Err(Error::inconsistent("an actor with its id", "another word")),
    }
}

fn row(merchant: MerchantId, previous: Option<EventId>, event: &NewEvent, now: Timestamp) -> [Value; 25] {
    let (actor, actor_id) = actor_columns(event.actor);
    let (card, customer) = match event.subject {
        Subject::Card(card) => (Some(card), None),
        Subject::Customer(customer) => (None, Some(customer)),
    };
    params![
        merchant,
        card,
        customer,
        previous,
        event.kind.as_str(),
        event.delta.punches,
        event.delta.points,
        event.delta.tier_points,
        event.delta.rewards,
        event.delta.visits,
        event.delta.spend,
        event.delta.unpriced,
        event.delta.redemptions,
        event.at,
        now,
        actor,
        actor_id,
        event.source.as_str(),
        event.location,
        event.capture.map(|key| key.station),
        event.capture.map(|key| key.counter),
        event.batch,
        event.reverses,
        event.reason.as_deref(),
        event.detail.as_ref().map(Detail::print),
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
        let word = |expected| move || Error::inconsistent(expected, "another word");
        let id = row.next()?;
        let card: Option<CardId> = row.next()?;
        let customer: Option<CustomerId> = row.next()?;
        let subject = match (card, customer) {
            (Some(card), None) => Subject::Card(card),
            (None, Some(customer)) => Subject::Customer(customer),
            _ => {
                return Err(Error::inconsistent(
                    "an event of a card or of a person",
                    "both or none",
                ));
            }
        };
        let previous = row.next()?;
        let kind: String = row.next()?;
        let kind = EventKind::parse(&kind).ok_or_else(word("an event kind"))?;
        let delta = Delta {
            punches: row.next()?,
            points: row.next()?,
            tier_points: row.next()?,
            rewards: row.next()?,
            visits: row.next()?,
            spend: row.next()?,
            unpriced: row.next()?,
            redemptions: row.next()?,
        };
        let at = row.next()?;
        let recorded_at = row.next()?;
        let actor: String = row.next()?;
        let actor = actor_of_columns(&actor, row.next()?)?;
        let source: String = row.next()?;
        let source = Source::parse(&source).ok_or_else(word("the source of an event"))?;
        let location = row.next()?;
        let station: Option<i64> = row.next()?;
        let counter: Option<i64> = row.next()?;
        let capture = station.zip(counter).map(|(station, counter)| CaptureKey {
            station: StationId(station),
            counter,
        });
        let batch = row.next()?;
        let reverses = row.next()?;
        let reason = row.next()?;
        let detail: Option<String> = row.next()?;
        let detail = detail
            .map(|json| Detail::parse(&json).ok_or_else(word("the detail of an event")))
            .transpose()?;
        Ok(Self {
            id,
            previous,
            recorded_at,
            event: NewEvent {
                subject,
                kind,
                delta,
                at,
                actor,
                source,
                location,
                capture,
                batch,
                reverses,
                reason,
                detail,
            },
        })
    }
}
