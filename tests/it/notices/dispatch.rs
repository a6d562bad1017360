//! The dispatcher and channels with addresses of our own, on both engines, with a provider that does as it is told.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use passgate::clock::Ids;
use passgate::domain::card::{Card, CardStatus};
use passgate::domain::delivery::{BackOff, Channel, Outcome};
use passgate::domain::event::{Actor, EventKind, Source};
use passgate::domain::link::Addresses;
use passgate::domain::notice::Notice;
use passgate::domain::preference::{Class, Preference};
use passgate::domain::secret::MasterKey;
use passgate::ops::faces::StoredFaces;
use passgate::push::dispatcher::{Dispatcher, Settings};
use passgate::push::{BoxFuture, Delivery, Sender};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, app, listening};
use crate::coupons::shop::{NOON, Shop};
use crate::engines::for_each_engine;
use passgate::domain::program::Rules;

type Answer = Box<dyn Fn(&str, usize) -> Outcome + Send + Sync>;

/// Answers by address and by how often that address was asked.
struct Provider {
    answer: Answer,
    sent: Mutex<HashMap<String, Vec<Notice>>>,
}

impl Provider {
    fn new(answer: impl Fn(&str, usize) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            sent: Mutex::default(),
        })
    }

    fn sent(&self, number: i64) -> Vec<Notice> {
        let address = app(number).destination.address().to_owned();
        self.sent
            .lock()
            .unwrap()
            .get(&address)
            .cloned()
            .unwrap_or_default()
    }
}

impl Sender for Provider {
    fn channel(&self) -> Channel {
        Channel::Fcm
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Delivery::Notice { to, notice } = delivery else {
                panic!("a notice, got {delivery:?}")
            };
            let address = to.destination.address();
            let mut sent = self.sent.lock().unwrap();
            let of = sent.entry(address.to_owned()).or_default();
            let outcome = (self.answer)(address, of.len());
            of.push((**notice).clone());
            outcome
        })
    }
}

pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(shop: &Shop, sender: Arc<dyn Sender>) -> Self {
        let settings = Settings {
            concurrency: 64,
            lease: Duration::from_secs(60),
            poll: Duration::from_millis(20),
            drain: Duration::from_secs(5),
            back_off: BackOff::default(),
        };
        let addresses = Addresses {
            master: MasterKey::from_bytes([9; 32]),
            public_url: "https://cards.example".into(),
        };
        let faces = Arc::new(StoredFaces::new(shop.ops.store.clone(), addresses));
        let (store, clock) = (shop.ops.store.clone(), shop.ops.clock.clone());
        let dispatcher = Dispatcher::new(store, clock, Ids::random(), vec![sender], faces, settings);
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Self { stop, task }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("stops").expect("ends well");
    }
}

pub(super) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, wait).await.is_ok(),
        "never: {what}"
    );
}

async fn waiting(shop: &Shop) -> i64 {
    let read = shop.ops.store.read("waiting", |tx| {
        Box::pin(async move { tx.one("select count(*) from pushes", &[]).await })
    });
    let counted: Result<(i64,), passgate::store::Error> = read.await;
    counted.expect("counted").0
}

async fn listen(shop: &Shop, card: &Card, apps: RangeInclusive<i64>) {
    for number in apps {
        let heard = shop.ops.listen(shop.merchant, card.id, app(number)).await;
        heard.expect("taken");
    }
}

/// The holder does not want to hear of the balance: what changes is shown without a sound.
async fn hush(shop: &Shop, card: &Card) {
    let wish = (Class::Balance, Preference::Paused);
    let by = (Actor::Device, Source::Device);
    shop.ops
        .set_preference(shop.merchant, card.customer, wish, by)
        .await
        .expect("noted");
}

fn retry() -> Outcome {
    Outcome::Retry {
        after: None,
        reason: "busy".into(),
    }
}

fn gone() -> Outcome {
    Outcome::Gone {
        since: Some(NOON),
        reason: "UNREGISTERED".into(),
    }
}

