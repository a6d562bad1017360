//! What a device signals to the person in front of it, and the steps a profile gives for each signal.
//!
//! A signal is best effort: a device that cannot show it loses no capture, because the till page shows the same
//! answer. Steps are validated when the profile is read: hexadecimal, and no longer than [`LONGEST`] together.

use crate::wire::Feedback;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// The longest a device may be busy signalling; a queue at the till moves faster than any melody.
pub const LONGEST: Duration = Duration::from_millis(1500);

/// A signal of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Short: read, and stored on this till's disk.
    Stored,
    Accept,
    Reward,
    Reject,
    Offline,
    Retry,
}

impl From<Feedback> for Signal {
    fn from(feedback: Feedback) -> Self {
        match feedback {
            Feedback::Accept => Self::Accept,
            Feedback::Reward => Self::Reward,
            Feedback::Reject => Self::Reject,
            Feedback::Offline => Self::Offline,
            Feedback::Retry => Self::Retry,
        }
    }
}

/// One thing to do for a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Send(Vec<u8>),
    Wait(Duration),
}

/// Why the steps of a signal are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    #[error("a step has either `send` or `wait_ms`; got both or neither")]
    Ambiguous,
    #[error("`send` is an even number of hexadecimal digits; got {0:?}")]
    Hexadecimal(String),
    #[error("the waits of one signal may last {LONGEST:?} together; got {0:?}")]
    TooLong(Duration),
}

/// The steps for every signal; an empty list is a silent signal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    stored: Steps,
    accept: Steps,
    reward: Steps,
    reject: Steps,
    offline: Steps,
    retry: Steps,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    #[serde(deserialize_with = "steps")]
    steps: Vec<Step>,
}

impl Signals {
    pub fn steps(&self, signal: Signal) -> &[Step] {
        let steps = match signal {
            Signal::Stored => &self.stored,
            Signal::Accept => &self.accept,
            Signal::Reward => &self.reward,
            Signal::Reject => &self.reject,
            Signal::Offline => &self.offline,
            Signal::Retry => &self.retry,
        };
        &steps.steps
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    send: Option<String>,
    wait_ms: Option<u64>,
}

fn steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Step>, D::Error> {
    let raw = Vec::<RawStep>::deserialize(deserializer)?;
    check(raw).map_err(serde::de::Error::custom)
}

fn check(raw: Vec<RawStep>) -> Result<Vec<Step>, StepError> {
    let mut total = Duration::ZERO;
    let mut steps = Vec::with_capacity(raw.len());
    for step in raw {
        match (step.send, step.wait_ms) {
            (Some(text), None) => match hex::decode(&text) {
                Ok(bytes) => steps.push(Step::Send(bytes)),
                Err(_) => return Err(StepError::Hexadecimal(text)),
            },
            (None, Some(wait)) => {
                let wait = Duration::from_millis(wait);
                total = total.saturating_add(wait);
                steps.push(Step::Wait(wait));
            }
            _ => return Err(StepError::Ambiguous),
        }
    }
    if total > LONGEST {
        return Err(StepError::TooLong(total));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Step>, String> {
        toml::from_str::<Steps>(text)
            .map(|steps| steps.steps)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn steps_are_bytes_and_waits() {
        let steps = parse("steps = [{ send = \"1B37\" }, { wait_ms = 20 }]").expect("valid");
        assert_eq!(
            steps,
            [
                Step::Send(vec![0x1b, 0x37]),
                Step::Wait(Duration::from_millis(20))
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_step_is_said() {
        let said = |text, what| parse(text).is_err_and(|error| error.contains(what));
        assert!(said("steps = [{ send = \"1B3\" }]", "\"1B3\""));
        assert!(said("steps = [{}]", "either"));
        assert!(said("steps = [{ wait_ms = 1000 }, { wait_ms = 501 }]", "1.501s"));
        assert!(said("steps = [{ beep = 1 }]", "unknown field"));
        assert!(said("", "missing field"));
    }
}
