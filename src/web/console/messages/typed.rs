//! The form of a message as it was filled in, and what it means.

use serde::Deserialize;

use super::texts::{Step, Texts, Wrong, one_break};
use crate::domain::chips::Chip;
use crate::domain::id::CardId;
use crate::domain::link::Target;
use crate::domain::message::audience::BuiltInName;
use crate::domain::message::when::WhoseZone;
use crate::domain::message::{Audience, Content, Message, Refusal, RuleText, When};
use crate::domain::preference::Class;
use crate::domain::segment::{Rule, RuleError};
use crate::ops::messages::{MessageError, NewMessage};
use crate::web::console::screen::Screen;

/// The form as it was filled in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub struct Typed {
    pub(super) texts: Texts,
    pub(super) link: String,
    pub(super) class: String,
    /// `card`, `program:<id>`, `segment:<id>`, `built_in:<word>` or `rule`.
    pub(super) to: String,
    /// A selection: ids with spaces between them.
    pub(super) cards: String,
    pub(super) rule: String,
    pub(super) at: String,
    pub(super) zone: String,
    pub(super) version: i64,
    /// One of the form's own buttons was pressed, not the one that saves.
    pub(super) step: Option<Step>,
    /// It comes back with what was typed, which is nowhere else.
    pub(super) is_unsaved: bool,
}

impl From<Vec<(String, String)>> for Typed {
    fn from(fields: Vec<(String, String)>) -> Self {
        let (mut typed, mut another, mut button) = (Self::default(), String::new(), None);
        for (name, value) in fields {
            match name.as_str() {
                "link" => typed.link = value,
                "class" => typed.class = value,
                "to" => typed.to = value,
                "cards" => typed.cards = value,
                "rule" => typed.rule = value,
                "at" => typed.at = value,
                "zone" => typed.zone = value,
                // No version of a message is 0: what is no number is as stale as can be.
                "version" => typed.version = value.parse().unwrap_or_default(),
                "another" => another = value,
                "languages" => button = Some(value),
                name => typed.texts.take(name, &value),
            }
        }
        typed.step = button.map(|button| Step::parse(&button, &another));
        typed
    }
}

/// Why nothing was written.
pub(super) enum Problem {
    /// The form names nobody that it offers.
    Whom,
    Rule(RuleError),
    Time,
    Message(MessageError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Message(refusal.into())
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

/// What the form says of it: the reason, and beside which field it stands, too.
pub(super) struct Refused {
    pub(super) said: String,
    pub(super) wrong: Option<Wrong>,
}

impl Problem {
    pub(super) fn wrong(&self, screen: &Screen) -> Option<Wrong> {
        match self {
            Self::Message(MessageError::Refused(refusal)) => Wrong::of(screen, refusal),
            _ => None,
        }
    }

    pub(super) fn said(&self, screen: &Screen) -> String {
        let words = screen.words;
        match self {
            Self::Whom => words.messages.nobody_chosen.to_owned(),
            Self::Rule(error) => (words.segments.wrong_rule)(&words.language.rule_error(error)),
            Self::Time => words.acts.push_time_wrong.to_owned(),
            Self::Message(error) => words.language.message_error(error),
        }
    }
}

impl Typed {
    /// The form with what a message says now.
    pub(super) fn of(message: &Message) -> Self {
        let Content { link, class, .. } = &message.content;
        let (to, cards, rule) = match &message.audience {
            Audience::Cards(cards) => {
                let cards: Vec<_> = cards.iter().map(ToString::to_string).collect();
                ("card".to_owned(), cards.join(" "), String::new())
            }
            Audience::Program(program) => (format!("program:{program}"), String::new(), String::new()),
            Audience::Segment(segment) => (format!("segment:{segment}"), String::new(), String::new()),
            Audience::BuiltIn(built_in) => {
                let word = built_in.0.as_str();
                (format!("built_in:{word}"), String::new(), String::new())
            }
            Audience::Rule(rule) => ("rule".to_owned(), String::new(), rule.to_string()),
        };
        let (at, zone) = match message.when {
            When::Now => (String::new(), ""),
            When::At { time, zone } => (time.strftime("%Y-%m-%dT%H:%M").to_string(), zone.as_str()),
        };
        Self {
            texts: Texts::of(&message.content),
            link: link.as_ref().map(Target::as_str).unwrap_or_default().to_owned(),
            class: class.as_str().to_owned(),
            to,
            cards,
            rule,
            at,
            zone: zone.to_owned(),
            version: message.version,
            step: None,
            is_unsaved: false,
        }
    }

    pub(super) fn content(&self) -> Result<Content, Refusal> {
        let class = Class::parse(&self.class).unwrap_or(Class::Marketing);
        let Texts { title, text, .. } = &self.texts;
        let first = Content::checked(Some(title), &one_break(text), Some(&self.link), class)?;
        Ok(Content {
            translations: self.texts.translations()?,
            ..first
        })
    }

    /// What is known of the message while it is being written, whatever its words are by then.
    pub(super) fn meant(&self, screen: &Screen) -> Result<NewMessage, Problem> {
        let content = Content {
            title: None,
            text: one_break(&self.texts.text).trim().to_owned(),
            link: None,
            class: Class::parse(&self.class).unwrap_or(Class::Marketing),
            translations: self.texts.meant(),
        };
        Ok(NewMessage {
            content,
            audience: self.audience()?.checked().map_err(Refusal::from)?,
            when: self.when()?,
            author: Some(screen.member.id),
        })
    }

    /// The selection; none where it names what is no card.
    pub(super) fn cards(&self) -> Option<Vec<CardId>> {
        let cards = self.cards.split([' ', ',', '\n', '\r', '\t']);
        let cards = cards.filter(|word| !word.is_empty()).map(str::parse);
        cards.collect::<Result<_, _>>().ok()
    }

    pub(super) fn audience(&self) -> Result<Audience, Problem> {
        match self.to.split_once(':') {
            Some(("program", id)) => id.parse().map(Audience::Program).map_err(|_| Problem::Whom),
            Some(("segment", id)) => id.parse().map(Audience::Segment).map_err(|_| Problem::Whom),
            Some(("built_in", word)) => match Chip::parse(word) {
                Some(built_in) => Ok(Audience::BuiltIn(BuiltInName(built_in))),
                None => Err(Problem::Whom),
            },
            _ if self.to == "rule" && self.rule.trim().is_empty() => Err(Problem::Whom),
            _ if self.to == "rule" => match Rule::parse(self.rule.trim()) {
                Ok(rule) => Ok(Audience::Rule(RuleText(rule))),
                Err(error) => Err(Problem::Rule(error)),
            },
            _ => self.cards().map(Audience::Cards).ok_or(Problem::Whom),
        }
    }

    pub(super) fn when(&self) -> Result<When, Problem> {
        if self.at.trim().is_empty() {
            return Ok(When::Now);
        }
        Ok(When::At {
            time: self.at.trim().parse().map_err(|_| Problem::Time)?,
            zone: WhoseZone::parse(&self.zone).unwrap_or(WhoseZone::Merchant),
        })
    }
}
