//! Cards, registrations and outbox rows in a real store, and dispatchers that work on them.

use std::sync::Arc;
use std::time::Duration;

use passgate::apple::apns::Apns;
use passgate::clock::{Clock, Ids};
use passgate::domain::delivery::{BackOff, Channel};
use passgate::domain::face::CardFace;
use passgate::domain::id::{CardId, DeviceLibraryIdentifier, MerchantId};
use passgate::domain::time::Timestamp;
use passgate::push::dispatcher::{Dispatcher, Faces, Fetches, Settings};
use passgate::push::{BoxFuture, Sender};
use passgate::store::registrations::{self, RegistrationKey};
use passgate::store::{Change, Error, FromRow, Store, Value};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::support::{Apple, PATIENCE, token, topic};

const MERCHANT: i64 = 1;

const CARD: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, status, \
     channels, punches, rewards, visits, earned_on_day, created_at, version, changed_at) \
     values {bigint, bigint, bigint, bigint, text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, \
     bigint, bigint}";
const REGISTRATION: &str = "insert into registrations (merchant_id, pass_type_identifier, \
     device_library_identifier, card_id, push_token, registered_at) \
     values {bigint, text, text, bigint, text, bigint}";
const ENQUEUE: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at) \
     values {bigint, bigint, text, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id, channel) do update set generation = pushes.generation + 1";
const LOCK: &str = "select card_id from cards where merchant_id = $1 and card_id = $2 for update";

/// A row of the outbox: generation, due at, attempts, lease.
pub(crate) type PushRow = (i64, i64, i64, Option<i64>);

pub(crate) struct World {
    pub(crate) apple: Apple,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

/// A running dispatcher.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct NoFaces;

impl Faces for NoFaces {
    fn faces(&self, _keys: Vec<(MerchantId, CardId)>) -> BoxFuture<'_, Result<Vec<CardFace>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        concurrency: 64,
        lease: Duration::from_secs(60),
        poll: Duration::from_millis(20),
        drain: Duration::from_secs(5),
        back_off: BackOff::default(),
    }
}

impl World {
    pub(crate) async fn new(store: Store) -> Self {
        Self {
            apple: Apple::start().await,
            store,
            clock: Clock::manual(Clock::System.now()),
        }
    }

    /// `count` cards from `first` up, each on a device of its own whose push token is [`token`] of the card.
    pub(crate) async fn add_cards(&self, first: i64, count: i64) {
        let cards = (first..first + count).map(card_row).collect::<Vec<_>>();
        self.rows(CARD, cards).await;
        for card in first..first + count {
            self.register(card, card, self.clock.now()).await;
        }
    }

    /// Registers `card` on the device that listens at `token(device)`.
    pub(crate) async fn register(&self, card: i64, device: i64, at: Timestamp) {
        let row = vec![
            MERCHANT.into(),
            (&topic()).into(),
            format!("device-{device}").into(),
            card.into(),
            token(usize::try_from(device).unwrap()).into(),
            at.into(),
        ];
        self.rows(REGISTRATION, vec![row]).await;
    }

    /// What a phone does that comes back.
    pub(crate) async fn register_again(&self, card: i64, device: i64, at: Timestamp) {
        let (key, token) = (key(card, device), token(usize::try_from(device).unwrap()));
        self.store
            .write("register_again", move |tx| {
                let (key, token) = (key.clone(), token.clone());
                Box::pin(async move { registrations::confirm(tx, &key, &token, at).await })
            })
            .await
            .expect("stored");
    }

    pub(crate) async fn delete_registration(&self, card: i64, device: i64) {
        let key = key(card, device);
        let deleted = self
            .store
            .write("delete_registration", move |tx| {
                let key = key.clone();
                Box::pin(async move { registrations::delete(tx, &key).await })
            })
            .await;
        let deleted: Result<bool, Error> = deleted;
        assert!(deleted.expect("deleted"), "there was one");
    }

    /// What a tap does to the outbox: one transaction that holds the card, asks for a push and says so.
    pub(crate) async fn enqueue(&self, cards: impl IntoIterator<Item = i64>) {
        self.enqueue_on(Channel::Apple, cards).await;
    }

    pub(crate) async fn enqueue_on(&self, channel: Channel, cards: impl IntoIterator<Item = i64>) {
        let now = self.clock.now();
        let cards: Arc<Vec<i64>> = Arc::new(cards.into_iter().collect());
        self.store
            .write("enqueue", move |tx| {
                let cards = cards.clone();
                Box::pin(async move {
                    for card in cards.iter() {
                        let _: (i64,) = tx.one(LOCK, &[MERCHANT.into(), (*card).into()]).await?;
                    }
                    let rows: Vec<Vec<Value>> = cards
                        .iter()
                        .map(|card| {
                            let one = Value::Int(1);
                            vec![
                                one.clone(),
                                (*card).into(),
                                channel.as_str().into(),
                                one,
                                now.into(),
                                0.into(),
                                now.into(),
                            ]
                        })
                        .collect();
                    tx.exec_rows(ENQUEUE, &[], &rows).await?;
                    tx.announce(Change::Pushes);
                    Ok::<_, Error>(())
                })
            })
            .await
            .expect("enqueued");
    }

