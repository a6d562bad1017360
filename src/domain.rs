//! Every decision of passgate, pure: no async, no SQL, no HTTP, no clock and no randomness.
//!
//! Callers read rows, pass them in together with *now*, and write down what comes back. Nothing in here can
//! fail for a reason outside its arguments.

pub mod adjustment;
pub mod capture;
pub mod card;
pub mod cell;
pub mod change;
pub mod chips;
pub mod code;
pub mod conversion;
pub mod coupon;
pub mod custom_field;
pub mod customer;
pub mod delivery;
pub mod detail;
pub mod event;
pub mod expiry;
pub mod face;
pub mod fifths;
pub mod id;
pub mod import;
pub mod invitation;
pub mod issue;
pub mod ledger;
pub mod lifecycle;
pub mod lifetime;
pub mod measuring;
pub mod member;
pub mod money;
pub mod note;
pub mod order;
pub mod points;
pub mod presentation;
pub mod profile;
pub mod program;
pub mod promotion;
pub mod punch;
pub mod redemption;
pub mod reward;
pub mod rfm;
pub mod search;
pub mod secret;
pub mod segment;
pub mod tier;
pub mod time;
