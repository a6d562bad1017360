//! The integration tests, as one binary: real sockets, real databases, real components, nothing timed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests start servers, read the environment, and fail by panicking"
)]

mod apple;
mod bridge;
mod budget;
mod business;
mod captures;
mod codes;
mod commands;
mod console;
mod counters_migration;
mod coupons;
mod crash;
mod crashing;
mod customers;
mod engagement;
mod engines;
mod erasure;
mod gateway;
mod google;
mod invitations;
mod jobs;
mod joining;
mod ledger;
mod lifecycle;
mod live_counts;
mod mail_tls;
mod members;
mod messages;
mod notices;
mod passkit;
mod postgres;
mod programs;
mod push;
mod seed;
mod segments;
mod specs;
mod store_engine;
mod store_faults;
mod store_schema;
mod store_segments;
mod store_tls;
mod timelines;
mod uploads;
