//! Whom something is for, looked up page by page: the one place that knows how each kind of audience is read.
//!
//! A preview walks the same pages as what follows it, so that what differs later is only what happened meanwhile.

use std::sync::Arc;

use crate::domain::bulk;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::{Plan, Rule};
use crate::domain::time::Timestamp;
use crate::ops::segments::apart;
use crate::store::{Error, Store, Tx, TxFuture, jobs, segments};

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
            Self::Rule { rule, at } => Box::pin(by_rule(tx, merchant, rule, *at, after, limit)),
            Self::Listed(segment) => Box::pin(segments::listed(tx, merchant, *segment, after, limit)),
        }
    }
}

async fn by_rule(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    rule: &Rule,
    at: Timestamp,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let Some(context) = segments::context(tx, merchant, at).await? else {
        return Ok(Vec::new());
    };
    let plan = Plan::of(rule, &context);
    let limit = usize::try_from(limit).unwrap_or(0);
    segments::cards(tx, merchant, &plan, &context, after, limit).await
}

/// The next page, read by itself before the transaction that acts on it: a rule that holds for few may have to look at
/// every card, and no tap waits for that. Whoever acts looks at each card again, locked.
pub(super) async fn next(
    store: &Store,
    audience: &Arc<dyn Audience>,
    merchant: MerchantId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let (store, audience) = (store.clone(), Arc::clone(audience));
    apart(async move {
        store
            .read("audience", move |tx| {
                let audience = Arc::clone(&audience);
                Box::pin(async move { audience.page(tx, merchant, after, limit).await })
            })
            .await
    })
    .await
}
