//! Every decision of passgate, pure: no async, no SQL, no HTTP, no clock and no randomness.
//!
//! Callers read rows, pass them in together with *now*, and write down what comes back. Nothing in here can
//! fail for a reason outside its arguments.

pub mod capture;
pub mod card;
pub mod coupon;
pub mod customer;
pub mod delivery;
pub mod detail;
pub mod event;
pub mod expiry;
pub mod face;
pub mod id;
pub mod ledger;
pub mod member;
pub mod money;
pub mod points;
pub mod presentation;
pub mod program;
pub mod punch;
pub mod redemption;
pub mod secret;
pub mod segment;
pub mod tier;
pub mod time;
