//! The states of a message and what may happen in each.
//!
//! Until it starts a message can be edited and cancelled and nothing was sent; an edit makes it a draft again, because
//! what somebody confirmed was another message. Once it runs it can only be held, taken up and aborted. Every change of a state goes through [`State::after`], so that no caller knows the table by heart.

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Being written.
    Draft,
    /// Waits for its time.
    Scheduled,
    /// Has started: its audience is being written down, or recipients wait for their turn.
    Running,
    /// Held by somebody, or by the gateway after too many faults of a provider.
    Paused,
    /// Every recipient has been decided on.
    Done,
    /// Ended before it started; nothing was sent.
    Cancelled,
    /// Ended while it ran; who had not been told never is.
    Aborted,
}

/// Something that somebody or the gateway does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Edit,
    Schedule,
    Cancel,
    Start,
    Pause,
    Resume,
    Abort,
    Finish,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this message is {state}; {step} needs one that is {expected}", state = .state.as_str(), step = .step.as_str())]
pub struct WrongState {
    pub state: State,
    pub step: Step,
    /// In which states the step can be taken.
    pub expected: &'static str,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Cancelled,
        Self::Aborted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Aborted)
    }

    /// The state after `step`.
    pub fn after(self, step: Step) -> Result<Self, WrongState> {
        let next = match (step, self) {
            // What was confirmed is not what it says now.
            (Step::Edit, Self::Draft | Self::Scheduled) => Some(Self::Draft),
            (Step::Schedule, Self::Draft | Self::Scheduled) => Some(Self::Scheduled),
            (Step::Cancel, Self::Draft | Self::Scheduled) => Some(Self::Cancelled),
            (Step::Start, Self::Scheduled) | (Step::Resume, Self::Paused) => Some(Self::Running),
            (Step::Pause, Self::Running) => Some(Self::Paused),
            (Step::Abort, Self::Running | Self::Paused) => Some(Self::Aborted),
            (Step::Finish, Self::Running) => Some(Self::Done),
            _ => None,
        };
        next.ok_or(WrongState {
            state: self,
            step,
            expected: step.expected(),
        })
    }
}

impl Step {
    pub const ALL: [Self; 8] = [
        Self::Edit,
        Self::Schedule,
        Self::Cancel,
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Abort,
        Self::Finish,
    ];

    /// The step as a sentence about it begins.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "editing",
            Self::Schedule => "scheduling",
            Self::Cancel => "cancelling",
            Self::Start => "starting",
            Self::Pause => "pausing",
            Self::Resume => "resuming",
            Self::Abort => "aborting",
            Self::Finish => "finishing",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Edit | Self::Schedule | Self::Cancel => "a draft or scheduled",
            Self::Start => "scheduled",
            Self::Pause | Self::Finish => "running",
            Self::Resume => "paused",
            Self::Abort => "running or paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Edit, schedule, cancel, start, pause, resume, abort, finish; written out by hand, so that a slip above shows.
    const TABLE: [(State, [Option<State>; 8]); 7] = {
        use State::{Aborted, Cancelled, Done, Draft, Paused, Running, Scheduled};
        const NO: Option<State> = None;
        [
            (
                Draft,
                [Some(Draft), Some(Scheduled), Some(Cancelled), NO, NO, NO, NO, NO],
            ),
            (
                Scheduled,
                [
                    Some(Draft),
                    Some(Scheduled),
                    Some(Cancelled),
                    Some(Running),
                    NO,
                    NO,
                    NO,
                    NO,
                ],
            ),
            (
                Running,
                [NO, NO, NO, NO, Some(Paused), NO, Some(Aborted), Some(Done)],
            ),
            (Paused, [NO, NO, NO, NO, NO, Some(Running), Some(Aborted), NO]),
            (Done, [NO; 8]),
            (Cancelled, [NO; 8]),
            (Aborted, [NO; 8]),
        ]
    };

    #[test]
    fn every_step_in_every_state_is_as_the_table_says() {
        for (state, row) in TABLE {
            assert_eq!(State::parse(state.as_str()), Some(state));
            for (step, expected) in Step::ALL.into_iter().zip(row) {
                assert_eq!(state.after(step).ok(), expected, "{step:?} in {state:?}");
            }
        }
        let refused = State::Done.after(Step::Cancel).expect_err("it is over");
        assert_eq!(
            refused.to_string(),
            "this message is done; cancelling needs one that is a draft or scheduled"
        );
    }

    proptest! {
        #[test]
        fn what_was_started_is_never_edited_and_what_is_over_stays_over(steps in proptest::collection::vec(0..8_usize, 0..60)) {
            let (mut state, mut started) = (State::Draft, 0);
            for index in steps {
                let step = Step::ALL[index];
                let Ok(next) = state.after(step) else { continue };
                prop_assert!(!state.is_final());
                started += u32::from(step == Step::Start);
                prop_assert!(started <= 1, "a message starts once");
                if started > 0 {
                    prop_assert!(!matches!(step, Step::Edit | Step::Schedule | Step::Cancel));
                }
                state = next;
            }
        }
    }
}
