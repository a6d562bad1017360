//! What the store does when its machine, its server or its caller fails.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use passgate::store::{Change, Error, Retry, Store};
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::engines::{count, insert, sqlite, sqlite_url, values, with_things};
use crate::postgres;
use crate::store_engine::DEADLINE;

type Write<'s> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 's>>;

/// Sends a write's job to the writer, without waiting for its answer.
async fn start(write: &mut Write<'_>) {
    poll_fn(|context| {
        assert!(write.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Holds the writer inside a transaction until the returned sender sends.
fn hold(store: &Store) -> (mpsc::Sender<()>, Write<'_>) {
    let (release, is_released) = mpsc::channel();
    let is_released = Mutex::new(is_released);
    let write = store.write("hold", move |_| {
        let released = is_released.lock().expect("one body").recv_timeout(DEADLINE);
        Box::pin(async move { released.map_err(|_| Error::inconsistent("a release", "none")) })
    });
    (release, Box::pin(write))
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_waited_share_a_commit_and_each_answers_for_itself() {
    let (store, _folder) = sqlite().await;
    with_things(&store).await;
    insert(&store, 7).await.expect("stored");
    let (release, mut held) = hold(&store);
    start(&mut held).await;
    let mut writes: Vec<Write<'_>> = Vec::new();
    for id in 0..100 {
        let store = store.clone();
        let mut write: Write<'_> = Box::pin(async move { insert(&store, id).await });
        start(&mut write).await;
        writes.push(write);
    }
    release.send(()).expect("the writer waits");
    held.await.expect("released");
    for (id, write) in writes.into_iter().enumerate() {
        let written = write.await;
        assert_eq!(written.is_err_and(|error| error.is_unique_violation()), id == 7);
    }
    assert_eq!(count(&store).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_caller_left_before_its_turn_is_not_made() {
    let (store, _folder) = sqlite().await;
    with_things(&store).await;
    let (release, mut held) = hold(&store);
    start(&mut held).await;
    let abandoned = store.clone();
    let mut write: Write<'_> = Box::pin(async move { insert(&abandoned, 1).await });
    start(&mut write).await;
    drop(write);
    release.send(()).expect("the writer waits");
    held.await.expect("released");
    insert(&store, 2).await.expect("stored");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_on_sqlite_awaits_nothing_but_its_transaction() {
    let (store, _folder) = sqlite().await;
    with_things(&store).await;
    let pending: Result<(), Error> = store
        .write("wait", |tx| {
            Box::pin(async move {
                tx.exec("insert into things (id) values (1)", &[]).await?;
                tokio::task::yield_now().await;
                Ok(())
            })
        })
        .await;
    assert!(matches!(pending, Err(Error::Body(_))));
    assert_eq!(count(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_survived() {
    let (store, _folder) = sqlite().await;
    with_things(&store).await;
    let limit = async |sql: &'static str| {
        let limited: Result<Vec<(i64,)>, Error> =
            store.write("limit", move |tx| Box::pin(tx.all(sql, &[]))).await;
        limited.expect("the limit is set");
    };
    limit("pragma max_page_count = 1").await;
    let fill = async || -> Result<u64, Error> {
        store
            .write("fill", |tx| {
                Box::pin(async move {
                    let sql = "insert into things (id, data) values ($1, $2)";
                    tx.exec(sql, &values![1, vec![7_u8; 1 << 20]]).await
                })
            })
            .await
    };
    let error = fill().await.expect_err("there is no room");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Later);
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(count(&store).await, 0);
    limit("pragma max_page_count = 1000000").await;
    fill().await.expect("there is room again");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = sqlite_url(&folder);
    let store = Store::open(&url, 4).await.expect("the store opens");
    with_things(&store).await;
    for id in 0..50 {
        insert(&store, id).await.expect("stored");
    }
    drop(store);
    let log = folder.path().join("data/store.sqlite-wal");
    assert!(!log.exists(), "closing the store copies its log and removes it");
    let store = Store::open(&url, 4).await.expect("the store opens again");
    assert_eq!(count(&store).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_hold_the_last_handle_of_its_store() {
    let (store, _folder) = sqlite().await;
    let held = store.clone();
    let mut write: Write<'_> = Box::pin(async move {
        let inner = store.clone();
        store
            .write("hold_store", move |_| {
                let _kept = &inner;
                Box::pin(async { Ok(()) })
            })
            .await
    });
    let (release, mut hold) = hold(&held);
    start(&mut hold).await;
    start(&mut write).await;
    release.send(()).expect("the writer waits");
    hold.await.expect("released");
    drop(write);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_lock_each_other_out_both_succeed_in_the_end() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 4).await.expect("the store opens");
    with_things(&store).await;
    insert(&store, 1).await.expect("stored");
    insert(&store, 2).await.expect("stored");
    let both_hold_one = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicU32::new(0));
    let crossing = |first: i64, second: i64| {
        let (store, barrier, runs) = (store.clone(), Arc::clone(&both_hold_one), Arc::clone(&runs));
        tokio::spawn(async move {
            let written: Result<u64, Error> = store
                .write("cross", move |tx| {
                    let (barrier, run) = (Arc::clone(&barrier), runs.fetch_add(1, Ordering::SeqCst));
                    Box::pin(async move {
                        let sql = "update things set name = coalesce(name, '') || 'x' where id = $1";
                        tx.exec(sql, &values![first]).await?;
                        if run < 2 {
                            barrier.wait().await;
                        }
                        tx.exec(sql, &values![second]).await
                    })
                })
                .await;
            written
        })
    };
    let (one, other) = tokio::join!(crossing(1, 2), crossing(2, 1));
    one.expect("no panic").expect("stored");
    other.expect("no panic").expect("stored");
    assert!(runs.load(Ordering::SeqCst) > 2, "one of them was run again");
    let names: Result<Vec<(String,)>, Error> = store
        .read("names", |tx| Box::pin(tx.all("select name from things", &[])))
        .await;
    assert_eq!(names.expect("read"), [("xx".to_owned(),), ("xx".to_owned(),)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_is_rolled_back_and_lets_go_of_its_rows() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 2).await.expect("the store opens");
    with_things(&store).await;
    let writer = store.clone();
    let (inserted, is_inserted) = tokio::sync::oneshot::channel();
    let inserted = Mutex::new(Some(inserted));
    let write = tokio::spawn(async move {
        let written: Result<(), Error> = writer
            .write("for_ever", move |tx| {
                let inserted = inserted.lock().expect("one body").take();
                Box::pin(async move {
                    tx.exec("insert into things (id) values (1)", &[]).await?;
                    inserted.expect("one run").send(()).expect("the test waits");
                    std::future::pending().await
                })
            })
            .await;
        written
    });
    timeout(DEADLINE, is_inserted)
        .await
        .expect("in time")
        .expect("inserted");
    write.abort();
    timeout(DEADLINE, insert(&store, 1))
        .await
        .expect("the row is let go")
        .expect("stored");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_not_awaited_to_its_end_is_not_committed() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 2).await.expect("the store opens");
    with_things(&store).await;
    let hasty: Result<(), Error> = store
        .write("hasty", |tx| {
            Box::pin(async move {
                tx.exec("insert into things (id) values (1)", &[]).await?;
                let mut slow = Box::pin(tx.exec("select pg_sleep(0.01)", &[]));
                poll_fn(|context| {
                    assert!(slow.as_mut().poll(context).is_pending());
                    Poll::Ready(())
                })
                .await;
                drop(slow);
                Ok(())
            })
        })
        .await;
    assert!(matches!(hasty, Err(Error::Body(_))));
    assert_eq!(count(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_replaced_and_subscribers_are_woken() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 2).await.expect("the store opens");
    with_things(&store).await;
    insert(&store, 1).await.expect("stored");
    let mut changes = store.subscribe();
    let killed: Result<Vec<(i64,)>, Error> = Store::open(&url, 1)
        .await
        .expect("another node")
        .read("kill", |tx| {
            Box::pin(tx.all(
                "select case when pg_terminate_backend(pid) then 1 else 0 end from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()",
                &[],
            ))
        })
        .await;
    assert!(killed.expect("killed").len() >= 2);
    insert(&store, 2).await.expect("a new connection is made");
    let change = timeout(DEADLINE, changes.recv()).await.expect("woken in time");
    assert_eq!(change.expect("a change"), Change::Pushes);
    assert_eq!(count(&store).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = folder.path().to_str().expect("a plain path").replace('/', "%2F");
    let opened = Store::open(&format!("postgres://nobody@{host}/nothing"), 1).await;
    let error = opened.err().expect("nobody listens there");
    assert_eq!(error.retry(), Retry::Later, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_reach_other_nodes() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let (one, other) = (
        Store::open(&url, 1).await.expect("a node"),
        Store::open(&url, 1).await.expect("a node"),
    );
    let mut changes = other.subscribe();
    let announced: Result<(), Error> = one
        .write("announce", |tx| {
            Box::pin(async move {
                tx.announce(Change::Pushes);
                Ok(())
            })
        })
        .await;
    announced.expect("committed");
    let change = timeout(DEADLINE, changes.recv())
        .await
        .expect("announced in time");
    assert_eq!(change.expect("a change"), Change::Pushes);
}
