//! Segments: saving them, and who is in one at the moment of asking.
//!
//! What is answered here is read from the store and exact. Lists and counts that people wait for come from
//! [`crate::ops::rosters`], which answers the same from memory.

mod saving;

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::bulk;
use crate::domain::chips::Chip;
use crate::domain::id::{CardId, CustomerId, MemberId, MerchantId, SegmentId};
use crate::domain::search::Query;
use crate::domain::segment::answers::Incomparable;
use crate::domain::segment::plan::Context;
use crate::domain::segment::saved::{Content, Refusal, Segment, Viewer};
use crate::domain::segment::{Plan, Rule, builtin};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::store::segments::{self, Line};
use crate::store::{Error, Tx, search};

/// People of one search whose cards a list shows, the newest first.
pub const MOST_FOUND: usize = 5000;

#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Incomparable(#[from] Incomparable),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A segment to be saved.
#[derive(Debug, Clone)]
pub struct NewSegment {
    pub name: String,
    pub content: NewContent,
    /// None at the command line; such a segment should be shared, or only operators see it.
    pub owner: Option<MemberId>,
    pub shared: bool,
}

#[derive(Debug, Clone)]
pub enum NewContent {
    Rule(Rule),
    List(Vec<CardId>),
}

/// What an edit changes; what is not said stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub name: Option<String>,
    pub rule: Option<Rule>,
    pub shared: Option<bool>,
}

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    BuiltIn(Chip),
    Saved(SegmentId),
    /// A rule that nobody has saved.
    Rule(Rule),
}

/// A target at one moment.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub plan: Arc<Plan>,
    pub context: Arc<Context>,
}

impl Resolved {
    /// Only what `rule` holds for too.
    #[must_use]
    pub fn only(self, rule: Option<&Rule>) -> Self {
        let Some(rule) = rule else { return self };
        let plan = Plan::All(vec![Plan::clone(&self.plan), Plan::of(rule, &self.context)]);
        Self {
            plan: Arc::new(plan),
            context: self.context,
        }
    }
}

/// How many are meant, and how many of them a push can reach now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    pub members: i64,
    pub reachable: i64,
}

/// A selection of "all that match" was so many when somebody decided, and is so many now that it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    pub seen: i64,
    pub now: i64,
}

impl Drift {
    pub fn difference(self) -> i64 {
        self.now - self.seen
    }
}

impl Ops {
    /// The segments that the viewer may see, by name.
    pub async fn segments(&self, merchant: MerchantId, viewer: Viewer) -> Result<Vec<Segment>, SegmentError> {
        let now = self.clock.now();
        self.store
            .read("segments", move |tx| {
                Box::pin(async move {
                    context(tx, merchant, now).await?;
                    let all = segments::segments(tx, merchant).await?.into_iter();
                    Ok(all.filter_map(|segment| segment.seen_by(viewer).ok()).collect())
                })
            })
            .await
    }

