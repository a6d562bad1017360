//! The outbox as dispatchers see it: claim due rows with a lease, and finish them.
//!
//! Invariant: no row is sent by two dispatchers while a lease lasts, and a tag is handed out (see
//! [`crate::store::tags`]) in the transaction that claims the push, so the push leaves only after phones can see it.
//!
//! Locks: [`due`] takes rows and their cards only where nobody else has them, waits for neither, and takes the
//! merchants' tags rows last, by id. Finishing takes cards by id, then pushes, then registrations, which is the
//! order of a tap.
//!
//! A set of keys is compared by `in (select … from (values …) as v)`: without the `select`, SQLite reads the whole
//! table.

use crate::domain::card::{CardStatus, Channels};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, EventId, MerchantId, PassTypeIdentifier, PushToken};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value, counts, tags};

const DUE: &str = "select p.merchant_id, p.card_id, p.generation, p.attempts, p.wants, p.told, p.slot_at, \
     c.last_event_id from pushes p join cards c on c.merchant_id = p.merchant_id and c.card_id = p.card_id \
     where p.channel = $1 and p.due_at <= $2 order by p.due_at limit $3 for update skip locked";
const LEASE: &str = "update pushes set lease = $1, due_at = $2, attempts = pushes.attempts + 1 \
     from (values {bigint, bigint}) as v where pushes.merchant_id = v.column1 and pushes.card_id = v.column2 \
     and pushes.channel = $3";
const LEASE_EACH: &str = "update pushes set lease = $1, due_at = $2, attempts = pushes.attempts + 1, \
     wants = v.column3, next_at = v.column4, slot_at = v.column5 \
     from (values {bigint, bigint, bigint, bigint, bigint}) as v \
     where pushes.merchant_id = v.column1 and pushes.card_id = v.column2 and pushes.channel = $3";
const PUT_OFF: &str = "update pushes set lease = null, due_at = v.column3, attempts = 0, wants = v.column4, \
     next_at = v.column3, slot_at = v.column5 from (values {bigint, bigint, bigint, bigint, bigint}) as v \
     where pushes.merchant_id = v.column1 and pushes.card_id = v.column2 and pushes.channel = $1";
const TOLD: &str = "update pushes set lease = null, due_at = v.column3, attempts = 0, wants = v.column4, \
     told = v.column5 from (values {bigint, bigint, bigint, bigint, bigint}) as v \
     where pushes.merchant_id = v.column1 and pushes.card_id = v.column2 and pushes.channel = $1";
const TAG: &str = "update cards set tag = v.column3 from (values {bigint, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
/// `k` is found by index alone and `r` by its whole key: asked for `r` by card, SQLite reads all of a merchant's
/// registrations.
/// A row that is sent again because of a device's silence is for the devices that are waited for.
const ADDRESSES: &str = "select r.merchant_id, r.card_id, r.pass_type_identifier, r.push_token \
     from (values {bigint, bigint}) as v \
     join registrations k on k.merchant_id = v.column1 and k.card_id = v.column2 \
     join registrations r on r.merchant_id = k.merchant_id and r.pass_type_identifier = k.pass_type_identifier \
     and r.device_library_identifier = k.device_library_identifier and r.card_id = k.card_id \
     where r.unanswered > 0 or not exists (select 1 from pushes p where p.merchant_id = v.column1 \
     and p.card_id = v.column2 and p.channel = 'apple' and p.again = 1)";
const LOCK_CARDS: &str = "select c.merchant_id, c.card_id, c.status, c.channels, c.last_event_id from cards c \
     where (c.merchant_id, c.card_id) in (select v.column1, v.column2 from (values {bigint, bigint}) as v) \
     order by c.merchant_id, c.card_id for update";
const HELD: &str = "select p.merchant_id, p.card_id, p.generation, p.lease, p.wants, p.next_at, p.created_at, p.again \
     from pushes p \
     where (p.merchant_id, p.card_id) in (select v.column1, v.column2 from (values {bigint, bigint}) as v) \
     and p.channel = $1 for update";
const DELETE: &str = "delete from pushes where (merchant_id, card_id) in \
     (select v.column1, v.column2 from (values {bigint, bigint}) as v) and channel = $1";
