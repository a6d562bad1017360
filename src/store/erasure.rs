//! Erasing a person: who waits for it, and every place that says who they are.
//!
//! Invariant: what tells who somebody is stands in a table that `PERSONAL` names, and nowhere else; the ledger has none of
//! it and stays as it is. Whoever adds such a table adds its statement. A test fills a person in, erases them, and looks
//! for their name in every column of every table.

use crate::domain::event::{Actor, Source};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::events::{actor_columns, actor_of_columns};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, engagement};

/// One statement a table. `$1` is the merchant, `$2` the customer.
pub(crate) const PERSONAL: &[&str] = &[
    // Rows of files that were not taken belong to nobody yet; first, while it is known what to look for in them.
    "delete from import_failures where merchant_id = $1 and exists (select 1 from customers u \
     where u.merchant_id = $1 and u.customer_id = $2 and (lower(import_failures.cells) like '%' || u.email_key || '%' \
     or import_failures.cells like '%' || u.phone || '%'))",
    // A file that waits to be imported may name anybody, in any spelling. One that is being imported is gone in a moment.
    "delete from upload_pieces where merchant_id = $1 and cast($2 as bigint) <> 0 and upload_id in \
     (select f.upload_id from uploads f where f.merchant_id = $1 and f.state in ('received', 'trying', 'tried'))",
    "update uploads set name = '', header = '[]', state = 'failed', problem = 'erased', lease = null, lease_until = null \
     where merchant_id = $1 and cast($2 as bigint) <> 0 and state in ('received', 'trying', 'tried')",
    "update customers set first_name = '', last_name = '', name_key = '', email = null, email_key = null, phone = null, birthday = null, \
     birth_year = null, external_id = null, language = '', search = '', verified_at = null, zone = null, version = version + 1 \
     where merchant_id = $1 and customer_id = $2",
    "update cards set holder = null where merchant_id = $1 and customer_id = $2",
    "delete from conversions where (merchant_id, card_id) in (select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2)",
    // A letter that was not sent yet stays unsent.
    "update invitations set address = '', reason = null, due_at = null, lease = null, \
     state = case state when 'queued' then 'failed' else state end where merchant_id = $1 and customer_id = $2",
    // A text that was written for this person alone may name them, in any language.
    "delete from message_translations where merchant_id = $1 and message_id in \
     (select m.message_id from push_messages m join cards c on c.merchant_id = m.merchant_id and c.card_id = m.card_id \
     where c.merchant_id = $1 and c.customer_id = $2) and not exists (select 1 from push_messages o \
     join cards d on d.merchant_id = o.merchant_id and d.card_id = o.card_id \
     where o.merchant_id = message_translations.merchant_id and o.message_id = message_translations.message_id \
     and d.customer_id <> $2)",
    "update push_texts set body = '', title = null, state = 'cancelled' where merchant_id = $1 and message_id in \
     (select m.message_id from push_messages m join cards c on c.merchant_id = m.merchant_id and c.card_id = m.card_id \
     where c.merchant_id = $1 and c.customer_id = $2) and not exists (select 1 from push_messages o \
     join cards d on d.merchant_id = o.merchant_id and d.card_id = o.card_id \
     where o.merchant_id = push_texts.merchant_id and o.message_id = push_texts.message_id and d.customer_id <> $2)",
    "delete from push_addresses where (merchant_id, card_id) in (select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2)",
    "delete from customer_contacts where merchant_id = $1 and customer_id = $2",
    "delete from customer_notes where merchant_id = $1 and customer_id = $2",
    "delete from customer_tags where merchant_id = $1 and customer_id = $2",
    "delete from clicks where (merchant_id, card_id) in (select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2)",
    // What was written to this person alone may say anything about them; the message itself last, while it is known whose.
    "delete from message_translations where merchant_id = $1 and message_id in (select m.message_id from messages m \
     join cards c on c.merchant_id = m.merchant_id and c.card_id = m.only_card_id \
     where m.merchant_id = $1 and c.customer_id = $2)",
    "update push_texts set body = '', title = null where merchant_id = $1 and message_id in (select m.message_id from messages m \
     join cards c on c.merchant_id = m.merchant_id and c.card_id = m.only_card_id \
     where m.merchant_id = $1 and c.customer_id = $2)",
    "update messages set title = null, body = '', link = null where merchant_id = $1 and only_card_id in \
     (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)",
    "delete from custom_values where (merchant_id, card_id) in (select c.merchant_id, c.card_id from cards c \
     where c.merchant_id = $1 and c.customer_id = $2)",
];

