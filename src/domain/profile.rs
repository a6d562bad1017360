//! What is known of a person, as types that cannot hold nonsense: names, addresses, numbers, birthdays.
//!
//! Invariant: a value in hand was checked, is trimmed, and is otherwise kept as it was typed: names in any script, from
//! right to left, with emoji. Numbers are in E.164. What is refused says which field, what was expected, what came.

mod birthday;
mod contact;

use std::borrow::Cow;
use std::fmt;

pub use birthday::Birthday;
pub use contact::{Email, ExternalId, Phone, Region};

use crate::domain::customer;

/// Most characters of one part of a name.
pub const LONGEST_NAME: usize = 100;

/// A value that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}; got {got:?}")]
pub struct FieldError {
    pub field: Cow<'static, str>,
    /// A stable word for the reason.
    pub code: &'static str,
    pub expected: Cow<'static, str>,
    /// The beginning of what came.
    pub got: String,
}

impl FieldError {
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        expected: impl Into<Cow<'static, str>>,
        got: &str,
    ) -> Self {
        const SHOWN: usize = 60;
        Self {
            field: field.into(),
            code,
            expected: expected.into(),
            got: got.chars().take(SHOWN).collect(),
        }
    }
}

/// A first or last name; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Name(String);

impl Name {
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: String| Err(FieldError::new(field, code, expected, text));
        if text.chars().any(is_unprintable) {
            return refuse("control_character", "text without control characters".into());
        }
        if text.chars().count() > LONGEST_NAME {
            return refuse("too_long", format!("at most {LONGEST_NAME} characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// What the store holds: checked when it was written, or older than the check.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Controls, line separators, and the two characters that turn the order of everything after them around, with which
/// a name could disguise its neighbours. Joiners, marks and directional hints of scripts and emoji are none of them.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{2028}' | '\u{2029}' | '\u{202d}' | '\u{202e}' | '\u{fffe}'
        )
}

/// Everything that staff see of a person and can edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub first_name: Name,
    pub last_name: Name,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub external_id: Option<ExternalId>,
    pub birthday: Option<Birthday>,
    /// A tag as in BCP 47, or nothing.
    pub language: Option<Language>,
}

/// One field of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    FirstName,
    LastName,
    Email,
    Phone,
    ExternalId,
    Birthday,
    Language,
}

impl Field {
    pub const ALL: [Self; 7] = [
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::Phone,
        Self::ExternalId,
        Self::Birthday,
        Self::Language,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::ExternalId => "external_id",
            Self::Birthday => "birthday",
            Self::Language => "language",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// By what a person is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContactKind {
    Email,
    ExternalId,
    Phone,
}

impl ContactKind {
    pub const ALL: [Self; 3] = [Self::Email, Self::ExternalId, Self::Phone];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::ExternalId => "external_id",
            Self::Phone => "phone",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Profile {
    pub fn full_name(&self) -> String {
        customer::full_name(self.first_name.as_str(), self.last_name.as_str())
    }

    /// Sets a field to what was typed; empty text clears it. `region` is where numbers without a country code are from.
    pub fn set(&mut self, field: Field, text: &str, region: Option<Region>) -> Result<(), FieldError> {
        let text = text.trim();
        let is_empty = text.is_empty();
        match field {
            Field::FirstName => self.first_name = Name::parse("first_name", text)?,
            Field::LastName => self.last_name = Name::parse("last_name", text)?,
            Field::Email => self.email = (!is_empty).then(|| Email::parse(text)).transpose()?,
            Field::Phone => self.phone = (!is_empty).then(|| Phone::parse(text, region)).transpose()?,
            Field::ExternalId => {
                self.external_id = (!is_empty).then(|| ExternalId::parse(text)).transpose()?;
            }
            Field::Birthday => self.birthday = (!is_empty).then(|| Birthday::parse(text)).transpose()?,
            Field::Language => self.language = (!is_empty).then(|| Language::parse(text)).transpose()?,
        }
        Ok(())
    }

    /// A field as it is shown, typed and exported; empty when there is nothing.
    pub fn text(&self, field: Field) -> Cow<'_, str> {
        match field {
            Field::FirstName => self.first_name.as_str().into(),
            Field::LastName => self.last_name.as_str().into(),
            Field::Email => self.email.as_ref().map_or("", Email::as_str).into(),
            Field::Phone => self.phone.as_ref().map_or("", Phone::as_str).into(),
            Field::ExternalId => self.external_id.as_ref().map_or("", ExternalId::as_str).into(),
            Field::Birthday => self
                .birthday
                .map_or(Cow::Borrowed(""), |day| day.to_string().into()),
            Field::Language => self.language.as_ref().map_or("", Language::as_str).into(),
        }
    }

    /// By what this person can be found again, in the order in which the keys are claimed.
    pub fn contacts(&self) -> Vec<(ContactKind, String)> {
        let mut contacts = Vec::with_capacity(ContactKind::ALL.len());
        if let Some(email) = &self.email {
            contacts.push((ContactKind::Email, email.key()));
        }
        if let Some(id) = &self.external_id {
            contacts.push((ContactKind::ExternalId, id.as_str().to_owned()));
        }
        if let Some(phone) = &self.phone {
            contacts.push((ContactKind::Phone, phone.as_str().to_owned()));
        }
        contacts
    }

    /// Somebody who can be found and reached again, born not after `today`.
    pub fn checked(self, today: jiff::civil::Date) -> Result<Self, FieldError> {
        if self.contacts().is_empty() {
            return Err(FieldError::new(
                "email",
                "no_contact",
                "an email address, a phone number or an external id",
                "",
            ));
        }
        self.birthday.map_or(Ok(()), |day| day.check_past(today))?;
        Ok(self)
    }

    /// Which fields differ.
    pub fn changed(&self, other: &Self) -> Vec<Field> {
        let differs = |field: &Field| match field {
            Field::FirstName => self.first_name != other.first_name,
            Field::LastName => self.last_name != other.last_name,
            Field::Email => self.email != other.email,
            Field::Phone => self.phone != other.phone,
            Field::ExternalId => self.external_id != other.external_id,
            Field::Birthday => self.birthday != other.birthday,
            Field::Language => self.language != other.language,
        };
        Field::ALL.into_iter().filter(differs).collect()
    }
}

/// A language as a tag, `de` or `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Language(String);

impl Language {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let parts = text.split(['-', '_']);
        let fits = text.len() <= 35
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && parts.clone().all(|part| (1..=8).contains(&part.len()))
            && parts
                .clone()
                .all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            && parts
                .clone()
                .next()
                .is_some_and(|first| (2..=3).contains(&first.len()));
        if !fits {
            return Err(FieldError::new(
                "language",
                "malformed",
                "a language such as de or pt-BR",
                text,
            ));
        }
        Ok(Self(text.replace('_', "-")))
    }

    /// What the store holds.
    pub(crate) fn from_store(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
