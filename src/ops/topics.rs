//! Something is said to a topic of Firebase, and sent.
//!
//! A row is written first, in the transaction that says it; whoever sends takes rows with a lease. So a crash loses nothing,
//! and two nodes send a thing twice only when one of them died over it.

use std::time::Duration;

use crate::domain::delivery::Outcome;
use crate::domain::id::{MerchantId, TopicNoticeId};
use crate::domain::time::DAY;
use crate::domain::topic::{self, Followed, MOST_A_DAY, TopicName, TopicRefusal, Words};
use crate::ops::Ops;
use crate::store::topics::{self, Topic, TopicNotice, TopicState, Tried};
use crate::store::{self, Error};

/// Why nothing is said.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    #[error(transparent)]
    Refused(#[from] TopicRefusal),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Something in hand.
#[derive(Debug, Clone)]
pub struct InHand {
    pub notice: TopicNotice,
    lease: i64,
}

impl Ops {
    /// Says something to everybody who subscribed to a topic, as soon as a gateway sends it.
    pub async fn say_to_topic(
        &self,
        merchant: MerchantId,
        topic: TopicName,
        words: Words,
    ) -> Result<TopicNoticeId, SayError> {
        let now = self.clock.now();
        let id = TopicNoticeId(self.ids.next(now));
        self.store
            .write("say_to_topic", move |tx| {
                let (topic, words) = (topic.clone(), words.clone());
                Box::pin(async move {
                    topics::hold(tx, merchant, &topic, now).await?;
                    let most = i64::try_from(MOST_A_DAY).unwrap_or(i64::MAX);
                    let said = topics::said(tx, merchant, &topic, now.minus(DAY), most).await?;
                    topic::admit(&said, now)?;
                    topics::insert(tx, (merchant, id), &topic, &words, now).await?;
                    Ok(id)
                })
            })
            .await
    }

    /// Topics of a merchant after the one of this name, by name.
    pub async fn topics(
        &self,
        merchant: MerchantId,
        after: Option<&TopicName>,
        limit: i64,
    ) -> Result<Vec<Topic>, Error> {
        let after = after.map_or("", TopicName::as_str).to_owned();
        self.store
            .read("topics", move |tx| {
                let after = after.clone();
                Box::pin(async move { topics::topics(tx, merchant, &after, limit).await })
            })
            .await
    }

    /// What was said to a topic before `before`, newest first.
    pub async fn topic_notices(
        &self,
        merchant: MerchantId,
        topic: &TopicName,
        before: Option<TopicNoticeId>,
        limit: i64,
    ) -> Result<Vec<TopicNotice>, Error> {
        let (topic, before) = (topic.clone(), before.unwrap_or(TopicNoticeId(i64::MAX)));
        self.store
            .read("topic_notices", move |tx| {
                let topic = topic.clone();
                Box::pin(async move { topics::notices(tx, merchant, &topic, before, limit).await })
            })
            .await
    }

    /// Takes what is due, for so long.
    pub async fn claim_topic_notices(&self, limit: i64, lease: Duration) -> Result<Vec<InHand>, Error> {
        let now = self.clock.now();
        let is_any: Result<bool, Error> = self
            .store
            .read("topic_notices_due", move |tx| {
                Box::pin(async move { topics::is_any_due(tx, now).await })
            })
            .await;
        // A writer is only waited for when there is something.
        if !is_any? {
            return Ok(Vec::new());
        }
        let lease = (self.ids.next(now), now.plus(lease));
        let claimed: Result<Vec<TopicNotice>, Error> = self
            .store
            .write("claim_topic_notices", move |tx| {
                Box::pin(async move { topics::claim(tx, now, lease, limit).await })
            })
            .await;
        let in_hand = claimed?.into_iter().map(|notice| InHand {
            notice,
            lease: lease.0,
        });
        Ok(in_hand.collect())
    }

    /// Writes down how a try ended, and says so.
    pub async fn finish_topic_notice(&self, in_hand: &InHand, outcome: &Outcome) -> Result<Followed, Error> {
        let now = self.clock.now();
        let (notice, lease) = (&in_hand.notice, in_hand.lease);
        let key = (notice.merchant, notice.id);
        let attempts = notice.attempts;
        let [jitter] = self.ids.secret::<1>();
        let followed = topic::after(outcome, (attempts, jitter), notice.created_at, now);
        let over = |state, reason| Tried {
            state,
            reason,
            due_at: None,
            attempts,
            ended_at: Some(now),
        };
        let tried = match &followed {
            Followed::Sent => over(TopicState::Sent, None),
            Followed::Failed { reason } => over(TopicState::Failed, Some(reason.clone())),
            Followed::Again { at, reason, counts } => Tried {
                state: TopicState::Waiting,
                reason: Some(reason.clone()),
                due_at: Some(*at),
                attempts: if *counts { attempts } else { attempts - 1 },
                ended_at: None,
            },
        };
        let written: Result<bool, Error> = self
            .store
            .write("finish_topic_notice", move |tx| {
                let tried = tried.clone();
                Box::pin(async move { topics::finish(tx, key, lease, &tried).await })
            })
            .await;
        written.map(|_| followed)
    }
}