const RELEASE: &str = "update pushes set lease = null, due_at = v.column3, attempts = v.column4 \
     from (values {bigint, bigint, bigint, bigint}) as v \
     where pushes.merchant_id = v.column1 and pushes.card_id = v.column2 and pushes.channel = $1";
const SAVE_CARDS: &str = "update cards set status = v.column3, channels = v.column4, last_event_id = v.column5 \
     from (values {bigint, bigint, text, bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";
const UNREGISTER: &str = "delete from registrations where merchant_id = $1 and card_id = $2 \
     and pass_type_identifier = $3 and push_token = $4 and registered_at < $5";
const REGISTERED: &str = "select count(*) from (select 1 from registrations \
     where merchant_id = $1 and card_id = $2 limit 1) as one";

pub(crate) const STATEMENTS: &[&str] = &[
    DUE, LEASE, LEASE_EACH, PUT_OFF, TOLD, TAG, ADDRESSES, LOCK_CARDS, HELD, DELETE, RELEASE, SAVE_CARDS,
    UNREGISTER, REGISTERED,
];

/// The marks in `wants` beside the bits of classes: messages wait, and alerts were let through that have no answer.
pub const MESSAGES: i64 = 32;
pub const OPEN: i64 = 64;

/// Which card; with a channel it names one outbox row.
pub type CardKey = (MerchantId, CardId);

/// A row of the outbox under this dispatcher's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    pub key: CardKey,
    /// Grows with every change that asks for a push; larger at the end than here: something changed meanwhile.
    pub generation: i64,
    /// Attempts so far, this one included.
    pub attempts: i64,
    /// Whether alerts leave with it, which the provider's answer closes.
    pub rings: bool,
    pub claimed_at: Timestamp,
}

/// A due row that nobody else has, with its card locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub key: CardKey,
    pub generation: i64,
    /// Attempts so far.
    pub attempts: i64,
    /// What wants to ring: classes as bits, [`MESSAGES`] and [`OPEN`].
    pub wants: i64,
    /// The generation that was sent last.
    pub told: i64,
    /// Its place in the merchant's pace.
    pub slot_at: Option<Timestamp>,
    /// The newest event of its card.
    pub last_event: Option<EventId>,
}

/// What a row keeps while it is leased, or put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub key: CardKey,
    pub wants: i64,
    /// When what was deferred is decided again.
    pub next_at: Option<Timestamp>,
    pub slot_at: Option<Timestamp>,
}

/// A device that wants to hear of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub key: CardKey,
    pub pass_type_identifier: PassTypeIdentifier,
    pub push_token: PushToken,
}

/// What finishing needs to know of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardState {
    pub key: CardKey,
    pub status: CardStatus,
    pub channels: Channels,
    pub last_event: Option<EventId>,
}

/// A row as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub key: CardKey,
    pub generation: i64,
    pub lease: Option<i64>,
    pub wants: i64,
    pub next_at: Option<Timestamp>,
    /// When the first change was queued that it stands for.
    pub queued_at: Timestamp,
    /// For devices that stayed silent only.
    pub again: bool,
}

/// A row that was sent and stays for what was deferred or has changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub key: CardKey,
    pub due_at: Timestamp,
    pub wants: i64,
    /// The generation that was sent.
    pub generation: i64,
}

/// A row that goes back: due at `due_at`, with so many attempts counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    pub key: CardKey,
    pub due_at: Timestamp,
    pub attempts: i64,
}

/// Up to `limit` due rows of `channel`, the longest due first. They and their cards are locked; what others have is left
/// out.
pub async fn due(tx: &mut Tx<'_>, channel: Channel, now: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.all(DUE, &params![channel.as_str(), now, limit]).await
}

/// Leases rows that [`due`] gave until `until`. `keys` are sorted.
pub async fn lease(
    tx: &mut Tx<'_>,
    channel: Channel,
    (lease, until): (i64, Timestamp),
    keys: &[CardKey],
) -> Result<(), Error> {
    tx.exec_rows(LEASE, &params![lease, until, channel.as_str()], &key_rows(keys))
        .await?;
    Ok(())
}

