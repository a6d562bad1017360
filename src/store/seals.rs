//! Seals over the ledger, how far it is sealed, and the rows as they are sealed and checked.

use crate::domain::event::Delta;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::seal::{Digest, LedgerRow, NOTHING, Seal, SealedReason};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const DUE: &str = "select m.merchant_id from merchants m \
     left join seal_heads h on h.merchant_id = m.merchant_id \
     where h.merchant_id is null or h.due_at <= $1 order by m.merchant_id limit 1";
const NEW_HEAD: &str = "insert into seal_heads (merchant_id, number, through_event_id, hash, due_at) \
     values ($1, 0, $2, $3, 0) on conflict (merchant_id) do nothing";
const HEAD: &str = "select number, through_event_id, hash, seen_event_id, seen_at from seal_heads \
     where merchant_id = $1";
const HEAD_FOR_UPDATE: &str = "select number, through_event_id, hash, seen_event_id, seen_at from seal_heads \
     where merchant_id = $1 for update";
const SAVE_HEAD: &str = "update seal_heads set number = $2, through_event_id = $3, hash = $4, seen_event_id = $5, \
     seen_at = $6, due_at = $7 where merchant_id = $1";
const NEWEST: &str = "select max(event_id) from events where merchant_id = $1 and event_id > $2";
const ROWS: &str = "select e.event_id, e.card_id, e.customer_id, e.previous_event_id, e.kind, e.punches, e.points, \
     e.tier_points, e.rewards, e.visits, e.spend, e.unpriced, e.redemptions, e.at, e.recorded_at, e.actor, e.actor_id, \
     e.source, e.location_id, e.station_id, e.counter, e.batch_id, e.reverses_event_id, e.reason, e.detail, \
     r.salt, r.digest \
     from events e left join sealed_reasons r on r.merchant_id = e.merchant_id and r.event_id = e.event_id \
     where e.merchant_id = $1 and e.event_id > $2 and e.event_id <= $3 order by e.event_id limit $4";
const INSERT: &str = "insert into seals (merchant_id, number, first_event_id, last_event_id, events, previous_hash, \
     hash, marks, sealed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const SEALS: &str = "select number, first_event_id, last_event_id, events, previous_hash, hash, marks, sealed_at \
     from seals where merchant_id = $1 and number > $2 order by number limit $3";
const INSERT_REASONS: &str = "insert into sealed_reasons (merchant_id, event_id, salt, digest) \
     select e.merchant_id, e.event_id, v.column2, v.column3 from (values {bigint, bytea, bytea}) as v \
     join events e on e.merchant_id = $1 and e.event_id = v.column1 and e.reason is not null";
const FORGET_TEXTS: &str = "update events set reason = null from (values {bigint}) as v \
     where events.merchant_id = $1 and events.event_id = v.column1 and events.reason is not null";
const FORGET_SALTS: &str = "update sealed_reasons set salt = null from (values {bigint}) as v \
     where sealed_reasons.merchant_id = $1 and sealed_reasons.event_id = v.column1";
const CARDS: &str = "select c.card_id, c.punches, c.points, c.tier_points, c.rewards, c.visits, c.spend, c.unpriced, \
     c.redemptions, c.last_event_id from cards c where c.merchant_id = $1 and c.card_id > $2 order by c.card_id limit $3";
const CUSTOMERS: &str = "select u.customer_id, u.last_event_id from customers u \
     where u.merchant_id = $1 and u.customer_id > $2 order by u.customer_id limit $3";
const MERCHANTS: &str = "select merchant_id, name from merchants order by merchant_id";

pub(crate) const STATEMENTS: &[&str] = &[
    DUE,
    NEW_HEAD,
    HEAD,
    HEAD_FOR_UPDATE,
    SAVE_HEAD,
    NEWEST,
    ROWS,
    INSERT,
    SEALS,
    INSERT_REASONS,
    FORGET_TEXTS,
    FORGET_SALTS,
    CARDS,
    CUSTOMERS,
    MERCHANTS,
];

/// How far a merchant's ledger is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Of the newest seal; 0 without one.
    pub number: i64,
    /// Every event up to here is sealed.
    pub through: EventId,
    /// The newest seal's.
    pub hash: Digest,
    /// The newest event that was there when somebody looked, and when that was.
    pub seen: Option<(EventId, Timestamp)>,
}

impl Head {
    pub const NONE: Self = Self {
        number: 0,
        through: EventId(i64::MIN),
        hash: NOTHING,
        seen: None,
    };
}

/// A row with what a seal knows of its reason.
pub type SealedRow = (LedgerRow, Option<SealedReason>);

/// A card's sums and newest event.
#[derive(Debug, Clone, Copy)]
pub struct CardSums {
    pub card: CardId,
    pub sums: Delta,
    pub newest: Option<EventId>,
}

/// A merchant whose ledger is to be looked at.
pub async fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<MerchantId>, Error> {
    let due: Option<(MerchantId,)> = tx.opt(DUE, &params![now]).await?;
    Ok(due.map(|(merchant,)| merchant))
}

