//! Keeping rosters: what is in memory, what it has heard of, and making room.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::watch;

use super::{AT_ONCE, KEPT_FOR, Rosters, TAKEN_EVERY};
use crate::clock::Clock;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::segment::roster::Roster;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::segments::Resolved;
use crate::store::segments;
use crate::store::{Change, Error};

pub(super) struct Shared {
    /// Memory for all rosters together.
    pub(super) most_bytes: usize,
    pub(super) changes: Mutex<Receiver<Change>>,
    pub(super) held: Mutex<HashMap<MerchantId, Arc<Held>>>,
}

/// A merchant's roster, or what is on its way to be one.
pub(super) struct Held {
    pub(super) roster: RwLock<Roster>,
    /// Cards that changed and were not read again.
    pub(super) changed: Mutex<HashSet<CardId>>,
    /// Cards that were read again while the roster was being loaded anew: what was loaded may be older.
    pub(super) again: Mutex<HashSet<CardId>>,
    /// Held while changed cards are read, so that everybody who looks sees what changed before, and while a loaded
    /// roster is put in place.
    pub(super) refreshing: tokio::sync::Mutex<()>,
    pub(super) state: watch::Sender<State>,
    /// Some change was missed: to be read anew.
    pub(super) stale: AtomicBool,
    pub(super) loading: AtomicBool,
    pub(super) marks: Mutex<Marks>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Loading,
    Ready,
    /// More than there is memory for.
    TooLarge,
}

pub(super) struct Marks {
    pub(super) loaded_at: Timestamp,
    pub(super) used_at: Timestamp,
    /// What its facts were made with.
    pub(super) goals: Vec<(ProgramId, i64)>,
    pub(super) bytes: usize,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn hold(&self, merchant: MerchantId, now: Timestamp) -> Arc<Held> {
        let mut held = lock(&self.held);
        Arc::clone(held.entry(merchant).or_insert_with(|| Arc::new(Held::new(now))))
    }

