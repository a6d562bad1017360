//! A forecast and its outcome are the same when nothing changed in between: over audiences of all kinds of holders, with
//! what rang on their cards before.

use std::time::Duration;

use passgate::domain::message::Audience;
use passgate::domain::message::forecast::Tally;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::shop::{Person, Shop};
use crate::engines::{for_each_engine, values};

fn person() -> impl Strategy<Value = Person> {
    let alert = (
        1..12_000_i64,
        prop::sample::select(vec!["marketing", "balance", "reward", "tier"]),
    );
    (
        0..4_i64,
        prop::sample::select(vec![
            "installed",
            "installed",
            "installed",
            "pending",
            "removed",
            "void",
        ]),
        prop::option::weighted(0.2, -3..300_i64),
        (0..32_i64, 0..8_i64, any::<[bool; 2]>()),
        prop::option::of(prop::sample::select(vec![
            "Asia/Tokyo",
            "America/Lima",
            "Europe/Berlin",
        ])),
        prop::collection::vec(alert, 0..5),
    )
        .prop_map(
            |(channels, status, expires_in, (paused, consents, usual), zone, alerts)| Person {
                channels,
                status,
                expires_in,
                paused: if usual[0] { 0 } else { paused },
                consents: if usual[1] { 7 } else { consents },
                zone,
                alerts,
            },
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_is_what_was_forecast() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let audiences: Vec<Vec<Person>> = (0..3)
        .map(|_| {
            let tree = prop::collection::vec(person(), 60).new_tree(&mut runner);
            tree.expect("generated").current()
        })
        .collect();
    for (round, people) in audiences.into_iter().enumerate() {
        let people = &people;
        for_each_engine(async |store| {
            let shop = Shop::open(store).await;
            if round == 2 {
                // A pace, which hands out places one after the other.
                shop.exec(
                    "insert into push_policies (merchant_id, program_id, channel, policy, version, changed_at) \
                     values ($1, 0, 'apple', '{\"pace_per_minute\": 2}', 1, 0)",
                    values![shop.merchant].to_vec(),
                )
                .await;
            }
            for person in people {
                shop.add(person).await;
            }
            // At four in the afternoon in Berlin it is night in Tokyo.
            let message = shop.write(shop.offer(Audience::Program(shop.program))).await;
            let forecast = shop
                .ops
                .forecast_message(shop.merchant, None, message.id)
                .await
                .expect("forecast")
                .tally;
            let kinds = [forecast.sent, forecast.deferred, forecast.suppressed()];
            assert!(kinds.iter().all(|kind| *kind > 0), "{forecast:?}");
            let again = shop.ops.forecast_message(shop.merchant, None, message.id).await;
            assert_eq!(again.expect("forecast").tally, forecast, "forecasting changes nothing");

            shop.schedule(message.id).await;
            let running = shop.dispatch();
            shop.chores().await;
            shop.settled().await;
            let first = shop.outcome(message.id).await.first;
            assert_eq!(first, forecast);

            // Days later everybody has been told or not; what was decided at first stays.
            for _ in 0..30 {
                shop.ops.clock.advance(Duration::from_secs(12 * 3600));
                shop.settled().await;
            }
            shop.chores().await;
            let shown = shop.ops.show_message(shop.merchant, message.id).await.expect("there");
            assert_eq!(shown.forecast.as_ref().map(|kept| &kept.tally), Some(&forecast));
            assert_eq!(shown.outcome.first, forecast);
            assert!(!shown.outcome.states.contains_key("waiting"), "{:?}", shown.outcome);
            assert!(shown.lines().iter().all(|line| line.forecast == Some(line.outcome)));
            running.stop().await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_sent_before_is_forecast_as_the_same_again() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        shop.add_many(2).await;
        let running = shop.dispatch();
        let first = shop.send(Audience::Program(shop.program)).await;
        shop.chores().await;
        shop.settled().await;
        assert_eq!(shop.outcome(first.id).await.first.sent, 2);
        let second = shop.write(shop.offer(Audience::Program(shop.program))).await;
        let forecast = shop.ops.forecast_message(shop.merchant, None, second.id).await;
        let forecast: Tally = forecast.expect("forecast").tally;
        assert_eq!(forecast.suppressed, [("duplicate".to_owned(), 2)].into());
        running.stop().await;
    })
    .await;
}
