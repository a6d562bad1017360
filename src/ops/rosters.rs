//! Lists and counts by rule as people look at them: answered from rosters in memory, a few milliseconds whatever the
//! rule, the order and the depth.
//!
//! A roster is loaded when a merchant's list is first looked at; until it is there the store answers, slower and the
//! same. It is kept current by the store's changes: cards that changed since the last look are read again before the
//! answer, so that whoever has just punched sees the punch. Changes of other nodes arrive a moment later.
//!
//! A change that this node is never told of stays unseen until the roster is read anew, after [`FRESH_FOR`] at the
//! latest. So whoever changes what rules can ask announces `Change::Card`, for each of the person's cards where it is a
//! person. What acts on cards (a message, a bulk job) asks the store itself.

mod held;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::search;
use crate::domain::segment::Rule;
use crate::domain::segment::order::{Edge, Order, Place};
use crate::domain::segment::saved::Viewer;
use crate::ops::Ops;
use crate::ops::segments::{Reach, Resolved, SegmentError, Target, apart, reachable};
use crate::store::Error;
use crate::store::segments::{self, Line};
use held::{Held, Shared, State, follow, load, lock};

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
    /// Only these customers.
    pub among: Option<Vec<CustomerId>>,
    /// Only people whom this finds.
    pub search: Option<search::Query>,
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
    /// Whether the search found more people than a list looks through; the newest are here.
    pub is_cut: bool,
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

impl Rosters {
    /// Begins to hear of changes. `most_bytes` is the memory for all rosters together; one million cards take some 150 MB.
    /// Without any memory the store is asked every time.
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
        let (among, is_cut) = self.among(merchant, query).await?;
        let resolved = self
            .ops
            .resolve(merchant, *viewer, target, among.as_deref())
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
            is_cut,
        })
    }

    /// Whom alone a list is about, and whether the search found more of them.
    async fn among(
        &self,
        merchant: MerchantId,
        query: &Query,
    ) -> Result<(Option<Vec<CustomerId>>, bool), Error> {
        let Some(search) = &query.search else {
            return Ok((query.among.clone(), false));
        };
        let (mut found, is_cut) = self.ops.found(merchant, search).await?;
        if let Some(among) = &query.among {
            let among: HashSet<_> = among.iter().collect();
            found.retain(|customer| among.contains(customer));
        }
        Ok((Some(found), is_cut))
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
        if self.shared.most_bytes == 0 {
            return Ok(None);
        }
        let now = resolved.context.now;
        let held = self.shared.hold(merchant, now);
        self.shared.take_changes();
        let must_load = {
            let mut marks = lock(&held.marks);
            marks.used_at = now;
            *held.state.borrow() == State::Loading
                || held.stale.load(Ordering::SeqCst)
                || now.since(marks.loaded_at) > FRESH_FOR
                || marks.goals != resolved.context.goals()
        };
        if must_load && !held.loading.swap(true, Ordering::SeqCst) {
            tokio::spawn(load(self.clone(), merchant, Arc::clone(&held)));
        }
        let mut state = held.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Loading);
        let is_ready =
            matches!(tokio::time::timeout(PATIENCE, settled).await, Ok(Ok(state)) if *state == State::Ready);
        if !is_ready || lock(&held.marks).goals != resolved.context.goals() {
            return Ok(None);
        }
        held.refresh(&self.ops, merchant, resolved).await?;
        Ok(Some(held))
    }
}
