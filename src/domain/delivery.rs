//! What becomes of a push: every way in which a send can end, as one of eight outcomes, and what follows from it.
//!
//! Invariant: only a provider that refuses this very message ends a push without a delivery. Whatever can be over
//! tomorrow, an outage of a week or a wrong certificate, is waited for.
//!
//! `Outcome` is total: an adapter that does not know a reason says so with [`Outcome::Rejected`] and the
//! provider's own word, and nothing is lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// A way to reach copies of a card. Stored by the same words as [`Channel::as_str`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Apple,
    Google,
    /// An app that Firebase Cloud Messaging reaches.
    Fcm,
    /// A browser that shows the card's own page.
    WebPush,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::Apple, Self::Google, Self::Fcm, Self::WebPush];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Google => "google",
            Self::Fcm => "fcm",
            Self::WebPush => "web_push",
        }
    }

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Apple => "Apple Wallet",
            Self::Google => "Google Wallet",
            Self::Fcm => "App",
            Self::WebPush => "Web card",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// The channel's place in a [`crate::domain::card::Channels`] set.
    pub fn bit(self) -> i64 {
        match self {
            Self::Apple => 1,
            Self::Google => 2,
            Self::Fcm => 4,
            Self::WebPush => 8,
        }
    }
}

/// What a provider's answer means for the push and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it. Not proof that the phone has it: the fetch is.
    Accepted,
    /// The provider took it, and lets it not ring: its own limit on what rings is reached for this card.
    Silenced { reason: String },
    /// The address is dead. `since` is when the provider learned of it: a registration made after that stays.
    Gone {
        since: Option<Timestamp>,
        reason: String,
    },
    /// Come back later; `after` is the provider's wish.
    Retry { after: Option<Duration>, reason: String },
    /// Nobody answers where a holder says that somebody does: at a push service of their choice.
    Unanswered { reason: String },
    /// Nothing was sent, because of our own pace: there is room after so long. No attempt.
    Untried { after: Duration, reason: String },
    /// Our credentials or topic are wrong: sending on would only repeat it for every card.
    Misconfigured { reason: String },
    /// The provider refuses this very message; trying again gives the same answer.
    Rejected { reason: String },
}

/// How many times longer than everybody else those wait at most who do not answer.
const UNANSWERED: u32 = 24;

/// The waiting times between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    pub first: Duration,
    /// Reached and kept for as long as it takes.
    pub longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(3600),
        }
    }
}

/// What to do with an outbox row after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Finished; the row goes.
    Done,
    /// Try again at that time.
    Again { at: Timestamp },
    /// Try then, and count no attempt.
    NotYet { at: Timestamp },
    /// Given up; the reason goes to the card's timeline.
    GiveUp { reason: String },
}

impl BackOff {
    /// What follows from `outcome` after `attempts` attempts (this one included).
    ///
    /// `jitter` is a number from 0 to 255 that spreads retries of many cards over up to a quarter more time.
    pub fn next(self, outcome: &Outcome, attempts: i64, jitter: u8, now: Timestamp) -> Next {
        match outcome {
            Outcome::Accepted | Outcome::Silenced { .. } | Outcome::Gone { .. } => Next::Done,
            Outcome::Rejected { reason } => Next::GiveUp {
                reason: reason.clone(),
            },
            Outcome::Retry { after, .. } => Next::Again {
                at: now.plus(self.wait(attempts, jitter).max(after.unwrap_or_default())),
            },
            // It may never answer: a row that others do not wait for is tried ever more rarely.
            Outcome::Unanswered { .. } => Next::Again {
                at: now.plus(self.wait_at_most(self.longest.saturating_mul(UNANSWERED), attempts, jitter)),
            },
            Outcome::Untried { after, .. } => Next::NotYet {
                at: now.plus(spread(*after, jitter)),
            },
            // A configuration fault is ours to mend: the row waits as long as it takes.
            Outcome::Misconfigured { .. } => Next::Again {
                at: now.plus(self.wait(attempts.max(4), jitter)),
            },
        }
    }

    fn wait(self, attempts: i64, jitter: u8) -> Duration {
        self.wait_at_most(self.longest, attempts, jitter)
    }

    fn wait_at_most(self, longest: Duration, attempts: i64, jitter: u8) -> Duration {
        let doublings = u32::try_from(attempts.clamp(1, 24) - 1).unwrap_or(0);
        let plain = self.first.saturating_mul(1 << doublings).min(longest);
        spread(plain, jitter)
    }
}

fn spread(wait: Duration, jitter: u8) -> Duration {
    wait.saturating_add(wait.mul_f64(f64::from(jitter) / 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waiting_grows_stays_bounded_and_honours_the_provider(attempts in 1..i64::MAX, jitter: u8, asked in 0..10_000_u64) {
            let policy = BackOff::default();
            let now = Timestamp(1_000_000);
            let outcome = Outcome::Retry { after: Some(Duration::from_secs(asked)), reason: "busy".into() };
            let Next::Again { at } = policy.next(&outcome, attempts, jitter, now) else {
                return Err(TestCaseError::fail("a retry is tried again, however many there were"));
            };
            let waited = at.since(now);
            prop_assert!(waited >= Duration::from_secs(asked));
            prop_assert!(waited <= policy.longest.mul_f64(1.25).max(Duration::from_secs(asked)));
        }
    }

    #[test]
    fn a_configuration_fault_never_loses_the_push() {
        let outcome = Outcome::Misconfigured {
            reason: "BadCertificate".into(),
        };
        let next = BackOff::default().next(&outcome, 10_000, 0, Timestamp(0));
        assert!(matches!(next, Next::Again { .. }));
    }

    #[test]
    fn an_outage_of_any_length_ends_in_a_delivery() {
        let policy = BackOff::default();
        let outcome = Outcome::Retry {
            after: None,
            reason: "ServiceUnavailable".into(),
        };
        let hourly = Next::Again {
            at: Timestamp(0).plus(policy.longest),
        };
        for attempts in [20, 21, 1000, i64::MAX] {
            assert_eq!(
                policy.next(&outcome, attempts, 0, Timestamp(0)),
                hourly,
                "{attempts}"
            );
        }
    }

    #[test]
    fn who_never_answers_is_asked_ever_more_rarely_down_to_once_a_day() {
        let policy = BackOff::default();
        let outcome = Outcome::Unanswered {
            reason: "no answer".into(),
        };
        let waits: Vec<Duration> = (1..40)
            .map(
                |attempts| match policy.next(&outcome, attempts, 0, Timestamp(0)) {
                    Next::Again { at } => at.since(Timestamp(0)),
                    other => panic!("it is tried again, not {other:?}"),
                },
            )
            .collect();
        assert_eq!(waits.first(), Some(&policy.first));
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&Duration::from_secs(24 * 3600)));
    }

    #[test]
    fn our_own_pace_costs_no_attempt_and_grows_no_wait() {
        let after = Duration::from_secs(4);
        let outcome = Outcome::Untried {
            after,
            reason: "crowded".into(),
        };
        for attempts in [1, 30] {
            let next = BackOff::default().next(&outcome, attempts, 0, Timestamp(0));
            let at = Timestamp(0).plus(after);
            assert_eq!(next, Next::NotYet { at });
        }
    }
}
