//! Segments: saving them, and who is in one at the moment of asking.
//!
//! What is answered here is read from the store and exact. Lists and counts that people wait for come from
//! [`crate::ops::rosters`], which answers the same from memory.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::{CardId, CustomerId, MemberId, MerchantId, SegmentId};
use crate::domain::segment::builtin::{self, BuiltIn};
use crate::domain::segment::plan::Context;
use crate::domain::segment::saved::{self, Content, LONGEST_LIST, Refusal, Segment, Viewer};
use crate::domain::segment::{Plan, Rule};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::store::segments::{self, Line};
use crate::store::{Error, Tx};

/// Cards of a list that one transaction changes.
const PART: usize = 200;
/// How long the measure of high value stands.
const MEASURED_FOR: Duration = Duration::from_hours(24);
/// Cards whose spend is read at once while measuring.
const MEASURED_AT_ONCE: i64 = 2000;

#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    BuiltIn(BuiltIn),
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
    /// Saves a segment under a name that no other has.
    pub async fn add_segment(&self, merchant: MerchantId, new: NewSegment) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        let name = saved::name(&new.name)?;
        let (content, cards) = match new.content {
            NewContent::Rule(rule) => (Content::Rule(rule), Vec::new()),
            NewContent::List(cards) => (Content::List, cards),
        };
        if cards.len() > LONGEST_LIST {
            return Err(Refusal::ListTooLong(cards.len()).into());
        }
        let segment = Segment {
            id: SegmentId(self.ids.next(now)),
            merchant,
            name,
            content,
            owner: new.owner,
            shared: new.shared,
            version: 1,
            created_at: now,
            changed_at: now,
        };
        let segment = self
            .store
            .write("add_segment", move |tx| {
                let segment = segment.clone();
                Box::pin(async move {
                    context(tx, merchant, now).await?;
                    free(tx, &segment).await?;
                    segments::insert(tx, &segment).await?;
                    Ok(segment)
                })
            })
            .await
            .map_err(taken)?;
        self.put_on(merchant, segment.id, &cards).await?;
        Ok(segment)
    }

    /// Puts cards on a list, part by part, so that no tap waits for a long one. Repeating it does no harm.
    async fn put_on(&self, merchant: MerchantId, id: SegmentId, cards: &[CardId]) -> Result<(), Error> {
        for part in cards.chunks(PART) {
            let part = part.to_vec();
            self.store
                .write("put_on_list", move |tx| {
                    let part = part.clone();
                    Box::pin(async move { segments::put_on(tx, merchant, id, &part).await })
                })
                .await?;
        }
        Ok(())
    }

    /// Changes a segment that is still as the caller saw it.
    pub async fn edit_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        seen: i64,
        edit: Edit,
    ) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        self.store
            .write("edit_segment", move |tx| {
                let edit = edit.clone();
                Box::pin(async move {
                    let mut segment = locked(tx, merchant, viewer, id).await?.at_version(seen)?;
                    if let Some(name) = edit.name {
                        segment.name = saved::name(&name)?;
                    }
                    if let Some(rule) = edit.rule {
                        segment.rule().ok_or(Refusal::NoRule)?;
                        segment.content = Content::Rule(rule);
                    }
                    segment.shared = edit.shared.unwrap_or(segment.shared);
                    segment.version += 1;
                    segment.changed_at = now;
                    free(tx, &segment).await?;
                    segments::update(tx, &segment).await?;
                    Ok(segment)
                })
            })
            .await
            .map_err(taken)
    }

    /// Makes a private copy of a segment, its list too.
    pub async fn duplicate_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        name: &str,
    ) -> Result<Segment, SegmentError> {
        let now = self.clock.now();
        let name = saved::name(name)?;
        let copy = SegmentId(self.ids.next(now));
        let (segment, cards) = self
            .store
            .write("duplicate_segment", move |tx| {
                let name = name.clone();
                Box::pin(async move {
                    let original = locked(tx, merchant, viewer, id).await?;
                    let segment = Segment {
                        id: copy,
                        name,
                        owner: match viewer {
                            Viewer::Member(member) => Some(member),
                            Viewer::Operator => None,
                        },
                        shared: false,
                        version: 1,
                        created_at: now,
                        changed_at: now,
                        ..original
                    };
                    free(tx, &segment).await?;
                    segments::insert(tx, &segment).await?;
                    Ok((segment, segments::on_list(tx, merchant, id).await?))
                })
            })
            .await
            .map_err(taken)?;
        self.put_on(merchant, copy, &cards).await?;
        Ok(segment)
    }

    /// Removes a segment that nothing needs; its cards stay. The list goes after it, part by part.
    pub async fn delete_segment(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        seen: i64,
    ) -> Result<(), SegmentError> {
        self.store
            .write("delete_segment", move |tx| {
                Box::pin(async move {
                    locked(tx, merchant, viewer, id).await?.at_version(seen)?;
                    saved::may_delete(&segments::uses(tx, merchant, id).await?)?;
                    segments::delete(tx, merchant, id).await?;
                    Ok::<_, SegmentError>(())
                })
            })
            .await?;
        loop {
            let cleared = self
                .store
                .write("clear_list", move |tx| {
                    Box::pin(async move { segments::clear(tx, merchant, id, TURN).await })
                })
                .await?;
            if cleared == 0 {
                return Ok(());
            }
        }
    }

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

    /// Puts cards on a list or takes them off, part by part; returns how many it holds then.
    pub async fn change_list(
        &self,
        merchant: MerchantId,
        viewer: Viewer,
        id: SegmentId,
        put_on: &[CardId],
        take_off: &[CardId],
    ) -> Result<usize, SegmentError> {
        let now = self.clock.now();
        let add = put_on.len();
        self.store
            .write("change_list", move |tx| {
                Box::pin(async move {
                    let mut segment = locked(tx, merchant, viewer, id).await?;
                    if segment.content != Content::List {
                        return Err(Refusal::NoList.into());
                    }
                    let most = segments::length(tx, merchant, id).await?.saturating_add(add);
                    if most > LONGEST_LIST {
                        return Err(Refusal::ListTooLong(most).into());
                    }
                    segment.version += 1;
                    segment.changed_at = now;
                    segments::update(tx, &segment).await?;
                    Ok::<_, SegmentError>(())
                })
            })
            .await?;
        for part in take_off.chunks(PART) {
            let part = part.to_vec();
            self.store
                .write("take_off_list", move |tx| {
                    let part = part.clone();
                    Box::pin(async move {
                        for card in part {
                            segments::take_off(tx, merchant, id, card).await?;
                        }
                        Ok::<_, Error>(())
                    })
                })
                .await?;
        }
        self.put_on(merchant, id, put_on).await?;
        let length = self.store.read("length_of_list", move |tx| {
            Box::pin(async move { segments::length(tx, merchant, id).await })
        });
        Ok(length.await?)
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

    /// Takes the measure of high value anew: one merchant a turn, once a day.
    pub(crate) async fn measure_high_value(&self, now: Timestamp) -> Result<usize, Error> {
        let before = now.minus(MEASURED_FOR);
        let due = self
            .store
            .read("unmeasured_merchant", move |tx| {
                Box::pin(async move { segments::unmeasured(tx, before).await })
            })
            .await?;
        let Some(merchant) = due else {
            return Ok(0);
        };
        let mut spends = Vec::new();
        let mut after = CardId(0);
        loop {
            let some: Vec<(CardId, i64)> = self
                .store
                .read("spends", move |tx| {
                    Box::pin(segments::spends_after(tx, merchant, after, MEASURED_AT_ONCE))
                })
                .await?;
            let Some((last, _)) = some.last() else { break };
            after = *last;
            spends.extend(some.into_iter().map(|(_, spend)| spend));
            // Others on this thread go first.
            tokio::task::yield_now().await;
        }
        let least = builtin::least_of_top_fifth(spends);
        self.store
            .write("measure_high_value", move |tx| {
                Box::pin(segments::set_high_value(tx, merchant, least, now))
            })
            .await
            .map(|()| 1)
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
        Target::Rule(rule) => Plan::of(&rule, &context),
        Target::BuiltIn(built_in) => {
            let high_value = segments::high_value(tx, merchant).await?;
            Plan::of(&built_in.rule(high_value), &context)
        }
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

async fn locked(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    viewer: Viewer,
    id: SegmentId,
) -> Result<Segment, SegmentError> {
    let found = segments::for_update(tx, merchant, id).await?;
    Ok(found.ok_or(Refusal::NotFound)?.seen_by(viewer)?)
}

/// A name belongs to one segment, also when the other one is private to somebody else.
async fn free(tx: &mut Tx<'_>, segment: &Segment) -> Result<(), SegmentError> {
    match segments::named(tx, segment.merchant, &segment.name).await? {
        Some(other) if other != segment.id => Err(Refusal::NameTaken(segment.name.clone()).into()),
        _ => Ok(()),
    }
}

/// Two who took the same name at the same moment: the second one hears it as the first look would have said it.
fn taken(error: SegmentError) -> SegmentError {
    match error {
        SegmentError::Store(error) if error.is_unique_violation() => {
            Refusal::NameTaken("the same name, a moment ago".into()).into()
        }
        other => other,
    }
}
