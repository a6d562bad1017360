//! Actions on many cards as jobs: previewed, worked off in small turns by a chore, taken back as a whole.
//!
//! A turn is one transaction that holds the job's row: it writes down a page of the audience, or changes a page of cards
//! and says so in their rows. So each card is changed exactly once, whatever stops in the middle and however many nodes
//! are at it, and a tap waits behind no more than [`TURN_CARDS`] cards. The job's row is locked before cards, which are
//! locked in the order of their ids as everywhere.

use std::collections::HashMap;

use crate::domain::bulk::{self, Audience, BulkAction, BulkError, Made, Preview, Refusal, Seen, judge};
use crate::domain::card::Card;
use crate::domain::event::{Actor, Event, NewEvent, Source};
use crate::domain::id::{BatchId, CardId, MemberId, MerchantId, ProgramId};
use crate::domain::program::Rules;
use crate::domain::redemption;
use crate::domain::time::Timestamp;
use crate::ops::{Ops, audience};
use crate::store::jobs::{self, ALL_GATHERED, Job, JobRow, JobState, RowState};
use crate::store::{Change, Error, Retry, Tx, cards, events, outbox};

/// Cards that one turn changes at most.
pub const TURN_CARDS: i64 = 100;
/// Cards of one look of a preview.
const LOOK: i64 = 200;

/// Why a job was not started or changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Refused(#[from] BulkError),
    #[error("there is no such job")]
    NotFound,
    #[error("this job is {state}; {expected}")]
    State {
        state: &'static str,
        expected: &'static str,
    },
    #[error("a job that took back another one is not taken back itself; do the action again")]
    TakesBack,
    #[error(transparent)]
    Store(#[from] Error),
}

/// A job as somebody asks for it. Whether they may is the caller's question.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub action: BulkAction,
    pub audience: Audience,
    pub reason: Option<String>,
    /// Who asks; none for the operator of the gateway.
    pub member: Option<MemberId>,
    pub source: Source,
    /// What the preview said that they agreed to.
    pub expected: Option<Seen>,
}

/// How what a job found differs from what its preview had said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// More cards than then, or fewer.
    pub cards: i64,
    /// Whether it was the very same cards.
    pub same_cards: bool,
    /// More cards that could than then, or fewer; none until the job has ended.
    pub able: Option<i64>,
}

impl Job {
    /// What has changed since the preview; none without one, or before the audience is written down.
    pub fn difference(&self) -> Option<Difference> {
        let then = self.expected?;
        (self.gathered_to == ALL_GATHERED).then(|| Difference {
            cards: self.cards - then.cards,
            same_cards: self.cards == then.cards && self.print == then.print,
            able: (self.state == JobState::Done).then(|| self.done - then.able),
        })
    }

    fn actor(&self) -> Actor {
        self.member.map_or(Actor::Gateway, Actor::Member)
    }
}

impl Ops {
    /// What `action` would do to `audience` now. Reads page by page and changes nothing.
    pub async fn preview_job(
        &self,
        merchant: MerchantId,
        action: BulkAction,
        audience: &Audience,
        reason: Option<&str>,
    ) -> Result<Preview, JobError> {
        action.check(audience, reason)?;
        let now = self.clock.now();
        let mut preview = Preview::default();
        let mut after = CardId(0);
        loop {
            let page: Result<_, Error> = self
                .store
                .read("preview_job", |tx| {
                    let audience = audience.clone();
                    Box::pin(async move {
                        let page = audience::page(tx, merchant, &audience, after, LOOK).await?;
                        let keys: Vec<_> = page.iter().map(|card| (merchant, *card)).collect();
                        let found = cards::cards(tx, &keys).await?;
                        let found = found
                            .into_iter()
                            .map(|card| (card.card.id, (card.card, card.of.program.rules)))
                            .collect();
                        let made = made(tx, merchant, action, &audience, &page).await?;
                        let judged = judge_all(action, &page, &found, &made, Actor::Gateway, now);
                        Ok((page, judged))
                    })
                })
                .await;
            let (page, judged) = page?;
            for (card, judged) in &judged {
                preview.add(*card, judged);
            }
            match page.last() {
                Some(last) if page.len() == usize::try_from(LOOK).unwrap_or(usize::MAX) => after = *last,
                _ => return Ok(preview),
            }
        }
    }

