//! What was decided, by which rule, from which inputs and counters, and how that is said to people.
//!
//! Rulings are stored as JSON and read for ever: variants and fields are added, never changed. None holds a text of a
//! message or anything about who the holder is.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

use super::policy::{Level, Limit, Limits};
use super::quiet::{Quiet, TimeOfDay};
use super::{Intent, Log, Origin, Standing};
use crate::domain::card::CardState;
use crate::domain::id::MessageId;
use crate::domain::preference::Class;
use crate::domain::time::Timestamp;

/// What becomes of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Decision {
    SendNow,
    /// Not before `until`, and then if nothing else has changed.
    Defer {
        until: Timestamp,
    },
    /// Never.
    Suppress,
    /// Another alert that leaves now says it too.
    Merge,
    /// Until somebody lets it go on.
    Hold,
}

/// The rule that decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Nothing was against it.
    Free,
    Cancelled,
    Paused,
    NotInstalled,
    Removed,
    Unreachable,
    Expired,
    Void,
    PreferencePaused,
    NoConsent,
    /// The reward that it was about is gone.
    Outdated,
    /// The same text was sent at that time, or leaves then.
    Duplicate {
        at: Timestamp,
    },
    /// It would only be allowed after its end.
    TooLate {
        ends: Timestamp,
    },
    Scheduled,
    Window {
        most: i64,
        hours: i64,
        kept: i64,
        level: Level,
    },
    Gap {
        minutes: i64,
    },
    Quiet {
        from: TimeOfDay,
        to: TimeOfDay,
        zone: String,
    },
    /// The provider's word.
    Exhausted,
    Pace,
    Merged {
        into: Class,
    },
}

/// What was known of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    pub class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    pub state: CardState,
    /// Paused classes and consents, as sets of bits.
    pub paused: i64,
    pub consents: i64,
    pub due_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_alert_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhausted_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace_from: Option<Timestamp>,
}

/// How full a window was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub hours: i64,
    pub most: i64,
    pub kept: i64,
    /// What leaves now included.
    pub used: i64,
    pub level: Level,
}

/// The whole answer about one intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    #[serde(flatten)]
    pub decision: Decision,
    #[serde(flatten)]
    pub rule: Rule,
    pub inputs: Inputs,
    pub counters: Vec<Count>,
}

impl Rule {
    pub(super) fn of_window(limit: &Limit) -> Self {
        Self::Window {
            most: limit.most,
            hours: limit.hours,
            kept: limit.kept,
            level: limit.level,
        }
    }

    pub(super) fn of_quiet(quiet: &Quiet, zone: &TimeZone) -> Self {
        Self::Quiet {
            from: quiet.from,
            to: quiet.to,
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        }
    }

    /// Its name in tables, metrics and filters.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::NotInstalled => "not_installed",
            Self::Removed => "removed",
            Self::Unreachable => "unreachable",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::PreferencePaused => "preference_paused",
            Self::NoConsent => "no_consent",
            Self::Outdated => "outdated",
            Self::Duplicate { .. } => "duplicate",
            Self::TooLate { .. } => "too_late",
            Self::Scheduled => "scheduled",
            Self::Window {
                level: Level::Platform,
                ..
            } => "platform_cap",
            Self::Window { .. } => "card_cap",
            Self::Gap { .. } => "gap",
            Self::Quiet { .. } => "quiet_hours",
            Self::Exhausted => "exhausted",
            Self::Pace => "pace",
            Self::Merged { .. } => "merged",
        }
    }

    /// The reason with its particulars, as half a sentence.
    pub fn words(&self, zone: &TimeZone) -> String {
        match self {
            Self::Duplicate { at } => format!("the same text goes out at {} already", shown(*at, zone)),
            Self::TooLate { ends } => format!("it makes no sense after {}", shown(*ends, zone)),
            Self::Window {
                most,
                hours,
                kept,
                level,
            } => {
                let of = match level {
                    Level::Platform => "the platform",
                    Level::Gateway => "the gateway's own policy",
                    Level::Merchant => "the merchant's policy",
                    Level::Program => "the program's policy",
                };
                let stretch = match hours {
                    1 => "hour".to_owned(),
                    hours if *hours > 24 && hours % 24 == 0 => format!("{} days", hours / 24),
                    hours => format!("{hours} hours"),
                };
                let mut text = format!("{of} lets a card ring {} in any {stretch}", times(*most));
                if *kept > 0 {
                    let _ = write!(text, ", {} of them for rewards alone", number(*kept));
                }
                text
            }
            Self::Gap { minutes } => format!("alerts of a card are at least {minutes} minutes apart"),
            Self::Quiet { from, to, zone } => format!("quiet hours are from {from} to {to} ({zone})"),
            Self::Merged { into } => format!("the alert about the {} says it too", into.as_str()),
            plain => plain.reason().to_owned(),
        }
    }
}

impl Inputs {
    pub(super) fn new(standing: &Standing<'_>, intent: &Intent) -> Self {
        Self {
            class: intent.class,
            message: match intent.origin {
                Origin::Change => None,
                Origin::Message(message) => Some(message),
            },
            state: standing.state,
            paused: standing.preferences.0,
            consents: standing.consents.0,
            due_at: intent.due_at,
            last_alert_at: standing.alerts.iter().map(|alert| alert.at).max(),
            exhausted_until: standing.exhausted_until,
            pace_from: standing.pace_from,
        }
    }
}

impl Count {
    pub(super) fn of(limits: &Limits, log: &Log, now: Timestamp) -> Vec<Self> {
        let count = |limit: &Limit| Self {
            hours: limit.hours,
            most: limit.most,
            kept: limit.kept,
            used: log.used(limit, now),
            level: limit.level,
        };
        limits.windows.iter().map(count).collect()
    }
}

impl Ruling {
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn until(&self) -> Option<Timestamp> {
        match self.decision {
            Decision::Defer { until } => Some(until),
            _ => None,
        }
    }

    /// The whole answer in one sentence, with times as a clock in `zone` shows them.
    pub fn words(&self, zone: &TimeZone) -> String {
        let what = match self.inputs.message {
            Some(_) => format!("A {} message", self.inputs.class.as_str()),
            None => format!("The alert about the {}", self.inputs.class.as_str()),
        };
        let why = self.rule.words(zone);
        match self.decision {
            Decision::SendNow => format!("{what} was let through."),
            Decision::Defer { until } => format!("{what} waits until {}: {why}.", shown(until, zone)),
            Decision::Suppress => format!("{what} is not sent: {why}."),
            Decision::Merge => format!("{what} was not sent by itself: {why}."),
            Decision::Hold => format!("{what} waits: {why}."),
        }
    }
}

fn times(count: i64) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        more => format!("{more} times"),
    }
}

fn number(count: i64) -> String {
    if count == 1 {
        "one".into()
    } else {
        count.to_string()
    }
}

pub(super) fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff()
        .to_zoned(zone.clone())
        .strftime("%a %-d %b %Y, %H:%M")
        .to_string()
}
