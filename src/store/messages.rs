//! Messages. The text stands here once; recipients are rows of their own, see [`recipients`].
//!
//! A message's row is locked before any card, and by one chore at a time: `due_at` says when the next one has to look.

pub mod fetched;
pub mod recipients;
pub mod translations;

use std::collections::BTreeMap;

use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId, ProgramId, SegmentId};
use crate::domain::link::Target;
use crate::domain::message::{Audience, Content, Forecast, Message, Outcome, RuleText, State, Translations};
use crate::domain::preference::Class;
use crate::domain::segment::saved::{Use, UsedBy};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Change, Error, FromRow, Row, Tx};

macro_rules! message_columns {
    () => {
        "m.message_id, m.merchant_id, m.title, m.body, m.link, m.class, m.audience, m.moment, m.state, m.version, \
         m.member_id, m.is_test, m.rule, m.confirmed, m.starts_at, m.started_at, m.finished_at, m.expanded_to, \
         m.recipients, m.walked_to, m.faults, m.paused_because, m.created_at, m.changed_at"
    };
}

/// What an edit may change is written by [`EDIT`], also of a new one.
const INSERT: &str = "insert into messages (merchant_id, message_id, body, class, audience, moment, state, version, \
     member_id, is_test, starts_at, due_at, expanded_to, recipients, walked_to, faults, created_at, changed_at) \
     values ($1, $2, '', '', '', '', $3, 0, $4, $5, $6, $7, 0, 0, 9223372036854775807, 0, $8, $8)";
const EDIT: &str = "update messages set title = $3, body = $4, link = $5, class = $6, audience = $7, segment_id = $8, \
     only_card_id = $9, moment = $10, version = $11, forecast = null, changed_at = $12 \
     where merchant_id = $1 and message_id = $2";
const SAVE: &str = "update messages set state = $3, version = $4, rule = $5, confirmed = $6, starts_at = $7, \
     started_at = $8, finished_at = $9, due_at = $10, expanded_to = $11, recipients = $12, walked_to = $13, \
     faults = $14, paused_because = $15, changed_at = $16 where merchant_id = $1 and message_id = $2";
const MESSAGE: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m where m.merchant_id = $1 and m.message_id = $2"
);
const MESSAGE_FOR_UPDATE: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m where m.merchant_id = $1 and m.message_id = $2 for update"
);
const MESSAGES: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m where m.merchant_id = $1 and m.message_id < $2 order by m.message_id desc limit $3"
);
/// Those that waited longest first, so that several take turns.
const DUE: &str = "select m.merchant_id, m.message_id from messages m where m.due_at <= $1 order by m.due_at, \
     m.message_id limit 20";
const CLAIM: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m where m.merchant_id = $1 and m.message_id = $2 and m.due_at <= $3 for update skip locked"
);
const PUT_OFF: &str = "update messages set due_at = $3 where merchant_id = $1 and message_id = $2 \
     and due_at is not null";
const FORECAST: &str = "select forecast from messages where merchant_id = $1 and message_id = $2";
const SAVE_FORECAST: &str = "update messages set forecast = $3 \
     where merchant_id = $1 and message_id = $2 and version = $4 and started_at is null";
const OUTCOME: &str = "select outcome from messages where merchant_id = $1 and message_id = $2";
const SAVE_OUTCOME: &str = "update messages set outcome = $3 where merchant_id = $1 and message_id = $2";
/// What still needs a segment: what has not started, and what is writing down who is on its list.
const NEED_SEGMENT: &str = "select m.body, m.message_id from messages m where m.merchant_id = $1 \
     and m.segment_id = $2 and m.finished_at is null and m.expanded_to < 9223372036854775807 \
     order by m.message_id limit 20";
const PACES: &str = "select program_id, channel, free_at from push_paces where merchant_id = $1";
const ZONES: &str =
    "select distinct zone from customers where merchant_id = $1 and zone is not null limit 1000";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    EDIT,
    SAVE,
    MESSAGE,
    MESSAGE_FOR_UPDATE,
    MESSAGES,
    DUE,
    CLAIM,
    PUT_OFF,
    FORECAST,
    SAVE_FORECAST,
    OUTCOME,
    SAVE_OUTCOME,
    NEED_SEGMENT,
    PACES,
    ZONES,
];

