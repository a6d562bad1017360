//! What an event says beyond its kind and numbers, as JSON beside it in the ledger.
//!
//! Invariant: no personal data, and nothing that a later reader could not do without. A form that was once written is
//! read for ever: variants and fields are added, never changed.

use serde::{Deserialize, Serialize};

use crate::domain::campaign::Cause;
use crate::domain::consent::{Channel, Purpose};
use crate::domain::delivery;
use crate::domain::id::{CampaignId, CardId, MessageId, OfferId, ProgramId, PromotionId};
use crate::domain::preference::{Class, Preference};
use crate::domain::time::Timestamp;

/// The particulars of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Detail {
    /// A move from one tier to another, by name.
    Tier {
        from: Option<String>,
        to: Option<String>,
    },
    /// Which reward of the program's list, for which price in points.
    Reward {
        code: String,
        points: i64,
    },
    /// When a card ended before and when it ends now.
    Expiry {
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    },
    /// Which promotion, by its name then, and which of its uses this was.
    Promotion {
        promotion: PromotionId,
        name: String,
        number: i64,
        /// The event of the presentation with which it was used: what takes that back takes this back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earning: Option<i64>,
    },
    /// A coupon that turned into a card of another program, or back; also of the rows that gave the new card its first
    /// punch.
    Conversion {
        from: ProgramId,
        to: ProgramId,
        /// When the card was to end before it turned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<Timestamp>,
    },
    /// Names of the fields of a profile that changed.
    Fields {
        names: Vec<String>,
    },
    /// A kind of notification that the holder switched on or off.
    Preference {
        class: Class,
        from: Preference,
        to: Preference,
    },
    /// What a person agreed to or no longer agrees to, and which words they were shown.
    Consent {
        purpose: Purpose,
        given: bool,
        text: String,
        channel: Channel,
        language: String,
    },
    /// Stars, never words, and the event of the visit that they are about.
    Feedback {
        stars: i64,
        visit: Option<i64>,
    },
    /// The other card of a referral.
    Referral {
        card: CardId,
    },
    Offer {
        offer: OfferId,
    },
    /// What a campaign did, or why a card is in it or no longer in it.
    Campaign {
        campaign: CampaignId,
        name: String,
        cause: Cause,
    },
    /// A push that rings, or that wanted to: on which channel, about what, and the messages among it, whose texts stand
    /// elsewhere. `rule` is the word of the rule by which it was put off, until then, or never sent.
    Push {
        channel: delivery::Channel,
        classes: Vec<Class>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<MessageId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

impl Detail {
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
