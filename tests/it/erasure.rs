//! Erasing people on both engines: nothing is left that says who they are, and nothing of the ledger is lost.

use std::time::Duration;

use passgate::domain::card::{Card, CardStatus};
use passgate::domain::event::{Event, EventKind, Source};
use passgate::domain::lifecycle::LifecycleRefusal;
use passgate::domain::presentation::Refusal;
use passgate::ops::cards::CardError;
use passgate::ops::erasure::{Erasure, ErasureError, GRACE};
use passgate::store::{Error, Store, events};

use crate::coupons::shop::{NOON, Shop, coupon, punch};
use crate::engines::{for_each_engine, values};
use crate::postgres;

fn wanted(shop: &Shop, card: &Card) -> Erasure {
    Erasure {
        merchant: shop.merchant,
        customer: card.customer,
        actor: shop.staff(),
        source: Source::Console,
    }
}

/// Fills everything in that a customer's row can hold.
async fn fill(shop: &Shop, card: &Card) {
    let sql = "update customers set last_name = 'Lovelace', birthday = 1210, birth_year = 1815, \
         external_id = 'ada@example.com', language = 'en', verified_at = 1 \
         where merchant_id = $1 and customer_id = $2";
    shop.change(sql, values![shop.merchant, card.customer].to_vec())
        .await;
}

