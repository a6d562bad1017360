//! Runs one test on every engine, each time on an empty database with the newest schema; and a table to play with.

use passgate::store::{Error, Store};
use tempfile::TempDir;

use crate::postgres;

/// Builds the parameters of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(passgate::store::Value::from($value)),*] };
}
pub(crate) use values;

/// A SQLite store in a folder that goes when it is dropped.
pub(crate) async fn sqlite() -> (Store, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&sqlite_url(&folder), 4)
        .await
        .expect("the store opens");
    store.migrate().await.expect("the schema is made");
    (store, folder)
}

pub(crate) fn sqlite_url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("data/store.sqlite").display())
}

/// Runs `test` on SQLite, then on PostgreSQL unless that is skipped.
pub(crate) async fn for_each_engine(test: impl AsyncFn(Store)) {
    let (store, _folder) = sqlite().await;
    test(store).await;
    if let Some(url) = postgres::migrated_database().await {
        test(Store::open(&url, 8).await.expect("the store opens")).await;
    }
}

/// Makes the table `things (id, name, data)`.
pub(crate) async fn with_things(store: &Store) {
    let made: Result<u64, Error> = store
        .write("make_things", |tx| {
            Box::pin(tx.exec(
                "create table things (id bigint not null primary key, name text, data bytea)",
                &[],
            ))
        })
        .await;
    made.expect("the table is made");
}

pub(crate) async fn insert(store: &Store, id: i64) -> Result<(), Error> {
    store
        .write("insert", move |tx| {
            Box::pin(async move {
                tx.exec("insert into things (id) values ($1)", &values![id])
                    .await?;
                Ok(())
            })
        })
        .await
}

pub(crate) async fn count(store: &Store) -> i64 {
    let counted: Result<(i64,), Error> = store
        .read("count", |tx| Box::pin(tx.one("select count(*) from things", &[])))
        .await;
    counted.expect("counted").0
}
