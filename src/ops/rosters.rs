//! Lists and counts by rule as people look at them: answered from rosters in memory, a few milliseconds whatever the
//! rule, the order and the depth.
//!
//! A roster is loaded when a merchant's list is first looked at; until it is there the store answers, slower and the
//! same. It is kept current by the store's changes: cards that changed since the last look are read again before the
//! answer, so that whoever has just punched sees the punch. Changes of other nodes arrive a moment later.
//!
//! A change that this node is never told of stays unseen until the roster is read anew, after [`FRESH_FOR`] at the
//! latest. So whoever changes what rules can ask announces [`Change::Card`], for each of the person's cards where it is
//! a person. What acts on cards (a message, a bulk job) asks the store itself.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::segment::Rule;
use crate::domain::segment::order::{Edge, Order, Place};
use crate::domain::segment::plan::ProgramFacts;
use crate::domain::segment::roster::Roster;
use crate::domain::segment::saved::Viewer;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::segments::{Reach, Resolved, SegmentError, Target, apart, reachable};
use crate::store::segments::{self, Line};
use crate::store::{Change, Error};

/// Rows of a page.
pub const PAGE: usize = 50;
/// Rows that a preview shows.
const SAMPLE: usize = 10;
/// How long a roster is used before it is read anew, for the case that a change was missed.
pub const FRESH_FOR: Duration = Duration::from_mins(10);
/// A roster that nobody looked at for so long is given up.
const KEPT_FOR: Duration = Duration::from_mins(30);
/// How often changes are taken from the store while nobody looks.
const TAKEN_EVERY: Duration = Duration::from_millis(200);
/// How long the first look waits for a roster before it asks the store: small merchants are loaded by then.
const PATIENCE: Duration = Duration::from_millis(100);
/// Cards that are read in one go; other reads get their turn in between.
const AT_ONCE: usize = 1024;

/// What a list is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    pub viewer: Viewer,
    pub target: Target,
    /// Only these customers, such as a search has found.
    pub among: Option<Vec<CustomerId>>,
    pub order: Order,
    pub edge: Edge,
    pub size: usize,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct List {
    pub lines: Vec<Line>,
    /// All rows, on all pages.
    pub total: usize,
    pub before: Option<Edge>,
    pub after: Option<Edge>,
}

/// What a rule would select, for the person who is writing it.
#[derive(Debug, Clone)]
pub struct Preview {
    pub reach: Reach,
    pub sample: Vec<Line>,
}

/// The rosters of this process. Cheap to clone; what keeps them current ends with the last one.
#[derive(Clone)]
pub struct Rosters {
    ops: Ops,
    shared: Arc<Shared>,
}

struct Shared {
    /// Memory for all rosters together.
    most_bytes: usize,
    changes: Mutex<Receiver<Change>>,
    held: Mutex<HashMap<MerchantId, Arc<Held>>>,
}

/// A merchant's roster, or what is on its way to be one.
struct Held {
    roster: RwLock<Roster>,
    /// Cards that changed and were not read again.
    changed: Mutex<HashSet<CardId>>,
    /// Cards that were read again while the roster was being loaded anew: what was loaded may be older.
    again: Mutex<HashSet<CardId>>,
    /// Held while changed cards are read, so that everybody who looks sees what changed before, and while a loaded
    /// roster is put in place.
    refreshing: tokio::sync::Mutex<()>,
    state: watch::Sender<State>,
    /// Some change was missed, or the programs changed: to be read anew.
    stale: AtomicBool,
    loading: AtomicBool,
    marks: Mutex<Marks>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Loading,
    Ready,
    /// More than there is memory for.
    TooLarge,
}

