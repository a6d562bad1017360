//! Update tags: each merchant's count of "something changed", by which a phone asks what it missed.
//!
//! Invariant: a tag never becomes visible before a smaller one. [`next`] takes the tag by writing the merchant's row
//! in `tags`, and that row stays locked until the transaction ends: whoever comes next waits for the commit and
//! gets a greater tag. A transaction that commits late with an old tag, which a phone that has already asked
//! would never hear of, cannot happen.
//!
//! A tag is allotted *after* the change it announces is committed (by the transaction that claims the push), or
//! in the same transaction when that transaction is short. Locks are taken in this order and no other: cards by
//! id, pushes, then the merchants' tags rows by id. Nobody waits for anything else while holding a tags row.

use crate::domain::id::{MerchantId, UpdateTag};
use crate::store::sql::params;
use crate::store::{Error, Tx};

const NEXT: &str = "insert into tags (merchant_id, value) values ($1, 1) \
     on conflict (merchant_id) do update set value = tags.value + 1 returning value";
const CURRENT: &str = "select value from tags where merchant_id = $1";

pub(crate) const STATEMENTS: &[&str] = &[NEXT, CURRENT];

/// Takes the merchant's next tag; the transaction must end soon.
pub async fn next(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<UpdateTag, Error> {
    let (value,) = tx.one(NEXT, &params![merchant]).await?;
    Ok(UpdateTag(value))
}

/// The greatest tag that this transaction's snapshot can see; zero before the first.
pub async fn current(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<UpdateTag, Error> {
    let row: Option<(i64,)> = tx.opt(CURRENT, &params![merchant]).await?;
    Ok(UpdateTag(row.map_or(0, |(value,)| value)))
}