/// What may be our own fault.
fn called_dead() -> Outcome {
    Outcome::Gone {
        since: None,
        reason: "SENDER_ID_MISMATCH".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_told_is_not_told_again_while_others_wait() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let card = shop.issue(program).await;
        hush(&shop, &card).await;
        listen(&shop, &card, 1..=2).await;
        let slow = app(2).destination.address().to_owned();
        let provider = Provider::new(move |address, asked| {
            if address == slow && asked < 3 {
                retry()
            } else {
                Outcome::Accepted
            }
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &card.token, NOON)).await;
        until("the first has been told, the second not yet", async || {
            listening(&shop, card.id)
                .await
                .iter()
                .any(|(.., told)| told.is_some())
        })
        .await;
        until("the outbox is empty", async || {
            shop.wait(5);
            waiting(&shop).await == 0
        })
        .await;
        assert_eq!(provider.sent(1).len(), 1, "once");
        assert_eq!(provider.sent(2).len(), 4, "until it was taken");
        let notice = &provider.sent(2)[3];
        assert!(notice.body.starts_with("1 of 10"), "{}", notice.body);
        assert!(!notice.alert);

        // The next change is for both again.
        let later = shop.ops.clock.now();
        shop.record(shop.capture(2, &card.token, later)).await;
        until("both have it", async || {
            provider.sent(1).len() == 2 && provider.sent(2).len() == 5
        })
        .await;
        until("the outbox is empty", async || waiting(&shop).await == 0).await;
        assert!(
            listening(&shop, card.id)
                .await
                .iter()
                .all(|(.., told)| told.is_none())
        );
        running.stop().await;
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rings_rings_once_at_each_address() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let card = shop.issue(program).await;
        listen(&shop, &card, 1..=2).await;
        let slow = app(2).destination.address().to_owned();
        let provider = Provider::new(move |address, asked| {
            if address == slow && asked < 2 {
                retry()
            } else {
                Outcome::Accepted
            }
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &card.token, NOON)).await;
        until("the outbox is empty", async || {
            shop.wait(5);
            waiting(&shop).await == 0
        })
        .await;
        assert_eq!(provider.sent(1).len(), 1, "once");
        assert_eq!(provider.sent(2).len(), 3, "until it was taken");
        for notice in [provider.sent(1), provider.sent(2)].concat() {
            assert!(notice.alert && notice.body.starts_with("1 of 10"), "{notice:?}");
        }

        // Too soon to ring again: shown without a sound now.
        let later = shop.ops.clock.now();
        shop.record(shop.capture(2, &card.token, later)).await;
        until("both have it", async || {
            provider.sent(1).len() == 2 && provider.sent(2).len() == 4
        })
        .await;
        for number in 1..=2 {
            let last = provider.sent(number).pop().expect("told");
            assert!(!last.alert && last.body.starts_with("2 of 10"), "{last:?}");
        }
        // And with one when the gap is over.
        shop.wait(30 * 60);
        until("both rang", async || {
            provider.sent(1).len() == 3 && provider.sent(2).len() == 5
        })
        .await;
        for number in 1..=2 {
            let last = provider.sent(number).pop().expect("told");
            assert!(last.alert && last.body.starts_with("2 of 10"), "{last:?}");
        }
        until("the outbox is empty", async || waiting(&shop).await == 0).await;
        running.stop().await;
        shop.check(card.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_lets_not_ring_comes_silently_for_a_day() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let card = shop.issue(program).await;
        listen(&shop, &card, 1..=1).await;
        let provider = Provider::new(|_, asked| match asked {
            0 => Outcome::Silenced {
                reason: "quotaExceeded".into(),
            },
            _ => Outcome::Accepted,
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &card.token, NOON)).await;
        until("the outbox is empty", async || waiting(&shop).await == 0).await;

        // The gap of the policy is over by far, the provider's day is not.
        shop.wait(6 * 3600);
        let evening = shop.ops.clock.now();
        shop.record(shop.capture(2, &card.token, evening)).await;
        until("it is shown", async || provider.sent(1).len() == 2).await;
        let shown = provider.sent(1).pop().expect("shown");
        assert!(!shown.alert && shown.body.starts_with("2 of 10"), "{shown:?}");
        shop.wait(18 * 3600);
        until("it rings", async || provider.sent(1).len() == 3).await;
        let rang = provider.sent(1).pop().expect("rang");
        assert!(rang.alert && rang.body.starts_with("2 of 10"), "{rang:?}");
        until("the outbox is empty", async || waiting(&shop).await == 0).await;
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_meanwhile_is_told_to_whoever_was_told_before() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let card = shop.issue(program).await;
        hush(&shop, &card).await;
        listen(&shop, &card, 1..=2).await;
        let slow = app(2).destination.address().to_owned();
        let provider = Provider::new(move |address, asked| {
            if address == slow && asked < 1 {
                retry()
            } else {
                Outcome::Accepted
            }
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &card.token, NOON)).await;
        until("the first has been told", async || {
            listening(&shop, card.id)
                .await
                .iter()
                .any(|(.., told)| told.is_some())
        })
        .await;
        shop.record(shop.capture(2, &card.token, NOON.plus(Duration::from_secs(1))))
            .await;
        until("the outbox is empty", async || {
            shop.wait(5);
            waiting(&shop).await == 0
        })
        .await;
        for number in 1..=2 {
            let last = provider.sent(number).pop().expect("told");
            assert!(last.body.starts_with("2 of 10"), "{}", last.body);
        }
        assert_eq!(provider.sent(1).len(), 2);
        running.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_addresses_go_and_with_the_last_one_the_channel() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let (one, both) = (shop.issue(program).await, shop.issue_to(program, "Grace").await);
        hush(&shop, &one).await;
        hush(&shop, &both).await;
        shop.ops
            .listen(shop.merchant, one.id, app(1))
            .await
            .expect("taken");
        shop.ops
            .listen(shop.merchant, one.id, app(2))
            .await
            .expect("taken");
        shop.ops
            .listen(shop.merchant, both.id, app(1))
            .await
            .expect("taken");
        let dead = app(1).destination.address().to_owned();
        let provider = Provider::new(move |address, _| {
            if address == dead {
                gone()
            } else {
                Outcome::Accepted
            }
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &one.token, NOON)).await;
        shop.record(shop.capture(2, &both.token, NOON)).await;
        until("the outbox is empty", async || waiting(&shop).await == 0).await;
        running.stop().await;
        let left = listening(&shop, one.id).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].1, app(2).destination.address());
        assert_eq!(listening(&shop, both.id).await, []);
        assert_eq!(shop.card(one.id).await.card.status, CardStatus::Installed);
        assert_eq!(shop.card(both.id).await.card.status, CardStatus::Removed);
        let last = shop.history(both.id).await.remove(0).event;
        assert_eq!(last.kind, EventKind::CardRemoved);
        assert_eq!(last.reason.as_deref(), Some("fcm: UNREGISTERED"));
        shop.check(one.id).await;
        shop.check(both.id).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_most_addresses_are_called_dead_they_stay() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let provider = Provider::new(|_, _| called_dead());
        let running = Running::start(&shop, provider.clone());
        let mut cards = Vec::new();
        for number in 1..=40 {
            let card = shop.issue_to(program, &format!("Holder {number}")).await;
            shop.ops
                .listen(shop.merchant, card.id, app(number))
                .await
                .expect("taken");
            shop.record(shop.capture(number, &card.token, NOON)).await;
            cards.push(card.id);
        }
        until("every row has had its answer", async || {
            let read = shop.ops.store.read("leased", |tx| {
                Box::pin(async move {
                    let sql = "select count(*) from pushes where lease is not null or due_at <= $1";
                    tx.one(sql, &crate::engines::values![NOON]).await
                })
            });
            let counted: Result<(i64,), passgate::store::Error> = read.await;
            counted.expect("counted").0 == 0
        })
        .await;
        running.stop().await;
        let mut left = 0;
        for card in cards {
            left += listening(&shop, card).await.len();
        }
        assert!(
            left >= 25,
            "a wrong project would look like this; {left} are left"
        );
        assert_eq!(
            i64::try_from(left),
            Ok(waiting(&shop).await),
            "and nothing is given up"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_registered_again_meanwhile_is_alive() {
    for_each_engine(async |store| {
        let shop = Shop::open(store).await;
        let program = shop.program(Rules::punch(10).expect("rules")).await;
        let card = shop.issue(program).await;
        shop.ops
            .listen(shop.merchant, card.id, app(1))
            .await
            .expect("taken");
        let clock = shop.ops.clock.clone();
        // The provider's word is about the address as it was; while it answers, the app speaks again.
        let (ops, merchant, id) = (shop.ops.clone(), shop.merchant, card.id);
        let provider = Provider::new(move |_, _| {
            clock.advance(Duration::from_secs(1));
            let ops = ops.clone();
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current()
                    .block_on(async { ops.listen(merchant, id, app(1)).await.expect("taken") })
            });
            gone()
        });
        let running = Running::start(&shop, provider.clone());
        shop.record(shop.capture(1, &card.token, NOON)).await;
        until("the outbox is empty", async || waiting(&shop).await == 0).await;
        running.stop().await;
        assert_eq!(listening(&shop, card.id).await.len(), 1);
        assert_eq!(shop.card(card.id).await.card.status, CardStatus::Installed);
    })
    .await;
}
