//! Stops sending where every answer says that our own set-up is wrong, and finds out when that is over. Pure.
//!
//! One circuit stands for one certificate or account. It opens after [`FAULTS`] configuration faults in a row (one
//! alone may be a single bad address, and must not silence everybody else), and when most of the recent addresses
//! are called invalid: a wrong environment looks like that, and would cost every registration. So "invalid" is believed
//! only while at most half of the recent answers say it; before there are enough of them to open the circuit, the push
//! is tried again later. While it is open, nothing is sent and nothing is deleted; after a while one push may try.

use std::time::Duration;

use crate::domain::delivery::Outcome;
use crate::domain::time::Timestamp;

/// Configuration faults in a row that open the circuit.
const FAULTS: u32 = 3;
/// Answers that are looked back on for invalid addresses, and the fewest that say anything.
const WINDOW: u32 = 64;
const SAMPLE: u32 = 16;
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// How long others wait for the one that tries.
const PROBE_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    Send,
    /// Not now; nothing is decided before then.
    Wait {
        until: Timestamp,
    },
}

/// What the log and the metrics are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    Opened { reason: String, until: Timestamp },
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Timestamp, wait: Duration },
    Probing { until: Timestamp, wait: Duration },
}

#[derive(Debug)]
pub(super) struct Circuit {
    state: State,
    faults: u32,
    /// One bit an answer, the newest lowest: set when it called the address invalid.
    invalid: u64,
    answers: u32,
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            state: State::Closed,
            faults: 0,
            invalid: 0,
            answers: 0,
        }
    }
}

impl Circuit {
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a push may leave now. While the circuit is open, the first that asks after the wait is the one that
    /// tries.
    pub(super) fn admit(&mut self, now: Timestamp) -> Admission {
        match self.state {
            State::Closed => Admission::Send,
            State::Open { until, wait } | State::Probing { until, wait } if now >= until => {
                self.state = State::Probing {
                    until: now.plus(PROBE_WITHIN),
                    wait,
                };
                Admission::Send
            }
            State::Open { until, .. } | State::Probing { until, .. } => Admission::Wait { until },
        }
    }

    /// Takes note of an answer and returns what it means: an invalid address among too many is our fault and not
    /// the address's.
    pub(super) fn judge(&mut self, outcome: Outcome, now: Timestamp) -> (Outcome, Option<Turn>) {
        let outcome = self.doubt(outcome);
        let turn = match &outcome {
            Outcome::Misconfigured { reason } => {
                self.faults += 1;
                match self.state {
                    State::Closed if self.faults < FAULTS => None,
                    State::Closed => Some(self.open(reason, FIRST_WAIT, now)),
                    State::Probing { wait, .. } => {
                        self.reopen(wait.saturating_mul(2).min(LONGEST_WAIT), now);
                        None
                    }
                    State::Open { .. } => None,
                }
            }
            // Says nothing about the set-up: the next one tries.
            Outcome::Retry { .. } | Outcome::Unanswered { .. } => {
                if let State::Probing { wait, .. } = self.state {
                    self.reopen(wait, now);
                }
                None
            }
            Outcome::Untried { after, .. } => {
                if let State::Probing { wait, .. } = self.state {
                    let until = now.plus(*after);
                    self.state = State::Open { until, wait };
                }
                None
            }
            Outcome::Accepted
            | Outcome::Silenced { .. }
            | Outcome::Gone { .. }
            | Outcome::Rejected { .. } => {
                self.faults = 0;
                match self.state {
                    State::Probing { .. } => {
                        *self = Self::default();
                        Some(Turn::Closed)
                    }
                    // Answers to pushes from before prove nothing.
                    State::Open { .. } | State::Closed => None,
                }
            }
        };
        (outcome, turn)
    }

    /// Turns "invalid address" into a configuration fault when it comes too often, and into another attempt while too
    /// little is known.
    fn doubt(&mut self, outcome: Outcome) -> Outcome {
        let invalid = matches!(outcome, Outcome::Gone { since: None, .. });
        if matches!(
            outcome,
            Outcome::Accepted | Outcome::Silenced { .. } | Outcome::Gone { .. } | Outcome::Rejected { .. }
        ) {
            self.invalid = (self.invalid << 1) | u64::from(invalid);
            self.answers = (self.answers + 1).min(WINDOW);
        }
        let count = self.invalid.count_ones();
        match outcome {
            Outcome::Gone { since: None, reason } if count * 2 > self.answers => {
                let reason = format!("{reason} for {count} of the last {} addresses", self.answers);
                if self.answers < SAMPLE {
                    return Outcome::Retry { after: None, reason };
                }
                self.faults = FAULTS;
                Outcome::Misconfigured { reason }
            }
            other => other,
        }
    }

