//! What the fake answers: as the real service, unless a script says otherwise for a token or for the next pushes.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// One scripted answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status and reason, as Apple's table has them.
    Status {
        status: u16,
        reason: String,
        retry_after: Option<String>,
        timestamp: Option<Timestamp>,
    },
    /// Takes the push, but only after this long.
    Slow(Duration),
    /// Never answers.
    Silence,
    /// Takes this push and says GOAWAY: the pushes in flight are still answered.
    GoAway,
    /// Says GOAWAY and closes: pushes that were not read yet are not processed.
    Abort,
    /// Drops the TCP connection without a word.
    Reset,
}

impl Answer {
    pub fn status(status: u16, reason: &str) -> Self {
        Self::Status {
            status,
            reason: reason.to_owned(),
            retry_after: None,
            timestamp: None,
        }
    }

    /// 410 with the time at which the token died.
    pub fn unregistered(since: Timestamp) -> Self {
        Self::Status {
            status: 410,
            reason: "Unregistered".into(),
            retry_after: None,
            timestamp: Some(since),
        }
    }

    /// A status with a `Retry-After` in seconds.
    pub fn later(status: u16, reason: &str, seconds: u64) -> Self {
        Self::Status {
            status,
            reason: reason.to_owned(),
            retry_after: Some(seconds.to_string()),
            timestamp: None,
        }
    }
}

/// The answers still to be given.
#[derive(Debug, Default)]
pub(super) struct Script {
    by_token: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    next: VecDeque<Answer>,
    everything: Option<Answer>,
}

impl Script {
    pub(super) fn add(&mut self, token: &str, answers: impl IntoIterator<Item = Answer>) {
        self.by_token
            .entry(token.to_ascii_lowercase())
            .or_default()
            .extend(answers);
    }

    pub(super) fn set_always(&mut self, token: &str, answer: Answer) {
        self.always.insert(token.to_ascii_lowercase(), answer);
    }

    pub(super) fn add_next(&mut self, answers: impl IntoIterator<Item = Answer>) {
        self.next.extend(answers);
    }

    pub(super) fn set_everything(&mut self, answer: Option<Answer>) {
        self.everything = answer;
    }

    /// The answer for a push to `token` (in lower case); `None`: take it.
    pub(super) fn take(&mut self, token: &str) -> Option<Answer> {
        if let Some(queue) = self.by_token.get_mut(token) {
            if let Some(answer) = queue.pop_front() {
                return Some(answer);
            }
            self.by_token.remove(token);
        }
        if let Some(answer) = self.always.get(token) {
            return Some(answer.clone());
        }
        self.next.pop_front().or_else(|| self.everything.clone())
    }
}
