//! Messages on both engines: written, confirmed, sent once to whom they are for, held, and shown as what became of them.

mod control;
mod counts;
mod crash;
mod fetched;
mod forecast;
mod languages;
mod life;
mod links;
mod shop;
mod timeline;

use passgate::domain::id::MessageId;
use passgate::domain::message::{Audience, State};
use passgate::ops::Ops;
use passgate::store::Store;

use crate::postgres;
use shop::{Person, Shop};

/// What must hold after a message to all cards of the program: each of `cards` cards has one recipient.
async fn check_once(shop: &Shop, id: MessageId, cards: i64) {
    let message = shop.message(id).await;
    assert!(message.is_expanded());
    assert_eq!(message.recipients, cards);
    let counted: Vec<(i64, i64)> = shop
        .all(
            "select count(*), count(distinct card_id) from push_messages where merchant_id = $1 and message_id = $2",
            crate::engines::values![shop.merchant, id].to_vec(),
        )
        .await;
    assert_eq!(counted, [(cards, cards)]);
    let marked: Vec<(i64,)> = shop
        .all("select count(*) from pushes where wants <> 0", Vec::new())
        .await;
    assert_eq!(
        marked,
        [(cards,)],
        "each card's row in the outbox says that something waits"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_once_write_every_recipient_down_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut urls = vec![crate::engines::sqlite_url(&folder)];
    urls.extend(postgres::migrated_database().await);
    for url in urls {
        let store = Store::open(&url, 8).await.expect("the store opens");
        store.migrate().await.expect("the schema is made");
        let shop = Shop::open(store).await;
        shop.add_many(450).await;
        let other = Ops {
            store: Store::open(&url, 8).await.expect("the store opens"),
            ..shop.ops.clone()
        };
        let message = shop.send(Audience::Program(shop.program)).await;
        let work = |ops: Ops| {
            let (merchant, id) = (shop.merchant, message.id);
            tokio::spawn(async move {
                let is_written = async || {
                    let message = ops.message(merchant, id).await.expect("there");
                    message.state == State::Running && message.is_expanded()
                };
                while !is_written().await {
                    ops.do_chores_named(&["send_messages"]).await.expect("chores");
                }
            })
        };
        let nodes = [
            work(shop.ops.clone()),
            work(other.clone()),
            work(shop.ops.clone()),
            work(other),
        ];
        for node in nodes {
            node.await.expect("no panic");
        }
        check_once(&shop, message.id, 450).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_whom_it_is_for_and_nobody_else() {
    crate::engines::for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let cards = shop.add_many(3).await;
        let nowhere = Person {
            channels: 0,
            status: "pending",
            ..Person::default()
        };
        let nowhere = shop.add(&nowhere).await;
        let running = shop.dispatch();
        let message = shop.send(Audience::Cards(vec![cards[1], nowhere])).await;
        shop.chores().await;
        shop.settled().await;
        let fate = |card, state: &str, rule: Option<&str>| {
            (
                card,
                "apple".to_owned(),
                state.to_owned(),
                rule.map(str::to_owned),
            )
        };
        assert_eq!(
            shop.recipients(message.id).await,
            [
                fate(cards[1], "accepted", None),
                fate(nowhere, "suppressed", Some("not_installed"))
            ]
        );
        shop.ops.clock.advance(std::time::Duration::from_secs(6));
        shop.chores().await;
        assert_eq!(shop.message(message.id).await.state, State::Done);
        running.stop().await;
    })
    .await;
}
