//! Whom something is for: a list of cards, all cards of a program, or whatever else can name cards page by page.

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::store::{Error, Tx, TxFuture, offers};

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

/// Cards that somebody picked.
#[derive(Debug, Clone)]
pub struct Listed(Vec<CardId>);

/// Every card of a program.
#[derive(Debug, Clone, Copy)]
pub struct AllOf(pub ProgramId);

impl Listed {
    pub fn new(mut cards: Vec<CardId>) -> Self {
        cards.sort_unstable();
        cards.dedup();
        Self(cards)
    }
}

impl Audience for Listed {
    fn page<'t>(
        &'t self,
        _tx: &'t mut Tx<'_>,
        _merchant: MerchantId,
        after: CardId,
        limit: i64,
    ) -> TxFuture<'t, Vec<CardId>, Error> {
        let first = self.0.partition_point(|card| *card <= after);
        let limit = usize::try_from(limit).unwrap_or(0);
        let page = self.0[first..].iter().take(limit).copied().collect();
        Box::pin(async move { Ok(page) })
    }
}

impl Audience for AllOf {
    fn page<'t>(
        &'t self,
        tx: &'t mut Tx<'_>,
        merchant: MerchantId,
        after: CardId,
        limit: i64,
    ) -> TxFuture<'t, Vec<CardId>, Error> {
        Box::pin(offers::cards_of_program(tx, merchant, self.0, after, limit))
    }
}
