//! What phones ask for and fetch, gathered in memory and written as sets; and what follows from silence and death:
//! another push, and registrations that are collected.
//!
//! Invariant: a request writes nothing itself. Marks that a crash takes with it cost one needless push at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::delivery::Channel;
use crate::domain::event::EventKind;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::receipt::{self, Receipt};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::store::messages::fetched;
use crate::store::push_events::{self, Line};
use crate::store::pushes::{self, CardKey};
use crate::store::receipts::{self, Asking, Waited};
use crate::store::{Change, Error, Store, Tx};

/// How long marks gather before they are written.
const EVERY: Duration = Duration::from_secs(1);
/// Marks of each kind that are kept; who asks beyond it is not noted.
const MOST: usize = 50_000;
/// Fetches of one card that are kept apart: no card is on more phones.
const OF_ONE_CARD: usize = 8;
/// Marks in one transaction: a tap on SQLite waits behind it.
const TOGETHER: usize = 200;

#[derive(Default)]
struct Marks {
    asked: HashMap<Asking, Timestamp>,
    fetched: HashMap<CardKey, Vec<Timestamp>>,
}

#[derive(Default)]
struct Shared {
    marks: Mutex<Marks>,
    some: Notify,
}

/// Takes notes of what phones do. Cheap to clone.
#[derive(Clone)]
pub struct Receipts {
    shared: Arc<Shared>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Receipts {
    /// Writes what it gathers until `stop`, and tells `waited` how long devices took to fetch. Must be called inside a
    /// tokio runtime.
    pub fn start(ops: &Ops, waited: impl Fn(Waited) + Send + 'static, stop: CancellationToken) -> Self {
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(write_all(ops.store.clone(), shared.clone(), waited, stop));
        Self {
            shared,
            _task: Arc::new(AbortOnDropHandle::new(task)),
        }
    }

    /// A device asked what has changed.
    pub fn asked(&self, asking: Asking, now: Timestamp) {
        let mut marks = self.shared.marks();
        if marks.asked.len() < MOST || marks.asked.contains_key(&asking) {
            marks.asked.insert(asking, now);
            drop(marks);
            self.shared.some.notify_one();
        }
    }

    /// A phone has a card's newest version: it was given it, or was told that it has it already.
    pub fn fetched(&self, merchant: MerchantId, card: CardId, now: Timestamp) {
        let mut marks = self.shared.marks();
        if marks.fetched.len() < MOST || marks.fetched.contains_key(&(merchant, card)) {
            let of_card = marks.fetched.entry((merchant, card)).or_default();
            if of_card.len() < OF_ONE_CARD {
                of_card.push(now);
            }
            drop(marks);
            self.shared.some.notify_one();
        }
    }
}

impl Shared {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_all(
    store: Store,
    shared: Arc<Shared>,
    waited: impl Fn(Waited) + Send,
    stop: CancellationToken,
) {
    let mut goes_on = true;
    while goes_on {
        tokio::select! {
            () = stop.cancelled() => goes_on = false,
            () = shared.some.notified() => tokio::select! {
                () = stop.cancelled() => goes_on = false,
                () = tokio::time::sleep(EVERY) => {}
            },
        }
        let marks = std::mem::take(&mut *shared.marks());
        match write(&store, marks).await {
            Ok(times) => times.into_iter().for_each(&waited),
            Err(fault) => tracing::warn!(%fault, "what phones asked and fetched is not noted"),
        }
    }
}

async fn write(store: &Store, marks: Marks) -> Result<Vec<Waited>, Error> {
    let mut asked: Vec<_> = marks.asked.into_iter().collect();
    asked.sort_unstable_by(|(one, _), (other, _)| {
        (one.merchant, &one.device).cmp(&(other.merchant, &other.device))
    });
    for some in asked.chunks(TOGETHER) {
        let some = Arc::new(some.to_vec());
        store
            .write("note_asked", move |tx| {
                let some = some.clone();
                Box::pin(async move { receipts::asked(tx, &some).await })
            })
            .await?;
    }
    let mut fetched: Vec<_> = marks.fetched.into_iter().collect();
    fetched.sort_unstable_by_key(|(key, _)| *key);
    let mut waited = Vec::new();
    for some in fetched.chunks(TOGETHER) {
        let some = Arc::new(some.to_vec());
        let times = store
            .write("note_fetched", move |tx| {
                let some = some.clone();
                Box::pin(async move { note_fetched(tx, &some).await })
            })
            .await?;
        waited.extend(times);
    }
    Ok(waited)
}

/// Credits fetches, oldest first, to the devices of their cards. Returns how long those pushes took that are answered
/// now.
async fn note_fetched(tx: &mut Tx<'_>, fetches: &[(CardKey, Vec<Timestamp>)]) -> Result<Vec<Waited>, Error> {
    let keys: Vec<CardKey> = fetches.iter().map(|(key, _)| *key).collect();
    let mut devices: HashMap<CardKey, Vec<Receipt>> = HashMap::with_capacity(keys.len());
    for known in receipts::of_cards_for_update(tx, &keys).await? {
        devices.entry(known.key).or_default().push(known.receipt);
    }
    let (mut changed, mut waited) = (Vec::new(), Vec::new());
    for (key, times) in fetches {
        let Some(devices) = devices.get_mut(key) else {
            continue;
        };
        let before: Vec<_> = devices.iter().map(Receipt::time_to_fetch).collect();
        let mut touched: Vec<usize> = times
            .iter()
            .filter_map(|at| receipt::credit(devices, *at))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        for place in touched {
            if let (Some(device), Some(None)) = (devices.get(place), before.get(place)) {
                waited.extend(device.time_to_fetch());
            }
            changed.extend(devices.get(place).map(|device| (*key, device.clone())));
        }
    }
    // What is on no device of ours is nobody's fetch; the rows of the others are locked, card by card.
    let newest: Vec<(CardKey, Timestamp)> = fetches
        .iter()
        .filter(|(key, _)| devices.contains_key(key))
        .filter_map(|(key, times)| Some((*key, *times.iter().max()?)))
        .collect();
    if !changed.is_empty() {
        let rows: Vec<_> = changed.iter().map(|(key, device)| (*key, device)).collect();
        receipts::fetched(tx, &rows).await?;
    }
    if !newest.is_empty() {
        fetched::note(tx, &newest).await?;
    }
    Ok(waited)
}

impl Ops {
    /// The devices of a card and how far its last push has come with each, the oldest registration first.
    pub async fn card_devices(&self, merchant: MerchantId, card: CardId) -> Result<Vec<Receipt>, Error> {
        self.store
            .read("card_devices", move |tx| {
                Box::pin(async move { of_card(tx, merchant, card).await })
            })
            .await
    }

