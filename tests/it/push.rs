//! Pushes on real sockets: the APNs client and the dispatcher against the fake APNs.

mod client;
mod dispatch;
mod lanes;
pub(crate) mod support;
pub(crate) mod world;
