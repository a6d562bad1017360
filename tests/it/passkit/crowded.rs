//! A card on more phones than a household has: the one that was not heard of for longest makes room.

use std::collections::BTreeSet;

use passgate::domain::card::Card;
use passgate::ops::devices::MOST;
use passgate::store::Error;

use super::shop::Shop;
use crate::engines::{for_each_engine, values};

async fn registered(shop: &Shop, card: &Card) -> BTreeSet<(String, String)> {
    let key = values![card.merchant, card.id];
    let read = shop.ops.store.read("registered", move |tx| {
        let key = key.clone();
        Box::pin(async move {
            let sql = "select device_library_identifier, push_token from registrations \
                 where merchant_id = $1 and card_id = $2";
            tx.all(sql, &key).await
        })
    });
    let rows: Result<Vec<(String, String)>, Error> = read.await;
    rows.expect("read").into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_heard_of_for_longest_makes_room_and_nobody_else() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let (card, other) = (shop.issue().await, shop.issue().await);
        let second = std::time::Duration::from_secs(1);
        assert_eq!(shop.register("d0", &other, "aa00").await, 201);
        for number in 0..MOST {
            shop.ops.clock.advance(second);
            let (device, token) = (format!("d{number}"), format!("aa{number:02}"));
            assert_eq!(shop.register(&device, &card, &token).await, 201);
        }
        // The first takes a new push token, the second asks, the third does nothing.
        shop.ops.clock.advance(second);
        assert_eq!(shop.register("d0", &card, "bb00").await, 200);
        let now = shop.ops.clock.now();
        let asked: Result<u64, Error> = shop
            .ops
            .store
            .write("asked", move |tx| {
                Box::pin(async move {
                    let sql = "update registrations set asked_at = $1 where device_library_identifier = 'd1'";
                    tx.exec(sql, &values![now]).await
                })
            })
            .await;
        assert_eq!(asked.expect("noted"), 1);
        assert_eq!(registered(&shop, &card).await.len(), 32);

        shop.ops.clock.advance(second);
        assert_eq!(shop.register("new", &card, "cc").await, 201);
        let now = registered(&shop, &card).await;
        let mut expected: BTreeSet<(String, String)> = (3..MOST)
            .map(|number| (format!("d{number}"), format!("aa{number:02}")))
            .collect();
        for (device, token) in [("d0", "bb00"), ("d1", "aa01"), ("new", "cc")] {
            expected.insert((device.into(), token.into()));
        }
        assert_eq!(now, expected);
        assert_eq!(
            registered(&shop, &other).await.len(),
            1,
            "another card's is its own"
        );
        // Registered already: nobody has to go.
        assert_eq!(shop.register("new", &card, "dd").await, 200);
        assert_eq!(registered(&shop, &card).await.len(), 32);
        // Who had to go may come back, and ends what it no longer has without an error.
        assert_eq!(shop.unregister("d2", &card).await, 200);
        assert_eq!(shop.register("d2", &card, "aa02").await, 201);
        let now = registered(&shop, &card).await;
        assert_eq!(now.len(), 32);
        assert!(!now.iter().any(|(device, _)| device == "d3"), "{now:?}");
    })
    .await;
}
