//! A file that somebody uploaded to import: the states that it goes through, and what may be asked of it in each.
//!
//! A file is looked through before anything is written: only one that was tried with these very columns is imported.

/// Where a file is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadState {
    /// Its bytes are still coming in.
    Receiving,
    /// It can be read; what its columns mean is not said yet.
    Received,
    /// It is being looked through, and nothing is written.
    Trying,
    /// What an import would do is known.
    Tried,
    Running,
    Done,
    /// Stopped by somebody; what was imported until then stays.
    Cancelled,
    /// Ended by itself, for an [`UploadProblem`].
    Failed,
}

/// What somebody asks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadWish {
    /// Say what its columns mean, and look through it.
    Try,
    Run,
    Stop,
    /// Throw it away.
    Discard,
}

/// Why a file was not imported to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadProblem {
    TooManyRows,
    /// The program is gone or takes no new cards.
    NoProgram,
    /// Its columns cannot be read any more as they were meant.
    Columns,
    /// Somebody else imports the same file.
    Busy,
    /// It was thrown away, because somebody was erased whom it may have named.
    Erased,
    /// A fault of ours.
    Fault,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! { UploadState {
    Receiving = "receiving", Received = "received", Trying = "trying", Tried = "tried", Running = "running",
    Done = "done", Cancelled = "cancelled", Failed = "failed",
} }

words! { UploadProblem {
    TooManyRows = "too_many_rows", NoProgram = "no_program", Columns = "columns", Busy = "busy", Erased = "erased",
    Fault = "fault",
} }

impl UploadState {
    /// The state that a wish leads to; none where it cannot be had.
    pub fn after(self, wish: UploadWish) -> Option<Self> {
        match (self, wish) {
            (Self::Received | Self::Tried, UploadWish::Try) => Some(Self::Trying),
            (Self::Tried, UploadWish::Run) => Some(Self::Running),
            (Self::Trying, UploadWish::Stop) => Some(Self::Received),
            (Self::Running, UploadWish::Stop) => Some(Self::Cancelled),
            (state, UploadWish::Discard) if !state.is_worked_on() => Some(state),
            _ => None,
        }
    }

    /// Whether there is something left to do for a node.
    pub fn is_worked_on(self) -> bool {
        matches!(self, Self::Trying | Self::Running)
    }

    /// Whether the file itself is not needed any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_imported_that_was_not_tried() {
        for state in UploadState::ALL {
            let may_run = state.after(UploadWish::Run).is_some();
            assert_eq!(may_run, *state == UploadState::Tried, "{state:?}");
        }
    }

    #[test]
    fn what_is_over_stays_over_and_what_is_worked_on_is_not_thrown_away() {
        for state in UploadState::ALL {
            for wish in [UploadWish::Try, UploadWish::Run, UploadWish::Stop] {
                assert!(
                    !state.is_over() || state.after(wish).is_none(),
                    "{state:?} {wish:?}"
                );
            }
            assert_eq!(
                state.after(UploadWish::Discard).is_none(),
                state.is_worked_on(),
                "{state:?}"
            );
        }
    }

    #[test]
    fn words_are_read_back() {
        for state in UploadState::ALL {
            assert_eq!(UploadState::parse(state.as_str()), Some(*state));
        }
        for problem in UploadProblem::ALL {
            assert_eq!(UploadProblem::parse(problem.as_str()), Some(*problem));
        }
    }
}
