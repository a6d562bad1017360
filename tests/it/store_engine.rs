//! What the store promises on both engines.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use passgate::domain::id::{CardId, MerchantId};
use passgate::store::{Change, Error, Store, Value};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::timeout;

use crate::engines::{count, for_each_engine, insert, values, with_things};

pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

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
                    Err(Error::inconsistent("a sunny day", "rain"))
                })
            })
            .await;
        assert!(matches!(refused, Err(Error::Inconsistent { .. })));
        assert_eq!(count(&store).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_moment() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let (first_seen, is_first_seen) = mpsc::channel();
        let (written, is_written) = mpsc::channel();
        let is_written = Arc::new(Mutex::new(is_written));
        let reader = store.clone();
        let read = tokio::spawn(async move {
            reader
                .read("count_twice", |tx| {
                    let (first_seen, is_written) = (first_seen.clone(), Arc::clone(&is_written));
                    Box::pin(async move {
                        let sql = "select count(*) from things";
                        let (before,): (i64,) = tx.one(sql, &[]).await?;
                        first_seen.send(()).expect("the test waits");
                        block_in_place(|| is_written.lock().expect("one reader").recv_timeout(DEADLINE))
                            .expect("the test writes");
                        let (after,): (i64,) = tx.one(sql, &[]).await?;
                        Ok::<_, Error>((before, after))
                    })
                })
                .await
        });
        block_in_place(|| is_first_seen.recv_timeout(DEADLINE)).expect("the reader reads");
        insert(&store, 1).await.expect("stored");
        written.send(()).expect("the reader waits");
        assert_eq!(read.await.expect("no panic").expect("read"), (0, 0));
        assert_eq!(count(&store).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_cannot_write() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let written: Result<u64, Error> = store
            .read("write", |tx| {
                Box::pin(tx.exec("insert into things (id) values (1)", &[]))
            })
            .await;
        assert!(written.is_err());
        assert_eq!(count(&store).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_transaction_spares_its_neighbours() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let mut writes = JoinSet::new();
        for id in 0..100_i64 {
            let store = store.clone();
            writes.spawn(async move {
                let written: Result<(), Error> = store
                    .write("odd_fails", move |tx| {
                        Box::pin(async move {
                            tx.exec("insert into things (id) values ($1)", &values![id])
                                .await?;
                            if id % 2 == 1 {
                                return Err(Error::inconsistent("an even number", "an odd one"));
                            }
                            Ok(())
                        })
                    })
                    .await;
                assert_eq!(written.is_err(), id % 2 == 1);
            });
        }
        while let Some(write) = writes.join_next().await {
            write.expect("no panic");
        }
        assert_eq!(count(&store).await, 50);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were() {
    for_each_engine(async |store| {
        with_things(&store).await;
        type Thing = (CardId, Option<String>, Option<Vec<u8>>);
        let back: Result<Vec<Thing>, Error> = store
            .write("store_and_return", |tx| {
                Box::pin(async move {
                    let sql = "insert into things (id, name, data) values ($1, $2, $3), ($4, $5, $6)
                        returning id, name, data";
                    let params = values![
                        CardId(i64::MAX),
                        "Zoë 'quoted' $1",
                        vec![0_u8, 255, 0],
                        i64::MIN,
                        None::<String>,
                        None::<Vec<u8>>
                    ];
                    tx.all(sql, &params).await
                })
            })
            .await;
        let mut back = back.expect("stored");
        back.sort();
        let expected = [
            (CardId(i64::MIN), None, None),
            (
                CardId(i64::MAX),
                Some("Zoë 'quoted' $1".to_owned()),
                Some(vec![0, 255, 0]),
            ),
        ];
        assert_eq!(back, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_go_by_their_numbers_and_not_by_first_use() {
    for_each_engine(async |store| {
        let pair: Result<(i64, i64), Error> = store
            .read("swap", |tx| {
                Box::pin(async move {
                    tx.one("select cast($2 as bigint), cast($1 as bigint)", &values![1, 2])
                        .await
                })
            })
            .await;
        assert_eq!(pair.expect("read"), (2, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_another_shape_are_refused() {
    for_each_engine(async |store| {
        with_things(&store).await;
        insert(&store, 1).await.expect("stored");
        insert(&store, 2).await.expect("stored");
        let none: Result<(i64,), Error> = store
            .read("none", |tx| {
                Box::pin(tx.one("select id from things where id = 3", &[]))
            })
            .await;
        let two: Result<Option<(i64,)>, Error> = store
            .read("two", |tx| Box::pin(tx.opt("select id from things", &[])))
            .await;
        let text: Result<Vec<(String,)>, Error> = store
            .read("text", |tx| Box::pin(tx.all("select id from things", &[])))
            .await;
        for error in [none.unwrap_err(), two.unwrap_err(), text.unwrap_err()] {
            assert!(matches!(error, Error::Inconsistent { .. }), "{error}");
            assert!(error.to_string().contains("select id from things"), "{error}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_of_every_size_arrive_whole() {
    type Thing = (i64, String, Vec<u8>);
    for_each_engine(async |store| {
        with_things(&store).await;
        for size in [0, 1, 7, 8, 33, 200] {
            let written: Result<(u64, Vec<Thing>), Error> = store
                .write("store_set", move |tx| {
                    Box::pin(async move {
                        tx.exec("delete from things", &[]).await?;
                        let rows: Vec<Vec<Value>> = (0..size)
                            .map(|id: i64| values![id, format!("thing {id}"), vec![1_u8]].to_vec())
                            .collect();
                        let insert = "insert into things (id, name, data) values {bigint, text, bytea}
                            on conflict (id) do update set name = excluded.name";
                        let changed = tx.exec_rows(insert, &[], &rows).await?;
                        let update =
                            "update things set name = things.name || $1 from (values {bigint, bytea}) as v
                            where things.id = v.column1 and things.data = v.column2
                            returning things.id, things.name, things.data";
                        let rows: Vec<Vec<Value>> =
                            (0..size).map(|id| values![id, vec![1_u8]].to_vec()).collect();
                        Ok((changed, tx.all_rows(update, &values!["!"], &rows).await?))
                    })
                })
                .await;
            let (changed, mut updated) = written.expect("stored");
            updated.sort();
            let expected: Vec<_> = (0..size)
                .map(|id| (id, format!("thing {id}!"), vec![1]))
                .collect();
            assert_eq!(i64::try_from(changed), Ok(size));
            assert_eq!(updated, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_may_insert_what_a_query_makes_of_it() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let changed: Result<u64, Error> = store
            .write("store_set", |tx| {
                Box::pin(async move {
                    let sql = "insert into things (id, name) select v.column1 + $1, 'new'
                        from (values {bigint, text}) as v where true on conflict (id) do nothing";
                    let rows = [values![1, "a"].to_vec(), values![2, None::<String>].to_vec()];
                    tx.exec_rows(sql, &values![10], &rows).await
                })
            })
            .await;
        assert_eq!(changed.expect("stored"), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_with_a_short_row_is_refused() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let written: Result<u64, Error> = store
            .write("store_set", |tx| {
                Box::pin(async move {
                    let rows = [values![1, "a"].to_vec(), values![2].to_vec()];
                    tx.exec_rows("insert into things (id, name) values {bigint, text}", &[], &rows)
                        .await
                })
            })
            .await;
        assert!(matches!(written, Err(Error::Body(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_key_is_a_conflict_and_nothing_else_is() {
    for_each_engine(async |store| {
        with_things(&store).await;
        insert(&store, 1).await.expect("stored");
        let error = insert(&store, 1).await.expect_err("taken");
        assert!(error.is_unique_violation(), "{error}");
        let nothing: Result<u64, Error> = store
            .write("null", |tx| {
                Box::pin(tx.exec("insert into things (id) values (null)", &[]))
            })
            .await;
        assert!(matches!(nothing, Err(Error::Sql { .. })));
        insert(&store, 2).await.expect("the store goes on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_hides_a_failed_statement_keeps_nothing() {
    for_each_engine(async |store| {
        with_things(&store).await;
        insert(&store, 1).await.expect("stored");
        let hidden: Result<(), Error> = store
            .write("hide", |tx| {
                Box::pin(async move {
                    tx.exec("insert into things (id) values (2)", &[]).await?;
                    let taken = tx.exec("insert into things (id) values (1)", &[]).await;
                    assert!(taken.is_err());
                    let after = tx.exec("insert into things (id) values (3)", &[]).await;
                    assert!(matches!(after, Err(Error::Body(_))));
                    Ok(())
                })
            })
            .await;
        assert!(matches!(hidden, Err(Error::Body(_))));
        assert_eq!(count(&store).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_announced_after_the_commit_and_only_then() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let mut changes = store.subscribe();
        let refused: Result<(), Error> = store
            .write("refuse", |tx| {
                Box::pin(async move {
                    tx.announce(Change::Card(MerchantId(1), CardId(1)));
                    Err(Error::inconsistent("a sunny day", "rain"))
                })
            })
            .await;
        assert!(refused.is_err());
        let kept: Result<(), Error> = store
            .write("keep", |tx| {
                Box::pin(async move {
                    tx.exec("insert into things (id) values (1)", &[]).await?;
                    for _ in 0..2 {
                        tx.announce(Change::Card(MerchantId(1), CardId(2)));
                        tx.announce(Change::Pushes);
                    }
                    Ok(())
                })
            })
            .await;
        kept.expect("kept");
        for expected in [Change::Card(MerchantId(1), CardId(2)), Change::Pushes] {
            let change = timeout(DEADLINE, changes.recv())
                .await
                .expect("announced in time");
            assert_eq!(change.expect("a change"), expected);
            assert_eq!(count(&store).await, 1);
        }
        assert!(changes.try_recv().is_err(), "each change is announced once");
    })
    .await;
}

/// Every letter of the order is told apart by its bytes, not by a language's rules.
#[tokio::test(flavor = "multi_thread")]
async fn both_engines_sort_by_bytes() {
    const NAMES: [&str; 8] = ["_", "A", "B", "a", "a b", "aB", "b", "ä"];
    for_each_engine(async |store| {
        let sorted: Result<Vec<(String,)>, Error> = store
            .write("sort", |tx| {
                Box::pin(async move {
                    let rows: Vec<Vec<Value>> = NAMES
                        .iter()
                        .rev()
                        .zip(1_i64..)
                        .map(|(name, id)| values![id, *name].to_vec())
                        .collect();
                    let insert = "insert into merchants (merchant_id, name, zone, created_at)
                        select v.column1, v.column2, 'UTC', 0 from (values {bigint, text}) as v";
                    tx.exec_rows(insert, &[], &rows).await?;
                    tx.all(
                        "select name from merchants where name < $1 order by name",
                        &values!["zz"],
                    )
                    .await
                })
            })
            .await;
        let sorted: Vec<String> = sorted.expect("sorted").into_iter().map(|(name,)| name).collect();
        let mut expected = NAMES.map(String::from).to_vec();
        expected.sort();
        expected.retain(|name| name.as_str() < "zz");
        assert_eq!(sorted, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_body_rolls_back_and_the_store_goes_on() {
    for_each_engine(async |store| {
        with_things(&store).await;
        let writer: Store = store.clone();
        let panicked = tokio::spawn(async move {
            writer
                .write("panic", |tx| {
                    Box::pin(async move {
                        tx.exec("insert into things (id) values (1)", &[]).await?;
                        if tx.exec("insert into things (id) values (2)", &[]).await? == 1 {
                            panic!("on purpose");
                        }
                        Ok::<(), Error>(())
                    })
                })
                .await
        });
        assert!(!matches!(panicked.await, Ok(Ok(()))));
        assert_eq!(count(&store).await, 0);
        insert(&store, 3).await.expect("the store goes on");
    })
    .await;
}
