//! Balances by hand: adjusted with a preview that is the execution, and exchanged for rewards of the list.

use crate::domain::adjustment::{self, AdjustRefusal, Adjustment, Effect};
use crate::domain::card::Card;
use crate::domain::change::{Cause, Change};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::money::Amount;
use crate::domain::order::OrderReference;
use crate::domain::time::Timestamp;
use crate::domain::{points, redemption, tier};
use crate::ops::Ops;
use crate::ops::cards::{CardError, write_change};
use crate::store::cards::ProgramOfMerchant;
use crate::store::{Error, Tx, cards, orders};

/// Why a balance was not adjusted. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    #[error("there is no such card")]
    NotFound,
    /// Somebody else changed the card since the caller looked at it.
    #[error("this card has changed meanwhile; look again and decide anew")]
    Stale,
    #[error("say why: an adjustment by hand needs a reason")]
    NoReason,
    #[error(transparent)]
    Refused(#[from] AdjustRefusal),
    #[error("this order was already credited to another card")]
    OtherCard,
    #[error(transparent)]
    Store(#[from] Error),
}

/// An adjustment that was made, or found to be made already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjusted {
    pub card: Card,
    /// None when the order had been credited to this card before and nothing was done.
    pub effect: Option<Effect>,
}

impl Ops {
    /// What [`Ops::adjust`] would do now; nothing is written.
    pub async fn preview_adjustment(
        &self,
        merchant: MerchantId,
        card: CardId,
        adjustment: Adjustment,
        cause: Cause,
    ) -> Result<Effect, AdjustError> {
        let now = self.clock.now();
        self.store
            .read("preview_adjustment", move |tx| {
                let cause = cause.clone();
                Box::pin(async move {
                    let found = cards::card(tx, merchant, card).await?;
                    let found = found.ok_or(AdjustError::NotFound)?;
                    let change = decide(&found.of, &found.card, adjustment, &cause, now)?;
                    Ok(Effect::of(&found.card, &change))
                })
            })
            .await
    }

    /// Adjusts a balance, for a reason that `cause` must name. An order is credited once: the second time nothing
    /// happens, and for another card it is refused. `seen` is the card's version that the caller looked at.
    pub async fn adjust(
        &self,
        merchant: MerchantId,
        card: CardId,
        seen: Option<i64>,
        adjustment: Adjustment,
        order: Option<OrderReference>,
        cause: Cause,
    ) -> Result<Adjusted, AdjustError> {
        if cause.reason.is_none() {
            return Err(AdjustError::NoReason);
        }
        let now = self.clock.now();
        self.store
            .write("adjust_balance", move |tx| {
                let (cause, order) = (cause.clone(), order.clone());
                Box::pin(async move {
                    let (card, of) = locked(tx, merchant, card).await?.ok_or(AdjustError::NotFound)?;
                    // An order that comes again must hear the same, whatever happened to the card since.
                    if order.is_none() && seen.is_some_and(|seen| seen != card.version) {
                        return Err(AdjustError::Stale);
                    }
                    adjust_locked(tx, &of, &card, adjustment, order.as_ref(), &cause, now).await
                })
            })
            .await
    }

    /// Hands out one reward, with what was paid where that is known. `seen` is the card's version that the caller looked
    /// at: a second click on the same page redeems nothing.
    pub async fn redeem_paid(
        &self,
        merchant: MerchantId,
        card: CardId,
        seen: i64,
        amount: Option<Amount>,
        cause: Cause,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("redeem_paid_reward", move |tx| {
                let cause = cause.clone();
                Box::pin(async move {
                    let (card, of) = locked(tx, merchant, card).await?.ok_or(CardError::NotFound)?;
                    if card.version != seen {
                        return Err(CardError::Stale);
                    }
                    let change = caught_up(&of, &card, now, |card| {
                        redemption::redeem(&of.program.rules, card, amount, &cause, now)
                    })?;
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }

    /// Exchanges points for the reward that the program lists under `code`. `seen` is the card's version that the
    /// caller looked at: a second click on the same page redeems nothing.
    pub async fn redeem_reward(
        &self,
        merchant: MerchantId,
        card: CardId,
        code: String,
        seen: i64,
        amount: Option<Amount>,
        cause: Cause,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("redeem_priced_reward", move |tx| {
                let (cause, code) = (cause.clone(), code.clone());
                Box::pin(async move {
                    let (card, of) = locked(tx, merchant, card).await?.ok_or(CardError::NotFound)?;
                    if card.version != seen {
                        return Err(CardError::Stale);
                    }
                    let change = caught_up(&of, &card, now, |card| {
                        points::redeem(&of.program.rules, card, &code, amount, &cause, now)
                    })?;
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }
}

/// The decision behind preview and execution, for one card. A bulk job or an import decides about each card that it has
/// locked with this and writes them all with [`crate::ops::cards::write_changes`].
pub(crate) fn decide(
    of: &ProgramOfMerchant,
    card: &Card,
    adjustment: Adjustment,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, AdjustRefusal> {
    caught_up(of, card, now, |card| {
        adjustment::adjust(&of.program.rules, card, adjustment, cause, now)
    })
}

/// Adjusts one card that is locked.
pub(crate) async fn adjust_locked(
    tx: &mut Tx<'_>,
    of: &ProgramOfMerchant,
    card: &Card,
    adjustment: Adjustment,
    order: Option<&OrderReference>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Adjusted, AdjustError> {
    if let Some(order) = order {
        let (merchant, program, reference) = (card.merchant, card.program, order.as_str());
        match orders::credit(tx, merchant, program, reference, card.id, now).await? {
            None => {}
            Some(earlier) if earlier == card.id => {
                let card = card.clone();
                return Ok(Adjusted { card, effect: None });
            }
            Some(_) => return Err(AdjustError::OtherCard),
        }
    }
    let change = decide(of, card, adjustment, cause, now)?;
    let effect = Some(Effect::of(card, &change));
    match write_change(tx, change.card, &change.events, now).await {
        Ok(card) => Ok(Adjusted { card, effect }),
        Err(CardError::Store(error)) => Err(error.into()),
        Err(_) => Err(AdjustError::NotFound),
    }
}

/// `change` of the card as it is once a cycle of the ladder that is over has ended.
pub(crate) fn caught_up<E>(
    of: &ProgramOfMerchant,
    card: &Card,
    now: Timestamp,
    change: impl FnOnce(&Card) -> Result<Change, E>,
) -> Result<Change, E> {
    let mut card = card.clone();
    let ladder = of.program.rules.ladder.as_ref();
    let ended = tier::catch_up(ladder, &mut card, now, &of.time_zone());
    let mut changed = change(&card)?;
    changed.events.splice(0..0, ended);
    Ok(changed)
}

async fn locked(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<(Card, ProgramOfMerchant)>, Error> {
    let Some(card) = cards::card_for_update(tx, merchant, card).await? else {
        return Ok(None);
    };
    let of = cards::program(tx, merchant, card.program).await?;
    Ok(of.map(|of| (card, of)))
}
