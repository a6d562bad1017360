//! Rewards as they follow from a card's sums.
//!
//! `rewards` of a card is what its holder could have now. On a punch card each goal reached exchanges the goal's
//! punches for one reward, which stays until it is redeemed or withdrawn. On a points card nothing is exchanged before
//! it is redeemed: `rewards` is how many rewards of the list the balance covers.
//!
//! A `RewardRedeemable` row therefore says: one goal more was reached, or the balance rose from below a reward's price to
//! its price or above. It is written once for each, and for the same reward again only after the balance fell below its
//! price. What counts is the balance before and after a whole change, not what happened within.

use crate::domain::card::Card;
use crate::domain::detail::Detail;
use crate::domain::event::{Delta, EventKind};
use crate::domain::program::{PointsRules, Rules, Scheme};
use crate::domain::punch;

/// A row that follows from the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub kind: EventKind,
    pub delta: Delta,
    pub detail: Option<Detail>,
}

/// The rows that bring `rewards` of `card` into line with its other sums; mostly none.
///
/// A card that has more punches than a goal that was lowered meanwhile gets here what it has earned by the new goal.
/// One that counts rewards which became dearer meanwhile loses them from the count; that is the only use of
/// `RewardWithdrawn` without a row that it takes back.
pub(super) fn due(rules: &Rules, card: &Card) -> Vec<Due> {
    match &rules.scheme {
        Scheme::Punch(punch) => punch::rewards(punch, card.punches)
            .map(|delta| Due {
                kind: EventKind::RewardRedeemable,
                delta,
                detail: None,
            })
            .collect(),
        Scheme::Points(points) => covered_now(points, card),
        Scheme::Coupon(_) => Vec::new(),
    }
}

fn covered_now(rules: &PointsRules, card: &Card) -> Vec<Due> {
    let covered = covered(rules, card.points);
    if card.rewards > covered {
        return vec![Due {
            kind: EventKind::RewardWithdrawn,
            delta: rewards(covered - card.rewards),
            detail: None,
        }];
    }
    let new = usize::try_from(card.rewards).unwrap_or(0)..usize::try_from(covered).unwrap_or(0);
    let list = rules.rewards.get(new).unwrap_or_default();
    list.iter()
        .map(|reward| Due {
            kind: EventKind::RewardRedeemable,
            delta: rewards(1),
            detail: Some(Detail::Reward {
                code: reward.code.clone(),
                points: reward.points,
            }),
        })
        .collect()
}

/// How many rewards of the list `points` cover.
pub(super) fn covered(rules: &PointsRules, points: i64) -> i64 {
    let count = rules
        .rewards
        .iter()
        .take_while(|reward| reward.points <= points)
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A row that moves a balance by `points`: it takes with it the rewards that the balance then no longer covers.
pub(super) fn moved(rules: &PointsRules, card: &Card, points: i64) -> Delta {
    Delta {
        points,
        ..rewards((covered(rules, card.points + points) - card.rewards).min(0))
    }
}

fn rewards(count: i64) -> Delta {
    Delta {
        rewards: count,
        ..Delta::default()
    }
}
