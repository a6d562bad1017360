//! The budget of pushes where it counts: in claims of real dispatchers on both engines, over crashes and several nodes.

mod passes;
mod policies;
mod shop;

use std::collections::BTreeMap;
use std::time::Duration;

use passgate::domain::delivery::Channel;
use passgate::domain::event::{Actor, Source};
use passgate::domain::id::{MemberId, MessageId};
use passgate::domain::preference::Class;
use passgate::sim::apns::Answer;
use passgate::store::alerts::{self, Stopped};
use passgate::store::intents::{self, TextState};
use passgate::store::{Error, Store};

use crate::engines::for_each_engine;
use crate::postgres;
use crate::push::support::token;
use crate::push::world::{settings, until};
use shop::{LOOSE, Shop};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// At most one alert of marketing in any day, and two in all, whoever decides.
async fn never_more_than_the_window(shop: &Shop, most: usize) {
    let mut of_card = BTreeMap::new();
    for (card, class, at, _) in shop.alerts().await {
        of_card.entry(card).or_insert_with(Vec::new).push((at, class));
    }
    for (card, rang) in of_card {
        for (start, _) in &rang {
            let within: Vec<_> = rang
                .iter()
                .filter(|(at, _)| at >= start && at.since(*start) < DAY)
                .collect();
            let others = within.iter().filter(|(_, class)| class != "reward").count();
            assert!(within.len() <= most && others < most, "card {card}: {within:?}");
        }
    }
}

