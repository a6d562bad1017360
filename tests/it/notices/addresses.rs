//! Who listens to a card, on both engines.

use std::time::Duration;

use passgate::domain::address::{Destination, Subscription};
use passgate::domain::card::{CardStatus, Channels};
use passgate::domain::delivery::Channel;
use passgate::domain::event::{EventKind, Source};
use passgate::ops::addresses::{ListenError, Listener, Listening, MOST};
use passgate::ops::erasure::Erasure;

use super::{app, listening};
use crate::coupons::shop::{NOON, Shop, coupon};
use crate::engines::for_each_engine;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn browser(number: i64) -> Listener {
    let subscription = Subscription::parse(
        &format!("https://push.example.net/push/{number:04}"),
        // RFC 8291, appendix A.
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    );
    Listener {
        destination: Destination::Browser(subscription.expect("valid")),
        sender_key: Some("ours".into()),
        expires_at: None,
        replaces: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_installed_where_somebody_listens_and_removed_when_nobody_does() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await;
        let (merchant, id) = (shop.merchant, card.id);
        let listen = async |listener| shop.ops.listen(merchant, id, listener).await.expect("taken");
        assert_eq!(listen(browser(1)).await, Listening::New);
        assert_eq!(listen(browser(1)).await, Listening::Again);
        assert_eq!(listen(app(1)).await, Listening::New);
        let now = shop.card(id).await.card;
        assert_eq!(now.status, CardStatus::Installed);
        let both = Channels::NONE.with(Channel::WebPush).with(Channel::Fcm);
        assert_eq!(now.channels, both);
        assert_eq!(
            now.version, card.version,
            "nothing that a holder sees has changed"
        );

        let stop = async |listener: Listener, channel| {
            let key = listener.destination.key();
            let stopped = shop.ops.stop_listening(merchant, id, channel, key).await;
            stopped.expect("answered")
        };
        assert!(stop(browser(1), Channel::WebPush).await);
        assert!(!stop(browser(1), Channel::WebPush).await, "once is enough");
        assert_eq!(
            shop.card(id).await.card.status,
            CardStatus::Installed,
            "the app has it"
        );
        assert!(stop(app(1), Channel::Fcm).await);
        assert_eq!(shop.card(id).await.card.status, CardStatus::Removed);
        assert_eq!(listening(&shop, id).await, []);
        let installs = [EventKind::CardInstalled, EventKind::CardRemoved];
        let mut kinds = shop.kinds(id).await;
        kinds.retain(|kind| installs.contains(kind));
        assert_eq!(kinds, [installs[0], installs[0], installs[1], installs[1]]);
        shop.check(id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_has_few_listeners_and_the_one_not_heard_of_for_longest_goes_first() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await.id;
        for number in 0..MOST {
            shop.ops
                .listen(shop.merchant, card, browser(number))
                .await
                .expect("taken");
            shop.wait(1);
        }
        // The first one speaks again, so the second one is the oldest now.
        shop.ops
            .listen(shop.merchant, card, browser(0))
            .await
            .expect("taken");
        shop.wait(1);
        shop.ops
            .listen(shop.merchant, card, browser(77))
            .await
            .expect("taken");
        let there = listening(&shop, card).await;
        assert_eq!(i64::try_from(there.len()), Ok(MOST));
        let has = |number: i64| {
            let end = format!("/{number:04}");
            there.iter().any(|(_, address, _)| address.ends_with(&end))
        };
        assert!(has(0) && has(77) && !has(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_was_given_another_endpoint_listens_once() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await.id;
        shop.ops
            .listen(shop.merchant, card, browser(1))
            .await
            .expect("taken");
        let renewed = Listener {
            replaces: Some(browser(1).destination.key()),
            ..browser(2)
        };
        shop.ops
            .listen(shop.merchant, card, renewed)
            .await
            .expect("taken");
        let there = listening(&shop, card).await;
        assert_eq!(there.len(), 1);
        assert!(there[0].1.ends_with("/0002"));
        let kinds = shop.kinds(card).await;
        let installs = kinds.iter().filter(|kind| **kind == EventKind::CardInstalled);
        assert_eq!(installs.count(), 1, "it never left");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_nobody_speaks_for_are_forgotten_in_time() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let (idle, alive) = (shop.issue(program).await.id, shop.issue(program).await.id);
        for card in [idle, alive] {
            shop.ops.listen(shop.merchant, card, app(1)).await.expect("taken");
            shop.ops.listen(shop.merchant, card, app(2)).await.expect("taken");
        }
        let short = Listener {
            expires_at: Some(NOON.plus(DAY)),
            ..browser(1)
        };
        shop.ops.listen(shop.merchant, alive, short).await.expect("taken");
        let forget = async || {
            let chore = &["forget_expired_addresses"];
            shop.ops.do_chores_named(chore).await.expect("chores")
        };
        assert_eq!(forget().await, 0);
        shop.wait(200 * DAY.as_secs());
        assert_eq!(forget().await, 1, "the browser's own end");
        shop.ops
            .listen(shop.merchant, alive, app(1))
            .await
            .expect("it has started again");
        shop.wait(70 * DAY.as_secs());
        assert_eq!(forget().await, 3);
        assert_eq!(listening(&shop, idle).await, []);
        assert_eq!(listening(&shop, alive).await.len(), 1);
        let removed = shop.card(idle).await.card;
        assert_eq!(removed.status, CardStatus::Removed);
        assert_eq!(removed.channels, Channels::NONE);
        for card in [idle, alive] {
            shop.check(card).await;
        }
        assert_eq!(forget().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_to_a_card_that_has_ended_or_to_none() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await.id;
        shop.ops
            .void(shop.merchant, card, shop.staff())
            .await
            .expect("ended");
        let refused = shop.ops.listen(shop.merchant, card, browser(1)).await;
        assert!(matches!(refused, Err(ListenError::Ended)));
        let none = passgate::domain::id::CardId(1);
        let refused = shop.ops.listen(shop.merchant, none, browser(1)).await;
        assert!(matches!(refused, Err(ListenError::NoCard)));
        assert_eq!(listening(&shop, card).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_reached_nowhere() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await;
        shop.ops
            .listen(shop.merchant, card.id, browser(1))
            .await
            .expect("taken");
        shop.ops
            .listen(shop.merchant, card.id, app(1))
            .await
            .expect("taken");
        shop.pushes(card.id).await;
        let wanted = Erasure {
            merchant: shop.merchant,
            customer: card.customer,
            actor: shop.staff(),
            source: Source::Console,
        };
        shop.ops
            .erase_customer(wanted, Duration::ZERO)
            .await
            .expect("scheduled");
        let erased = shop.ops.do_chores_named(&["erase_customers"]).await;
        assert_eq!(erased.expect("chores"), 1);
        assert_eq!(listening(&shop, card.id).await, []);
        assert_eq!(shop.card(card.id).await.card.channels, Channels::NONE);
        assert_eq!(shop.pushes(card.id).await, 0, "nobody is told");
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_than_the_subscribers_is_noticed() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(coupon(None)).await;
        let card = shop.issue(program).await.id;
        let noticed = async |name: &str| {
            let asked = shop.ops.any_listens_for_another_key(name.into()).await;
            asked.expect("answered")
        };
        assert!(!noticed("ours").await);
        shop.ops
            .listen(shop.merchant, card, browser(1))
            .await
            .expect("taken");
        assert!(!noticed("ours").await);
        assert!(noticed("another").await);
    })
    .await;
}