struct Marks {
    loaded_at: Timestamp,
    used_at: Timestamp,
    /// What its facts were made with.
    programs: Vec<ProgramFacts>,
    bytes: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rosters {
    /// Begins to hear of changes. `most_bytes` is the memory for all rosters together; one million cards take some 150 MB.
    pub fn start(ops: &Ops, most_bytes: usize) -> Self {
        let shared = Arc::new(Shared {
            most_bytes,
            changes: Mutex::new(ops.store.subscribe()),
            held: Mutex::new(HashMap::new()),
        });
        tokio::spawn(follow(Arc::downgrade(&shared), ops.clock.clone()));
        Self {
            ops: ops.clone(),
            shared,
        }
    }

    /// Loads a merchant's roster, if it is not there, and waits for it. Returns the memory that it takes; none where there
    /// is not so much.
    pub async fn load(&self, merchant: MerchantId) -> Result<Option<usize>, SegmentError> {
        let everything = Target::Rule(Rule::everything());
        loop {
            let resolved = self
                .ops
                .resolve(merchant, Viewer::Operator, &everything, None)
                .await?;
            if let Some(held) = self.current(merchant, &resolved).await? {
                return Ok(Some(lock(&held.marks).bytes));
            }
            let held = self.shared.hold(merchant, resolved.context.now);
            if *held.state.borrow() == State::TooLarge {
                return Ok(None);
            }
        }
    }

    /// One page of the cards that a target means.
    pub async fn list(&self, merchant: MerchantId, query: &Query) -> Result<List, SegmentError> {
        let Query { viewer, target, .. } = query;
        let resolved = self
            .ops
            .resolve(merchant, *viewer, target, query.among.as_deref())
            .await?;
        let (order, size) = (query.order, query.size);
        let (places, total, has_more) = match self.current(merchant, &resolved).await? {
            Some(held) => {
                let edge = query.edge.clone();
                let page = held
                    .ask(move |roster| roster.page(&resolved.plan, order, &edge, size, resolved.context.now))
                    .await?;
                (page.places, page.total, page.has_more)
            }
            None => self.page_of_store(merchant, resolved, query).await?,
        };
        let edge = |place: Option<&Place>, side: fn(Place) -> Edge| place.cloned().map(side);
        let (before, after) = match query.edge {
            Edge::First => (false, has_more),
            Edge::After(_) => (true, has_more),
            Edge::Before(_) => (has_more, true),
        };
        Ok(List {
            before: edge(places.first().filter(|_| before), Edge::Before),
            after: edge(places.last().filter(|_| after), Edge::After),
            lines: {
                let cards = places.iter().map(|place| place.card).collect();
                self.ops.lines(merchant, cards).await?
            },
            total,
        })
    }

    /// How many cards a target means and how many of them a push can reach now.
    pub async fn reach(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        target: &Target,
    ) -> Result<Reach, SegmentError> {
        let resolved = self.ops.resolve(merchant, viewer, target, None).await?;
        match self.current(merchant, &resolved).await? {
            None => self.ops.reach(merchant, viewer, target).await,
            Some(held) => {
                let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
                let reach = held.ask(move |roster| Reach {
                    members: count(roster.count(&resolved.plan)),
                    reachable: count(roster.count(&reachable(&resolved.plan, &resolved.context))),
                });
                Ok(reach.await?)
            }
        }
    }

    /// How many match, how many can be reached, and the first rows.
    pub async fn preview(&self, merchant: MerchantId, query: &Query) -> Result<Preview, SegmentError> {
        let query = Query {
            edge: Edge::First,
            size: SAMPLE,
            ..query.clone()
        };
        Ok(Preview {
            reach: self.reach(merchant, query.viewer, &query.target).await?,
            sample: self.list(merchant, &query).await?.lines,
        })
    }

    async fn page_of_store(
        &self,
        merchant: MerchantId,
        resolved: Resolved,
        query: &Query,
    ) -> Result<(Vec<Place>, usize, bool), Error> {
        let (store, edge) = (self.ops.store.clone(), query.edge.clone());
        let (order, size) = (query.order, query.size);
        apart(async move {
            store
                .read("page_of_list", move |tx| {
                    let (Resolved { plan, context }, edge) = (resolved.clone(), edge.clone());
                    Box::pin(async move {
                        let page = segments::page(tx, merchant, &plan, &context, order, &edge, size);
                        let (places, has_more) = page.await?;
                        let total = segments::count(tx, merchant, &plan, &context).await?;
                        Ok((places, usize::try_from(total).unwrap_or(0), has_more))
                    })
                })
                .await
        })
        .await
    }

    /// The merchant's roster with everything in it that this node has heard of; none while there is none.
    async fn current(&self, merchant: MerchantId, resolved: &Resolved) -> Result<Option<Arc<Held>>, Error> {
        let now = resolved.context.now;
        let held = self.shared.hold(merchant, now);
        self.shared.take_changes();
        let must_load = {
            let mut marks = lock(&held.marks);
            marks.used_at = now;
            *held.state.borrow() == State::Loading
                || held.stale.load(Ordering::SeqCst)
                || now.since(marks.loaded_at) > FRESH_FOR
                || marks.programs != resolved.context.programs
        };
        if must_load && !held.loading.swap(true, Ordering::SeqCst) {
            tokio::spawn(load(self.clone(), merchant, Arc::clone(&held)));
        }
        let mut state = held.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Loading);
        let is_ready =
            matches!(tokio::time::timeout(PATIENCE, settled).await, Ok(Ok(state)) if *state == State::Ready);
        if !is_ready || lock(&held.marks).programs != resolved.context.programs {
            return Ok(None);
        }
        held.refresh(&self.ops, merchant, resolved).await?;
        Ok(Some(held))
    }
}

