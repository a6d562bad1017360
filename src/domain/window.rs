//! How far back visits and money are counted, and what of a card's ledger that makes.
//!
//! Invariant: what [`follow`] says of a card is what [`recent`] says of its ledger, or it says that only the ledger knows.
//! A row counts from the moment at which it happened until exactly the length of the window later, so what is kept is
//! right until [`Recent::changes_at`].

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Duration;

use crate::domain::card::Card;
use crate::domain::id::EventId;
use crate::domain::time::{DAY, Timestamp};

/// Longer ones say nothing about a shop.
const MOST_DAYS: u16 = 3650;

/// The length of time that is looked back on, in whole days of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Window(u16);

/// Why a number of days is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("visits are counted over 1 to {MOST_DAYS} days; got {0}")]
pub struct NoWindow(i64);

/// What of a card lies within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Recent {
    pub visits: i64,
    /// Minor units of the program's currency.
    pub spend: i64,
    /// The oldest row that counts: the first to leave.
    pub oldest: Option<Timestamp>,
}

/// A row of a card's ledger that moves visits or money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub id: EventId,
    pub at: Timestamp,
    pub visits: i64,
    pub spend: i64,
    pub reverses: Option<EventId>,
}

/// What was kept of a card when it was last saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// The window in days that `recent` was counted in; 0 while it never was.
    pub days: i64,
    pub recent: Recent,
    pub visits: i64,
    pub spend: i64,
    pub scans: i64,
    pub last_visit_at: Option<Timestamp>,
    pub last_earned_at: Option<Timestamp>,
}

/// What lies within the window of a card that is about to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    Is(Recent),
    /// Something was taken back, came late or came several at once, or what was kept has aged.
    InLedger,
}

impl Default for Window {
    fn default() -> Self {
        Self::YEAR
    }
}

impl Window {
    pub const YEAR: Self = Self(365);

    pub fn new(days: i64) -> Result<Self, NoWindow> {
        let fitting = u16::try_from(days).ok();
        let fitting = fitting.filter(|days| (1..=MOST_DAYS).contains(days));
        fitting.map(Self).ok_or(NoWindow(days))
    }

    pub fn days(self) -> i64 {
        self.0.into()
    }

    fn length(self) -> Duration {
        DAY.saturating_mul(self.0.into())
    }

    /// What happened then or earlier does not count any more.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        now.minus(self.length())
    }

    /// When something that happened at `at` stops counting.
    pub fn leaves(self, at: Timestamp) -> Timestamp {
        at.plus(self.length())
    }
}

impl TryFrom<i64> for Window {
    type Error = NoWindow;

    fn try_from(days: i64) -> Result<Self, NoWindow> {
        Self::new(days)
    }
}

impl From<Window> for i64 {
    fn from(window: Window) -> Self {
        window.days()
    }
}

impl Recent {
    /// The moment at which time alone makes it less.
    pub fn changes_at(&self, window: Window) -> Option<Timestamp> {
        self.oldest.map(|oldest| window.leaves(oldest))
    }

    fn with(self, entry: Entry) -> Self {
        Self {
            visits: self.visits + entry.visits,
            spend: self.spend + entry.spend,
            oldest: Some(self.oldest.map_or(entry.at, |oldest| oldest.min(entry.at))),
        }
    }
}

impl Kept {
    /// What is kept of `card` from now on.
    pub fn of(card: &Card, window: Window, recent: Recent) -> Self {
        Self {
            days: window.days(),
            recent,
            visits: card.visits,
            spend: card.spend,
            scans: card.scans,
            last_visit_at: card.last_visit_at,
            last_earned_at: card.last_earned_at,
        }
    }
}

/// What of a ledger lies within the window at `now`. A row that was taken back counts for nothing, and neither does the
/// row that takes it back: a visit goes with its own day, not with that of its correction.
pub fn recent(ledger: &[Entry], window: Window, now: Timestamp) -> Recent {
    let begin = window.begin(now);
    let reversed: HashSet<EventId> = ledger.iter().filter_map(|entry| entry.reverses).collect();
    let counts = |entry: &&Entry| {
        let moves = entry.visits != 0 || entry.spend != 0;
        moves && entry.at > begin && entry.reverses.is_none() && !reversed.contains(&entry.id)
    };
    ledger
        .iter()
        .filter(counts)
        .fold(Recent::default(), |recent, entry| recent.with(*entry))
}

/// Moves what was kept along with a change of the card.
pub fn follow(kept: &Kept, card: &Card, window: Window, now: Timestamp) -> Followed {
    // Visits are never less than those of the window, and money that was paid is never negative.
    if card.visits == 0 && card.spend == 0 {
        return Followed::Is(Recent::default());
    }
    let has_aged = |at: Timestamp| window.leaves(at) <= now;
    if kept.days != window.days() || kept.recent.oldest.is_some_and(has_aged) {
        return Followed::InLedger;
    }
    let (visits, spend) = (card.visits - kept.visits, card.spend - kept.spend);
    let is_same_visit = card.last_visit_at == kept.last_visit_at;
    if visits == 0 && spend == 0 && is_same_visit {
        return Followed::Is(kept.recent);
    }
    // One presentation at most, so that there is one moment for all of it.
    let is_one = card.scans - kept.scans <= 1 && spend >= 0;
    let at = match visits {
        1 if is_one && card.last_visit_at > kept.last_visit_at => card.last_visit_at,
        0 if is_one
            && is_same_visit
            && card.scans > kept.scans
            && card.last_earned_at > kept.last_earned_at =>
        {
            card.last_earned_at
        }
        _ => None,
    };
    match at {
        Some(at) if !has_aged(at) => Followed::Is(kept.recent.with(Entry {
            id: EventId(0),
            at,
            visits,
            spend,
            reverses: None,
        })),
        _ => Followed::InLedger,
    }
}

#[cfg(test)]
mod tests;
