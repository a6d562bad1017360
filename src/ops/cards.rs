//! Cards by hand: redeem, take back, end and restore.

use crate::domain::card::Card;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::redemption::{RedeemRefusal, ReverseRefusal};
use crate::ops::Ops;
use crate::store;

/// Why a card was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("there is no such card")]
    NotFound,
    #[error(transparent)]
    Redeem(#[from] RedeemRefusal),
    #[error(transparent)]
    Reverse(#[from] ReverseRefusal),
    #[error("this card has already ended")]
    AlreadyVoid,
    #[error("this card has not ended")]
    NotVoid,
    /// Somebody else changed the card since the caller looked at it.
    #[error("this card has changed meanwhile; look again and decide anew")]
    Stale,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Ops {
    /// Hands out one reward of a card that is still at version `seen`.
    pub async fn redeem(&self, _: MerchantId, _: CardId, _seen: i64, _: Actor) -> Result<Card, CardError> {
        Err(CardError::NotFound)
    }

    /// Takes back a punch or a redemption of this card.
    pub async fn reverse(&self, _: MerchantId, _: CardId, _: EventId, _: Actor) -> Result<Card, CardError> {
        Err(CardError::NotFound)
    }

    /// Ends a card.
    pub async fn void(&self, _: MerchantId, _: CardId, _: Actor) -> Result<Card, CardError> {
        Err(CardError::NotFound)
    }

    /// Makes an ended card valid again.
    pub async fn restore(&self, _: MerchantId, _: CardId, _: Actor) -> Result<Card, CardError> {
        Err(CardError::NotFound)
    }
}
