//! Update tags: each merchant's count of "something changed", by which a phone asks what it missed.
//!
//! Invariant: a tag never becomes visible before a smaller one. [`allot_tags`] takes the next tag while it holds the
//! merchant's row in `tags` and keeps that row until the transaction ends, so whoever comes next waits for the
//! commit and gets a greater tag. A transaction that commits late with an old tag, which a phone that has already
//! asked would never hear of, cannot happen.
//!
//! A tag is allotted *after* the change it announces is committed (by the transaction that claims the push), or
//! in the same transaction when that transaction is short. Locks are taken in this order and no other: cards by
//! id, then the merchant's tags row; a transaction that serves several merchants goes through them by id. Nobody
//! waits for a card while holding a tags row.

use crate::domain::id::{CardId, MerchantId, UpdateTag};
use crate::store::{Error, FromRow, Row, Tx, Value};

const LOCK_CARDS: &str = "select card_id from cards where merchant_id = $1 and card_id in (values {bigint}) \
     order by card_id for update";

const NEXT: &str = "insert into tags (merchant_id, value) values ($1, 1) \
     on conflict (merchant_id) do update set value = tags.value + 1 returning value";

const SET: &str = "update cards set tag = $2 where merchant_id = $1 and card_id in (values {bigint})";

const CURRENT: &str = "select value from tags where merchant_id = $1";

pub(crate) const STATEMENTS: &[&str] = &[LOCK_CARDS, NEXT, SET, CURRENT];

struct Number(i64);

impl FromRow for Number {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        row.next().map(Self)
    }
}

/// Marks `cards` of one merchant as changed: from now on the list names them to every device that asked before.
///
/// All of them get the same tag, the merchant's next. Cards that do not exist are passed over. Returns the tag.
pub async fn allot_tags(tx: &mut Tx<'_>, merchant: MerchantId, cards: &[CardId]) -> Result<UpdateTag, Error> {
    if cards.is_empty() {
        return current(tx, merchant).await;
    }
    let mut sorted = cards.to_vec();
    sorted.sort_unstable();
    let rows: Vec<Vec<Value>> = sorted.iter().map(|card| vec![Value::Int(card.0)]).collect();
    let _locked: Vec<Number> = tx.all_rows(LOCK_CARDS, &[Value::Int(merchant.0)], &rows).await?;
    let tag = next(tx, merchant).await?;
    tx.exec_rows(SET, &[Value::Int(merchant.0), Value::Int(tag.0)], &rows)
        .await?;
    Ok(tag)
}

/// Takes the merchant's next tag for a row other than a card; the transaction must end soon.
pub async fn next(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<UpdateTag, Error> {
    let Number(value) = tx.one(NEXT, &[Value::Int(merchant.0)]).await?;
    Ok(UpdateTag(value))
}

/// The greatest tag that this transaction's snapshot can see; zero before the first.
pub async fn current(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<UpdateTag, Error> {
    let row: Option<Number> = tx.opt(CURRENT, &[Value::Int(merchant.0)]).await?;
    Ok(row.map_or(UpdateTag(0), |Number(value)| UpdateTag(value)))
}
