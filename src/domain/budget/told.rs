//! What a card's timeline says about decisions: the kind of event, the reason in plain words, and the particulars.
//!
//! A push that is let through says nothing here: its provider's answer does. A message that somebody holds says nothing
//! either, because that is about the message and not about the card.

use jiff::tz::TimeZone;

use super::ruling::shown;
use super::{Decision, Ruling};
use crate::domain::delivery::Channel;
use crate::domain::detail::Detail;
use crate::domain::event::EventKind;
use crate::domain::id::MessageId;
use crate::domain::preference::Class;

/// What an event of the timeline says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub kind: EventKind,
    pub reason: String,
    pub detail: Detail,
}

/// A message to the card is waiting to be sent on `channel`.
pub fn created(channel: Channel, class: Class, message: MessageId) -> Told {
    Told {
        kind: EventKind::PushCreated,
        reason: channel.as_str().to_owned(),
        detail: Detail::Push {
            channel,
            classes: vec![class],
            messages: vec![message],
            rule: None,
            until: None,
        },
    }
}

impl Ruling {
    /// What the timeline says about it, with times as a clock in `zone` shows them.
    pub fn told(&self, channel: Channel, zone: &TimeZone) -> Option<Told> {
        let (name, why) = (channel.as_str(), self.rule.words(zone));
        let (kind, reason) = match self.decision {
            Decision::Defer { until } => (
                EventKind::PushDeferred,
                format!("{name}: until {}, because {why}", shown(until, zone)),
            ),
            Decision::Suppress => (EventKind::PushSuppressed, format!("{name}: {why}")),
            Decision::SendNow | Decision::Merge | Decision::Hold => return None,
        };
        let detail = Detail::Push {
            channel,
            classes: vec![self.inputs.class],
            messages: self.inputs.message.into_iter().collect(),
            rule: Some(self.rule.as_str().to_owned()),
            until: self.until(),
        };
        Some(Told { kind, reason, detail })
    }
}
