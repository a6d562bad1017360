//! What is said to topics of Firebase: an outbox of its own, because no card stands behind it, and its history.
//!
//! Saying something locks the topic's row, so that "not too often" is true until the commit.

use crate::domain::id::{MerchantId, TopicNoticeId};
use crate::domain::link::Target;
use crate::domain::time::Timestamp;
use crate::domain::topic::{TopicName, Words};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! columns {
    () => {
        "n.merchant_id, n.topic_notice_id, n.topic, n.title, n.body, n.url, n.rings, n.state, n.reason, n.due_at, \
         n.attempts, n.created_at, n.ended_at"
    };
}

const MAKE: &str = "insert into topics (merchant_id, topic, created_at) values ($1, $2, $3) \
     on conflict (merchant_id, topic) do nothing";
const LOCK: &str = "select topic from topics where merchant_id = $1 and topic = $2 for update";
const SAID: &str = "select created_at from topic_notices where merchant_id = $1 and topic = $2 and created_at > $3 \
     and state <> 'failed' order by created_at desc limit $4";
const INSERT: &str = "insert into topic_notices (merchant_id, topic_notice_id, topic, title, body, url, rings, state, \
     due_at, attempts, created_at) values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0, $8)";
const TOPICS: &str = "select t.topic, t.created_at, \
     (select count(*) from topic_notices n where n.merchant_id = t.merchant_id and n.topic = t.topic \
     and n.state = 'sent'), \
     (select count(*) from topic_notices n where n.merchant_id = t.merchant_id and n.topic = t.topic \
     and n.state = 'waiting'), \
     (select max(n.created_at) from topic_notices n where n.merchant_id = t.merchant_id and n.topic = t.topic) \
     from topics t where t.merchant_id = $1 and t.topic > $2 order by t.topic limit $3";
const PAGE: &str = concat!(
    "select ",
    columns!(),
    " from topic_notices n where n.merchant_id = $1 and n.topic = $2 and n.topic_notice_id < $3 \
     order by n.topic_notice_id desc limit $4"
);
const ANY_DUE: &str = "select count(*) from (select 1 from topic_notices where due_at is not null and due_at <= $1 \
     limit 1) as one";
const DUE: &str = concat!(
    "select ",
    columns!(),
    " from topic_notices n where n.due_at is not null and n.due_at <= $1 order by n.due_at limit $2 \
     for update skip locked"
);
const LEASE: &str = "update topic_notices set due_at = $3, lease = $4, attempts = attempts + 1 \
     where merchant_id = $1 and topic_notice_id = $2";
const FINISH: &str = "update topic_notices set state = $4, reason = $5, due_at = $6, attempts = $7, ended_at = $8, \
     lease = null where merchant_id = $1 and topic_notice_id = $2 and lease = $3";

pub(crate) const STATEMENTS: &[&str] = &[
    MAKE, LOCK, SAID, INSERT, TOPICS, PAGE, ANY_DUE, DUE, LEASE, FINISH,
];

/// Whether it has reached Firebase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    Waiting,
    Sent,
    Failed,
}

impl TopicState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNotice {
    pub merchant: MerchantId,
    pub id: TopicNoticeId,
    pub topic: TopicName,
    pub words: Words,
    pub state: TopicState,
    pub reason: Option<String>,
    pub due_at: Option<Timestamp>,
    /// With the one under way.
    pub attempts: i64,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A topic and how much was said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub name: TopicName,
    pub created_at: Timestamp,
    pub sent: i64,
    pub waiting: i64,
    pub last_said_at: Option<Timestamp>,
}

/// What is written after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub state: TopicState,
    pub reason: Option<String>,
    pub due_at: Option<Timestamp>,
    pub attempts: i64,
    pub ended_at: Option<Timestamp>,
}

