//! Pushes: the seam to the providers, and the dispatcher that empties the outbox.
//!
//! A provider's adapter turns one [`Delivery`] into one [`Outcome`] and changes nothing itself; the dispatcher
//! alone writes outcomes to the store.

mod circuit;
pub mod dispatcher;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::domain::address::PushAddress;
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::face::CardFace;
use crate::domain::id::{MessageId, PassTypeIdentifier, PushToken};
use crate::domain::message::Words;
use crate::domain::notice::Notice;
use crate::domain::preference::Class;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One thing to tell one place.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// "Passes of this type have changed": an empty push to one device. The phone then asks what and fetches.
    AppleDevice {
        pass_type_identifier: PassTypeIdentifier,
        push_token: PushToken,
    },
    /// The newest state of one object, written to Google, and what is to ring with it.
    GoogleObject { face: Box<CardFace>, alerts: Vec<Alert> },
    /// A few words to one browser or app.
    Notice {
        to: Box<PushAddress>,
        notice: Box<Notice>,
    },
}

/// An alert that was let through and is to reach a phone with this delivery. It may be handed over more than once, always
/// under the same id: a provider that is told an id twice shows it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The lease that let it through, and its place among those of its card.
    pub id: (i64, i64),
    pub class: Class,
    /// The message that it says; none for a change of the card, which the new state says by itself.
    pub message: Option<MessageId>,
    pub words: Option<Words>,
    /// The address that its counted link has for this card.
    pub link: Option<String>,
}

/// A way to a provider.
pub trait Sender: Send + Sync + 'static {
    fn channel(&self) -> Channel;

    /// How many deliveries can be handed over at once and all be sent within `time`. Unbounded for a provider that
    /// sets no pace.
    fn room(&self, _time: Duration) -> usize {
        usize::MAX
    }

    /// Sends `delivery` once. Never fails: whatever happens is an [`Outcome`].
    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome>;
}
