//! Spending rewards, and taking punches and redemptions back within the program's window.

use std::time::Duration;

use crate::domain::card::{Card, CardStatus};
pub use crate::domain::change::Change;
use crate::domain::change::{Cause, Draft};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, Event, EventKind};
use crate::domain::ledger::{self, LatestEarning};
use crate::domain::money::Amount;
use crate::domain::presentation::{is_visit_by_hand, visit};
use crate::domain::program::{PointsRules, ProgramKind, Rules, Scheme};
use crate::domain::time::Timestamp;
use crate::domain::{expiry, punch, reward, tier};

/// Why a reward is not handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemRefusal {
    #[error("This card has ended.")]
    CardVoid,
    #[error("This card has expired.")]
    CardExpired,
    #[error("There is no reward to redeem: {punches} of {goal} punches.")]
    NoReward { punches: i64, goal: i64 },
    #[error("Points are exchanged for a reward of the list; say which one.")]
    WhichReward,
    #[error("This program lists no reward {code:?}.")]
    UnknownReward { code: String },
    #[error("{name} costs {price} points; the balance is {points}.")]
    NotEnough { name: String, price: i64, points: i64 },
}

/// Why something is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReverseRefusal {
    #[error("Only punches, points and redemptions can be taken back; this is {kind}.")]
    NotReversible { kind: &'static str },
    #[error("This was already taken back.")]
    AlreadyReversed,
    #[error("It is too late to take this back: the time for it ended {ago} minutes ago.")]
    TooLate { ago: u64 },
    #[error("The reward that this punch earned was already redeemed. Take back the redemption first.")]
    RewardRedeemed,
    #[error("The points that this gave were already spent: {balance} are left of {given}.")]
    PointsSpent { given: i64, balance: i64 },
    #[error("The coupon was redeemed with this scan. Take back the redemption first.")]
    CouponRedeemed,
    #[error("The coupon has turned into another card, which was used since. It can no longer be taken back.")]
    ConvertedCardUsed,
}

/// A row that is to be taken back, and what the ledger says around it.
#[derive(Debug, Clone)]
pub struct Taken<'e> {
    pub original: &'e Event,
    /// Whether some row takes it back already.
    pub already: bool,
    /// The newest earning and the newest visit that stand without it.
    pub remaining: LatestEarning,
    /// How long after it happened it can be taken back; none for ever, for a bulk job as a whole.
    pub window: Option<Duration>,
}