    /// Writes the job down; the chore does the rest.
    pub async fn start_job(&self, merchant: MerchantId, new: NewJob) -> Result<BatchId, JobError> {
        new.action.check(&new.audience, new.reason.as_deref())?;
        let now = self.clock.now();
        let batch = BatchId(self.ids.next(now));
        let job = Job {
            merchant,
            batch,
            action: new.action,
            audience: new.audience,
            reason: new.reason.map(|reason| reason.trim().to_owned()),
            member: new.member,
            source: new.source,
            state: JobState::Running,
            expected: new.expected,
            cards: 0,
            print: 0,
            done: 0,
            refused: 0,
            gathered_to: CardId(0),
            worked_to: CardId(0),
            created_at: now,
            changed_at: now,
            finished_at: None,
        };
        self.store
            .write("start_job", move |tx| {
                let job = job.clone();
                Box::pin(async move {
                    if let Audience::Batch(of) = job.audience {
                        can_be_taken_back(tx, merchant, of).await?;
                    }
                    Ok::<_, JobError>(jobs::insert(tx, &job).await?)
                })
            })
            .await?;
        Ok(batch)
    }

    pub async fn job(&self, merchant: MerchantId, batch: BatchId) -> Result<Job, JobError> {
        let found = self.store.read("job", move |tx| {
            Box::pin(async move { jobs::job(tx, merchant, batch).await })
        });
        found.await?.ok_or(JobError::NotFound)
    }

    /// The jobs before `before`, newest first.
    pub async fn jobs(
        &self,
        merchant: MerchantId,
        before: Option<BatchId>,
        limit: i64,
    ) -> Result<Vec<Job>, Error> {
        let before = before.unwrap_or(BatchId(i64::MAX));
        self.store
            .read("jobs", move |tx| {
                Box::pin(async move { jobs::jobs(tx, merchant, before, limit).await })
            })
            .await
    }

    /// What became of each card after `after`.
    pub async fn job_rows(
        &self,
        merchant: MerchantId,
        batch: BatchId,
        after: CardId,
        limit: i64,
    ) -> Result<Vec<JobRow>, Error> {
        self.store
            .read("job_rows", move |tx| {
                Box::pin(async move { jobs::rows(tx, merchant, batch, after, limit).await })
            })
            .await
    }

    /// Holds a job after the turn it is in.
    pub async fn pause_job(&self, merchant: MerchantId, batch: BatchId) -> Result<Job, JobError> {
        self.turn_job(
            "pause_job",
            merchant,
            batch,
            &[JobState::Running],
            JobState::Paused,
        )
        .await
    }

    pub async fn resume_job(&self, merchant: MerchantId, batch: BatchId) -> Result<Job, JobError> {
        self.turn_job(
            "resume_job",
            merchant,
            batch,
            &[JobState::Paused],
            JobState::Running,
        )
        .await
    }

    /// Ends a job; what it has done stays and can be taken back.
    pub async fn cancel_job(&self, merchant: MerchantId, batch: BatchId) -> Result<Job, JobError> {
        let open = &[JobState::Running, JobState::Paused];
        self.turn_job("cancel_job", merchant, batch, open, JobState::Cancelled)
            .await
    }

    async fn turn_job(
        &self,
        name: &'static str,
        merchant: MerchantId,
        batch: BatchId,
        from: &'static [JobState],
        to: JobState,
    ) -> Result<Job, JobError> {
        let now = self.clock.now();
        self.store
            .write(name, move |tx| {
                Box::pin(async move {
                    let job = jobs::job_for_update(tx, merchant, batch).await?;
                    let mut job = job.ok_or(JobError::NotFound)?;
                    if !from.contains(&job.state) {
                        return Err(JobError::State {
                            state: job.state.as_str(),
                            expected: "only an open one can be paused, resumed or cancelled",
                        });
                    }
                    job.state = to;
                    job.changed_at = now;
                    job.finished_at = (to == JobState::Cancelled).then_some(now);
                    jobs::save(tx, &job).await?;
                    Ok(job)
                })
            })
            .await
    }
}

async fn can_be_taken_back(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId) -> Result<(), JobError> {
    let original = jobs::job(tx, merchant, batch).await?.ok_or(JobError::NotFound)?;
    if original.action == BulkAction::TakeBack {
        return Err(JobError::TakesBack);
    }
    match original.state {
        JobState::Done | JobState::Cancelled => Ok(()),
        JobState::Running | JobState::Paused => Err(JobError::State {
            state: original.state.as_str(),
            expected: "cancel it, or wait until it is done, before it is taken back",
        }),
    }
}