    /// Notes which cards changed. Rosters are looked up under the same lock, so that none misses a change that was
    /// announced after it began to load.
    pub(super) fn take_changes(&self) {
        let held = lock(&self.held);
        let mut changes = lock(&self.changes);
        loop {
            match changes.try_recv() {
                Ok(Change::Card(merchant, card)) => {
                    if let Some(held) = held.get(&merchant) {
                        lock(&held.changed).insert(card);
                    }
                }
                Ok(Change::Pushes | Change::Work(_)) => {}
                Err(TryRecvError::Lagged(_)) => {
                    for held in held.values() {
                        held.stale.store(true, Ordering::SeqCst);
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    pub(super) fn give_up_unused(&self, now: Timestamp) {
        lock(&self.held).retain(|_, held| {
            now.since(lock(&held.marks).used_at) <= KEPT_FOR || held.loading.load(Ordering::SeqCst)
        });
    }

    /// Makes room for a roster of `bytes` by giving up those that were not looked at for longest. False when even that
    /// is not enough.
    pub(super) fn make_room(&self, merchant: MerchantId, bytes: usize) -> bool {
        let mut held = lock(&self.held);
        let mut others: Vec<(Timestamp, MerchantId, usize)> = held
            .iter()
            .filter(|(other, _)| **other != merchant)
            .map(|(other, held)| {
                let marks = lock(&held.marks);
                (marks.used_at, *other, marks.bytes)
            })
            .collect();
        others.sort();
        let mut total: usize = bytes + others.iter().map(|(.., bytes)| bytes).sum::<usize>();
        for (_, other, bytes) in others {
            if total <= self.most_bytes {
                break;
            }
            held.remove(&other);
            total -= bytes;
        }
        total <= self.most_bytes
    }
}

impl Held {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            roster: RwLock::new(Roster::default()),
            changed: Mutex::new(HashSet::new()),
            again: Mutex::new(HashSet::new()),
            refreshing: tokio::sync::Mutex::new(()),
            state: watch::Sender::new(State::Loading),
            stale: AtomicBool::new(false),
            loading: AtomicBool::new(false),
            marks: Mutex::new(Marks {
                loaded_at: now,
                used_at: now,
                goals: Vec::new(),
                bytes: 0,
            }),
        }
    }

    /// Asks the roster on a thread that may be busy for some milliseconds.
    pub(super) async fn ask<T: Send + 'static>(
        self: Arc<Self>,
        question: impl FnOnce(&Roster) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let asked = tokio::task::spawn_blocking(move || {
            question(&self.roster.read().unwrap_or_else(PoisonError::into_inner))
        });
        asked
            .await
            .map_err(|_| Error::inconsistent("an answer from the roster", "a fault of its own"))
    }

    /// Reads the cards again that changed.
    pub(super) async fn refresh(
        &self,
        ops: &Ops,
        merchant: MerchantId,
        resolved: &Resolved,
    ) -> Result<(), Error> {
        let _refreshing = self.refreshing.lock().await;
        let changed: Vec<CardId> = lock(&self.changed).drain().collect();
        if changed.is_empty() {
            return Ok(());
        }
        let read = ops
            .store
            .read("changed_cards", |tx| {
                let (cards, context) = (changed.clone(), Arc::clone(&resolved.context));
                Box::pin(async move { segments::facts_of(tx, merchant, &context, &cards).await })
            })
            .await;
        let facts = match read {
            Ok(facts) => facts,
            Err(error) => {
                lock(&self.changed).extend(changed);
                return Err(error);
            }
        };
        if self.loading.load(Ordering::SeqCst) {
            lock(&self.again).extend(&changed);
        }
        let there: HashSet<CardId> = facts.iter().map(|facts| facts.card).collect();
        let gone: Vec<CardId> = changed.into_iter().filter(|card| !there.contains(card)).collect();
        let mut roster = self.roster.write().unwrap_or_else(PoisonError::into_inner);
        roster.put(facts);
        roster.remove(&gone);
        Ok(())
    }
}

/// Reads all cards of a merchant, part by part, and puts them in place. A failed reading leaves what was there.
pub(super) async fn load(rosters: Rosters, merchant: MerchantId, held: Arc<Held>) {
    held.stale.store(false, Ordering::SeqCst);
    match read_all(&rosters, merchant).await {
        Ok((roster, goals)) => {
            let bytes = roster.as_ref().map_or(0, Roster::bytes);
            let _refreshing = held.refreshing.lock().await;
            let has_room = rosters.shared.make_room(merchant, bytes);
            let state = if roster.is_some() && has_room {
                State::Ready
            } else {
                State::TooLarge
            };
            let roster = roster.filter(|_| has_room).unwrap_or_default();
            *held.roster.write().unwrap_or_else(PoisonError::into_inner) = roster;
            *lock(&held.marks) = Marks {
                loaded_at: rosters.ops.clock.now(),
                used_at: rosters.ops.clock.now(),
                goals,
                bytes,
            };
            lock(&held.changed).extend(lock(&held.again).drain());
            held.loading.store(false, Ordering::SeqCst);
            held.state.send_replace(state);
        }
        Err(error) => {
            tracing::warn!(%error, "the list of a merchant's cards could not be read; it is tried at the next look");
            held.stale.store(true, Ordering::SeqCst);
            held.loading.store(false, Ordering::SeqCst);
        }
    }
}

/// The roster, or none where there is not enough memory, and the goals that its facts were made with.
async fn read_all(
    rosters: &Rosters,
    merchant: MerchantId,
) -> Result<(Option<Roster>, Vec<(ProgramId, i64)>), Error> {
    let (ops, most) = (&rosters.ops, rosters.shared.most_bytes);
    let now = ops.clock.now();
    let context = ops
        .store
        .read("context_of_rules", move |tx| {
            Box::pin(async move { segments::context(tx, merchant, now).await })
        })
        .await?;
    let Some(context) = context.map(Arc::new) else {
        return Ok((None, Vec::new()));
    };
    let goals = context.goals();
    let mut roster = Roster::default();
    let (mut after, mut bytes) = (CardId(0), 0);
    loop {
        let part = ops
            .store
            .read("facts_of_cards", |tx| {
                let context = Arc::clone(&context);
                Box::pin(async move { segments::facts_after(tx, merchant, &context, after, AT_ONCE).await })
            })
            .await?;
        let Some(last) = part.last() else { break };
        after = last.card;
        bytes += roster.add_block(&part);
        if bytes > most {
            return Ok((None, goals));
        }
        tokio::task::yield_now().await;
    }
    Ok((Some(roster), goals))
}

/// Takes changes from the store while nobody looks, so that none is lost, until the rosters are dropped.
pub(super) async fn follow(shared: Weak<Shared>, clock: Clock) {
    let mut looks = tokio::time::interval(TAKEN_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.take_changes();
        shared.give_up_unused(clock.now());
    }
}
