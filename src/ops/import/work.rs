//! Working on a file that was uploaded: looking through it or importing it, noting after each transaction how far it is.
//!
//! Whoever works holds a lease and keeps it with every note. A node that dies lets it run out: the next one begins a try
//! anew and goes on with a run where it stopped. Reading rows blocks, so all of it runs on a thread for that.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::{Arc, RwLock};

use tokio_util::sync::CancellationToken;

use super::chunk::Done;
use super::{ImportError, ImportRequest, Rows, Setting};
use crate::domain::event::Actor;
use crate::domain::id::BatchId;
use crate::domain::import::{Mapping, Seen};
use crate::domain::upload::{UploadProblem, UploadState};
use crate::ops::Ops;
use crate::ops::customers::CustomerError;
use crate::ops::uploads::{KEPT, LEASE, stored_piece};
use crate::store::imports::{self, Failure};
use crate::store::uploads::{self, Claimed, Progress, Upload};
use crate::store::{Error, Retry};

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    pub header: Vec<String>,
    /// The first rows.
    pub rows: Vec<Vec<String>>,
}

impl Head {
    /// Rows that are shown.
    const ROWS: usize = 3;

    /// Reads the beginning of a file. Where it is not the whole file, its last row may be cut and is left out.
    pub(in crate::ops) fn read(bytes: &[u8], delimiter: u8, is_whole: bool) -> Self {
        let Ok(mut rows) = Rows::open(bytes, delimiter) else {
            return Self::default();
        };
        let header = rows.header.clone();
        let mut first: Vec<Vec<String>> = Vec::new();
        while first.len() <= Self::ROWS
            && let Ok(Some((_, cells))) = rows.next()
        {
            first.push(cells);
        }
        if first.len() <= Self::ROWS && !is_whole {
            first.pop();
        }
        first.truncate(Self::ROWS);
        Self { header, rows: first }
    }
}

/// How the work on a file ended.
enum End {
    /// It is what it was to become.
    Now(UploadState),
    /// Somebody stopped it or another node has it.
    NotOurs,
    /// This node stops.
    Left,
}

impl Ops {
    /// Works on a claimed file to its end, or until `stop`. To be run where blocking is no harm.
    pub(in crate::ops) async fn work_on(
        &self,
        claimed: &Claimed,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let worked = match claimed.upload.state {
            UploadState::Running => self.run_upload_now(claimed, stop).await,
            _ => self.try_upload_now(claimed, stop).await,
        };
        let (state, problem) = match worked {
            Ok(End::Now(state)) => (state, None),
            Ok(End::NotOurs) => return Ok(()),
            Ok(End::Left) => return self.release_upload(claimed).await,
            // The lease runs out, and it is tried again.
            Err(ImportError::Store(error)) if error.retry() == Retry::Later => return Err(error),
            Err(error) => {
                tracing::warn!(upload = %claimed.upload.id, %error, "an uploaded file is not imported to its end");
                (UploadState::Failed, Some(problem(&error)))
            }
        };
        self.end_upload(claimed, state, problem).await
    }

    async fn try_upload_now(&self, claimed: &Claimed, stop: &CancellationToken) -> Result<End, ImportError> {
        let upload = &claimed.upload;
        let (setting, mut rows) = self.open_upload(upload).await?;
        let (merchant, tried) = (upload.merchant, upload.tried());
        self.store
            .write("forget_try", move |tx| {
                Box::pin(async move { imports::forget_failures(tx, merchant, tried).await })
            })
            .await?;
        let seen = Arc::new(RwLock::new(Seen::default()));
        let mut progress = Progress::default();
        let actor = Actor::Member(upload.member);
        while let Some(chunk) = self.next(&mut rows, &setting, &seen, actor, None)? {
            let chunk = Arc::new(chunk);
            let done = self
                .store
                .read("plan_import", move |tx| {
                    let chunk = Arc::clone(&chunk);
                    Box::pin(async move { chunk.plan_only(tx).await })
                })
                .await?;
            let failures = add(&mut progress, &seen, done, rows.bytes());
            if !self.note_upload(claimed, progress, failures).await? {
                return Ok(End::NotOurs);
            }
            if stop.is_cancelled() {
                return Ok(End::Left);
            }
        }
        Ok(End::Now(UploadState::Tried))
    }

    async fn run_upload_now(&self, claimed: &Claimed, stop: &CancellationToken) -> Result<End, ImportError> {
        let upload = &claimed.upload;
        let (setting, mut rows) = self.open_upload(upload).await?;
        let fingerprint: [u8; 32] = upload
            .fingerprint
            .as_slice()
            .try_into()
            .map_err(|_| Error::inconsistent("32 bytes", "another number of them"))?;
        let job = self.begin(&request(upload), fingerprint, &setting).await?;
        let seen = Arc::new(RwLock::new(self.seen(upload.merchant, &job).await?));
        rows.skip(job.records)?;
        let mut progress = Progress {
            read_bytes: rows.bytes(),
            counts: job.counts,
            balances_kept: upload.balances_kept,
            consents_left: upload.consents_left,
            batch: Some(job.batch),
        };
        if !self.note_upload(claimed, progress, Vec::new()).await? {
            return Ok(End::NotOurs);
        }
        let actor = Actor::Member(upload.member);
        while let Some(chunk) = self.next(&mut rows, &setting, &seen, actor, Some(job.batch))? {
            let done = self.write_chunk(Arc::new(chunk)).await?;
            // The run itself has kept its failures.
            add(&mut progress, &seen, done, rows.bytes());
            if !self.note_upload(claimed, progress, Vec::new()).await? {
                return Ok(End::NotOurs);
            }
            if stop.is_cancelled() {
                return Ok(End::Left);
            }
        }
        Ok(End::Now(UploadState::Done))
    }

