//! What can go wrong in the store, sorted by what the caller does about it.
//!
//! No variant holds a value of a row: texts of errors go to logs, rows hold tokens and personal data.

use std::fmt::Display;
use std::sync::Arc;

/// What a database said. Shared, because one failed commit answers many callers.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The connection is lost, the disk is full, a commit failed, too much is going on. Nothing was answered, so
    /// the same call may be made again later; HTTP callers hear 503.
    #[error("the database cannot be used now: {problem}; the same call can be made again later")]
    Unavailable {
        problem: &'static str,
        #[source]
        cause: Option<Cause>,
    },
    /// A row with the same unique key is there already.
    #[error(
        "a row with the same key is there already; `{}` stored nothing",
        head(statement)
    )]
    Conflict {
        statement: &'static str,
        #[source]
        cause: Cause,
    },
    /// A row is not what the code expects: the schema and the code, or two rows, contradict each other.
    #[error(
        "expected {expected}, found {found} in the answer to `{}`; was the database changed by hand?",
        head(statement)
    )]
    Inconsistent {
        statement: &'static str,
        expected: &'static str,
        found: String,
    },
    /// The database refuses a statement: a fault in passgate.
    #[error("the database refuses `{}`", head(statement))]
    Sql {
        statement: &'static str,
        #[source]
        cause: Cause,
    },
    /// The body of a transaction broke its rules: a fault in passgate.
    #[error("the transaction was rolled back: {0}")]
    Body(&'static str),
    /// `store.url` cannot be used.
    #[error("store.url: {0}")]
    Url(String),
    #[error(
        "the database has schema version {found}, this passgate knows versions up to {known}: \
         run the newer passgate, or restore the backup made before it"
    )]
    Newer { found: i64, known: i64 },
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Later,
    Never,
}

impl Error {
    /// A row, or a value in it, is not as expected. `found` must not print the value itself.
    pub fn inconsistent(expected: &'static str, found: impl Display) -> Self {
        Self::Inconsistent {
            statement: "",
            expected,
            found: found.to_string(),
        }
    }

    /// A unique key was taken: the one refusal that use cases expect.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether the same call may succeed later. Conflicts between transactions have been retried already.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { .. } => Retry::Later,
            _ => Retry::Never,
        }
    }

    pub(super) fn unavailable(
        problem: &'static str,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable {
            problem,
            cause: Some(Arc::new(cause)),
        }
    }

    /// The store has been dropped, or its writer is gone.
    pub(super) fn stopping() -> Self {
        Self::Unavailable {
            problem: "the store is stopping",
            cause: None,
        }
    }

    /// Adds which statement's answer was inconsistent.
    #[must_use]
    pub(super) fn about(self, sql: &'static str) -> Self {
        match self {
            Self::Inconsistent {
                statement: "",
                expected,
                found,
            } => Self::Inconsistent {
                statement: sql,
                expected,
                found,
            },
            other => other,
        }
    }
}

/// The first words of a statement.
fn head(statement: &str) -> String {
    const WORDS: usize = 8;
    let words: Vec<&str> = statement.split_whitespace().take(WORDS + 1).collect();
    match words.get(..WORDS) {
        Some(first) if words.len() > WORDS => format!("{} …", first.join(" ")),
        _ => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_statement_by_its_first_words() {
        let error =
            Error::inconsistent("a number", "text").about("select a,\n   b from t where c = d and e = f");
        assert_eq!(
            error.to_string(),
            "expected a number, found text in the answer to `select a, b from t where c = …`; was the database changed by hand?"
        );
    }
}