/// The same for rows that keep something.
pub async fn lease_each(
    tx: &mut Tx<'_>,
    channel: Channel,
    (lease, until): (i64, Timestamp),
    rows: &[Kept],
) -> Result<(), Error> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| params![row.key.0, row.key.1, row.wants, row.next_at, row.slot_at])
        .collect();
    tx.exec_rows(LEASE_EACH, &params![lease, until, channel.as_str()], &rows)
        .await?;
    Ok(())
}

/// Puts rows off that have nothing to tell now, each until its `next_at`.
pub async fn put_off(tx: &mut Tx<'_>, channel: Channel, rows: &[(Kept, Timestamp)]) -> Result<(), Error> {
    let rows: Vec<_> = rows
        .iter()
        .map(|(row, next_at)| params![row.key.0, row.key.1, *next_at, row.wants, row.slot_at])
        .collect();
    tx.exec_rows(PUT_OFF, &params![channel.as_str()], &rows).await?;
    Ok(())
}

/// Ends the leases of rows that were sent and stay.
pub async fn told(tx: &mut Tx<'_>, channel: Channel, rows: &[Told]) -> Result<(), Error> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| params![row.key.0, row.key.1, row.due_at, row.wants, row.generation])
        .collect();
    tx.exec_rows(TOLD, &params![channel.as_str()], &rows).await?;
    Ok(())
}

/// Marks cards as changed for every device that asks, and returns the devices that want to hear of them. `keys` are
/// sorted and locked. Takes the merchants' tags rows, which others wait for: the last thing that a claim does.
pub async fn tag(tx: &mut Tx<'_>, keys: &[CardKey]) -> Result<Vec<Address>, Error> {
    allot_tags(tx, keys).await?;
    tx.all_rows(ADDRESSES, &[], &key_rows(keys)).await
}

/// One tag a merchant for all its cards in `keys`, which are sorted and locked.
async fn allot_tags(tx: &mut Tx<'_>, keys: &[CardKey]) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(keys.len());
    for of_one in keys.chunk_by(|a, b| a.0 == b.0) {
        if let Some((merchant, _)) = of_one.first() {
            let tag = tags::next(tx, *merchant).await?;
            rows.extend(
                of_one
                    .iter()
                    .map(|(merchant, card)| params![*merchant, *card, tag]),
            );
        }
    }
    tx.exec_rows(TAG, &[], &rows).await?;
    Ok(())
}

/// Locks cards until the transaction ends. `keys` are sorted.
pub async fn lock_cards(tx: &mut Tx<'_>, keys: &[CardKey]) -> Result<Vec<CardState>, Error> {
    tx.all_rows(LOCK_CARDS, &[], &key_rows(keys)).await
}

/// The rows of `keys` as they are now, locked; those that are gone are missing.
pub async fn held(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<Vec<Held>, Error> {
    tx.all_rows(HELD, &params![channel.as_str()], &key_rows(keys))
        .await
}

pub async fn delete(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<(), Error> {
    tx.exec_rows(DELETE, &params![channel.as_str()], &key_rows(keys))
        .await?;
    Ok(())
}

/// Ends leases and says when the rows are due again.
pub async fn release(tx: &mut Tx<'_>, channel: Channel, rows: &[Release]) -> Result<(), Error> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| params![row.key.0, row.key.1, row.due_at, row.attempts])
        .collect();
    tx.exec_rows(RELEASE, &params![channel.as_str()], &rows).await?;
    Ok(())
}

/// Writes what [`CardState`] holds. The cards are locked. `moved` are those, sorted, whose status or channels are
/// others than before: the live counts follow them. The others have a new event only, which nothing counts.
pub async fn save_cards(
    tx: &mut Tx<'_>,
    cards: &[CardState],
    moved: &[CardKey],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|card| {
            let (merchant, id) = card.key;
            params![
                merchant,
                id,
                card.status.as_str(),
                card.channels.0,
                card.last_event
            ]
        })
        .collect();
    tx.exec_rows(SAVE_CARDS, &[], &rows).await?;
    counts::recount(tx, moved, now).await?;
    Ok(())
}

/// Deletes a card's registrations with this push token that were made before `before`. Returns whether there were
/// any.
pub async fn unregister(tx: &mut Tx<'_>, address: &Address, before: Timestamp) -> Result<bool, Error> {
    let (merchant, card) = address.key;
    let params = params![
        merchant,
        card,
        &address.pass_type_identifier,
        &address.push_token,
        before
    ];
    Ok(tx.exec(UNREGISTER, &params).await? > 0)
}

/// Whether any device is registered for the card.
pub async fn is_registered(tx: &mut Tx<'_>, key: CardKey) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(REGISTERED, &params![key.0, key.1]).await?;
    Ok(count > 0)
}

fn key_rows(keys: &[CardKey]) -> Vec<[Value; 2]> {
    keys.iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect()
}

impl FromRow for Due {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            generation: row.next()?,
            attempts: row.next()?,
            wants: row.next()?,
            told: row.next()?,
            slot_at: row.next()?,
            last_event: row.next()?,
        })
    }
}

