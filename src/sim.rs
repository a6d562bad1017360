//! Simulated phones, providers, readers and scanners for the demo, tests and load, written from the
//! protocols' tables and not by turning our own clients round.

pub mod apns;
pub mod google;
pub mod people;
pub mod phone;
pub mod scanner;
pub mod smtp;
pub mod tag;
pub mod web_push;
