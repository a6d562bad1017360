//! A shop with holders of all kinds, and dispatchers whose providers take what they are given.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use passgate::clock::{Clock, Ids};
use passgate::domain::delivery::{Channel, Outcome};
use passgate::domain::id::{CardId, MerchantId, MessageId, PassTypeIdentifier, ProgramId};
use passgate::domain::link::Addresses;
use passgate::domain::message::{Audience, Content, Message, Outcome as Became, When};
use passgate::domain::preference::Class;
use passgate::domain::program::Rules;
use passgate::domain::secret::MasterKey;
use passgate::domain::time::Timestamp;
use passgate::ops::Ops;
use passgate::ops::cards::Holder;
use passgate::ops::faces::StoredFaces;
use passgate::ops::messages::NewMessage;
use passgate::ops::setup::{NewBusiness, NewProgram};
use passgate::push::dispatcher::Dispatcher;
use passgate::push::{BoxFuture, Delivery, Sender};
use passgate::store::{Error, FromRow, Store, Value};
use tokio_util::sync::CancellationToken;

use crate::engines::values;
use crate::push::world::{settings, until};

/// 2026-09-21, 16:13 in Berlin.
pub(super) const NOON: Timestamp = Timestamp(1_790_000_000_000);
pub(super) const ALL_CONSENTS: i64 = 7;

/// One holder with one card, as the database has them.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub channels: i64,
    pub status: &'static str,
    pub expires_in: Option<i64>,
    pub paused: i64,
    pub consents: i64,
    pub zone: Option<&'static str>,
    /// Alerts that were let through, by how many minutes ago that was, and their class.
    pub alerts: Vec<(i64, &'static str)>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            channels: 1,
            status: "installed",
            expires_in: None,
            paused: 0,
            consents: ALL_CONSENTS,
            zone: None,
            alerts: Vec::new(),
        }
    }
}

pub(super) struct Shop {
    pub ops: Ops,
    pub merchant: MerchantId,
    pub program: ProgramId,
    issued: AtomicI64,
}

/// What a provider makes of everything that it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    Refuses,
    /// It cannot now, and says so.
    Falters,
    /// It says that our own set-up is wrong.
    Misconfigured,
}

/// A provider of one channel.
pub(super) struct Provider {
    channel: Channel,
    mood: Mutex<Mood>,
    sent: Mutex<Vec<Delivery>>,
}

impl Sender for Provider {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        self.sent.lock().expect("nobody panics").push(delivery.clone());
        let mood = *self.mood.lock().expect("nobody panics");
        Box::pin(async move {
            match mood {
                Mood::Takes => Outcome::Accepted,
                Mood::Refuses => Outcome::Rejected {
                    reason: "BadMessage".into(),
                },
                Mood::Falters => Outcome::Retry {
                    after: None,
                    reason: "ServiceUnavailable".into(),
                },
                Mood::Misconfigured => Outcome::Misconfigured {
                    reason: "BadCertificate".into(),
                },
            }
        })
    }
}

/// A dispatcher at work.
pub(super) struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    pub providers: Vec<Arc<Provider>>,
}

impl Running {
    pub(super) fn refuse(&self, refuses: bool) {
        self.feel(if refuses { Mood::Refuses } else { Mood::Takes });
    }

    /// Everything that was handed over so far.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let sent = self
            .providers
            .iter()
            .map(|provider| provider.sent.lock().expect("nobody panics").clone());
        sent.flatten().collect()
    }

    /// From now on all providers are like this.
    pub(super) fn feel(&self, mood: Mood) {
        for provider in &self.providers {
            *provider.mood.lock().expect("nobody panics") = mood;
        }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("ends well");
    }
}

impl Shop {
    pub(super) async fn open(store: Store) -> Self {
        Self::open_by(store, Clock::manual(NOON)).await
    }

    pub(super) async fn open_by(store: Store, clock: Clock) -> Self {
        let ops = Ops {
            store,
            clock,
            ids: Ids::random(),
        };
        let business = NewBusiness {
            name: "Corner Café".into(),
            zone: "Europe/Berlin".into(),
        };
        let merchant = ops.create_merchant(business).await.expect("merchant");
        let program = NewProgram {
            name: "Coffee card".into(),
            template: "coffee".into(),
            pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
            reward_name: "Free coffee".into(),
            rules: Rules::punch(5).expect("valid"),
        };
        let program = ops.create_program(merchant, program).await.expect("program");
        Self {
            ops,
            merchant,
            program,
            issued: AtomicI64::new(0),
        }
    }

    pub(super) async fn exec(&self, sql: &'static str, params: Vec<Value>) {
        let done: Result<u64, Error> = self
            .ops
            .store
            .write("prepare", move |tx| {
                let params = params.clone();
                Box::pin(async move { tx.exec(sql, &params).await })
            })
            .await;
        done.expect("changed");
    }

    pub(super) async fn all<T: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> Vec<T> {
        let read: Result<Vec<T>, Error> = self
            .ops
            .store
            .read("all", move |tx| {
                let params = params.clone();
                Box::pin(async move { tx.all(sql, &params).await })
            })
            .await;
        read.expect("read")
    }

