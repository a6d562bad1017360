//! What wants to ring by itself: texts, each once, and their recipients, a row for each card and channel.
//!
//! A row of `push_messages` is a recipient's whole fate: waiting until when and why, on its way, accepted, failed or
//! suppressed. Its card's row in the outbox carries the mark that something waits, so that whoever claims it looks here.

use crate::domain::budget::{Intent, Origin, Ruling, Stop, TextDigest};
use crate::domain::delivery::Channel;
use crate::domain::id::{CampaignId, CardId, MerchantId, MessageId};
use crate::domain::message::{Translations, Words};
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;
use crate::store::budgets::{class, key_rows};
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT_TEXT: &str = "insert into push_texts (merchant_id, message_id, class, body, digest, personalised, \
     campaign_id, state, ends_at, created_at, title, linked) \
     values ($1, $2, $3, $4, $5, $6, $7, 'live', $8, $9, $10, $11)";
const SET_TEXT_STATE: &str = "update push_texts set state = $3 where merchant_id = $1 and message_id = $2 \
     and state <> 'cancelled'";
const INSERT: &str = "insert into push_messages (merchant_id, card_id, message_id, channel, state, due_at, created_at, \
     changed_at) values {bigint, bigint, bigint, text, text, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id, message_id, channel) do nothing";
/// A campaign that was ended calls its texts off, and one that is paused holds them.
const WAITING: &str = "select m.merchant_id, m.card_id, m.message_id, m.due_at, m.until, m.rule, t.class, t.digest, \
     t.personalised, t.ends_at, t.state, k.state, m.created_at, t.title, t.body, t.linked from (values {bigint, bigint}) as v \
     join push_messages m on m.merchant_id = v.column1 and m.card_id = v.column2 and m.channel = $1 \
     join push_texts t on t.merchant_id = m.merchant_id and t.message_id = m.message_id \
     left join campaigns k on k.merchant_id = t.merchant_id and k.campaign_id = t.campaign_id \
     where m.state = 'waiting'";
const DECIDE: &str = "update push_messages set state = v.column4, until = v.column5, rule = v.column6, \
     ruling = v.column7, changed_at = $2, \
     sent_at = case when v.column4 = 'sending' then $2 else push_messages.sent_at end, \
     deferred_until = case when push_messages.deferred_until is not null \
     or v.column6 = 'scheduled' then push_messages.deferred_until else v.column5 end from (values {bigint, bigint, bigint, text, bigint, text, text}) as v \
     where push_messages.merchant_id = v.column1 and push_messages.card_id = v.column2 \
     and push_messages.message_id = v.column3 and push_messages.channel = $1";
const ANSWERED: &str = "update push_messages set state = v.column3, rule = v.column4, changed_at = $2 \
     from (values {bigint, bigint, text, text}) as v \
     where push_messages.merchant_id = v.column1 and push_messages.card_id = v.column2 \
     and push_messages.channel = $1 and push_messages.state = 'sending'";
const FAULTED: &str = "update push_messages set faults = push_messages.faults + 1 \
     from (values {bigint, bigint}) as v where push_messages.merchant_id = v.column1 \
     and push_messages.card_id = v.column2 and push_messages.channel = $1 and push_messages.state = 'sending'";
/// What a finisher has in hand is about to change anyway.
const FORGIVE: &str = "update push_messages set faults = 0 where (merchant_id, card_id, message_id, channel) in \
     (select p.merchant_id, p.card_id, p.message_id, p.channel from push_messages p where p.merchant_id = $1 \
     and p.message_id = $2 and p.state = 'sending' and p.faults > 0 order by p.card_id, p.channel for update skip locked)";
const WAITING_AFTER: &str = "select card_id, channel from push_messages where merchant_id = $1 and message_id = $2 \
     and (card_id > $3 or (card_id = $3 and channel > $4)) and state = 'waiting' order by card_id, channel limit $5";
const OF_CARD: &str = "select m.message_id, m.channel, m.state, m.due_at, m.until, m.rule, m.ruling, t.class, \
     t.body, m.changed_at from push_messages m \
     join push_texts t on t.merchant_id = m.merchant_id and t.message_id = m.message_id \
     where m.merchant_id = $1 and m.card_id = $2 order by m.changed_at desc, m.message_id desc, m.channel limit $3";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_TEXT,
    SET_TEXT_STATE,
    INSERT,
    WAITING,
    DECIDE,
    ANSWERED,
    FAULTED,
    FORGIVE,
    WAITING_AFTER,
    OF_CARD,
];

