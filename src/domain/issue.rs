//! A card's first moment: when it ends, where it stands on the ladder, and what it is welcomed with.
//!
//! The welcome is no visit and no earning, and like everything that is given it counts towards the first tier and the
//! first reward.

use jiff::tz::TimeZone;

use crate::domain::card::Card;
use crate::domain::change::{Cause, Change, Draft};
use crate::domain::event::{Actor, Delta, EventKind};
use crate::domain::program::{Program, Rules, Scheme};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, punch, reward, tier};

/// Why the row of a welcome was written.
pub(super) const WELCOME: &str = "welcome";

/// Why a program gives no new cards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefusal {
    #[error("This program is archived: its cards go on, and new ones are not issued.")]
    Archived,
    #[error("This program ended on {day}: a new card would have expired already.")]
    Ended { day: jiff::civil::Date },
}

/// Gives `card`, which must have no history, its first rows.
pub fn issue(
    program: &Program,
    card: &Card,
    zone: &TimeZone,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, IssueRefusal> {
    if program.archived_at.is_some() {
        return Err(IssueRefusal::Archived);
    }
    let rules = &program.rules;
    let mut draft = Draft::new(rules, card, cause, now);
    draft.card.expires_at = expiry::first_end(&rules.validity, now, zone);
    if draft.card.is_expired(now)
        && let Some(day) = expiry::last_day(&rules.validity)
    {
        return Err(IssueRefusal::Ended { day });
    }
    tier::catch_up(rules.ladder.as_ref(), &mut draft.card, now, zone);
    draft.card.tier = tier::reached(rules.ladder.as_ref(), 0);
    draft.add(EventKind::CardIssued, Delta::default());
    if let Some(welcome) = welcome(rules, &draft.card) {
        let by_rule = Cause {
            batch: cause.batch,
            ..Cause::of(Actor::Gateway)
        };
        let row = by_rule.event(card, EventKind::PointsAdded, now);
        *draft.add(EventKind::PointsAdded, welcome) = row.with_delta(welcome).with_reason(WELCOME);
    }
    let mut first = draft.finish(now);
    // Nobody has seen the card before: this is its first version and not a change of it.
    first.card.version = card.version;
    first.card.changed_at = card.changed_at;
    Ok(first)
}

/// What `rules` give a card at its first moment under them; none where that is nothing.
pub(super) fn welcome(rules: &Rules, card: &Card) -> Option<Delta> {
    let mut welcome = match &rules.scheme {
        Scheme::Punch(punch) => Delta {
            punches: punch::counted(punch, card.punches, rules.welcome),
            ..Delta::default()
        },
        Scheme::Points(points) => reward::moved(points, card, rules.welcome),
        Scheme::Coupon(_) => Delta::default(),
    };
    welcome.tier_points = tier::measured(rules.ladder.as_ref(), welcome);
    (rules.welcome > 0 && welcome != Delta::default()).then_some(welcome)
}
