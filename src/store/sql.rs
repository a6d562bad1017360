//! One SQL text for two engines: values, rows, and the transaction that use cases see.
//!
//! Statements are written once, for PostgreSQL, in a portable subset (bigint, text, bytea, no `now()`, no arrays),
//! and differ on SQLite by two rewrites: `$N` becomes `?N` (in SQLite `$2` is a name, numbered by first use), and
//! `for update [skip locked]` goes (a single writer needs no row locks).
//!
//! A statement that writes or reads many rows at once holds a list of column types in braces,
//! `values {bigint, text}`, which [`Tx::exec_rows`] and [`Tx::all_rows`] expand to as many rows as they are given.

use crate::store::{Change, Error};

/// A value as both engines hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row of an answer, read from left to right.
#[derive(Debug)]
pub struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    /// The next column, as the type that is asked for.
    pub fn next<T: FromValue>(&mut self) -> Result<T, Error> {
        let _ = &mut self.values;
        todo!()
    }
}

pub trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, Error>;
}

pub trait FromRow: Sized {
    fn from_row(row: &mut Row) -> Result<Self, Error>;
}

/// A transaction. Its futures never wait on SQLite (the closure runs on the writer thread) and wait for the
/// server on PostgreSQL.
pub struct Tx<'a> {
    _todo: &'a (),
}

impl Tx<'_> {
    /// At most one row.
    pub async fn opt<T: FromRow>(
        &mut self,
        _sql: &'static str,
        _params: &[Value],
    ) -> Result<Option<T>, Error> {
        todo!()
    }

    /// Exactly one row.
    pub async fn one<T: FromRow>(&mut self, _sql: &'static str, _params: &[Value]) -> Result<T, Error> {
        todo!()
    }

    pub async fn all<T: FromRow>(&mut self, _sql: &'static str, _params: &[Value]) -> Result<Vec<T>, Error> {
        todo!()
    }

    /// Rows changed.
    pub async fn exec(&mut self, _sql: &'static str, _params: &[Value]) -> Result<u64, Error> {
        todo!()
    }

    /// Runs a set statement; `params` are `$1..$k`, the rows' values follow. Returns the rows changed.
    pub async fn exec_rows(
        &mut self,
        _sql: &'static str,
        _params: &[Value],
        _rows: &[Vec<Value>],
    ) -> Result<u64, Error> {
        todo!()
    }

    /// Like [`Tx::exec_rows`], with the rows that the statement returns, in no promised order.
    pub async fn all_rows<T: FromRow>(
        &mut self,
        _sql: &'static str,
        _params: &[Value],
        _rows: &[Vec<Value>],
    ) -> Result<Vec<T>, Error> {
        todo!()
    }

    /// Tells subscribers of the store, on every node, after the commit and only then.
    pub fn announce(&mut self, _change: Change) {
        todo!()
    }
}
