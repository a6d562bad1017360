//! Jobs: one action on many cards, and how far each has come. Their rows are in `rows`.

mod rows;

use crate::domain::bulk::{Audience, BulkAction, Seen};
use crate::domain::event::Source;
use crate::domain::id::{BatchId, CardId, MemberId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Change, Error, FromRow, FromValue, Row, Tx};
pub(crate) use rows::STATEMENTS as ROW_STATEMENTS;
pub use rows::{JobRow, RowState, changed, finish_rows, insert_rows, made, rows, taken_back, waiting};

macro_rules! job_columns {
    () => {
        "j.merchant_id, j.batch_id, j.action, j.audience, j.reason, j.member_id, j.source, j.state, j.expected_cards, \
         j.expected_able, j.expected_print, j.cards, j.print, j.done, j.refused, j.gathered_to, j.worked_to, \
         j.created_at, j.changed_at, j.finished_at"
    };
}

const INSERT: &str = "insert into jobs (merchant_id, batch_id, action, audience, reason, member_id, source, state, \
     expected_cards, expected_able, expected_print, cards, print, done, refused, gathered_to, worked_to, created_at, \
     changed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0, 0, 0, $12, $12)";
/// The open job that waited longest, so that several take turns.
const OPEN: &str = "select j.merchant_id, j.batch_id from jobs j \
     where j.finished_at is null and j.state = 'running' order by j.changed_at, j.batch_id limit 20";
const JOB: &str = concat!(
    "select ",
    job_columns!(),
    " from jobs j where j.merchant_id = $1 and j.batch_id = $2"
);
const JOB_FOR_UPDATE: &str = concat!(
    "select ",
    job_columns!(),
    " from jobs j where j.merchant_id = $1 and j.batch_id = $2 for update"
);
const CLAIM: &str = concat!(
    "select ",
    job_columns!(),
    " from jobs j where j.merchant_id = $1 and j.batch_id = $2 and j.state = 'running' for update skip locked"
);
const JOBS: &str = concat!(
    "select ",
    job_columns!(),
    " from jobs j where j.merchant_id = $1 and j.batch_id < $2 order by j.batch_id desc limit $3"
);
const SAVE: &str = "update jobs set state = $3, cards = $4, print = $5, done = $6, refused = $7, gathered_to = $8, \
     worked_to = $9, changed_at = $10, finished_at = $11 where merchant_id = $1 and batch_id = $2";
/// Without a look at what the row says.
const GIVE_UP: &str = "update jobs set state = 'cancelled', changed_at = $3, finished_at = $3 \
     where merchant_id = $1 and batch_id = $2 and state = 'running'";
const CARDS_OF_PROGRAM: &str = "select card_id from cards \
     where merchant_id = $1 and program_id = $2 and card_id > $3 order by card_id limit $4";
pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    OPEN,
    JOB,
    JOB_FOR_UPDATE,
    CLAIM,
    JOBS,
    SAVE,
    GIVE_UP,
    CARDS_OF_PROGRAM,
];

/// `gathered_to` of a job whose audience is written down.
pub const ALL_GATHERED: CardId = CardId(i64::MAX);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    Running,
    Paused,
    Done,
    /// Stopped by somebody; what was done stays until it is taken back.
    Cancelled,
}

impl JobState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Running, Self::Paused, Self::Done, Self::Cancelled];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// One action on many cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub merchant: MerchantId,
    /// The batch of every event that it writes.
    pub batch: BatchId,
    pub action: BulkAction,
    pub audience: Audience,
    pub reason: Option<String>,
    /// Who asked; none for the operator of the gateway.
    pub member: Option<MemberId>,
    pub source: Source,
    pub state: JobState,
    /// The preview that somebody agreed to.
    pub expected: Option<Seen>,
    /// Its audience as it was when it ran, as far as it is written down.
    pub cards: i64,
    pub print: i64,
    pub done: i64,
    pub refused: i64,
    pub gathered_to: CardId,
    pub worked_to: CardId,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

