//! What a program asks of its customers beyond the profile: typed fields, and their values on a card.
//!
//! A field belongs to a program and a card is one customer in one program, so values are kept on the card: two
//! programs may ask for the same thing and get different answers. A value in hand was checked against its field.

mod edit;

use std::fmt;

pub use edit::{Edited, FieldEdit};

use crate::domain::profile::{FieldError, is_unprintable};

/// Longest value of a text field.
pub const LONGEST_TEXT: usize = 500;
/// Most fields of one program.
pub const MOST_FIELDS: usize = 30;
/// Most choices of one field.
pub const MOST_CHOICES: usize = 100;

/// Largest number, either way; with four decimals it fits 64 bits many times over.
const LARGEST: i64 = 1_000_000_000_000;
const DECIMALS: usize = 4;

/// What kind of answer a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    /// With at most four decimals.
    Number,
    Date,
    /// One of these.
    Choice(Vec<String>),
}

impl FieldKind {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::Choice(_) => "choice",
        }
    }

    /// `choices` are for the kind that has some.
    pub fn parse(text: &str, choices: Vec<String>) -> Option<Self> {
        Some(match text {
            "text" => Self::Text,
            "number" => Self::Number,
            "date" => Self::Date,
            "choice" => Self::Choice(choices),
            _ => return None,
        })
    }
}

/// The name of a field in files, rules and addresses; never changes. Small letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldCode(String);

impl FieldCode {
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let fits = (1..=30).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !fits {
            let expected = "1 to 30 of a-z, 0-9 and _, beginning with a letter";
            return Err(FieldError::new("code", "malformed", expected, text));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A field as a program defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    pub code: FieldCode,
    pub label: String,
    pub kind: FieldKind,
    pub required: bool,
    /// Where it stands among its program's fields.
    pub position: i64,
}

/// A value that its field has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue {
    /// As it is shown, and as it can be typed again.
    pub text: String,
    /// What numbers and dates are compared by: ten-thousandths, or year * 10000 + month * 100 + day.
    pub number: Option<i64>,
}

impl CustomField {
    /// The field, if it makes sense.
    pub fn checked(self) -> Result<Self, FieldError> {
        let label = self.label.trim();
        if !(1..=60).contains(&label.chars().count()) || label.chars().any(is_unprintable) {
            return Err(FieldError::new(
                "label",
                "malformed",
                "1 to 60 printable characters",
                label,
            ));
        }
        if let FieldKind::Choice(choices) = &self.kind {
            let expected = format!("1 to {MOST_CHOICES} different choices of 1 to 60 characters");
            let fits = |choice: &String| {
                (1..=60).contains(&choice.chars().count())
                    && choice.trim() == choice
                    && !choice.chars().any(is_unprintable)
            };
            let different: std::collections::BTreeSet<_> = choices.iter().collect();
            let is_sound = (1..=MOST_CHOICES).contains(&choices.len())
                && choices.iter().all(fits)
                && different.len() == choices.len();
            if !is_sound {
                return Err(FieldError::new(
                    "choices",
                    "malformed",
                    expected,
                    &choices.join(", "),
                ));
            }
        }
        Ok(self)
    }

    /// Reads what somebody typed. None is an empty answer, which a field that is required refuses.
    pub fn read(&self, text: &str) -> Result<Option<FieldValue>, FieldError> {
        let text = text.trim();
        let refuse = |code, expected: String| Err(FieldError::new(self.code.0.clone(), code, expected, text));
        if text.is_empty() {
            return if self.required {
                refuse("required", "a value".into())
            } else {
                Ok(None)
            };
        }
        let value = match &self.kind {
            FieldKind::Text => {
                let text = text.replace("\r\n", "\n");
                if text.chars().count() > LONGEST_TEXT {
                    return refuse("too_long", format!("at most {LONGEST_TEXT} characters"));
                }
                if text
                    .chars()
                    .any(|letter| letter != '\n' && is_unprintable(letter))
                {
                    return refuse("control_character", "text without control characters".into());
                }
                FieldValue { text, number: None }
            }
            FieldKind::Number => match fixed_point(text) {
                Some(number) => FieldValue {
                    text: print(number),
                    number: Some(number),
                },
                None => return refuse("not_a_number", "a number such as 42 or 3.75".into()),
            },
            FieldKind::Date => match text.parse::<jiff::civil::Date>() {
                Ok(date) if text.len() == 10 && date.year() >= 1 => FieldValue {
                    text: date.to_string(),
                    number: Some(
                        i64::from(date.year()) * 10_000
                            + i64::from(date.month()) * 100
                            + i64::from(date.day()),
                    ),
                },
                _ => return refuse("impossible_date", "a day such as 2026-11-25".into()),
            },
            FieldKind::Choice(choices) => {
                let same = |choice: &&String| choice.to_lowercase() == text.to_lowercase();
                let exact = choices.iter().find(|choice| *choice == text);
                match exact.or_else(|| choices.iter().find(same)) {
                    Some(choice) => FieldValue {
                        text: choice.clone(),
                        number: None,
                    },
                    None => return refuse("no_choice", format!("one of {}", choices.join(", "))),
                }
            }
        };
        Ok(Some(value))
    }