impl FromRow for Address {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            pass_type_identifier: row.next()?,
            push_token: row.next()?,
        })
    }
}

impl FromRow for CardState {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let status: String = row.next()?;
        Ok(Self {
            key,
            status: CardStatus::parse(&status)
                .ok_or_else(|| Error::inconsistent("a card status", "another word"))?,
            channels: Channels(row.next()?),
            last_event: row.next()?,
        })
    }
}

impl FromRow for Held {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            generation: row.next()?,
            lease: row.next()?,
            wants: row.next()?,
            next_at: row.next()?,
            queued_at: row.next()?,
            again: row.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{alerts, budgets, dialect, intents, push_events, receipts};

    /// A dispatcher's work must not grow with the number of cards.
    #[test]
    fn sqlite_finds_every_row_by_index() {
        let database = rusqlite::Connection::open_in_memory().expect("opened");
        database
            .execute_batch(&crate::store::migrate::sqlite_schema())
            .expect("the schema");
        let others = [
            budgets::STATEMENTS,
            push_events::STATEMENTS,
            alerts::STATEMENTS,
            intents::STATEMENTS,
            receipts::STATEMENTS,
        ]
        .concat();
        for statement in STATEMENTS.iter().chain(&others) {
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
            for step in steps {
                let tables = [
                    "cards",
                    "pushes",
                    "registrations",
                    "events",
                    "push_alerts",
                    "push_messages",
                    "push_texts",
                    "c",
                    "p",
                    "r",
                    "k",
                    "a",
                    "t",
                    "d",
                    "s",
                    "q",
                    "u",
                    "n",
                ];
                let reads_all = tables.iter().any(|table| {
                    step == format!("SCAN {table}")
                        || step.starts_with(&format!("SCAN {table} ")) && !step.contains("_by_time")
                });
                // A merchant's own row and its handful of policies are read by merchant.
                let reads_a_merchant =
                    step.contains("(merchant_id=?)") && !statement.contains("push_policies");
                assert!(!reads_all && !reads_a_merchant, "{step} in {statement}");
            }
        }
    }

    /// The backlog of one channel must not slow the claims of the other.
    #[test]
    fn due_rows_are_found_by_channel_and_time() {
        let sqlite = include_str!("migrations/sqlite/0001_initial.sql");
        let postgres = include_str!("migrations/postgres/0001_initial.sql");
        for schema in [sqlite, postgres] {
            assert!(schema.contains("create index pushes_by_due on pushes (channel, due_at);"));
        }
        let database = rusqlite::Connection::open_in_memory().expect("opened");
        database
            .execute_batch(&crate::store::migrate::sqlite_schema())
            .expect("the schema");
        let mut plan = database
            .prepare(&format!("explain query plan {}", dialect::to_sqlite(DUE)))
            .expect("a sound statement");
        let steps: Vec<String> = plan
            .query_map(("apple", 0, 1), |row| row.get(3))
            .expect("a plan")
            .collect::<Result<_, _>>()
            .expect("text");
        assert!(
            steps
                .iter()
                .any(|step| step.contains("pushes_by_due (channel=? AND due_at<?)")),
            "{steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.contains("TEMP B-TREE")),
            "{steps:?}"
        );
    }
}
