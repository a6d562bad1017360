//! Coupons: redeemed once, ever. Tills, console and API ask the same questions here.
//!
//! Invariant: a card has at most one redemption as a coupon that stands, and `Card::redeemed_at` says when it was.
//! Nothing but taking that redemption back clears it: no new end, no restore, no conversion.

use jiff::tz::TimeZone;

use crate::domain::card::{Card, CardStatus};
use crate::domain::event::{Actor, Delta, EventKind, NewEvent, Source};
use crate::domain::id::{BatchId, LocationId};
use crate::domain::money::Amount;
use crate::domain::presentation::{
    Presentation, Refusal, is_visit_by_hand, refuse_purchase, refuse_use, visit,
};
use crate::domain::program::{CouponRules, ProgramKind, Rules};
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::domain::{expiry, tier};

/// What a coupon is, by what happened to it and by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CouponStatus {
    Active,
    /// For good, whatever happens to the card afterwards.
    Redeemed,
    Expired,
    Void,
}

impl CouponStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Redeemed => "redeemed",
            Self::Expired => "expired",
            Self::Void => "void",
        }
    }
}

/// The status of a card as a coupon.
pub fn status(card: &Card, now: Timestamp) -> CouponStatus {
    if card.redeemed_at.is_some() {
        CouponStatus::Redeemed
    } else if card.status == CardStatus::Void {
        CouponStatus::Void
    } else if card.is_expired(now) {
        CouponStatus::Expired
    } else {
        CouponStatus::Active
    }
}

/// A wish to redeem a coupon by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeem {
    /// What was paid; none when nobody knows.
    pub amount: Option<Amount>,
    pub actor: Actor,
    pub source: Source,
    pub location: Option<LocationId>,
    pub batch: Option<BatchId>,
}

/// Why a coupon is not redeemed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CouponRefusal {
    #[error("This is a {got} card and not a coupon.")]
    NotACoupon { got: &'static str },
    #[error("{}", .0.sentence())]
    Card(Refusal),
}

/// When, where and by whom a coupon was redeemed, by the names that staff know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    pub at: Timestamp,
    /// The merchant's time zone, in which people are told.
    pub zone: TimeZone,
    pub location: Option<String>,
    pub by: RedeemedBy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeemedBy {
    Station(String),
    Member(String),
    /// The holder, on their card's own page.
    Holder,
    /// A command or a rule of the gateway.
    Gateway,
}

impl Redemption {
    /// What staff read aloud.
    pub fn sentence(&self) -> String {
        let at = self.at.to_jiff().to_zoned(self.zone.clone());
        let mut text = format!(
            "This coupon was already redeemed on {}",
            at.strftime("%-d %B %Y at %H:%M")
        );
        if let Some(location) = &self.location {
            text.push_str(", ");
            text.push_str(location);
        }
        match &self.by {
            RedeemedBy::Station(name) | RedeemedBy::Member(name) => {
                text.push_str(", by ");
                text.push_str(name);
            }
            RedeemedBy::Holder => text.push_str(", by its holder"),
            RedeemedBy::Gateway => {}
        }
        text.push('.');
        text
    }
}

/// The redemption that speaks against using the card as a coupon at `at`.
///
/// A converted card goes on as another one, but what was presented up to its redemption was the coupon, however late
/// a till that was offline tells of it.
pub(super) fn redeemed(rules: &Rules, card: &Card, at: Timestamp) -> Option<Timestamp> {
    let is_coupon = rules.kind() == ProgramKind::Coupon;
    card.redeemed_at
        .filter(|redeemed| is_coupon || (card.is_converted() && at <= *redeemed))
}

/// Shows that the coupon is good, and redeems it where the program says that presenting it does.
pub(super) fn present(rules: &CouponRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    presentation.add_seen(Delta::default());
    if rules.redeem_at_till {
        let at = presentation.moment.at;
        let delta = mark(&mut presentation.accepted.card, at);
        presentation.add(EventKind::RewardRedeemed, delta);
        presentation.accepted.redeemed = true;
    }
    Ok(())
}

/// Redeems a coupon by hand.
pub fn redeem(rules: &Rules, card: &Card, wish: Redeem, now: Timestamp) -> Result<Change, CouponRefusal> {
    // A converted card was a coupon: whoever wants to redeem that one is told when it was.
    if let Some(at) = card.redeemed_at {
        return Err(CouponRefusal::Card(Refusal::AlreadyRedeemed { at }));
    }
    if rules.kind() != ProgramKind::Coupon {
        let got = rules.kind().as_str();
        return Err(CouponRefusal::NotACoupon { got });
    }
    if let Some(refusal) = refuse_use(rules, card, now).or_else(|| refuse_purchase(rules, wish.amount)) {
        return Err(CouponRefusal::Card(refusal));
    }
    let is_visit = is_visit_by_hand(rules, card, wish.actor, now);
    let mut after = card.clone();
    let mut delta = mark(&mut after, now);
    delta += visit(is_visit, wish.amount);
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    after.apply(delta);
    if is_visit {
        after.last_visit_at = card.last_visit_at.max(Some(now));
        expiry::roll(&rules.validity, &mut after);
    }
    let row = NewEvent::of_card(card.id, EventKind::RewardRedeemed, wish.actor, now).with_delta(delta);
    let mut events = vec![row];
    events.extend(tier::settle(rules.ladder.as_ref(), &mut after, wish.actor, now));
    for event in &mut events {
        event.source = wish.source;
        event.location = wish.location;
        event.batch = wish.batch;
    }
    after.touch(now);
    Ok(Change { card: after, events })
}

/// The one place where a coupon becomes redeemed; what its row adds.
fn mark(card: &mut Card, at: Timestamp) -> Delta {
    card.redeemed_at = Some(at);
    Delta {
        redemptions: 1,
        ..Delta::default()
    }
}

#[cfg(test)]
mod tests;
