//! One PostgreSQL connection: cached statements, values on the wire, and what its errors mean.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::BytesMut;
use deadpool_postgres::Object;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::Error;
use crate::store::dialect::{Key, expand_for_postgres};
use crate::store::error::Cause;
use crate::store::sql::Failure;
use crate::store::value::{Row, Value};

/// Expanded sets, for all connections.
#[derive(Default)]
pub(super) struct Texts(RwLock<HashMap<Key, Arc<str>>>);

pub(in crate::store) struct Connection {
    /// Absent once discarded.
    client: Option<Object>,
    texts: Arc<Texts>,
}

impl Connection {
    pub(super) fn new(client: Object, texts: Arc<Texts>) -> Self {
        Self {
            client: Some(client),
            texts,
        }
    }

    /// Hands every row that a statement returns to `take`; `set` is empty for a statement without one.
    pub(in crate::store) async fn rows(
        &self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
        take: &mut (dyn FnMut(&mut Row) + Send),
    ) -> Result<(), Failure> {
        let client = self.client()?;
        let run = async {
            let statement = self.prepared(client, sql, set).await?;
            let columns = columns(set);
            client.query(&statement, &on_wire(params, &columns)).await
        };
        each(sql, run.await, take)
    }

    /// The rows of a statement that was put together at run time; not kept, because the next one is another.
    pub(in crate::store) async fn composed(
        &self,
        what: &'static str,
        text: &str,
        params: &[Value],
        take: &mut (dyn FnMut(&mut Row) + Send),
    ) -> Result<(), Failure> {
        let client = self.client()?;
        let run = async {
            let statement = client.prepare(text).await?;
            client.query(&statement, &on_wire(params, &[])).await
        };
        each(what, run.await, take)
    }

    /// How many rows a statement changed.
    pub(in crate::store) async fn count(
        &self,
        sql: &'static str,
        params: &[Value],
        set: &[&[Value]],
    ) -> Result<u64, Failure> {
        let client = self.client()?;
        let run = async {
            let statement = self.prepared(client, sql, set).await?;
            let columns = columns(set);
            client.execute(&statement, &on_wire(params, &columns)).await
        };
        run.await.map_err(|error| refused(sql, error))
    }

    async fn prepared(
        &self,
        client: &Object,
        sql: &'static str,
        set: &[&[Value]],
    ) -> Result<Statement, tokio_postgres::Error> {
        if set.is_empty() {
            return client.prepare_cached(sql).await;
        }
        match self.texts.expanded(sql) {
            Some(text) => client.prepare_cached(&text).await,
            None => client.prepare_cached(sql).await,
        }
    }

    /// Compiles a statement without running it.
    pub(in crate::store) async fn compile(&self, sql: &'static str) -> Result<(), Error> {
        let expanded = expand_for_postgres(sql);
        let compiled = self.client()?.prepare(expanded.as_deref().unwrap_or(sql)).await;
        compiled.map(|_| ()).map_err(|error| refused(sql, error).error)
    }

    /// Runs statements that belong to the engine itself.
    pub(in crate::store) async fn control(&self, sql: &'static str) -> Result<(), Error> {
        let run = self.client()?.batch_execute(sql).await;
        run.map_err(|error| refused(sql, error).error)
    }

    /// Like [`Connection::control`], for an end that may be refused because of another transaction.
    pub(super) async fn end(&self, sql: &'static str) -> Result<(), Failure> {
        let run = self.client()?.batch_execute(sql).await;
        run.map_err(|error| refused(sql, error))
    }

    /// Closes the connection instead of giving it back to the pool.
    pub(super) fn discard(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }

    fn client(&self) -> Result<&Object, Error> {
        self.client.as_ref().ok_or_else(Error::stopping)
    }
}

impl Texts {
    fn expanded(&self, sql: &'static str) -> Option<Arc<str>> {
        let key = Key::new(sql, 0);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = known.get(&key) {
            return Some(Arc::clone(text));
        }
        drop(known);
        let text: Arc<str> = expand_for_postgres(sql)?.into();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, Arc::clone(&text));
        Some(text)
    }
}

