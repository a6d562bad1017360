//! What will become of a message, and what became of it: the same counts, so that both stand side by side.
//!
//! A forecast is the sum of the very decisions that will be made when it is sent, one for each copy of each recipient's
//! card (a card in two wallets has two), and names no recipient: its size does not grow with the audience. What a
//! forecast is held against are the first decisions: somebody who was deferred stays counted so when they are sent to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::budget;
use crate::domain::message::readers::Readers;
use crate::domain::time::Timestamp;

/// What is decided about one copy of a card when the message comes to it for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Sent,
    /// Later, at the exact time at which it may be sent.
    Deferred(Timestamp),
    /// Never, with the code of the rule that says so.
    Suppressed(String),
}

/// Verdicts on an audience, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Cards.
    pub recipients: i64,
    /// Copies; with `deferred` and `suppressed` these are all that were decided on.
    pub sent: i64,
    pub deferred: i64,
    /// By the code of the rule.
    pub suppressed: BTreeMap<String, i64>,
    /// Those who are sent to, by the hour in which that is: full hours since 1970, UTC.
    pub line: BTreeMap<i64, i64>,
}

/// A tally with the moment for which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    pub tally: Tally,
    /// When it was made.
    pub made_at: Timestamp,
    /// When the message was going to start.
    pub starts_at: Timestamp,
    /// The version of the message that it is about.
    pub version: i64,
    /// Who reads which words, where it says something in several languages.
    #[serde(default, skip_serializing_if = "Readers::is_empty")]
    pub readers: Readers,
}

/// One line of a forecast beside its outcome, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub what: String,
    pub forecast: Option<i64>,
    pub outcome: i64,
}

/// Hours of a time line; what lies further ahead is counted in its last hour.
pub const MOST_HOURS: usize = 24 * 60;

/// Milliseconds of an hour.
pub const HOUR: i64 = 3_600_000;

impl Tally {
    /// Counts `count` copies whose turn is at `due`.
    pub fn add(&mut self, verdict: &Verdict, due: Timestamp, count: i64) {
        match verdict {
            Verdict::Sent => {
                self.sent += count;
                self.at(due, count);
            }
            Verdict::Deferred(until) => {
                self.deferred += count;
                self.at(*until, count);
            }
            Verdict::Suppressed(rule) => {
                // Codes come from our own rules, of which there are few.
                *self.suppressed.entry(rule.clone()).or_default() += count;
            }
        }
    }

    fn at(&mut self, time: Timestamp, count: i64) {
        let mut hour = time.0.div_euclid(HOUR);
        if self.line.len() >= MOST_HOURS
            && !self.line.contains_key(&hour)
            && let Some((last, _)) = self.line.last_key_value()
        {
            hour = *last;
        }
        *self.line.entry(hour).or_default() += count;
    }

    pub fn suppressed(&self) -> i64 {
        self.suppressed.values().sum()
    }
}

/// What has become of a message so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The first decisions.
    pub first: Tally,
    /// Copies by the state that they are in now, and within it by the reason, where there is one.
    pub states: BTreeMap<String, i64>,
    pub reasons: BTreeMap<String, i64>,
}

/// Copies of one message that have the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    pub state: String,
    /// Why it is deferred or suppressed, or a provider's reason.
    pub reason: Option<String>,
    /// Nobody has decided yet.
    pub is_undecided: bool,
    pub is_suppressed: bool,
    pub deferred_until: Option<Timestamp>,
    pub due_at: Timestamp,
    pub count: i64,
}

impl Outcome {
    /// Copies that were written down.
    pub fn created(&self) -> i64 {
        self.states.values().sum()
    }

    pub fn add(&mut self, fate: &Fate) {
        *self.states.entry(fate.state.clone()).or_default() += fate.count;
        if let Some(reason) = &fate.reason {
            let key = format!("{}: {reason}", fate.state);
            *self.reasons.entry(key).or_default() += fate.count;
        }
        let verdict = match fate.deferred_until {
            Some(until) => Verdict::Deferred(until),
            None if fate.is_suppressed => Verdict::Suppressed(fate.reason.clone().unwrap_or_default()),
            None if fate.is_undecided => return,
            None => Verdict::Sent,
        };
        self.first.add(&verdict, fate.due_at, fate.count);
    }
}

/// Where an hour of a time line begins.
pub fn hour_start(hour: i64) -> Timestamp {
    Timestamp(hour.saturating_mul(HOUR))
}

/// A forecast, if there is one, and an outcome, line by line: recipients, sent at once, deferred, and each reason for
/// which either of them suppresses.
pub fn side_by_side(forecast: Option<&Tally>, outcome: &Tally) -> Vec<Line> {
    let line = |what: &str, of: fn(&Tally) -> i64| Line {
        what: what.to_owned(),
        forecast: forecast.map(of),
        outcome: of(outcome),
    };
    let mut lines = vec![
        line("recipients", |tally| tally.recipients),
        line("sent at once", |tally| tally.sent),
        line("deferred", |tally| tally.deferred),
    ];
    let reasons = forecast
        .into_iter()
        .chain([outcome])
        .flat_map(|tally| tally.suppressed.keys());
    let reasons: BTreeSet<&String> = reasons.collect();
    for reason in reasons {
        let of = |tally: &Tally| tally.suppressed.get(reason).copied().unwrap_or(0);
        lines.push(Line {
            what: format!("not sent: {}", budget::reason(reason)),
            forecast: forecast.map(of),
            outcome: of(outcome),
        });
    }
    lines
}

