//! Pushes on real sockets: the APNs client and the dispatcher against the fake APNs.

mod client;
mod dispatch;
mod lanes;
mod provider;
mod receipts;
mod support;
mod third_party;
mod world;