/// Where in the whole database a word stands, as `table.column`, in any case.
async fn found(store: &Store, word: &'static str) -> Vec<String> {
    let columns = if store.has_one_writer() {
        "select t.name, c.name from pragma_table_list as t, pragma_table_info(t.name) as c \
         where t.schema = 'main' and t.name not like 'sqlite%' and lower(c.type) = 'text'"
    } else {
        "select cast(table_name as text), cast(column_name as text) from information_schema.columns \
         where table_schema = 'public' and data_type = 'text'"
    };
    let columns: Result<Vec<(String, String)>, Error> =
        store.read("columns", |tx| Box::pin(tx.all(columns, &[]))).await;
    let mut found = Vec::new();
    for (table, column) in columns.expect("the schema is read") {
        let sql = format!("select count(*) from {table} where lower({column}) like $1");
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        let counted: Result<(i64,), Error> = store
            .read("look", |tx| {
                Box::pin(async move { tx.one(sql, &values![format!("%{word}%")]).await })
            })
            .await;
        if counted.expect("counted").0 > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// The person's own timeline, newest first.
async fn timeline(shop: &Shop, card: &Card) -> Vec<Event> {
    let (merchant, customer) = (shop.merchant, card.customer);
    let read: Result<Vec<Event>, Error> = shop
        .ops
        .store
        .read("timeline", move |tx| {
            Box::pin(async move {
                let sql = "select last_event_id from customers where merchant_id = $1 and customer_id = $2";
                let (newest,): (passgate::domain::id::EventId,) =
                    tx.one(sql, &values![merchant, customer]).await?;
                events::history(tx, merchant, newest, 100).await
            })
        })
        .await;
    read.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_says_who_an_erased_person_was_and_the_ledger_is_whole() {
    for_each_engine(async |store| {
        let shop = Shop::open(store.clone()).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        fill(&shop, &card).await;
        let again = passgate::domain::invitation::InvitationKind::CardAgain;
        let invited = shop.ops.invite(shop.merchant, card.id, again, None).await;
        invited.expect("a letter waits");
        shop.install(card.id).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        shop.pushes(card.id).await;
        let words = ["ada", "lovelace", "4917012"];
        for word in words {
            assert!(!found(&store, word).await.is_empty(), "{word} is there before");
        }
        let before = shop.history(card.id).await;
        let erasure = wanted(&shop, &card);
        let due = shop.ops.erase_customer(erasure.clone(), GRACE).await;
        assert_eq!(due.expect("scheduled"), NOON.plus(GRACE));
        assert_eq!(
            shop.ops
                .do_chores_named(&["erase_customers"])
                .await
                .expect("chores"),
            0,
            "not yet"
        );
        shop.wait(GRACE.as_secs());
        assert_eq!(
            shop.ops
                .do_chores_named(&["erase_customers"])
                .await
                .expect("chores"),
            1
        );
        for word in words {
            assert_eq!(found(&store, word).await, [""; 0], "{word}");
        }
        let now = shop.card(card.id).await;
        assert_eq!((now.card.status, now.card.punches), (CardStatus::Void, 1));
        assert!(now.face().void && now.face().holder.is_none());
        assert_eq!(shop.pushes(card.id).await, 1, "the phone hears of it");
        let after = shop.history(card.id).await;
        assert_eq!(after[1..], before, "no row changed, one was added");
        assert_eq!(after[0].event.kind, EventKind::CardVoided);
        shop.check(card.id).await;
        let timeline = timeline(&shop, &card).await;
        assert_eq!(timeline[0].event.kind, EventKind::CustomerErased);
        assert_eq!(timeline[0].event.actor, shop.staff());
        let tap = shop
            .record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(31))))
            .await;
        assert_eq!(tap.refusal, Some(Refusal::CardVoid));
        let back = shop.ops.restore(shop.merchant, card.id, shop.staff()).await;
        assert!(matches!(
            back,
            Err(CardError::Lifecycle(LifecycleRefusal::CustomerErased))
        ));
        let again = shop.ops.erase_customer(erasure, GRACE).await;
        assert!(matches!(again, Err(ErasureError::AlreadyErased)));
        let kept = shop.ops.keep_customer(shop.merchant, card.customer).await;
        assert!(!kept.expect("answered"), "it is too late");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_taken_back_within_its_grace() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(punch(5)).await;
        let card = shop.issue(program).await;
        let erasure = wanted(&shop, &card);
        let first = shop.ops.erase_customer(erasure.clone(), GRACE).await;
        shop.wait(10);
        let second = shop.ops.erase_customer(erasure.clone(), Duration::ZERO).await;
        assert_eq!(second.expect("asked"), first.expect("asked"), "it keeps its time");
        let kept = shop.ops.keep_customer(shop.merchant, card.customer).await;
        assert!(kept.expect("kept"));
        shop.wait(60);
        assert_eq!(
            shop.ops
                .do_chores_named(&["erase_customers"])
                .await
                .expect("chores"),
            0
        );
        let now = shop.card(card.id).await;
        assert_eq!(now.holder.as_deref(), Some("Ada Lovelace"));
        assert_eq!(now.card.status, CardStatus::Pending);
        let nobody = Erasure {
            customer: passgate::domain::id::CustomerId(5),
            ..erasure
        };
        let refused = shop.ops.erase_customer(nobody, GRACE).await;
        assert!(matches!(refused, Err(ErasureError::NotFound)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_goes_from_cards_that_ended_before_and_no_conversion_revives_one() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let linked = shop.program(punch(5)).await;
        let program = shop.program(coupon(Some((linked, false)))).await;
        shop.archive(linked, Some(NOON)).await;
        let card = shop.issue(program).await;
        shop.install(card.id).await;
        shop.record(shop.capture(1, &card.token, NOON)).await;
        shop.ops
            .void(shop.merchant, card.id, shop.staff())
            .await
            .expect("ended");
        shop.pushes(card.id).await;
        let version = shop.card(card.id).await.card.version;
        shop.ops
            .erase_customer(wanted(&shop, &card), Duration::ZERO)
            .await
            .expect("asked");
        shop.archive(linked, None).await;
        shop.wait(7200);
        shop.ops
            .do_chores_named(&["erase_customers"])
            .await
            .expect("chores");
        shop.wait(7200);
        assert_eq!(
            shop.ops
                .do_chores_named(&["erase_customers"])
                .await
                .expect("chores"),
            0
        );
        let now = shop.card(card.id).await;
        assert_eq!((now.card.program, now.holder.clone()), (program, None));
        assert!(now.card.version > version, "the pass is another one");
        assert_eq!(shop.pushes(card.id).await, 1);
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_erase_a_person_once() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let first = Shop::open(Store::open(&url, 4).await.expect("the store opens")).await;
    let second = first.on(Store::open(&url, 4).await.expect("the store opens"));
    let program = first.program(punch(5)).await;
    let mut cards = Vec::new();
    for number in 0..30 {
        let card = first.issue_to(program, &format!("Person {number}")).await;
        let asked = first.ops.erase_customer(wanted(&first, &card), Duration::ZERO);
        asked.await.expect("asked");
        cards.push(card);
    }
    let (one, other) = tokio::join!(
        first.ops.do_chores_named(&["erase_customers"]),
        second.ops.do_chores_named(&["erase_customers"])
    );
    assert_eq!(one.expect("chores") + other.expect("chores"), 30);
    for card in cards {
        assert_eq!(timeline(&first, &card).await.len(), 1);
        let kinds = first.kinds(card.id).await;
        assert_eq!(kinds, [EventKind::CardIssued, EventKind::CardVoided]);
    }
}
