//! The till protocol: the JSON bodies that a bridge and a gateway exchange.
//!
//! `POST /api/station/captures` with `Authorization: Bearer <station key>` carries a [`CaptureBatch`] and is
//! answered with [`CaptureAnswers`] in the same order. Both sides ignore fields they do not know, so that either
//! may be the newer one. Sending a batch again is always safe: each capture yields its first answer.

use crate::domain::capture::CaptureKind;
use crate::domain::money::Amount;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most captures in one batch; a gateway refuses more with 413.
pub const LARGEST_BATCH: usize = 200;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaptureBatch {
    pub captures: Vec<CaptureBody>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct CaptureBody {
    /// Grows at the station and is never used twice there.
    pub counter: i64,
    pub kind: CaptureKind,
    /// What was shown: the barcode's text, the NDEF record's text or link, or `uid:` and hexadecimal digits.
    pub token: String,
    /// By the station's clock.
    pub captured_at: Timestamp,
    /// What was paid, in minor units of the program's currency, where the till knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// Does not show the token: whoever holds it can present the card.
impl std::fmt::Debug for CaptureBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureBody")
            .field("counter", &self.counter)
            .field("kind", &self.kind)
            .field("captured_at", &self.captured_at)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureAnswers {
    pub answers: Vec<CaptureAnswer>,
}

/// What a capture led to. A refusal is an answer like any other: it is final and acknowledges the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureAnswer {
    pub counter: i64,
    pub feedback: Feedback,
    /// One sentence for the till page, in words staff can read aloud.
    pub sentence: String,
    /// Stable code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The card's numbers after this capture; absent when no card was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub punches: i64,
    pub goal: i64,
    pub rewards: i64,
    #[serde(default)]
    pub points: i64,
}

/// What the reader or scanner signals; a firmware profile maps each to lights and sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feedback {
    /// A punch was given.
    Accept,
    /// A punch was given and the goal reached.
    Reward,
    /// Nothing was given; the sentence says why.
    Reject,
    /// Stored at the till; the answer will come later. Never sent by a gateway.
    Offline,
    /// Not read completely: present the card again. Never sent by a gateway.
    Retry,
}