/// An hour of both time lines: how many copies are told in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    pub begins: Timestamp,
    pub forecast: Option<i64>,
    pub outcome: i64,
}

/// The time lines of a forecast, if there is one, and an outcome, hour by hour.
pub fn hours(forecast: Option<&Tally>, outcome: &Tally) -> Vec<Hour> {
    let tallies = forecast.into_iter().chain([outcome]);
    let all: BTreeSet<i64> = tallies.flat_map(|tally| tally.line.keys().copied()).collect();
    let hour = |hour: i64| {
        let of = |tally: &Tally| tally.line.get(&hour).copied().unwrap_or(0);
        Hour {
            begins: hour_start(hour),
            forecast: forecast.map(of),
            outcome: of(outcome),
        }
    };
    all.into_iter().map(hour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Sent),
            (0..10_000_000_000_i64).prop_map(|at| Verdict::Deferred(Timestamp(at))),
            "[a-c]{1,2}".prop_map(Verdict::Suppressed),
        ]
    }

    proptest! {
        #[test]
        fn everybody_is_counted_once_and_it_stays_small(verdicts in proptest::collection::vec((verdict(), 0..10_000_000_000_i64), 0..3000)) {
            let mut tally = Tally::default();
            for (verdict, due) in &verdicts {
                tally.add(verdict, Timestamp(*due), 1);
            }
            let all = i64::try_from(verdicts.len()).expect("few");
            prop_assert_eq!(tally.sent + tally.deferred + tally.suppressed(), all);
            prop_assert_eq!(tally.line.values().sum::<i64>(), tally.sent + tally.deferred);
            prop_assert!(tally.line.len() <= MOST_HOURS);
            let stored = serde_json::to_string(&tally).expect("stored");
            prop_assert_eq!(serde_json::from_str::<Tally>(&stored).expect("read"), tally);
        }
    }

    #[test]
    fn a_reason_that_only_one_side_knows_has_its_line() {
        let (mut forecast, mut outcome) = (Tally::default(), Tally::default());
        forecast.recipients = 1;
        outcome.recipients = 1;
        forecast.add(&Verdict::Suppressed("no_consent".into()), Timestamp(0), 1);
        outcome.add(&Verdict::Suppressed("void".into()), Timestamp(0), 1);
        let lines = side_by_side(Some(&forecast), &outcome);
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.what.as_str(), line.forecast, line.outcome))
            .collect();
        assert_eq!(
            shown,
            [
                ("recipients", Some(1), 1),
                ("sent at once", Some(0), 0),
                ("deferred", Some(0), 0),
                ("not sent: the holder has not agreed to this", Some(1), 0),
                ("not sent: the card has ended", Some(0), 1),
            ]
        );
        assert_eq!(side_by_side(None, &outcome)[0].forecast, None);
    }

    #[test]
    fn time_lines_stand_side_by_side_hour_by_hour() {
        let (mut forecast, mut outcome) = (Tally::default(), Tally::default());
        forecast.add(&Verdict::Sent, Timestamp(HOUR), 3);
        outcome.add(&Verdict::Sent, Timestamp(HOUR), 2);
        outcome.add(&Verdict::Deferred(Timestamp(4 * HOUR)), Timestamp(HOUR), 1);
        let shown = |forecast| {
            let hours = hours(forecast, &outcome);
            let told = |hour: &Hour| (hour.begins.0 / HOUR, hour.forecast, hour.outcome);
            hours.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(shown(Some(&forecast)), [(1, Some(3), 2), (4, Some(0), 1)]);
        assert_eq!(shown(None), [(1, None, 2), (4, None, 1)]);
    }

    #[test]
    fn who_was_deferred_stays_so_and_who_waits_is_not_counted_yet() {
        let fate = Fate {
            state: "waiting".into(),
            reason: None,
            is_undecided: true,
            is_suppressed: false,
            deferred_until: None,
            due_at: Timestamp(HOUR),
            count: 3,
        };
        let mut outcome = Outcome::default();
        outcome.add(&fate);
        assert_eq!(outcome.first, Tally::default());
        let deferred = Fate {
            state: "accepted".into(),
            is_undecided: false,
            deferred_until: Some(Timestamp(5 * HOUR)),
            ..fate.clone()
        };
        outcome.add(&deferred);
        let suppressed = Fate {
            state: "suppressed".into(),
            reason: Some("no_consent".into()),
            is_undecided: false,
            is_suppressed: true,
            count: 2,
            ..fate
        };
        outcome.add(&suppressed);
        assert_eq!((outcome.first.sent, outcome.first.deferred), (0, 3));
        assert_eq!(outcome.first.line, BTreeMap::from([(5, 3)]));
        assert_eq!(outcome.first.suppressed(), 2);
        assert_eq!(outcome.states["waiting"], 3);
        assert_eq!(
            outcome.reasons,
            BTreeMap::from([("suppressed: no_consent".to_owned(), 2)])
        );
    }
}
