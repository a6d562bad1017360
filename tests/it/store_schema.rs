//! Migrations, and what must be the same in both schemas.

use passgate::store::{Error, Store, statements};

use crate::engines::{for_each_engine, sqlite, sqlite_url, values};
use crate::postgres;

/// Table, column, type as PostgreSQL names it, and whether it may be null.
type Column = (String, String, String, bool);

async fn columns(store: &Store, sql: &'static str) -> Vec<Column> {
    let columns: Result<Vec<Column>, Error> = store.read("columns", |tx| Box::pin(tx.all(sql, &[]))).await;
    columns.expect("the schema is read")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_have_the_same_tables_and_columns() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let (sqlite, _folder) = sqlite().await;
    let postgres = Store::open(&url, 2).await.expect("the store opens");
    let in_sqlite = "select t.name, c.name,
            case lower(c.type) when 'integer' then 'bigint' when 'blob' then 'bytea' else lower(c.type) end,
            1 - c.\"notnull\"
        from pragma_table_list as t, pragma_table_info(t.name) as c
        where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite%' order by 1, 2";
    let in_postgres =
        "select cast(table_name as text) collate \"C\", cast(column_name as text) collate \"C\",
            cast(data_type as text), is_nullable = 'YES'
        from information_schema.columns where table_schema = 'public' order by 1, 2";
    let (ours, theirs) = (
        columns(&sqlite, in_sqlite).await,
        columns(&postgres, in_postgres).await,
    );
    assert!(
        ours.iter()
            .any(|(table, column, ..)| table == "cards" && column == "serial_number")
    );
    assert_eq!(ours, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_have_the_same_ordinary_indexes() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let (sqlite, _folder) = sqlite().await;
    let postgres = Store::open(&url, 2).await.expect("the store opens");
    let read = async |store: &Store, sql: &'static str| -> Vec<(String, bool)> {
        let read: Result<_, Error> = store.read("indexes", |tx| Box::pin(tx.all(sql, &[]))).await;
        read.expect("the schema is read")
    };
    let ours = read(
        &sqlite,
        "select name, sql like 'create unique%' from sqlite_schema where type = 'index' and sql is not null order by 1",
    );
    let theirs = read(
        &postgres,
        "select cast(c.relname as text) collate \"C\", i.indisunique
            from pg_index as i join pg_class as c on c.oid = i.indexrelid
            join pg_am as a on a.oid = c.relam and a.amname = 'btree'
            where c.relnamespace = 'public'::regnamespace
                and not exists (select 1 from pg_constraint as k where k.conindid = c.oid) order by 1",
    );
    assert_eq!(ours.await, theirs.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_text_sorts_by_bytes_on_postgres() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let store = Store::open(&url, 2).await.expect("the store opens");
    let others: Result<Vec<(String, String)>, Error> = store
        .read("collations", |tx| {
            Box::pin(tx.all(
                "select cast(table_name as text), cast(column_name as text) from information_schema.columns
                    where table_schema = 'public' and data_type = 'text' and collation_name is distinct from 'C'",
                &[],
            ))
        })
        .await;
    assert_eq!(others.expect("read"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_compiles_on_both_engines() {
    for_each_engine(async |store| {
        for (file, sql) in statements() {
            let compiled = store.prepare_only(sql).await;
            assert!(compiled.is_ok(), "{file}: {sql}: {compiled:?}");
        }
        assert!(store.prepare_only("select nothing from nowhere").await.is_err());
        for (file, sql) in store.statements_of_this_engine() {
            let compiled = store.prepare_only(sql).await;
            assert!(compiled.is_ok(), "{file}: {sql}: {compiled:?}");
        }
        let set = "insert into tokens (merchant_id, token, card_id) values {bigint, text, bigint}";
        store.prepare_only(set).await.expect("a set compiles");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_may_migrate_at_the_same_time_and_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![sqlite_url(&folder)];
    urls.extend(postgres::empty_database().await);
    for url in urls {
        let first = Store::open(&url, 2).await.expect("the store opens");
        let second = Store::open(&url, 2).await.expect("the store opens");
        let (one, other) = tokio::join!(first.migrate(), second.migrate());
        one.expect("migrated");
        other.expect("migrated");
        first.migrate().await.expect("nothing is left to do");
        let applied: Result<(i64, i64), Error> = second
            .read("applied", |tx| {
                Box::pin(tx.one("select count(*), max(version) from schema_migrations", &[]))
            })
            .await;
        let known = include_str!("../data/migrations.sha256").lines();
        let known = known.filter(|line| line.contains("/sqlite/")).count();
        let (count, latest) = applied.expect("read");
        assert_eq!(count, latest, "no number is left out");
        assert_eq!(usize::try_from(count), Ok(known), "each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_from_the_future_is_refused() {
    for_each_engine(async |store| {
        let written: Result<u64, Error> = store
            .write("from_the_future", |tx| {
                Box::pin(async move {
                    let sql = "insert into schema_migrations (version, applied_at) values ($1, $2)";
                    tx.exec(sql, &values![9999, 0]).await
                })
            })
            .await;
        written.expect("stored");
        let error = store.migrate().await.expect_err("refused");
        assert!(matches!(error, Error::Newer { found: 9999, .. }));
        assert!(error.to_string().contains("run the newer passgate"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_refused() {
    for url in ["", "mysql://x", "sqlite:", "postgres://h/d?sslmode=maybe"] {
        let opened = Store::open(url, 1).await;
        assert!(matches!(opened.err(), Some(Error::Url(_))), "{url}");
    }
}

/// What SQLite does step by step for a statement, with zeros for its parameters.
async fn plan(store: &Store, sql: &'static str) -> Vec<String> {
    // Tests are few and short, and statements live for ever.
    let explained: &'static str = Box::leak(format!("explain query plan {sql}").into_boxed_str());
    let parameters = (1..20)
        .take_while(|number| sql.contains(&format!("${number}")))
        .count();
    let parameters = vec![passgate::store::Value::from(0_i64); parameters];
    let list = sql.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let row = list.map(|(types, _)| vec![passgate::store::Value::from(0_i64); types.split(',').count()]);
    let steps: Result<Vec<(i64, i64, i64, String)>, Error> = store
        .read("plan", move |tx| {
            let (parameters, row) = (parameters.clone(), row.clone());
            Box::pin(async move {
                match row {
                    Some(row) => tx.all_rows(explained, &parameters, &[row]).await,
                    None => tx.all(explained, &parameters).await,
                }
            })
        })
        .await;
    steps.expect("planned").into_iter().map(|step| step.3).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cards_of_a_person_are_not_looked_for_among_all_of_the_merchant() {
    let (store, _folder) = sqlite().await;
    let (mut looked, mut wrong) = (0, Vec::new());
    for (file, sql) in statements() {
        let is_about_them = matches!(file, "customers" | "lifetimes" | "consents")
            && sql.starts_with("select")
            && sql.contains(" cards ")
            && sql.contains("customer_id = ");
        if is_about_them {
            looked += 1;
            let steps = plan(&store, sql).await;
            let is_scan = |step: &&String| step.ends_with("(merchant_id=?)") || step.starts_with("SCAN c");
            wrong.extend(steps.iter().find(is_scan).map(|step| format!("{step}: {sql}")));
        }
    }
    assert!(looked >= 4, "the statements are found");
    assert_eq!(wrong, Vec::<String>::new());
}

/// A phone that asks for one card must not cost a walk through everybody's registrations.
#[tokio::test(flavor = "multi_thread")]
async fn the_registrations_of_a_card_are_not_looked_for_among_all_of_the_merchant() {
    let (store, _folder) = sqlite().await;
    let (mut looked, mut wrong) = (0, Vec::new());
    for (file, sql) in statements() {
        if file != "registrations" || !sql.starts_with("select") || !sql.contains("card_id = $2") {
            continue;
        }
        looked += 1;
        let walks = |step: &String| step.contains("registrations") || step.contains("SEARCH r ");
        let steps = plan(&store, sql).await;
        if steps
            .iter()
            .any(|step| walks(step) && step.ends_with("(merchant_id=?)"))
        {
            wrong.push(format!("{sql}: {steps:?}"));
        }
    }
    assert!(looked >= 3, "the statements are found by what they ask: {looked}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
