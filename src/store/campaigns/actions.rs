//! Occurrences of campaigns: each once for a campaign and card, open while it has a time at which it is due.
//!
//! Cards are locked before their occurrences. An occurrence is closed in the transaction that does what it asks for, so
//! that it is done once whatever dies in between.

use crate::domain::campaign::step::{Skip, Stage};
use crate::domain::card::Channels;
use crate::domain::id::{CampaignId, CardId, EventId, MerchantId, MessageId};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const FIRE: &str = "insert into campaign_actions (merchant_id, campaign_id, card_id, occurrence, state, leaves, at, \
     due_at) values {bigint, bigint, bigint, bigint, text, bigint, bigint, bigint} \
     on conflict (merchant_id, campaign_id, card_id, occurrence) do nothing";
const KNOWN: &str = "select a.card_id, a.occurrence from (values {bigint, bigint}) as v join campaign_actions a \
     on a.merchant_id = $1 and a.campaign_id = $2 and a.card_id = v.column1 and a.occurrence = v.column2";
const DUE_CAMPAIGN: &str = "select c.merchant_id, c.campaign_id from campaigns c where c.state = 'active' \
     and exists (select 1 from campaign_actions a where a.merchant_id = c.merchant_id \
     and a.campaign_id = c.campaign_id and a.due_at <= $1) limit 1";
const DUE: &str = "select card_id, occurrence from campaign_actions where merchant_id = $1 and campaign_id = $2 \
     and due_at <= $3 order by due_at, occurrence limit $4";
const OPEN_FOR_UPDATE: &str = "select a.card_id, a.occurrence, a.state, a.leaves, a.at, a.due_at \
     from (values {bigint, bigint}) as v join campaign_actions a on a.merchant_id = $1 and a.campaign_id = $2 \
     and a.card_id = v.column1 and a.occurrence = v.column2 where a.due_at is not null for update of a";
const RECENT: &str = "select a.card_id, a.done_at from (values {bigint}) as v join campaign_actions a \
     on a.merchant_id = $1 and a.campaign_id = $2 and a.card_id = v.column1 \
     where a.state = 'done' and a.done_at > $3";
const SAVE: &str = "update campaign_actions set state = v.column3, due_at = v.column4, done_at = v.column5, \
     skipped = v.column6 from (values {bigint, bigint, text, bigint, bigint, text}) as v \
     where campaign_actions.merchant_id = $1 and campaign_actions.campaign_id = $2 \
     and campaign_actions.card_id = v.column1 and campaign_actions.occurrence = v.column2";
const CANCEL: &str = "update campaign_actions set state = 'cancelled', due_at = null \
     from (values {bigint}) as v where campaign_actions.merchant_id = $1 and campaign_actions.campaign_id = $2 \
     and campaign_actions.card_id = v.column1 and campaign_actions.due_at is not null \
     and campaign_actions.at <= $3";
const CANCEL_MESSAGES: &str = "delete from campaign_messages where merchant_id = $1 and campaign_id = $2 \
     and card_id in (select v.column1 from (values {bigint}) as v)";
/// What was taken over already and has not rung.
const CALL_OFF: &str = "update push_messages set state = 'suppressed', rule = 'cancelled' where merchant_id = $1 \
     and card_id in (select v.column1 from (values {bigint}) as v) and state = 'waiting' and message_id in \
     (select t.message_id from push_texts t where t.merchant_id = $1 and t.campaign_id = $2)";
const CANCEL_EVENTS: &str = "update campaign_actions set state = 'cancelled', due_at = null \
     from (values {bigint, bigint, bigint, bigint}) as v where campaign_actions.merchant_id = v.column1 \
     and campaign_actions.campaign_id = v.column2 and campaign_actions.card_id = v.column3 \
     and campaign_actions.occurrence = v.column4 and campaign_actions.due_at is not null";
const COUNTS: &str = "select state, count(*) from campaign_actions where merchant_id = $1 and campaign_id = $2 \
     group by state order by state";
const QUEUE: &str = "insert into campaign_messages (merchant_id, campaign_id, card_id, occurrence, class, body, \
     due_at, created_at) values {bigint, bigint, bigint, bigint, text, text, bigint, bigint}";
const MESSAGES: &str = "select card_id, occurrence, class, body, due_at from campaign_messages \
     where merchant_id = $1 and due_at <= $2 order by due_at, campaign_id, card_id, occurrence limit $3";

const TO_TAKE: &str = "select m.merchant_id, m.campaign_id, m.card_id, m.occurrence, m.class, m.body, m.due_at, \
     c.channels from campaign_messages m join cards c on c.merchant_id = m.merchant_id and c.card_id = m.card_id \
     where m.message_id is null and m.due_at <= $1 order by m.due_at limit $2 for update of m skip locked";