impl Shared {
    fn hold(&self, merchant: MerchantId, now: Timestamp) -> Arc<Held> {
        let mut held = lock(&self.held);
        Arc::clone(held.entry(merchant).or_insert_with(|| Arc::new(Held::new(now))))
    }

    /// Notes which cards changed. Rosters are looked up under the same lock, so that none misses a change that was
    /// announced after it began to load.
    fn take_changes(&self) {
        let held = lock(&self.held);
        let mut changes = lock(&self.changes);
        loop {
            match changes.try_recv() {
                Ok(Change::Card(merchant, card)) => {
                    if let Some(held) = held.get(&merchant) {
                        lock(&held.changed).insert(card);
                    }
                }
                Ok(Change::Pushes) => {}
                Err(TryRecvError::Lagged(_)) => {
                    for held in held.values() {
                        held.stale.store(true, Ordering::SeqCst);
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn give_up_unused(&self, now: Timestamp) {
        lock(&self.held).retain(|_, held| {
            now.since(lock(&held.marks).used_at) <= KEPT_FOR || held.loading.load(Ordering::SeqCst)
        });
    }

    /// Makes room for a roster of `bytes` by giving up those that were not looked at for longest. False when even that
    /// is not enough.
    fn make_room(&self, merchant: MerchantId, bytes: usize) -> bool {
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
    fn new(now: Timestamp) -> Self {
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
                programs: Vec::new(),
                bytes: 0,
            }),
        }
    }

    /// Asks the roster on a thread that may be busy for some milliseconds.
    async fn ask<T: Send + 'static>(
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
    async fn refresh(&self, ops: &Ops, merchant: MerchantId, resolved: &Resolved) -> Result<(), Error> {
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
async fn load(rosters: Rosters, merchant: MerchantId, held: Arc<Held>) {
    held.stale.store(false, Ordering::SeqCst);
    match read_all(&rosters, merchant).await {
        Ok((roster, programs)) => {
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
                programs,
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

/// The roster, or none where there is not enough memory, and the programs that its facts were made with.
async fn read_all(
    rosters: &Rosters,
    merchant: MerchantId,
) -> Result<(Option<Roster>, Vec<ProgramFacts>), Error> {
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
    let programs = context.programs.clone();
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
            return Ok((None, programs));
        }
        tokio::task::yield_now().await;
    }
    Ok((Some(roster), programs))
}

/// Takes changes from the store while nobody looks, so that none is lost, until the rosters are dropped.
async fn follow(shared: Weak<Shared>, clock: Clock) {
    let mut looks = tokio::time::interval(TAKEN_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.take_changes();
        shared.give_up_unused(clock.now());
    }
}
