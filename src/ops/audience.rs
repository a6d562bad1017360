//! Whom a job is about, looked up page by page when it runs: the one place that knows how each kind of audience is read.
//! A preview walks the same pages, so that what differs later is only what happened meanwhile.

use crate::domain::bulk::Audience;
use crate::domain::id::{CardId, MerchantId};
use crate::store::{Error, Tx, jobs};

/// The first `limit` cards of the audience after `after`, in the order of their ids; fewer only at its end.
pub(crate) async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    audience: &Audience,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    match audience {
        Audience::Cards(selected) => {
            let mut rest: Vec<_> = selected.iter().copied().filter(|card| *card > after).collect();
            rest.sort_unstable();
            rest.dedup();
            rest.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(rest)
        }
        Audience::Program(program) => jobs::cards_of_program(tx, merchant, *program, after, limit).await,
        Audience::Batch(batch) => jobs::changed(tx, merchant, *batch, after, limit).await,
    }
}
