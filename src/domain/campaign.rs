//! Campaigns: what is done for a card when something happens to it, to whom, how soon and how often.
//!
//! A campaign has one trigger. What triggers it makes the card a member and its action due after the delay; leaving
//! the campaign cancels what is due. What a campaign does triggers no campaign, so that none feeds itself.
//!
//! Rules are stored as one JSON text; rules in hand were checked by [`CampaignRules::checked`].

pub mod step;
pub mod sweep;
pub mod trigger;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::bonus;
use crate::domain::id::{CampaignId, MerchantId, OfferId, ProgramId};
use crate::domain::preference::Class;
use crate::domain::segment::Rule;
use crate::domain::time::Timestamp;
use crate::domain::wording::{self, WordingError};
use trigger::{Signal, Signals};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    pub id: CampaignId,
    pub merchant: MerchantId,
    pub name: String,
    pub rules: CampaignRules,
    pub state: CampaignState,
    pub created_at: Timestamp,
    /// Grows by one with each edit.
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CampaignState {
    Draft,
    Active,
    /// Triggers pass unseen; what is due waits.
    Paused,
    /// For good; what is due is never done.
    Ended,
}

/// Everything a campaign decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignRules {
    pub trigger: Trigger,
    #[serde(default)]
    pub audience: Audience,
    /// Whose cards it is about; none for those of all programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramId>,
    /// The rule of a segment: it is for cards that are in it when the trigger is pulled, and still are when the action
    /// is due.
    #[serde(
        default,
        deserialize_with = "eligible",
        skip_serializing_if = "Option::is_none"
    )]
    pub eligible: Option<Rule>,
    #[serde(default)]
    pub repeat: Repeat,
    /// Minutes from the trigger to the action.
    #[serde(default)]
    pub delay_minutes: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// What makes a member leave, and cancels what is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_on: Option<Signal>,
    pub action: Action,
}

/// What starts the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// Being put into the campaign by hand or by a segment.
    Joined,
    Installed,
    Visit,
    /// The card's punches reach this number on their way to the goal.
    Punches {
        count: i64,
    },
    RewardEarned,
    /// A reward that was earned is not redeemed after so many days.
    RewardUnused {
        days: i64,
    },
    /// A reward, a coupon or an offer was redeemed.
    CouponUsed,
    /// So many days after the birthday, before it where negative, at this hour of the merchant's day.
    Birthday {
        offset_days: i64,
        hour: i64,
    },
    /// So many days without a visit, or since the card was issued where there was none.
    Inactive {
        days: i64,
    },
    /// The card ends within so many days.
    ExpiryNear {
        days: i64,
    },
    TierChanged,
    FeedbackGiven,
    ReferralAdded,
}

/// Whom a trigger reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Every card; the trigger makes it a member.
    #[default]
    Everybody,
    /// Only cards that are members already: put in by hand or by a segment.
    Members,
}

/// How often the action is done for one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "again", rename_all = "snake_case", deny_unknown_fields)]
pub enum Repeat {
    #[default]
    Always,
    Never,
    AfterDays {
        days: i64,
    },
}

/// At most so many times in any stretch of so many days, for one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    pub times: i64,
    pub days: i64,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Punches or points.
    Bonus { amount: i64 },
    /// The offer is assigned.
    Offer { offer: OfferId },
    /// A message is queued; whether it may be sent is decided when it is to leave.
    Message { class: Class, text: String },
}

/// Why a card joined or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Hand,
    Segment,
    Trigger,
}

/// Why campaign rules make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRulesError {
    #[error("{field} must be between {least} and {most}; got {got}")]
    Range {
        field: &'static str,
        least: i64,
        most: i64,
        got: i64,
    },
    #[error(transparent)]
    Wording(#[from] WordingError),
    #[error("a member cannot leave by the very thing that makes one")]
    LeavesAtOnce,
    #[error("rules of a campaign are a JSON object as described in the manual: {0}")]
    Json(String),
}

impl CampaignState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Paused, Self::Ended]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether staff may bring a campaign from here to `next`.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Draft | Self::Paused, Self::Active)
                | (Self::Active, Self::Paused)
                | (Self::Draft | Self::Active | Self::Paused, Self::Ended)
        )
    }
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Segment => "segment",
            Self::Trigger => "trigger",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hand, Self::Segment, Self::Trigger]
            .into_iter()
            .find(|cause| cause.as_str() == text)
    }
}

impl CampaignRules {
    /// Reads what [`CampaignRules::print`] wrote, or what a person wrote, and checks it.
    pub fn parse(json: &str) -> Result<Self, CampaignRulesError> {
        let rules: Self =
            serde_json::from_str(json).map_err(|error| CampaignRulesError::Json(error.to_string()))?;
        rules.checked()
    }

