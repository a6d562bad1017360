//! Files that people upload to import, in pieces, and how far each has come.
//!
//! Invariant: whoever works on a file writes only while it holds the lease and the file is in the state that it took it
//! in; a node that was slow and somebody who stopped it are both noticed by that.

use crate::domain::id::{BatchId, MemberId, MerchantId, ProgramId, UploadId};
use crate::domain::import::Counts;
use crate::domain::time::Timestamp;
use crate::domain::upload::{UploadProblem, UploadState};
use crate::store::sql::params;
use crate::store::{Change, Error, FromRow, Row, Tx};

macro_rules! columns {
    () => {
        "f.merchant_id, f.upload_id, f.member_id, f.name, f.program_id, f.welcome, f.state, f.problem, f.bytes, \
         f.fingerprint, f.delimiter, f.header, f.meanings, f.read_bytes, f.created, f.updated, f.unchanged, f.failed, \
         f.balances_kept, f.consents_left, f.batch_id, f.created_at, f.changed_at, f.expires_at"
    };
}

const INSERT: &str = "insert into uploads (merchant_id, upload_id, member_id, name, program_id, welcome, state, bytes, \
     fingerprint, delimiter, header, meanings, read_bytes, created, updated, unchanged, failed, balances_kept, \
     consents_left, created_at, changed_at, expires_at) \
     values ($1, $2, $3, $4, $5, $6, 'receiving', 0, $7, 0, '[]', '[]', 0, 0, 0, 0, 0, 0, 0, $8, $8, $9)";
const COUNT: &str =
    "select count(*) from uploads where merchant_id = $1 and state not in ('done', 'cancelled', 'failed')";
const ADD_PIECE: &str =
    "insert into upload_pieces (merchant_id, upload_id, piece, body) values ($1, $2, $3, $4)";
const PIECE: &str = "select body from upload_pieces where merchant_id = $1 and upload_id = $2 and piece = $3";
const FORGET_PIECES: &str = "delete from upload_pieces where merchant_id = $1 and upload_id = $2";
const RECEIVED: &str = "update uploads set state = 'received', bytes = $3, fingerprint = $4, delimiter = $5, header = $6, \
     changed_at = $7, expires_at = $8 where merchant_id = $1 and upload_id = $2 and state = 'receiving'";
const ONE: &str = concat!(
    "select ",
    columns!(),
    " from uploads f where f.merchant_id = $1 and f.upload_id = $2"
);
const ONE_FOR_UPDATE: &str = concat!(
    "select ",
    columns!(),
    " from uploads f where f.merchant_id = $1 and f.upload_id = $2 for update"
);
const ALL: &str = concat!(
    "select ",
    columns!(),
    " from uploads f where f.merchant_id = $1 and f.state <> 'receiving' order by f.upload_id desc limit $2"
);
const MOVE: &str = "update uploads set state = $3, meanings = $4, read_bytes = 0, created = 0, updated = 0, unchanged = 0, \
     failed = 0, balances_kept = 0, consents_left = 0, lease = null, lease_until = null, changed_at = $5, \
     expires_at = $6 where merchant_id = $1 and upload_id = $2";
/// Stopped: what is known of it stays.
const STOP: &str = "update uploads set state = $3, lease = null, lease_until = null, changed_at = $4, expires_at = $5 \
     where merchant_id = $1 and upload_id = $2";
const DUE: &str = concat!(
    "select ",
    columns!(),
    " from uploads f where f.state in ('trying', 'running') and coalesce(f.lease_until, 0) <= $1 \
     order by f.changed_at, f.upload_id limit 1 for update skip locked"
);
const LEASE: &str =
    "update uploads set lease = $3, lease_until = $4 where merchant_id = $1 and upload_id = $2";
const NOTE: &str = "update uploads set read_bytes = $5, created = $6, updated = $7, unchanged = $8, failed = $9, \
     balances_kept = $10, consents_left = $11, lease_until = $12, batch_id = $13 \
     where merchant_id = $1 and upload_id = $2 and lease = $3 and state = $4";
const END: &str = "update uploads set state = $4, problem = $5, lease = null, lease_until = null, changed_at = $6, \
     expires_at = $7 where merchant_id = $1 and upload_id = $2 and lease = $3";
const RELEASE: &str = "update uploads set lease = null, lease_until = null \
     where merchant_id = $1 and upload_id = $2 and lease = $3";
const EXPIRED: &str = concat!(
    "select ",
    columns!(),
    " from uploads f where f.expires_at <= $1 order by f.expires_at limit 1 for update skip locked"
);
const DELETE: &str = "delete from uploads where merchant_id = $1 and upload_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    COUNT,
    ADD_PIECE,
    PIECE,
    FORGET_PIECES,
    RECEIVED,
    ONE,
    ONE_FOR_UPDATE,
    ALL,
    MOVE,
    STOP,
    DUE,
    LEASE,
    NOTE,
    END,
    RELEASE,
    EXPIRED,
    DELETE,
];

