//! What one card's profile counts: pushes that providers took, clicks, copies that listen, and what still waits to be sent.

use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::intents::channel_of;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// Each push that a provider took has left a row in the card's ledger, whose newest is `$3`. No card has so many rows as
/// are walked at most.
const COUNTS: &str = "with recursive chain (previous_event_id, kind, depth) as ( \
     select e.previous_event_id, e.kind, cast(1 as bigint) from events e \
     where e.merchant_id = $1 and e.event_id = $3 \
     union all \
     select e.previous_event_id, e.kind, chain.depth + 1 from chain \
     join events e on e.merchant_id = $1 and e.event_id = chain.previous_event_id where chain.depth < 10000) \
     select (select count(*) from chain where chain.kind = 'push_sent'), \
     (select cast(coalesce(sum(k.clicks), 0) as bigint) from clicks k where k.merchant_id = $1 and k.card_id = $2)";
const COPIES: &str = "select a.channel, count(*), max(a.registered_at) from push_addresses a \
     where a.merchant_id = $1 and a.card_id = $2 group by a.channel order by a.channel";
const WAITING: &str = "select p.channel, p.due_at, p.attempts from pushes p \
     where p.merchant_id = $1 and p.card_id = $2 order by p.channel";

pub(crate) const STATEMENTS: &[&str] = &[COUNTS, COPIES, WAITING];

/// Sums of one card that stand outside of its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pushes that a provider accepted, whatever they said and whether they rang, one for each wallet that they went to.
    pub pushes: i64,
    /// How often its holder followed a counted link.
    pub clicks: i64,
}

/// Browsers or apps that listen to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    pub channel: Channel,
    pub count: i64,
    /// When the newest of them last said so.
    pub seen_at: Timestamp,
}

/// A row of the outbox: this channel's copies are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub channel: Channel,
    pub due_at: Timestamp,
    pub attempts: i64,
}

/// `newest` is the card's newest row in the ledger.
pub async fn counts(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    newest: Option<EventId>,
) -> Result<Counts, Error> {
    let (pushes, clicks): (i64, i64) = tx.one(COUNTS, &params![merchant, card, newest]).await?;
    Ok(Counts { pushes, clicks })
}

pub async fn copies(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Vec<Copies>, Error> {
    tx.all(COPIES, &params![merchant, card]).await
}

pub async fn waiting(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Vec<Waiting>, Error> {
    tx.all(WAITING, &params![merchant, card]).await
}

impl FromRow for Copies {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            channel: channel_of(&row.next::<String>()?)?,
            count: row.next()?,
            seen_at: Timestamp(row.next()?),
        })
    }
}

impl FromRow for Waiting {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            channel: channel_of(&row.next::<String>()?)?,
            due_at: Timestamp(row.next()?),
            attempts: row.next()?,
        })
    }
}