pub async fn insert(tx: &mut Tx<'_>, job: &Job) -> Result<(), Error> {
    let params = params![
        job.merchant,
        job.batch,
        print(&job.action)?,
        print(&job.audience)?,
        job.reason.as_deref(),
        job.member,
        job.source.as_str(),
        job.state.as_str(),
        job.expected.map(|seen| seen.cards),
        job.expected.map(|seen| seen.able),
        job.expected.map(|seen| seen.print),
        job.created_at,
    ];
    tx.exec(INSERT, &params).await?;
    tx.announce(Change::Work(job.merchant));
    Ok(())
}

/// Jobs that have something left to do, the one that waited longest first.
pub async fn open(tx: &mut Tx<'_>) -> Result<Vec<(MerchantId, BatchId)>, Error> {
    tx.all(OPEN, &[]).await
}

pub async fn job(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<Option<Job>, Error> {
    tx.opt(JOB, &params![merchant, batch]).await
}

pub async fn job_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
) -> Result<Option<Job>, Error> {
    tx.opt(JOB_FOR_UPDATE, &params![merchant, batch]).await
}

/// The job, if it runs and no other node is at it; locked until the transaction ends.
pub async fn claim(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<Option<Job>, Error> {
    tx.opt(CLAIM, &params![merchant, batch]).await
}

/// The jobs before `before`, newest first.
pub async fn jobs(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: BatchId,
    limit: i64,
) -> Result<Vec<Job>, Error> {
    tx.all(JOBS, &params![merchant, before, limit]).await
}

/// Writes back how far the job has come.
pub async fn save(tx: &mut Tx<'_>, job: &Job) -> Result<(), Error> {
    let params = params![
        job.merchant,
        job.batch,
        job.state.as_str(),
        job.cards,
        job.print,
        job.done,
        job.refused,
        job.gathered_to,
        job.worked_to,
        job.changed_at,
        job.finished_at,
    ];
    tx.exec(SAVE, &params).await?;
    tx.announce(Change::Work(job.merchant));
    Ok(())
}

/// Ends a running job whose row cannot be read, so that it is not taken up again and again.
pub async fn give_up(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(GIVE_UP, &params![merchant, batch, now]).await?;
    tx.announce(Change::Work(merchant));
    Ok(())
}

/// The cards of a program after `after`.
pub async fn cards_of_program(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let params = params![merchant, program, after, limit];
    Ok(ids(tx.all(CARDS_OF_PROGRAM, &params).await?))
}

fn ids<T: FromValue>(rows: Vec<(T,)>) -> Vec<T> {
    rows.into_iter().map(|(id,)| id).collect()
}

fn print(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::inconsistent("a job that can be written down", error))
}

fn parse<T: serde::de::DeserializeOwned>(row: &mut Row, expected: &'static str) -> Result<T, Error> {
    let json: String = row.next()?;
    serde_json::from_str(&json).map_err(|error| Error::inconsistent(expected, error))
}

impl FromRow for Job {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, batch) = (row.next()?, row.next()?);
        let action = parse(row, "an action in jobs.action")?;
        let audience = parse(row, "an audience in jobs.audience")?;
        let (reason, member) = (row.next()?, row.next()?);
        let (source, state): (String, String) = (row.next()?, row.next()?);
        let seen: (Option<i64>, Option<i64>, Option<i64>) = (row.next()?, row.next()?, row.next()?);
        let expected = match seen {
            (Some(cards), Some(able), Some(print)) => Some(Seen { cards, able, print }),
            _ => None,
        };
        Ok(Self {
            merchant,
            batch,
            action,
            audience,
            reason,
            member,
            source: Source::parse(&source)
                .ok_or_else(|| Error::inconsistent("a source in jobs.source", source))?,
            state: JobState::parse(&state)
                .ok_or_else(|| Error::inconsistent("a state in jobs.state", state))?,
            expected,
            cards: row.next()?,
            print: row.next()?,
            done: row.next()?,
            refused: row.next()?,
            gathered_to: row.next()?,
            worked_to: row.next()?,
            created_at: row.next()?,
            changed_at: row.next()?,
            finished_at: row.next()?,
        })
    }
}
