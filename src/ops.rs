//! Use cases: each is one named transaction that reads, asks `domain`, writes, and fills the outbox.

pub mod access;
pub(crate) mod audience;
pub mod captures;
pub mod cards;
pub mod chores;
pub mod devices;
pub mod faces;
pub mod jobs;
pub mod members;
pub mod seals;
pub mod setup;
pub mod timeline;

use crate::clock::{Clock, Ids};
use crate::store::Store;

/// What every use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
}
