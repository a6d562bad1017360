//! The herald: takes what was said to topics of Firebase and sends it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::delivery::Outcome;
use crate::domain::topic::{self, Followed};
use crate::ops::Ops;
use crate::ops::topics::InHand;
use crate::push::{Delivery, Sender};
use crate::store::Error;

/// Taken at once.
const HANDFUL: i64 = 20;
/// Commands that say something are other processes: nobody wakes us.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Herald {
    pub(super) ops: Ops,
    pub(super) sender: Arc<dyn Sender>,
    /// How long what is in hand belongs to this node; longer than a handful can take.
    pub(super) lease: Duration,
}

impl Herald {
    /// Sends what becomes due until `stop`; what is under way is finished first.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            if let Err(error) = self.send_some(&stop).await {
                tracing::warn!(%error, "what was said to topics could not be taken or noted; it is tried again");
            }
        }
    }

    async fn send_some(&self, stop: &CancellationToken) -> Result<(), Error> {
        for in_hand in self.ops.claim_topic_notices(HANDFUL, self.lease).await? {
            // The rest is left to the end of its lease.
            if stop.is_cancelled() {
                return Ok(());
            }
            let outcome = self.send(&in_hand).await;
            let followed = self.ops.finish_topic_notice(&in_hand, &outcome).await?;
            let (id, topic) = (in_hand.notice.id, &in_hand.notice.topic);
            match followed {
                Followed::Sent => tracing::info!(%id, %topic, "something was said to a topic"),
                Followed::Failed { reason } => {
                    tracing::error!(%id, %topic, reason, "nothing was said to a topic");
                }
                Followed::Again { reason, .. } => {
                    tracing::warn!(%id, %topic, reason, "a topic cannot be spoken to now");
                }
            }
        }
        Ok(())
    }

    async fn send(&self, in_hand: &InHand) -> Outcome {
        let notice = &in_hand.notice;
        let topic = notice.topic.at_firebase(notice.merchant);
        let Some(to) = topic::address(&topic) else {
            return Outcome::Rejected {
                reason: "Firebase has no topics of such a name".into(),
            };
        };
        let delivery = Delivery::Notice {
            to: Box::new(to),
            notice: Box::new(topic::notice(&topic, notice.id, &notice.words)),
        };
        self.sender.send(&delivery).await
    }
}
