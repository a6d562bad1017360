//! Points cards: what a presentation and a purchase are worth, and what points are exchanged for.

use crate::domain::card::{Card, CardStatus};
use crate::domain::change::{Cause, Change, Draft};
use crate::domain::detail::Detail;
use crate::domain::event::{Delta, EventKind};
use crate::domain::money::Amount;
use crate::domain::presentation::{Presentation, Refusal, is_visit_by_hand, visit};
use crate::domain::program::{PointsRules, Rules, Scheme};
use crate::domain::redemption::RedeemRefusal;
use crate::domain::time::Timestamp;
use crate::domain::{expiry, reward, tier};

/// More than any purchase gives, small enough that the sums of a card's whole life never overflow.
const MOST_AT_ONCE: i64 = 1_000_000_000;

/// Gives the points of one visit and of what was paid, as far as the day has room for them.
pub(super) fn present(rules: &PointsRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    let offered = earned(rules, presentation.is_visit, presentation.capture.amount);
    let given = presentation.fit_into_day(offered)?;
    presentation.add_seen(Delta {
        points: given,
        ..Delta::default()
    });
    presentation.note_earning(given);
    Ok(())
}

/// Points for a visit, or for a purchase without one, and for each full unit of its amount.
pub fn earned(rules: &PointsRules, is_visit: bool, amount: Option<Amount>) -> i64 {
    let for_visit = if is_visit { rules.per_visit } else { 0 };
    let for_amount = match (rules.per_amount, amount) {
        (Some(rate), Some(amount)) => (amount.minor() / rate.per.minor()).saturating_mul(rate.points),
        _ => 0,
    };
    for_visit.saturating_add(for_amount).min(MOST_AT_ONCE)
}

/// Exchanges points for the reward that the program lists under `code`. The balance may go below zero as far as the
/// program allows, and no further.
pub fn redeem(
    rules: &Rules,
    card: &Card,
    code: &str,
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
    let unknown = || RedeemRefusal::UnknownReward {
        code: code.chars().take(60).collect(),
    };
    let Scheme::Points(points) = &rules.scheme else {
        return Err(unknown());
    };
    let listed = points.rewards.iter().find(|reward| reward.code == code);
    let wanted = listed.ok_or_else(unknown)?;
    if card.points - wanted.points < -points.overdraw {
        return Err(RedeemRefusal::NotEnough {
            name: wanted.name.clone(),
            price: wanted.points,
            points: card.points,
        });
    }
    let is_visit = is_visit_by_hand(rules, card, cause.actor, now);
    let mut delta = visit(is_visit, amount);
    delta.redemptions = 1;
    delta += reward::moved(points, card, -wanted.points);
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let mut draft = Draft::new(rules, card, cause, now);
    draft.add(EventKind::RewardRedeemed, delta).detail = Some(Detail::Reward {
        code: wanted.code.clone(),
        points: wanted.points,
    });
    if is_visit {
        draft.card.last_visit_at = card.last_visit_at.max(Some(now));
        expiry::roll(&rules.validity, &mut draft.card);
    }
    Ok(draft.finish(now))
}