    fn open(&mut self, reason: &str, wait: Duration, now: Timestamp) -> Turn {
        self.reopen(wait, now);
        Turn::Opened {
            reason: reason.to_owned(),
            until: now.plus(wait),
        }
    }

    fn reopen(&mut self, wait: Duration, now: Timestamp) {
        self.state = State::Open {
            until: now.plus(wait),
            wait,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn fault() -> Outcome {
        Outcome::Misconfigured {
            reason: "BadCertificate".into(),
        }
    }

    fn invalid() -> Outcome {
        Outcome::Gone {
            since: None,
            reason: "BadDeviceToken".into(),
        }
    }

    #[test]
    fn one_bad_address_silences_nobody() {
        let mut circuit = Circuit::default();
        for _ in 0..100 {
            circuit.judge(fault(), NOW);
            circuit.judge(Outcome::Accepted, NOW);
            circuit.judge(fault(), NOW);
            circuit.judge(Outcome::Accepted, NOW);
        }
        assert!(circuit.is_closed());
    }

    #[test]
    fn faults_open_it_once_and_one_push_tries_later() {
        let mut circuit = Circuit::default();
        let turns: Vec<_> = (0..5).filter_map(|_| circuit.judge(fault(), NOW).1).collect();
        assert_eq!(turns.len(), 1, "one log line");
        assert_eq!(
            circuit.admit(NOW),
            Admission::Wait {
                until: NOW.plus(FIRST_WAIT)
            }
        );

        let later = NOW.plus(FIRST_WAIT);
        assert_eq!(circuit.admit(later), Admission::Send);
        assert!(
            matches!(circuit.admit(later), Admission::Wait { .. }),
            "only one tries"
        );
        assert_eq!(circuit.judge(fault(), later).1, None);
        let longer = later.plus(FIRST_WAIT * 2);
        assert_eq!(circuit.admit(later), Admission::Wait { until: longer });

        assert_eq!(circuit.admit(longer), Admission::Send);
        assert_eq!(circuit.judge(Outcome::Accepted, longer).1, Some(Turn::Closed));
        assert_eq!(circuit.admit(longer), Admission::Send);
    }

    #[test]
    fn a_try_that_never_answers_does_not_keep_it_open_for_ever() {
        let mut circuit = Circuit::default();
        for _ in 0..FAULTS {
            circuit.judge(fault(), NOW);
        }
        let later = NOW.plus(FIRST_WAIT);
        assert_eq!(circuit.admit(later), Admission::Send);
        assert_eq!(circuit.admit(later.plus(PROBE_WITHIN)), Admission::Send);
    }

    #[test]
    fn a_try_that_did_not_leave_is_made_up_for() {
        let mut circuit = Circuit::default();
        for _ in 0..FAULTS {
            circuit.judge(fault(), NOW);
        }
        let later = NOW.plus(FIRST_WAIT);
        assert_eq!(circuit.admit(later), Admission::Send);
        let after = Duration::from_secs(2);
        let untried = Outcome::Untried {
            after,
            reason: "crowded".into(),
        };
        assert_eq!(circuit.judge(untried, later).1, None);
        let until = later.plus(after);
        assert_eq!(circuit.admit(later), Admission::Wait { until });
        assert_eq!(circuit.admit(until), Admission::Send);
    }

    #[test]
    fn invalid_addresses_are_believed_until_there_are_too_many() {
        let mut circuit = Circuit::default();
        for _ in 0..20 {
            assert_eq!(circuit.judge(Outcome::Accepted, NOW).0, Outcome::Accepted);
        }
        for _ in 0..20 {
            assert_eq!(circuit.judge(invalid(), NOW).0, invalid());
        }
        let (outcome, turn) = circuit.judge(invalid(), NOW);
        assert!(matches!(outcome, Outcome::Misconfigured { .. }), "{outcome:?}");
        assert!(matches!(turn, Some(Turn::Opened { .. })));
    }

    #[test]
    fn a_wrong_environment_costs_no_registration() {
        let mut circuit = Circuit::default();
        let believed = (0..1000)
            .filter(|_| circuit.judge(invalid(), NOW).0 == invalid())
            .count();
        assert_eq!(believed, 0);
        assert!(!circuit.is_closed());
    }

    #[test]
    fn few_answers_are_not_enough_to_delete_by_and_one_good_one_is() {
        let mut circuit = Circuit::default();
        let (doubted, turn) = circuit.judge(invalid(), NOW);
        assert!(matches!(doubted, Outcome::Retry { .. }), "{doubted:?}");
        assert_eq!(turn, None);
        circuit.judge(Outcome::Accepted, NOW);
        circuit.judge(Outcome::Accepted, NOW);
        assert_eq!(circuit.judge(invalid(), NOW).0, invalid());
    }
}
