//! Redeemed coupons that wait to turn into a card of their linked program; one row a card.
//!
//! A row is written, changed and deleted only by who has the card locked, so a conversion happens once.

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::money::Amount;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str = "insert into conversions (merchant_id, card_id, program_id, first_punch, amount, reason, attempts, \
     due_at, created_at) values {bigint, bigint, bigint, bigint, bigint, text, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id) do update set program_id = excluded.program_id, \
     first_punch = excluded.first_punch, amount = excluded.amount, reason = excluded.reason, \
     attempts = excluded.attempts, due_at = excluded.due_at";
const OF_CARD: &str = "select merchant_id, card_id, program_id, first_punch, amount, reason, attempts, due_at, created_at \
     from conversions where merchant_id = $1 and card_id = $2";
const DUE: &str = "select merchant_id, card_id from conversions where due_at <= $1 order by due_at limit $2";
const DELETE: &str = "delete from conversions where merchant_id = $1 and card_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, OF_CARD, DUE, DELETE];

/// A conversion that is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub merchant: MerchantId,
    pub card: CardId,
    /// What the coupon's rules named when it was redeemed.
    pub program: ProgramId,
    pub first_punch: bool,
    pub amount: Option<Amount>,
    /// What stood in the way the last time.
    pub reason: String,
    pub attempts: i64,
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}

/// Writes `waiting`, new or changed.
pub async fn save(tx: &mut Tx<'_>, waiting: &[Waiting]) -> Result<(), Error> {
    let rows: Vec<_> = waiting
        .iter()
        .map(|row| {
            params![
                row.merchant,
                row.card,
                row.program,
                row.first_punch,
                row.amount.map(Amount::minor),
                row.reason.as_str(),
                row.attempts,
                row.due_at,
                row.created_at,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(INSERT, &[], &rows).await?;
    Ok(())
}

pub async fn of_card(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Option<Waiting>, Error> {
    tx.opt(OF_CARD, &params![merchant, card]).await
}

/// Cards whose conversion is due. Not locked: whoever locks the card reads its row again.
pub async fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<(MerchantId, CardId)>, Error> {
    tx.all(DUE, &params![now, limit]).await
}

/// Whether there was one.
pub async fn delete(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<bool, Error> {
    Ok(tx.exec(DELETE, &params![merchant, card]).await? > 0)
}

impl FromRow for Waiting {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, card, program, first_punch) = (row.next()?, row.next()?, row.next()?, row.next()?);
        let amount: Option<i64> = row.next()?;
        let amount = amount
            .map(Amount::new)
            .transpose()
            .map_err(|error| Error::inconsistent("an amount in conversions.amount", error))?;
        Ok(Self {
            merchant,
            card,
            program,
            first_punch,
            amount,
            reason: row.next()?,
            attempts: row.next()?,
            due_at: row.next()?,
            created_at: row.next()?,
        })
    }
}
