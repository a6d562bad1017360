//! The log of what was let through, what was decided last, and what providers said about their limits.
//!
//! Invariant: an alert's row is committed before the alert leaves. So whatever dies in between, and however many nodes
//! decide, what was let through is counted.

use std::collections::HashMap;

use crate::domain::budget::{Rule, Ruling, TextDigest};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId, ProgramId};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;
use crate::store::budgets::{class, key_rows};
use crate::store::intents::channel_of;
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// Rulings that are kept for a card on a channel.
const KEPT: usize = 8;

const INSERT: &str = "insert into push_alerts (merchant_id, card_id, channel, lease, position, class, message_id, \
     digest, wanted_at, at, open) \
     values {bigint, bigint, text, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint}";
/// What is sent again rings when it is sent again.
const AGAIN: &str = "update push_alerts set at = $2 from (values {bigint, bigint}) as v \
     where push_alerts.merchant_id = v.column1 and push_alerts.card_id = v.column2 and push_alerts.channel = $1 \
     and push_alerts.open = 1";
const CLOSE: &str = "update push_alerts set open = 0 from (values {bigint, bigint}) as v \
     where push_alerts.merchant_id = v.column1 and push_alerts.card_id = v.column2 and push_alerts.channel = $1 \
     and push_alerts.open = 1 \
     returning push_alerts.merchant_id, push_alerts.card_id, push_alerts.class, push_alerts.message_id";
const PRUNE: &str = "delete from push_alerts where (merchant_id, card_id, channel, lease, position) in \
     (select a.merchant_id, a.card_id, a.channel, a.lease, a.position from push_alerts a where a.at < $1 \
     order by a.at limit $2)";
const LAST: &str = "select merchant_id, card_id, channel, class, message_id, at, open from push_alerts \
     where merchant_id = $1 and card_id = $2 order by at desc limit $3";
/// Walks a merchant's log card by card.
const LOGGED: &str = "select card_id, channel, class, digest, message_id, wanted_at, at from push_alerts \
     where merchant_id = $1 and card_id > $2 order by card_id, channel, at limit $3";

const DECISIONS: &str = "select d.merchant_id, d.card_id, d.rulings from (values {bigint, bigint}) as v \
     join push_decisions d on d.merchant_id = v.column1 and d.card_id = v.column2 and d.channel = $1";
const SAVE_DECISIONS: &str = "insert into push_decisions (merchant_id, card_id, channel, rulings, decided_at) \
     values {bigint, bigint, text, text, bigint} on conflict (merchant_id, card_id, channel) \
     do update set rulings = excluded.rulings, decided_at = excluded.decided_at";
const PRUNE_DECISIONS: &str = "delete from push_decisions where (merchant_id, card_id, channel) in \
     (select d.merchant_id, d.card_id, d.channel from push_decisions d where d.decided_at < $1 \
     order by d.decided_at limit $2)";

const STOP: &str = "insert into push_stops (merchant_id, card_id, program_id, channel, until, reason) \
     values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, card_id, program_id, channel) do update set \
     until = case when excluded.until > push_stops.until then excluded.until else push_stops.until end, \
     reason = excluded.reason";
const PRUNE_STOPS: &str = "delete from push_stops where (merchant_id, card_id, program_id, channel) in \
     (select s.merchant_id, s.card_id, s.program_id, s.channel from push_stops s where s.until < $1 \
     order by s.until limit $2)";

const NEWS: &str = "insert into card_news (merchant_id, card_id, number, class, message_id, punches, points, rewards, \
     tier, at) select c.merchant_id, c.card_id, 1, v.column3, v.column4, c.punches, c.points, c.rewards, c.tier, $1 \
     from (values {bigint, bigint, text, bigint}) as v \
     join cards c on c.merchant_id = v.column1 and c.card_id = v.column2 where true \
     on conflict (merchant_id, card_id) do update set number = card_news.number + 1, class = excluded.class, \
     message_id = excluded.message_id, punches = excluded.punches, points = excluded.points, \
     rewards = excluded.rewards, tier = excluded.tier, at = excluded.at";