/// Makes a topic known, and locks it.
pub async fn hold(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    topic: &TopicName,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(MAKE, &params![merchant, topic.as_str(), now]).await?;
    let _: (String,) = tx.one(LOCK, &params![merchant, topic.as_str()]).await?;
    Ok(())
}

/// When things were said after `since` that did not fail, the newest first.
pub async fn said(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    topic: &TopicName,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Timestamp>, Error> {
    let params = params![merchant, topic.as_str(), since, limit];
    let rows: Vec<(Timestamp,)> = tx.all(SAID, &params).await?;
    Ok(rows.into_iter().map(|(at,)| at).collect())
}

/// Says something, to be sent at once.
pub async fn insert(
    tx: &mut Tx<'_>,
    (merchant, id): (MerchantId, TopicNoticeId),
    topic: &TopicName,
    words: &Words,
    now: Timestamp,
) -> Result<(), Error> {
    let url = words.url.as_ref().map(Target::as_str);
    let params = params![
        merchant,
        id,
        topic.as_str(),
        &words.title,
        &words.body,
        url,
        words.rings,
        now
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// A merchant's topics after the one of this name, by name.
pub async fn topics(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Topic>, Error> {
    tx.all(TOPICS, &params![merchant, after, limit]).await
}

/// What was said to a topic before `before`, newest first.
pub async fn notices(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    topic: &TopicName,
    before: TopicNoticeId,
    limit: i64,
) -> Result<Vec<TopicNotice>, Error> {
    tx.all(PAGE, &params![merchant, topic.as_str(), before, limit])
        .await
}

/// Whether anything is to be sent.
pub async fn is_any_due(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(ANY_DUE, &params![now]).await?;
    Ok(count > 0)
}

/// Takes what is due under `lease` until that time; nobody else is given it before.
pub async fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    (lease, until): (i64, Timestamp),
    limit: i64,
) -> Result<Vec<TopicNotice>, Error> {
    let mut due: Vec<TopicNotice> = tx.all(DUE, &params![now, limit]).await?;
    for one in &mut due {
        tx.exec(LEASE, &params![one.merchant, one.id, until, lease])
            .await?;
        one.attempts += 1;
    }
    Ok(due)
}

/// Writes back what became of a try; false when the lease has gone to somebody else.
pub async fn finish(
    tx: &mut Tx<'_>,
    (merchant, id): (MerchantId, TopicNoticeId),
    lease: i64,
    tried: &Tried,
) -> Result<bool, Error> {
    let params = params![
        merchant,
        id,
        lease,
        tried.state.as_str(),
        tried.reason.as_deref(),
        tried.due_at,
        tried.attempts,
        tried.ended_at
    ];
    Ok(tx.exec(FINISH, &params).await? > 0)
}

fn name(text: &str) -> Result<TopicName, Error> {
    text.parse()
        .map_err(|error| Error::inconsistent("a topic that was checked", error))
}

impl FromRow for TopicNotice {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, id) = (row.next()?, row.next()?);
        let topic = name(&row.next::<String>()?)?;
        let (title, body) = (row.next()?, row.next()?);
        let url: Option<String> = row.next()?;
        let url = url.map(|url| Target::parse(&url)).transpose();
        let words = Words {
            title,
            body,
            url: url.map_err(|error| Error::inconsistent("an address that was checked", error))?,
            rings: row.next()?,
        };
        let state: String = row.next()?;
        let state = TopicState::ALL.into_iter().find(|known| known.as_str() == state);
        Ok(Self {
            merchant,
            id,
            topic,
            words,
            state: state.ok_or_else(|| Error::inconsistent("a state in topic_notices", "another word"))?,
            reason: row.next()?,
            due_at: row.next()?,
            attempts: row.next()?,
            created_at: row.next()?,
            ended_at: row.next()?,
        })
    }
}

impl FromRow for Topic {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            name: name(&row.next::<String>()?)?,
            created_at: row.next()?,
            sent: row.next()?,
            waiting: row.next()?,
            last_said_at: row.next()?,
        })
    }
}