    /// Runs one statement.
    pub(crate) async fn change(&self, sql: &'static str) {
        let changed: Result<u64, Error> = self
            .store
            .write("change", move |tx| {
                Box::pin(async move { tx.exec(sql, &[]).await })
            })
            .await;
        changed.expect("changed");
    }

    async fn rows(&self, sql: &'static str, rows: Vec<Vec<Value>>) {
        self.store
            .write("rows", move |tx| {
                let rows = rows.clone();
                Box::pin(async move { tx.exec_rows(sql, &[], &rows).await })
            })
            .await
            .map(|_: u64| ())
            .map_err(|error: Error| error)
            .expect("stored");
    }

    pub(crate) async fn all<T: FromRow + Send + 'static>(&self, sql: &'static str) -> Vec<T> {
        self.store
            .read("all", move |tx| Box::pin(tx.all(sql, &[])))
            .await
            .map_err(|error: Error| error)
            .expect("read")
    }

    pub(crate) async fn pushes(&self) -> Vec<PushRow> {
        self.all("select generation, due_at, attempts, lease from pushes order by merchant_id, card_id")
            .await
    }

    /// The timeline of all cards, oldest first: card, kind, reason, whether it is chained to one before.
    pub(crate) async fn events(&self) -> Vec<(i64, String, Option<String>, bool)> {
        self.all(
            "select card_id, kind, reason, case when previous_event_id is null then 0 else 1 end \
             from events order by event_id",
        )
        .await
    }

    pub(crate) fn accepted(&self, device: i64) -> usize {
        self.apple
            .fake
            .accepted(token(usize::try_from(device).unwrap()).as_str())
    }

    /// A dispatcher with a client of its own.
    pub(crate) fn dispatch(&self, settings: Settings) -> Running {
        self.dispatch_through(self.apple.client(), settings)
    }

    pub(crate) fn dispatch_through(&self, client: Apns, settings: Settings) -> Running {
        self.dispatch_with(Arc::new(client), Arc::new(NoFaces), settings)
    }

    /// A dispatcher of one lane.
    pub(crate) fn dispatch_with(
        &self,
        sender: Arc<dyn Sender>,
        faces: Arc<dyn Faces>,
        settings: Settings,
    ) -> Running {
        self.dispatch_all(vec![sender], faces, settings)
    }

    /// A dispatcher that tells phones as fast as `fetches` has room for them.
    pub(crate) fn dispatch_beside(&self, fetches: Arc<dyn Fetches>, settings: Settings) -> Running {
        let senders: Vec<Arc<dyn Sender>> = vec![Arc::new(self.apple.client())];
        let (store, clock, faces) = (self.store.clone(), self.clock.clone(), Arc::new(NoFaces));
        let dispatcher =
            Dispatcher::new(store, clock, Ids::random(), senders, faces, settings).beside(fetches);
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Running { stop, task }
    }

    /// A dispatcher with a lane for each of `senders`.
    pub(crate) fn dispatch_all(
        &self,
        senders: Vec<Arc<dyn Sender>>,
        faces: Arc<dyn Faces>,
        settings: Settings,
    ) -> Running {
        let dispatcher = Dispatcher::new(
            self.store.clone(),
            self.clock.clone(),
            Ids::random(),
            senders,
            faces,
            settings,
        );
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Running { stop, task }
    }

    pub(crate) async fn until_empty(&self) {
        until("the outbox is empty", async || self.pushes().await.is_empty()).await;
    }

    /// Lets back-offs pass until nothing is left.
    pub(crate) async fn until_empty_over_time(&self) {
        until("the outbox is empty", async || {
            self.clock.advance(Duration::from_secs(5));
            self.pushes().await.is_empty()
        })
        .await;
    }
}

impl Running {
    /// Stops as `passgate serve` does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("stops")
            .expect("ends well");
    }

    /// Ends as a power cut does: nothing is given back.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
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

fn key(card: i64, device: i64) -> RegistrationKey {
    RegistrationKey {
        merchant: MerchantId(MERCHANT),
        pass_type_identifier: topic(),
        device: DeviceLibraryIdentifier::parse(format!("device-{device}")).unwrap(),
        card: CardId(card),
    }
}

fn card_row(card: i64) -> Vec<Value> {
    let mut row: Vec<Value> = vec![MERCHANT.into(), card.into(), 1.into(), card.into()];
    row.push(format!("card-{card}").into());
    row.push(format!("code-{card}").into());
    row.push("installed".into());
    // Channels: Apple.
    row.push(1.into());
    row.extend([0, 0, 0, 0, 0, 1, 0].map(|number: i32| Value::from(number)));
    row
}
