//! Pushes on real sockets: the APNs client and the dispatcher against the fake APNs.

mod apart;
mod client;
mod dispatch;
mod lanes;
mod provider;
mod receipts;
pub(crate) mod support;
mod third_party;
mod tide;
pub(crate) mod world;
