//! Messages on an object: ten at most, each under an id of ours, and told apart from changes that ring by themselves.
//!
//! Google does not mind an id that is there already: it would show and ring a second time. So what is on the object,
//! which every write of it answers with, is looked at first; and of ten, the oldest makes room.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::domain::face::CardFace;
use crate::domain::message::Words;
use crate::domain::time::{DAY, Timestamp};
use crate::google::object::cut;
use crate::push::Alert;

/// Most messages that a resource may have.
pub const MOST: usize = 10;
/// Most characters of a header and of a body; longer ones are shown cut, so they are cut here, between characters.
const HEADER: usize = 60;
const BODY: usize = 500;
/// What a message's link is called below its text.
const LINK: &str = "Open the link";
/// What was offered weeks ago only hides what is said today; a card that is told little would keep it for ever.
const SHOWN_FOR: Duration = DAY.saturating_mul(30);

/// What an alert's message is called on its object, however often it is tried.
pub fn id(alert: &Alert) -> String {
    let (lease, position) = alert.id;
    format!("{lease}-{position}")
}

/// Whether a message makes the phone ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageType {
    Text,
    TextAndNotify,
}

/// A message to put on a class or an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Ours; Google does not care whether it is unique.
    pub id: String,
    pub header: String,
    pub body: String,
    pub message_type: MessageType,
    /// Google leaves it out of sight from then on; without an end it would stay for ever.
    #[serde(rename = "displayInterval", serialize_with = "interval")]
    pub shown_until: Timestamp,
}

impl Message {
    /// `words` under their title, or else the name of the program of `face`; below them the link, which leaves the text
    /// less room.
    pub(super) fn new(
        face: &CardFace,
        id: &str,
        (words, link): (&Words, Option<&str>),
        message_type: MessageType,
        now: Timestamp,
    ) -> Self {
        let link = link.map(|url| format!("\n<a href=\"{url}\">{LINK}</a>"));
        let link = link
            .filter(|link| link.chars().count() < BODY)
            .unwrap_or_default();
        let text = cut(&words.text, BODY - link.chars().count());
        Self {
            id: id.to_owned(),
            header: cut(words.title.as_ref().unwrap_or(&face.program_name), HEADER),
            body: text + &link,
            message_type,
            shown_until: now.plus(SHOWN_FOR),
        }
    }
}

/// An interval without a beginning, in ISO 8601 with an offset.
fn interval<S: Serializer>(end: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    json!({"end": {"date": end.to_jiff().to_string()}}).serialize(serializer)
}

/// The messages of a resource as Google answered with it, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Messages(Vec<Value>);

impl Messages {
    pub(super) fn of(resource: &Value) -> Self {
        Self(resource["messages"].as_array().cloned().unwrap_or_default())
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|message| message["id"] == id)
    }

    /// The newest that may stay when one more is to come; `None` where there is room.
    pub(super) fn with_room(&self) -> Option<Value> {
        let kept = self
            .0
            .len()
            .checked_sub(MOST - 1)
            .filter(|surplus| *surplus > 0)?;
        Some(Value::Array(self.0.get(kept..).unwrap_or_default().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(count: usize) -> Messages {
        let all: Vec<_> = (0..count)
            .map(|number| json!({"id": format!("m{number}")}))
            .collect();
        Messages::of(&json!({ "messages": all }))
    }

    #[test]
    fn the_oldest_make_room_for_one_more_and_no_sooner() {
        assert_eq!(Messages::of(&json!({})).with_room(), None);
        assert_eq!(messages(9).with_room(), None);
        for count in [10, 11, 15] {
            let kept = messages(count).with_room().expect("too many");
            let kept = kept.as_array().expect("a list");
            assert_eq!(kept.len(), 9, "{count}");
            assert_eq!(kept[8]["id"], format!("m{}", count - 1));
        }
        assert!(messages(3).has("m2") && !messages(3).has("m3"));
    }
}
