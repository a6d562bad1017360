//! How many copies of a message phones have fetched, and after how long: from when each was let through.

use std::time::Duration;

use passgate::domain::id::{CardId, MessageId};
use passgate::domain::message::{Audience, Fetches};
use passgate::ops::receipts::Receipts;
use passgate::store::Store;
use tokio_util::sync::CancellationToken;

use super::shop::{Person, Shop};
use crate::engines::for_each_engine;
use crate::push::world::until;

const SECOND: Duration = Duration::from_secs(1);

async fn fetches(shop: &Shop, message: MessageId) -> Fetches {
    let shown = shop.ops.show_message(shop.merchant, message).await;
    shown.expect("there").fetches
}

/// A message to everybody, let through now.
async fn sent(shop: &Shop, text: &str) -> MessageId {
    let mut new = shop.offer(Audience::Program(shop.program));
    new.content.text = text.to_owned();
    let message = shop.write(new).await;
    shop.schedule(message.id).await;
    shop.chores().await;
    let running = shop.dispatch();
    shop.settled().await;
    running.stop().await;
    message.id
}

async fn fetched_after(store: Store) {
    let shop = Shop::open(store).await;
    let cards = shop.add_many(4).await;
    shop.add(&Person {
        channels: 2,
        ..Person::default()
    })
    .await;
    let before = shop.ops.clock.now();
    shop.ops.clock.advance(10 * SECOND);
    let first = sent(&shop, "Two for one until Friday").await;
    let let_through = shop.ops.clock.now();
    let (waited, stop) = (|_| {}, CancellationToken::new());
    let receipts = Receipts::start(&shop.ops, waited, stop.clone());
    let fetch = |card: CardId, at| receipts.fetched(shop.merchant, card, at);

    // Somebody came before it was there, somebody after two seconds and once more, somebody after a minute.
    fetch(cards[0], before);
    fetch(cards[1], let_through.plus(2 * SECOND));
    until("one is noted", async || fetches(&shop, first).await.count() == 1).await;
    fetch(cards[1], let_through.plus(30 * SECOND));
    fetch(cards[2], let_through.plus(61 * SECOND));
    until("two are noted", async || fetches(&shop, first).await.count() == 2).await;
    let found = fetches(&shop, first).await;
    assert_eq!(
        (found.median(), found.p95()),
        (Some(2 * SECOND), Some(61 * SECOND))
    );

    // A later message takes the place of one that nobody has fetched: that one never will be.
    shop.ops.clock.advance(3600 * SECOND);
    let second = sent(&shop, "Three for one on Saturday").await;
    let let_through = shop.ops.clock.now();
    fetch(cards[3], let_through.plus(SECOND));
    until("the second is noted", async || {
        fetches(&shop, second).await.count() == 1
    })
    .await;
    assert_eq!(fetches(&shop, first).await.count(), 2);
    let listed = shop.ops.recipients(shop.merchant, first, None, None, 50).await;
    let listed: Vec<CardId> = listed
        .expect("listed")
        .recipients
        .into_iter()
        .filter(|recipient| recipient.fetched_at.is_some())
        .map(|recipient| recipient.card)
        .collect();
    assert_eq!(listed, [cards[1], cards[2]]);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_how_many_phones_have_it_and_after_how_long() {
    for_each_engine(fetched_after).await;
}