/// A text that cards are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    pub merchant: MerchantId,
    pub id: MessageId,
    pub class: Class,
    pub body: String,
    /// Above the text, where a channel has a place for it.
    pub title: Option<String>,
    /// It has a counted link, which is named like the message.
    pub linked: bool,
    pub personalised: bool,
    /// Of all that it says.
    pub digest: TextDigest,
    /// The campaign that says it.
    pub campaign: Option<CampaignId>,
    pub ends_at: Option<Timestamp>,
}

/// Whether a text may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextState {
    Live,
    Paused,
    /// For good.
    Cancelled,
}

/// A message to one card on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewIntent {
    pub key: CardKey,
    pub message: MessageId,
    pub channel: Channel,
    pub due_at: Timestamp,
}

/// What became of a recipient so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntentState {
    Waiting,
    /// Let through; the provider has not answered yet.
    Sending,
    Accepted,
    Failed,
    Suppressed,
}

/// A message that waits for its card.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub key: CardKey,
    pub message: MessageId,
    pub intent: Intent,
    /// As it was decided last.
    pub until: Option<Timestamp>,
    pub rule: Option<String>,
    pub created_at: Timestamp,
    pub words: Words,
}

/// What is to be noted about a recipient.
#[derive(Debug, Clone)]
pub struct Decided {
    pub key: CardKey,
    pub message: MessageId,
    pub state: IntentState,
    /// The reason of whoever is not sent to now.
    pub ruling: Option<Ruling>,
}

/// A recipient as the view of one card shows it.
#[derive(Debug, Clone)]
pub struct OfCard {
    pub message: MessageId,
    pub channel: Channel,
    pub state: IntentState,
    pub due_at: Timestamp,
    pub until: Option<Timestamp>,
    pub rule: Option<String>,
    pub ruling: Option<Ruling>,
    pub class: Class,
    pub body: String,
    pub changed_at: Timestamp,
}

impl TextState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }
}

