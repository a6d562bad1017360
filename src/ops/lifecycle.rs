//! Ending a card, bringing it back, and moving its last day. Observed removal is not here: nobody asks for it
//! (`ops::devices`); and erasing a person is another thing (`ops::erasure`).

use crate::domain::card::Card;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::lifecycle;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::{CardError, locked, write_change};
use crate::store::{Tx, erasure};

impl Ops {
    /// Ends a card. It stays on the phone, shown as void, and gives nothing any more.
    pub async fn void(&self, merchant: MerchantId, card: CardId, actor: Actor) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("void_card", move |tx| {
                Box::pin(async move { void(tx, merchant, card, actor, now).await })
            })
            .await
    }

    /// Makes an ended card valid again, with its balance as it was.
    pub async fn restore(&self, merchant: MerchantId, card: CardId, actor: Actor) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("restore_card", move |tx| {
                Box::pin(async move { restore(tx, merchant, card, actor, now).await })
            })
            .await
    }

    /// Moves the day on which a card ends by itself, or takes it away. A past one ends the card now, which the caller
    /// has to confirm. Refused when the card is not the version `seen` any more, where somebody had one before their eyes.
    pub async fn change_expiry(
        &self,
        merchant: MerchantId,
        card: CardId,
        seen: Option<i64>,
        end: Option<Timestamp>,
        confirmed: bool,
        actor: Actor,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("change_expiry", move |tx| {
                Box::pin(async move {
                    let (card, _) = locked(tx, merchant, card, seen).await?;
                    match lifecycle::change_expiry(&card, end, confirmed, actor, now)? {
                        Some(change) => write_change(tx, change.card, &change.events, now).await,
                        None => Ok(card),
                    }
                })
            })
            .await
    }
}

/// [`Ops::void`] as a part of a larger transaction, which locks its cards in the order of their ids.
pub(crate) async fn void(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    actor: Actor,
    now: Timestamp,
) -> Result<Card, CardError> {
    let (card, _) = locked(tx, merchant, card, None).await?;
    let change = lifecycle::void(&card, actor, now)?;
    write_change(tx, change.card, &change.events, now).await
}

/// [`Ops::restore`] as a part of a larger transaction.
pub(crate) async fn restore(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    actor: Actor,
    now: Timestamp,
) -> Result<Card, CardError> {
    let (card, _) = locked(tx, merchant, card, None).await?;
    let person = erasure::person(tx, merchant, card.customer).await?;
    let is_erased = person.is_none_or(|person| person.erased_at.is_some());
    let change = lifecycle::restore(&card, is_erased, actor, now)?;
    write_change(tx, change.card, &change.events, now).await
}
