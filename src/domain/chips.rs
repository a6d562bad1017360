//! The built-in segments, which every list of cards offers as chips: which of them a card is in, and when that changes
//! by time alone.
//!
//! Invariant: what [`standing`] says of a card stays true until [`next_change`], unless the card or its program's rules
//! change; and so does what is kept of its visits within the window. So counts can be kept: whoever changes a card compares before and after, and everything else is due at a
//! known moment.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::domain::card::{Card, CardStatus, Channels};
use crate::domain::rfm::{Cell, Grid, Seen};
use crate::domain::time::Timestamp;
use crate::domain::window::{Recent, Window};

const DAY: Duration = Duration::from_secs(24 * 3600);
const WEEK: Duration = DAY.saturating_mul(7);
const MONTH: Duration = DAY.saturating_mul(30);
/// Visits that make a frequent customer.
const FREQUENT: i64 = 10;

macro_rules! chips {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $code:literal, $title:literal, $rule:literal;)*) => {
        /// One built-in segment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Chip {
            $($(#[$doc])* $name),*
        }

        impl Chip {
            pub const EACH: &'static [Self] = &[$(Self::$name),*];

            /// Its place in a stored set; never reused for another one.
            pub fn bit(self) -> i64 {
                match self {
                    $(Self::$name => 1 << $bit),*
                }
            }

            /// Its name in URLs and programs.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name on screens.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title),*
                }
            }

            /// Its rule, as merchants read it.
            pub fn rule(self) -> &'static str {
                match self {
                    $(Self::$name => $rule),*
                }
            }
        }
    };
}

chips! {
    All = 0, "all", "All customers", "Everybody with a card who has not been erased.";
    ReadyToRedeem = 1, "ready_to_redeem", "Ready to redeem",
        "At least one reward that can be redeemed now, or a coupon that is still good.";
    Inactive7 = 2, "inactive_7", "Inactive (7+ days)",
        "The card has not been ended, and the last visit, or joining where there was none, is 7 days ago or longer.";
    Inactive30 = 3, "inactive_30", "Inactive (30+ days)",
        "The card has not been ended, and the last visit, or joining where there was none, is 30 days ago or longer.";
    Active = 4, "active", "Active loyalty users", "The card is in a wallet and there was a visit in the last 30 days.";
    New = 5, "new", "New customers", "Joined in the last 7 days.";
    Redeemed = 6, "redeemed", "Redeemed", "At least one reward or coupon redeemed, ever.";
    Frequent = 7, "frequent", "Frequent (10+ visits)", "10 visits or more.";
    NeverScanned = 8, "never_scanned", "Never scanned", "The card is in a wallet and was never scanned or tapped.";
    /// By a limit that is measured now and then, see [`CountRules::high_value_from`].
    HighValue = 9, "high_value", "High value",
        "In the top fifth of the program by money spent, by the limit measured last.";
    LowEngagement = 10, "low_engagement", "Low engagement",
        "The card is in a wallet, was first added 30 days ago or longer, and there was at most one visit in the last \
         30 days.";
}

/// A set of built-in segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Chips(pub i64);

impl Chips {
    pub fn contains(self, chip: Chip) -> bool {
        self.0 & chip.bit() != 0
    }

    fn with_if(self, chip: Chip, holds: bool) -> Self {
        if holds { Self(self.0 | chip.bit()) } else { self }
    }
}

/// What merchants set, or the gateway measures, for the counts of one program. A change of it is a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CountRules {
    pub grid: Grid,
    /// How far back the grid counts visits and money.
    pub window: Window,
    /// The least that a card of the top fifth has spent, in minor units; none until somebody has spent something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_value_from: Option<i64>,
}

impl CountRules {
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What makes a card of a program ready to redeem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A reward that was earned.
    Reward,
    /// Points that cover the cheapest reward; none where points buy nothing.
    Balance(Option<i64>),
    /// Being a coupon that was not redeemed.
    Coupon,
}

