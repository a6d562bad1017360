//! What both engines promise, tested on both, and what each does when its machine fails.

use passgate::domain::id::{CardId, MerchantId};
use passgate::store::{Change, Error, Store, Value};

use crate::engines::for_each_engine;

/// Builds parameters.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(Value::from($value)),*] };
}

async fn with_things(store: &Store) {
    store
        .write("make_things", |tx| {
            Box::pin(async move {
                let sql = "create table things (id bigint not null primary key, name text, data bytea)";
                tx.exec(sql, &[]).await
            })
        })
        .await
        .map(|_: u64| ())
        .expect("the table is made");
}

async fn count(store: &Store) -> i64 {
    let (count,): (i64,) = store
        .read("count", |tx| Box::pin(tx.one("select count(*) from things", &[])))
        .await
        .map_err(|error: Error| error)
        .expect("counted");
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_kept_whole_or_not_at_all() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let kept: Result<u64, Error> = store
            .write("keep", |tx| {
                Box::pin(async move {
                    tx.exec("insert into things (id) values ($1), ($2)", &values![1, 2])
                        .await
                })
            })
            .await;
        assert_eq!(kept.expect("kept"), 2);
        let refused: Result<(), Error> = store
            .write("refuse", |tx| {
                Box::pin(async move {
                    tx.exec("insert into things (id) values ($1)", &values![3])
                        .await?;
                    tx.announce(Change::Card(MerchantId(1), CardId(3)));
                    Err(Error::inconsistent("a sunny day", "rain"))
                })
            })
            .await;
        assert!(matches!(refused, Err(Error::Inconsistent { .. })));
        assert_eq!(count(&store).await, 2);
    })
    .await;
}
