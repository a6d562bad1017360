//! The integration tests, as one binary: real sockets, real databases, real components, nothing timed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests start servers, read the environment, and fail by panicking"
)]

mod console;
mod engines;
mod postgres;
mod store_engine;
