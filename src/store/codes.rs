//! Codes and their batches.

use crate::domain::code::{Code, Gift, Standing};
use crate::domain::id::{CardId, CodeBatchId, MemberId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Change, Error, FromRow, Row, Tx};

macro_rules! batch_columns {
    () => {
        "b.merchant_id, b.code_batch_id, b.program_id, b.label, b.gift, b.amount, b.wanted, b.made, b.max_uses, \
         b.expires_at, b.revoked_at, b.created_by, b.created_at"
    };
}

const INSERT_BATCH: &str = "insert into code_batches (merchant_id, code_batch_id, program_id, label, gift, amount, \
     wanted, made, max_uses, expires_at, revoked_at, created_by, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, null, $10, $11)";
const BATCH: &str = concat!(
    "select ",
    batch_columns!(),
    " from code_batches b where b.merchant_id = $1 and b.code_batch_id = $2"
);
const BATCH_FOR_UPDATE: &str = concat!(
    "select ",
    batch_columns!(),
    " from code_batches b where b.merchant_id = $1 and b.code_batch_id = $2 for update"
);
const BATCHES: &str = concat!(
    "select ",
    batch_columns!(),
    " from code_batches b where b.merchant_id = $1 order by b.code_batch_id desc"
);
const UNFINISHED: &str = concat!(
    "select ",
    batch_columns!(),
    " from code_batches b where b.made < b.wanted order by b.merchant_id, b.code_batch_id limit 1 \
     for update skip locked"
);
const ADD_MADE: &str =
    "update code_batches set made = made + $3 where merchant_id = $1 and code_batch_id = $2";
const REVOKE: &str = "update code_batches set revoked_at = $3, wanted = made \
     where merchant_id = $1 and code_batch_id = $2 and revoked_at is null";
const INSERT_CODES: &str = "insert into codes (merchant_id, code, code_batch_id, uses, first_used_at) \
     select column1, column2, column3, 0, null from (values {bigint, text, bigint}) as v where true \
     on conflict (merchant_id, code) do nothing";
const CODE_FOR_UPDATE: &str = "select c.code, c.code_batch_id, c.uses, c.first_used_at from codes c \
     where c.merchant_id = $1 and c.code = $2 for update";
const USE_CODE: &str = "update codes set uses = uses + 1, first_used_at = coalesce(first_used_at, $3) \
     where merchant_id = $1 and code = $2";
const INSERT_USE: &str =
    "insert into code_uses (merchant_id, code, card_id, used_at) values ($1, $2, $3, $4)";
const USED_BY: &str = "select used_at from code_uses where merchant_id = $1 and code = $2 and card_id = $3";
const PAGE: &str = "select c.code, c.uses, c.first_used_at from codes c \
     where c.merchant_id = $1 and c.code_batch_id = $2 and c.code > $3 order by c.code limit $4";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_BATCH,
    BATCH,
    BATCH_FOR_UPDATE,
    BATCHES,
    UNFINISHED,
    ADD_MADE,
    REVOKE,
    INSERT_CODES,
    CODE_FOR_UPDATE,
    USE_CODE,
    INSERT_USE,
    USED_BY,
    PAGE,
];

/// A batch of codes that give the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBatch {
    pub merchant: MerchantId,
    pub id: CodeBatchId,
    pub program: ProgramId,
    /// What staff call it.
    pub label: String,
    pub gift: Gift,
    pub wanted: i64,
    pub made: i64,
    pub max_uses: i64,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_by: Option<MemberId>,
    pub created_at: Timestamp,
}

/// A code as stored.
#[derive(Debug, Clone)]
pub struct StoredCode {
    pub code: String,
    pub batch: CodeBatchId,
    pub uses: i64,
    pub first_used_at: Option<Timestamp>,
}

/// A code as a sheet lists it.
#[derive(Debug, Clone)]
pub struct ListedCode {
    pub code: String,
    pub uses: i64,
    pub first_used_at: Option<Timestamp>,
}

impl StoredCode {
    pub fn standing(&self, batch: &CodeBatch) -> Standing {
        Standing {
            revoked: batch.revoked_at.is_some(),
            expires_at: batch.expires_at,
            uses: self.uses,
            max_uses: batch.max_uses,
            first_used_at: self.first_used_at,
        }
    }
}

