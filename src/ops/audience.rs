//! Whom something is for, looked up page by page: the one place that knows how each kind of audience is read.
//!
//! A preview walks the same pages as what follows it, so that what differs later is only what happened meanwhile.

use crate::domain::bulk;
use crate::domain::id::{CardId, MerchantId};
use crate::store::{Error, Tx, TxFuture, jobs};

/// Names cards of a merchant, by id and each once, so that a large audience never has to be in hand as a whole.
pub trait Audience: Send + Sync {
    /// The next cards behind `after`, at most `limit`; fewer only at the end.
    fn page<'t>(
        &'t self,
        tx: &'t mut Tx<'_>,
        merchant: MerchantId,
        after: CardId,
        limit: i64,
    ) -> TxFuture<'t, Vec<CardId>, Error>;
}

/// Before every card.
pub const BEGIN: CardId = CardId(0);

impl Audience for bulk::Audience {
    fn page<'t>(
        &'t self,
        tx: &'t mut Tx<'_>,
        merchant: MerchantId,
        after: CardId,
        limit: i64,
    ) -> TxFuture<'t, Vec<CardId>, Error> {
        match self {
            Self::Cards(selected) => {
                let mut rest: Vec<_> = selected.iter().copied().filter(|card| *card > after).collect();
                rest.sort_unstable();
                rest.dedup();
                rest.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Box::pin(async move { Ok(rest) })
            }
            Self::Program(program) => Box::pin(jobs::cards_of_program(tx, merchant, *program, after, limit)),
            Self::Batch(batch) => Box::pin(jobs::changed(tx, merchant, *batch, after, limit)),
        }
    }
}
