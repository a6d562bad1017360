//! PostgreSQL: a pool of connections, repeated transactions, and change notices between nodes.
//!
//! Writes run at read committed, reads on one snapshot. A transaction that loses against another one (SQLSTATE
//! 40001, 40P01) runs again. A connection that is left inside a transaction, by a cancelled caller or a panic, is
//! closed, which makes the server roll back.
//!
//! No writing transaction lives longer than [`LONGEST_TRANSACTION`]: this side gives it up after [`PATIENCE_WITH_BODY`],
//! and what of it still stands at the server ends there, because a session may neither run one statement nor wait for
//! the next for longer than [`STATEMENT_TIME`]. What relies on it: `ops::seals`.

mod connect;
mod connection;
mod notices;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, Object, Pool, PoolError, Runtime, TimeoutType,
};
use tokio::sync::broadcast;

pub(super) use connection::Connection;
use connection::{Texts, refused};
use notices::Notices;

use crate::store::error::Cause;
use crate::store::sql::{self, State};
use crate::store::{Change, Error, Tx, TxFuture, migrate};
use crate::telemetry::Metric;

/// How often a transaction runs before its conflict becomes the caller's.
const ATTEMPTS: u32 = 8;

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a body with its commit may take.
const PATIENCE_WITH_BODY: Duration = Duration::from_secs(60);

/// What the server grants one statement, and the pause between two of a transaction; see [`SESSION`].
const STATEMENT_TIME: Duration = Duration::from_secs(60);

/// After this no transaction of ours that writes is open any more, whatever became of this process and of the network.
pub const LONGEST_TRANSACTION: Duration = PATIENCE_WITH_BODY
    .saturating_add(STATEMENT_TIME)
    .saturating_add(STATEMENT_TIME);

/// Makes [`STATEMENT_TIME`] real, in seconds.
const SESSION: &str = "set statement_timeout = '60s'; set idle_in_transaction_session_timeout = '60s'";

/// A migration takes as long as it takes; it writes no events.
const UNHURRIED: &str = "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0";

const BEGIN_WRITE: &str = "begin isolation level read committed read write";
const BEGIN_READ: &str = "begin isolation level repeatable read read only";

pub(super) struct Engine {
    pool: Pool,
    texts: Arc<Texts>,
    notices: Notices,
}

