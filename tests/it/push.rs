//! Pushes on real sockets: the APNs client and the dispatcher against the fake APNs.

mod client;
mod dispatch;
mod lanes;
mod provider;
mod receipts;
pub(crate) mod support;
mod third_party;
pub(crate) mod world;
