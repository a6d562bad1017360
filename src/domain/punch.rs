//! What a presentation of a card is worth: punches and rewards, or a refusal that staff can read aloud.

use crate::domain::capture::{Capture, CaptureKind};
use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::program::PunchRules;
use crate::domain::time::{Day, Timestamp};
use std::time::Duration;

/// What the rules need to know about the moment of a presentation besides the card itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When the card was presented, never later than *now*.
    pub at: Timestamp,
    /// The merchant's business day of `at`.
    pub day: Day,
    pub history: History,
}

/// Earlier punches around the moment. `Latest` is the common case: nothing was punched after this moment, so
/// the card's own running numbers tell all. `Past` is for captures that arrive late, out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    Latest,
    Past {
        punches_on_day: i64,
        nearest_punch: Option<Timestamp>,
    },
}

impl Moment {
    /// True when the card was punched after `at`: the ledger must be asked before deciding.
    pub fn is_out_of_order(card: &Card, at: Timestamp) -> bool {
        card.last_punch_at.is_some_and(|last| at < last)
    }
}

/// Why a presentation gave nothing. A value, not an error: the till shows it and the customer hears it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No card of this merchant has that token.
    UnknownToken,
    /// Staff have ended the card.
    CardVoid,
    /// The capture is older than the card: a station's clock is wrong.
    BeforeCard,
    /// The card was presented a moment ago.
    TooSoon { wait: Duration },
    /// The card has had all its punches for that day.
    DailyLimit { limit: i64 },
    /// The station sent this number before with other contents.
    CounterReused,
}

impl Refusal {
    /// A stable code for stores and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownToken => "unknown_token",
            Self::CardVoid => "card_void",
            Self::BeforeCard => "before_card",
            Self::TooSoon { .. } => "too_soon",
            Self::DailyLimit { .. } => "daily_limit",
            Self::CounterReused => "counter_reused",
        }
    }

    /// The number that belongs to the code, for the store.
    pub fn detail(&self) -> i64 {
        match self {
            Self::TooSoon { wait } => i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            Self::DailyLimit { limit } => *limit,
            _ => 0,
        }
    }

    /// The inverse of [`Refusal::code`] and [`Refusal::detail`].
    pub fn from_code(code: &str, detail: i64) -> Option<Self> {
        Some(match code {
            "unknown_token" => Self::UnknownToken,
            "card_void" => Self::CardVoid,
            "before_card" => Self::BeforeCard,
            "too_soon" => Self::TooSoon {
                wait: Duration::from_secs(u64::try_from(detail).unwrap_or(0)),
            },
            "daily_limit" => Self::DailyLimit { limit: detail },
            "counter_reused" => Self::CounterReused,
            _ => return None,
        })
    }

    /// What staff say to the customer.
    pub fn sentence(&self) -> String {
        match self {
            Self::UnknownToken => "This is not one of our cards.".into(),
            Self::CardVoid => "This card has ended.".into(),
            Self::BeforeCard => "This scan is older than the card. Check the clock of this till.".into(),
            Self::TooSoon { wait } => format!(
                "This card was just punched. Try again in {}.",
                plain_duration(*wait)
            ),
            Self::DailyLimit { limit: 1 } => "This card has had its punch for the day.".into(),
            Self::DailyLimit { limit } => {
                format!("This card has had its {limit} punches for the day.")
            }
            Self::CounterReused => {
                "This till sent two different scans under one number. Call support.".into()
            }
        }
    }
}

/// "40 seconds", "3 minutes": rounded up, so that waiting that long is enough.
fn plain_duration(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000).max(1);
    let (count, unit) = if seconds < 60 {
        (seconds, "second")
    } else if seconds < 3600 {
        (seconds.div_ceil(60), "minute")
    } else {
        (seconds.div_ceil(3600), "hour")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// What a presentation leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every decision is a punch, and none is kept"
)]
pub enum Decision {
    Punched(Punched),
    Refused(Refusal),
}

/// The card after an accepted presentation and the ledger rows that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Punched {
    pub card: Card,
    pub events: Vec<NewEvent>,
    /// Rewards earned by this very presentation.
    pub rewards_earned: i64,
}

