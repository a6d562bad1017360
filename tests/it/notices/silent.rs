//! A push service that takes connections and never says a word: asked ever more rarely, and given up in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::address::{Destination, Subscription};
use passgate::domain::card::Card;
use passgate::domain::delivery::Channel;
use passgate::domain::event::EventKind;
use passgate::domain::program::Rules;
use passgate::domain::silence::FEWEST;
use passgate::domain::time::{DAY, Timestamp};
use passgate::ops::addresses::Listener;
use passgate::sim::web_push::{FakePushService, SimBrowser};
use passgate::store::{Error, Value};
use passgate::web_push::WebPush;
use passgate::web_push::vapid::VapidKey;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::dispatch::{Running, until};
use crate::coupons::shop::{NOON, Shop};
use crate::engines::for_each_engine;

/// Listens, takes every connection, and keeps it without a word.
struct Silent {
    endpoint: String,
    asked: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                kept.push(connection);
            }
        });
        Self {
            endpoint: format!("https://{address}/push/nobody"),
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// The subscription of `browser`, at another endpoint.
fn at(browser: &SimBrowser, endpoint: &str) -> Listener {
    let json = browser.to_json();
    let text = |name: &str| json["keys"][name].as_str().expect("a key").to_owned();
    let subscription = Subscription::parse(endpoint, &text("p256dh"), &text("auth"));
    Listener {
        destination: Destination::Browser(subscription.expect("valid")),
        sender_key: None,
        expires_at: None,
        replaces: None,
    }
}

/// The card's row of this channel: attempts, when it is due, and whether it is claimed.
async fn row(shop: &Shop, card: &Card) -> Option<(i64, Timestamp, bool)> {
    let key: Vec<Value> = vec![card.merchant.into(), card.id.into()];
    let read = shop.ops.store.read("row", move |tx| {
        let key = key.clone();
        Box::pin(async move {
            let sql = "select attempts, due_at, case when lease is null then 0 else 1 end from pushes \
                 where merchant_id = $1 and card_id = $2 and channel = 'web_push'";
            tx.opt(sql, &key).await
        })
    });
    let row: Result<Option<(i64, Timestamp, i64)>, Error> = read.await;
    let row = row.expect("read");
    row.map(|(attempts, due_at, claimed)| (attempts, due_at, claimed == 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_answers_is_asked_ever_more_rarely_and_then_dropped() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        // Certificates and vouchers are of the real time; the days that pass are the dispatcher's.
        let clock = Clock::System;
        let service = FakePushService::start(clock.clone(), Ids::random())
            .await
            .expect("a push service");
        let silent = Silent::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, service.authority_pem()).expect("written");
        let config = config::WebPush {
            contact: "mailto:cards@corner-cafe.com".into(),
            certificate_authority: Some(authority),
            allow_private_networks: true,
            timeout: Duration::from_millis(300),
            ..config::WebPush::default()
        };
        let key = VapidKey::generate().expect("a key");
        let web_push = WebPush::load(&config, key, clock, Ids::random()).expect("Web Push");

        let program = shop.program(Rules::punch(30).expect("rules")).await;
        let (card, other) = (
            shop.issue(program).await,
            shop.issue_to(program, "Grace Hopper").await,
        );
        let nobody = service.subscribe(web_push.public_key()).expect("a browser");
        let listener = at(&nobody, &silent.endpoint);
        let heard = shop.ops.listen(shop.merchant, card.id, listener).await;
        heard.expect("taken");
        let alive = service.subscribe(web_push.public_key()).expect("a browser");
        let listener = at(&alive, &alive.endpoint());
        let heard = shop.ops.listen(shop.merchant, other.id, listener).await;
        heard.expect("taken");

        let running = Running::start(&shop, Arc::new(web_push.sender()));
        shop.record(shop.capture(1, &card.token, NOON)).await;
        let (mut attempts, mut gaps, mut counter) = (0, Vec::new(), 1);
        loop {
            until("it was tried", async || {
                row(&shop, &card)
                    .await
                    .is_none_or(|(tried, _, claimed)| tried > attempts && !claimed)
            })
            .await;
            let Some((tried, due_at, _)) = row(&shop, &card).await else {
                break;
            };
            attempts = tried;
            assert!(attempts < 40, "it is not asked for ever");
            let now = shop.ops.clock.now();
            gaps.push(due_at.since(now));
            shop.ops.clock.advance(due_at.since(now));
            // Others are told meanwhile: the network is there.
            counter += 1;
            let shown = alive.shown().len();
            shop.record(shop.capture(counter, &other.token, shop.ops.clock.now()))
                .await;
            // A busy machine may keep it waiting, and then it is tried again later.
            until("the other browser was told", async || {
                let is_told = alive.shown().len() > shown;
                if !is_told {
                    shop.wait(1);
                }
                is_told
            })
            .await;
        }
        running.stop().await;

        assert!(attempts >= FEWEST, "{attempts}");
        let asked = silent.asked.load(Ordering::Relaxed);
        assert!(asked < 45, "asked {asked} times");
        let longest = gaps.iter().max().expect("some");
        assert!(*longest > DAY / 8 && *longest <= DAY * 5 / 4, "{gaps:?}");
        // Each is spread over up to a quarter more; what the test itself waits is nothing beside hours.
        gaps.retain(|gap| *gap > DAY / 24);
        assert!(gaps.windows(2).all(|two| two[1] * 2 >= two[0]), "{gaps:?}");
        assert!(
            shop.ops.clock.now().since(NOON) >= DAY * 3,
            "not before days of silence"
        );
        assert_eq!(super::listening(&shop, card.id).await, []);
        assert_eq!(super::listening(&shop, other.id).await.len(), 1);
        let after = shop.card(card.id).await.card;
        assert!(!after.channels.contains(Channel::WebPush));
        let events = shop.history(card.id).await;
        let removed = events
            .iter()
            .find(|event| event.event.kind == EventKind::CardRemoved);
        let reason = removed
            .and_then(|event| event.event.reason.clone())
            .unwrap_or_default();
        assert!(reason.starts_with("web_push: no answer from"), "{reason}");
        assert!(reason.contains("silent for"), "{reason}");
    })
    .await;
}