/// As [`crate::domain::card::Card::touch`] moves it: the next second at least.
const MOVE_ON: &str = "update cards set changed_at = case when cards.changed_at / 1000 * 1000 + 1000 > $1 \
     then cards.changed_at / 1000 * 1000 + 1000 else $1 end from (values {bigint, bigint}) as v \
     where cards.merchant_id = v.column1 and cards.card_id = v.column2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    AGAIN,
    CLOSE,
    PRUNE,
    LAST,
    LOGGED,
    DECISIONS,
    SAVE_DECISIONS,
    PRUNE_DECISIONS,
    STOP,
    PRUNE_STOPS,
    NEWS,
    MOVE_ON,
];

/// An alert that is let through now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAlert {
    pub key: CardKey,
    pub lease: i64,
    pub position: i64,
    pub class: Class,
    pub message: Option<MessageId>,
    pub digest: Option<TextDigest>,
    pub wanted_at: Timestamp,
}

/// What rang on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rang {
    pub key: CardKey,
    pub channel: Channel,
    pub class: Class,
    pub message: Option<MessageId>,
    pub at: Timestamp,
    pub is_open: bool,
}

/// What a provider has answered about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub key: CardKey,
    pub class: Class,
    pub message: Option<MessageId>,
}

/// What rang and when it was wanted, for replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub card: CardId,
    pub channel: Channel,
    pub class: Class,
    pub digest: Option<TextDigest>,
    pub message: Option<MessageId>,
    pub wanted_at: Timestamp,
    pub at: Timestamp,
}

/// What was decided about a card, when.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Noted {
    pub decided_at: Timestamp,
    #[serde(flatten)]
    pub ruling: Ruling,
}

/// Reserves the places of alerts in their cards' windows.
pub async fn insert(
    tx: &mut Tx<'_>,
    channel: Channel,
    alerts: &[NewAlert],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = alerts
        .iter()
        .map(|alert| {
            params![
                alert.key.0,
                alert.key.1,
                channel.as_str(),
                alert.lease,
                alert.position,
                alert.class.as_str(),
                alert.message,
                alert.digest.map(|digest| digest.0),
                alert.wanted_at,
                now,
                true
            ]
        })
        .collect();
    tx.exec_rows(INSERT, &[], &rows).await?;
    Ok(())
}

/// Counts what these cards have on its way as of now, because it is sent again.
pub async fn again(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey], now: Timestamp) -> Result<(), Error> {
    tx.exec_rows(AGAIN, &params![channel.as_str(), now], &key_rows(keys))
        .await?;
    Ok(())
}

/// Notes that the provider has answered about everything that these cards had on its way, and returns what that was.
pub async fn close(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<Vec<Closed>, Error> {
    tx.all_rows(CLOSE, &params![channel.as_str()], &key_rows(keys))
        .await
}

/// What rang on a card on all channels, newest first.
pub async fn last(tx: &mut Tx<'_>, key: CardKey, limit: i64) -> Result<Vec<Rang>, Error> {
    tx.all(LAST, &params![key.0, key.1, limit]).await
}

/// Up to `limit` rows of a merchant's log of the cards after `card`, card by card.
pub async fn logged(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    limit: i64,
) -> Result<Vec<Logged>, Error> {
    tx.all(LOGGED, &params![merchant, card, limit]).await
}

/// The rulings of one card on each channel that has some, newest first.
pub async fn decisions(
    tx: &mut Tx<'_>,
    channel: Channel,
    keys: &[CardKey],
) -> Result<HashMap<CardKey, Vec<Noted>>, Error> {
    let rows: Vec<(MerchantId, CardId, String)> = tx
        .all_rows(DECISIONS, &params![channel.as_str()], &key_rows(keys))
        .await?;
    // A list that cannot be read is no loss: it only explains.
    let read = |json: String| serde_json::from_str(&json).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|(merchant, card, json)| ((merchant, card), read(json)))
        .collect())
}