const TAKEN: &str = "update campaign_messages set message_id = v.column5 \
     from (values {bigint, bigint, bigint, bigint, bigint}) as v where campaign_messages.merchant_id = v.column1 \
     and campaign_messages.campaign_id = v.column2 and campaign_messages.card_id = v.column3 \
     and campaign_messages.occurrence = v.column4";

pub(crate) const STATEMENTS: &[&str] = &[
    TO_TAKE,
    TAKEN,
    FIRE,
    KNOWN,
    DUE_CAMPAIGN,
    DUE,
    OPEN_FOR_UPDATE,
    RECENT,
    SAVE,
    CANCEL,
    CANCEL_MESSAGES,
    CALL_OFF,
    CANCEL_EVENTS,
    COUNTS,
    QUEUE,
    MESSAGES,
];

/// Names an occurrence within its campaign.
pub type Key = (CardId, i64);

/// An occurrence that is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAction {
    pub merchant: MerchantId,
    pub campaign: CampaignId,
    pub card: CardId,
    pub occurrence: i64,
    /// Whether it makes a member leave.
    pub leaves: bool,
    /// When the trigger counts from, and when to look at it.
    pub at: Timestamp,
}

/// An occurrence that nothing has come of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    pub card: CardId,
    pub occurrence: i64,
    pub stage: Stage,
    pub leaves: bool,
    pub at: Timestamp,
    pub due: Timestamp,
}

/// What came of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    WaitsUntil(Timestamp),
    Done(Timestamp),
    Skipped(Skip),
    Cancelled,
}

/// A message that a campaign wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub card: CardId,
    pub occurrence: i64,
    pub class: Class,
    pub text: String,
    pub due: Timestamp,
}

/// A message of a campaign that nobody has taken over yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToTake {
    pub key: (MerchantId, CardId),
    pub campaign: CampaignId,
    occurrence: i64,
    pub class: Class,
    pub text: String,
    pub due: Timestamp,
    /// Where the card can be reached.
    pub channels: Channels,
}

/// Up to `limit` messages that are due and nobody has taken over, locked; those that another node has are left out.
pub async fn to_take(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<ToTake>, Error> {
    tx.all(TO_TAKE, &params![now, limit]).await
}

/// Notes which text each message became.
pub async fn taken(tx: &mut Tx<'_>, messages: &[(&ToTake, MessageId)]) -> Result<(), Error> {
    let rows: Vec<_> = messages
        .iter()
        .map(|(of, text)| params![of.key.0, of.campaign, of.key.1, of.occurrence, *text])
        .collect();
    tx.exec_rows(TAKEN, &[], &rows).await?;
    Ok(())
}

impl FromRow for ToTake {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, campaign, card) = (row.next()?, row.next()?, row.next()?);
        let occurrence = row.next()?;
        let class: String = row.next()?;
        Ok(Self {
            key: (merchant, card),
            campaign,
            occurrence,
            class: Class::parse(&class)
                .ok_or_else(|| Error::inconsistent("a class of campaign_messages", "another word"))?,
            text: row.next()?,
            due: row.next()?,
            channels: Channels(row.next()?),
        })
    }
}