/// A file and how far it has come.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    pub merchant: MerchantId,
    pub id: UploadId,
    /// Who uploaded it.
    pub member: MemberId,
    /// What it is called where it came from.
    pub name: String,
    /// The program to issue cards of; none imports people only.
    pub program: Option<ProgramId>,
    pub welcome: bool,
    pub state: UploadState,
    pub problem: Option<UploadProblem>,
    pub bytes: i64,
    /// SHA-256.
    pub fingerprint: Vec<u8>,
    /// What parts its cells, as a byte.
    pub delimiter: i64,
    pub header: Vec<String>,
    /// What its columns mean, by the names of columns; empty until somebody said it.
    pub meanings: Vec<String>,
    /// Bytes that were gone through, nearly.
    pub read_bytes: i64,
    pub counts: Counts,
    pub balances_kept: i64,
    pub consents_left: i64,
    /// The import that it became.
    pub batch: Option<BatchId>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Does not show what the file is called or has.
impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Upload {
    /// Under which batch the rows are kept that were not taken. Those of a try stand under the file's own number, which
    /// no batch has.
    pub fn failures(&self) -> BatchId {
        self.batch.unwrap_or(self.tried())
    }

    pub fn tried(&self) -> BatchId {
        BatchId(self.id.0)
    }
}

/// What is told of a file when its first byte comes.
#[derive(Debug, Clone)]
pub struct NewUpload {
    pub merchant: MerchantId,
    pub id: UploadId,
    pub member: MemberId,
    pub name: String,
    pub program: Option<ProgramId>,
    pub welcome: bool,
}

/// What is known once the last byte is there.
#[derive(Debug, Clone)]
pub struct Received {
    pub bytes: i64,
    pub fingerprint: [u8; 32],
    pub delimiter: u8,
    pub header: Vec<String>,
}

/// How far somebody who works on a file has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub read_bytes: i64,
    pub counts: Counts,
    pub balances_kept: i64,
    pub consents_left: i64,
    pub batch: Option<BatchId>,
}

/// A file that this node works on.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub upload: Upload,
    pub lease: i64,
}

