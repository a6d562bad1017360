//! One channel's loop: look, claim what there is room for, send, pass outcomes on to the finisher.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::batch::{Answer, Batch, Settled, Target};
use super::claim::{self, Claim};
use super::finisher::Finisher;
use super::tide::Tide;
use super::{Faces, Fetches, Settings};
use crate::clock::{Clock, Ids, stopwatch};
use crate::domain::address::Destination;
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::id::PassTypeIdentifier;
use crate::push::circuit::{Admission, Circuit, Turn};
use crate::push::{Alert, Delivery, Sender};
use crate::store::pushes::{CardKey, Claimed};
use crate::store::{self, Change, Store, policies};
use crate::telemetry::{Counter, Gauge, Histogram, Metric};

/// Rows in one claim: a tap on SQLite waits behind it.
const TOGETHER: usize = 200;
/// How often the age of the queue is looked at.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// Circuits of push services, which are as many as holders name: with more, those that are closed are forgotten.
const MOST_CIRCUITS: usize = 1000;

/// What one circuit stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum CircuitKey {
    Certificate(PassTypeIdentifier),
    /// The one account at this lane's provider.
    Account,
    /// One push service by its origin: what it refuses says nothing about the others.
    Service(String),
}

pub(super) struct Lane {
    store: Store,
    clock: Clock,
    ids: Ids,
    sender: Arc<dyn Sender>,
    faces: Arc<dyn Faces>,
    settings: Settings,
    channel: Channel,
    batch: Batch,
    circuits: HashMap<CircuitKey, Circuit>,
    sends: JoinSet<Outcome>,
    targets: HashMap<Id, Target>,
    room: Arc<Semaphore>,
    hand: Arc<Hand>,
    /// How crowded this node is, and what follows for the rate; only where phones fetch from it.
    fetches: Option<Arc<dyn Fetches>>,
    tide: Tide,
    begun: Instant,
    in_flight: Gauge,
    time: Histogram,
    used: Histogram,
    age: Gauge,
    /// When the age of the queue was looked at last.
    measured: Option<Instant>,
    /// By the outcome's name.
    outcomes: HashMap<&'static str, Counter>,
}

/// Counts the rows that are claimed and not yet written.
#[derive(Default)]
struct Hand {
    rows: AtomicUsize,
    freed: Notify,
}

