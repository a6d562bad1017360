//! By what people are reached and found again: addresses, numbers, and the names that other systems give them.

use crate::domain::customer;
use crate::domain::profile::{FieldError, is_unprintable};

/// The longest address that mail can be sent to (RFC 5321, section 4.5.3.1, less the angle brackets).
const LONGEST_EMAIL: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
/// With every separator that people put between digits.
const LONGEST_PHONE: usize = 40;
const LONGEST_EXTERNAL_ID: usize = 100;

/// An address that mail can be sent to, as it was typed. Whether somebody reads it is found out by sending.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: &'static str| Err(FieldError::new("email", code, expected, text));
        if text.len() > LONGEST_EMAIL {
            return refuse("too_long", "at most 254 bytes");
        }
        if text
            .chars()
            .any(|letter| is_unprintable(letter) || letter.is_whitespace())
        {
            return refuse(
                "control_character",
                "an address without spaces and control characters",
            );
        }
        let Some((local, domain)) = text.split_once('@') else {
            return refuse("malformed", "an address such as ada@example.com");
        };
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '-' || !letter.is_ascii())
        };
        let local_fits = (1..=LONGEST_LOCAL_PART).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && !local.contains(['<', '>', '(', ')', ',', ';', ':', '"', '[', ']', '\\']);
        if !local_fits || !domain.contains('.') || !domain.split('.').all(label) {
            return refuse("malformed", "an address such as ada@example.com");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the store holds: checked when it was written, or older than the check.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The address as it is compared.
    pub fn key(&self) -> String {
        customer::email_key(&self.0)
    }
}

/// A country whose numbers may be typed without its code: two letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(phonenumber::country::Id);

impl Region {
    /// None for text that names no country, such as a merchant's that never said.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.trim().to_ascii_uppercase();
        letters.parse().ok().map(Self)
    }

    pub fn code(&self) -> &str {
        self.0.as_ref()
    }
}

/// A phone number in E.164: `+` and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number as people write it. `region` is where it is from when it has no country code.
    pub fn parse(text: &str, region: Option<Region>) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: &'static str| Err(FieldError::new("phone", code, expected, text));
        if text.chars().count() > LONGEST_PHONE {
            return refuse("too_long", "at most 40 characters");
        }
        // Only what numbers are written with reaches the library: its readers of other forms are of no use here.
        let plain: Option<String> = text
            .chars()
            .map(|letter| match letter {
                '0'..='9' | '+' | '(' | ')' | '-' | '/' | '.' => Some(letter),
                '\u{2010}'..='\u{2015}' => Some('-'),
                letter if letter.is_whitespace() && !letter.is_control() => Some(' '),
                _ => None,
            })
            .collect();
        let Some(plain) = plain else {
            return refuse("malformed", "digits, spaces, + - ( ) / and .");
        };
        if region.is_none() && !plain.starts_with('+') && !plain.starts_with("00") {
            return refuse(
                "no_country",
                "a number with its country code, such as +49 1512 3456789, because the merchant has no country",
            );
        }
        let plain = match plain.strip_prefix("00") {
            Some(rest) if region.is_none() => format!("+{rest}"),
            _ => plain,
        };
        let number = match phonenumber::parse(region.map(|region| region.0), &plain) {
            Ok(number) if number.is_valid() => number,
            _ => return refuse("impossible_number", "a phone number that can exist"),
        };
        Ok(Self(number.format().mode(phonenumber::Mode::E164).to_string()))
    }

    /// What the store holds: checked when it was written, or older than the check.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What another system calls the person: a till's customer number, an account. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: &'static str| Err(FieldError::new("external_id", code, expected, text));
        if text.is_empty() || text.chars().count() > LONGEST_EXTERNAL_ID {
            return refuse("too_long", "1 to 100 characters");
        }
        if text.chars().any(is_unprintable) {
            return refuse("control_character", "text without control characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// What the store holds.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