pub async fn insert(
    tx: &mut Tx<'_>,
    new: &NewUpload,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let params = params![
        new.merchant,
        new.id,
        new.member,
        new.name.as_str(),
        new.program,
        new.welcome,
        Vec::<u8>::new(),
        now,
        expires_at,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Files that are not over yet.
pub async fn open(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<i64, Error> {
    let (count,): (i64,) = tx.one(COUNT, &params![merchant]).await?;
    Ok(count)
}

pub async fn add_piece(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    upload: UploadId,
    piece: i64,
    body: Vec<u8>,
) -> Result<(), Error> {
    tx.exec(ADD_PIECE, &params![merchant, upload, piece, body])
        .await?;
    Ok(())
}

/// None behind the last one.
pub async fn piece(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    upload: UploadId,
    piece: i64,
) -> Result<Option<Vec<u8>>, Error> {
    let found: Option<(Vec<u8>,)> = tx.opt(PIECE, &params![merchant, upload, piece]).await?;
    Ok(found.map(|(body,)| body))
}

pub async fn forget_pieces(tx: &mut Tx<'_>, merchant: MerchantId, upload: UploadId) -> Result<(), Error> {
    tx.exec(FORGET_PIECES, &params![merchant, upload]).await?;
    Ok(())
}

/// Notes that the file is complete; false when it is gone.
pub async fn receive(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    upload: UploadId,
    received: &Received,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let params = params![
        merchant,
        upload,
        received.bytes,
        &received.fingerprint,
        i64::from(received.delimiter),
        json(&received.header),
        now,
        expires_at,
    ];
    Ok(tx.exec(RECEIVED, &params).await? > 0)
}

pub async fn upload(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    upload: UploadId,
) -> Result<Option<Upload>, Error> {
    tx.opt(ONE, &params![merchant, upload]).await
}

/// The file, locked until the transaction ends.
pub async fn upload_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    upload: UploadId,
) -> Result<Option<Upload>, Error> {
    tx.opt(ONE_FOR_UPDATE, &params![merchant, upload]).await
}

/// The newest `limit`.
pub async fn uploads(tx: &mut Tx<'_>, merchant: MerchantId, limit: i64) -> Result<Vec<Upload>, Error> {
    tx.all(ALL, &params![merchant, limit]).await
}

/// Begins a try or a run of a file that is locked.
pub async fn begin(
    tx: &mut Tx<'_>,
    upload: &Upload,
    state: UploadState,
    meanings: &[String],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let params = params![
        upload.merchant,
        upload.id,
        state.as_str(),
        json(meanings),
        now,
        expires_at,
    ];
    tx.exec(MOVE, &params).await?;
    tx.announce(Change::Work(upload.merchant));
    Ok(())
}

/// Stops the work on a file that is locked. Who works on it notices with its next note.
pub async fn stop(
    tx: &mut Tx<'_>,
    upload: &Upload,
    state: UploadState,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let params = params![upload.merchant, upload.id, state.as_str(), now, expires_at];
    tx.exec(STOP, &params).await?;
    tx.announce(Change::Work(upload.merchant));
    Ok(())
}

/// A file that there is something to do for and that nobody works on, leased until `until` under `lease`.
pub async fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    until: Timestamp,
    lease: i64,
) -> Result<Option<Claimed>, Error> {
    let due: Option<Upload> = tx.opt(DUE, &params![now]).await?;
    let Some(upload) = due else { return Ok(None) };
    tx.exec(LEASE, &params![upload.merchant, upload.id, lease, until])
        .await?;
    Ok(Some(Claimed { upload, lease }))
}

/// Notes how far it is, and keeps the lease. False: it is not this node's any more, and nothing was noted.
pub async fn note(
    tx: &mut Tx<'_>,
    claimed: &Claimed,
    progress: &Progress,
    until: Timestamp,
) -> Result<bool, Error> {
    let Claimed { upload, lease } = claimed;
    let params = params![
        upload.merchant,
        upload.id,
        *lease,
        upload.state.as_str(),
        progress.read_bytes,
        progress.counts.created,
        progress.counts.updated,
        progress.counts.unchanged,
        progress.counts.failed,
        progress.balances_kept,
        progress.consents_left,
        until,
        progress.batch,
    ];
    tx.announce(Change::Work(upload.merchant));
    Ok(tx.exec(NOTE, &params).await? > 0)
}

/// Ends the work on a file; false when it is not this node's any more.
pub async fn end(
    tx: &mut Tx<'_>,
    claimed: &Claimed,
    state: UploadState,
    problem: Option<UploadProblem>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let Claimed { upload, lease } = claimed;
    let problem = problem.map(UploadProblem::as_str);
    let params = params![
        upload.merchant,
        upload.id,
        *lease,
        state.as_str(),
        problem,
        now,
        expires_at
    ];
    tx.announce(Change::Work(upload.merchant));
    Ok(tx.exec(END, &params).await? > 0)
}

/// Leaves a file to the next node at once.
pub async fn release(tx: &mut Tx<'_>, claimed: &Claimed) -> Result<(), Error> {
    let Claimed { upload, lease } = claimed;
    tx.exec(RELEASE, &params![upload.merchant, upload.id, *lease])
        .await?;
    Ok(())
}

/// A file whose time is over, locked.
pub async fn expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Upload>, Error> {
    tx.opt(EXPIRED, &params![now]).await
}

/// Deletes what is known of a file; its pieces go by [`forget_pieces`].
pub async fn delete(tx: &mut Tx<'_>, merchant: MerchantId, upload: UploadId) -> Result<(), Error> {
    tx.exec(DELETE, &params![merchant, upload]).await?;
    Ok(())
}

fn json(list: &[String]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

fn list(text: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(text).map_err(|_| Error::inconsistent("a list in JSON", "other text"))
}

impl FromRow for Upload {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let word = |what| move || Error::inconsistent(what, "another word");
        Ok(Self {
            merchant: row.next()?,
            id: row.next()?,
            member: row.next()?,
            name: row.next()?,
            program: row.next()?,
            welcome: row.next()?,
            state: UploadState::parse(&row.next::<String>()?).ok_or_else(word("the state of an upload"))?,
            problem: match row.next::<Option<String>>()? {
                Some(text) => Some(UploadProblem::parse(&text).ok_or_else(word("the problem of an upload"))?),
                None => None,
            },
            bytes: row.next()?,
            fingerprint: row.next()?,
            delimiter: row.next()?,
            header: list(&row.next::<String>()?)?,
            meanings: list(&row.next::<String>()?)?,
            read_bytes: row.next()?,
            counts: Counts {
                created: row.next()?,
                updated: row.next()?,
                unchanged: row.next()?,
                failed: row.next()?,
            },
            balances_kept: row.next()?,
            consents_left: row.next()?,
            batch: row.next()?,
            created_at: row.next()?,
            changed_at: row.next()?,
            expires_at: row.next()?,
        })
    }
}
