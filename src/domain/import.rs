//! Importing people: what the columns of a file mean, what a row says, and what becomes of it.
//!
//! Everything here is decided without looking at the store, so that a dry run and the run decide alike. A row says what
//! is in it; empty cells say nothing and change nothing. No two rows of a file may change the same person: the second
//! one fails and names the first, because otherwise each upload would undo the one before it, row by row.

mod consent;
mod decide;
mod mapping;
mod row;

pub use consent::{Noted, Outcome, Stated, consent_after};
pub use decide::{Decision, Known, Seen, Verdict, decide};
pub use mapping::{Column, MOST_COLUMNS, Mapping, MappingError, Said};
pub use row::{Context, ImportRow, read};

use serde::{Deserialize, Serialize};

use crate::domain::profile::FieldError;

/// Something that is wrong with one cell of a row, or with the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The column's header as it stands in the file; empty for the row as a whole.
    pub column: String,
    pub value: String,
    /// A stable word for the reason.
    pub code: String,
    /// A plain sentence.
    pub message: String,
}

impl Problem {
    pub(crate) fn of(header: &str, error: &FieldError) -> Self {
        Self {
            column: header.to_owned(),
            value: error.got.clone(),
            code: error.code.to_owned(),
            message: format!("expected {}", error.expected),
        }
    }

    pub(crate) fn new(header: &str, value: &str, code: &str, message: impl Into<String>) -> Self {
        const SHOWN: usize = 60;
        Self {
            column: header.to_owned(),
            value: value.chars().take(SHOWN).collect(),
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// How many rows had which end. Their sum is the number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// A person or a card is new.
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub failed: i64,
}

impl Counts {
    pub fn rows(self) -> i64 {
        self.created + self.updated + self.unchanged + self.failed
    }

    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Created => self.created += 1,
            Verdict::Updated => self.updated += 1,
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Failed(_) => self.failed += 1,
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests;
