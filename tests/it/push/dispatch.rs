//! The dispatcher on both engines: every outcome leaves the outbox, the registrations and the timeline as it must.

use std::time::Duration;

use passgate::config;
use passgate::domain::id::{CardId, MerchantId};
use passgate::push::dispatcher::Settings;
use passgate::sim::apns::Answer;
use passgate::store::Change;

use super::support::token;
use super::world::{World, settings, until};
use crate::engines::{for_each_engine, sqlite};

fn line(card: i64, kind: &str, reason: &str, chained: bool) -> (i64, String, Option<String>, bool) {
    (card, kind.into(), Some(reason.into()), chained)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_pushed_tagged_and_recorded() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 3).await;
        let mut changes = world.store.subscribe();
        let running = world.dispatch(settings());
        world.enqueue([1, 2]).await;
        world.until_empty().await;

        assert_eq!([1, 2, 3].map(|device| world.accepted(device)), [1, 1, 0]);
        let mut events = world.events().await;
        events.sort();
        assert_eq!(
            events,
            [
                line(1, "push_sent", "apple", false),
                line(2, "push_sent", "apple", false)
            ]
        );
        let tags: Vec<(i64, Option<i64>)> =
            world.all("select card_id, tag from cards order by card_id").await;
        assert!(
            tags[0].1 >= Some(1) && tags[1].1 >= Some(1) && tags[2].1.is_none(),
            "{tags:?}"
        );
        let last: Vec<(i64,)> = world.all("select value from tags").await;
        assert_eq!(
            Some(last[0].0),
            tags[0].1.max(tags[1].1),
            "the counter is the newest tag"
        );

        let mut cards = Vec::new();
        while cards.len() < 2 {
            let change = tokio::time::timeout(super::support::PATIENCE, changes.recv()).await;
            if let Change::Card(merchant, card) = change.expect("in time").expect("told") {
                cards.push((merchant, card));
            }
        }
        cards.sort();
        assert_eq!(cards, [1, 2].map(|card| (MerchantId(1), CardId(card))));

        // The next push of a card is chained to the one before.
        world.enqueue([1]).await;
        world.until_empty().await;
        assert_eq!(
            world.events().await.last(),
            Some(&line(1, "push_sent", "apple", true))
        );
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_cards_of_one_device_are_one_push() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 5).await;
    for card in 1..=5 {
        world.register(card, 77, world.clock.now()).await;
    }
    world.enqueue(1..=5).await;
    let running = world.dispatch(settings());
    world.until_empty().await;
    assert_eq!(world.accepted(77), 1);
    assert_eq!((1..=5).map(|device| world.accepted(device)).sum::<usize>(), 5);
    assert_eq!(world.events().await.len(), 5);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_goes_unless_its_device_came_back() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 3).await;
        let now = world.clock.now();
        let before = now.minus(Duration::from_secs(3600));
        // Dead for an hour, but registered since; dead after it registered; and a second device that lives.
        world
            .apple
            .fake
            .always(token(1).as_str(), Answer::unregistered(before));
        let after = now.plus(Duration::from_secs(1));
        world
            .apple
            .fake
            .always(token(2).as_str(), Answer::unregistered(after));
        world
            .apple
            .fake
            .always(token(3).as_str(), Answer::unregistered(after));
        world.register(3, 30, now).await;
        world.enqueue([1, 2, 3]).await;
        let running = world.dispatch(settings());
        world.until_empty().await;

        let left: Vec<(i64, String)> = world
            .all("select card_id, push_token from registrations order by card_id, push_token")
            .await;
        assert_eq!(left, [(1, token(1).to_string()), (3, token(30).to_string())]);
        let cards: Vec<(i64, String, i64)> = world
            .all("select card_id, status, channels from cards order by card_id")
            .await;
        let expected = [(1, "installed", 1), (2, "removed", 0), (3, "installed", 1)];
        assert_eq!(
            cards,
            expected.map(|(card, status, channels)| (card, status.into(), channels))
        );
        let mut events = world.events().await;
        events.sort();
        assert_eq!(
            events,
            [
                line(1, "push_failed", "apple: Unregistered", false),
                line(2, "card_removed", "apple: Unregistered", false),
                line(3, "push_sent", "apple", false),
            ]
        );
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_wish_and_our_back_off_are_waited_for() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 2).await;
        world
            .apple
            .fake
            .script(token(1).as_str(), [Answer::later(429, "TooManyRequests", 300)]);
        world
            .apple
            .fake
            .script(token(2).as_str(), [Answer::status(500, "InternalServerError")]);
        let running = world.dispatch(settings());
        let start = world.clock.now();
        world.enqueue([1, 2]).await;
        until("both are put off", async || {
            let rows = world.pushes().await;
            rows.iter()
                .all(|(_, due, attempts, lease)| *due > start.0 && *attempts == 1 && lease.is_none())
        })
        .await;
        let rows = world.pushes().await;
        assert_eq!(rows[0].1, start.plus(Duration::from_secs(300)).0);
        assert!(rows[1].1 <= start.plus(Duration::from_secs(3)).0);

        world.clock.advance(Duration::from_secs(10));
        until("the second is sent", async || world.pushes().await.len() == 1).await;
        assert_eq!([1, 2].map(|device| world.accepted(device)), [0, 1]);
        world.clock.advance(Duration::from_secs(300));
        world.until_empty().await;
        assert_eq!(world.accepted(1), 1);
        assert_eq!(world.events().await.len(), 2, "waiting is no event");
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_reason_is_kept_and_the_row_given_up() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 1).await;
    world
        .apple
        .fake
        .script(token(1).as_str(), [Answer::status(400, "SunSpots")]);
    world.enqueue([1]).await;
    let running = world.dispatch(settings());
    world.until_empty().await;
    assert_eq!(
        world.events().await,
        [line(1, "push_failed", "apple: SunSpots", false)]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_in_the_middle_loses_nothing() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 60).await;
    for (at, end) in [(7, Answer::GoAway), (20, Answer::Reset), (40, Answer::Abort)] {
        world.apple.fake.script(token(at).as_str(), [end]);
    }
    world.enqueue(1..=60).await;
    let running = world.dispatch(settings());
    world.until_empty_over_time().await;
    for device in 1..=60 {
        assert!(world.accepted(device) >= 1, "device {device}");
    }
    let events = world.events().await;
    assert_eq!(events.len(), 60);
    assert!(events.iter().all(|(_, kind, ..)| kind == "push_sent"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_fault_stops_the_sending_and_loses_nothing() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 40).await;
    world
        .apple
        .fake
        .everything(Some(Answer::status(403, "BadCertificate")));
    let running = world.dispatch(Settings {
        concurrency: 4,
        ..settings()
    });
    world.enqueue(1..=40).await;
    until("all rows are put off", async || {
        let now = world.clock.now().0;
        world
            .pushes()
            .await
            .iter()
            .all(|(_, due, _, lease)| *due > now && lease.is_none())
    })
    .await;
    assert_eq!(world.pushes().await.len(), 40);
    assert!(
        world.apple.fake.taken() <= 8,
        "{} were sent",
        world.apple.fake.taken()
    );
    assert!(world.events().await.is_empty());

    world.apple.fake.everything(None);
    world.until_empty_over_time().await;
    for device in 1..=40 {
        assert_eq!(world.accepted(device), 1, "device {device}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_environment_does_not_cost_the_registrations() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 100).await;
    world
        .apple
        .fake
        .everything(Some(Answer::status(400, "BadDeviceToken")));
    world.enqueue(1..=100).await;
    let running = world.dispatch(settings());
    until("what is left is put off", async || {
        let now = world.clock.now().0;
        world
            .pushes()
            .await
            .iter()
            .all(|(_, due, _, lease)| *due > now && lease.is_none())
    })
    .await;
    let left: Vec<(i64,)> = world.all("select count(*) from registrations").await;
    assert_eq!(left[0].0, 100, "none is deleted");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_sending_is_sent_again() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 1).await;
        world
            .apple
            .fake
            .script(token(1).as_str(), [Answer::Slow(Duration::from_millis(500))]);
        let running = world.dispatch(settings());
        world.enqueue([1]).await;
        until("the push is on its way", async || {
            world.pushes().await.iter().any(|(.., lease)| lease.is_some())
        })
        .await;
        world.enqueue([1]).await;
        assert!(
            matches!(world.pushes().await.as_slice(), [(2, _, 1, Some(_))]),
            "still leased"
        );
        world.until_empty().await;
        assert_eq!(world.accepted(1), 2);
        assert_eq!(world.events().await.len(), 2);
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_nodes_rows_are_taken_over_when_their_lease_runs_out() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 10).await;
        world.apple.fake.next(std::iter::repeat_n(Answer::Silence, 10));
        let first = world.dispatch(settings());
        world.enqueue(1..=10).await;
        until("all rows are leased", async || {
            world.pushes().await.iter().all(|(.., lease)| lease.is_some())
        })
        .await;
        let leased = world.pushes().await;
        until("all are sent into silence", async || {
            world.apple.fake.taken() == 10
        })
        .await;
        first.kill().await;

        let second = world.dispatch(settings());
        world.clock.advance(Duration::from_secs(59));
        // A row of its own shows that the second one works, and that it leaves the others alone.
        world.add_cards(11, 1).await;
        world.enqueue([11]).await;
        until("the new row is sent", async || world.accepted(11) == 1).await;
        until("only the leased are left", async || {
            world.pushes().await.len() == 10
        })
        .await;
        assert_eq!(world.pushes().await, leased);

        world.clock.advance(Duration::from_secs(2));
        world.until_empty().await;
        for device in 1..=10 {
            assert_eq!(world.accepted(device), 1, "device {device}");
        }
        second.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_answers_and_gives_the_rest_back() {
    let (store, _folder) = sqlite().await;
    let world = World::new(store).await;
    world.add_cards(1, 2).await;
    world
        .apple
        .fake
        .script(token(1).as_str(), [Answer::Slow(Duration::from_millis(300))]);
    world.apple.fake.script(token(2).as_str(), [Answer::Silence]);
    let client = world.apple.client_with(
        &config::Apns {
            timeout: Duration::from_secs(100),
            ..world.apple.settings()
        },
        &world.apple.authority,
    );
    let running = world.dispatch_through(
        client,
        Settings {
            drain: Duration::from_secs(2),
            ..settings()
        },
    );
    world.enqueue([1, 2]).await;
    until("both are on their way", async || {
        world.pushes().await.iter().all(|(.., lease)| lease.is_some())
    })
    .await;
    running.stop().await;
    assert_eq!(world.accepted(1), 1);
    let now = world.clock.now().0;
    assert_eq!(
        world.pushes().await,
        [(1, now, 0, None)],
        "one row, due now, no attempt counted"
    );

    let next = world.dispatch(settings());
    world.until_empty().await;
    assert_eq!(world.accepted(2), 1);
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_the_work_and_send_nothing_twice() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 300).await;
        let nodes = [world.dispatch(settings()), world.dispatch(settings())];
        world.enqueue(1..=300).await;
        world.until_empty().await;
        for device in 1..=300 {
            assert_eq!(world.accepted(device), 1, "device {device}");
        }
        let sent: Vec<(i64, i64)> = world
            .all("select count(*), count(distinct card_id) from events where kind = 'push_sent'")
            .await;
        assert_eq!(sent, [(300, 300)]);
        for node in nodes {
            node.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taps_and_dispatchers_do_not_get_in_each_others_way() {
    for_each_engine(async |store| {
        let world = World::new(store).await;
        world.add_cards(1, 10).await;
        let nodes = [world.dispatch(settings()), world.dispatch(settings())];
        let world = &world;
        let taps = (1..=10).map(async |card| {
            for _ in 0..20 {
                world.enqueue([card]).await;
            }
        });
        for_all(taps).await;
        world.until_empty().await;
        for device in 1..=10 {
            assert!((1..=20).contains(&world.accepted(device)), "device {device}");
        }
        let broken: Vec<(i64,)> = world
            .all(
                "select count(*) from cards c where c.tag is null or c.last_event_id is null \
                 or c.last_event_id <> (select max(event_id) from events e where e.card_id = c.card_id)",
            )
            .await;
        assert_eq!(broken, [(0,)]);
        for node in nodes {
            node.stop().await;
        }
    })
    .await;
}

/// Runs futures side by side in this task.
async fn for_all(futures: impl IntoIterator<Item = impl Future<Output = ()>>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
