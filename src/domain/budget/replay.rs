//! What would have become of past intents under other rules: the same decisions, made again at the times at which they
//! would have been made.

use std::collections::BTreeMap;

use super::{Alert, Decision, Intent, Rule, Standing, decide};
use crate::domain::time::Timestamp;

/// Looks at one card's waiting intents, so that no policy makes a replay go on for ever.
const LOOKS: usize = 10_000;

/// What became of one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Sent(Timestamp),
    Suppressed(Rule),
    /// Said by another alert.
    Merged,
    /// Still waiting at the end.
    Waits(Rule),
}

/// How many intents fared how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub at_once: u64,
    /// Sent, but later than wanted.
    pub later: u64,
    pub merged: u64,
    /// Not sent until the end.
    pub waiting: u64,
    /// By the rule's name.
    pub suppressed: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn sent(&self) -> u64 {
        self.at_once + self.later
    }

    pub fn count(&mut self, intent: &Intent, fate: &Fate) {
        match fate {
            Fate::Sent(at) if *at <= intent.due_at => self.at_once += 1,
            Fate::Sent(_) => self.later += 1,
            Fate::Merged => self.merged += 1,
            Fate::Waits(_) => self.waiting += 1,
            Fate::Suppressed(rule) => *self.suppressed.entry(rule.as_str()).or_default() += 1,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.at_once += other.at_once;
        self.later += other.later;
        self.merged += other.merged;
        self.waiting += other.waiting;
        for (rule, count) in &other.suppressed {
            *self.suppressed.entry(rule).or_default() += count;
        }
    }
}

/// Decides about `wishes` of one card, each at its `due_at` and again whenever it was deferred to, until `end`. What
/// `standing` has in its log was before them. The fates come in the order of the wishes.
pub fn run(standing: &Standing<'_>, wishes: &[Intent], end: Timestamp) -> Vec<Fate> {
    let mut fates: Vec<Option<Fate>> = wishes.iter().map(|_| None).collect();
    let mut log: Vec<Alert> = standing.alerts.to_vec();
    // When each is to be looked at next, and by which rule it waits.
    let mut waiting: Vec<(Timestamp, usize, Rule)> = wishes
        .iter()
        .enumerate()
        .map(|(index, wish)| (wish.due_at, index, Rule::Scheduled))
        .collect();
    for _ in 0..LOOKS {
        let Some(now) = waiting.iter().map(|(at, ..)| *at).min().filter(|now| *now <= end) else {
            break;
        };
        // Everything that is wanted by now is decided together, as it would be for a claim.
        let (due, not_yet): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(_, index, _)| wishes[*index].due_at <= now);
        waiting = not_yet;
        let intents: Vec<Intent> = due.iter().map(|(_, index, _)| wishes[*index]).collect();
        let rulings = decide(
            &Standing {
                alerts: &log,
                ..*standing
            },
            &intents,
            now,
        );
        for ((_, index, _), ruling) in due.into_iter().zip(rulings) {
            match ruling.decision {
                Decision::SendNow => {
                    log.push(Alert {
                        at: now,
                        class: wishes[index].class,
                        digest: wishes[index].digest,
                        is_open: false,
                    });
                    fates[index] = Some(Fate::Sent(now));
                }
                Decision::Defer { until } => waiting.push((until, index, ruling.rule)),
                Decision::Suppress => fates[index] = Some(Fate::Suppressed(ruling.rule)),
                Decision::Merge => fates[index] = Some(Fate::Merged),
                Decision::Hold => fates[index] = Some(Fate::Waits(ruling.rule)),
            }
        }
    }
    for (_, index, rule) in waiting {
        fates[index] = Some(Fate::Waits(rule));
    }
    fates.into_iter().flatten().collect()
}
