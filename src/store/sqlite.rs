//! SQLite: one file, one writer thread with group commit, a few read-only connections.
//!
//! Invariant: an answer leaves only after the commit that holds it has been synced to disk (WAL with
//! `synchronous=full`). Writers never wait for readers nor readers for writers.
//!
//! Reads run inline on the calling thread: a cached statement takes some 20 µs, less than a hop to another one.

mod connection;
mod writer;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

pub(super) use connection::Connection;
use connection::refused;
use writer::{Message, WriteJob, Writer};

use crate::store::sql;
use crate::store::{Change, Error, Tx, TxFuture};

pub(super) struct Engine {
    // Closed first: the last connection to close copies the log into the file, which a reader cannot.
    readers: Readers,
    writer: Writer,
}

/// Read-only connections that are not in use, and a permit for each.
struct Readers {
    free: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Engine {
    /// Opens or makes the file named by what follows `sqlite:`, and its folder.
    pub(super) fn open(path: &str, changes: broadcast::Sender<Change>) -> Result<Self, Error> {
        let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
        if path.as_os_str().is_empty() {
            return Err(Error::Url(
                "sqlite: must be followed by the path of a file".into(),
            ));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::unavailable("the folder of the database cannot be made", error))?;
        }
        let write = Connection::open_writer(&path)?;
        let readers = Readers::open(&path)?;
        let writer = Writer::start(&path, write, changes)?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E> + Send + Sync + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Job(Box::new(WriteJob::new(body, answer))))
            .await?;
        answered.await.unwrap_or_else(|_| Err(Error::stopping().into()))
    }

    pub(super) async fn read<T, E, F>(&self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E>,
    {
        let permit = self.readers.permits.acquire().await;
        let _permit = permit.map_err(|_| Error::stopping())?;
        let mut reader = Reader::take(&self.readers)?;
        let connection = reader.connection()?;
        connection.control("begin")?;
        let mut tx = Tx::new(sql::Connection::Sqlite(connection));
        let result = writer::poll_once(body(&mut tx));
        tx.verdict(result)
    }

    /// Runs `work` on the writer's connection, outside of any transaction.
    pub(super) async fn alone<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = move |connection: &mut Connection| {
            // A caller that has gone away wants no answer.
            let _ = answer.send(work(connection));
        };
        self.send(Message::Alone(Box::new(work))).await?;
        answered.await.unwrap_or_else(|_| Err(Error::stopping()))
    }

    async fn send(&self, message: Message) -> Result<(), Error> {
        let jobs: &mpsc::Sender<Message> = self.writer.jobs().ok_or_else(Error::stopping)?;
        jobs.send(message).await.map_err(|_| Error::stopping())
    }
}

impl Readers {
    fn open(path: &Path) -> Result<Self, Error> {
        let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
        let free = (0..threads.clamp(2, 8))
            .map(|_| Connection::open_reader(path))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            permits: Semaphore::new(free.len()),
            free: Mutex::new(free),
        })
    }
}

/// A borrowed read connection; goes back without its transaction, even when the body panics.
struct Reader<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl<'r> Reader<'r> {
    /// Needs a permit.
    fn take(readers: &'r Readers) -> Result<Self, Error> {
        let mut free = readers.free.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self {
            readers,
            connection: free.pop(),
        })
    }

    fn connection(&mut self) -> Result<&mut Connection, Error> {
        self.connection.as_mut().ok_or_else(Error::stopping)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.roll_back();
            let mut free = self.readers.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(connection);
        }
    }
}

/// Opens a second connection to the writer's file, for checkpoints.
fn open_raw(path: &Path) -> Result<rusqlite::Connection, Error> {
    rusqlite::Connection::open(path).map_err(|error| refused("open", error))
}
