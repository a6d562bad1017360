//! One SQL text for two engines: the transaction that use cases see.
//!
//! Statements are written once, for PostgreSQL, in a portable subset (bigint, text, bytea, no `now()`, no arrays,
//! lower case), and differ on SQLite by three rewrites: `$N` becomes `?N` (in SQLite `$2` is a name, numbered by
//! first use), `bytea` becomes `blob`, and `for update [of t] [skip locked]` goes (a single writer needs no row
//! locks). Sums are cast: `cast(sum(a) as bigint)`.
//!
//! A statement that writes or reads many rows at once holds a list of column types in braces,
//! `values {bigint, text}`, which [`Tx::exec_rows`] and [`Tx::all_rows`] expand to as many rows as they are given:
//! to rows of parameters on SQLite, and to one array for each column on PostgreSQL, where thousands of parameters
//! cost more than what is done with them. In `from (values {bigint, text}) as v` the columns are named `column1`,
//! `column2`, … on both engines; an `insert … select … on conflict` needs a `where true` before its `on`, or SQLite
//! reads a join. On SQLite many rows are carried by several statements, so a set must not rely on seeing all of its
//! rows at once.

use std::collections::HashMap;

use crate::store::dialect::{chunk, set_width};
use crate::store::locked::{CardKey, Known};
pub(crate) use crate::store::value::params;
pub use crate::store::value::{FromRow, FromValue, Row, Value};
use crate::store::{Change, Error, postgres, sqlite};

/// A transaction. Its futures never wait on SQLite (the closure runs on the writer thread) and wait for the
/// server on PostgreSQL.
///
/// After a statement has failed the transaction is lost, on both engines: later statements are refused, and the
/// body's answer becomes an error even if it is `Ok`.
pub struct Tx<'a> {
    connection: Connection<'a>,
    changes: Vec<Change>,
    state: State,
    /// Whether the live counts follow what is written to cards; see [`crate::store::counts`].
    pub(super) counts_cards: bool,
    /// How the cards that this transaction has locked are stored; see [`crate::store::locked`].
    pub(super) known: HashMap<CardKey, Known>,
}