/// One turn of the chore: a step of the open job that waited longest. Returns 0 when none was left to this node.
pub(super) async fn turn(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    let open = ops
        .store
        .read("open_jobs", |tx| Box::pin(async move { jobs::open(tx).await }));
    for (merchant, batch) in open.await? {
        let worked = match step(ops, merchant, batch, TURN_CARDS, now).await {
            Err(error) if error.retry() == Retry::Never => {
                one_by_one(ops, merchant, batch, now, &error).await?
            }
            other => other?,
        };
        if worked {
            return Ok(1);
        }
    }
    Ok(0)
}

/// After a turn that can never succeed: the next card alone, and if that fails too it is left out, so that one broken
/// row stops nobody else.
async fn one_by_one(
    ops: &Ops,
    merchant: MerchantId,
    batch: BatchId,
    now: Timestamp,
    error: &Error,
) -> Result<bool, Error> {
    tracing::warn!(job = %batch, %error, "a turn of a job failed; going on card by card");
    match step(ops, merchant, batch, 1, now).await {
        Err(error) if error.retry() == Retry::Never => {
            tracing::error!(job = %batch, %error, "a card of a job cannot be changed");
            ops.store
                .write("skip_job_row", move |tx| {
                    Box::pin(async move { skip(tx, merchant, batch, now).await })
                })
                .await
        }
        other => other,
    }
}

async fn step(
    ops: &Ops,
    merchant: MerchantId,
    batch: BatchId,
    limit: i64,
    now: Timestamp,
) -> Result<bool, Error> {
    let worked = ops
        .store
        .write("work_job", move |tx| {
            Box::pin(async move {
                let Some(mut job) = jobs::claim(tx, merchant, batch).await? else {
                    return Ok::<_, Error>(false);
                };
                if job.gathered_to == ALL_GATHERED {
                    work(tx, &mut job, limit, now).await?;
                } else {
                    gather(tx, &mut job, limit).await?;
                }
                job.changed_at = now;
                jobs::save(tx, &job).await?;
                tracing::trace!(target: "passgate::walk", step = "job_written");
                Ok(true)
            })
        })
        .await?;
    if worked {
        tracing::trace!(target: "passgate::walk", step = "job_committed");
    }
    Ok(worked)
}

/// Writes down the next page of the audience.
async fn gather(tx: &mut Tx<'_>, job: &mut Job, limit: i64) -> Result<(), Error> {
    let page = audience::page(tx, job.merchant, &job.audience, job.gathered_to, limit).await?;
    jobs::insert_rows(tx, job.merchant, job.batch, &page).await?;
    let count = i64::try_from(page.len()).unwrap_or(i64::MAX);
    job.cards += count;
    for card in &page {
        job.print = job.print.wrapping_add(bulk::print(*card));
    }
    job.gathered_to = match page.last() {
        Some(last) if count == limit => *last,
        _ => ALL_GATHERED,
    };
    tracing::trace!(target: "passgate::walk", step = "job_gathered");
    Ok(())
}

/// Does the action to the next cards.
async fn work(tx: &mut Tx<'_>, job: &mut Job, limit: i64, now: Timestamp) -> Result<(), Error> {
    let page = jobs::waiting(tx, job.merchant, job.batch, job.worked_to, limit).await?;
    let Some(last) = page.last() else {
        job.state = JobState::Done;
        job.finished_at = Some(now);
        return Ok(());
    };
    job.worked_to = *last;
    let found = locked(tx, job.merchant, &page).await?;
    let made = made(tx, job.merchant, job.action, &job.audience, &page).await?;
    let mut in_hand = HashMap::new();
    let mut new_events: Vec<NewEvent> = Vec::new();
    let mut rows = Vec::with_capacity(page.len());
    for (card, judged) in judge_all(job.action, &page, &found, &made, job.actor(), now) {
        let mut row = JobRow {
            card,
            state: RowState::Refused,
            refusal: None,
            newest: None,
            events: 0,
        };
        match judged {
            Ok(change) => {
                row.state = RowState::Done;
                row.events = i64::try_from(change.events.len()).unwrap_or(i64::MAX);
                new_events.extend(change.events.into_iter().map(|event| NewEvent {
                    batch: Some(job.batch),
                    source: job.source,
                    reason: event.reason.or_else(|| job.reason.clone()),
                    ..event
                }));
                in_hand.insert(card, change.card);
                job.done += 1;
            }
            Err(refusal) => {
                row.refusal = Some((refusal.code().to_owned(), refusal.to_string()));
                job.refused += 1;
            }
        }
        rows.push(row);
    }
    tracing::trace!(target: "passgate::walk", step = "job_decided");
    events::append(tx, &mut in_hand, &new_events, now).await?;
    tracing::trace!(target: "passgate::walk", step = "job_events_appended");
    let mut changed = Vec::with_capacity(in_hand.len());
    for row in rows.iter_mut().filter(|row| row.state == RowState::Done) {
        if let Some(card) = in_hand.remove(&row.card) {
            row.newest = card.last_event;
            changed.push(card);
        }
    }
    cards::save(tx, &changed).await?;
    outbox::enqueue(tx, &changed, now).await?;
    for card in &changed {
        tx.announce(Change::Card(card.merchant, card.id));
    }
    jobs::finish_rows(tx, job.merchant, job.batch, &rows).await
}