/// What must be known besides the card itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub rules: CountRules,
    pub ready: Ready,
    /// When the card was first seen in a wallet.
    pub installed_at: Option<Timestamp>,
    /// The last visit but one.
    pub visit_before_at: Option<Timestamp>,
    /// Visits and money within the window of the rules.
    pub recent: Recent,
    /// Whether the customer has been erased; their cards are in no segment any more.
    pub is_erased: bool,
}

/// Where a card stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Standing {
    pub chips: Chips,
    pub cell: Cell,
}

impl Standing {
    /// The counters that a card in this place counts for. The erased are in no segment and in no cell.
    pub fn counters(self) -> impl Iterator<Item = Counter> {
        self.counters_without(Self::default())
    }

    /// Those of [`Standing::counters`] that a card in the `other` place does not count for.
    pub fn counters_without(self, other: Self) -> impl Iterator<Item = Counter> {
        let own = Chips(self.chips.0 & !other.chips.0);
        let chips = Chip::EACH.iter().filter(move |chip| own.contains(**chip));
        let cell = self
            .counted_cell()
            .filter(|cell| other.counted_cell() != Some(*cell));
        chips
            .map(|chip| Counter::Chip(*chip))
            .chain(cell.map(Counter::Cell))
    }

    fn counted_cell(self) -> Option<Cell> {
        self.chips.contains(Chip::All).then_some(self.cell)
    }
}

/// What is counted of a program's cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    Chip(Chip),
    Cell(Cell),
}

/// Counters of cells come behind those of all the chips that there can ever be.
const FIRST_CELL: i64 = 64;

impl Counter {
    /// Its number in the store.
    pub fn code(self) -> i64 {
        match self {
            Self::Chip(chip) => i64::from(chip.bit().trailing_zeros()),
            Self::Cell(cell) => FIRST_CELL + cell.0,
        }
    }

    /// The inverse of [`Counter::code`].
    pub fn from_code(code: i64) -> Option<Self> {
        if code >= FIRST_CELL {
            return Some(Self::Cell(Cell(code - FIRST_CELL)));
        }
        let mut chips = Chip::EACH.iter().copied().map(Self::Chip);
        chips.find(|chip| chip.code() == code)
    }
}

/// The built-in segments that a card is in, and its cell of the program's grid.
pub fn standing(card: &Card, facts: &Facts, now: Timestamp) -> Standing {
    Standing {
        chips: membership(card, facts, now),
        cell: facts.rules.grid.cell(&Seen::of(card, facts.recent), now),
    }
}

/// The built-in segments that a card is in.
pub fn membership(card: &Card, facts: &Facts, now: Timestamp) -> Chips {
    if facts.is_erased {
        return Chips::default();
    }
    let is_void = card.status == CardStatus::Void;
    let is_installed = card.status == CardStatus::Installed;
    let has_passed = |at: Timestamp, span| at.plus(span) <= now;
    let last_seen = card.last_visit_at.unwrap_or(card.created_at);
    let is_good = !is_void && !card.is_expired(now);
    let has_reward = match facts.ready {
        Ready::Reward => card.rewards > 0,
        Ready::Balance(cheapest) => card.rewards > 0 || cheapest.is_some_and(|price| card.points >= price),
        Ready::Coupon => card.redeemed_at.is_none(),
    };
    let visited_lately = card.last_visit_at.is_some_and(|at| !has_passed(at, MONTH));
    let visited_twice_lately = facts.visit_before_at.is_some_and(|at| !has_passed(at, MONTH));
    let installed_long = facts.installed_at.is_some_and(|at| has_passed(at, MONTH));
    let is_high = facts.rules.high_value_from.is_some_and(|from| card.spend >= from);
    Chips::default()
        .with_if(Chip::All, true)
        .with_if(Chip::ReadyToRedeem, is_good && has_reward)
        .with_if(Chip::Inactive7, !is_void && has_passed(last_seen, WEEK))
        .with_if(Chip::Inactive30, !is_void && has_passed(last_seen, MONTH))
        .with_if(Chip::Active, is_installed && visited_lately)
        .with_if(Chip::New, !has_passed(card.created_at, WEEK))
        .with_if(Chip::Redeemed, card.redemptions > 0)
        .with_if(Chip::Frequent, card.visits >= FREQUENT)
        .with_if(Chip::NeverScanned, is_installed && card.scans == 0)
        .with_if(Chip::HighValue, is_high)
        .with_if(
            Chip::LowEngagement,
            is_installed && installed_long && !visited_twice_lately,
        )
}