    pub async fn segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
    ) -> Result<Segment, SegmentError> {
        self.store
            .read("segment", move |tx| {
                Box::pin(async move { visible(tx, merchant, viewer, id).await })
            })
            .await
    }

    /// What a target means now.
    pub async fn resolve(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        target: &Target,
        among: Option<&[CustomerId]>,
    ) -> Result<Resolved, SegmentError> {
        let now = self.clock.now();
        let (plan, context) = self
            .store
            .read("resolve_segment", move |tx| {
                let target = target.clone();
                Box::pin(async move { resolve(tx, merchant, viewer, target, now).await })
            })
            .await?;
        let plan = match among {
            Some(customers) => plan.among(customers),
            None => plan,
        };
        Ok(Resolved {
            plan: Arc::new(plan),
            context: Arc::new(context),
        })
    }

    /// A target as whom something is done for: its rule as it is now, asked at this moment however long the work takes;
    /// or the cards of a list.
    pub async fn audience(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        target: &Target,
    ) -> Result<bulk::Audience, SegmentError> {
        let at = self.clock.now();
        let rule = match target {
            Target::Rule(rule) => {
                self.check_rule(merchant, rule).await?;
                rule.clone()
            }
            Target::BuiltIn(chip) => builtin::rule(*chip),
            Target::Saved(id) => match self.segment(merchant, viewer, *id).await?.content {
                Content::Rule(rule) => rule,
                Content::List => return Ok(bulk::Audience::Listed(*id)),
            },
        };
        Ok(bulk::Audience::Rule { rule, at })
    }

    /// Refuses a rule that compares what this merchant's programs do not ask for as such.
    pub async fn check_rule(&self, merchant: MerchantId, rule: &Rule) -> Result<(), SegmentError> {
        let now = self.clock.now();
        let context = self.store.read("context_of_rules", move |tx| {
            Box::pin(async move { context(tx, merchant, now).await })
        });
        Ok(rule.checked_for(&context.await?)?)
    }

    /// The newest people whom a search finds, at most [`MOST_FOUND`], and whether there are more.
    pub(super) async fn found(
        &self,
        merchant: MerchantId,
        query: &Query,
    ) -> Result<(Vec<CustomerId>, bool), Error> {
        let limit = i64::try_from(MOST_FOUND).unwrap_or(i64::MAX).saturating_add(1);
        let found = self.store.read("people_of_list", move |tx| {
            let query = query.clone();
            Box::pin(async move { search::find(tx, merchant, &query, None, limit).await })
        });
        let found: Result<Vec<search::Found>, Error> = found.await;
        let mut people: Vec<CustomerId> = found?.into_iter().map(|found| found.id).collect();
        let is_cut = people.len() > MOST_FOUND;
        people.truncate(MOST_FOUND);
        Ok((people, is_cut))
    }

    /// How many are meant and can be reached.
    pub async fn reach(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        target: &Target,
    ) -> Result<Reach, SegmentError> {
        let Resolved { plan, context } = self.resolve(merchant, viewer, target, None).await?;
        let reachable = Arc::new(reachable(&plan, &context));
        let store = self.store.clone();
        let counted = apart(async move {
            store
                .read("reach_of_segment", move |tx| {
                    let (plan, reachable) = (Arc::clone(&plan), Arc::clone(&reachable));
                    let context = Arc::clone(&context);
                    Box::pin(async move {
                        Ok::<_, Error>(Reach {
                            members: segments::count(tx, merchant, &plan, &context).await?,
                            reachable: segments::count(tx, merchant, &reachable, &context).await?,
                        })
                    })
                })
                .await
        });
        Ok(counted.await?)
    }

    /// How "all that match" has changed since somebody saw `seen` of them; whoever acts on all says this first.
    pub async fn drift(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        target: &Target,
        seen: i64,
    ) -> Result<Drift, SegmentError> {
        let reach = self.reach(merchant, viewer, target).await?;
        Ok(Drift {
            seen,
            now: reach.members,
        })
    }

    /// The next cards that are meant, by id: how work on all of them goes through them, part by part.
    pub async fn members_after(
        &self,
        merchant: MerchantId,
        resolved: &Resolved,
        after: CardId,
        limit: usize,
    ) -> Result<Vec<CardId>, Error> {
        let (store, resolved) = (self.store.clone(), resolved.clone());
        apart(async move {
            store
                .read("members_of_segment", move |tx| {
                    let Resolved { plan, context } = resolved.clone();
                    Box::pin(
                        async move { segments::cards(tx, merchant, &plan, &context, after, limit).await },
                    )
                })
                .await
        })
        .await
    }

    /// What a list shows of these cards, in their order.
    pub async fn lines(&self, merchant: MerchantId, cards: Vec<CardId>) -> Result<Vec<Line>, Error> {
        self.store
            .read("lines_of_cards", move |tx| {
                let cards = cards.clone();
                Box::pin(async move { segments::lines(tx, merchant, cards.iter().copied()).await })
            })
            .await
    }
}

impl Ops {
    /// All cards of some customers.
    pub async fn cards_of_customers(
        &self,
        merchant: MerchantId,
        customers: Vec<CustomerId>,
    ) -> Result<HashMap<CustomerId, Vec<Line>>, Error> {
        self.store
            .read("cards_of_customers", move |tx| {
                let customers = customers.clone();
                Box::pin(async move { segments::cards_of(tx, merchant, &customers).await })
            })
            .await
    }
}

/// Does work that may go through all cards on a thread that nobody else waits for: SQLite reads on the thread that asks.
pub(crate) async fn apart<T, W>(work: W) -> Result<T, Error>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Error>> + Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    let worked = tokio::task::spawn_blocking(move || runtime.block_on(work)).await;
    worked.unwrap_or_else(|_| {
        Err(Error::inconsistent(
            "an answer of the store",
            "a fault of its own",
        ))
    })
}

/// The same, of those only whom a push can reach.
pub(crate) fn reachable(plan: &Plan, context: &Context) -> Plan {
    let rule = Rule::parse("reachable.is.yes").unwrap_or(Rule::Any(Vec::new()));
    Plan::All(vec![plan.clone(), Plan::of(&rule, context)])
}

async fn resolve(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    viewer: Viewer,
    target: Target,
    now: Timestamp,
) -> Result<(Plan, Context), SegmentError> {
    let context = context(tx, merchant, now).await?;
    let plan = match target {
        Target::Rule(rule) => {
            rule.checked_for(&context)?;
            Plan::of(&rule, &context)
        }
        Target::BuiltIn(chip) => Plan::of(&builtin::rule(chip), &context),
        Target::Saved(id) => match visible(tx, merchant, viewer, id).await?.content {
            Content::Rule(rule) => Plan::of(&rule, &context),
            Content::List => Plan::listed(id, &segments::on_list(tx, merchant, id).await?),
        },
    };
    Ok((plan, context))
}

async fn context(tx: &mut Tx<'_>, merchant: MerchantId, now: Timestamp) -> Result<Context, SegmentError> {
    let context = segments::context(tx, merchant, now).await?;
    context.ok_or(SegmentError::NoMerchant(merchant))
}

async fn visible(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    viewer: Viewer,
    id: SegmentId,
) -> Result<Segment, SegmentError> {
    let found = segments::segment(tx, merchant, id).await?;
    Ok(found.ok_or(Refusal::NotFound)?.seen_by(viewer)?)
}