    /// Tells devices again that did not answer their last push in time, with growing gaps. Silent, like every push to a
    /// device; an alert is never repeated.
    pub(super) async fn tell_silent_again(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("tell_silent_again", move |tx| {
                Box::pin(async move { tell_again(tx, now).await })
            })
            .await
    }

    /// Deletes registrations whose push token a provider called dead when another card was pushed to it.
    pub(super) async fn collect_dead_registrations(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("collect_dead_registrations", move |tx| {
                Box::pin(async move { collect(tx, now).await })
            })
            .await
    }
}

/// See [`Ops::card_devices`]; on the caller's snapshot.
pub async fn of_card(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Vec<Receipt>, Error> {
    let mut devices: Vec<Receipt> = receipts::of_cards(tx, &[(merchant, card)])
        .await?
        .into_iter()
        .map(|known| known.receipt)
        .collect();
    devices.sort_by(|a, b| (a.registered_at, a.device.as_str()).cmp(&(b.registered_at, b.device.as_str())));
    Ok(devices)
}

async fn tell_again(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, Error> {
    let mut keys: Vec<CardKey> = receipts::silent(tx, now, TURN)
        .await?
        .iter()
        .map(receipts::Silent::key)
        .collect();
    if keys.is_empty() {
        return Ok(0);
    }
    keys.sort_unstable();
    keys.dedup();
    pushes::lock_cards(tx, &keys).await?;
    // Once more, now that no other node can do the same for these cards.
    let devices: Vec<_> = receipts::silent(tx, now, TURN)
        .await?
        .into_iter()
        .filter(|device| keys.binary_search(&device.key()).is_ok())
        .map(|device| {
            let next = receipt::gap(device.unanswered + 1).map(|gap| now.plus(gap));
            (device, next)
        })
        .collect();
    if !devices.is_empty() {
        receipts::tell_again(tx, &devices, now).await?;
    }
    Ok(devices.len())
}

async fn collect(tx: &mut Tx<'_>, now: Timestamp) -> Result<usize, Error> {
    let keys = receipts::doomed(tx, now, TURN).await?;
    if keys.is_empty() {
        return Ok(0);
    }
    let mut cards: HashMap<CardKey, pushes::CardState> = pushes::lock_cards(tx, &keys)
        .await?
        .into_iter()
        .map(|card| (card.key, card))
        .collect();
    let mut lost = receipts::bury(tx, &keys, now).await?;
    lost.sort_unstable();
    lost.dedup();
    let mut changed = Vec::new();
    for key in lost {
        let Some(card) = cards.get_mut(&key) else { continue };
        if !card.channels.contains(Channel::Apple) || pushes::is_registered(tx, key).await? {
            continue;
        }
        card.channels = card.channels.without(Channel::Apple);
        card.status = card.status.when_reachable_by(card.channels);
        changed.push(card.clone());
    }
    let lines: Vec<Line> = changed
        .iter()
        .map(|card| Line {
            key: card.key,
            kind: EventKind::CardRemoved,
            at: now,
            reason: Some("apple: its push token is dead".into()),
            detail: None,
        })
        .collect();
    if !lines.is_empty() {
        let mut newest: HashMap<_, _> = changed.iter().map(|card| (card.key, card.last_event)).collect();
        push_events::append(tx, &mut newest, lines, now).await?;
        for card in &mut changed {
            card.last_event = newest.get(&card.key).copied().flatten();
        }
        let moved: Vec<CardKey> = changed.iter().map(|card| card.key).collect();
        pushes::save_cards(tx, &changed, &moved, now).await?;
    }
    for card in &changed {
        tx.announce(Change::Card(card.key.0, card.key.1));
    }
    Ok(keys.len())
}
