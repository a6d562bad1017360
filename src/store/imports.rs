//! Imports: how far each got, and the rows that it could not take.
//!
//! Invariant: `records` and the counts move in the transaction that writes what they count, and only from where the
//! caller believes them to be: two processes that work on one import never do a row twice.

use crate::domain::id::{BatchId, CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::import::{Counts, Problem};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str = "insert into imports (merchant_id, batch_id, program_id, fingerprint, settings, records, created, \
     updated, unchanged, failed, started_at) values ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, $6)";
const UNFINISHED: &str = "select batch_id, records, created, updated, unchanged, failed from imports \
     where merchant_id = $1 and coalesce(program_id, 0) = coalesce(cast($2 as bigint), 0) and fingerprint = $3 and settings = $4 \
     and finished_at is null order by batch_id desc limit 1";
const ADVANCE: &str = "update imports set records = records + $4, created = created + $5, updated = updated + $6, \
     unchanged = unchanged + $7, failed = failed + $8 where merchant_id = $1 and batch_id = $2 and records = $3";
const FINISH: &str = "update imports set finished_at = $3 where merchant_id = $1 and batch_id = $2";
const JOB: &str = "select batch_id, records, created, updated, unchanged, failed from imports \
     where merchant_id = $1 and batch_id = $2";
const ADD_FAILURES: &str = "insert into import_failures (merchant_id, batch_id, record, line, problems, cells) \
     values {bigint, bigint, bigint, bigint, text, text}";
const FAILURES: &str = "select record, line, problems, cells from import_failures \
     where merchant_id = $1 and batch_id = $2 and record > $3 order by record limit $4";
const FORGET_FAILURES: &str = "delete from import_failures where merchant_id = $1 and batch_id = $2";
const ADD_MARKS: &str =
    "insert into import_marks (merchant_id, batch_id, record, marks) values ($1, $2, $3, $4)";
const MARKS: &str = "select marks from import_marks where merchant_id = $1 and batch_id = $2 order by record";
const FORGET_MARKS: &str = "delete from import_marks where merchant_id = $1 and batch_id = $2";
const HOLDERS: &str = "select c.serial_number, c.customer_id from (values {bigint, text}) as v \
     join cards c on c.merchant_id = v.column1 and c.serial_number = v.column2";
const BALANCES: &str = "select c.card_id, c.punches, c.points, c.spend from (values {bigint, bigint}) as v \
     join cards c on c.merchant_id = v.column1 and c.card_id = v.column2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    UNFINISHED,
    ADVANCE,
    FINISH,
    JOB,
    ADD_FAILURES,
    FAILURES,
    FORGET_FAILURES,
    ADD_MARKS,
    MARKS,
    FORGET_MARKS,
    HOLDERS,
    BALANCES,
];

/// An import and how far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    pub batch: BatchId,
    /// Rows of the file that are done.
    pub records: i64,
    pub counts: Counts,
}

/// What an import is of: the same file with the same settings is the same import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobKey {
    pub program: Option<ProgramId>,
    /// SHA-256 of the file.
    pub fingerprint: [u8; 32],
    /// How its columns are read, as text.
    pub settings: String,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Counted from 1 below the header.
    pub record: i64,
    /// Where the row begins in the file.
    pub line: i64,
    pub problems: Vec<Problem>,
    pub cells: Vec<String>,
}

/// The import of this very file that was begun and not finished; a new one, `fresh`, where there is none.
pub async fn open(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    key: &JobKey,
    fresh: BatchId,
    now: Timestamp,
) -> Result<Job, Error> {
    let fingerprint = &key.fingerprint;
    let params = params![merchant, key.program, fingerprint, key.settings.as_str()];
    if let Some(job) = tx.opt(UNFINISHED, &params).await? {
        return Ok(job);
    }
    let params = params![
        merchant,
        fresh,
        key.program,
        fingerprint,
        key.settings.as_str(),
        now
    ];
    tx.exec(INSERT, &params).await?;
    Ok(Job {
        batch: fresh,
        records: 0,
        counts: Counts::default(),
    })
}

/// Moves an import on by as many rows as `counts` has. False: somebody else has moved it.
pub async fn advance(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    from: i64,
    counts: Counts,
) -> Result<bool, Error> {
    let params = params![
        merchant,
        batch,
        from,
        counts.rows(),
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.failed,
    ];
    Ok(tx.exec(ADVANCE, &params).await? > 0)
}

pub async fn finish(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(FINISH, &params![merchant, batch, now]).await?;
    tx.exec(FORGET_MARKS, &params![merchant, batch]).await?;
    Ok(())
}

/// Keeps what the rows of one transaction have touched; `record` is the first of them.
pub async fn add_marks(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    record: i64,
    marks: Vec<u8>,
) -> Result<(), Error> {
    tx.exec(ADD_MARKS, &params![merchant, batch, record, marks])
        .await?;
    Ok(())
}

/// What all rows so far have touched, transaction by transaction.
pub async fn marks(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<Vec<Vec<u8>>, Error> {
    let marks: Vec<(Vec<u8>,)> = tx.all(MARKS, &params![merchant, batch]).await?;
    Ok(marks.into_iter().map(|(marks,)| marks).collect())
}

pub async fn job(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<Option<Job>, Error> {
    tx.opt(JOB, &params![merchant, batch]).await
}

pub async fn add_failures(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    failures: &[Failure],
) -> Result<(), Error> {
    let rows: Vec<_> = failures
        .iter()
        .map(|failure| {
            let problems = serde_json::to_string(&failure.problems).unwrap_or_default();
            let cells = serde_json::to_string(&failure.cells).unwrap_or_default();
            params![merchant, batch, failure.record, failure.line, problems, cells].to_vec()
        })
        .collect();
    tx.exec_rows(ADD_FAILURES, &[], &rows).await?;
    Ok(())
}

/// At most `limit` rows that were not taken, after row `after`.
pub async fn failures(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    after: i64,
    limit: i64,
) -> Result<Vec<Failure>, Error> {
    tx.all(FAILURES, &params![merchant, batch, after, limit]).await
}

/// Throws away the rows that were not taken; they may tell of people.
pub async fn forget_failures(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<(), Error> {
    tx.exec(FORGET_FAILURES, &params![merchant, batch]).await?;
    Ok(())
}

/// Whose card each serial number is; those of no card are left out.
pub async fn holders(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    serial_numbers: &[&str],
) -> Result<Vec<(String, CustomerId)>, Error> {
    let rows: Vec<_> = serial_numbers
        .iter()
        .map(|serial| params![merchant, *serial].to_vec())
        .collect();
    tx.all_rows(HOLDERS, &[], &rows).await
}

/// Punches, points and money of cards.
pub async fn balances(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    cards: &[CardId],
) -> Result<Vec<(CardId, i64, i64, i64)>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|card| params![merchant, *card].to_vec())
        .collect();
    tx.all_rows(BALANCES, &[], &rows).await
}

impl FromRow for Job {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            batch: row.next()?,
            records: row.next()?,
            counts: Counts {
                created: row.next()?,
                updated: row.next()?,
                unchanged: row.next()?,
                failed: row.next()?,
            },
        })
    }
}

impl FromRow for Failure {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let json = |_| Error::inconsistent("a list in JSON", "other text");
        Ok(Self {
            record: row.next()?,
            line: row.next()?,
            problems: serde_json::from_str(&row.next::<String>()?).map_err(json)?,
            cells: serde_json::from_str(&row.next::<String>()?).map_err(json)?,
        })
    }
}
