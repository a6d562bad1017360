//! The writer thread: takes the jobs that have queued up while the last commit was being synced, runs each in a
//! savepoint of its own, commits them together, and only then answers.
//!
//! A body that fails loses its savepoint and nothing else. A commit that fails loses the group: every caller
//! hears [`Error::Unavailable`]. Checkpoints run on a thread of their own, because they wait for the disk; only
//! when they cannot keep up does the writer help, between two groups.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Connection, open_raw};
use crate::store::sql;
use crate::store::{Change, Error, Tx, TxFuture};
use crate::telemetry::Metric;

/// Most jobs in one commit: enough to share a sync, few enough that the first of them does not wait long.
const LARGEST_GROUP: usize = 64;

/// Jobs that may wait; beyond them callers wait for a place.
const QUEUE: usize = 1024;

/// Groups between two looks at the size of the write-ahead log.
const GROUPS_PER_LOOK: u32 = 32;

/// Sizes of the write-ahead log, in bytes: from the first a checkpoint is due, from the second the writer helps.
const CHECKPOINT_FROM: u64 = 4 << 20;
const HELP_FROM: u64 = 64 << 20;

const CHECKPOINT: &str = "pragma wal_checkpoint(passive)";

pub(super) enum Message {
    Job(Box<dyn Job>),
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// One transaction body with its caller.
pub(super) trait Job: Send {
    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Runs the body; says whether its savepoint is to be kept.
    fn run(&mut self, connection: &mut Connection) -> bool;

    /// What to announce if the commit succeeds.
    fn changes(&self) -> &[Change];

