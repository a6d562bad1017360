//! Orders of a shop that were credited: each once in a program, however often it is sent.

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const CREDIT: &str = "insert into orders (merchant_id, program_id, reference, card_id, credited_at) \
     values ($1, $2, $3, $4, $5) on conflict (merchant_id, program_id, reference) do nothing";
const CREDITED_TO: &str =
    "select card_id from orders where merchant_id = $1 and program_id = $2 and reference = $3";

pub(crate) const STATEMENTS: &[&str] = &[CREDIT, CREDITED_TO];

/// Notes that the order is credited to `card`. None when it now is; the card that it went to when it was before.
pub async fn credit(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    reference: &str,
    card: CardId,
    now: Timestamp,
) -> Result<Option<CardId>, Error> {
    let inserted = tx
        .exec(CREDIT, &params![merchant, program, reference, card, now])
        .await?;
    if inserted == 1 {
        return Ok(None);
    }
    credited_to(tx, merchant, program, reference).await
}

/// The card that an order went to.
pub async fn credited_to(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    reference: &str,
) -> Result<Option<CardId>, Error> {
    let found: Option<(CardId,)> = tx
        .opt(CREDITED_TO, &params![merchant, program, reference])
        .await?;
    Ok(found.map(|(card,)| card))
}
