//! One SQLite connection: its settings, its cached statements, and what its errors mean.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ErrorCode, OpenFlags, ToSql};

use crate::store::Error;
use crate::store::dialect::{Key, expand_for_sqlite, to_sqlite};
use crate::store::value::{Row, Value};

/// Every statement of passgate in every chunk size fits.
const STATEMENTS: usize = 1024;

/// How long to wait for another process that is writing to the same file.
const BUSY: Duration = Duration::from_secs(10);

pub(in crate::store) struct Connection {
    raw: rusqlite::Connection,
    /// Statements as SQLite reads them.
    texts: HashMap<Key, String>,
}

impl Connection {
    pub(super) fn open_writer(path: &Path) -> Result<Self, Error> {
        let raw = rusqlite::Connection::open(path)
            .map_err(|error| Error::unavailable("the database file cannot be opened", error))?;
        Self::with(
            raw,
            "pragma journal_mode = wal;
             pragma synchronous = full;
             pragma wal_autocheckpoint = 0;
             pragma journal_size_limit = 16777216;
             pragma cache_size = -65536;
             pragma temp_store = memory;",
        )
    }

    pub(super) fn open_reader(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let raw = rusqlite::Connection::open_with_flags(path, flags)
            .map_err(|error| Error::unavailable("the database file cannot be opened", error))?;
        Self::with(raw, "pragma cache_size = -16384; pragma temp_store = memory;")
    }

    fn with(raw: rusqlite::Connection, settings: &str) -> Result<Self, Error> {
        raw.busy_timeout(BUSY)
            .and_then(|()| raw.execute_batch(settings))
            // Plans do not depend on the values that are bound. Otherwise the bundled SQLite, built with STAT4,
            // compiles most joins anew at every use: ten times the work of running them.
            .and_then(|()| raw.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true))
            .map_err(|error| refused("pragma", error))?;
        raw.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self {
            raw,
            texts: HashMap::new(),
        })
    }

    /// Hands every row that a statement returns to `take`; `set` is empty for a statement without one.
    pub(in crate::store) fn rows(
        &mut self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
        take: &mut dyn FnMut(&mut Row),
    ) -> Result<(), Error> {
        let mut statement = self.bound(sql, params, set)?;
        each(sql, &mut statement, take)
    }

    /// The rows of a statement that was put together at run time; not kept, because the next one is another.
    pub(in crate::store) fn composed(
        &self,
        what: &'static str,
        text: &str,
        params: &[Value],
        take: &mut dyn FnMut(&mut Row),
    ) -> Result<(), Error> {
        let prepare = || {
            let mut statement = self.raw.prepare(&to_sqlite(text))?;
            bind(&mut statement, params, &[])?;
            Ok(statement)
        };
        let mut statement = prepare().map_err(|error| refused(what, error))?;
        each(what, &mut statement, take)
    }

    /// How many rows a statement changed.
    pub(in crate::store) fn count(
        &mut self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
    ) -> Result<u64, Error> {
        let mut returned = 0;
        let mut statement = self.bound(sql, params, set)?;
        let only_reads = statement.readonly();
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| refused(sql, error))?.is_some() {
            returned += 1;
        }
        drop(rows);
        drop(statement);
        Ok(if only_reads { returned } else { self.raw.changes() })
    }

    fn bound(
        &mut self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
    ) -> Result<CachedStatement<'_>, Error> {
        let text = self.texts.entry(Key::new(sql, set.len())).or_insert_with(|| {
            let expanded = (!set.is_empty())
                .then(|| expand_for_sqlite(sql, set.len()))
                .flatten();
            expanded.unwrap_or_else(|| to_sqlite(sql))
        });
        let prepare = || {
            let mut statement = self.raw.prepare_cached(text)?;
            bind(&mut statement, params, set)?;
            Ok(statement)
        };
        prepare().map_err(|error| refused(sql, error))
    }

    /// Compiles a statement without running it.
    pub(in crate::store) fn compile(&self, sql: &'static str) -> Result<(), Error> {
        let text = expand_for_sqlite(sql, 1).unwrap_or_else(|| to_sqlite(sql));
        let compiled = self.raw.prepare(&text).map(|_| ());
        compiled.map_err(|error| refused(sql, error))
    }

    /// Runs statements that belong to the engine itself, such as those of a migration.
    pub(in crate::store) fn batch(&self, sql: &'static str) -> Result<(), Error> {
        self.raw.execute_batch(sql).map_err(|error| refused(sql, error))
    }

    /// Begins, keeps or ends a transaction or savepoint.
    pub(in crate::store) fn control(&self, sql: &'static str) -> Result<(), Error> {
        let run = || self.raw.prepare_cached(sql)?.raw_execute();
        run().map(|_| ()).map_err(|error| refused(sql, error))
    }

    /// Leaves the open transaction, if there is one, without keeping anything of it.
    pub(in crate::store) fn roll_back(&mut self) {
        if self.has_transaction() && self.control("rollback").is_err() {
            tracing::error!("a transaction of SQLite cannot be rolled back");
        }
    }

    /// Full disks and input errors end the transaction by themselves.
    pub(in crate::store) fn has_transaction(&self) -> bool {
        !self.raw.is_autocommit()
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value], set: &[&[Value]]) -> rusqlite::Result<()> {
    let wanted = statement.parameter_count();
    let given = params.len() + set.iter().map(|row| row.len()).sum::<usize>();
    if wanted != given {
        return Err(rusqlite::Error::InvalidParameterCount(given, wanted));
    }
    let values = params.iter().chain(set.iter().copied().flatten());
    for (index, value) in values.enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

/// Shows each row of a statement whose parameters are bound.
fn each(
    sql: &'static str,
    statement: &mut rusqlite::Statement<'_>,
    take: &mut dyn FnMut(&mut Row),
) -> Result<(), Error> {
    let columns = statement.column_count();
    let mut place = Row::default();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| refused(sql, error))? {
        place.refill((0..columns).map(|column| {
            let value = row.get_ref(column).map_err(|error| refused(sql, error))?;
            owned(value).map_err(|error| error.about(sql))
        }))?;
        take(&mut place);
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn owned(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(
            String::from_utf8(text.to_vec()).map_err(|_| Error::inconsistent("text in UTF-8", "bytes"))?,
        ),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Real(_) => {
            return Err(Error::inconsistent("a whole number, text or bytes", "a fraction"));
        }
    })
}

/// What an error of SQLite means to the caller.
pub(super) fn refused(statement: &'static str, error: rusqlite::Error) -> Error {
    if let rusqlite::Error::SqliteFailure(failure, _) = &error {
        let unique = [
            SQLITE_CONSTRAINT_UNIQUE,
            SQLITE_CONSTRAINT_PRIMARYKEY,
            SQLITE_CONSTRAINT_ROWID,
        ];
        if unique.contains(&failure.extended_code) {
            return Error::Conflict {
                statement,
                cause: Arc::new(error),
            };
        }
        let problem = match failure.code {
            ErrorCode::DiskFull => "the disk is full, or the file has reached its largest size; make room",
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "another process is writing to it",
            ErrorCode::SystemIoFailure => "reading or writing the file failed; check the disk",
            ErrorCode::CannotOpen => "the file cannot be opened; check the folder and its permissions",
            ErrorCode::ReadOnly => "the file is read-only; check its permissions",
            ErrorCode::OutOfMemory => "there is no memory left",
            _ => "",
        };
        if !problem.is_empty() {
            return Error::unavailable(problem, error);
        }
    }
    Error::Sql {
        statement,
        cause: Arc::new(error),
    }
}
