//! What members do to one card: redeem, take back, end, restore.

use crate::domain::event::Actor;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::redemption::{RedeemRefusal, ReverseRefusal};
use crate::ops::Ops;
use crate::store;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("there is no such card")]
    NotFound,
    /// The card is no longer at the version that the member saw.
    #[error("the card has changed since it was shown")]
    Stale,
    #[error(transparent)]
    Redeem(#[from] RedeemRefusal),
    #[error(transparent)]
    Reverse(#[from] ReverseRefusal),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Ops {
    /// Hands out one reward of a card that is still at `version`.
    pub async fn redeem(&self, _: MerchantId, _: CardId, _version: i64, _: Actor) -> Result<(), CardError> {
        Err(CardError::NotFound)
    }

    /// Takes back one punch or redemption.
    pub async fn reverse(
        &self,
        _: MerchantId,
        _: CardId,
        _: EventId,
        _version: i64,
        _: Actor,
    ) -> Result<(), CardError> {
        Err(CardError::NotFound)
    }

    /// Ends a card.
    pub async fn void(&self, _: MerchantId, _: CardId, _version: i64, _: Actor) -> Result<(), CardError> {
        Err(CardError::NotFound)
    }

    /// Undoes the end of a card.
    pub async fn restore(&self, _: MerchantId, _: CardId, _version: i64, _: Actor) -> Result<(), CardError> {
        Err(CardError::NotFound)
    }
}