/// The first moment after `now` at which the card stands elsewhere by time alone, or has fewer visits or less money within
/// the window; none when time changes nothing.
pub fn next_change(card: &Card, facts: &Facts, now: Timestamp) -> Option<Timestamp> {
    next_change_before(card, facts, now, Timestamp(i64::MAX))
}

/// The same, as far as it is before `limit`. Costs next to nothing where no date of the card lies before it.
pub fn next_change_before(card: &Card, facts: &Facts, now: Timestamp, limit: Timestamp) -> Option<Timestamp> {
    let leaves = facts.recent.changes_at(facts.rules.window);
    let leaves = leaves.filter(|at| *at > now && *at < limit && !facts.is_erased);
    // What is known of the window holds until then.
    let moved = moved_before(card, facts, now, leaves.unwrap_or(limit));
    moved.or(leaves)
}

/// The first moment before `limit` at which the card stands elsewhere, with as much in the window as now.
fn moved_before(card: &Card, facts: &Facts, now: Timestamp, limit: Timestamp) -> Option<Timestamp> {
    let last_seen = card.last_visit_at.unwrap_or(card.created_at);
    let after = |at: Option<Timestamp>, span| at.map(|at: Timestamp| at.plus(span));
    let [to_next_row, to_last_row] = facts.rules.grid.moves(card.last_visit_at);
    let moments = [
        card.expires_at,
        after(Some(last_seen), WEEK),
        after(Some(last_seen), MONTH),
        after(card.last_visit_at, MONTH),
        after(Some(card.created_at), WEEK),
        after(facts.installed_at, MONTH),
        after(facts.visit_before_at, MONTH),
        to_next_row,
        to_last_row,
    ];
    let mut passed = now;
    let mut here = None;
    loop {
        let ahead = moments.iter().flatten().filter(|moment| **moment > passed);
        let moment = *ahead.min()?;
        if moment >= limit {
            return None;
        }
        let here = *here.get_or_insert_with(|| standing(card, facts, now));
        if standing(card, facts, moment) != here {
            return Some(moment);
        }
        passed = moment;
    }
}

/// Whether some phone has the card, as far as is known; an ended card may well be in a wallet.
pub fn is_in_a_wallet(card: &Card) -> bool {
    card.status == CardStatus::Installed || card.channels != Channels::NONE
}

/// What was kept of a card's visits when it was last saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownVisits {
    pub visits: i64,
    pub last: Option<Timestamp>,
    pub before_last: Option<Timestamp>,
}

/// The last visit but one of a card that is about to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitBefore {
    Is(Option<Timestamp>),
    /// Visits were taken back, came late or came several at once: only the ledger knows.
    InLedger,
}

/// Moves [`KnownVisits::before_last`] along with a change of the card.
pub fn visit_before(known: KnownVisits, card: &Card) -> VisitBefore {
    if card.visits <= 1 {
        VisitBefore::Is(None)
    } else if card.visits == known.visits && card.last_visit_at == known.last {
        VisitBefore::Is(known.before_last)
    } else if card.visits == known.visits + 1 && card.last_visit_at > known.last {
        VisitBefore::Is(known.last)
    } else {
        VisitBefore::InLedger
    }
}

#[cfg(test)]
mod tests;
