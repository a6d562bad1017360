//! What a timeline shows: events by walking back their chains, with the names of those who had a part in them.

use std::collections::{BTreeSet, HashMap};

use crate::domain::detail::Detail;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, MessageId};
use crate::domain::money::Currency;
use crate::domain::program::Rules;
use crate::domain::timeline::{Linked, Place};
use crate::store::events::event_columns;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const OF_CARD: &str = "select c.card_id, c.last_event_id, m.zone from cards c \
     join merchants m on m.merchant_id = c.merchant_id where c.merchant_id = $1 and c.card_id = $2";
const OF_CUSTOMER: &str = "select u.customer_id, u.last_event_id, m.zone from customers u \
     join merchants m on m.merchant_id = u.merchant_id where u.merchant_id = $1 and u.customer_id = $2";
const CARDS_OF_CUSTOMER: &str = "select card_id, last_event_id from cards \
     where merchant_id = $1 and customer_id = $2 order by card_id limit $3";
/// At most `$3` rows from event `$2` back.
const ENTRIES: &str = concat!(
    "with recursive line (event_id, previous_event_id, depth) as ( \
     select e.event_id, e.previous_event_id, cast(1 as bigint) from events e \
     where e.merchant_id = $1 and e.event_id = $2 \
     union all \
     select e.event_id, e.previous_event_id, line.depth + 1 from line \
     join events e on e.merchant_id = $1 and e.event_id = line.previous_event_id \
     where line.depth < $3) \
     select ",
    event_columns!(),
    ", coalesce(b.name, s.name), l.name, p.name, p.rules, \
     (select min(r.event_id) from events r where r.merchant_id = $1 and r.reverses_event_id = e.event_id) \
     from line join events e on e.merchant_id = $1 and e.event_id = line.event_id \
     left join cards c on c.merchant_id = $1 and c.card_id = e.card_id \
     left join programs p on p.merchant_id = $1 and p.program_id = c.program_id \
     left join members b on b.merchant_id = $1 and e.actor = 'member' and b.member_id = e.actor_id \
     left join stations s on s.merchant_id = $1 and e.actor = 'station' and s.station_id = e.actor_id \
     left join locations l on l.merchant_id = $1 and l.location_id = coalesce(e.location_id, s.location_id) \
     order by line.depth"
);
/// The kinds of at most `$4` events from `$2` back, down to but without `$3`.
const NEWER: &str = "with recursive line (event_id, previous_event_id, kind, depth) as ( \
     select e.event_id, e.previous_event_id, e.kind, cast(1 as bigint) from events e \
     where e.merchant_id = $1 and e.event_id = $2 and e.event_id > $3 \
     union all \
     select e.event_id, e.previous_event_id, e.kind, line.depth + 1 from line \
     join events e on e.merchant_id = $1 and e.event_id = line.previous_event_id \
     where line.depth < $4 and e.event_id > $3) \
     select line.kind from line";

/// What people know messages by: the title, where there is one.
const TEXTS: &str = "select t.message_id, coalesce(m.title, t.body) from (values {bigint}) as v \
     join push_texts t on t.merchant_id = $1 and t.message_id = v.column1 \
     left join messages m on m.merchant_id = t.merchant_id and m.message_id = t.message_id";

pub(crate) const STATEMENTS: &[&str] = &[OF_CARD, OF_CUSTOMER, CARDS_OF_CUSTOMER, ENTRIES, NEWER, TEXTS];

/// One line of a timeline with all its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub event: Event,
    /// The member or the till that caused it, by name.
    pub actor_name: Option<String>,
    pub location_name: Option<String>,
    /// Of the card that it belongs to.
    pub program_name: Option<String>,
    /// What amounts in it are counted in.
    pub currency: Option<Currency>,
    /// The event that took this one back.
    pub reversed_by: Option<EventId>,
    /// What the messages say that it is about, as far as they are still known; see [`name_messages`].
    pub messages: Vec<String>,
}

