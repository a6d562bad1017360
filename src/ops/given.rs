//! Finding what a card was given last, for those who take it back without knowing the number of its row.

use crate::domain::detail::Detail;
use crate::domain::event::EventKind;
use crate::domain::id::{CardId, EventId, MerchantId, OfferId, PromotionId};
use crate::domain::{ledger, promotion};
use crate::ops::Ops;
use crate::ops::captures::NEIGHBOURS;
use crate::store::{Error, cards, events};

/// What a card was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A use of this promotion.
    Promotion(PromotionId),
    /// A redemption of this offer.
    Offer(OfferId),
}

impl Ops {
    /// The newest row of a card's ledger that gave this and was not taken back, as far as the newest rows of its ledger say.
    pub async fn last_given(
        &self,
        merchant: MerchantId,
        card: CardId,
        given: Given,
    ) -> Result<Option<EventId>, Error> {
        self.store
            .read("last_given", move |tx| {
                Box::pin(async move {
                    let card = cards::card(tx, merchant, card).await?;
                    let Some(newest) = card.and_then(|card| card.card.last_event) else {
                        return Ok(None);
                    };
                    let history = events::history(tx, merchant, newest, NEIGHBOURS).await?;
                    let found = ledger::newest_standing(&history, |event| match given {
                        Given::Promotion(wanted) => {
                            event.event.kind == EventKind::PromotionUsed
                                && promotion::used_by(event).is_some_and(|(promotion, _)| promotion == wanted)
                        }
                        Given::Offer(wanted) => {
                            event.event.kind == EventKind::OfferRedeemed
                                && event.event.detail == Some(Detail::Offer { offer: wanted })
                        }
                    });
                    Ok(found.map(|event| event.id))
                })
            })
            .await
    }
}