async fn on_two_nodes(first: Store, second: Store) {
    let shop = Shop::open(first, LOOSE).await;
    let mut cards = Vec::new();
    for phone in 1..=12 {
        cards.push(shop.issue(phone).await);
    }
    let other = crate::push::world::World {
        apple: crate::push::support::Apple::start().await,
        store: second,
        clock: shop.ops.clock.clone(),
    };
    let nodes = [
        shop.world.dispatch(settings()),
        shop.world.dispatch(settings()),
        other.dispatch(settings()),
    ];
    for number in 1..=3 {
        let text = format!("Offer {number}");
        shop.message(number, &text, Class::Marketing, &cards).await;
    }
    for hour in 1..=80 {
        if hour % 20 == 1 {
            for (place, card) in cards.iter().enumerate() {
                let number = hour * 100 + i64::try_from(place).expect("small");
                shop.tap(*card, number).await;
            }
        }
        shop.pass(HOUR).await;
        never_more_than_the_window(&shop, 2).await;
    }
    // Marketing gives way to the balance four times and is not forgotten.
    shop.pass(4 * DAY).await;
    for _ in 0..5 {
        shop.pass(DAY).await;
        never_more_than_the_window(&shop, 2).await;
    }
    let sent = shop.messages().await;
    assert_eq!(sent.len(), 36);
    assert!(sent.iter().all(|(_, state, ..)| state == "accepted"), "{sent:?}");
    assert!(shop.world.pushes().await.is_empty());
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatchers_at_once_never_exceed_a_window() {
    for_each_engine(async |store| on_two_nodes(store.clone(), store).await).await;
    // Two nodes with connections of their own.
    if let Some(url) = postgres::migrated_database().await {
        let first = Store::open(&url, 8).await.expect("the store opens");
        let second = Store::open(&url, 8).await.expect("the store opens");
        on_two_nodes(first, second).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_no_alert_and_counts_none_twice() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        shop.world.apple.fake.next([Answer::Silence]);
        let first = shop.world.dispatch(settings());
        shop.message(1, "Two for one", Class::Marketing, &[card]).await;
        until("it is on its way", async || shop.world.apple.fake.taken() == 1).await;
        let let_through = shop.alerts().await;
        assert!(matches!(let_through.as_slice(), [(.., true)]), "{let_through:?}");
        first.kill().await;

        // What was reserved still counts: another one waits.
        let second = shop.world.dispatch(settings());
        shop.message(2, "Three for one", Class::Marketing, &[card]).await;
        shop.pass(2 * MINUTE).await;
        assert_eq!(shop.world.accepted(1), 1, "sent again, once");
        let alerts = shop.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(!alerts[0].3);
        assert_eq!(
            alerts[0].2,
            shop.ops.clock.now(),
            "it rang when it was sent again"
        );
        let messages = shop.messages().await;
        assert_eq!(messages[0].1, "accepted");
        assert_eq!(
            (messages[1].1.as_str(), messages[1].2.as_deref()),
            ("waiting", Some("card_cap"))
        );
        let until = messages[1].3.expect("a time");
        assert_eq!(until, alerts[0].2.plus(DAY));

        // To the millisecond.
        let left = until.since(shop.ops.clock.now());
        shop.pass(left - Duration::from_millis(1)).await;
        assert_eq!(shop.alerts().await.len(), 1);
        shop.pass(Duration::from_millis(1)).await;
        assert_eq!(shop.alerts().await.len(), 2);
        assert_eq!(shop.world.accepted(1), 2);
        second.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_reaches_the_card_at_once_and_rings_within_the_budget() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        for number in 1..=3 {
            shop.tap(card, number).await;
            shop.settle().await;
            shop.pass(2 * HOUR).await;
        }
        assert_eq!(shop.world.accepted(1), 3, "every change is pushed");
        let classes: Vec<_> = shop.alerts().await.into_iter().map(|row| row.1).collect();
        assert_eq!(classes, ["balance"], "one place is kept for the reward");
        // What was put off rings a day later, once for both.
        shop.pass(DAY).await;
        assert_eq!(shop.alerts().await.len(), 2);
        assert_eq!(shop.world.accepted(1), 4);
        assert!(shop.world.pushes().await.is_empty());
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_put_off_what_rings_and_nothing_else() {
    for_each_engine(async |store| {
        let quiet = r#"{"quiet": {"from": "11:00", "to": "15:00"}, "gap_minutes": 1}"#;
        let shop = Shop::open(store, quiet).await;
        let card = shop.issue(1).await;
        let node = shop.world.dispatch(settings());
        shop.message(1, "Two for one", Class::Marketing, &[card]).await;
        shop.settle().await;
        assert_eq!(shop.world.accepted(1), 0, "nothing is sent for what waits");
        shop.tap(card, 1).await;
        shop.settle().await;
        assert_eq!(shop.world.accepted(1), 1, "the change comes silently");
        assert_eq!(shop.alerts().await, []);
        shop.pass(3 * HOUR).await;
        assert_eq!(shop.world.accepted(1), 2);
        let rang: Vec<_> = shop.alerts().await.into_iter().map(|row| row.1).collect();
        assert_eq!(rang, ["balance"]);
        shop.pass(MINUTE).await;
        assert_eq!(shop.messages().await[0].1, "accepted");
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_reached_has_a_reason_and_gets_no_push() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let (agreed, not) = (shop.issue(1).await, shop.issue(2).await);
        let held = shop.read(not).await.card;
        shop.agree(&held, false).await;
        let node = shop.world.dispatch(settings());
        shop.message(1, "Two for one", Class::Marketing, &[agreed, not])
            .await;
        shop.settle().await;
        let of_card: Vec<(i64, String, Option<String>, Option<String>)> = shop
            .world
            .all("select card_id, state, rule, ruling from push_messages order by card_id")
            .await;
        assert_eq!(of_card[0].1, "accepted");
        assert_eq!(
            (of_card[1].1.as_str(), of_card[1].2.as_deref()),
            ("suppressed", Some("no_consent"))
        );
        assert!(
            of_card[1]
                .3
                .as_ref()
                .is_some_and(|json| json.contains("\"consents\":0")),
            "{of_card:?}"
        );
        assert_eq!([1, 2].map(|phone| shop.world.accepted(phone)), [1, 0]);
        assert!(shop.world.pushes().await.is_empty());

        let why = shop
            .ops
            .why(shop.merchant, not)
            .await
            .expect("read")
            .expect("the card");
        let words = why.channels[0].rulings[0].ruling.words(&why.zone);
        assert_eq!(
            words,
            "A marketing message is not sent: the holder has not agreed to this."
        );
        let why = shop
            .ops
            .why(shop.merchant, agreed)
            .await
            .expect("read")
            .expect("the card");
        assert_eq!(why.rang.len(), 1);
        let (class, next) = why.channels[0].next.last().expect("classes");
        assert_eq!(*class, Class::Marketing);
        assert_eq!(next.until(), Some(shop.ops.clock.now().plus(DAY)));
        node.stop().await;
    })
    .await;
}

async fn set_state(shop: &Shop, message: i64, state: TextState) {
    let merchant = shop.merchant;
    let set: Result<bool, Error> = shop
        .ops
        .store
        .write("set_state", move |tx| {
            Box::pin(async move { intents::set_text_state(tx, merchant, MessageId(message), state).await })
        })
        .await;
    assert!(set.expect("set"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_held_and_what_is_called_off_never_rings() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let cards = [shop.issue(1).await, shop.issue(2).await];
        shop.message(1, "Paused", Class::Marketing, &cards[..1]).await;
        shop.message(2, "Called off", Class::Marketing, &cards[1..]).await;
        set_state(&shop, 1, TextState::Paused).await;
        set_state(&shop, 2, TextState::Cancelled).await;
        let node = shop.world.dispatch(settings());
        shop.settle().await;
        let states: Vec<_> = shop
            .messages()
            .await
            .into_iter()
            .map(|(_, state, rule, _)| (state, rule.unwrap_or_default()))
            .collect();
        assert_eq!(
            states,
            [
                ("waiting".to_owned(), "paused".to_owned()),
                ("suppressed".to_owned(), "cancelled".to_owned())
            ]
        );
        assert!(shop.world.pushes().await.is_empty(), "nobody looks at them again");
        assert_eq!([1, 2].map(|phone| shop.world.accepted(phone)), [0, 0]);

        // Going on wakes whoever waits.
        set_state(&shop, 1, TextState::Live).await;
        let (merchant, now) = (shop.merchant, shop.ops.clock.now());
        let woken: Result<usize, Error> = shop
            .ops
            .store
            .write("wake", move |tx| {
                Box::pin(async move {
                    let from = (passgate::domain::id::CardId(0), None);
                    let waiting = intents::waiting_after(tx, (merchant, MessageId(1)), from, 10).await?;
                    let rows: Vec<_> = waiting
                        .iter()
                        .map(|(card, channel)| ((merchant, *card), *channel, now))
                        .collect();
                    passgate::store::outbox::wake(tx, &rows, now).await?;
                    Ok(rows.len())
                })
            })
            .await;
        assert_eq!(woken.expect("woken"), 1);
        shop.settle().await;
        assert_eq!(shop.messages().await[0].1, "accepted");
        assert_eq!(shop.world.accepted(1), 1);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_provider_is_the_messages_fate() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        let refusal = Answer::status(400, "PayloadEmpty");
        shop.world.apple.fake.script(token(1).as_str(), [refusal]);
        let node = shop.world.dispatch(settings());
        shop.message(1, "Two for one", Class::Marketing, &[card]).await;
        shop.settle().await;
        let messages = shop.messages().await;
        assert_eq!(
            (messages[0].1.as_str(), messages[0].2.as_deref()),
            ("failed", Some("apple: PayloadEmpty"))
        );
        assert!(!shop.alerts().await[0].3, "answered");
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_go_by_the_customers_own_clock() {
    for_each_engine(async |store| {
        // Noon in London is evening in Tokyo.
        let quiet = r#"{"quiet": {"from": "20:00", "to": "08:00"}, "gap_minutes": 1}"#;
        let shop = Shop::open(store, quiet).await;
        let cards = [shop.issue(1).await, shop.issue(2).await];
        let held = shop.read(cards[1]).await.card;
        let by = (Actor::Member(MemberId(1)), Source::Console);
        let set = async |zone| {
            shop.ops
                .set_customer_zone(shop.merchant, held.customer, zone, by)
                .await
        };
        assert!(set(Some("Asia/Nowhere")).await.is_err());
        assert!(set(Some("Asia/Tokyo")).await.expect("kept"));
        assert!(!set(Some("Asia/Tokyo")).await.expect("the same"));
        let node = shop.world.dispatch(settings());
        shop.message(1, "Two for one", Class::Marketing, &cards).await;
        shop.settle().await;
        assert_eq!([1, 2].map(|phone| shop.world.accepted(phone)), [1, 0]);
        let waits = shop.messages().await[1].clone();
        assert_eq!(waits.2.as_deref(), Some("quiet_hours"));
        // 08:00 in Tokyo.
        assert_eq!(waits.3, Some(shop.ops.clock.now().plus(11 * HOUR)));
        shop.pass(11 * HOUR).await;
        assert_eq!(shop.world.accepted(2), 1);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pace_gives_each_card_its_own_place() {
    for_each_engine(async |store| {
        let slow = r#"{"pace_per_minute": 1, "quiet": null, "gap_minutes": 1}"#;
        let shop = Shop::open(store, slow).await;
        let mut cards = Vec::new();
        for phone in 1..=4 {
            cards.push(shop.issue(phone).await);
        }
        let nodes = [shop.world.dispatch(settings()), shop.world.dispatch(settings())];
        shop.message(1, "Two for one", Class::Marketing, &cards).await;
        shop.settle().await;
        let start = shop.ops.clock.now();
        let mut places: Vec<_> = shop
            .messages()
            .await
            .into_iter()
            .filter_map(|row| row.3)
            .collect();
        places.sort();
        assert_eq!(places, [1, 2, 3].map(|minutes| start.plus(MINUTE * minutes)));
        for rung in 2..=4 {
            shop.pass(MINUTE).await;
            assert_eq!(shop.alerts().await.len(), rung);
        }
        for node in nodes {
            node.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_word_is_kept_and_what_is_old_is_forgotten() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        let (merchant, until) = (shop.merchant, shop.ops.clock.now().plus(5 * HOUR));
        let stopped: Result<(), Error> = shop
            .ops
            .store
            .write("stop", move |tx| {
                let of = (merchant, Channel::Apple);
                Box::pin(
                    async move { alerts::stop(tx, of, Stopped::Card(card), until, "quotaExceeded").await },
                )
            })
            .await;
        stopped.expect("noted");
        let node = shop.world.dispatch(settings());
        shop.tap(card, 1).await;
        shop.settle().await;
        assert_eq!(shop.world.accepted(1), 1, "silently");
        assert_eq!(shop.alerts().await, []);
        shop.pass(5 * HOUR).await;
        assert_eq!(shop.alerts().await.len(), 1);

        // Windows count for a month at most.
        assert_eq!(
            shop.ops.do_chores_named(&["prune_pushes"]).await.expect("done"),
            0
        );
        shop.ops.clock.advance(33 * DAY);
        assert_eq!(
            shop.ops.do_chores_named(&["prune_pushes"]).await.expect("done"),
            2
        );
        assert_eq!(shop.alerts().await, []);
        shop.ops.clock.advance(60 * DAY);
        assert_eq!(
            shop.ops.do_chores_named(&["prune_pushes"]).await.expect("done"),
            1
        );
        node.stop().await;
    })
    .await;
}

/// A row that only waits until something may ring keeps no silent phone from being told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_phone_is_told_again_while_an_alert_waits() {
    for_each_engine(async |store| {
        let shop = Shop::open(store, LOOSE).await;
        let card = shop.issue(1).await;
        let running = shop.world.dispatch(settings());
        shop.tap(card, 1).await;
        shop.settle().await;
        shop.pass(MINUTE).await;
        shop.tap(card, 2).await;
        shop.settle().await;
        assert_eq!(shop.alerts().await.len(), 1, "the second waits");
        assert_eq!(shop.world.accepted(1), 2);
        assert_eq!(shop.world.pushes().await.len(), 1, "its row stays");
        shop.pass(20 * MINUTE).await;
        let told = shop.ops.do_chores_named(&["tell_silent_again"]).await;
        assert_eq!(told.expect("done"), 1);
        shop.settle().await;
        assert_eq!(shop.world.accepted(1), 3);
        assert_eq!(shop.alerts().await.len(), 1, "that rings nowhere");
        // Of two places in a day, one is kept for a reward.
        shop.pass(DAY).await;
        assert_eq!(shop.alerts().await.len(), 2);
        assert!(shop.world.pushes().await.is_empty());
        running.stop().await;
    })
    .await;
}