pub async fn insert(tx: &mut Tx<'_>, message: &Message, due_at: Option<Timestamp>) -> Result<(), Error> {
    let params = params![
        message.merchant,
        message.id,
        message.state.as_str(),
        message.author,
        message.is_test,
        message.starts_at,
        due_at,
        message.created_at,
    ];
    tx.exec(INSERT, &params).await?;
    edit(tx, message).await
}

/// Writes what an edit changes. What was forecast for the message before is forgotten.
pub async fn edit(tx: &mut Tx<'_>, message: &Message) -> Result<(), Error> {
    let Content {
        title,
        text,
        link,
        class,
        translations,
    } = &message.content;
    let params = params![
        message.merchant,
        message.id,
        title.as_deref(),
        text.as_str(),
        link.as_ref().map(Target::as_str),
        class.as_str(),
        print(&message.audience)?,
        message.audience.segment(),
        message.audience.only_card(),
        print(&message.when)?,
        message.version,
        message.changed_at,
    ];
    tx.exec(EDIT, &params).await?;
    translations::replace(tx, (message.merchant, message.id), translations).await
}

/// Writes how far a message has come, and when the chore has to look at it again.
pub async fn save(tx: &mut Tx<'_>, message: &Message, due_at: Option<Timestamp>) -> Result<(), Error> {
    let params = params![
        message.merchant,
        message.id,
        message.state.as_str(),
        message.version,
        message.rule.clone().map(String::from),
        message.confirmed,
        message.starts_at,
        message.started_at,
        message.finished_at,
        due_at,
        message.expanded_to,
        message.recipients,
        message.walked_to,
        message.faults,
        message.paused_because.as_deref(),
        message.changed_at,
    ];
    tx.exec(SAVE, &params).await?;
    tx.announce(Change::Work(message.merchant));
    Ok(())
}

pub async fn message(tx: &mut Tx<'_>, merchant: MerchantId, id: MessageId) -> Result<Option<Message>, Error> {
    let found = tx.opt(MESSAGE, &params![merchant, id]).await?;
    whole(tx, found).await
}

/// The message, locked until the transaction ends.
pub async fn message_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
) -> Result<Option<Message>, Error> {
    let found = tx.opt(MESSAGE_FOR_UPDATE, &params![merchant, id]).await?;
    whole(tx, found).await
}

/// The messages before `before`, newest first.
pub async fn messages(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: MessageId,
    limit: i64,
) -> Result<Vec<Message>, Error> {
    let mut found = tx.all(MESSAGES, &params![merchant, before, limit]).await?;
    translations::fill(tx, &mut found).await?;
    Ok(found)
}

/// Messages that a chore has to look at, the one that waited longest first.
pub async fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<(MerchantId, MessageId)>, Error> {
    tx.all(DUE, &params![now]).await
}