impl Lane {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        ids: Ids,
        sender: Arc<dyn Sender>,
        faces: Arc<dyn Faces>,
        mut settings: Settings,
    ) -> Self {
        // More rows than the provider's pace lets through would only wait here instead of in the outbox.
        let room = sender.room(settings.sending());
        settings.concurrency = settings.concurrency.min(room).max(1);
        let channel = sender.channel();
        let labels = [("channel", channel.as_str())];
        Metric::PushCircuitOpen.gauge(&labels).set(0.0);
        let in_flight = Metric::PushesInFlight.gauge(&labels);
        in_flight.set(0.0);
        Self {
            store,
            clock,
            ids,
            sender,
            faces,
            channel,
            batch: Batch::new(channel, settings.back_off),
            circuits: HashMap::new(),
            sends: JoinSet::new(),
            targets: HashMap::new(),
            room: Arc::new(Semaphore::new(settings.concurrency)),
            hand: Arc::default(),
            fetches: None,
            tide: Tide::default(),
            begun: stopwatch(),
            in_flight,
            outcomes: HashMap::new(),
            time: Metric::PushTime.histogram(&labels),
            used: Metric::PushBudgetUsed.histogram(&labels),
            age: Metric::PushQueueAge.gauge(&labels),
            measured: None,
            settings,
        }
    }

    /// With the pace of `fetches`, if this lane's phones fetch from this node: browsers, apps and Google are told all.
    pub(super) fn beside(mut self, fetches: Option<Arc<dyn Fetches>>) -> Self {
        self.fetches = fetches.filter(|_| self.channel == Channel::Apple);
        self
    }

    /// Works until `stop` is cancelled. Fails when outcomes can no longer be written.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), JoinError> {
        let wake = Arc::new(Notify::new());
        // Subscribed before the first look: a row that comes in between is seen by one of the two.
        let changes = self.store.subscribe();
        let _watcher = AbortOnDropHandle::new(tokio::spawn(watch(changes, wake.clone())));
        let (settled, queue) = mpsc::unbounded_channel();
        let mut finisher = AbortOnDropHandle::new(tokio::spawn(self.finisher().run(queue)));
        let hand = self.hand.clone();
        let mut look = true;
        loop {
            let mut pause = self.settings.poll;
            if look && !stop.is_cancelled() {
                let room = self.room();
                // A few free places are not worth a transaction while the rest is busy.
                if room >= self.settings.concurrency.div_ceil(8) {
                    match self.ebb() {
                        Ok(most) => {
                            look = self.claim(room.min(most), &settled).await;
                            continue;
                        }
                        Err(wait) => pause = pause.min(wait),
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                // It ends before this lane only by a fault; its rows would be counted as in hand for ever.
                ended = &mut finisher => return ended,
                Some(ended) = self.sends.join_next_with_id() => {
                    self.note(ended, &settled);
                    while let Some(ended) = self.sends.try_join_next_with_id() {
                        self.note(ended, &settled);
                    }
                }
                () = wake.notified() => look = true,
                () = tokio::time::sleep(pause) => look = true,
                () = hand.freed.notified(), if look => {}
            }
        }
        self.drain(&settled).await;
        drop(settled);
        finisher.await
    }

    fn finisher(&self) -> Finisher {
        let hand = self.hand.clone();
        Finisher {
            store: self.store.clone(),
            clock: self.clock.clone(),
            channel: self.channel,
            time_to_fetch: Metric::TimeToFetch.histogram(&[("channel", self.channel.as_str())]),
            written: Box::new(move |rows| {
                hand.rows.fetch_sub(rows, Ordering::Relaxed);
                hand.freed.notify_one();
            }),
        }
    }

    fn room(&self) -> usize {
        let rows = self.hand.rows.load(Ordering::Relaxed);
        self.settings.concurrency.saturating_sub(rows)
    }

    /// How many phones this node can be asked by, or when to ask again.
    fn ebb(&mut self) -> Result<usize, Duration> {
        let Some(fetches) = &self.fetches else {
            return Ok(usize::MAX);
        };
        let now = stopwatch().duration_since(self.begun);
        self.tide.room(fetches.crowd(), now)
    }

    /// Claims and starts sending. Returns whether there may be more.
    async fn claim(&mut self, room: usize, settled: &mpsc::UnboundedSender<Settled>) -> bool {
        let limit = room.min(TOGETHER);
        self.measure().await;
        let ends = stopwatch() + self.settings.sending();
        let now = self.clock.now();
        let (channel, lease, until) = (self.channel, self.ids.next(now), now.plus(self.settings.lease));
        let claimed = self
            .store
            .write("pushes_claim", move |tx| {
                Box::pin(async move { claim::claim(tx, channel, now, (lease, until), limit).await })
            })
            .await;
        let Claim {
            rows,
            addresses,
            mut alerts,
            full,
            rules,
            used,
            listening,
        } = match claimed {
            Ok(claim) => claim,
            Err(fault) => {
                tracing::warn!(%fault, "cannot look for due pushes now");
                return false;
            }
        };
        self.count(rules, &used);
        if rows.is_empty() {
            return full;
        }
        tracing::trace!(target: "passgate::walk", step = "pushes_claimed");
        self.hand.rows.fetch_add(rows.len(), Ordering::Relaxed);
        self.link(&mut alerts);
        self.tide.took(rows.len());
        let (targets, done) = match channel {
            Channel::Apple => self.batch.take_devices(lease, &rows, addresses),
            Channel::Google | Channel::Fcm | Channel::WebPush => match self.faces(&rows).await {
                Ok(faces) if channel == Channel::Google => {
                    self.batch.take_objects(lease, &rows, faces, alerts)
                }
                Ok(faces) => self
                    .batch
                    .take_listening(lease, &rows, &faces, (listening, &alerts)),
                Err(fault) => {
                    tracing::warn!(%fault, "cannot read the cards to send now");
                    let due_at = self.clock.now().plus(self.settings.poll);
                    pass_on(settled, Batch::give_back(lease, &rows, due_at));
                    return false;
                }
            },
        };
        pass_on(settled, done);
        for target in targets {
            self.start(target, ends, settled);
        }
        full
    }

    /// Says for how long the longest waiting row has been due; also while rows come faster than they go.
    async fn measure(&mut self) {
        let begun = stopwatch();
        if self
            .measured
            .is_some_and(|last| begun.duration_since(last) < MEASURED_EVERY)
        {
            return;
        }
        self.measured = Some(begun);
        let channel = self.channel;
        let oldest: Result<_, store::Error> = self
            .store
            .read("push_queue_age", move |tx| {
                Box::pin(async move { policies::oldest(tx, channel).await })
            })
            .await;
        // A store that does not answer is noticed by the claim.
        if let Ok(oldest) = oldest {
            let age = oldest
                .map(|due_at| self.clock.now().since(due_at))
                .unwrap_or_default();
            self.age.set(age.as_secs_f64());
        }
    }

    /// Counts what was decided, once it is committed.
    fn count(&self, rules: HashMap<&'static str, u64>, used: &[i64]) {
        let channel = self.channel.as_str();
        for (rule, count) in rules {
            Metric::PushDecisions
                .counter(&[("channel", channel), ("rule", rule)])
                .increment(count);
        }
        for percent in used {
            // At most some hundreds, so nothing is lost.
            self.used
                .record(f64::from(i32::try_from(*percent).unwrap_or(i32::MAX)));
        }
    }

    /// Gives the alerts of messages with a link its address.
    fn link(&self, alerts: &mut HashMap<CardKey, Vec<Alert>>) {
        for (key, alerts) in alerts {
            for alert in alerts {
                let is_linked = alert.words.as_ref().is_some_and(|words| words.linked);
                alert.link = alert
                    .message
                    .filter(|_| is_linked)
                    .and_then(|message| self.faces.link(*key, message));
            }
        }
    }

    async fn faces(&self, rows: &[Claimed]) -> Result<Vec<crate::domain::face::CardFace>, store::Error> {
        self.faces.faces(rows.iter().map(|row| row.key).collect()).await
    }

    /// Sends, unless the circuit is open. At `ends` the send is over, whatever it is doing: soon after, the row may
    /// be another lane's.
    fn start(&mut self, target: Target, ends: Instant, settled: &mpsc::UnboundedSender<Settled>) {
        let now = self.clock.now();
        if self.circuits.len() >= MOST_CIRCUITS {
            self.circuits.retain(|_, circuit| !circuit.is_closed());
        }
        let circuit = self.circuits.entry(circuit_key(&target.delivery)).or_default();
        if let Admission::Wait { until } = circuit.admit(now) {
            let jitter = self.jitter();
            // Spread over a quarter of the wait, so that what has gathered does not come back at once.
            let spread = until.since(now).mul_f64(f64::from(jitter) / 1024.0);
            let answer = Answer::Untried {
                due_at: until.plus(spread),
                is_fault: true,
            };
            pass_on(settled, self.batch.answer(&target, &answer, jitter, now));
            return;
        }
        let (sender, room, delivery) = (self.sender.clone(), self.room.clone(), target.delivery.clone());
        let (in_flight, time) = (self.in_flight.clone(), self.time.clone());
        let task = self.sends.spawn(async move {
            let ends = ends.into();
            let Ok(Ok(_place)) = tokio::time::timeout_at(ends, room.acquire()).await else {
                return no_turn();
            };
            in_flight.increment(1.0);
            let begun = stopwatch();
            let outcome = tokio::time::timeout_at(ends, sender.send(&delivery)).await;
            tracing::trace!(target: "passgate::walk", step = "push_sent");
            time.record(begun.elapsed());
            in_flight.decrement(1.0);
            outcome.unwrap_or_else(|_| too_slow())
        });
        self.targets.insert(task.id(), target);
    }

    /// Takes note of a send that ended.
    fn note(&mut self, ended: Result<(Id, Outcome), JoinError>, settled: &mpsc::UnboundedSender<Settled>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(fault) => {
                tracing::error!(%fault, "a sender failed");
                let reason = "the sender failed".to_owned();
                (fault.id(), Outcome::Retry { after: None, reason })
            }
        };
        let Some(target) = self.targets.remove(&id) else {
            return;
        };
        let now = self.clock.now();
        let key = circuit_key(&target.delivery);
        let (outcome, turn) = self.circuits.entry(key.clone()).or_default().judge(outcome, now);
        if let Some(turn) = turn {
            self.report(&key, &turn);
        }
        if let Outcome::Rejected { reason } = &outcome {
            let channel = self.channel.as_str();
            tracing::warn!(channel, reason, "a provider refuses a push for good");
        }
        let (channel, outcome_name) = (self.channel.as_str(), name(&outcome));
        self.outcomes
            .entry(outcome_name)
            .or_insert_with(|| Metric::Pushes.counter(&[("channel", channel), ("outcome", outcome_name)]))
            .increment(1);
        let jitter = self.jitter();
        let done = self.batch.answer(&target, &Answer::Outcome(outcome), jitter, now);
        pass_on(settled, done);
    }

    fn report(&self, key: &CircuitKey, turn: &Turn) {
        let channel = self.channel.as_str();
        let of = match key {
            CircuitKey::Certificate(pass_type) => pass_type.as_str(),
            CircuitKey::Account => "the account",
            CircuitKey::Service(origin) => origin,
        };
        match turn {
            Turn::Opened { reason, until } => tracing::error!(
                channel,
                of,
                reason,
                until = %until.to_jiff(),
                "pushes stop: the provider refuses our set-up; check certificate, key and address"
            ),
            Turn::Closed => tracing::info!(channel, of, "pushes go on"),
        }
        let any_open = self.circuits.values().any(|circuit| !circuit.is_closed());
        Metric::PushCircuitOpen
            .gauge(&[("channel", channel)])
            .set(if any_open { 1.0 } else { 0.0 });
    }

    /// Waits for what is in flight, then gives back what is left: due at once, for another node or the next start.
    async fn drain(&mut self, settled: &mpsc::UnboundedSender<Settled>) {
        let limit = self.settings.drain;
        let wait = async {
            while let Some(ended) = self.sends.join_next_with_id().await {
                self.note(ended, settled);
            }
        };
        if tokio::time::timeout(limit, wait).await.is_ok() {
            return;
        }
        tracing::warn!(
            left = self.targets.len(),
            "pushes are given back: the time to stop is over"
        );
        self.sends.shutdown().await;
        self.in_flight.set(0.0);
        let now = self.clock.now();
        for (_, target) in std::mem::take(&mut self.targets) {
            let answer = Answer::Untried {
                due_at: now,
                is_fault: false,
            };
            pass_on(settled, self.batch.answer(&target, &answer, 0, now));
        }
    }

    fn jitter(&self) -> u8 {
        let [jitter] = self.ids.secret::<1>();
        jitter
    }
}

