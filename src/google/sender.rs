//! The way from the outbox to Google: the newest face of a card becomes its object.
//!
//! The card changes without ringing, unless an alert comes with it that the budget let through. What Google answers is
//! an [`Outcome`] and changes nothing here; the object is Google's only address of a card, so it is never "gone".

use std::sync::Arc;
use std::time::Duration;

use crate::domain::delivery::{Channel, Outcome};
use crate::domain::face::CardFace;
use crate::google::{Rang, Wallet};
use crate::push::{Alert, BoxFuture, Delivery, Sender};

/// Writes objects through a [`Wallet`].
#[derive(Clone)]
pub struct ObjectSender {
    pub(super) wallet: Arc<Wallet>,
}

impl ObjectSender {
    /// Writes the object, with `alerts` that are to ring.
    pub async fn tell(&self, face: &CardFace, alerts: &[Alert]) -> Outcome {
        match self.wallet.deliver(face, alerts).await {
            Ok(Rang::AsAsked) => Outcome::Accepted,
            Ok(Rang::Silently(reason)) => Outcome::Silenced { reason },
            Err(error) => error.outcome(),
        }
    }
}

impl Sender for ObjectSender {
    fn channel(&self) -> Channel {
        Channel::Google
    }

    fn room(&self, time: Duration) -> usize {
        self.wallet.client.room(time)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match delivery {
                Delivery::GoogleObject { face, alerts } => self.tell(face, alerts).await,
                Delivery::AppleDevice { .. } | Delivery::Notice { .. } => Outcome::Rejected {
                    reason: "a push of another channel was handed to Google Wallet's sender".into(),
                },
            }
        })
    }
}