pub async fn head(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Head, Error> {
    Ok(tx.opt(HEAD, &params![merchant]).await?.unwrap_or(Head::NONE))
}

/// The head, locked until the transaction ends; made where there is none.
pub async fn head_for_update(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Head, Error> {
    let none = Head::NONE;
    tx.exec(NEW_HEAD, &params![merchant, none.through, none.hash])
        .await?;
    tx.one(HEAD_FOR_UPDATE, &params![merchant]).await
}

pub async fn save_head(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    head: &Head,
    due: Timestamp,
) -> Result<(), Error> {
    let params = params![
        merchant,
        head.number,
        head.through,
        head.hash,
        head.seen.map(|(event, _)| event),
        head.seen.map(|(_, at)| at),
        due,
    ];
    tx.exec(SAVE_HEAD, &params).await?;
    Ok(())
}

/// The newest event above `after`.
pub async fn newest(tx: &mut Tx<'_>, merchant: MerchantId, after: EventId) -> Result<Option<EventId>, Error> {
    let (newest,): (Option<EventId>,) = tx.one(NEWEST, &params![merchant, after]).await?;
    Ok(newest)
}

/// The first `limit` rows above `after` and up to `through`, in order.
pub async fn rows(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: EventId,
    through: EventId,
    limit: i64,
) -> Result<Vec<SealedRow>, Error> {
    let rows: Vec<Sealable> = tx.all(ROWS, &params![merchant, after, through, limit]).await?;
    Ok(rows
        .into_iter()
        .map(|Sealable(row, reason)| (row, reason))
        .collect())
}

pub async fn insert(tx: &mut Tx<'_>, merchant: MerchantId, seal: &Seal) -> Result<(), Error> {
    let params = params![
        merchant,
        seal.number,
        seal.first,
        seal.last,
        seal.events,
        seal.previous_hash,
        seal.hash,
        &seal.marks,
        seal.sealed_at,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// The seals after number `after`, in order.
pub async fn seals(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: i64,
    limit: i64,
) -> Result<Vec<Seal>, Error> {
    tx.all(SEALS, &params![merchant, after, limit]).await
}

/// Keeps salt and digest of each reason that is still there; returns of how many that was.
pub async fn insert_reasons(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    reasons: &[(EventId, [u8; 16], Digest)],
) -> Result<u64, Error> {
    let rows: Vec<_> = reasons
        .iter()
        .map(|(event, salt, digest)| params![*event, salt, digest].to_vec())
        .collect();
    tx.exec_rows(INSERT_REASONS, &params![merchant], &rows).await
}

/// Forgets what people wrote as the reasons of `events`; the seals over them stay valid.
///
/// The one exception to "ledger rows are never edited", for the erasure of a person. The head is locked, so that no
/// reason is being sealed meanwhile.
pub async fn forget_reasons(tx: &mut Tx<'_>, merchant: MerchantId, events: &[EventId]) -> Result<u64, Error> {
    head_for_update(tx, merchant).await?;
    let rows: Vec<Vec<Value>> = events.iter().map(|event| params![*event].to_vec()).collect();
    let forgotten = tx.exec_rows(FORGET_TEXTS, &params![merchant], &rows).await?;
    tx.exec_rows(FORGET_SALTS, &params![merchant], &rows).await?;
    Ok(forgotten)
}

/// The cards after `after`, in the order of their ids.
pub async fn card_sums(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardSums>, Error> {
    tx.all(CARDS, &params![merchant, after, limit]).await
}

/// The customers after `after` with their newest events.
pub async fn customers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: CustomerId,
    limit: i64,
) -> Result<Vec<(CustomerId, Option<EventId>)>, Error> {
    tx.all(CUSTOMERS, &params![merchant, after, limit]).await
}

/// Every merchant with its name.
pub async fn merchants(tx: &mut Tx<'_>) -> Result<Vec<(MerchantId, String)>, Error> {
    tx.all(MERCHANTS, &[]).await
}

struct Sealable(LedgerRow, Option<SealedReason>);

fn digest(row: &mut Row) -> Result<Digest, Error> {
    let bytes: Vec<u8> = row.next()?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| Error::inconsistent("a hash of 32 bytes", length))
}

fn delta(row: &mut Row) -> Result<Delta, Error> {
    Ok(Delta {
        punches: row.next()?,
        points: row.next()?,
        tier_points: row.next()?,
        rewards: row.next()?,
        visits: row.next()?,
        spend: row.next()?,
        unpriced: row.next()?,
        redemptions: row.next()?,
    })
}

impl FromRow for Head {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (number, through) = (row.next()?, row.next()?);
        let hash = digest(row)?;
        let (event, at): (Option<EventId>, Option<Timestamp>) = (row.next()?, row.next()?);
        Ok(Self {
            number,
            through,
            hash,
            seen: event.zip(at),
        })
    }
}

impl FromRow for Sealable {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let ledger = LedgerRow {
            id: row.next()?,
            card: row.next()?,
            customer: row.next()?,
            previous: row.next()?,
            kind: row.next()?,
            delta: delta(row)?,
            at: row.next()?,
            recorded_at: row.next()?,
            actor: row.next()?,
            actor_id: row.next()?,
            source: row.next()?,
            location: row.next()?,
            station: row.next()?,
            counter: row.next()?,
            batch: row.next()?,
            reverses: row.next()?,
            reason: row.next()?,
            detail: row.next()?,
        };
        let (salt, digest): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.next()?, row.next()?);
        Ok(Self(ledger, digest.map(|digest| SealedReason { salt, digest })))
    }
}

impl FromRow for Seal {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            number: row.next()?,
            first: row.next()?,
            last: row.next()?,
            events: row.next()?,
            previous_hash: digest(row)?,
            hash: digest(row)?,
            marks: row.next()?,
            sealed_at: row.next()?,
        })
    }
}

impl FromRow for CardSums {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            sums: delta(row)?,
            newest: row.next()?,
        })
    }
}