/// Leaves out the next card.
async fn skip(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId, now: Timestamp) -> Result<bool, Error> {
    let Some(mut job) = jobs::claim(tx, merchant, batch).await? else {
        return Ok(false);
    };
    let next = jobs::waiting(tx, merchant, batch, job.worked_to, 1).await?;
    if let Some(card) = next.first() {
        let sentence = "The gateway could not change this card; its log says why.";
        let row = JobRow {
            card: *card,
            state: RowState::Refused,
            refusal: Some(("failed".to_owned(), sentence.to_owned())),
            newest: None,
            events: 0,
        };
        jobs::finish_rows(tx, merchant, batch, &[row]).await?;
        job.worked_to = *card;
        job.refused += 1;
    } else {
        // Even its audience cannot be read.
        job.state = JobState::Cancelled;
        job.finished_at = Some(now);
    }
    job.changed_at = now;
    jobs::save(tx, &job).await?;
    Ok(true)
}

type Found = HashMap<CardId, (Card, Rules)>;

/// The cards of `page`, locked, each with the rules of its program. `page` is in the order of the ids.
async fn locked(tx: &mut Tx<'_>, merchant: MerchantId, page: &[CardId]) -> Result<Found, Error> {
    let keys: Vec<_> = page.iter().map(|card| (merchant, *card)).collect();
    let found = cards::cards_for_update(tx, &keys).await?;
    let mut programs: Vec<_> = found.iter().map(|card| (merchant, card.program)).collect();
    programs.sort_unstable();
    programs.dedup();
    let programs = cards::programs_of(tx, &programs).await?;
    let rules: HashMap<ProgramId, Rules> = programs
        .into_iter()
        .map(|of| (of.program.id, of.program.rules))
        .collect();
    let with_rules = found.into_iter().filter_map(|card| {
        let rules = rules.get(&card.program)?.clone();
        Some((card.id, (card, rules)))
    });
    Ok(with_rules.collect())
}

/// What the batch that is to be taken back did to each card of `page`.
async fn made(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    action: BulkAction,
    audience: &Audience,
    page: &[CardId],
) -> Result<HashMap<CardId, Made>, Error> {
    let (BulkAction::TakeBack, Audience::Batch(batch)) = (action, audience) else {
        return Ok(HashMap::new());
    };
    let events = jobs::made(tx, merchant, *batch, page).await?;
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    let taken_back = jobs::taken_back(tx, merchant, &ids).await?;
    let mut made: HashMap<CardId, Made> = HashMap::new();
    for event in events {
        if let Some(card) = event.event.card() {
            made.entry(card).or_default().entries.push(event);
        }
    }
    for made in made.values_mut() {
        made.entries
            .sort_by_key(|event: &Event| std::cmp::Reverse(event.id));
        made.taken_back.extend(&taken_back);
    }
    Ok(made)
}

fn judge_all(
    action: BulkAction,
    page: &[CardId],
    found: &Found,
    made: &HashMap<CardId, Made>,
    actor: Actor,
    now: Timestamp,
) -> Vec<(CardId, Result<redemption::Change, Refusal>)> {
    let judge_one = |card: &CardId| match found.get(card) {
        Some((with, rules)) => judge(action, rules, with, made.get(card), actor, now),
        None => Err(Refusal::NoCard),
    };
    page.iter().map(|card| (*card, judge_one(card))).collect()
}