/// Decides what `capture` gives to `card` under `rules`.
///
/// The sums always agree with the ledger: punches = Σ event.punches, rewards = Σ event.rewards. Each goal
/// reached is one `RewardRedeemable` row that takes the goal's punches and adds one reward.
pub fn decide(
    rules: &PunchRules,
    card: &Card,
    capture: &Capture,
    moment: Moment,
    now: Timestamp,
) -> Decision {
    if let Some(refusal) = refuse(rules, card, moment) {
        return Decision::Refused(refusal);
    }

    let mut after = card.clone();
    let mut events = Vec::with_capacity(2);
    let event = |kind, delta| NewEvent {
        card: card.id,
        kind,
        delta,
        at: moment.at,
        actor: Actor::Station(capture.key.station),
        capture: Some(capture.key),
        reverses: None,
        reason: None,
    };

    let given = counted_punches(rules, card.punches);
    let is_visit = card
        .last_visit_at
        .is_none_or(|last| moment.at.distance(last) >= rules.visit_gap());
    let seen = match capture.kind {
        CaptureKind::Barcode => EventKind::CustomerScanned,
        CaptureKind::Ndef | CaptureKind::Uid => EventKind::CustomerTapped,
    };
    let punch = Delta {
        punches: given,
        rewards: 0,
        visits: i64::from(is_visit),
    };
    after.apply(punch);
    events.push(event(seen, punch));

    let mut rewards_earned = 0;
    while after.punches >= rules.goal() {
        let earned = Delta {
            punches: -rules.goal(),
            rewards: 1,
            visits: 0,
        };
        after.apply(earned);
        events.push(event(EventKind::RewardRedeemable, earned));
        rewards_earned += 1;
    }

    if is_visit {
        after.last_visit_at = Some(card.last_visit_at.map_or(moment.at, |last| last.max(moment.at)));
    }
    note_punch(&mut after, given, moment);
    after.touch(now);
    Decision::Punched(Punched {
        card: after,
        events,
        rewards_earned,
    })
}

fn refuse(rules: &PunchRules, card: &Card, moment: Moment) -> Option<Refusal> {
    if card.status == CardStatus::Void {
        return Some(Refusal::CardVoid);
    }
    if moment.at < card.created_at {
        return Some(Refusal::BeforeCard);
    }
    let (nearest, on_day) = match moment.history {
        History::Past {
            punches_on_day,
            nearest_punch,
        } => (nearest_punch, punches_on_day),
        History::Latest if card.last_punch_day == Some(moment.day) => {
            (card.last_punch_at, card.punches_on_day)
        }
        History::Latest => (card.last_punch_at, 0),
    };
    if let Some(nearest) = nearest {
        let gap = moment.at.distance(nearest);
        if gap < rules.minimum_gap() {
            return Some(Refusal::TooSoon {
                wait: rules.minimum_gap() - gap,
            });
        }
    }
    if let Some(limit) = rules.max_per_day()
        && on_day + rules.punches_per_visit() > limit
    {
        return Some(Refusal::DailyLimit { limit });
    }
    None
}

/// Punches that one presentation really adds: without carry-over, what goes beyond the goal is not given, so
/// that the ledger's sum stays the truth.
fn counted_punches(rules: &PunchRules, punches: i64) -> i64 {
    if rules.carry_over() {
        return rules.punches_per_visit();
    }
    rules.punches_per_visit().min(rules.goal() - punches)
}

/// Keeps the card's latest punch and the count of its day; a late capture only adds to the day that is kept.
fn note_punch(card: &mut Card, given: i64, moment: Moment) {
    if card.last_punch_day == Some(moment.day) {
        card.punches_on_day += given;
    } else if card.last_punch_day.is_none_or(|day| day < moment.day) {
        card.last_punch_day = Some(moment.day);
        card.punches_on_day = given;
    }
    card.last_punch_at = Some(card.last_punch_at.map_or(moment.at, |last| last.max(moment.at)));
}

#[cfg(test)]
mod tests;
