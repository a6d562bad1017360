//! Messages: writing, scheduling and holding them. What they do by themselves is in `turn`.
//!
//! Whether somebody may do it is the caller's question. Every change locks the message's row, and the chore holds that row
//! for the length of one turn, so that "paused" means that no further recipient is written down.

mod audience;
mod duplicate;
mod forecast;
mod history;
pub(super) mod turn;

use jiff::tz::TimeZone;

use crate::domain::id::{CardId, LinkId, MemberId, MerchantId, MessageId};
use crate::domain::message::{self, Audience, Content, Message, Refusal, State, Step, When, WrongState};
use crate::domain::segment::saved::Viewer;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::segments::SegmentError;
use crate::store::{Error, Tx, campaigns, cards, links, messages};
pub use history::{Cursor, Page, Recipient, Shown};

/// Why a message was not written, changed or sent.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("there is no such message")]
    NotFound,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Segment(#[from] SegmentError),
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error("cards: expected cards of this merchant; got {0}, which is none")]
    NoCard(CardId),
    #[error("program: expected one of this merchant; got another")]
    NoProgram,
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<WrongState> for MessageError {
    fn from(error: WrongState) -> Self {
        Self::Refused(error.into())
    }
}

/// A message as somebody writes it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub content: Content,
    pub audience: Audience,
    pub when: When,
    /// None for the operator of the gateway.
    pub author: Option<MemberId>,
}

/// What an edit changes; what is not said stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub content: Option<Content>,
    pub audience: Option<Audience>,
    pub when: Option<When>,
}

impl NewMessage {
    fn draft(self, merchant: MerchantId, id: MessageId, now: Timestamp) -> Result<Message, Refusal> {
        Ok(Message {
            id,
            merchant,
            content: self.content,
            audience: self.audience.checked()?,
            when: self.when,
            state: State::Draft,
            version: 1,
            author: self.author,
            is_test: false,
            rule: None,
            confirmed: None,
            starts_at: None,
            started_at: None,
            finished_at: None,
            expanded_to: CardId(0),
            walked_to: message::ALL_EXPANDED,
            recipients: 0,
            faults: 0,
            paused_because: None,
            created_at: now,
            changed_at: now,
        })
    }
}

/// Who looks at segments on behalf of somebody.
fn viewer(member: Option<MemberId>) -> Viewer {
    member.map_or(Viewer::Operator, Viewer::Member)
}

impl Ops {
    /// Writes a draft.
    pub async fn write_message(
        &self,
        merchant: MerchantId,
        new: NewMessage,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        let message = new.draft(merchant, MessageId(self.ids.next(now)), now)?;
        self.store
            .write("write_message", move |tx| {
                let message = message.clone();
                Box::pin(async move {
                    check(tx, &message, viewer(message.author), now).await?;
                    messages::insert(tx, &message, None).await?;
                    keep_link(tx, &message, now).await?;
                    Ok(message)
                })
            })
            .await
    }

    /// Changes a message that has not started and still is as the caller saw it. It is a draft then, and has to be
    /// forecast and confirmed anew.
    pub async fn edit_message(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        id: MessageId,
        seen: i64,
        edit: Edit,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        self.store
            .write("edit_message", move |tx| {
                let edit = edit.clone();
                Box::pin(async move {
                    let mut message = locked(tx, merchant, id).await?.at_version(seen)?;
                    message.step(Step::Edit, now)?;
                    message.version += 1;
                    message.content = edit.content.unwrap_or(message.content);
                    message.when = edit.when.unwrap_or(message.when);
                    if let Some(audience) = edit.audience {
                        message.audience = audience.checked().map_err(Refusal::from)?;
                    }
                    (message.confirmed, message.starts_at) = (None, None);
                    check(tx, &message, viewer(by), now).await?;
                    messages::edit(tx, &message).await?;
                    messages::save(tx, &message, None).await?;
                    keep_link(tx, &message, now).await?;
                    Ok(message)
                })
            })
            .await
    }

    /// Lets a message go out at its time, to as many recipients as somebody has confirmed.
    pub async fn schedule_message(
        &self,
        merchant: MerchantId,
        id: MessageId,
        seen: i64,
        confirmed: i64,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        self.store
            .write("schedule_message", move |tx| {
                Box::pin(async move {
                    let mut message = locked(tx, merchant, id).await?.at_version(seen)?;
                    message.step(Step::Schedule, now)?;
                    let forecast = messages::forecast(tx, merchant, id).await?;
                    let forecast = forecast.filter(|forecast| forecast.version == message.version);
                    message::confirm(forecast.map(|forecast| forecast.tally.recipients), confirmed)?;
                    let starts_at = starts_at(tx, &message, now).await?;
                    message.confirmed = Some(confirmed);
                    message.starts_at = Some(starts_at);
                    messages::save(tx, &message, Some(starts_at)).await?;
                    Ok(message)
                })
            })
            .await
    }