fn each(
    sql: &'static str,
    rows: Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>,
    take: &mut (dyn FnMut(&mut Row) + Send),
) -> Result<(), Failure> {
    let mut place = Row::default();
    for row in rows.map_err(|error| refused(sql, error))? {
        let values = (0..row.len()).map(|column| row.try_get(column));
        place.refill(values).map_err(|error| refused(sql, error))?;
        take(&mut place);
    }
    Ok(())
}

/// The columns of a set, each of which becomes one array.
fn columns<'v>(set: &[&'v [Value]]) -> Vec<Vec<&'v Value>> {
    let width = set.first().map_or(0, |row| row.len());
    let column = |index| set.iter().filter_map(|row| row.get(index)).collect();
    (0..width).map(column).collect()
}

fn on_wire<'v>(params: &'v [Value], columns: &'v [Vec<&'v Value>]) -> Vec<&'v (dyn ToSql + Sync)> {
    let params = params.iter().map(|value| value as &(dyn ToSql + Sync));
    let columns = columns.iter().map(|column| column as &(dyn ToSql + Sync));
    params.chain(columns).collect()
}

/// A parameter has the type that the server derived from the statement.
#[derive(Debug, thiserror::Error)]
#[error("a parameter of type {wanted} was given {given}")]
struct WrongParameter {
    wanted: Type,
    given: &'static str,
}

impl ToSql for Value {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *wanted == Type::INT8 => number.to_sql(wanted, out),
            Self::Int(number) if *wanted == Type::INT4 => i32::try_from(*number)?.to_sql(wanted, out),
            Self::Text(text) if <&str as ToSql>::accepts(wanted) => text.as_str().to_sql(wanted, out),
            Self::Blob(bytes) if *wanted == Type::BYTEA => bytes.as_slice().to_sql(wanted, out),
            other => Err(Box::new(WrongParameter {
                wanted: wanted.clone(),
                given: other.kind(),
            })),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl FromSql<'_> for Value {
    fn from_sql(kind: &Type, raw: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            _ => Self::Text(String::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    /// A `numeric` sum is refused here: cast it to bigint.
    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::INT8 | Type::INT4 | Type::INT2 | Type::BOOL | Type::BYTEA
        ) || <String as FromSql>::accepts(kind)
    }
}

/// What the server said, without its DETAIL: that holds values of the row.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct Said {
    code: String,
    message: String,
}

/// What an error of PostgreSQL means to the caller.
pub(super) fn refused(statement: &'static str, error: tokio_postgres::Error) -> Failure {
    let (problem, cause, is_conflict): (_, Cause, _) = if let Some(said) = error.as_db_error() {
        let code = said.code();
        let cause = Arc::new(Said {
            code: code.code().to_owned(),
            message: said.message().to_owned(),
        });
        if *code == SqlState::UNIQUE_VIOLATION {
            return Error::Conflict { statement, cause }.into();
        }
        let is_conflict =
            *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED;
        (problem(code), cause, is_conflict)
    } else {
        let problem = is_lost(&error).then_some("the connection to the server is lost");
        (problem, Arc::new(error), false)
    };
    let error = match problem {
        Some(problem) => Error::Unavailable {
            problem,
            cause: Some(cause),
        },
        None => Error::Sql { statement, cause },
    };
    Failure { error, is_conflict }
}

/// The states that pass, or that an operator can end. Classes as in appendix A of the PostgreSQL manual.
fn problem(code: &SqlState) -> Option<&'static str> {
    Some(match code.code() {
        "40001" | "40P01" | "55P03" => "too many transactions want the same rows",
        "57014" => "a statement took too long",
        "25006" => "this server only reads; point store.url at the primary",
        "53100" => "the server's disk is full; make room",
        "53300" => "the server has no connection left; lower store.connections or raise max_connections",
        other => match other.get(..2) {
            Some("08" | "57") => "the server is not reachable, starting or stopping",
            Some("53") => "the server lacks memory or disk",
            Some("58") => "the server cannot read or write its files; check its disk",
            _ => return None,
        },
    })
}

fn is_lost(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}
