//! Use cases: each is one named transaction that reads, asks `domain`, writes, and fills the outbox.

pub mod access;
pub mod accounts;
pub mod addresses;
pub mod audience;
pub mod balances;
pub mod campaigns;
pub mod captures;
pub mod cards;
pub mod chores;
pub mod codes;
pub mod consent_words;
pub mod consents;
pub mod conversions;
pub mod counts;
pub mod coupons;
pub mod customers;
pub mod devices;
pub mod dues;
mod engagement;
pub mod erasure;
pub mod export;
pub mod faces;
pub mod feedback;
pub mod given;
pub mod import;
pub mod invitations;
pub mod jobs;
pub mod join_pages;
pub mod joining;
pub mod lifecycle;
pub mod links;
pub mod member_invitations;
pub mod members;
pub mod messages;
pub mod offers;
pub mod profile;
pub mod programs;
pub mod promotions;
pub mod pushes;
pub mod receipts;
pub mod referrals;
pub mod rosters;
pub mod seals;
pub mod second_factor;
pub mod segments;
pub mod setup;
pub mod timeline;
pub mod topics;
pub mod uploads;
pub mod utms;
pub mod works;

use crate::clock::{Clock, Ids};
use crate::store::Store;

/// What every use case needs. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
}
