//! The till process end to end: simulated devices in, a real gateway socket out.

#![cfg(all(unix, feature = "pcsc", feature = "serial"))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so and stops"
)]

mod crash;
mod damaged;
mod devices;
mod disk;
mod gateway;
mod offline;
mod pcscd;
mod till;
mod unplug;