pub(super) enum Connection<'a> {
    Sqlite(&'a mut sqlite::Connection),
    Postgres(&'a postgres::Connection),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Sound,
    /// A statement failed or was never awaited to its end.
    Failed,
    /// A statement failed because of another transaction; running the body again may succeed.
    Conflicted,
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: Connection<'a>) -> Self {
        Self {
            connection,
            changes: Vec::new(),
            state: State::Sound,
            counts_cards: true,
            known: HashMap::new(),
        }
    }

    /// At most one row.
    pub async fn opt<T: FromRow>(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<T>, Error> {
        let mut rows = self.all(sql, params).await?;
        if rows.len() > 1 {
            return Err(Error::inconsistent("at most one row", rows.len()).about(sql));
        }
        Ok(rows.pop())
    }

    /// Exactly one row.
    pub async fn one<T: FromRow>(&mut self, sql: &'static str, params: &[Value]) -> Result<T, Error> {
        let row = self.opt(sql, params).await?;
        row.ok_or_else(|| Error::inconsistent("one row", "none").about(sql))
    }

    pub async fn all<T: FromRow>(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<T>, Error> {
        let mut answer = Vec::new();
        self.rows(sql, params, &[], &mut answer).await?;
        Ok(answer)
    }

    /// Rows changed.
    pub async fn exec(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, Error> {
        self.count(sql, params, &[]).await
    }

    /// Runs a set statement; `params` are `$1..$k`, the rows' values follow. Returns the rows changed.
    pub async fn exec_rows(
        &mut self,
        sql: &'static str,
        params: &[Value],
        rows: &[impl AsRef<[Value]> + Sync],
    ) -> Result<u64, Error> {
        let set = set_of(sql, rows)?;
        let mut changed = 0;
        let mut left = &set[..];
        while !left.is_empty() {
            let (some, rest) = left.split_at(self.carried(left.len()));
            changed += self.count(sql, params, some).await?;
            left = rest;
        }
        Ok(changed)
    }

    /// Like [`Tx::exec_rows`], with the rows that the statement returns, in no promised order.
    pub async fn all_rows<T: FromRow>(
        &mut self,
        sql: &'static str,
        params: &[Value],
        rows: &[impl AsRef<[Value]> + Sync],
    ) -> Result<Vec<T>, Error> {
        let set = set_of(sql, rows)?;
        let mut answer = Vec::new();
        let mut left = &set[..];
        while !left.is_empty() {
            let (some, rest) = left.split_at(self.carried(left.len()));
            self.rows(sql, params, some, &mut answer).await?;
            left = rest;
        }
        Ok(answer)
    }

    /// All rows of a statement whose text was put together at run time, which `what` names in errors. The argued
    /// exception to constant statements: people write the rules of segments, so their SQL cannot be listed before.
    /// [`crate::store::segments`] alone makes such texts, from constants, with every value as a parameter.
    pub(super) async fn composed<T: FromRow>(
        &mut self,
        what: &'static str,
        text: &str,
        params: &[Value],
    ) -> Result<Vec<T>, Error> {
        self.enter()?;
        let mut answer = Vec::new();
        let mut fault = None;
        let mut take = |row: &mut Row| {
            if fault.is_none() {
                match row.whole(what) {
                    Ok(read) => answer.push(read),
                    Err(error) => fault = Some(error),
                }
            }
        };
        let ran = match &mut self.connection {
            Connection::Sqlite(connection) => connection
                .composed(what, text, params, &mut take)
                .map_err(Failure::from),
            Connection::Postgres(connection) => connection.composed(what, text, params, &mut take).await,
        };
        self.leave(ran)?;
        fault.map_or(Ok(answer), Err)
    }

    /// How many of `left` rows the next statement carries.
    fn carried(&self, left: usize) -> usize {
        match self.connection {
            Connection::Sqlite(_) => chunk(left),
            Connection::Postgres(_) => left,
        }
    }

    /// Tells subscribers of the store, on every node, after the commit and only then.
    pub fn announce(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// For the one statement that each engine has in a text of its own.
    pub(super) fn is_on_sqlite(&self) -> bool {
        matches!(self.connection, Connection::Sqlite(_))
    }

    /// What to announce.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Checks what the body returned against what happened in the transaction.
    pub(super) fn verdict<T, E: From<Error>>(&self, result: Result<T, E>) -> Result<T, E> {
        match self.state {
            State::Sound => result,
            State::Failed | State::Conflicted => result.and(Err(Error::Body(
                "a statement failed or was abandoned and the body went on; return its error",
            )
            .into())),
        }
    }

    /// Adds the rows of the answer to `answer`. `set` is empty for a statement without one.
    async fn rows<T: FromRow>(
        &mut self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
        answer: &mut Vec<T>,
    ) -> Result<(), Error> {
        self.enter()?;
        // A row that cannot be read is the caller's fault or the table's; the statement has run all the same.
        let mut fault = None;
        let mut take = |row: &mut Row| {
            if fault.is_none() {
                match row.whole(sql) {
                    Ok(read) => answer.push(read),
                    Err(error) => fault = Some(error),
                }
            }
        };
        let ran = match &mut self.connection {
            Connection::Sqlite(connection) => connection
                .rows(sql, params, set, &mut take)
                .map_err(Failure::from),
            Connection::Postgres(connection) => connection.rows(sql, params, set, &mut take).await,
        };
        self.leave(ran)?;
        fault.map_or(Ok(()), Err)
    }

    async fn count(&mut self, sql: &'static str, params: &[Value], set: &[&[Value]]) -> Result<u64, Error> {
        self.enter()?;
        let answer = match &mut self.connection {
            Connection::Sqlite(connection) => connection.count(sql, params, set).map_err(Failure::from),
            Connection::Postgres(connection) => connection.count(sql, params, set).await,
        };
        self.leave(answer)
    }

    /// Until a statement has answered, the transaction counts as lost: the body may drop the future, and then
    /// nobody knows what the statement did.
    fn enter(&mut self) -> Result<(), Error> {
        match self.state {
            State::Sound => {
                self.state = State::Failed;
                Ok(())
            }
            State::Failed | State::Conflicted => Err(Error::Body(
                "a statement followed one that failed; return the first error",
            )),
        }
    }

    fn leave<T>(&mut self, answer: Result<T, Failure>) -> Result<T, Error> {
        answer.inspect(|_| self.state = State::Sound).map_err(|failure| {
            if failure.is_conflict {
                self.state = State::Conflicted;
            }
            failure.error
        })
    }
}

/// Why a statement failed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Another transaction is the reason; running this one again may succeed.
    pub(super) is_conflict: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            is_conflict: false,
        }
    }
}

/// The rows of a set, of which there may be none.
fn set_of<'v>(sql: &'static str, rows: &'v [impl AsRef<[Value]>]) -> Result<Vec<&'v [Value]>, Error> {
    let width = set_width(sql).ok_or(Error::Body("a set statement needs a list of types in braces"))?;
    let rows: Vec<&[Value]> = rows.iter().map(AsRef::as_ref).collect();
    if rows.iter().any(|row| row.len() != width) {
        return Err(Error::Body(
            "a row of a set has another number of values than the list of types",
        ));
    }
    Ok(rows)
}
