//! What merchants and programs say about how often their cards may ring.

use crate::domain::budget::Policy;
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId, ProgramId};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const OF_MERCHANT: &str = "select program_id, channel, policy, version, changed_at from push_policies \
     where merchant_id = $1 order by program_id, channel";
const SET: &str = "insert into push_policies (merchant_id, program_id, channel, policy, version, changed_at) \
     values ($1, $2, $3, $4, 1, $5) on conflict (merchant_id, program_id, channel) do update set \
     policy = excluded.policy, version = push_policies.version + 1, changed_at = excluded.changed_at";
const UNSET: &str = "delete from push_policies where merchant_id = $1 and program_id = $2 and channel = $3";
/// Old messages that were wanted and did not ring, card by card, for replays.
const UNRUNG: &str = "select m.card_id, m.message_id, t.class, t.digest, t.personalised, m.due_at, m.rule \
     from push_messages m join push_texts t on t.merchant_id = m.merchant_id and t.message_id = m.message_id \
     where m.merchant_id = $1 and m.card_id > $2 and m.card_id <= $3 and m.channel = $4 and m.due_at > $5 \
     and m.state in ('waiting', 'suppressed') order by m.card_id, m.due_at, m.message_id limit $6";
/// Whether a push waits and since when, found at the end of an index.
const OLDEST: &str = "select min(due_at) from pushes where channel = $1";

pub(crate) const STATEMENTS: &[&str] = &[OF_MERCHANT, SET, UNSET, UNRUNG, OLDEST];

/// A policy as stored. Program 0 is all of the merchant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    pub program: ProgramId,
    pub channel: Channel,
    pub policy: Policy,
    pub version: i64,
    pub changed_at: Timestamp,
}

/// A message that did not ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrung {
    pub card: CardId,
    pub message: MessageId,
    pub class: Class,
    pub digest: i64,
    pub personalised: bool,
    pub due_at: Timestamp,
    pub rule: Option<String>,
}

/// All policies of a merchant and its programs.
pub async fn of_merchant(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<StoredPolicy>, Error> {
    tx.all(OF_MERCHANT, &params![merchant]).await
}

/// Puts a checked policy in force from the next decision on; none takes it away.
pub async fn set(
    tx: &mut Tx<'_>,
    (merchant, program, channel): (MerchantId, ProgramId, Channel),
    policy: Option<&Policy>,
    now: Timestamp,
) -> Result<(), Error> {
    match policy {
        Some(policy) => {
            let params = params![merchant, program, channel.as_str(), policy.print(), now];
            tx.exec(SET, &params).await?;
        }
        None => {
            tx.exec(UNSET, &params![merchant, program, channel.as_str()])
                .await?;
        }
    }
    Ok(())
}

/// Up to `limit` messages to the cards after the first and up to the second of `cards` that were wanted since and have not
/// rung, card by card.
pub async fn unrung(
    tx: &mut Tx<'_>,
    (merchant, channel): (MerchantId, Channel),
    cards: (CardId, CardId),
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Unrung>, Error> {
    let params = params![merchant, cards.0, cards.1, channel.as_str(), since, limit];
    tx.all(UNRUNG, &params).await
}

/// When the longest waiting push of `channel` was or will be due.
pub async fn oldest(tx: &mut Tx<'_>, channel: Channel) -> Result<Option<Timestamp>, Error> {
    let (oldest,): (Option<Timestamp>,) = tx.one(OLDEST, &params![channel.as_str()]).await?;
    Ok(oldest)
}

impl FromRow for StoredPolicy {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            program: row.next()?,
            channel: super::intents::channel_of(&row.next::<String>()?)?,
            policy: Policy::stored(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a policy in push_policies.policy", "another text"))?,
            version: row.next()?,
            changed_at: row.next()?,
        })
    }
}

impl FromRow for Unrung {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            message: row.next()?,
            class: super::budgets::class(&row.next::<String>()?)?,
            digest: row.next()?,
            personalised: row.next()?,
            due_at: row.next()?,
            rule: row.next()?,
        })
    }
}
