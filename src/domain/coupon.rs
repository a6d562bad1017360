//! Coupons: redeemed once, ever.

use crate::domain::event::{Delta, EventKind};
use crate::domain::presentation::{Presentation, Refusal};
use crate::domain::program::CouponRules;

/// Shows that the coupon is good, and redeems it where the program says that presenting it does.
pub(super) fn present(rules: &CouponRules, presentation: &mut Presentation<'_>) -> Result<(), Refusal> {
    if let Some(at) = presentation.accepted.card.redeemed_at {
        return Err(Refusal::AlreadyRedeemed { at });
    }
    presentation.add_seen(Delta::default());
    if rules.redeem_at_till {
        presentation.add(
            EventKind::RewardRedeemed,
            Delta {
                redemptions: 1,
                ..Delta::default()
            },
        );
        presentation.accepted.card.redeemed_at = Some(presentation.moment.at);
        presentation.accepted.redeemed = true;
    }
    Ok(())
}
