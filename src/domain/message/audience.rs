//! Whom a message is for: one card, a selection, everybody in a program, or a rule or saved segment as it is when the
//! message starts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::bulk::MOST_SELECTED;
use crate::domain::chips::Chip;
use crate::domain::id::{CardId, ProgramId, SegmentId};
use crate::domain::segment::{Condition, Rule, RuleError};

/// Whom a message is for. A form that was once stored is read for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// One card or a selection.
    Cards(Vec<CardId>),
    /// Every card of a program.
    Program(ProgramId),
    /// A rule that nobody has saved.
    Rule(RuleText),
    /// A saved segment.
    Segment(SegmentId),
    /// A segment that every merchant has.
    BuiltIn(BuiltInName),
}

/// A rule as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleText(pub Rule);

/// A built-in segment as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BuiltInName(pub Chip);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudienceRefusal {
    #[error(
        "cards: expected 1 to {MOST_SELECTED}; got {got}; more are meant by a program, a rule or a segment"
    )]
    Cards { got: usize },
    #[error("segment: expected the word of a built-in segment; got {0:?}")]
    BuiltIn(String),
}

impl Audience {
    /// The audience, each card of a selection once.
    pub fn checked(self) -> Result<Self, AudienceRefusal> {
        match self {
            Self::Cards(mut cards) => {
                let got = cards.len();
                if !(1..=MOST_SELECTED).contains(&got) {
                    return Err(AudienceRefusal::Cards { got });
                }
                cards.sort_unstable();
                cards.dedup();
                Ok(Self::Cards(cards))
            }
            other => Ok(other),
        }
    }

    /// The card of a message to one card.
    pub fn only_card(&self) -> Option<CardId> {
        match self {
            Self::Cards(cards) => match cards[..] {
                [card] => Some(card),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn segment(&self) -> Option<SegmentId> {
        match self {
            Self::Segment(segment) => Some(*segment),
            _ => None,
        }
    }
}

/// Fields that say what somebody is called, where their card is or which program it belongs to, and nothing of what they
/// do.
const NOT_BEHAVIOUR: [&str; 12] = [
    "program",
    "kind",
    "status",
    "platform",
    "reachable",
    "name",
    "email",
    "phone",
    "external_id",
    "language",
    "verified",
    "joined",
];

/// Whether a rule chooses people by what they do: marketing to them needs more than consent to marketing.
pub fn is_personalised(rule: &Rule) -> bool {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => rules.iter().any(is_personalised),
        Rule::Not(rule) => is_personalised(rule),
        Rule::Is(Condition { field, .. }) => !NOT_BEHAVIOUR.contains(&field.name),
    }
}

impl TryFrom<String> for RuleText {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        Rule::parse(&text).map(Self)
    }
}

impl From<RuleText> for String {
    fn from(rule: RuleText) -> Self {
        rule.0.to_string()
    }
}

impl fmt::Display for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for BuiltInName {
    type Error = AudienceRefusal;

    fn try_from(text: String) -> Result<Self, AudienceRefusal> {
        Chip::parse(&text)
            .map(Self)
            .ok_or_else(|| AudienceRefusal::BuiltIn(text.chars().take(40).collect()))
    }
}

impl From<BuiltInName> for String {
    fn from(name: BuiltInName) -> Self {
        name.0.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::segment::FIELDS;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).expect("a rule")
    }

    #[test]
    fn every_form_survives_its_storage() {
        for audience in [
            Audience::Cards(vec![CardId(1), CardId(2)]),
            Audience::Program(ProgramId(7)),
            Audience::Rule(RuleText(rule("all(visits.over.9,name.has.'van der')"))),
            Audience::Segment(SegmentId(3)),
            Audience::BuiltIn(BuiltInName(Chip::HighValue)),
        ] {
            let stored = serde_json::to_string(&audience).expect("stored");
            assert_eq!(
                serde_json::from_str::<Audience>(&stored).expect(&stored),
                audience
            );
        }
        assert!(serde_json::from_str::<Audience>("{\"rule\":\"nonsense.is.1\"}").is_err());
        assert!(serde_json::from_str::<Audience>("{\"built_in\":\"nonsense\"}").is_err());
    }

    #[test]
    fn a_selection_is_bounded_and_names_each_card_once() {
        let twice = Audience::Cards(vec![CardId(2), CardId(1), CardId(2)]).checked();
        assert_eq!(twice, Ok(Audience::Cards(vec![CardId(1), CardId(2)])));
        assert!(Audience::Cards(Vec::new()).checked().is_err());
        assert!(
            Audience::Cards(vec![CardId(1); MOST_SELECTED + 1])
                .checked()
                .is_err()
        );
        assert_eq!(Audience::Cards(vec![CardId(4)]).only_card(), Some(CardId(4)));
        assert_eq!(Audience::Cards(vec![CardId(4), CardId(5)]).only_card(), None);
    }

    #[test]
    fn choosing_by_behaviour_is_told_from_choosing_by_program() {
        assert!(!is_personalised(&rule("all(status.is.installed,language.is.de)")));
        assert!(is_personalised(&rule("not(any(status.is.void,spend.over.1000))")));
        assert!(
            is_personalised(&rule("birthday.today")),
            "nobody said that a birthday is free to use"
        );
        assert!(!is_personalised(&Rule::everything()));
        for name in NOT_BEHAVIOUR {
            assert!(FIELDS.iter().any(|field| field.name == name), "{name} is a field");
        }
    }
}