    /// Issues a card and makes of its holder what `person` says.
    pub(super) async fn add(&self, person: &Person) -> CardId {
        let number = self.issued.fetch_add(1, Ordering::SeqCst);
        let holder = Holder {
            name: format!("Holder {number}"),
            email: None,
            phone: None,
        };
        let card = self
            .ops
            .issue(self.merchant, self.program, holder)
            .await
            .expect("issued")
            .card;
        let now = self.ops.clock.now();
        let expires = person.expires_in.map(|minutes| now.0 + minutes * 60_000);
        self.exec(
            "update cards set channels = $3, status = $4, expires_at = $5 \
             where merchant_id = $1 and card_id = $2",
            values![self.merchant, card.id, person.channels, person.status, expires].to_vec(),
        )
        .await;
        self.exec(
            "update customers set paused = $3, consents = $4, zone = $5 \
             where merchant_id = $1 and customer_id = $2",
            values![
                self.merchant,
                card.customer,
                person.paused,
                person.consents,
                person.zone
            ]
            .to_vec(),
        )
        .await;
        if person.channels & 1 != 0 {
            self.exec(
                "insert into registrations (merchant_id, pass_type_identifier, device_library_identifier, card_id, \
                 push_token, registered_at) values ($1, 'pass.example.coffee', $3, $2, $3, $4)",
                values![self.merchant, card.id, format!("{number:064x}"), now].to_vec(),
            )
            .await;
        }
        for (place, (minutes, class)) in person.alerts.iter().enumerate() {
            for channel in Channel::ALL {
                let place = i64::try_from(place).expect("few");
                self.exec(
                    "insert into push_alerts (merchant_id, card_id, channel, lease, position, class, wanted_at, at, open) \
                     values ($1, $2, $3, 0, $4, $5, $6, $6, 0)",
                    values![
                        self.merchant,
                        card.id,
                        channel.as_str(),
                        place,
                        *class,
                        now.0 - minutes * 60_000
                    ]
                    .to_vec(),
                )
                .await;
            }
        }
        card.id
    }

    pub(super) async fn add_many(&self, count: usize) -> Vec<CardId> {
        let mut cards = Vec::new();
        for _ in 0..count {
            cards.push(self.add(&Person::default()).await);
        }
        cards
    }

    pub(super) fn offer(&self, audience: Audience) -> NewMessage {
        let text = "Two for one until Friday";
        NewMessage {
            content: Content::checked(None, text, Some("https://example.com/menu"), Class::Marketing)
                .expect("good"),
            audience,
            when: When::Now,
            author: None,
        }
    }

    pub(super) async fn write(&self, new: NewMessage) -> Message {
        let written = self.ops.write_message(self.merchant, new).await;
        written.expect("written")
    }

    /// Forecasts a message and schedules it for as many as the forecast says.
    pub(super) async fn schedule(&self, id: MessageId) -> Message {
        let forecast = self.ops.forecast_message(self.merchant, None, id).await;
        let forecast = forecast.expect("forecast");
        let count = forecast.tally.recipients;
        let scheduled = self
            .ops
            .schedule_message(self.merchant, id, forecast.version, count);
        scheduled.await.expect("scheduled")
    }

    /// Writes a message to `audience` and schedules it at once.
    pub(super) async fn send(&self, audience: Audience) -> Message {
        let message = self.write(self.offer(audience)).await;
        self.schedule(message.id).await
    }

    pub(super) async fn message(&self, id: MessageId) -> Message {
        self.ops.message(self.merchant, id).await.expect("there")
    }

    pub(super) async fn chores(&self) {
        let done = self.ops.do_chores_named(&["send_messages"]).await;
        done.expect("the chores are done");
    }

    pub(super) async fn outcome(&self, id: MessageId) -> Became {
        let shown = self.ops.show_message(self.merchant, id).await;
        shown.expect("there").outcome
    }

    /// The recipients of a message, by card and channel: state and rule.
    pub(super) async fn recipients(&self, id: MessageId) -> Vec<(CardId, String, String, Option<String>)> {
        self.all(
            "select card_id, channel, state, rule from push_messages where merchant_id = $1 and message_id = $2 \
             order by card_id, channel",
            values![self.merchant, id].to_vec(),
        )
        .await
    }

    /// Where counted links lead through.
    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            master: MasterKey::from_bytes([9; 32]),
            public_url: "https://cards.example".into(),
        }
    }

    /// A dispatcher of all channels.
    pub(super) fn dispatch(&self) -> Running {
        let providers: Vec<_> = Channel::ALL
            .into_iter()
            .map(|channel| {
                Arc::new(Provider {
                    channel,
                    mood: Mutex::new(Mood::Takes),
                    sent: Mutex::default(),
                })
            })
            .collect();
        let senders = providers
            .iter()
            .map(|provider| Arc::clone(provider) as Arc<dyn Sender>)
            .collect();
        let faces = Arc::new(StoredFaces::new(self.ops.store.clone(), self.addresses()));
        let dispatcher = Dispatcher::new(
            self.ops.store.clone(),
            self.ops.clock.clone(),
            Ids::random(),
            senders,
            faces,
            settings(),
        );
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Running {
            stop,
            task,
            providers,
        }
    }

    /// Waits until dispatchers have nothing left that is due.
    pub(super) async fn settled(&self) {
        until("nothing is due", async || {
            let now = self.ops.clock.now();
            let due: Vec<(i64,)> = self
                .all(
                    "select count(*) from pushes where due_at <= $1 or lease is not null",
                    values![now].to_vec(),
                )
                .await;
            due[0].0 == 0
        })
        .await;
    }
}
