//! The dispatcher: claims, tags and finishes of an outbox full of pushes. By itself it has a sender that takes everything
//! at once; with the client and SQLite it is the whole way of a push.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use passgate::clock::{Clock, Ids};
use passgate::config;
use passgate::domain::delivery::{BackOff, Channel, Outcome};
use passgate::domain::face::CardFace;
use passgate::domain::id::{CardId, MerchantId};
use passgate::push::dispatcher::{Dispatcher, Faces, Settings};
use passgate::push::{BoxFuture, Delivery, Sender};
use passgate::store::{Error, Store, Value};
use tokio_util::sync::CancellationToken;

use crate::client::Setting;
use crate::cluster::Cluster;
use crate::{TOPIC, figure};

/// Pushes that are measured, and those before, to warm up.
const PUSHES: i64 = 40_000;
const WARM_UP: i64 = 4_000;

const CARD: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, earned_on_day, created_at, version, changed_at) \
     values {bigint, bigint, bigint, bigint, text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, \
     bigint, bigint}";
const REGISTRATION: &str = "insert into registrations (merchant_id, pass_type_identifier, \
     device_library_identifier, card_id, push_token, registered_at) \
     values {bigint, text, text, bigint, text, bigint}";
const PUSH: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at) \
     values {bigint, bigint, text, bigint, bigint, bigint, bigint}";

pub(crate) async fn measure(setting: &Setting) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("store.sqlite").display());
    let store = open(&url, PUSHES).await;
    let alone = best(&store, "dispatcher on SQLite", || Arc::new(TakesAll)).await;
    figure("push.dispatch_us", alone, "us");
    let whole = best(&store, "everything on SQLite", || {
        Arc::new(setting.client(setting.at_once, 4))
    })
    .await;
    figure("push.cpu_us", whole, "us");
    let Some(cluster) = Cluster::start() else {
        println!("push.dispatch_pg_us is skipped: PostgreSQL is not installed");
        return;
    };
    let store = open(&cluster.url(), PUSHES).await;
    let alone = best(&store, "dispatcher on PostgreSQL", || Arc::new(TakesAll)).await;
    figure("push.dispatch_pg_us", alone, "us");
}

/// A provider that costs nothing.
struct TakesAll;

impl Sender for TakesAll {
    fn channel(&self) -> Channel {
        Channel::Apple
    }

    fn send<'a>(&'a self, _delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Accepted })
    }
}

struct NoFaces;

impl Faces for NoFaces {
    fn faces(&self, _keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A store with `cards` cards, each on one device.
pub(crate) async fn open(url: &str, cards: i64) -> Store {
    let store = Store::open(url, 4).await.expect("the store opens");
    store.migrate().await.expect("the schema is made");
    let now = Clock::System.now();
    fill(&store, CARD, cards, |card| {
        let mut row: Vec<Value> = vec![1.into(), card.into(), 1.into(), card.into()];
        row.extend([
            format!("card-{card}").into(),
            format!("code-{card}").into(),
            "installed".into(),
        ]);
        row.push(1.into());
        row.extend([0, 0, 0, 0, 0, 1, 0].map(|number: i32| Value::from(number)));
        row
    })
    .await;
    fill(&store, REGISTRATION, cards, |card| {
        let (device, token) = (format!("device-{card}"), format!("{card:064x}"));
        vec![
            1.into(),
            TOPIC.into(),
            device.into(),
            card.into(),
            token.into(),
            now.into(),
        ]
    })
    .await;
    store
}

/// Puts a push for each of the first `cards` cards into the outbox.
pub(crate) async fn enqueue(store: &Store, cards: i64) {
    let now = Clock::System.now();
    fill(store, PUSH, cards, |card| {
        vec![
            1.into(),
            card.into(),
            "apple".into(),
            1.into(),
            now.into(),
            0.into(),
            now.into(),
        ]
    })
    .await;
}

/// Microseconds of processor time for each push, the best of two rounds.
async fn best(store: &Store, what: &str, sender: impl Fn() -> Arc<dyn Sender>) -> f64 {
    let mut best = f64::INFINITY;
    for (round, pushes) in [WARM_UP, PUSHES, PUSHES].into_iter().enumerate() {
        enqueue(store, pushes).await;
        let (cpu, wall) = empty(store, sender(), BackOff::default()).await;
        let each = cpu.as_secs_f64() * 1e6 / pushes as f64;
        let rate = pushes as f64 / wall.as_secs_f64();
        println!("{what}, round {round}: {pushes} pushes, {each:.1} us each, {rate:.0} a second");
        if round > 0 {
            best = best.min(each);
        }
    }
    best
}

/// Runs a dispatcher until the outbox is empty.
pub(crate) async fn empty(store: &Store, sender: Arc<dyn Sender>, back_off: BackOff) -> (Duration, Duration) {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let push = config::Push::default();
    let settings = Settings {
        concurrency: push.concurrency,
        lease: push.lease,
        poll: Duration::from_millis(200),
        drain: push.drain,
        back_off,
    };
    let dispatcher = Dispatcher::new(
        store.clone(),
        Clock::System,
        Ids::random(),
        vec![sender],
        Arc::new(NoFaces),
        settings,
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(dispatcher.run(stop.clone()));
    loop {
        let left: Result<Vec<(i64,)>, Error> = store
            .read("left", |tx| {
                Box::pin(tx.all("select card_id from pushes limit 1", &[]))
            })
            .await;
        if left.expect("read").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.expect("ends well");
    (cpu.elapsed(), wall.elapsed())
}

async fn fill(store: &Store, sql: &'static str, count: i64, row: impl Fn(i64) -> Vec<Value>) {
    let cards: Vec<i64> = (1..=count).collect();
    for some in cards.chunks(2000) {
        let rows: Vec<_> = some.iter().map(|card| row(*card)).collect();
        store
            .write("fill", move |tx| {
                let rows = rows.clone();
                Box::pin(async move { tx.exec_rows(sql, &[], &rows).await })
            })
            .await
            .map_err(|error: Error| error)
            .expect("stored");
    }
}
