//! Use cases: each is one named transaction that reads, asks `domain`, writes, and fills the outbox.

pub mod access;
pub mod balances;
pub mod captures;
pub mod cards;
pub mod chores;
pub mod codes;
pub mod conversions;
pub mod counts;
pub mod coupons;
pub mod customers;
pub mod devices;
pub mod dues;
pub mod erasure;
pub mod export;
pub mod faces;
pub mod import;
pub mod invitations;
pub mod lifecycle;
pub mod programs;
pub mod promotions;
pub mod rosters;
pub mod segments;
pub mod setup;

use crate::clock::{Clock, Ids};
use crate::store::Store;

/// What every use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
}
