//! Why a text is not a rule, in parts that every language can say: what was expected at a place, and what came there.

use std::fmt;

use super::{DEEPEST, Field, LONGEST};

/// What was expected at some place of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// At most [`LONGEST`] bytes.
    Shorter,
    /// At most [`DEEPEST`] groups within each other.
    Shallower,
    /// Nothing more.
    End,
    Sign(&'static str),
    CommaOrBracket,
    RuleOrField,
    /// The code of a program's own field.
    Code,
    /// A comparison that the field knows.
    Operator(&'static Field),
    FirstOrLast,
    /// Two numbers or two days.
    SameKind,
    /// A first value that is not after the last one.
    InOrder,
    Number,
    Decimal,
    Day,
    NumberOrDay,
    MonthDay,
    Program,
    /// A word that the field knows.
    Word(&'static Field),
    Text,
    Span,
}

/// What came instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    Bytes(usize),
    /// The rule was over.
    End,
    /// The beginning of what stands there.
    Text(String),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shorter => write!(f, "at most {LONGEST} bytes"),
            Self::Shallower => write!(f, "at most {DEEPEST} groups within each other"),
            Self::End => f.write_str("the end of the rule"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::CommaOrBracket => f.write_str("`,` or `)`"),
            Self::RuleOrField => {
                f.write_str("all(…), any(…), not(…) or a field such as status, visits or last_visit")
            }
            Self::Code => f.write_str("the code of a field, such as shoe_size"),
            Self::Operator(field) => {
                write!(f, "one of {} for {}", field.operators().join(", "), field.name)
            }
            Self::FirstOrLast => f.write_str("a first or a last value"),
            Self::SameKind => f.write_str("two numbers or two days"),
            Self::InOrder => f.write_str("a first value that is not after the last one"),
            Self::Number => f.write_str("a whole number"),
            Self::Decimal => f.write_str("a number such as 3.5"),
            Self::Day => f.write_str("a day such as 2026-11-25"),
            Self::NumberOrDay => f.write_str("a number such as 42.5 or a day such as 2026-11-25"),
            Self::MonthDay => f.write_str("a month and day such as 12-24"),
            Self::Program => f.write_str("a program's id"),
            Self::Word(field) => write!(f, "one of {}", field.words().join(", ")),
            Self::Text => f.write_str(
                "some text, in single quotes where it holds other signs than -_@+:/. (`empty` asks for none)",
            ),
            Self::Span => f.write_str("a number of days or hours such as 7d or 48h"),
        }
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::End => f.write_str("the end"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}
