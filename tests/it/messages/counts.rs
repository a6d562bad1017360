//! What became of a message is counted in parts, and is the same however large they are.

use std::collections::BTreeMap;

use passgate::domain::message::Audience;
use passgate::store::Error;
use passgate::store::messages::recipients;

use super::shop::{Person, Shop};
use crate::engines::for_each_engine;

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_any_size_add_up_to_the_same() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        for number in 0..23 {
            let person = Person {
                channels: [1, 3, 15, 2][number % 4],
                consents: if number % 3 == 0 { 0 } else { 7 },
                ..Person::default()
            };
            shop.add(&person).await;
        }
        let running = shop.dispatch();
        let message = shop.send(Audience::Program(shop.program)).await;
        shop.chores().await;
        shop.settled().await;
        running.stop().await;
        let (merchant, id) = (shop.merchant, message.id);
        let counted = async |part: i64| {
            let fates: Result<_, Error> = shop
                .ops
                .store
                .read("counted", move |tx| {
                    Box::pin(async move { recipients::counted_in_parts(tx, merchant, id, part).await })
                })
                .await;
            let mut sums: BTreeMap<(String, Option<String>, bool), i64> = BTreeMap::new();
            for fate in fates.expect("counted") {
                let key = (fate.state, fate.reason, fate.deferred_until.is_some());
                *sums.entry(key).or_default() += fate.count;
            }
            sums
        };
        let whole = counted(1_000_000).await;
        assert!(whole.len() >= 2, "{whole:?}");
        let all = i64::try_from(shop.recipients(id).await.len()).expect("few");
        assert_eq!(whole.values().sum::<i64>(), all);
        for part in [1, 2, 3, 7, 46, 47] {
            assert_eq!(counted(part).await, whole, "{part}");
        }
    })
    .await;
}