    /// Answers after the commit; `lost` says why there was none.
    fn answer(self: Box<Self>, lost: Option<&Error>);
}

/// The threads, and the way to them. Dropping it lets queued jobs finish, then joins the threads.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Message>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        connection: Connection,
        changes: broadcast::Sender<Change>,
    ) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (look, looks) = blocking::sync_channel(1);
        let must_help = Arc::new(AtomicBool::new(false));
        let checkpointer = Checkpointer {
            connection: open_raw(path)?,
            log: log_of(path),
            must_help: Arc::clone(&must_help),
        };
        let groups = Groups {
            connection,
            changes,
            look,
            must_help,
            since_look: 0,
        };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map_err(|error| Error::unavailable("no thread can be started", error))
        };
        let threads = vec![
            spawn("store-writer", Box::new(move || groups.run(queue)))?,
            spawn("store-checkpoint", Box::new(move || checkpointer.run(&looks)))?,
        ];
        Ok(Self {
            jobs: Some(jobs),
            threads,
        })
    }

    /// `None` while the store is being dropped.
    pub(super) fn jobs(&self) -> Option<&mpsc::Sender<Message>> {
        self.jobs.as_ref()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A body may hold the last handle of the store, and then this runs on the writer thread itself.
            if thread.thread().id() == std::thread::current().id() {
                return;
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

/// What the writer thread owns.
struct Groups {
    connection: Connection,
    changes: broadcast::Sender<Change>,
    /// Asks the checkpointer to look at the log.
    look: blocking::SyncSender<()>,
    must_help: Arc<AtomicBool>,
    since_look: u32,
}

impl Groups {
    fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut waiting = Vec::with_capacity(LARGEST_GROUP);
        while queue.blocking_recv_many(&mut waiting, LARGEST_GROUP) > 0 {
            let mut group = Vec::with_capacity(waiting.len());
            for message in waiting.drain(..) {
                match message {
                    Message::Job(job) => group.push(job),
                    Message::Alone(work) => {
                        self.commit(std::mem::take(&mut group));
                        if catch_unwind(AssertUnwindSafe(|| work(&mut self.connection))).is_err() {
                            tracing::error!("work on the writer thread panicked");
                        }
                        self.connection.roll_back();
                    }
                }
            }
            self.commit(group);
            self.tend_log();
        }
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        group.retain(|job| !job.is_abandoned());
        if group.is_empty() {
            return;
        }
        let size = u32::try_from(group.len()).unwrap_or(u32::MAX);
        Metric::StoreGroupSize.histogram(&[]).record(f64::from(size));
        let lost = run_group(&mut self.connection, &mut group).err();
        if let Some(error) = &lost {
            self.connection.roll_back();
            tracing::error!(
                error = error as &dyn std::error::Error,
                jobs = group.len(),
                "a group commit failed"
            );
        } else {
            for change in group.iter().flat_map(|job| job.changes()) {
                // Nobody may be listening.
                let _ = self.changes.send(*change);
            }
        }
        for job in group {
            job.answer(lost.as_ref());
        }
    }

    fn tend_log(&mut self) {
        self.since_look += 1;
        if self.since_look >= GROUPS_PER_LOOK {
            self.since_look = 0;
            // Full means that a look is under way already.
            let _ = self.look.try_send(());
        }
        if self.must_help.swap(false, Ordering::Relaxed) && self.connection.batch(CHECKPOINT).is_err() {
            tracing::warn!("the write-ahead log cannot be checkpointed");
        }
    }
}

fn run_group(connection: &mut Connection, group: &mut [Box<dyn Job>]) -> Result<(), Error> {
    connection.control("begin immediate")?;
    for job in group {
        connection.control("savepoint job")?;
        let is_kept = job.run(connection);
        if !connection.has_transaction() {
            return Err(Error::Unavailable {
                problem: "SQLite gave up a whole transaction, as it does when the disk is full",
                cause: None,
            });
        }
        if !is_kept {
            connection.control("rollback to job")?;
        }
        connection.control("release job")?;
    }
    connection.control("commit")
}

/// Copies the log into the file while the writer goes on.
struct Checkpointer {
    connection: rusqlite::Connection,
    log: PathBuf,
    must_help: Arc<AtomicBool>,
}

impl Checkpointer {
    fn run(self, looks: &blocking::Receiver<()>) {
        while looks.recv().is_ok() {
            let size = std::fs::metadata(&self.log).map_or(0, |log| log.len());
            if size < CHECKPOINT_FROM {
                continue;
            }
            if let Err(error) = self.connection.execute_batch(CHECKPOINT) {
                tracing::warn!(%error, "the write-ahead log cannot be checkpointed");
            }
            // While the writer writes, a passive checkpoint never reaches the log's end, and the log only starts
            // over when one has. The writer has to copy only what came in meanwhile.
            if size >= HELP_FROM {
                self.must_help.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// SQLite's name for the write-ahead log of a file.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

pub(super) struct WriteJob<T, E, F> {
    body: F,
    answer: oneshot::Sender<Result<T, E>>,
    result: Option<Result<T, E>>,
    changes: Vec<Change>,
}

impl<T, E, F> WriteJob<T, E, F> {
    pub(super) fn new(body: F, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            body,
            answer,
            result: None,
            changes: Vec::new(),
        }
    }
}

impl<T, E, F> Job for WriteJob<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, connection: &mut Connection) -> bool {
        let mut tx = Tx::new(sql::Connection::Sqlite(connection));
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once((self.body)(&mut tx))));
        let result = polled.unwrap_or_else(|_| Err(Error::Body("its body panicked").into()));
        let result = tx.verdict(result);
        let is_kept = result.is_ok();
        if is_kept {
            self.changes = tx.changes().to_vec();
        }
        self.result = Some(result);
        is_kept
    }

    fn changes(&self) -> &[Change] {
        &self.changes
    }

    fn answer(self: Box<Self>, lost: Option<&Error>) {
        let result = match (self.result, lost) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(lost)) => Err(lost.clone().into()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(Error::stopping().into()),
        };
        // The caller may have gone away; the commit stands.
        let _ = self.answer.send(result);
    }
}

/// Runs a body to its end. All it may await is its transaction, which never waits on SQLite.
pub(super) fn poll_once<T, E: From<Error>>(mut body: TxFuture<'_, T, E>) -> Result<T, E> {
    match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Body("its body must only await its transaction").into()),
    }
}