/// Puts `rulings` before what was noted about their cards. What was decided just so before is not noted again. Returns
/// those that were.
pub async fn note(
    tx: &mut Tx<'_>,
    channel: Channel,
    rulings: Vec<(CardKey, Ruling)>,
    now: Timestamp,
) -> Result<Vec<(CardKey, Ruling)>, Error> {
    if rulings.is_empty() {
        return Ok(rulings);
    }
    let mut keys: Vec<CardKey> = rulings.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut noted = decisions(tx, channel, &keys).await?;
    let mut changed = Vec::new();
    let mut new = Vec::with_capacity(rulings.len());
    for (key, ruling) in rulings {
        let list = noted.entry(key).or_default();
        let same = |of: &&Noted| {
            of.ruling.inputs.class == ruling.inputs.class && of.ruling.inputs.message == ruling.inputs.message
        };
        let known = list.iter().find(same).is_some_and(|of| {
            of.ruling.decision == ruling.decision
                && of.ruling.rule == ruling.rule
                && ruling.rule != Rule::Free
        });
        if !known {
            list.insert(
                0,
                Noted {
                    decided_at: now,
                    ruling: ruling.clone(),
                },
            );
            list.truncate(KEPT);
            changed.push(key);
            new.push((key, ruling));
        }
    }
    changed.sort_unstable();
    changed.dedup();
    let rows: Vec<_> = changed
        .iter()
        .map(|key| {
            let list = noted.get(key).map(Vec::as_slice).unwrap_or_default();
            let json = serde_json::to_string(list).unwrap_or_default();
            params![key.0, key.1, channel.as_str(), json, now]
        })
        .collect();
    if !rows.is_empty() {
        tx.exec_rows(SAVE_DECISIONS, &[], &rows).await?;
    }
    Ok(new)
}

/// Makes an alert the news of passes: of each card the class, and the message where it is one. The newest numbers of the
/// card are kept with it. The cards are locked, and what phones have of them is out of date from now on.
pub async fn make_news(
    tx: &mut Tx<'_>,
    news: &[(CardKey, Class, Option<MessageId>)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = news
        .iter()
        .map(|(key, class, message)| params![key.0, key.1, class.as_str(), *message])
        .collect();
    tx.exec_rows(NEWS, &params![now], &rows).await?;
    let keys: Vec<CardKey> = news.iter().map(|(key, ..)| *key).collect();
    tx.exec_rows(MOVE_ON, &params![now], &key_rows(&keys)).await?;
    Ok(())
}

/// Notes a provider's word that it shows no alert before `until`: of one card, or of a whole program where `card` is
/// none.
pub async fn stop(
    tx: &mut Tx<'_>,
    (merchant, channel): (MerchantId, Channel),
    of: Stopped,
    until: Timestamp,
    reason: &str,
) -> Result<(), Error> {
    let (card, program) = match of {
        Stopped::Card(card) => (card, ProgramId(0)),
        Stopped::Program(program) => (CardId(0), program),
    };
    let params = params![merchant, card, program, channel.as_str(), until, reason];
    tx.exec(STOP, &params).await?;
    Ok(())
}

/// What a provider's word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    Card(CardId),
    Program(ProgramId),
}

/// Forgets up to `limit` rows of each kind that count no more. How many.
pub async fn prune(
    tx: &mut Tx<'_>,
    (alerts, decisions, now): (Timestamp, Timestamp, Timestamp),
    limit: i64,
) -> Result<u64, Error> {
    let pruned = tx.exec(PRUNE, &params![alerts, limit]).await?
        + tx.exec(PRUNE_DECISIONS, &params![decisions, limit]).await?
        + tx.exec(PRUNE_STOPS, &params![now, limit]).await?;
    Ok(pruned)
}

impl FromRow for Rang {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            channel: channel_of(&row.next::<String>()?)?,
            class: class(&row.next::<String>()?)?,
            message: row.next()?,
            at: row.next()?,
            is_open: row.next()?,
        })
    }
}

impl FromRow for Closed {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            class: class(&row.next::<String>()?)?,
            message: row.next()?,
        })
    }
}

impl FromRow for Logged {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            channel: channel_of(&row.next::<String>()?)?,
            class: class(&row.next::<String>()?)?,
            digest: row.next::<Option<i64>>()?.map(TextDigest),
            message: row.next()?,
            wanted_at: row.next()?,
            at: row.next()?,
        })
    }
}