    /// What is to be known before the first row, and the rows.
    async fn open_upload(&self, upload: &Upload) -> Result<(Arc<Setting>, Rows<File>), ImportError> {
        let (header, meanings) = (&upload.header, &upload.meanings);
        let setting = self
            .setting(&request(upload), |fields| {
                Mapping::chosen(header, meanings, fields)
            })
            .await?;
        let mut file = tempfile::tempfile()?;
        let mut piece = 0;
        while let Some(body) = stored_piece(&self.store, upload, piece).await? {
            file.write_all(&body)?;
            piece += 1;
        }
        file.rewind()?;
        let delimiter = u8::try_from(upload.delimiter).unwrap_or(b',');
        Ok((Arc::new(setting), Rows::open(file, delimiter)?))
    }

    async fn note_upload(
        &self,
        claimed: &Claimed,
        progress: Progress,
        failures: Vec<Failure>,
    ) -> Result<bool, Error> {
        let until = self.clock.now().plus(LEASE);
        let claimed = Arc::new(claimed.clone());
        let failures = Arc::new(failures);
        self.store
            .write("note_upload", move |tx| {
                let (claimed, failures) = (Arc::clone(&claimed), Arc::clone(&failures));
                Box::pin(async move {
                    if !uploads::note(tx, &claimed, &progress, until).await? {
                        return Ok(false);
                    }
                    if !failures.is_empty() {
                        let (merchant, tried) = (claimed.upload.merchant, claimed.upload.tried());
                        imports::add_failures(tx, merchant, tried, &failures).await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    async fn end_upload(
        &self,
        claimed: &Claimed,
        state: UploadState,
        problem: Option<UploadProblem>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let claimed = Arc::new(claimed.clone());
        self.store
            .write("end_upload", move |tx| {
                let claimed = Arc::clone(&claimed);
                Box::pin(async move {
                    let (merchant, id) = (claimed.upload.merchant, claimed.upload.id);
                    // What is known of it now, its batch among it.
                    let current = uploads::upload_for_update(tx, merchant, id).await?;
                    if !uploads::end(tx, &claimed, state, problem, now, now.plus(KEPT)).await? {
                        return Ok(());
                    }
                    if state.is_over() {
                        uploads::forget_pieces(tx, merchant, id).await?;
                    }
                    let batch: Option<BatchId> = current.and_then(|upload| upload.batch);
                    if let Some(batch) = batch.filter(|_| state == UploadState::Done) {
                        imports::finish(tx, merchant, batch, now).await?;
                        imports::forget_failures(tx, merchant, BatchId(id.0)).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn release_upload(&self, claimed: &Claimed) -> Result<(), Error> {
        let claimed = Arc::new(claimed.clone());
        self.store
            .write("release_upload", move |tx| {
                let claimed = Arc::clone(&claimed);
                Box::pin(async move { uploads::release(tx, &claimed).await })
            })
            .await
    }
}

fn request(upload: &Upload) -> ImportRequest {
    ImportRequest {
        merchant: upload.merchant,
        program: upload.program,
        told: Vec::new(),
        welcome: upload.welcome,
        actor: Actor::Member(upload.member),
    }
}

/// Adds what a chunk did; gives back the rows that were not taken.
fn add(progress: &mut Progress, seen: &RwLock<Seen>, done: Done, read_bytes: i64) -> Vec<Failure> {
    progress.read_bytes = read_bytes;
    progress.counts += done.counts;
    progress.balances_kept += done.balances_kept;
    progress.consents_left += done.consents_left;
    let mut seen = seen.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    seen.extend(done.seen);
    done.failures
}

fn problem(error: &ImportError) -> UploadProblem {
    match error {
        ImportError::TooManyRows => UploadProblem::TooManyRows,
        ImportError::Customer(CustomerError::NoProgram) => UploadProblem::NoProgram,
        ImportError::Mapping(_) => UploadProblem::Columns,
        ImportError::Busy => UploadProblem::Busy,
        _ => UploadProblem::Fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_whole_rows_only() {
        let text = b"a;b\n1;\"2\n2\"\n3;4\n5;6\n7;8\n";
        let head = Head::read(text, b';', true);
        assert_eq!(head.header, ["a", "b"]);
        assert_eq!(head.rows, [["1", "2\n2"], ["3", "4"], ["5", "6"]]);
        let cut = Head::read(&text[..text.len() - 6], b';', false);
        assert_eq!(cut.rows, [["1", "2\n2"], ["3", "4"]]);
        assert_eq!(Head::read(b"", b',', true), Head::default());
        assert_eq!(Head::read(b"a,b", b',', true).header, ["a", "b"]);
    }
}
