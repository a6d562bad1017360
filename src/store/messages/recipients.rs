//! Recipients of a message as their counts and as a list: what [`crate::store::intents`] keeps for each card and channel.
//!
//! `deferred_until` is the time to which a recipient was deferred first, and stays when it is sent to later: so that what
//! was decided at first can be held against the forecast.

use crate::domain::card::Channels;
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId};
use crate::domain::message::forecast::{Fate, HOUR};
use crate::domain::time::Timestamp;
use crate::store::intents::IntentState;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const COUNTS: &str = "select p.state, p.rule, case when p.deferred_until is null then 0 else 1 end, \
     coalesce(p.deferred_until, p.due_at) / $3, count(*) from push_messages p \
     where p.merchant_id = $1 and p.message_id = $2 and p.card_id > $4 and p.card_id <= $5 group by 1, 2, 3, 4";
/// The card at which a part that begins after another one ends.
const PART_ENDS: &str = "select card_id from push_messages where merchant_id = $1 and message_id = $2 and card_id > $3 \
     order by card_id limit 1 offset $4";
const OPEN: &str = "select count(*) from (select 1 from push_messages where merchant_id = $1 and message_id = $2 \
     and state in ('waiting', 'sending') limit 1) as one";
/// Bounded: how many are more than a thousand does not matter.
const ANSWERS: &str = "select (select count(*) from (select 1 from push_messages where merchant_id = $1 \
     and message_id = $2 and state = 'failed' limit 1000) as f), (select count(*) from (select 1 from push_messages \
     where merchant_id = $1 and message_id = $2 and state = 'sending' and faults > 0 limit 1000) as s), (select count(*) from (select 1 from push_messages \
     where merchant_id = $1 and message_id = $2 and state = 'accepted' limit 1000) as a)";
const OF_STATE: &str = "select p.card_id, p.channel, p.state, p.rule, p.until, p.deferred_until, p.changed_at, \
     p.fetched_at \
     from push_messages p where p.merchant_id = $1 and p.message_id = $2 and p.state = $3 \
     and (p.card_id > $4 or (p.card_id = $4 and p.channel > $5)) order by p.card_id, p.channel limit $6";
const CHANNELS: &str = "select c.card_id, c.channels, u.zone from (values {bigint}) as v \
     join cards c on c.merchant_id = $1 and c.card_id = v.column1 \
     left join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id";

/// Copies in one part.
const PART: i64 = 5_000;

pub(crate) const STATEMENTS: &[&str] = &[COUNTS, PART_ENDS, OPEN, ANSWERS, OF_STATE, CHANNELS];

/// What a page of an audience needs to know of each card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub card: CardId,
    pub channels: Channels,
    /// The customer's zone, where it is known.
    pub zone: Option<String>,
}

/// One copy of a recipient's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub card: CardId,
    pub channel: Channel,
    pub state: IntentState,
    /// Why it waits or was suppressed, or a provider's reason.
    pub rule: Option<String>,
    pub until: Option<Timestamp>,
    pub deferred_until: Option<Timestamp>,
    pub changed_at: Timestamp,
    /// When a phone first had what the message says; only of copies that phones fetch.
    pub fetched_at: Option<Timestamp>,
}

/// How many copies have which fate; a fate may come several times. Counted in parts: SQLite sorts what it groups, in
/// memory, and a message may go to millions.
pub async fn fates(tx: &mut Tx<'_>, merchant: MerchantId, message: MessageId) -> Result<Vec<Fate>, Error> {
    counted_in_parts(tx, merchant, message, PART).await
}

/// The same in parts of about so many copies.
pub async fn counted_in_parts(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    message: MessageId,
    part: i64,
) -> Result<Vec<Fate>, Error> {
    let (mut fates, mut after) = (Vec::new(), CardId(i64::MIN));
    loop {
        let params = params![merchant, message, after, part - 1];
        let end: Option<(CardId,)> = tx.opt(PART_ENDS, &params).await?;
        let until = end.map_or(CardId(i64::MAX), |(card,)| card);
        let params = params![merchant, message, HOUR, after, until];
        let counted: Vec<Fate> = tx.all(COUNTS, &params).await?;
        fates.extend(counted);
        if end.is_none() {
            // As one statement would give them.
            fates.sort_by(|one, other| key(one).cmp(&key(other)));
            return Ok(fates);
        }
        after = until;
    }
}

/// Whether somebody waits or is being sent to.
pub async fn is_open(tx: &mut Tx<'_>, merchant: MerchantId, message: MessageId) -> Result<bool, Error> {
    let (open,): (i64,) = tx.one(OPEN, &params![merchant, message]).await?;
    Ok(open > 0)
}

/// What providers have answered so far, each counted up to a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    pub refused: i64,
    /// Not taken, and to be tried again.
    pub faulty: i64,
    pub accepted: i64,
}

pub async fn answers(tx: &mut Tx<'_>, merchant: MerchantId, message: MessageId) -> Result<Answers, Error> {
    tx.one(ANSWERS, &params![merchant, message]).await
}

/// The next `limit` copies in one state, by card and channel.
pub async fn of_state(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    message: MessageId,
    state: IntentState,
    after: (CardId, Option<Channel>),
    limit: i64,
) -> Result<Vec<Recipient>, Error> {
    let channel = after.1.map_or("", Channel::as_str);
    let params = params![merchant, message, state.as_str(), after.0, channel, limit];
    tx.all(OF_STATE, &params).await
}

/// The channels and zones of `cards`, in their order.
pub async fn members(tx: &mut Tx<'_>, merchant: MerchantId, cards: &[CardId]) -> Result<Vec<Member>, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card]).collect();
    let mut members: Vec<Member> = tx.all_rows(CHANNELS, &params![merchant], &rows).await?;
    members.sort_unstable_by_key(|member| member.card);
    Ok(members)
}

fn key(fate: &Fate) -> (&str, Option<&str>, bool, Timestamp) {
    let is_deferred = fate.deferred_until.is_some();
    (&fate.state, fate.reason.as_deref(), is_deferred, fate.due_at)
}

fn state(text: &str) -> Result<IntentState, Error> {
    IntentState::parse(text).ok_or_else(|| Error::inconsistent("a state of push_messages", "another word"))
}

impl FromRow for Fate {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let text: String = row.next()?;
        let state = state(&text)?;
        let reason = row.next()?;
        let is_deferred: bool = row.next()?;
        let hour: i64 = row.next()?;
        let at = Timestamp(hour.saturating_mul(HOUR));
        Ok(Self {
            state: text,
            reason,
            is_undecided: state == IntentState::Waiting,
            is_suppressed: state == IntentState::Suppressed,
            deferred_until: is_deferred.then_some(at),
            due_at: at,
            count: row.next()?,
        })
    }
}

impl FromRow for Answers {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            refused: row.next()?,
            faulty: row.next()?,
            accepted: row.next()?,
        })
    }
}

impl FromRow for Member {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            channels: Channels(row.next()?),
            zone: row.next()?,
        })
    }
}

impl FromRow for Recipient {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = row.next()?;
        let channel: String = row.next()?;
        Ok(Self {
            card,
            channel: Channel::parse(&channel)
                .ok_or_else(|| Error::inconsistent("a channel of push_messages", "another word"))?,
            state: state(&row.next::<String>()?)?,
            rule: row.next()?,
            until: row.next()?,
            deferred_until: row.next()?,
            changed_at: row.next()?,
            fetched_at: row.next()?,
        })
    }
}
