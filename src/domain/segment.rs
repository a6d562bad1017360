//! Segments: one typed language of rules over a card and the person who holds it.
//!
//! A rule has three faces, and property tests hold them together: text that fits into an address
//! ([`Rule::parse`], `to_string`), a test of one card in memory ([`Plan::holds`]; [`roster::Roster`] does the same for
//! a million at once), and SQL (the store's `segments`). A rule is first turned into a [`Plan`] at one moment: relative
//! times and days of the merchant's zone become plain numbers, so that no face has to know about time.
//!
//! The text: `all(…)`, `any(…)` and `not(…)` around conditions, each a field, an operator and what it is compared with,
//! joined by dots.
//!
//! | operator | means | example |
//! |---|---|---|
//! | `is`, `not` | =, != | `status.is.installed` |
//! | `in(…)` | one of | `tier.in(1,2)` |
//! | `has` | contains | `name.has.'van der'` |
//! | `under`, `over` | <, > | `visits.over.9` |
//! | `between` | both ends included, either may be left out | `redeemed.between.2026-11-01..` |
//! | `empty` | there is no value | `email.empty` |
//! | `older`, `within`, `next` | so long ago or longer, less long ago, at most so long from now | `activity.older.7d` |
//! | `today` | a birthday today | `birthday.today` |
//!
//! `all()` is everything; an empty text is no rule, so that a parameter that got lost never means everybody. Texts stand
//! in single quotes when they hold anything but letters, digits and `-_@+:/.`; a quote in them is doubled. `7d` is
//! exactly 7 times 24 hours. A condition on a value that is not there is false, except `not` and `empty`. What a program
//! asks beyond the profile is named by its code: `custom.shoe_size.over.42`.

pub mod answers;
pub mod builtin;
pub mod expected;
pub mod facts;
pub mod field;
pub mod groups;
pub mod merge;
pub mod order;
pub mod plan;
pub mod range;
pub mod roster;
pub mod saved;

mod describe;
mod meaning;
mod moments;
mod parse;
mod print;

use crate::domain::custom_field::FieldCode;
use crate::domain::id::ProgramId;
use crate::domain::time::CivilDay;
pub use expected::{Expected, Got};
pub use facts::Facts;
pub use field::{FIELDS, Field};
pub use meaning::{cell_word, status_now};
pub use plan::{Context, Plan};

/// Groups within groups; deeper than anybody thinks and shallow enough for any stack.
pub const DEEPEST: usize = 20;
/// Bytes of a rule's text.
pub const LONGEST: usize = 4096;

/// Which cards are meant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rule {
    /// Each of them holds; none at all is everything.
    All(Vec<Rule>),
    /// One of them holds; none at all is nothing.
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Is(Condition),
}

/// A field compared with something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub field: &'static Field,
    /// Which of a program's own fields is meant, where the field is one of those and only there.
    pub code: Option<FieldCode>,
    pub test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    Is(Operand),
    Not(Operand),
    In(Vec<Operand>),
    Has(String),
    Under(Operand),
    Over(Operand),
    Between(Option<Operand>, Option<Operand>),
    Empty,
    /// So long ago or longer.
    Older(Span),
    /// Less than so long ago.
    Within(Span),
    /// Not yet, and at most so long from now.
    Next(Span),
    /// A birthday that is celebrated today.
    Today,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    Number(i64),
    /// Ten-thousandths.
    Decimal(i64),
    Day(CivilDay),
    /// Month and day of any year.
    MonthDay(i8, i8),
    Text(String),
    /// One of the words that the field knows.
    Word(&'static str),
    Program(ProgramId),
}

/// A length of time in whole hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub hours: u32,
}

impl Span {
    pub const fn days(days: u32) -> Self {
        Self { hours: days * 24 }
    }

    pub fn millis(self) -> i64 {
        i64::from(self.hours) * 3_600_000
    }
}

/// Why a text is not a rule: where, what was expected there, what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule, character {at}: expected {expected}; got {got}")]
pub struct RuleError {
    /// Counted from 1.
    pub at: usize,
    pub expected: Expected,
    pub got: Got,
}

impl Rule {
    /// Every card there is.
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Whether its text is one that is read back to it. What was put together out of rules may be too long or too deep.
    pub fn can_be_kept(&self) -> bool {
        Self::parse(&self.to_string()).is_ok_and(|again| again == *self)
    }

    /// Both this and `other`; see [`Rule::can_be_kept`].
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut rules) => {
                rules.push(other);
                Self::All(rules)
            }
            one => Self::All(vec![one, other]),
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        Self::parse(&text)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

/// What the generators of the tests use, here and in the tests of the store.
#[cfg(test)]
mod api_for_tests {
    pub(crate) use super::answers::AnswerKind;
    pub(crate) use super::facts::{Beside, Person};
    pub(crate) use super::field::{CELLS, COUPON_STATES, KINDS, Kind, STATUSES, WALLETS, YES_NO};
    pub(crate) use super::order::{Direction, Order, Sort};
    pub(crate) use super::plan::{Context, ProgramFacts};
    pub(crate) use super::{Condition, FIELDS, Field, Operand, Rule, Span, Test};
    pub(crate) use crate::domain::capture::Token;
    pub(crate) use crate::domain::card::{Card, CardStatus, Channels, Identity};
    pub(crate) use crate::domain::chips::Ready;
    pub(crate) use crate::domain::consent::Consents;
    pub(crate) use crate::domain::custom_field::{FieldCode, FieldValue};
    pub(crate) use crate::domain::feedback::Rating;
    pub(crate) use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId, SerialNumber};
    pub(crate) use crate::domain::preference::Preferences;
    pub(crate) use crate::domain::program::ProgramKind;
    pub(crate) use crate::domain::rfm::{Fifths, Grid, Limits};
    pub(crate) use crate::domain::time::{CivilDay, Timestamp};
    pub(crate) use crate::domain::utm::Utm;
    pub(crate) use crate::domain::window::Recent;
    pub(crate) use jiff::tz::TimeZone;
}

#[cfg(test)]
mod tests;
