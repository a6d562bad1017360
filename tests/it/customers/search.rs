//! Searching: both engines find what a plain look at every search text finds, in the same order.

use passgate::domain::customer::{search_text, serial_line};
use passgate::domain::event::Actor;
use passgate::domain::id::{CustomerId, MerchantId};
use passgate::domain::profile::Field;
use passgate::domain::search::Query;
use passgate::ops::customers::Edit;
use passgate::store::{Error, Store, search};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use super::shop::Shop;
use crate::engines::{for_each_engine, values};

const MERCHANT: MerchantId = MerchantId(1);

async fn store_texts(store: &Store, texts: Vec<(i64, String)>) {
    let stored: Result<(), Error> = store
        .write("store_texts", move |tx| {
            let texts = texts.clone();
            Box::pin(async move {
                for (id, text) in texts {
                    let sql = "insert into customers (merchant_id, customer_id, first_name, search, created_at) \
                        values ($1, $2, '', $3, 0)";
                    tx.exec(sql, &values![MERCHANT, id, text]).await?;
                }
                Ok(())
            })
        })
        .await;
    stored.expect("stored");
}

async fn found(store: &Store, query: &Query, before: Option<CustomerId>, limit: i64) -> Vec<i64> {
    let query = query.clone();
    let found: Result<_, Error> = store
        .read("find", move |tx| {
            let query = query.clone();
            Box::pin(async move { search::find(tx, MERCHANT, &query, before, limit).await })
        })
        .await;
    found
        .expect("found")
        .into_iter()
        .map(|found| found.id.0)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_find_what_a_look_at_everybody_finds() {
    // Few letters, so that much is found; and those that a pattern or a query could trip over.
    let name = "[abAéßж%_\\\\\"'* -]{0,8}|[a-c]{2,5} [a-c]{1,3}|👩‍👩‍👧 [ab]{2}|שלום [אב]{1,3}";
    let person = (
        name,
        name,
        proptest::option::of("[ab.]{1,4}@[ab]{1,3}\\.de"),
        proptest::option::of("\\+49[0-4]{4,8}"),
    );
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let people = proptest::collection::vec(person, 400)
        .new_tree(&mut runner)
        .expect("people")
        .current();
    let texts: Vec<(i64, String)> = (1_i64..)
        .zip(people)
        .map(|(id, (first, last, email, phone))| {
            let text = search_text(&first, &last, email.as_deref(), phone.as_deref());
            (id, text + &serial_line(&format!("card-{id:013}")))
        })
        .collect();
    let any = "[abéß]{1,4}( [abcж]{1,3})?|[%_\\\\\"'* -]{1,4}|\\+49 [0-4]{2,4}|0?[0-4]{3,5}|[ab]@[ab]|0000[0-9]{2}|👩|ל|\\PC{1,5}|[a-c]( [a-c]{1,4}){1,6}";
    let queries: Vec<Query> = (0..300)
        .map(|_| any.new_tree(&mut runner).expect("a text").current())
        .filter_map(|text| Query::parse(&text).ok())
        .collect();
    assert!(queries.len() > 250);
    for_each_engine(async |store| {
        store_texts(&store, texts.clone()).await;
        let mut hits = 0;
        for query in &queries {
            let finds = |(_, text): &&(i64, String)| query.finds(text);
            let mut expected: Vec<i64> = texts.iter().filter(finds).map(|(id, _)| *id).collect();
            expected.reverse();
            assert_eq!(found(&store, query, None, 1000).await, expected, "{query:?}");
            hits += expected.len();
            // Page after page gives the same people once each.
            let mut paged = Vec::new();
            loop {
                let before = paged.last().copied().map(CustomerId);
                let page = found(&store, query, before, 7).await;
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, expected, "{query:?}");
        }
        assert!(hits > 1000, "the queries find something: {hits}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_searched_follows_every_change_at_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let ada = shop
            .add(&[
                (Field::FirstName, "Ada"),
                (Field::LastName, "Lovelace"),
                (Field::Email, "a@example.com"),
            ])
            .await;
        let card = shop.card_of(ada).await;
        for text in [
            "lovelace ada",
            "LOVE",
            "a@exam",
            &card.to_string(),
            &format!("card-{card}"),
        ] {
            assert_eq!(shop.found(text).await, [ada], "{text}");
        }
        let edit = Edit {
            fields: vec![
                (Field::LastName, "King".into()),
                (Field::Phone, "+4915123456789".into()),
            ],
            answers: None,
        };
        shop.ops
            .edit_customer(shop.merchant, ada, 1, edit, Actor::Gateway)
            .await
            .expect("edited");
        assert_eq!(shop.found("lovelace").await, []);
        for text in ["king", "0151 234", &card.to_string()] {
            assert_eq!(shop.found(text).await, [ada], "{text}");
        }
        let other = Shop::open(shop.ops.store.clone()).await;
        assert_eq!(
            other.found("king").await,
            [],
            "another merchant's people are not found"
        );
    })
    .await;
}
