//! Codes on paper: single or several uses, read aloud and typed by people.
//!
//! A code is twelve characters of an alphabet without look-alikes; the last one is a check character, so that a typing
//! mistake is told from a code that is used up. Codes are secrets of small worth: they are stored as they are, because
//! sheets are printed again.

use std::fmt;

use jiff::civil::DateTime;

use crate::domain::time::Timestamp;

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters that carry chance: 55 bits.
const BODY: usize = 11;

/// Codes that a batch may have.
pub const LARGEST_BATCH: i64 = 100_000;

/// A code, checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

/// Why something that was typed is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("a code has 12 characters besides dashes and spaces; got {0}")]
    Length(usize),
    #[error("a code has digits and letters without U; got {0:?}")]
    Letter(char),
    #[error("this is not one of our codes: one of its characters is wrong. Look at it again")]
    Check,
}

/// What a code gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gift {
    /// A card of the batch's program.
    Join,
    /// So many punches or points on a card of the batch's program.
    Earn { amount: i64 },
}

/// Why a code gives nothing. A value: staff read it aloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    #[error("This is not one of our codes.")]
    Unknown,
    #[error("This code was withdrawn.")]
    Revoked,
    #[error("This code has expired.")]
    Expired,
    #[error("This code was already used, first on {}.", .first_used_at.strftime("%-d %B %Y at %H:%M"))]
    UsedUp {
        /// In the merchant's zone.
        first_used_at: DateTime,
    },
    #[error("This code has been used for this card.")]
    UsedByCard,
    #[error("This code belongs to another program.")]
    OtherProgram,
}

/// What is known of a code when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub revoked: bool,
    pub expires_at: Option<Timestamp>,
    pub uses: i64,
    pub max_uses: i64,
    pub first_used_at: Option<Timestamp>,
}

impl Standing {
    /// Whether the code can be used at `now`; `local` is a time by the merchant's clock.
    pub fn check(
        &self,
        now: Timestamp,
        local: impl FnOnce(Timestamp) -> DateTime,
    ) -> Result<(), CodeRefusal> {
        if self.revoked {
            return Err(CodeRefusal::Revoked);
        }
        // A code that is used up says so even later: that is what the person at the till wants to know.
        if self.uses >= self.max_uses {
            let first_used_at = local(self.first_used_at.unwrap_or(now));
            return Err(CodeRefusal::UsedUp { first_used_at });
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(CodeRefusal::Expired);
        }
        Ok(())
    }
}

impl Gift {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Earn { .. } => "earn",
        }
    }

    /// The number that belongs to the word, for the store.
    pub fn amount(self) -> i64 {
        match self {
            Self::Join => 0,
            Self::Earn { amount } => amount,
        }
    }

    pub fn from_parts(word: &str, amount: i64) -> Option<Self> {
        match word {
            "join" => Some(Self::Join),
            "earn" => Some(Self::Earn { amount }),
            _ => None,
        }
    }
}

impl Code {
    /// A new code from 7 random bytes.
    pub fn from_random(bytes: [u8; 7]) -> Self {
        let mut rest = bytes
            .iter()
            .fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
        let mut digits = [0_u8; BODY];
        for digit in &mut digits {
            *digit = (rest & 31) as u8;
            rest >>= 5;
        }
        let letters = digits.iter().copied().chain([check_digit(&digits)]);
        Self(letters.map(letter).collect())
    }

    /// Reads what a person typed: any case, dashes and spaces anywhere, O for 0, I and L for 1.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut digits = Vec::with_capacity(BODY + 1);
        let mut length = 0;
        for typed in text
            .chars()
            .filter(|c| !matches!(c, '-' | ' ' | '\t' | '\r' | '\n'))
        {
            length += 1;
            if length <= BODY + 1 {
                digits.push(digit(typed).ok_or(CodeError::Letter(typed))?);
            }
        }
        if length != BODY + 1 {
            return Err(CodeError::Length(length));
        }
        match digits.split_last() {
            Some((check, body)) if check_digit(body) == *check => {
                Ok(Self(digits.into_iter().map(letter).collect()))
            }
            _ => Err(CodeError::Check),
        }
    }

    /// The twelve characters without dashes, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As it is printed: three groups of four.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = [self.0.get(..4), self.0.get(4..8), self.0.get(8..)];
        let groups: Vec<_> = groups.into_iter().flatten().collect();
        f.pad(&groups.join("-"))
    }
}

/// Shows only its beginning.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}…)", self.0.get(..4).unwrap_or_default())
    }
}

fn letter(digit: u8) -> char {
    LETTERS
        .get(usize::from(digit))
        .map_or('0', |letter| char::from(*letter))
}

fn digit(typed: char) -> Option<u8> {
    let typed = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = LETTERS.iter().position(|letter| char::from(*letter) == typed)?;
    u8::try_from(at).ok()
}

/// Luhn's algorithm for base 32: notices every single wrong character and nearly every swap of two neighbours.
fn check_digit(body: &[u8]) -> u8 {
    let mut sum = 0_u32;
    for (place, digit) in body.iter().rev().enumerate() {
        let addend = u32::from(*digit) * if place % 2 == 0 { 2 } else { 1 };
        sum += addend / 32 + addend % 32;
    }
    u8::try_from((32 - sum % 32) % 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_says_what_is_wrong_with_it() {
        let code = Code::from_random([1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Code::parse("1234"), Err(CodeError::Length(4)));
        assert_eq!(Code::parse("U234-5678-9ABC"), Err(CodeError::Letter('U')));
        assert_eq!(Code::parse(&format!("{code}X")), Err(CodeError::Length(13)));
        assert!(!format!("{code:?}").contains(code.as_str()));
    }

    #[test]
    fn a_used_code_says_when_even_after_it_expired() {
        let standing = Standing {
            revoked: false,
            expires_at: Some(Timestamp(10)),
            uses: 1,
            max_uses: 1,
            first_used_at: Some(Timestamp(5)),
        };
        let local = |_: Timestamp| jiff::civil::datetime(2026, 11, 25, 10, 0, 0, 0);
        let used = CodeRefusal::UsedUp {
            first_used_at: local(Timestamp(5)),
        };
        assert_eq!(standing.check(Timestamp(20), local), Err(used));
        let fresh = Standing {
            uses: 0,
            first_used_at: None,
            ..standing
        };
        assert_eq!(fresh.check(Timestamp(9), local), Ok(()));
        assert_eq!(fresh.check(Timestamp(10), local), Err(CodeRefusal::Expired));
    }

    proptest! {
        #[test]
        fn a_printed_code_is_read_back(bytes: [u8; 7]) {
            let code = Code::from_random(bytes);
            let typed = code.to_string().to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
            prop_assert_eq!(Code::parse(&typed), Ok(code));
        }

        #[test]
        fn one_wrong_character_is_noticed(bytes: [u8; 7], place in 0..12_usize, other in 0..32_usize) {
            let code = Code::from_random(bytes);
            let mut letters: Vec<char> = code.as_str().chars().collect();
            let wrong = char::from(LETTERS[other]);
            prop_assume!(letters[place] != wrong);
            letters[place] = wrong;
            let typed: String = letters.into_iter().collect();
            prop_assert_eq!(Code::parse(&typed), Err(CodeError::Check));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,40}") {
            let _ = Code::parse(&text);
        }
    }
}
