//! Runs one test on every engine, each time on an empty database with the newest schema.

use passgate::store::Store;
use tempfile::TempDir;

use crate::postgres;

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
