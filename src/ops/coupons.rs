//! Redeeming a coupon by hand, and taking its redemption back. Tills redeem by recording a capture
//! (`ops::captures`); both ask `domain::coupon` with the card locked, so that a coupon is redeemed once, ever.

use crate::domain::card::Card;
use crate::domain::conversion::{self, Follow, Turn};
use crate::domain::coupon::{self, CouponRefusal, Redeem, Redemption};
use crate::domain::event::{Actor, Event};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::money::Amount;
use crate::domain::presentation::Refusal;
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::balances::caught_up;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::cards::{CardError, locked, write_change};
use crate::store::cards::ProgramOfMerchant;
use crate::store::conversions::{self, Waiting};
use crate::store::{Error, Tx, cards, events, redemptions, stations};

/// Why a coupon was not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum CouponError {
    #[error("there is no such card")]
    NotFound,
    #[error("this merchant has no such location")]
    NoLocation,
    #[error(transparent)]
    Refused(#[from] CouponRefusal),
    #[error("{}", .0.sentence())]
    AlreadyRedeemed(Box<Redemption>),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A coupon after its redemption.
#[derive(Debug, Clone)]
pub struct Redeemed {
    pub card: Card,
    pub follow: Follow,
}

impl Ops {
    /// Redeems a coupon; its conversion into a card of the linked program is part of the same transaction, or waits.
    pub async fn redeem_coupon(
        &self,
        merchant: MerchantId,
        card: CardId,
        wish: Redeem,
    ) -> Result<Redeemed, CouponError> {
        let now = self.clock.now();
        self.store
            .write("redeem_coupon", move |tx| {
                Box::pin(async move {
                    if let Some(location) = wish.location {
                        let known = stations::locations(tx, merchant).await?;
                        if !known.iter().any(|known| known.id == location) {
                            return Err(CouponError::NoLocation);
                        }
                    }
                    redeem(tx, merchant, card, wish, now).await
                })
            })
            .await
    }
}

/// The same as a part of a larger transaction, which locks its cards in the order of their ids.
pub(crate) async fn redeem(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    wish: Redeem,
    now: Timestamp,
) -> Result<Redeemed, CouponError> {
    let (card, of) = match locked(tx, merchant, card, None).await {
        Ok((card, of)) => (card, of.of),
        Err(CardError::Store(error)) => return Err(error.into()),
        Err(_) => return Err(CouponError::NotFound),
    };
    let redeemed = caught_up(&of, &card, now, |card| {
        coupon::redeem(&of.program.rules, card, wish, now)
    });
    let change = match redeemed {
        Ok(change) => change,
        Err(CouponRefusal::Card(Refusal::AlreadyRedeemed { at })) => {
            let told = redemptions::redemption(tx, merchant, card.id, at).await?;
            return Err(told.map_or(
                CouponRefusal::Card(Refusal::AlreadyRedeemed { at }).into(),
                |told| CouponError::AlreadyRedeemed(Box::new(told)),
            ));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let linked = match conversion::link(&of.program.rules) {
        Some(link) => cards::program(tx, merchant, link.program).await?,
        None => None,
    };
    let turn = Turn {
        amount: wish.amount,
        capture: None,
        at: now,
    };
    let (change, follow) = follow(&of, linked.as_ref(), change, turn);
    if let Some(waiting) = waiting(&change.card, &follow, wish.amount, now) {
        conversions::save(tx, &[waiting]).await?;
    }
    let card = write(tx, change, now).await?;
    Ok(Redeemed { card, follow })
}

/// [`conversion::follow`] in the merchant's zone.
pub(crate) fn follow(
    of: &ProgramOfMerchant,
    linked: Option<&ProgramOfMerchant>,
    change: Change,
    turn: Turn,
) -> (Change, Follow) {
    let linked = linked.map(|of| &of.program);
    conversion::follow(&of.program, linked, &of.time_zone(), change, turn)
}

/// The row that makes a conversion be tried again.
pub(crate) fn waiting(
    card: &Card,
    follow: &Follow,
    amount: Option<Amount>,
    now: Timestamp,
) -> Option<Waiting> {
    let Follow::Waits(link, refusal) = follow else {
        return None;
    };
    Some(Waiting {
        merchant: card.merchant,
        card: card.id,
        program: link.program,
        first_punch: link.first_punch,
        amount,
        reason: refusal.to_string(),
        attempts: 0,
        due_at: now.plus(conversion::retry_after(0)),
        created_at: now,
    })
}

/// Takes back the redemption of a coupon and what it turned into.
pub(crate) async fn take_back(
    tx: &mut Tx<'_>,
    card: &Card,
    original: &Event,
    actor: Actor,
    now: Timestamp,
) -> Result<Card, CardError> {
    let coupon = cards::program(tx, card.merchant, card.installed_as)
        .await?
        .ok_or(CardError::NotFound)?;
    let already = events::is_reversed(tx, card.merchant, original.id).await?;
    let mut newer = match card.last_event {
        Some(newest) => events::history(tx, card.merchant, newest, NEIGHBOURS).await?,
        None => Vec::new(),
    };
    newer.retain(|event| event.id > original.id);
    let by = (actor, &coupon.time_zone());
    let change = conversion::take_back(&coupon.program, card, original, &newer, already, by, now)?;
    conversions::delete(tx, card.merchant, card.id).await?;
    write_change(tx, change.card, &change.events, now).await
}

async fn write(tx: &mut Tx<'_>, change: Change, now: Timestamp) -> Result<Card, CouponError> {
    match write_change(tx, change.card, &change.events, now).await {
        Ok(card) => Ok(card),
        Err(CardError::Store(error)) => Err(error.into()),
        Err(_) => Err(CouponError::NotFound),
    }
}
