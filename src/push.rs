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
use crate::domain::id::{PassTypeIdentifier, PushToken};
use crate::domain::notice::Notice;

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
    /// The newest state of one object, written to Google.
    GoogleObject { face: Box<CardFace> },
    /// A few words to one browser or app.
    Notice {
        to: Box<PushAddress>,
        notice: Box<Notice>,
    },
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
