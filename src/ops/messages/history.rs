//! Messages as they are looked at afterwards: the list, one with its forecast beside its outcome, and its recipients.

use super::{MessageError, link_of};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId};
use crate::domain::message::forecast::{Hour, Line, hours, side_by_side};
use crate::domain::message::{Fetches, Forecast, Message, Outcome};
use crate::ops::Ops;
use crate::ops::segments::apart;
use crate::store::intents::IntentState;
use crate::store::links::{self, Link};
pub use crate::store::messages::recipients::Recipient;
use crate::store::messages::{self, fetched, recipients};
use crate::store::{Error, Tx};

/// A message with everything that its page shows.
#[derive(Debug, Clone)]
pub struct Shown {
    pub message: Message,
    pub forecast: Option<Forecast>,
    pub outcome: Outcome,
    /// How long phones took to fetch it; goes on after its end.
    pub fetches: Fetches,
    /// Its counted link.
    pub link: Option<Link>,
}

impl Shown {
    /// The forecast beside what was decided at first.
    pub fn lines(&self) -> Vec<Line> {
        side_by_side(
            self.forecast.as_ref().map(|forecast| &forecast.tally),
            &self.outcome.first,
        )
    }

    /// Hour by hour, who was to be told and who was.
    pub fn hours(&self) -> Vec<Hour> {
        hours(
            self.forecast.as_ref().map(|forecast| &forecast.tally),
            &self.outcome.first,
        )
    }
}

/// Where a page of recipients ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub state: IntentState,
    pub card: CardId,
    pub channel: Channel,
}

/// Some recipients, and where the next ones begin.
#[derive(Debug, Clone)]
pub struct Page {
    pub recipients: Vec<Recipient>,
    pub next: Option<Cursor>,
}

/// What became of the message so far.
pub(super) async fn outcome(tx: &mut Tx<'_>, message: &Message) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    outcome.first.recipients = message.recipients;
    for fate in recipients::fates(tx, message.merchant, message.id).await? {
        outcome.add(&fate);
    }
    Ok(outcome)
}

impl Ops {
    pub async fn message(&self, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
        let found: Result<_, Error> = self
            .store
            .read("message", move |tx| {
                Box::pin(async move { messages::message(tx, merchant, id).await })
            })
            .await;
        found?.ok_or(MessageError::NotFound)
    }

    /// The messages before `before`, newest first, tests too.
    pub async fn messages(
        &self,
        merchant: MerchantId,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        let before = before.unwrap_or(MessageId(i64::MAX));
        self.store
            .read("messages", move |tx| {
                Box::pin(async move { messages::messages(tx, merchant, before, limit).await })
            })
            .await
    }

    /// A message with its forecast and what became of it so far. Counts of one that is over are those of its end.
    pub async fn show_message(&self, merchant: MerchantId, id: MessageId) -> Result<Shown, MessageError> {
        let store = self.store.clone();
        let shown = apart(async move {
            store
                .read("show_message", move |tx| {
                    Box::pin(async move {
                        let Some(message) = messages::message(tx, merchant, id).await? else {
                            return Ok::<_, Error>(None);
                        };
                        let outcome = match messages::outcome(tx, merchant, id).await? {
                            Some(outcome) => outcome,
                            None => outcome(tx, &message).await?,
                        };
                        Ok(Some(Shown {
                            forecast: messages::forecast(tx, merchant, id).await?,
                            fetches: fetched::of_message(tx, merchant, id).await?,
                            link: links::link(tx, merchant, link_of(id)).await?,
                            outcome,
                            message,
                        }))
                    })
                })
                .await
        });
        shown.await?.ok_or(MessageError::NotFound)
    }

    /// The next `limit` copies of recipients after `after`: all, or those in one state.
    pub async fn recipients(
        &self,
        merchant: MerchantId,
        id: MessageId,
        state: Option<IntentState>,
        after: Option<Cursor>,
        limit: i64,
    ) -> Result<Page, MessageError> {
        self.message(merchant, id).await?;
        let states: Vec<IntentState> = IntentState::ALL
            .into_iter()
            .filter(|one| state.is_none_or(|state| state == *one))
            .collect();
        let page = self.store.read("recipients", move |tx| {
            let states = states.clone();
            Box::pin(async move {
                let begins = after.map_or(0, |after| {
                    states.iter().position(|state| *state == after.state).unwrap_or(0)
                });
                let mut found = Vec::new();
                for state in states.into_iter().skip(begins) {
                    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
                    let from = match after {
                        Some(after) if after.state == state => (after.card, Some(after.channel)),
                        _ => (CardId(0), None),
                    };
                    if left > 0 {
                        found.extend(recipients::of_state(tx, merchant, id, state, from, left).await?);
                    }
                }
                Ok::<_, Error>(found)
            })
        });
        let recipients = page.await?;
        let is_full = i64::try_from(recipients.len()) == Ok(limit);
        let next = recipients.last().filter(|_| is_full).map(|last| Cursor {
            state: last.state,
            card: last.card,
            channel: last.channel,
        });
        Ok(Page { recipients, next })
    }
}
