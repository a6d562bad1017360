//! Proof that no phone ever misses an update: two writers on PostgreSQL, on connections of their own, whose tags
//! would become visible out of order if anything let them, and a phone that asks all the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use passgate::domain::card::Card;
use passgate::domain::id::{CardId, MerchantId};
use passgate::store::{Error, Store, tags};
use tokio::sync::watch;

use super::shop::Shop;
use crate::postgres;

const CARDS: usize = 4;
const CHANGES: usize = 25;

/// Announces `card` and keeps the transaction open until the phone has asked twice more: whoever allots a tag
/// meanwhile, and commits at once, must not let the phone run ahead of this one.
async fn tag_slowly(store: &Store, merchant: MerchantId, card: CardId, asked: &watch::Receiver<u64>) {
    let asked = asked.clone();
    let tagged: Result<(), Error> = store
        .write("test_tag_slowly", move |tx| {
            let mut asked = asked.clone();
            Box::pin(async move {
                tags::allot_tags(tx, merchant, &[card]).await?;
                let enough = *asked.borrow() + 2;
                asked
                    .wait_for(|count| *count >= enough)
                    .await
                    .expect("the phone asks to the end");
                Ok(())
            })
        })
        .await;
    tagged.expect("tagged");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_serial_is_ever_missed_however_late_a_writer_commits() {
    let Some(url) = postgres::migrated_database().await else {
        return;
    };
    let open = async || Store::open(&url, 4).await.expect("the store opens");
    let shop = Arc::new(Shop::open(open().await).await);
    let mut cards = Vec::new();
    for _ in 0..CARDS {
        let card = shop.issue().await;
        shop.register("d1", &card, "aa").await;
        cards.push(card);
    }
    let (asked, heard) = watch::channel(0_u64);

    let slow = tokio::spawn({
        let (shop, store, cards, heard) = (Arc::clone(&shop), open().await, cards.clone(), heard.clone());
        async move {
            for turn in 0..CHANGES {
                let card = cards[turn % 2].id;
                shop.change(card).await;
                tag_slowly(&store, shop.merchant, card, &heard).await;
            }
        }
    });
    let quick = tokio::spawn({
        let (shop, cards, mut heard) = (Arc::clone(&shop), cards.clone(), heard);
        async move {
            for turn in 0..CHANGES {
                let card = cards[2 + turn % 2].id;
                shop.change(card).await;
                shop.tag(card).await;
                let _ = heard.changed().await;
            }
        }
    });

    let phone = tokio::spawn({
        let (shop, cards) = (Arc::clone(&shop), cards.clone());
        async move {
            let mut phone = Phone::default();
            while !(slow.is_finished() && quick.is_finished()) {
                phone.ask(&shop, &cards).await;
                asked.send_modify(|count| *count += 1);
            }
            slow.await.expect("the slow writer");
            quick.await.expect("the quick writer");
            phone.ask(&shop, &cards).await;
            phone
        }
    });
    let phone = tokio::time::timeout(Duration::from_secs(120), phone).await;
    let phone = phone.expect("nobody waits for ever").expect("no panic");
    for card in &cards {
        let newest = shop.card(card.id).await.version;
        assert!(newest > 1);
        assert_eq!(
            phone.versions.get(card.serial_number.as_str()),
            Some(&newest),
            "a change was missed"
        );
    }
}

/// What a phone knows: a tag, and the version of each card as it was when the list named it.
#[derive(Default)]
struct Phone {
    tag: Option<String>,
    versions: BTreeMap<String, i64>,
}

impl Phone {
    async fn ask(&mut self, shop: &Shop, cards: &[Card]) {
        let Some((named, tag)) = shop.list("d1", self.tag.as_deref()).await else {
            return;
        };
        let number = |tag: &str| tag.parse::<i64>().expect("a number");
        assert!(
            self.tag.as_deref().map_or(-1, number) <= number(&tag),
            "tags only grow"
        );
        for serial_number in named {
            let card = cards
                .iter()
                .find(|card| card.serial_number.as_str() == serial_number)
                .expect("ours");
            self.versions
                .insert(serial_number, shop.card(card.id).await.version);
        }
        self.tag = Some(tag);
    }
}
