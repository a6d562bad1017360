//! Texts of a template with places for the card's values: `"{punches} of {goal}"`.
//!
//! The places are checked when the template is read, so that a misspelt one is found at start and not on a
//! phone. `{{` and `}}` stand for single braces.

use std::borrow::Cow;

use crate::domain::face::CardFace;
use crate::domain::program::ProgramKind;

/// Bytes that most filled-in texts fit into.
const USUAL_LENGTH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Place(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Balance,
    Punches,
    Points,
    Goal,
    Remaining,
    Rewards,
    Reward,
    Status,
    Tier,
    Holder,
    Program,
    Merchant,
    Code,
    SerialNumber,
}

const PLACES: [(&str, Place); 14] = [
    ("balance", Place::Balance),
    ("punches", Place::Punches),
    ("points", Place::Points),
    ("goal", Place::Goal),
    ("remaining", Place::Remaining),
    ("rewards", Place::Rewards),
    ("reward", Place::Reward),
    ("status", Place::Status),
    ("tier", Place::Tier),
    ("holder", Place::Holder),
    ("program", Place::Program),
    ("merchant", Place::Merchant),
    ("code", Place::Code),
    ("serial_number", Place::SerialNumber),
];

/// Why a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    #[error("\"{{{0}}}\" is not a value of a card; there are {known}", known = known())]
    UnknownPlace(String),
    #[error("a single {0:?}; write it twice to mean the character itself")]
    Brace(char),
}

fn known() -> String {
    PLACES.map(|(name, _)| format!("{{{name}}}")).join(" ")
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '{' | '}' if rest.next_if_eq(&letter).is_some() => literal.push(letter),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(letter) => name.push(letter),
                            None => return Err(TextError::Brace('{')),
                        }
                    }
                    let found = PLACES.iter().find(|(known, _)| *known == name);
                    let Some((_, place)) = found else {
                        return Err(TextError::UnknownPlace(name));
                    };
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Place(*place));
                }
                '}' => return Err(TextError::Brace('}')),
                _ => literal.push(letter),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }
}

impl Text {
    /// The text for one card; `None` when it speaks of something this card does not have.
    pub(crate) fn fill(&self, face: &CardFace) -> Option<String> {
        let mut out = String::with_capacity(USUAL_LENGTH);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Place(place) => out.push_str(&place.value(face)?),
            }
        }
        Some(out)
    }

    /// The text itself when it has no places: such a text is the same on every card and can be translated.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

impl Place {
    fn value(self, face: &CardFace) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Balance => face.balance().into(),
            Self::Punches => (face.kind == ProgramKind::Punch)
                .then(|| face.punches.to_string())?
                .into(),
            Self::Points => (face.kind == ProgramKind::Points)
                .then(|| face.points.to_string())?
                .into(),
            Self::Goal => (face.kind == ProgramKind::Punch)
                .then(|| face.goal.to_string())?
                .into(),
            Self::Remaining => face.remaining().to_string().into(),
            Self::Rewards => face.rewards.to_string().into(),
            Self::Reward => face.reward_name.as_str().into(),
            Self::Status => face.status_line().into(),
            Self::Tier => face.tier.as_deref()?.into(),
            Self::Holder => face.holder.as_deref()?.into(),
            Self::Program => face.program_name.as_str().into(),
            Self::Merchant => face.merchant_name.as_str().into(),
            Self::Code => face.code.as_str().into(),
            Self::SerialNumber => face.serial_number.as_str().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::face::Prices;
    use crate::domain::id::{CardId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber};
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn face(holder: Option<&str>) -> CardFace {
        CardFace {
            merchant: MerchantId(1),
            program: ProgramId(1),
            installed_as: ProgramId(1),
            card: CardId(1),
            merchant_name: "Café Süd".into(),
            program_name: "Coffee card".into(),
            reward_name: "Free coffee".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("identifier"),
            serial_number: SerialNumber::parse("card-1").expect("serial number"),
            holder: holder.map(str::to_owned),
            code: "PG1".into(),
            kind: ProgramKind::Punch,
            punches: 3,
            points: 0,
            goal: 10,
            rewards: 0,
            tier: None,
            prices: Prices::default(),
            void: false,
            redeemed: false,
            expires_at: None,
            locations: true,
            version: 1,
            changed_at: Timestamp(0),
            news: None,
            link: None,
        }
    }

    fn text(text: &str) -> Result<Text, TextError> {
        Text::try_from(text.to_owned())
    }

    #[test]
    fn places_are_filled_and_double_braces_kept() {
        let filled = text("{holder}: {{{punches}/{goal}}}, {remaining} to go")
            .expect("text")
            .fill(&face(Some("Ada")));
        assert_eq!(filled.as_deref(), Some("Ada: {3/10}, 7 to go"));
        assert_eq!(text("{holder}").expect("text").fill(&face(None)), None);
        assert_eq!(text("plain").expect("text").constant(), Some("plain"));
        assert_eq!(text("{goal}").expect("text").constant(), None);
    }

    #[test]
    fn a_place_that_the_kind_of_card_does_not_have_leaves_its_text_out() {
        let points = CardFace {
            kind: ProgramKind::Points,
            points: 70,
            tier: Some("Gold".into()),
            ..face(None)
        };
        let filled = |written: &str| text(written).expect("text").fill(&points);
        assert_eq!(filled("{tier}: {balance}").as_deref(), Some("Gold: 70 points"));
        assert_eq!(filled("{punches}"), None);
        assert_eq!(text("{points}{tier}").expect("text").fill(&face(None)), None);
    }

    #[test]
    fn a_holder_cannot_speak_of_places() {
        let filled = text("{holder}").expect("text").fill(&face(Some("{code}")));
        assert_eq!(filled.as_deref(), Some("{code}"));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(text("{blance}"), Err(TextError::UnknownPlace("blance".into())));
        assert_eq!(text("{goal"), Err(TextError::Brace('{')));
        assert_eq!(text("goal}"), Err(TextError::Brace('}')));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(written in ".{0,30}|[{}a-z]{0,20}") {
            if let Ok(text) = text(&written) {
                let _ = text.fill(&face(None));
            }
        }
    }
}