const INSERT: &str = "insert into erasures (merchant_id, customer_id, actor, actor_id, source, due_at, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (merchant_id, customer_id) do nothing";
const OF_CUSTOMER: &str = "select due_at from erasures where merchant_id = $1 and customer_id = $2";
const DUE: &str = "select merchant_id, customer_id, actor, actor_id, source from erasures where due_at <= $1 \
     order by due_at limit $2 for update skip locked";
const DELETE: &str = "delete from erasures where merchant_id = $1 and customer_id = $2";
const CUSTOMER: &str =
    "select erased_at, last_event_id from customers where merchant_id = $1 and customer_id = $2";
const CUSTOMER_FOR_UPDATE: &str = "select erased_at, last_event_id from customers \
     where merchant_id = $1 and customer_id = $2 for update";
const CARDS: &str = "select card_id from cards where merchant_id = $1 and customer_id = $2 order by card_id";
const ERASED: &str = "update customers set erased_at = $3, changed_at = $3, last_event_id = $4 \
     where merchant_id = $1 and customer_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    OF_CUSTOMER,
    DUE,
    DELETE,
    CUSTOMER,
    CUSTOMER_FOR_UPDATE,
    CARDS,
    ERASED,
];

/// Somebody who is to be erased, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub merchant: MerchantId,
    pub customer: CustomerId,
    pub actor: Actor,
    pub source: Source,
}

/// What erasing needs to know of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub erased_at: Option<Timestamp>,
    /// The newest row of the person's own timeline.
    pub last_event: Option<EventId>,
}

/// Schedules an erasure. One that is scheduled already keeps its time.
pub async fn schedule(
    tx: &mut Tx<'_>,
    erasure: &Erasure,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let (actor, actor_id) = actor_columns(erasure.actor);
    let params = params![
        erasure.merchant,
        erasure.customer,
        actor,
        actor_id,
        erasure.source.as_str(),
        due_at,
        now
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// When the person is to be erased.
pub async fn due_at(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Timestamp>, Error> {
    let row: Option<(Timestamp,)> = tx.opt(OF_CUSTOMER, &params![merchant, customer]).await?;
    Ok(row.map(|(due_at,)| due_at))
}

/// Erasures that are due, locked; those that another node has in hand are left out.
pub async fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Erasure>, Error> {
    tx.all(DUE, &params![now, limit]).await
}

/// Ends an erasure, done or taken back. Whether there was one.
pub async fn end(tx: &mut Tx<'_>, merchant: MerchantId, customer: CustomerId) -> Result<bool, Error> {
    Ok(tx.exec(DELETE, &params![merchant, customer]).await? > 0)
}

pub async fn person(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Person>, Error> {
    tx.opt(CUSTOMER, &params![merchant, customer]).await
}

/// The person, locked until the transaction ends; their cards are locked after them.
pub async fn person_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Person>, Error> {
    tx.opt(CUSTOMER_FOR_UPDATE, &params![merchant, customer]).await
}

/// The person's cards, in the order in which they are locked.
pub async fn cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Vec<(MerchantId, CardId)>, Error> {
    let rows: Vec<(CardId,)> = tx.all(CARDS, &params![merchant, customer]).await?;
    Ok(rows.into_iter().map(|(card,)| (merchant, card)).collect())
}

/// Takes away everything that says who the person is. `last_event` is the row that tells of it.
pub async fn erase(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    last_event: EventId,
    now: Timestamp,
) -> Result<(), Error> {
    engagement::erase(tx, merchant, customer).await?;
    for statement in PERSONAL {
        tx.exec(statement, &params![merchant, customer]).await?;
    }
    tx.exec(ERASED, &params![merchant, customer, now, last_event])
        .await?;
    Ok(())
}

impl FromRow for Erasure {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, customer) = (row.next()?, row.next()?);
        let actor: String = row.next()?;
        let actor = actor_of_columns(&actor, row.next()?)?;
        let source: String = row.next()?;
        Ok(Self {
            merchant,
            customer,
            actor,
            source: Source::parse(&source)
                .ok_or_else(|| Error::inconsistent("a source in erasures.source", source))?,
        })
    }
}

impl FromRow for Person {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            erased_at: row.next()?,
            last_event: row.next()?,
        })
    }
}