    /// The rules as JSON, for the store.
    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn checked(mut self) -> Result<Self, CampaignRulesError> {
        match self.trigger {
            Trigger::Punches { count } => range("trigger.count", count, 1, 1000)?,
            Trigger::RewardUnused { days } | Trigger::Inactive { days } | Trigger::ExpiryNear { days } => {
                range("trigger.days", days, 1, 3660)?;
            }
            Trigger::Birthday { offset_days, hour } => {
                range("trigger.offset_days", offset_days, -60, 60)?;
                range("trigger.hour", hour, 0, 23)?;
            }
            _ => {}
        }
        if let Repeat::AfterDays { days } = self.repeat {
            range("repeat.days", days, 1, 3660)?;
        }
        range("delay_minutes", self.delay_minutes, 0, 366 * 24 * 60)?;
        if let Some(cap) = self.cap {
            range("cap.times", cap.times, 1, 1000)?;
            range("cap.days", cap.days, 1, 366)?;
        }
        if self.leave_on.is_some_and(|signal| self.signals_in().has(signal)) {
            return Err(CampaignRulesError::LeavesAtOnce);
        }
        self.action = match self.action {
            Action::Bonus { amount } => {
                range("action.amount", amount, 1, bonus::MOST)?;
                Action::Bonus { amount }
            }
            Action::Message { class, text } => Action::Message {
                class,
                text: wording::lines("action.text", &text, 1, 500)?,
            },
            other @ Action::Offer { .. } => other,
        };
        Ok(self)
    }

    /// What a card's events must say for the trigger.
    fn signals_in(&self) -> Signals {
        let signal = match self.trigger {
            Trigger::Installed => Signal::Installed,
            Trigger::Visit => Signal::Visit,
            Trigger::Punches { .. } => Signal::Punched,
            Trigger::RewardEarned | Trigger::RewardUnused { .. } => Signal::RewardEarned,
            Trigger::CouponUsed => Signal::CouponUsed,
            Trigger::TierChanged => Signal::TierChanged,
            Trigger::FeedbackGiven => Signal::FeedbackGiven,
            Trigger::ReferralAdded => Signal::ReferralAdded,
            Trigger::Joined
            | Trigger::Birthday { .. }
            | Trigger::Inactive { .. }
            | Trigger::ExpiryNear { .. } => {
                return Signals::NONE;
            }
        };
        Signals::NONE.with(signal)
    }

    /// Everything in a card's events that this campaign wants to hear of.
    pub fn signals(&self) -> Signals {
        let mut signals = self.signals_in();
        if signals != Signals::NONE {
            signals = signals.with(Signal::Reversed);
        }
        self.leave_on.map_or(signals, |signal| signals.with(signal))
    }
}

/// Reads the rule of a segment from its text; a refusal says where, what was expected and what came.
fn eligible<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rule>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    let rule = text.map(|text| Rule::parse(&text)).transpose();
    rule.map_err(|error| D::Error::custom(format!("eligible: {error}")))
}

/// A campaign's name, as it stands in timelines for ever.
pub fn checked_name(name: &str) -> Result<String, WordingError> {
    wording::line("the name of a campaign", name, 1, 60)
}

fn range(field: &'static str, got: i64, least: i64, most: i64) -> Result<(), CampaignRulesError> {
    if (least..=most).contains(&got) {
        Ok(())
    } else {
        Err(CampaignRulesError::Range {
            field,
            least,
            most,
            got,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_survive_printing_and_nonsense_is_refused_by_name() {
        let text = r#"{"trigger": {"on": "birthday", "offset_days": -3, "hour": 9}, "repeat": {"again": "after_days",
            "days": 300}, "cap": {"times": 2, "days": 7}, "leave_on": "visit", "delay_minutes": 30, "eligible": "all(visits.over.2,tag.is.vip)",
            "action": {"do": "message", "class": "marketing", "text": " Happy birthday! "}}"#;
        let rules = CampaignRules::parse(text).expect("valid");
        assert_eq!(CampaignRules::parse(&rules.print()), Ok(rules));
        let refused = |trigger: &str, rest: &str| {
            let json =
                format!(r#"{{"trigger": {trigger}, {rest} "action": {{"do": "bonus", "amount": 1}}}}"#);
            CampaignRules::parse(&json).expect_err("refused").to_string()
        };
        assert!(refused(r#"{"on": "birthday", "offset_days": 0, "hour": 24}"#, "").contains("trigger.hour"));
        assert!(refused(r#"{"on": "visit"}"#, r#""leave_on": "visit","#).contains("leave"));
        assert!(refused(r#"{"on": "visit"}"#, r#""cap": {"times": 0, "days": 1},"#).contains("cap.times"));
        assert!(refused(r#"{"on": "vist"}"#, "").contains("vist"));
        let eligible = |rule: &str| refused(r#"{"on": "visit"}"#, &format!(r#""eligible": "{rule}","#));
        let wrong = eligible("all(visits.over.2,status.is.instaled)");
        assert!(
            wrong.contains("eligible: rule, character 29: expected one of pending, installed")
                && wrong.contains("got \"instaled)\""),
            "{wrong}"
        );
        assert!(
            eligible("").contains("eligible: rule, character 1"),
            "no rule is not everybody"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,200}") {
            let _ = CampaignRules::parse(&text);
        }
    }
}
