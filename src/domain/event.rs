//! Ledger and timeline rows: what happened to a card, when, through whom.
//!
//! Rows are only ever added. A balance is the sum of the deltas of its rows; a correction is a row with the
//! opposite delta that names the row it takes back. No row holds personal data.

use crate::domain::capture::CaptureKey;
use crate::domain::id::{CardId, EventId, MemberId, StationId};
use crate::domain::time::Timestamp;

/// What an event adds to a card's sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Delta {
    pub punches: i64,
    pub rewards: i64,
    pub visits: i64,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name),*
        }

        impl EventKind {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

event_kinds! {
    CardIssued = "card_issued",
    CardInstalled = "card_installed",
    CardRemoved = "card_removed",
    CardVoided = "card_voided",
    CardRestored = "card_restored",
    /// A barcode was scanned and gave punches.
    CustomerScanned = "customer_scanned",
    /// A phone or tag was tapped and gave punches.
    CustomerTapped = "customer_tapped",
    /// The goal was reached: punches were exchanged for one reward.
    RewardRedeemable = "reward_redeemable",
    RewardRedeemed = "reward_redeemed",
    /// Takes back a punch.
    PunchReversed = "punch_reversed",
    /// Takes back a reward that was earned by a punch that was reversed.
    RewardWithdrawn = "reward_withdrawn",
    /// Takes back a redemption.
    RedemptionReversed = "redemption_reversed",
    PushSent = "push_sent",
    PushFailed = "push_failed",
}

/// Who or what caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A till; `Some` key when a capture caused it.
    Station(StationId),
    Member(MemberId),
    /// The holder's phone.
    Device,
    /// passgate itself, by a rule.
    Gateway,
}

/// An event before the store has numbered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub card: CardId,
    pub kind: EventKind,
    pub delta: Delta,
    /// When it happened, where it happened.
    pub at: Timestamp,
    pub actor: Actor,
    /// The capture that caused it.
    pub capture: Option<CaptureKey>,
    /// The event that this one takes back.
    pub reverses: Option<EventId>,
    /// A short reason in plain words or a provider's reason; never personal data.
    pub reason: Option<String>,
}

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    /// The card's event before this one.
    pub previous: Option<EventId>,
    pub recorded_at: Timestamp,
    pub event: NewEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
        }
    }
}
