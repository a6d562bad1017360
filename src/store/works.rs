//! Everything long that goes on at a merchant's, whatever kind it is of: jobs, imports, messages and codes being made.
//!
//! Their ids come from one clock, so that they stand in one order of time.

use crate::domain::id::{BatchId, CodeBatchId, MerchantId, MessageId, UploadId};
use crate::store::codes::{self, CodeBatch};
use crate::store::jobs::{self, Job};
use crate::store::messages;
use crate::store::sql::params;
use crate::store::uploads::{self, Upload};
use crate::store::{Error, Tx};

/// What has not ended. Messages that run are found by when they are due; those that are held are not due, and are looked
/// for among the newest two hundred: an index for them alone would be kept up by every message.
const OPEN: &str = "select cast('job' as text), j.batch_id from jobs j where j.finished_at is null and j.merchant_id = $1 \
     union all select cast('import' as text), f.upload_id from uploads f where f.merchant_id = $1 and f.state in ('trying', 'running') \
     union all select cast('message' as text), m.message_id from messages m where m.due_at is not null and m.state = 'running' and m.merchant_id = $1 \
     union all select cast('message' as text), r.message_id from (select n.message_id, n.state from messages n where n.merchant_id = $1 \
     order by n.message_id desc limit 200) as r where r.state = 'paused' \
     union all select cast('codes' as text), b.code_batch_id from code_batches b where b.made < b.wanted and b.merchant_id = $1 \
     order by 2 desc limit 100";
/// How many run at this moment.
const RUNNING: &str = "select \
     (select count(*) from jobs j where j.finished_at is null and j.state = 'running' and j.merchant_id = $1), \
     (select count(*) from uploads f where f.merchant_id = $1 and f.state in ('trying', 'running')), \
     (select count(*) from messages m where m.due_at is not null and m.state = 'running' and m.merchant_id = $1), \
     (select count(*) from code_batches b where b.made < b.wanted and b.merchant_id = $1)";
/// What began before `$2`, newest first. Each kind gives as many as all together have to be.
const BEFORE: &str = "select w.kind, w.id from ( \
     select cast('job' as text) as kind, a.id from (select j.batch_id as id from jobs j \
     where j.merchant_id = $1 and j.batch_id < $2 order by j.batch_id desc limit $3) as a \
     union all select cast('import' as text), a.id from (select f.upload_id as id from uploads f \
     where f.merchant_id = $1 and f.upload_id < $2 and f.state <> 'receiving' order by f.upload_id desc limit $3) as a \
     union all select cast('message' as text), a.id from (select m.message_id as id from messages m \
     where m.merchant_id = $1 and m.message_id < $2 and m.started_at is not null order by m.message_id desc limit $3) as a \
     union all select cast('codes' as text), a.id from (select b.code_batch_id as id from code_batches b \
     where b.merchant_id = $1 and b.code_batch_id < $2 order by b.code_batch_id desc limit $3) as a \
     ) as w order by w.id desc limit $3";
/// The copies of a message, and those of them that nothing final was heard of.
const COPIES: &str = "select count(*), count(case when p.state in ('waiting', 'sending') then 1 end) \
     from push_messages p where p.merchant_id = $1 and p.message_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[OPEN, RUNNING, BEFORE, COPIES];

/// Something long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    Job(Job),
    Import(Upload),
    Message(Sending),
    Codes(CodeBatch),
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    pub message: crate::domain::message::Message,
    /// Its copies, one for each card and channel, as far as they are written down.
    pub copies: i64,
    /// Those that wait or are under way.
    pub open: i64,
}

/// How many of each kind run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Running {
    pub jobs: i64,
    pub imports: i64,
    pub messages: i64,
    pub codes: i64,
}

/// What has not ended, newest first.
pub async fn open(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Work>, Error> {
    let found = tx.all(OPEN, &params![merchant]).await?;
    read(tx, merchant, found).await
}

/// At most `limit` that began before `before`, newest first.
pub async fn before(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: i64,
    limit: i64,
) -> Result<Vec<Work>, Error> {
    let found = tx.all(BEFORE, &params![merchant, before, limit]).await?;
    read(tx, merchant, found).await
}

pub async fn running(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Running, Error> {
    let (jobs, imports, messages, codes) = tx.one(RUNNING, &params![merchant]).await?;
    Ok(Running {
        jobs,
        imports,
        messages,
        codes,
    })
}

async fn read(tx: &mut Tx<'_>, merchant: MerchantId, found: Vec<(String, i64)>) -> Result<Vec<Work>, Error> {
    let mut works = Vec::with_capacity(found.len());
    for (kind, id) in found {
        let work = match kind.as_str() {
            "job" => jobs::job(tx, merchant, BatchId(id)).await?.map(Work::Job),
            "import" => uploads::upload(tx, merchant, UploadId(id))
                .await?
                .map(Work::Import),
            "message" => sending(tx, merchant, MessageId(id)).await?.map(Work::Message),
            _ => codes::batch(tx, merchant, CodeBatchId(id))
                .await?
                .map(Work::Codes),
        };
        works.extend(work);
    }
    Ok(works)
}

/// A message with how far it is; copies are counted while it goes on.
async fn sending(tx: &mut Tx<'_>, merchant: MerchantId, id: MessageId) -> Result<Option<Sending>, Error> {
    let Some(message) = messages::message(tx, merchant, id).await? else {
        return Ok(None);
    };
    let (copies, open) = match message.state.is_final() {
        true => (0, 0),
        false => tx.one(COPIES, &params![merchant, id]).await?,
    };
    Ok(Some(Sending {
        message,
        copies,
        open,
    }))
}
