//! A new draft out of an old message, and a message as a test to its author's own card.

use super::{MessageError, check, keep_link, viewer};
use crate::domain::id::{CardId, MemberId, MerchantId, MessageId};
use crate::domain::message::{ALL_EXPANDED, Audience, Message, State, Step, When};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::store::{Tx, messages};

impl Message {
    /// A draft of the same content for the same audience. A time that has passed is left out.
    fn copy(self, id: MessageId, author: Option<MemberId>, now: Timestamp) -> Self {
        let is_to_come = self.starts_at.is_none_or(|starts_at| starts_at > now);
        Self {
            id,
            when: if is_to_come { self.when } else { When::Now },
            state: State::Draft,
            version: 1,
            author,
            is_test: false,
            rule: None,
            confirmed: None,
            starts_at: None,
            started_at: None,
            finished_at: None,
            expanded_to: CardId(0),
            recipients: 0,
            walked_to: ALL_EXPANDED,
            faults: 0,
            paused_because: None,
            created_at: now,
            changed_at: now,
            ..self
        }
    }
}

impl Ops {
    /// Writes a draft that says the same to the same audience.
    pub async fn duplicate_message(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        id: MessageId,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        let copy = MessageId(self.ids.next(now));
        self.store
            .write("duplicate_message", move |tx| {
                Box::pin(async move {
                    let mut message = original(tx, merchant, id).await?.copy(copy, by, now);
                    if check(tx, &message, viewer(by), now).await.is_err() {
                        // Its time has passed since it was written.
                        message.when = When::Now;
                        check(tx, &message, viewer(by), now).await?;
                    }
                    messages::insert(tx, &message, None).await?;
                    keep_link(tx, &message, now).await?;
                    Ok(message)
                })
            })
            .await
    }

    /// Sends a message as it is to one card that its author names as theirs, at once and as a message of its own: it is
    /// decided on like any other and counts in that card's budget.
    pub async fn test_message(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        id: MessageId,
        card: CardId,
    ) -> Result<Message, MessageError> {
        let now = self.clock.now();
        let copy = MessageId(self.ids.next(now));
        self.store
            .write("test_message", move |tx| {
                Box::pin(async move {
                    let mut message = original(tx, merchant, id).await?.copy(copy, by, now);
                    message.audience = Audience::Cards(vec![card]);
                    message.when = When::Now;
                    message.is_test = true;
                    check(tx, &message, viewer(by), now).await?;
                    message.step(Step::Schedule, now)?;
                    message.confirmed = Some(1);
                    message.starts_at = Some(now);
                    messages::insert(tx, &message, Some(now)).await?;
                    messages::save(tx, &message, Some(now)).await?;
                    keep_link(tx, &message, now).await?;
                    Ok(message)
                })
            })
            .await
    }
}

async fn original(tx: &mut Tx<'_>, merchant: MerchantId, id: MessageId) -> Result<Message, MessageError> {
    let found = messages::message(tx, merchant, id).await?;
    found.ok_or(MessageError::NotFound)
}