    /// Text that this field takes, for templates.
    pub fn example(&self) -> &str {
        match &self.kind {
            FieldKind::Text => "some text",
            FieldKind::Number => "42",
            FieldKind::Date => "2026-11-25",
            FieldKind::Choice(choices) => choices.first().map_or("", String::as_str),
        }
    }
}

/// Digits with at most one point or comma, in ten-thousandths.
pub(in crate::domain) fn fixed_point(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || part.len() > DECIMALS {
        return None;
    }
    let number: i64 = format!("{whole}{part:0<DECIMALS$}").parse().ok()?;
    (number <= LARGEST * 10_000).then_some(if negative { -number } else { number })
}

/// The shortest text that reads as `number` again.
pub(in crate::domain) fn print(number: i64) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = DECIMALS + 1);
    let (whole, part) = digits.split_at(digits.len() - DECIMALS);
    let part = part.trim_end_matches('0');
    let sign = if number < 0 { "-" } else { "" };
    match part {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(kind: FieldKind, required: bool) -> CustomField {
        CustomField {
            code: FieldCode::parse("shoe_size").expect("a code"),
            label: "Shoe size".into(),
            kind,
            required,
            position: 1,
        }
    }

    fn read(kind: FieldKind, text: &str) -> Result<Option<String>, &'static str> {
        let value = field(kind, false).read(text);
        value
            .map(|value| value.map(|value| value.text))
            .map_err(|error| error.code)
    }

    #[test]
    fn each_kind_takes_its_own() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read(FieldKind::Text, " a\r\nb "), some("a\nb"));
        assert_eq!(read(FieldKind::Text, "a\u{7}"), Err("control_character"));
        assert_eq!(read(FieldKind::Number, "-3,50"), some("-3.5"));
        assert_eq!(read(FieldKind::Number, "3.00001"), Err("not_a_number"));
        assert_eq!(read(FieldKind::Number, "1e9"), Err("not_a_number"));
        assert_eq!(
            read(FieldKind::Number, "99999999999999999999"),
            Err("not_a_number")
        );
        assert_eq!(read(FieldKind::Date, "2024-02-29"), some("2024-02-29"));
        assert_eq!(read(FieldKind::Date, "2023-02-29"), Err("impossible_date"));
        let sizes = || FieldKind::Choice(vec!["S".into(), "M".into()]);
        assert_eq!(read(sizes(), "m"), some("M"));
        assert_eq!(read(sizes(), "XL"), Err("no_choice"));
        assert_eq!(read(sizes(), ""), Ok(None));
    }

    #[test]
    fn a_required_field_wants_an_answer_and_says_so() {
        let error = field(FieldKind::Number, true).read("  ").expect_err("refused");
        assert_eq!(error.to_string(), "shoe_size: expected a value; got \"\"");
    }

    #[test]
    fn fields_that_nobody_could_answer_are_refused() {
        let twice = FieldKind::Choice(vec!["a".into(), "a".into()]);
        assert!(field(twice, false).checked().is_err());
        assert!(field(FieldKind::Choice(Vec::new()), false).checked().is_err());
        for code in ["", "Größe", "a b", "1a", "UPPER"] {
            assert!(FieldCode::parse(code).is_err(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_back_as_they_are_printed(number in -LARGEST * 10_000..=LARGEST * 10_000) {
            prop_assert_eq!(fixed_point(&print(number)), Some(number));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,40}") {
            for kind in [FieldKind::Text, FieldKind::Number, FieldKind::Date, FieldKind::Choice(vec!["a".into()])] {
                if let Ok(Some(value)) = field(kind.clone(), false).read(&text) {
                    prop_assert_eq!(field(kind, false).read(&value.text), Ok(Some(value)));
                }
            }
        }
    }
}