    /// Ends a message that has not started.
    pub async fn cancel_message(&self, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
        self.step_message("cancel_message", merchant, id, Step::Cancel)
            .await
    }

    /// Holds a message: nobody else is told until it is taken up.
    pub async fn pause_message(&self, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
        self.step_message("pause_message", merchant, id, Step::Pause)
            .await
    }

    pub async fn resume_message(&self, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
        self.step_message("resume_message", merchant, id, Step::Resume)
            .await
    }

    /// Ends a message that runs: who was not told yet never is.
    pub async fn abort_message(&self, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
        self.step_message("abort_message", merchant, id, Step::Abort)
            .await
    }

    async fn step_message(
        &self,
        name: &'static str,
        merchant: MerchantId,
        id: MessageId,
        step: Step,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        self.store
            .write(name, move |tx| {
                Box::pin(async move {
                    let mut message = locked(tx, merchant, id).await?;
                    message.step(step, now)?;
                    if message.started_at.is_some() {
                        turn::text_follows(tx, &message).await?;
                    }
                    // Recipients that wait are woken, or told that it is over, page by page.
                    let due = matches!(step, Step::Resume | Step::Abort).then_some(now);
                    messages::save(tx, &message, due).await?;
                    Ok(message)
                })
            })
            .await
    }
}

async fn locked(tx: &mut Tx<'_>, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
    let found = messages::message_for_update(tx, merchant, id).await?;
    found.ok_or(MessageError::NotFound)
}

/// The zone of a merchant.
async fn zone(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<TimeZone, MessageError> {
    let name = campaigns::zone(tx, merchant).await?;
    let name = name.ok_or(MessageError::NoMerchant(merchant))?;
    Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
}

/// When a message that is scheduled now starts.
async fn starts_at(tx: &mut Tx<'_>, message: &Message, now: Timestamp) -> Result<Timestamp, MessageError> {
    let zone = zone(tx, message.merchant).await?;
    let zones = messages::zones(tx, message.merchant).await?;
    let zones: Vec<_> = zones.iter().filter_map(|name| TimeZone::get(name).ok()).collect();
    let starts_at = message.when.starts_at(&zone, &zones, now);
    Ok(starts_at.map_err(Refusal::from)?)
}

/// Refuses what can be known to be wrong while it is written: a time that has passed, cards and programs that are not
/// there, a segment that is not theirs to see.
async fn check(
    tx: &mut Tx<'_>,
    message: &Message,
    viewer: Viewer,
    now: Timestamp,
) -> Result<(), MessageError> {
    starts_at(tx, message, now).await?;
    let merchant = message.merchant;
    match &message.audience {
        Audience::Cards(selected) => {
            for some in selected.chunks(500) {
                let keys: Vec<_> = some.iter().map(|card| (merchant, *card)).collect();
                let there = cards::cards(tx, &keys).await?;
                let mut there: Vec<_> = there.iter().map(|card| card.card.id).collect();
                there.sort_unstable();
                let missing = some.iter().find(|card| there.binary_search(card).is_err());
                if let Some(missing) = missing {
                    return Err(MessageError::NoCard(*missing));
                }
            }
        }
        Audience::Program(program) => {
            cards::program(tx, merchant, *program)
                .await?
                .ok_or(MessageError::NoProgram)?;
        }
        Audience::Rule(_) | Audience::Segment(_) | Audience::BuiltIn(_) => {
            audience::Fixed::of(tx, message, viewer, now).await?;
        }
    }
    Ok(())
}

/// The link of a message has its id.
fn link_of(message: MessageId) -> LinkId {
    LinkId(message.0)
}

/// Lets the counted link lead where the message says.
async fn keep_link(tx: &mut Tx<'_>, message: &Message, now: Timestamp) -> Result<(), Error> {
    let (merchant, id) = (message.merchant, link_of(message.id));
    match &message.content.link {
        Some(target) => links::save(tx, merchant, id, links::Kind::Message, None, target, now).await,
        None => links::delete(tx, merchant, id).await,
    }
}
