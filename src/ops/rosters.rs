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

mod all;
mod glance;
mod held;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::id::{CardId, CustomerId, MerchantId, SegmentId};
use crate::domain::search;
use crate::domain::segment::facts::Facts;
use crate::domain::segment::order::{Each, Edge, Order, Place};
use crate::domain::segment::saved::Viewer;
use crate::domain::segment::{Plan, Rule};
use crate::ops::Ops;
use crate::ops::segments::{Reach, Resolved, SegmentError, Target, apart, reachable};
use crate::store::Error;
use crate::store::segments::{self, Line};
pub use glance::Glance;
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
    /// Only the cards for which this holds too.
    pub only: Option<Rule>,
    /// Only these customers.
    pub among: Option<Vec<CustomerId>>,
    /// Only people whom this finds.
    pub search: Option<search::Query>,
    pub order: Order,
    pub edge: Edge,
    pub size: usize,
    pub each: Each,
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

/// Whom a tally is about.
#[derive(Debug, Clone)]
pub enum Whom {
    /// Some cards, one by one.
    Cards(Vec<CardId>),
    /// Everything on a list, on all of its pages.
    Query(Box<Query>),
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub cards: i64,
    pub customers: i64,
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
            .await?
            .only(query.only.as_ref());
        let (order, size, each) = (query.order, query.size, query.each);
        let (places, total, has_more) = match self.current(merchant, &resolved).await? {
            Some(held) => {
                let edge = query.edge.clone();
                let page = held
                    .ask(move |roster| {
                        roster.page_of_each(&resolved.plan, each, order, &edge, size, resolved.context.now)
                    })
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

    /// The rows right before and after a card in a list, wherever it stands there or would stand.
    pub async fn beside(
        &self,
        merchant: MerchantId,
        query: &Query,
        card: CardId,
    ) -> Result<(Option<CardId>, Option<CardId>), SegmentError> {
        let resolved = self
            .ops
            .resolve(merchant, query.viewer, &query.target, None)
            .await?;
        let read = self.ops.store.read("place_of_card", |tx| {
            let context = Arc::clone(&resolved.context);
            Box::pin(async move { segments::facts_of(tx, merchant, &context, &[card]).await })
        });
        let facts: Vec<Facts> = read.await.map_err(SegmentError::Store)?;
        let Some(own) = facts.first() else {
            return Ok((None, None));
        };
        let now = resolved.context.now;
        let place = match (query.each, own.customer()) {
            (Each::Customer, Some(customer)) => {
                let all = self.facts_of_customer(merchant, customer, &resolved).await?;
                Place::of_customer(&all, card, query.order, now)
            }
            _ => None,
        };
        let place = place.unwrap_or_else(|| Place::of(own, query.order, now));
        let mut found = [None, None];
        for (found, edge) in found
            .iter_mut()
            .zip([Edge::Before(place.clone()), Edge::After(place)])
        {
            let query = Query {
                edge,
                size: 1,
                ..query.clone()
            };
            let list = self.list(merchant, &query).await?;
            *found = list.lines.first().map(|line| line.card);
        }
        let [before, after] = found;
        Ok((before, after))
    }

    /// The facts of all cards of a customer.
    async fn facts_of_customer(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        resolved: &Resolved,
    ) -> Result<Vec<Facts>, Error> {
        self.ops
            .store
            .read("facts_of_customer", |tx| {
                let context = Arc::clone(&resolved.context);
                Box::pin(async move {
                    let held = segments::cards_of(tx, merchant, &[customer]).await?;
                    let cards: Vec<CardId> = held.values().flatten().map(|line| line.card).collect();
                    segments::facts_of(tx, merchant, &context, &cards).await
                })
            })
            .await
    }

    /// How many of the cards that are meant each of some rules holds for, all of them asked of the same moment. None
    /// while there is no roster: asking the store for each of them would take too long for what this is shown for.
    pub async fn tally(
        &self,
        merchant: MerchantId,
        whom: &Whom,
        rules: &[Rule],
    ) -> Result<Option<Vec<Tally>>, SegmentError> {
        let (resolved, among) = match whom {
            Whom::Cards(cards) => {
                let everything = Target::Rule(Rule::everything());
                let resolved = self
                    .ops
                    .resolve(merchant, Viewer::Operator, &everything, None)
                    .await?;
                (resolved, Some(Plan::listed(SegmentId(0), cards)))
            }
            Whom::Query(query) => {
                let (among, _) = self.among(merchant, query).await?;
                let resolved = self
                    .ops
                    .resolve(merchant, query.viewer, &query.target, among.as_deref())
                    .await?;
                (resolved.only(query.only.as_ref()), None)
            }
        };
        let Some(held) = self.current(merchant, &resolved).await? else {
            return Ok(None);
        };
        let all = among.unwrap_or_else(|| Plan::clone(&resolved.plan));
        let plans: Vec<Plan> = rules
            .iter()
            .map(|rule| Plan::All(vec![all.clone(), Plan::of(rule, &resolved.context)]))
            .collect();
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let tallies = held.ask(move |roster| {
            let tally = |plan: &Plan| Tally {
                cards: count(roster.count(plan)),
                customers: count(roster.count_each(plan, Each::Customer)),
            };
            plans.iter().map(tally).collect()
        });
        Ok(Some(tallies.await?))
    }

    async fn page_of_store(
        &self,
        merchant: MerchantId,
        resolved: Resolved,
        query: &Query,
    ) -> Result<(Vec<Place>, usize, bool), Error> {
        let (store, edge) = (self.ops.store.clone(), query.edge.clone());
        let (order, size, each) = (query.order, query.size, query.each);
        apart(async move {
            store
                .read("page_of_list", move |tx| {
                    let (Resolved { plan, context }, edge) = (resolved.clone(), edge.clone());
                    Box::pin(async move {
                        let (plan, context) = (&*plan, &*context);
                        let ((places, has_more), total) = match each {
                            Each::Card => (
                                segments::page(tx, merchant, plan, context, order, &edge, size).await?,
                                segments::count(tx, merchant, plan, context).await?,
                            ),
                            Each::Customer => (
                                segments::page_of_customers(tx, merchant, plan, context, order, &edge, size)
                                    .await?,
                                segments::count_customers(tx, merchant, plan, context).await?,
                            ),
                        };
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
