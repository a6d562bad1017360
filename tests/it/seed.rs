//! Seeded customers are ones that could have happened: every card's sums are those of its ledger, on both engines.

use passgate::app::seed::{self, SeedError, Seeding};
use passgate::domain::event::Delta;
use passgate::domain::id::{CardId, EventId, MerchantId};
use passgate::domain::program::Rules;
use passgate::ops::Ops;
use passgate::ops::setup::Place;
use passgate::store::{Error, Store, cards, events};

use crate::business::{self, Business};
use crate::engines::for_each_engine;

const CARDS: &str = "select card_id, last_event_id from cards where merchant_id = $1 order by card_id";

async fn shop(store: Store) -> (Ops, MerchantId) {
    let Business { ops, merchant, .. } =
        business::open(store, "Europe/Berlin", Rules::punch(8).expect("rules")).await;
    let key = ops.draw_station_key();
    let place = Place::New("Market Square".into());
    let added = ops.add_station(merchant, place, "Till 1".into(), &key).await;
    added.expect("a station");
    (ops, merchant)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_seeded_card_agrees_with_its_ledger() {
    for_each_engine(async |store| {
        let (ops, merchant) = shop(store).await;
        let seeding = Seeding {
            merchant,
            customers: 150,
            seed: 4,
        };
        let seeded = seed::run(&ops, seeding, |_| {}).await.expect("seeded");
        assert_eq!(seeded.customers, 150);
        let read: Result<Vec<(CardId, Delta, Delta, usize)>, Error> = ops
            .store
            .read("recount", move |tx| {
                Box::pin(async move {
                    let all: Vec<(CardId, Option<EventId>)> =
                        tx.all(CARDS, &crate::engines::values![merchant]).await?;
                    let mut counted = Vec::new();
                    for (card, newest) in all {
                        let newest = newest.expect("each card was issued");
                        let history = events::history(tx, merchant, newest, 10_000).await?;
                        let sums = history.iter().map(|event| event.event.delta).sum();
                        let of = cards::card(tx, merchant, card).await?.expect("the card");
                        counted.push((card, of.card.sums(), sums, history.len()));
                    }
                    Ok(counted)
                })
            })
            .await;
        let counted = read.expect("read");
        assert_eq!(counted.len(), 150);
        for (card, kept, summed, _) in &counted {
            assert_eq!(kept, summed, "card {card}");
        }
        let events: usize = counted.iter().map(|(.., events)| events).sum();
        assert_eq!(events, seeded.events);
        let all: Delta = counted.iter().map(|(_, kept, ..)| *kept).sum();
        assert!(
            all.visits > 500 && all.redemptions > 20 && all.points > 0 && all.spend > 0,
            "{all:?}"
        );
        let again = seed::run(&ops, seeding, |_| {}).await;
        assert!(matches!(again, Err(SeedError::Used)), "{again:?}");
    })
    .await;
}
