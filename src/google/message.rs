//! Messages on an object: ten at most, each under an id of ours, and told apart from changes that ring by themselves.
//!
//! Google does not mind an id that is there already: it would show and ring a second time. So what is on the object,
//! which every write of it answers with, is looked at first; and of ten, the oldest makes room.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::domain::face::CardFace;
use crate::domain::message::{Translation, Translations, Words};
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
    /// The same in several languages, of which the phone shows its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_header: Option<Localized>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_body: Option<Localized>,
    pub message_type: MessageType,
    /// Google leaves it out of sight from then on; without an end it would stay for ever.
    #[serde(rename = "displayInterval", serialize_with = "interval")]
    pub shown_until: Timestamp,
}

/// A text in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Localized {
    /// For everybody who reads none of the others.
    pub default_value: InLanguage,
    pub translated_values: Vec<InLanguage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InLanguage {
    /// A tag as in BCP 47.
    pub language: String,
    pub value: String,
}

impl Localized {
    /// None where there are no translations.
    ///
    /// Google wants a tag beside the first text, too, whose language nobody told us. It must not be that of a
    /// translation, which would have to compete with it: English where there is none, else "undetermined".
    fn of(first: &str, translations: &Translations, said: impl Fn(&Translation) -> String) -> Option<Self> {
        if translations.is_empty() {
            return None;
        }
        let is_english = |of: &Translation| of.language.as_str().split('-').next() == Some("en");
        let language = if translations.iter().any(is_english) {
            "und"
        } else {
            "en"
        };
        let translated = translations.iter().map(|translation| InLanguage {
            language: translation.language.as_str().to_owned(),
            value: said(translation),
        });
        Some(Self {
            default_value: InLanguage {
                language: language.to_owned(),
                value: first.to_owned(),
            },
            translated_values: translated.collect(),
        })
    }
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
        let header = |title: Option<&String>| cut(title.unwrap_or(&face.program_name), HEADER);
        let body = |text: &str| cut(text, BODY - link.chars().count()) + &link;
        let (first_header, first_body) = (header(words.title.as_ref()), body(&words.text));
        let translations = &words.translations;
        Self {
            id: id.to_owned(),
            localized_header: Localized::of(&first_header, translations, |of| header(of.title.as_ref())),
            localized_body: Localized::of(&first_body, translations, |of| body(&of.text)),
            header: first_header,
            body: first_body,
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
    use crate::domain::profile::Language;
    use crate::google::object::tests::sample as face;

    fn messages(count: usize) -> Messages {
        let all: Vec<_> = (0..count)
            .map(|number| json!({"id": format!("m{number}")}))
            .collect();
        Messages::of(&json!({ "messages": all }))
    }

    fn said_in(translations: Vec<Translation>) -> Value {
        let words = Words {
            title: Some("Friday".into()),
            text: "x".repeat(600),
            linked: true,
            translations: Translations::checked(translations).expect("good"),
        };
        let (face, at) = (face(), Timestamp(0));
        let said = (&words, Some("https://cards.example/l/1"));
        let message = Message::new(&face, "7-1", said, MessageType::Text, at);
        serde_json::to_value(message).expect("JSON")
    }

    fn german(title: Option<&str>, text: &str) -> Translation {
        let language = Language::parse("de").expect("a language");
        Translation::checked(&language, title, text).expect("good")
    }

    #[test]
    fn every_language_is_cut_and_linked_like_the_first_text() {
        let said = said_in(vec![german(None, &"y".repeat(500))]);
        let header = &said["localizedHeader"];
        assert_eq!(
            header["defaultValue"],
            json!({"language": "en", "value": "Friday"})
        );
        let program = &face().program_name;
        assert_eq!(
            header["translatedValues"],
            json!([{"language": "de", "value": program}]),
            "no title of its own, so the program's"
        );
        let body = &said["localizedBody"];
        assert_eq!(body["defaultValue"]["value"], said["body"]);
        let translated = body["translatedValues"][0]["value"].as_str().expect("a text");
        assert_eq!(translated.chars().count(), BODY);
        assert!(
            translated.starts_with("yyy") && translated.ends_with("Open the link</a>"),
            "{translated}"
        );
    }

    #[test]
    fn the_first_text_has_no_tag_of_a_translation_and_one_language_needs_none() {
        let english = Translation {
            language: Language::parse("en-GB").expect("a language"),
            ..german(Some("Heute"), "Hallo")
        };
        let said = said_in(vec![english, german(Some("Heute"), "Hallo")]);
        assert_eq!(said["localizedBody"]["defaultValue"]["language"], "und");
        let plain = said_in(Vec::new());
        assert!(plain.get("localizedBody").is_none() && plain.get("localizedHeader").is_none());
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