/// Inserts a batch that has no codes yet.
pub async fn insert_batch(tx: &mut Tx<'_>, batch: &CodeBatch) -> Result<(), Error> {
    let params = params![
        batch.merchant,
        batch.id,
        batch.program,
        batch.label.as_str(),
        batch.gift.as_str(),
        batch.gift.amount(),
        batch.wanted,
        batch.max_uses,
        batch.expires_at,
        batch.created_by,
        batch.created_at,
    ];
    tx.exec(INSERT_BATCH, &params).await?;
    tx.announce(Change::Work(batch.merchant));
    Ok(())
}

pub async fn batch(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: CodeBatchId,
) -> Result<Option<CodeBatch>, Error> {
    tx.opt(BATCH, &params![merchant, batch]).await
}

/// A batch, locked until the transaction ends.
pub async fn batch_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: CodeBatchId,
) -> Result<Option<CodeBatch>, Error> {
    tx.opt(BATCH_FOR_UPDATE, &params![merchant, batch]).await
}

/// A merchant's batches, newest first.
pub async fn batches(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<CodeBatch>, Error> {
    tx.all(BATCHES, &params![merchant]).await
}

/// A batch that still lacks codes and that nobody else is making, locked.
pub async fn unfinished(tx: &mut Tx<'_>) -> Result<Option<CodeBatch>, Error> {
    tx.opt(UNFINISHED, &[]).await
}

/// Adds codes to a batch that is locked; returns how many were new.
pub async fn add(tx: &mut Tx<'_>, batch: &CodeBatch, codes: &[Code]) -> Result<i64, Error> {
    let rows: Vec<_> = codes
        .iter()
        .map(|code| params![batch.merchant, code.as_str(), batch.id].to_vec())
        .collect();
    let added = i64::try_from(tx.exec_rows(INSERT_CODES, &[], &rows).await?).unwrap_or(0);
    tx.exec(ADD_MADE, &params![batch.merchant, batch.id, added])
        .await?;
    tx.announce(Change::Work(batch.merchant));
    Ok(added)
}

/// Withdraws a batch; false when it was withdrawn before. What is not made yet is not made any more.
pub async fn revoke(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: CodeBatchId,
    now: Timestamp,
) -> Result<bool, Error> {
    tx.announce(Change::Work(merchant));
    Ok(tx.exec(REVOKE, &params![merchant, batch, now]).await? > 0)
}

/// A code, locked until the transaction ends.
pub async fn code_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    code: &Code,
) -> Result<Option<StoredCode>, Error> {
    tx.opt(CODE_FOR_UPDATE, &params![merchant, code.as_str()]).await
}

/// When `card` used `code`, which is locked.
pub async fn used_by(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    code: &Code,
    card: CardId,
) -> Result<Option<Timestamp>, Error> {
    let row: Option<(Timestamp,)> = tx.opt(USED_BY, &params![merchant, code.as_str(), card]).await?;
    Ok(row.map(|(at,)| at))
}

/// Notes that `card` used `code`, which is locked.
pub async fn note_use(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    code: &Code,
    card: CardId,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(USE_CODE, &params![merchant, code.as_str(), now]).await?;
    tx.exec(INSERT_USE, &params![merchant, code.as_str(), card, now])
        .await?;
    Ok(())
}

/// At most `limit` codes of a batch behind `after`, in the order of their letters.
pub async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: CodeBatchId,
    after: &str,
    limit: i64,
) -> Result<Vec<ListedCode>, Error> {
    tx.all(PAGE, &params![merchant, batch, after, limit]).await
}

impl FromRow for CodeBatch {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, id, program, label) = (row.next()?, row.next()?, row.next()?, row.next()?);
        let word: String = row.next()?;
        let gift = Gift::from_parts(&word, row.next()?);
        Ok(Self {
            merchant,
            id,
            program,
            label,
            gift: gift.ok_or_else(|| Error::inconsistent("what a code gives", "another word"))?,
            wanted: row.next()?,
            made: row.next()?,
            max_uses: row.next()?,
            expires_at: row.next()?,
            revoked_at: row.next()?,
            created_by: row.next()?,
            created_at: row.next()?,
        })
    }
}

impl FromRow for StoredCode {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            code: row.next()?,
            batch: row.next()?,
            uses: row.next()?,
            first_used_at: row.next()?,
        })
    }
}

impl FromRow for ListedCode {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            code: row.next()?,
            uses: row.next()?,
            first_used_at: row.next()?,
        })
    }
}
