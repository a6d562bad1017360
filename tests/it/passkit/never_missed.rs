//! Proof that no phone ever misses an update: two dispatchers on PostgreSQL, on connections of their own, whose tags
//! would become visible out of order if anything let them, and a phone that asks all the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use passgate::domain::card::Card;
use passgate::store::Store;
use tokio::sync::watch;

use super::shop::{Shop, announce};
use crate::postgres;

const CHANGES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn no_serial_is_ever_missed_however_late_a_writer_commits() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let open = async || Store::open(&url, 4).await.expect("the store opens");
    let shop = Arc::new(Shop::open(open().await).await);
    let (late, prompt) = (shop.issue().await, shop.issue().await);
    for card in [&late, &prompt] {
        shop.register("d1", card, "aa").await;
    }
    let phone = Arc::new(Mutex::new(Phone::default()));
    let (asked, heard) = watch::channel(0_u64);

    // Announces while the other commits tags of its own, and commits only after the phone has asked twice. Then
    // the phone has two chances to hear of it.
    let slow = tokio::spawn({
        let (shop, store, card) = (Arc::clone(&shop), open().await, late.clone());
        let (phone, mut heard) = (Arc::clone(&phone), heard.clone());
        async move {
            for _ in 0..CHANGES {
                let before = shop.card(card.id).await.tag;
                shop.change(card.id).await;
                announce(&store, shop.ops.clock.now(), Some(heard.clone())).await;
                // The other dispatcher may have taken this card's row and not committed yet. A push leaves after
                // the commit, so what the phone asked before that does not count.
                while shop.card(card.id).await.tag == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let enough = *heard.borrow() + 2;
                heard
                    .wait_for(|count| *count >= enough)
                    .await
                    .expect("the phone asks to the end");
                let newest = shop.card(card.id).await.version;
                assert_eq!(known(&phone, &card), Some(newest), "missed");
            }
        }
    });
    let quick = tokio::spawn({
        let (shop, store, card, mut heard) = (Arc::clone(&shop), open().await, prompt.clone(), heard);
        async move {
            // Ends when the phone stops asking.
            while heard.changed().await.is_ok() {
                shop.change(card.id).await;
                announce(&store, shop.ops.clock.now(), None).await;
            }
        }
    });
    let cards = [late, prompt];
    let asking = async {
        while !slow.is_finished() {
            ask(&shop, &cards, &phone).await;
            asked.send_modify(|count| *count += 1);
        }
        drop(asked);
        slow.await.expect("the slow writer");
        quick.await.expect("the quick writer");
        ask(&shop, &cards, &phone).await;
    };
    tokio::time::timeout(Duration::from_secs(120), asking)
        .await
        .expect("nobody waits for ever");
    for card in &cards {
        let newest = shop.card(card.id).await.version;
        assert!(newest > 1);
        assert_eq!(known(&phone, card), Some(newest), "missed");
    }
}

/// What a phone knows: a tag, and the version of each card as it was when the list named it.
#[derive(Default)]
struct Phone {
    tag: Option<String>,
    versions: BTreeMap<i64, i64>,
}

fn known(phone: &Mutex<Phone>, card: &Card) -> Option<i64> {
    phone.lock().expect("sound").versions.get(&card.id.0).copied()
}

async fn ask(shop: &Shop, cards: &[Card], phone: &Mutex<Phone>) {
    let since = phone.lock().expect("sound").tag.clone();
    let Some((named, tag)) = shop.list("d1", since.as_deref()).await else {
        return;
    };
    let number = |tag: &str| tag.parse::<i64>().expect("a number");
    assert!(
        since.as_deref().map_or(-1, number) <= number(&tag),
        "tags only grow"
    );
    for serial_number in named {
        let card = cards
            .iter()
            .find(|card| card.serial_number.as_str() == serial_number)
            .expect("ours");
        let version = shop.card(card.id).await.version;
        phone.lock().expect("sound").versions.insert(card.id.0, version);
    }
    phone.lock().expect("sound").tag = Some(tag);
}
