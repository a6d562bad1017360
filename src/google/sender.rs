//! The way from the outbox to Google: the newest face of a card becomes its object.
//!
//! Silent: `notifyPreference` is never set, the card changes without ringing. What Google answers is an
//! [`Outcome`] and changes nothing here; the object is Google's only address of a card, so it is never "gone".

use std::sync::Arc;
use std::time::Duration;

use crate::domain::delivery::{Channel, Outcome};
use crate::google::Wallet;
use crate::push::{BoxFuture, Delivery, Sender};

/// Writes objects through a [`Wallet`].
#[derive(Clone)]
pub struct ObjectSender {
    pub(super) wallet: Arc<Wallet>,
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
                Delivery::GoogleObject { face, alerts: _ } => match self.wallet.update(face).await {
                    Ok(()) => Outcome::Accepted,
                    Err(error) => error.outcome(),
                },
                Delivery::AppleDevice { .. } | Delivery::Notice { .. } => Outcome::Rejected {
                    reason: "a push of another channel was handed to Google Wallet's sender".into(),
                },
            }
        })
    }
}