impl IntentState {
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Sending,
        Self::Accepted,
        Self::Failed,
        Self::Suppressed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Keeps a text; its recipients come with [`insert`].
pub async fn insert_text(tx: &mut Tx<'_>, text: &NewText, now: Timestamp) -> Result<(), Error> {
    let params = params![
        text.merchant,
        text.id,
        text.class.as_str(),
        text.body.as_str(),
        text.digest.0,
        text.personalised,
        text.campaign,
        text.ends_at,
        now,
        text.title.as_deref(),
        text.linked
    ];
    tx.exec(INSERT_TEXT, &params).await?;
    Ok(())
}

/// Pauses, resumes or cancels a text; a cancelled one stays so. After resuming, wake its recipients again with
/// [`crate::store::outbox::wake`]. Whether there was such a text.
pub async fn set_text_state(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    message: MessageId,
    state: TextState,
) -> Result<bool, Error> {
    let params = params![merchant, message, state.as_str()];
    Ok(tx.exec(SET_TEXT_STATE, &params).await? > 0)
}

/// Adds recipients; one that is there already stays as it is. The caller wakes their cards with
/// [`crate::store::outbox::wake`]. Returns how many are new.
pub async fn insert(tx: &mut Tx<'_>, intents: &[NewIntent], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<_> = intents
        .iter()
        .map(|intent| {
            params![
                intent.key.0,
                intent.key.1,
                intent.message,
                intent.channel.as_str(),
                IntentState::Waiting.as_str(),
                intent.due_at,
                now,
                now
            ]
        })
        .collect();
    tx.exec_rows(INSERT, &[], &rows).await
}

/// The messages that wait for `keys` on `channel`, due or not.
pub async fn waiting(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<Vec<Waiting>, Error> {
    tx.all_rows(WAITING, &params![channel.as_str()], &key_rows(keys))
        .await
}

/// Notes what was decided about recipients.
pub async fn decide(
    tx: &mut Tx<'_>,
    channel: Channel,
    decided: &[Decided],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = decided
        .iter()
        .map(|of| {
            let ruling = of.ruling.as_ref();
            params![
                of.key.0,
                of.key.1,
                of.message,
                of.state.as_str(),
                ruling.and_then(Ruling::until),
                ruling.map(|ruling| ruling.rule.as_str()),
                ruling.map(Ruling::print)
            ]
        })
        .collect();
    tx.exec_rows(DECIDE, &params![channel.as_str(), now], &rows)
        .await?;
    Ok(())
}

/// Notes the provider's answer about everything that is on its way to these cards: none for accepted, or its reason.
pub async fn answered(
    tx: &mut Tx<'_>,
    channel: Channel,
    answers: &[(CardKey, Option<String>)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = answers
        .iter()
        .map(|(key, reason)| {
            let state = if reason.is_none() {
                IntentState::Accepted
            } else {
                IntentState::Failed
            };
            params![key.0, key.1, state.as_str(), reason.as_deref()]
        })
        .collect();
    tx.exec_rows(ANSWERED, &params![channel.as_str(), now], &rows)
        .await?;
    Ok(())
}

/// Counts that the provider did not take what is on its way to these cards: it is tried again.
pub async fn faulted(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<(), Error> {
    tx.exec_rows(FAULTED, &params![channel.as_str()], &key_rows(keys))
        .await?;
    Ok(())
}

/// Forgets the faults of a message's copies that are on their way.
pub async fn forgive(tx: &mut Tx<'_>, merchant: MerchantId, message: MessageId) -> Result<(), Error> {
    tx.exec(FORGIVE, &params![merchant, message]).await?;
    Ok(())
}

/// The next `limit` recipients of a message that still wait, after the one named, in the order of their cards.
pub async fn waiting_after(
    tx: &mut Tx<'_>,
    (merchant, message): (MerchantId, MessageId),
    after: (CardId, Option<Channel>),
    limit: i64,
) -> Result<Vec<(CardId, Channel)>, Error> {
    let channel = after.1.map_or("", Channel::as_str);
    let rows: Vec<(CardId, String)> = tx
        .all(
            WAITING_AFTER,
            &params![merchant, message, after.0, channel, limit],
        )
        .await?;
    rows.into_iter()
        .map(|(card, text)| Ok((card, channel_of(&text)?)))
        .collect()
}

/// The newest messages to one card.
pub async fn of_card(tx: &mut Tx<'_>, key: CardKey, limit: i64) -> Result<Vec<OfCard>, Error> {
    tx.all(OF_CARD, &params![key.0, key.1, limit]).await
}

pub(super) fn channel_of(text: &str) -> Result<Channel, Error> {
    Channel::parse(text).ok_or_else(|| Error::inconsistent("a channel of pushes", "another word"))
}

/// The text's own state, or what its campaign makes of it.
fn stop(text: &str, campaign: Option<&str>) -> Option<Stop> {
    match (text, campaign) {
        ("cancelled", _) | (_, Some("ended")) => Some(Stop::Cancelled),
        ("paused", _) | (_, Some("paused")) => Some(Stop::Paused),
        _ => None,
    }
}

/// Title, body and whether there is a link; translations are for whoever is told.
pub(super) fn words(row: &mut Row) -> Result<Words, Error> {
    Ok(Words {
        title: row.next()?,
        text: row.next()?,
        linked: row.next()?,
        translations: Translations::default(),
    })
}

impl FromRow for Waiting {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let message = row.next()?;
        let due_at = row.next()?;
        let (until, rule) = (row.next()?, row.next()?);
        let class = class(&row.next::<String>()?)?;
        let digest = TextDigest(row.next()?);
        let personalised = row.next()?;
        let ends_at = row.next()?;
        let (text, campaign): (String, Option<String>) = (row.next()?, row.next()?);
        Ok(Self {
            key,
            message,
            intent: Intent {
                origin: Origin::Message(message),
                class,
                digest: Some(digest),
                personalised,
                due_at,
                ends_at,
                stop: stop(&text, campaign.as_deref()),
            },
            until,
            rule,
            created_at: row.next()?,
            words: words(row)?,
        })
    }
}

impl FromRow for OfCard {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let message = row.next()?;
        let channel = channel_of(&row.next::<String>()?)?;
        let state: String = row.next()?;
        Ok(Self {
            message,
            channel,
            state: IntentState::parse(&state)
                .ok_or_else(|| Error::inconsistent("a state of push_messages", "another word"))?,
            due_at: row.next()?,
            until: row.next()?,
            rule: row.next()?,
            ruling: row
                .next::<Option<String>>()?
                .and_then(|json| Ruling::parse(&json)),
            class: class(&row.next::<String>()?)?,
            body: row.next()?,
            changed_at: row.next()?,
        })
    }
}