impl Engine {
    /// Connects, so that a wrong address shows at once.
    pub(super) async fn open(
        url: &str,
        connections: usize,
        changes: broadcast::Sender<Change>,
    ) -> Result<Self, Error> {
        let target = connect::Target::parse(url)?;
        let manager = Manager::new(target.config.clone(), target.tls.clone());
        let pool = Pool::builder(manager)
            .max_size(connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(|client: &mut ClientWrapper, _| {
                Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| Error::unavailable("no pool of connections can be made", error))?;
        let notices = Notices::start(target, changes).await?;
        Ok(Self {
            pool,
            texts: Arc::default(),
            notices,
        })
    }

    pub(super) async fn write<T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E>,
    {
        let mut attempt = 1;
        loop {
            let open = self.begin().await?;
            // Dropping an attempt closes its connection.
            let one = tokio::time::timeout(PATIENCE_WITH_BODY, self.attempt(open, &body));
            let conflict = match one.await.unwrap_or_else(|_| Attempt::given_up()) {
                Attempt::Done(value) => return Ok(value),
                Attempt::Failed(error) => return Err(error),
                Attempt::Conflicted(error) => error,
            };
            if attempt == ATTEMPTS {
                return Err(conflict);
            }
            again(name, attempt).await;
            attempt += 1;
        }
    }

    async fn attempt<T, E, F>(&self, open: Open, body: &F) -> Attempt<T, E>
    where
        E: From<Error>,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E>,
    {
        let mut tx = Tx::new(sql::Connection::Postgres(&open.connection));
        let result = body(&mut tx).await;
        let result = tx.verdict(result);
        let (state, changes) = (tx.state(), tx.changes().to_vec());
        match result {
            Ok(value) => match open.commit().await {
                Ok(()) => {
                    self.notices.tell(&changes);
                    Attempt::Done(value)
                }
                Err(failure) if failure.is_conflict => Attempt::Conflicted(failure.error.into()),
                Err(failure) => Attempt::Failed(failure.error.into()),
            },
            Err(error) => {
                open.roll_back().await;
                if state == State::Conflicted {
                    Attempt::Conflicted(error)
                } else {
                    Attempt::Failed(error)
                }
            }
        }
    }

    pub(super) async fn read<T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> Fn(&'t mut Tx<'_>) -> TxFuture<'t, T, E>,
    {
        let mut attempt = 1;
        loop {
            let open = Open::new(self.connection().await?);
            let mut tx = Tx::new(sql::Connection::Postgres(&open.connection));
            // The first statement is sent right behind the `begin`, which saves a round trip. Only for reads:
            // if the `begin` were refused, the statement would run on its own.
            let (begun, result) = tokio::join!(open.connection.control(BEGIN_READ), body(&mut tx));
            let result = tx.verdict(result);
            let state = tx.state();
            match begun {
                Ok(()) => open.roll_back().await,
                Err(Error::Unavailable { .. }) if attempt == 1 => {
                    drop(open);
                    self.forget_idle();
                    attempt += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            if state != State::Conflicted || attempt == ATTEMPTS {
                return result;
            }
            again(name, attempt).await;
            attempt += 1;
        }
    }

    pub(super) async fn migrate(&self) -> Result<(), Error> {
        let open = self.begin().await?;
        open.connection.control(UNHURRIED).await?;
        migrate::postgres(&open.connection).await?;
        open.commit().await.map_err(|failure| failure.error)
    }

    pub(super) async fn connection(&self) -> Result<Connection, Error> {
        let client: Object = self.pool.get().await.map_err(no_connection)?;
        Ok(Connection::new(client, Arc::clone(&self.texts)))
    }

    /// A connection inside a new transaction.
    async fn begin(&self) -> Result<Open, Error> {
        let open = Open::new(self.connection().await?);
        match open.connection.control(BEGIN_WRITE).await {
            Ok(()) => return Ok(open),
            Err(Error::Unavailable { .. }) => {}
            Err(error) => return Err(error),
        }
        drop(open);
        self.forget_idle();
        let open = Open::new(self.connection().await?);
        open.connection.control(BEGIN_WRITE).await?;
        Ok(open)
    }

    /// A connection that was closed while it lay in the pool shows at its `begin`, when nothing has been done
    /// yet: all idle ones may be like it, and the next one is to be new.
    fn forget_idle(&self) {
        self.pool.retain(|_, _| false);
    }
}

/// How one run of a transaction ended.
enum Attempt<T, E> {
    Done(T),
    Failed(E),
    /// Another transaction is the reason.
    Conflicted(E),
}

impl<T, E: From<Error>> Attempt<T, E> {
    fn given_up() -> Self {
        let problem = "a transaction took too long and was given up";
        Self::Failed(Error::Unavailable { problem, cause: None }.into())
    }
}

/// A connection inside a transaction; closed unless the transaction ends.
struct Open {
    connection: Connection,
    has_ended: bool,
}

impl Open {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            has_ended: false,
        }
    }

    async fn commit(mut self) -> Result<(), sql::Failure> {
        self.connection.end("commit").await?;
        self.has_ended = true;
        Ok(())
    }

    async fn roll_back(mut self) {
        self.has_ended = self.connection.control("rollback").await.is_ok();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.discard();
        }
    }
}

async fn again(name: &'static str, attempt: u32) {
    Metric::StoreConflicts
        .counter(&[("transaction", name)])
        .increment(1);
    tracing::debug!(
        transaction = name,
        attempt,
        "conflict with another transaction; running again"
    );
    tokio::time::sleep(Duration::from_millis(2) * attempt).await;
}

fn no_connection(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::Unavailable {
            problem: "all connections are in use; raise store.connections if this lasts",
            cause: None,
        },
        PoolError::Backend(error) => cannot_connect(error),
        other => unreachable_server(Arc::new(other)),
    }
}

/// Even what the server refuses for good, such as a password, is cured without changing passgate.
fn cannot_connect(error: tokio_postgres::Error) -> Error {
    match refused("connect", error).error {
        Error::Sql { cause, .. } => unreachable_server(cause),
        other => other,
    }
}

fn unreachable_server(cause: Cause) -> Error {
    Error::Unavailable {
        problem: "no connection can be made; check store.url and that the server runs",
        cause: Some(cause),
    }
}