/// Hands out one reward.
pub fn redeem(
    rules: &Rules,
    card: &Card,
    amount: Option<Amount>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, RedeemRefusal> {
    if card.status == CardStatus::Void {
        return Err(RedeemRefusal::CardVoid);
    }
    if card.is_expired(now) {
        return Err(RedeemRefusal::CardExpired);
    }
    if rules.kind() == ProgramKind::Points {
        return Err(RedeemRefusal::WhichReward);
    }
    if card.rewards < 1 {
        return Err(RedeemRefusal::NoReward {
            punches: card.punches,
            goal: rules.goal(),
        });
    }
    let is_visit = is_visit_by_hand(rules, card, cause.actor, now);
    let mut delta = visit(is_visit, amount);
    delta += Delta {
        rewards: -1,
        redemptions: 1,
        ..Delta::default()
    };
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let mut draft = Draft::new(rules, card, cause, now);
    draft.add(EventKind::RewardRedeemed, delta);
    if is_visit {
        draft.card.last_visit_at = card.last_visit_at.max(Some(now));
        expiry::roll(&rules.validity, &mut draft.card);
    }
    Ok(draft.finish(now))
}

/// Takes back what staff gave or handed out, within the program's window; see [`take_back`].
pub fn reverse(
    rules: &Rules,
    card: &Card,
    original: &Event,
    already: bool,
    remaining: LatestEarning,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let taken = Taken {
        original,
        already,
        remaining,
        window: Some(rules.limits.reversal_window),
    };
    take_back(rules, card, &taken, &Cause::of(actor), now)
}

/// Takes back a presentation, an adjustment or a redemption of a reward or an offer.
///
/// Punches that have become rewards take unredeemed rewards with them: the goals' punches come back and the punches
/// leave. Points that have been spent cannot leave: the balance would be overdrawn. What is taken back neither limits
/// the day nor makes the next presentation too soon nor hides the next visit. What was counted towards a tier in a cycle
/// that has ended went with the cycle and is not taken twice.
pub fn take_back(
    rules: &Rules,
    card: &Card,
    taken: &Taken<'_>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, ReverseRefusal> {
    let original = taken.original;
    let kind = match original.event.kind {
        EventKind::CustomerScanned
        | EventKind::CustomerTapped
        | EventKind::PointsAdded
        | EventKind::PointsRemoved => match rules.kind() {
            ProgramKind::Punch => EventKind::PunchReversed,
            ProgramKind::Points | ProgramKind::Coupon => EventKind::PointsReversed,
        },
        EventKind::RewardRedeemed | EventKind::OfferRedeemed => EventKind::RedemptionReversed,
        other => {
            return Err(ReverseRefusal::NotReversible { kind: other.as_str() });
        }
    };
    check_taking_back(original, taken.already, taken.window, now)?;
    let mut draft = Draft::new(rules, card, cause, now);
    let mut back = original.event.delta.opposite();
    let counted_before = card.cycle_began_at.is_some_and(|began| original.event.at < began);
    back.tier_points = if counted_before {
        0
    } else {
        back.tier_points.max(-card.tier_points)
    };
    match &rules.scheme {
        Scheme::Punch(punch) => {
            if let Some(withdrawn) = punch::withdrawn(punch, card, -back.punches) {
                if -withdrawn.rewards > card.rewards {
                    return Err(ReverseRefusal::RewardRedeemed);
                }
                draft.add(EventKind::RewardWithdrawn, withdrawn).reverses = Some(original.id);
            }
        }
        Scheme::Points(points) => back.rewards = uncovered(points, card, back)?,
        // It can be used again.
        Scheme::Coupon(_) if original.event.kind == EventKind::RewardRedeemed => {
            draft.card.redeemed_at = None;
        }
        Scheme::Coupon(_) => {}
    }
    let row = draft.add(kind, back);
    row.reverses = Some(original.id);
    if let Some(Detail::Offer { .. }) = original.event.detail {
        row.detail = original.event.detail.clone();
    }
    if ledger::is_earning(&original.event) {
        draft.card.last_earned_at = taken.remaining.at;
        draft.card.last_earned_day = taken.remaining.day;
        draft.card.earned_on_day = taken.remaining.earned_on_day;
    }
    if original.event.delta.visits > 0 {
        // Visits older than what was read of the ledger leave the card's word standing.
        draft.card.last_visit_at = match taken.remaining.visit_at {
            None if draft.card.visits > 0 => card.last_visit_at,
            newest => newest,
        };
    }
    Ok(draft.finish(now))
}

/// Refuses to take back what was taken back, or what happened longer ago than `window`; none for no end.
pub(super) fn check_taking_back(
    original: &Event,
    already: bool,
    window: Option<Duration>,
    now: Timestamp,
) -> Result<(), ReverseRefusal> {
    if already {
        return Err(ReverseRefusal::AlreadyReversed);
    }
    let age = now.since(original.event.at.max(original.recorded_at));
    match window.and_then(|window| age.checked_sub(window)) {
        Some(late) if !late.is_zero() => Err(ReverseRefusal::TooLate {
            ago: late.as_secs().div_ceil(60),
        }),
        _ => Ok(()),
    }
}

/// How the number of rewards that the balance covers changes with the row `back`: down as far as the balance falls,
/// and up by no more than the row that is taken back had taken, so that these are not announced as new.
fn uncovered(rules: &PointsRules, card: &Card, back: Delta) -> Result<i64, ReverseRefusal> {
    let after = card.points + back.points;
    if back.points < 0 && after < -rules.overdraw {
        return Err(ReverseRefusal::PointsSpent {
            given: -back.points,
            balance: card.points,
        });
    }
    let difference = reward::covered(rules, after) - card.rewards;
    Ok(difference.min(back.rewards.max(0)))
}

#[cfg(test)]
mod tests;