impl Entry {
    /// The wallet that a card went into or left.
    pub fn platform(&self) -> Option<&str> {
        let event = &self.event.event;
        match event.kind {
            EventKind::CardInstalled | EventKind::CardRemoved => event.reason.as_deref(),
            _ => None,
        }
    }
}

impl Linked for Entry {
    fn id(&self) -> EventId {
        self.event.id
    }

    fn previous(&self) -> Option<EventId> {
        self.event.previous
    }

    fn kind(&self) -> EventKind {
        self.event.event.kind
    }
}

/// The tops of a timeline's chains, at most `limit` of them, and the merchant's zone; none when there is no such card or
/// customer.
pub async fn tops(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    of: Subject,
    limit: i64,
) -> Result<Option<(Vec<Place>, String)>, Error> {
    let (statement, id) = match of {
        Subject::Card(card) => (OF_CARD, card.0),
        Subject::Customer(customer) => (OF_CUSTOMER, customer.0),
    };
    let found: Option<(i64, Option<EventId>, String)> = tx.opt(statement, &params![merchant, id]).await?;
    let Some((_, newest, zone)) = found else {
        return Ok(None);
    };
    let mut places = vec![Place::at_top(of, newest)];
    if let Subject::Customer(customer) = of {
        for (card, newest) in cards_of(tx, merchant, customer, limit).await? {
            places.push(Place::at_top(Subject::Card(card), newest));
        }
    }
    Ok(Some((places, zone)))
}

async fn cards_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    limit: i64,
) -> Result<Vec<(CardId, Option<EventId>)>, Error> {
    tx.all(CARDS_OF_CUSTOMER, &params![merchant, customer, limit])
        .await
}

/// At most `limit` rows of a chain from event `from` back, newest first.
pub async fn entries(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    from: EventId,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    tx.all(ENTRIES, &params![merchant, from, limit]).await
}

/// The kinds of at most `limit` events of a chain that are newer than `than`, where `top` is its newest.
pub async fn newer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    top: EventId,
    than: Option<EventId>,
    limit: i64,
) -> Result<Vec<EventKind>, Error> {
    let than = than.unwrap_or(EventId(0));
    let kinds: Vec<(String,)> = tx.all(NEWER, &params![merchant, top, than, limit]).await?;
    let read = |(kind,): (String,)| {
        EventKind::parse(&kind).ok_or_else(|| Error::inconsistent("a kind of event in events.kind", kind))
    };
    kinds.into_iter().map(read).collect()
}

/// Fills in [`Entry::messages`].
pub async fn name_messages(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    entries: &mut [Entry],
) -> Result<(), Error> {
    let named: BTreeSet<MessageId> = entries
        .iter()
        .flat_map(|entry| messages_of(entry).iter().copied())
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = named.iter().map(|message| params![*message]).collect();
    let texts: Vec<(MessageId, String)> = tx.all_rows(TEXTS, &params![merchant], &rows).await?;
    let texts: HashMap<MessageId, String> = texts.into_iter().collect();
    for entry in entries {
        let said = messages_of(entry).iter().filter_map(|message| texts.get(message));
        // Of somebody who was erased nothing is left.
        let said = said.filter(|text| !text.is_empty()).cloned().collect();
        entry.messages = said;
    }
    Ok(())
}

fn messages_of(entry: &Entry) -> &[MessageId] {
    match &entry.event.event.detail {
        Some(Detail::Push { messages, .. }) => messages,
        _ => &[],
    }
}

impl FromRow for Entry {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let event = Event::from_row(row)?;
        let (actor_name, location_name) = (row.next()?, row.next()?);
        let (program_name, rules): (Option<String>, Option<String>) = (row.next()?, row.next()?);
        let rules = rules
            .map(|json| Rules::parse(&json))
            .transpose()
            .map_err(|error| Error::inconsistent("rules of a program", error))?;
        Ok(Self {
            event,
            actor_name,
            location_name,
            program_name,
            currency: rules.map(|rules| rules.purchase.currency),
            reversed_by: row.next()?,
            messages: Vec::new(),
        })
    }
}