/// Turns the store's word that there may be pushes into a wake-up.
async fn watch(mut changes: broadcast::Receiver<Change>, wake: Arc<Notify>) {
    loop {
        match changes.recv().await {
            Ok(Change::Pushes) | Err(RecvError::Lagged(_)) => wake.notify_one(),
            Ok(Change::Card(..) | Change::Work(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn pass_on(settled: &mpsc::UnboundedSender<Settled>, rows: Vec<Settled>) {
    for row in rows {
        if settled.send(row).is_err() {
            // The finisher has failed and said so; the leases run out.
            return;
        }
    }
}

fn circuit_key(delivery: &Delivery) -> CircuitKey {
    match delivery {
        Delivery::AppleDevice {
            pass_type_identifier, ..
        } => CircuitKey::Certificate(pass_type_identifier.clone()),
        Delivery::GoogleObject { .. } => CircuitKey::Account,
        Delivery::Notice { to, .. } => match &to.destination {
            Destination::Browser(subscription) => CircuitKey::Service(subscription.origin().to_owned()),
            Destination::App(_) => CircuitKey::Account,
        },
    }
}

fn no_turn() -> Outcome {
    Outcome::Untried {
        after: Duration::ZERO,
        reason: "its turn did not come while the lease lasts".into(),
    }
}

fn too_slow() -> Outcome {
    Outcome::Retry {
        after: None,
        reason: "no answer while the lease lasts".into(),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Silenced { .. } => "silenced",
        Outcome::Gone { .. } => "gone",
        Outcome::Retry { .. } => "retry",
        Outcome::Unanswered { .. } => "unanswered",
        Outcome::Untried { .. } => "untried",
        Outcome::Misconfigured { .. } => "misconfigured",
        Outcome::Rejected { .. } => "rejected",
    }
}
