//! A capture: one observed presentation of a card at a station, and the token that the phone or code showed.
//!
//! The key of a capture is made at the station, once, before anyone is told of it; sending the same capture
//! again for ever yields the first answer again.

use crate::domain::id::StationId;
use crate::domain::money::Amount;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Makes a capture the same capture wherever it is sent: the station, and a number that only grows there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureKey {
    pub station: StationId,
    pub counter: i64,
}

/// How a card was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureKind {
    Barcode,
    Ndef,
    Uid,
}

impl CaptureKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Barcode => "barcode",
            Self::Ndef => "ndef",
            Self::Uid => "uid",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "barcode" => Self::Barcode,
            "ndef" => Self::Ndef,
            "uid" => Self::Uid,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub key: CaptureKey,
    pub kind: CaptureKind,
    pub token: Token,
    /// When the station saw it, by the station's clock.
    pub captured_at: Timestamp,
    /// What was paid, where the till knows it.
    pub amount: Option<Amount>,
}

/// What identifies a card at the till. Held as text that says where it came from: a bare code, or `uid:` and
/// the hexadecimal UID of a tag. Never printed in full: whoever holds it can present the card.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(String);

const LONGEST_TOKEN: usize = 256;

/// Why something presented at a till is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("nothing was presented: the token is empty")]
    Empty,
    #[error("a token has at most {LONGEST_TOKEN} bytes; got {0}")]
    TooLong(usize),
    #[error("a token consists of printable characters; found a control character at byte {0}")]
    Control(usize),
    #[error("a tag's UID has 4, 7 or 10 bytes; got {0}")]
    UidLength(usize),
}

impl Token {
    /// Reads what a barcode or an NDEF record held. A link is reduced to its last path segment, so that a
    /// printed code may be a web address that ends in the token.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > LONGEST_TOKEN {
            return Err(TokenError::TooLong(text.len()));
        }
        if let Some(at) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(TokenError::Control(at.0));
        }
        let body = match text.split_once("://") {
            Some((_, rest)) => {
                let path = rest.split(['?', '#']).next().unwrap_or(rest);
                path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
            }
            None => text,
        };
        if body.is_empty() {
            return Err(TokenError::Empty);
        }
        Ok(Self(body.to_owned()))
    }

    /// The token of a plastic tag that is known by its UID.
    pub fn from_uid(uid: &[u8]) -> Result<Self, TokenError> {
        match uid.len() {
            4 | 7 | 10 => Ok(Self(format!("uid:{}", hex::encode(uid)))),
            length => Err(TokenError::UidLength(length)),
        }
    }

    /// The token printed on a new card: 80 random bits as 16 characters that a person can read aloud.
    pub fn from_random(bytes: [u8; 10]) -> Self {
        const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text = String::with_capacity(16);
        let mut rest = bytes
            .iter()
            .fold(0_u128, |all, byte| (all << 8) | u128::from(*byte));
        for _ in 0..16 {
            text.push(char::from(LETTERS[(rest & 31) as usize]));
            rest >>= 5;
        }
        Self(text)
    }

    /// The whole token, for the store, the wire and the barcode; not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: String = self.0.chars().take(4).collect();
        write!(f, "Token({shown}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_is_reduced_to_its_last_segment() {
        let token = |text| Token::parse(text).map(|token| token.expose().to_owned());
        assert_eq!(token("https://cards.example/t/ABC123?x=1"), Ok("ABC123".into()));
        assert_eq!(token(" ABC123\r"), Ok("ABC123".into()));
        assert_eq!(token("https://"), Err(TokenError::Empty));
        assert_eq!(token(""), Err(TokenError::Empty));
    }

    #[test]
    fn a_token_does_not_show_itself_in_debug_output() {
        let token = Token::from_random([9; 10]);
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!(token.expose().len(), 16);
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,300}") {
            if let Ok(token) = Token::parse(&text) {
                prop_assert!(!token.expose().is_empty());
            }
        }

        #[test]
        fn random_tokens_differ_when_their_bytes_differ(a: [u8; 10], b: [u8; 10]) {
            prop_assert_eq!(a == b, Token::from_random(a) == Token::from_random(b));
        }
    }
}