/// Keeps occurrences; those that are known already stay as they are. Returns how many are new.
pub async fn fire(tx: &mut Tx<'_>, actions: &[NewAction]) -> Result<u64, Error> {
    let rows: Vec<_> = actions
        .iter()
        .map(|action| {
            params![
                action.merchant,
                action.campaign,
                action.card,
                action.occurrence,
                "fired",
                action.leaves,
                action.at,
                action.at,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(FIRE, &[], &rows).await
}

/// Those of `keys` that are there, open or not.
pub async fn known(tx: &mut Tx<'_>, of: (MerchantId, CampaignId), keys: &[Key]) -> Result<Vec<Key>, Error> {
    tx.all_rows(KNOWN, &params![of.0, of.1], &rows_of(keys)).await
}

/// A running campaign that has something due.
pub async fn due_campaign(
    tx: &mut Tx<'_>,
    now: Timestamp,
) -> Result<Option<(MerchantId, CampaignId)>, Error> {
    tx.opt(DUE_CAMPAIGN, &params![now]).await
}

/// Up to `limit` occurrences that are due, the oldest first; not locked.
pub async fn due(
    tx: &mut Tx<'_>,
    of: (MerchantId, CampaignId),
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Key>, Error> {
    tx.all(DUE, &params![of.0, of.1, now, limit]).await
}

/// Those of `keys` that are still open, in the order in which they are due, locked until the transaction ends.
pub async fn open_for_update(
    tx: &mut Tx<'_>,
    of: (MerchantId, CampaignId),
    keys: &[Key],
) -> Result<Vec<Open>, Error> {
    let mut open: Vec<Open> = tx
        .all_rows(OPEN_FOR_UPDATE, &params![of.0, of.1], &rows_of(keys))
        .await?;
    open.sort_by_key(|action| (action.due, action.occurrence));
    Ok(open)
}

/// When actions for these cards were done after `since`.
pub async fn recent(
    tx: &mut Tx<'_>,
    of: (MerchantId, CampaignId),
    cards: &[CardId],
    since: Timestamp,
) -> Result<Vec<(CardId, Timestamp)>, Error> {
    tx.all_rows(RECENT, &params![of.0, of.1, since], &of_cards(cards))
        .await
}

pub async fn save(tx: &mut Tx<'_>, of: (MerchantId, CampaignId), fates: &[(Key, Fate)]) -> Result<(), Error> {
    let rows: Vec<_> = fates
        .iter()
        .map(|((card, occurrence), fate)| {
            let (state, due, done, skipped) = match fate {
                Fate::WaitsUntil(due) => ("waiting", Some(*due), None, None),
                Fate::Done(at) => ("done", None, Some(*at), None),
                Fate::Skipped(why) => ("skipped", None, None, Some(why.as_str())),
                Fate::Cancelled => ("cancelled", None, None, None),
            };
            params![*card, *occurrence, state, due, done, skipped].to_vec()
        })
        .collect();
    tx.exec_rows(SAVE, &params![of.0, of.1], &rows).await?;
    Ok(())
}

/// Closes what is open for these cards and was triggered until `until`, and takes back messages that were not sent.
/// Cards are locked.
pub async fn cancel(
    tx: &mut Tx<'_>,
    of: (MerchantId, CampaignId),
    cards: &[CardId],
    until: Timestamp,
) -> Result<(), Error> {
    tx.exec_rows(CANCEL, &params![of.0, of.1, until], &of_cards(cards))
        .await?;
    tx.exec_rows(CANCEL_MESSAGES, &params![of.0, of.1], &of_cards(cards))
        .await?;
    tx.exec_rows(CALL_OFF, &params![of.0, of.1], &of_cards(cards))
        .await?;
    Ok(())
}

/// Closes what is open because of events that were taken back.
pub async fn cancel_events(
    tx: &mut Tx<'_>,
    events: &[(MerchantId, CampaignId, CardId, EventId)],
) -> Result<(), Error> {
    let rows: Vec<_> = events
        .iter()
        .map(|(merchant, campaign, card, event)| params![*merchant, *campaign, *card, *event].to_vec())
        .collect();
    tx.exec_rows(CANCEL_EVENTS, &[], &rows).await?;
    Ok(())
}

/// How many occurrences are in each state.
pub async fn counts(tx: &mut Tx<'_>, of: (MerchantId, CampaignId)) -> Result<Vec<(String, i64)>, Error> {
    tx.all(COUNTS, &params![of.0, of.1]).await
}

/// Queues messages for the sender.
pub async fn queue(
    tx: &mut Tx<'_>,
    of: (MerchantId, CampaignId),
    messages: &[Message],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = messages
        .iter()
        .map(|message| {
            let (class, text) = (message.class.as_str(), message.text.as_str());
            params![
                of.0,
                of.1,
                message.card,
                message.occurrence,
                class,
                text,
                message.due,
                now
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(QUEUE, &[], &rows).await?;
    Ok(())
}

/// Up to `limit` messages of a merchant that are due, the oldest first.
pub async fn messages(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Message>, Error> {
    tx.all(MESSAGES, &params![merchant, now, limit]).await
}

fn rows_of(keys: &[Key]) -> Vec<Vec<Value>> {
    keys.iter()
        .map(|(card, occurrence)| params![*card, *occurrence].to_vec())
        .collect()
}

fn of_cards(cards: &[CardId]) -> Vec<Vec<Value>> {
    cards.iter().map(|card| params![*card].to_vec()).collect()
}

impl FromRow for Open {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (card, occurrence) = (row.next()?, row.next()?);
        let stage = match row.next::<String>()?.as_str() {
            "fired" => Stage::Fired,
            "waiting" => Stage::Waiting,
            _ => {
                return Err(Error::inconsistent(
                    "the state of an open occurrence",
                    "another word",
                ));
            }
        };
        Ok(Self {
            card,
            occurrence,
            stage,
            leaves: row.next()?,
            at: row.next()?,
            due: row.next()?,
        })
    }
}

impl FromRow for Message {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            occurrence: row.next()?,
            class: Class::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("the class of a message", "another word"))?,
            text: row.next()?,
            due: row.next()?,
        })
    }
}
