//! The till process: readers and scanners in, captures out.

pub mod apdu;
pub mod atr;
pub mod debounce;
pub mod feedback;
pub mod framing;
pub mod journal;
pub mod ndef;
pub mod profile;
pub mod tag;
