//! Changes of a balance by hand, by an import or by a bulk job.
//!
//! An adjustment is neither a visit nor an earning: it is not limited by the day, does not prolong a card that visits
//! keep alive, and the next presentation is not too soon after it. What it adds counts towards a tier like anything
//! earned; what it takes does not count, as spending does not: to undo what was given, take the row back.
//!
//! What a preview shows is what [`adjust`] returns.

use crate::domain::card::{Card, CardStatus};
use crate::domain::change::{Cause, Change, Draft};
use crate::domain::event::{Delta, EventKind};
use crate::domain::money::Amount;
use crate::domain::program::{PointsRules, PunchRules, Rules, Scheme};
use crate::domain::time::Timestamp;
use crate::domain::{punch, reward, tier};

/// What is to become of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// The number of punches goes from `from` to `to`. Counted are all punches that were not spent on a redeemed
    /// reward: those of a full card that waits to be redeemed too, so that going below the goal takes its reward.
    SetPunches { from: i64, to: i64 },
    /// So many punches or points more, or less where it is negative, and what was paid for them.
    Add { amount: i64, paid: Option<Amount> },
}

/// Why a balance is not adjusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdjustRefusal {
    #[error("This card has ended.")]
    CardVoid,
    #[error("This card has expired.")]
    CardExpired,
    #[error("A coupon has no balance.")]
    NoBalance,
    #[error("A points card has no punches to set; add or take points instead.")]
    NotPunches,
    #[error("The number of punches cannot be below 0; got {to}.")]
    BelowZero { to: i64 },
    #[error("An adjustment is at most {most} either way; got {amount}.")]
    TooMuch { most: i64, amount: i64 },
    #[error("Nothing would change.")]
    NoChange,
    #[error("The card has {now} punches now, not {from}. Look again and decide anew.")]
    Moved { from: i64, now: i64 },
    #[error("The card has {has} punches; {wanted} cannot be taken.")]
    NotEnoughPunches { has: i64, wanted: i64 },
    #[error("The balance is {balance}; taking {wanted} would overdraw it below {least}.")]
    Overdrawn { balance: i64, wanted: i64, least: i64 },
}

/// More than anybody means to give or take at once.
pub const MOST: i64 = 1_000_000;

/// Sums of a card that an adjustment moves, before and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub before: Standing,
    pub after: Standing,
    /// Rewards that become redeemable and rewards that are withdrawn.
    pub rewards_earned: i64,
    pub rewards_withdrawn: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub punches: i64,
    pub points: i64,
    pub rewards: i64,
    pub tier_points: i64,
    /// Place on the ladder, counted from 0.
    pub tier: Option<i64>,
    pub spend: i64,
}

impl Effect {
    /// What `change` makes of `card`.
    pub fn of(card: &Card, change: &Change) -> Self {
        let rows = |kind| {
            let rows = change.events.iter().filter(move |event| event.kind == kind);
            rows.map(|event| event.delta.rewards).sum::<i64>()
        };
        Self {
            before: Standing::of(card),
            after: Standing::of(&change.card),
            rewards_earned: rows(EventKind::RewardRedeemable),
            rewards_withdrawn: -rows(EventKind::RewardWithdrawn),
        }
    }
}

impl Standing {
    pub fn of(card: &Card) -> Self {
        Self {
            punches: card.punches,
            points: card.points,
            rewards: card.rewards,
            tier_points: card.tier_points,
            tier: card.tier,
            spend: card.spend,
        }
    }
}

/// Punches that were not spent on a redeemed reward: what [`Adjustment::SetPunches`] counts.
pub fn punches_held(rules: &PunchRules, card: &Card) -> i64 {
    card.punches + rules.goal * card.rewards
}

/// Adjusts the balance of `card`, or says why not. Pure: to look first, call it and write nothing.
pub fn adjust(
    rules: &Rules,
    card: &Card,
    adjustment: Adjustment,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, AdjustRefusal> {
    if card.status == CardStatus::Void {
        return Err(AdjustRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(AdjustRefusal::CardExpired);
    }
    let (amount, paid) = wanted(rules, card, adjustment)?;
    if amount.saturating_abs() > MOST {
        return Err(AdjustRefusal::TooMuch { most: MOST, amount });
    }
    let paid = paid.map_or(0, Amount::minor);
    if amount == 0 && paid == 0 {
        return Err(AdjustRefusal::NoChange);
    }
    let mut draft = Draft::new(rules, card, cause, now);
    let mut delta = match &rules.scheme {
        Scheme::Coupon(_) => return Err(AdjustRefusal::NoBalance),
        Scheme::Punch(rules) => punches(rules, &mut draft, amount)?,
        Scheme::Points(rules) => points(rules, card, amount)?,
    };
    delta.spend = paid;
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let kind = if amount < 0 {
        EventKind::PointsRemoved
    } else {
        EventKind::PointsAdded
    };
    draft.add(kind, delta);
    Ok(draft.finish(now))
}

/// By how much the balance is to move.
fn wanted(
    rules: &Rules,
    card: &Card,
    adjustment: Adjustment,
) -> Result<(i64, Option<Amount>), AdjustRefusal> {
    match (adjustment, &rules.scheme) {
        (_, Scheme::Coupon(_)) => Err(AdjustRefusal::NoBalance),
        (Adjustment::Add { amount, paid }, _) => Ok((amount, paid)),
        (Adjustment::SetPunches { .. }, Scheme::Points(_)) => Err(AdjustRefusal::NotPunches),
        (Adjustment::SetPunches { from, to }, Scheme::Punch(punch)) => {
            let now = punches_held(punch, card);
            if to < 0 {
                return Err(AdjustRefusal::BelowZero { to });
            }
            if from != now {
                return Err(AdjustRefusal::Moved { from, now });
            }
            Ok((to - from, None))
        }
    }
}

/// Punches beyond those of the present card come out of rewards that were not redeemed.
fn punches(rules: &PunchRules, draft: &mut Draft<'_>, amount: i64) -> Result<Delta, AdjustRefusal> {
    let has = punches_held(rules, &draft.card);
    if -amount > has {
        return Err(AdjustRefusal::NotEnoughPunches { has, wanted: -amount });
    }
    if let Some(withdrawn) = punch::withdrawn(rules, &draft.card, -amount) {
        draft.add(EventKind::RewardWithdrawn, withdrawn);
    }
    let given = if amount > 0 {
        punch::counted(rules, draft.card.punches, amount)
    } else {
        amount
    };
    Ok(Delta {
        punches: given,
        ..Delta::default()
    })
}

fn points(rules: &PointsRules, card: &Card, amount: i64) -> Result<Delta, AdjustRefusal> {
    if amount < 0 && card.points + amount < -rules.overdraw {
        return Err(AdjustRefusal::Overdrawn {
            balance: card.points,
            wanted: -amount,
            least: -rules.overdraw,
        });
    }
    Ok(reward::moved(rules, card, amount))
}

#[cfg(test)]
mod tests;