/// The message, if it is still due and no other node is at it; locked until the transaction ends.
pub async fn claim(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<Message>, Error> {
    let found = tx.opt(CLAIM, &params![merchant, id, now]).await?;
    whole(tx, found).await
}

/// A message with what it says in other languages.
async fn whole(tx: &mut Tx<'_>, mut found: Option<Message>) -> Result<Option<Message>, Error> {
    translations::fill(tx, found.iter_mut()).await?;
    Ok(found)
}

/// Looks at a message again at `until`.
pub async fn put_off(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
    until: Timestamp,
) -> Result<(), Error> {
    tx.exec(PUT_OFF, &params![merchant, id, until]).await?;
    Ok(())
}

/// What was forecast for the message as it is.
pub async fn forecast(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
) -> Result<Option<Forecast>, Error> {
    let found: Option<(Option<String>,)> = tx.opt(FORECAST, &params![merchant, id]).await?;
    let json = found.and_then(|(json,)| json);
    json.map(|json| read(&json, "messages.forecast")).transpose()
}

/// Keeps a forecast, unless the message has started or is another one by now; whether it was kept.
pub async fn save_forecast(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
    forecast: &Forecast,
) -> Result<bool, Error> {
    let params = params![merchant, id, print(forecast)?, forecast.version];
    Ok(tx.exec(SAVE_FORECAST, &params).await? > 0)
}

/// What had become of the message's recipients when they were counted last.
pub async fn outcome(tx: &mut Tx<'_>, merchant: MerchantId, id: MessageId) -> Result<Option<Outcome>, Error> {
    let found: Option<(Option<String>,)> = tx.opt(OUTCOME, &params![merchant, id]).await?;
    let json = found.and_then(|(json,)| json);
    json.map(|json| read(&json, "messages.outcome")).transpose()
}

pub async fn save_outcome(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: MessageId,
    outcome: &Outcome,
) -> Result<(), Error> {
    tx.exec(SAVE_OUTCOME, &params![merchant, id, print(outcome)?])
        .await?;
    Ok(())
}

/// The messages that need a segment and have not finished with it.
pub async fn need_segment(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    segment: SegmentId,
) -> Result<Vec<Use>, Error> {
    let rows: Vec<(String, MessageId)> = tx.all(NEED_SEGMENT, &params![merchant, segment]).await?;
    let named = |(text, id): (String, MessageId)| {
        let begin: String = text.chars().take(40).collect();
        Use {
            what: format!("the message {begin:?}"),
            by: UsedBy::Message(id),
        }
    };
    Ok(rows.into_iter().map(named).collect())
}

/// The first free places in the paces of a merchant and its programs; program 0 is all of them.
pub async fn paces(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
) -> Result<BTreeMap<(Channel, ProgramId), Timestamp>, Error> {
    let rows: Vec<(ProgramId, String, Timestamp)> = tx.all(PACES, &params![merchant]).await?;
    let place = |(program, channel, free): (ProgramId, String, Timestamp)| {
        let channel = Channel::parse(&channel)
            .ok_or_else(|| Error::inconsistent("a channel of push_paces", "another word"))?;
        Ok(((channel, program), free))
    };
    rows.into_iter().map(place).collect()
}

/// The zones that customers of the merchant live in, as far as they are known.
pub async fn zones(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx.all(ZONES, &params![merchant]).await?;
    Ok(rows.into_iter().map(|(zone,)| zone).collect())
}

fn print(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::inconsistent("a message that can be written down", error))
}

fn read<T: serde::de::DeserializeOwned>(json: &str, column: &'static str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| Error::inconsistent(column, error))
}

impl FromRow for Message {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (id, merchant) = (row.next()?, row.next()?);
        let (title, text) = (row.next()?, row.next()?);
        let link: Option<String> = row.next()?;
        let link = link.map(|link| Target::parse(&link)).transpose();
        let class: String = row.next()?;
        Ok(Self {
            id,
            merchant,
            content: Content {
                title,
                text,
                link: link.map_err(|error| Error::inconsistent("a target in messages.link", error))?,
                class: Class::parse(&class)
                    .ok_or_else(|| Error::inconsistent("a class in messages.class", class))?,
                // Whoever reads the row fills them in.
                translations: Translations::default(),
            },
            audience: read::<Audience>(&row.next::<String>()?, "an audience in messages.audience")?,
            when: read(&row.next::<String>()?, "a time in messages.moment")?,
            state: State::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a state in messages.state", "another word"))?,
            version: row.next()?,
            author: row.next()?,
            is_test: row.next()?,
            rule: match row.next::<Option<String>>()? {
                Some(rule) => Some(
                    RuleText::try_from(rule)
                        .map_err(|error| Error::inconsistent("a rule in messages.rule", error))?,
                ),
                None => None,
            },
            confirmed: row.next()?,
            starts_at: row.next()?,
            started_at: row.next()?,
            finished_at: row.next()?,
            expanded_to: row.next::<CardId>()?,
            recipients: row.next()?,
            walked_to: row.next()?,
            faults: row.next()?,
            paused_because: row.next()?,
            created_at: row.next()?,
            changed_at: row.next()?,
        })
    }
}
