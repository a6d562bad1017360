//! Actions on many cards as jobs: previewed, worked off in small turns by a chore, taken back as a whole.
//!
//! A turn is one transaction that holds the job's row: it writes down a page of the audience, or changes a page of cards
//! and says so in their rows. So each card is changed exactly once, whatever stops in the middle and however many nodes
//! are at it, and a tap waits behind no more than [`TURN_CARDS`] cards. The job's row is locked before cards, which are
//! locked in the order of their ids as everywhere.

use std::collections::HashMap;

use crate::domain::bulk::{Audience, BulkAction, BulkError, Made, Preview, Refusal, Seen, judge};
use crate::domain::card::Card;
use crate::domain::change::{Cause, Change, Reason};
use crate::domain::event::{Actor, Event, Source};
use crate::domain::id::{BatchId, CardId, MemberId, MerchantId};
use crate::domain::time::Timestamp;
use crate::ops::audience::{Audience as _, BEGIN};
use crate::ops::cards::remaining;
use crate::ops::{Ops, balances};
use crate::store::cards::ProgramOfMerchant;
use crate::store::jobs::{self, ALL_GATHERED, Job, JobRow, JobState};
use crate::store::{Error, Tx, cards};

mod turn;

pub use turn::TURN_CARDS;
pub(super) use turn::turn;

/// Cards of one look of a preview.
const LOOK: i64 = 200;

/// Why a job was not started or changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Refused(#[from] BulkError),
    #[error("there is no such job")]
    NotFound,
    #[error("this job is {}; only an open one can be paused, resumed or cancelled", .0.as_str())]
    Over(JobState),
    #[error("this job is {}; cancel it, or wait until it is done, before it is taken back", .0.as_str())]
    Open(JobState),
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

    /// What every row of the job says.
    fn cause(&self) -> Cause {
        let mut cause = Cause::of(self.member.map_or(Actor::Gateway, Actor::Member));
        cause.reason = self
            .reason
            .as_deref()
            .and_then(|reason| Reason::parse(reason).ok());
        cause.in_batch(self.batch, self.source)
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
        let mut after = BEGIN;
        loop {
            let page: Result<_, Error> = self
                .store
                .read("preview_job", |tx| {
                    let audience = audience.clone();
                    Box::pin(async move {
                        let page = audience.page(tx, merchant, after, LOOK).await?;
                        let keys: Vec<_> = page.iter().map(|card| (merchant, *card)).collect();
                        let found = cards::cards(tx, &keys).await?;
                        let found = found
                            .into_iter()
                            .map(|card| (card.card.id, (card.card, card.of)))
                            .collect();
                        let made = made(tx, merchant, action, &audience, &page, &found).await?;
                        let cause = Cause::of(Actor::Gateway);
                        let judged = judge_all(action, &page, &found, &made, &cause, now);
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
        let batch = BatchId(self.ids.next(self.clock.now()));
        self.start_job_as(merchant, batch, new).await
    }

    /// The same under an id that was made before, so that whoever asks twice starts one job.
    pub async fn start_job_as(
        &self,
        merchant: MerchantId,
        batch: BatchId,
        new: NewJob,
    ) -> Result<BatchId, JobError> {
        new.action.check(&new.audience, new.reason.as_deref())?;
        let now = self.clock.now();
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
        let started = self
            .store
            .write("start_job", move |tx| {
                let job = job.clone();
                Box::pin(async move {
                    if jobs::job(tx, merchant, batch).await?.is_some() {
                        return Ok(());
                    }
                    if let Audience::Batch(of) = job.audience {
                        can_be_taken_back(tx, merchant, of).await?;
                    }
                    Ok::<_, JobError>(jobs::insert(tx, &job).await?)
                })
            })
            .await;
        match started {
            // Two at the same moment: the other one has written it.
            Err(JobError::Store(error)) if error.is_unique_violation() => Ok(batch),
            started => started.map(|()| batch),
        }
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
                        return Err(JobError::Over(job.state));
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
        JobState::Running | JobState::Paused => Err(JobError::Open(original.state)),
    }
}

/// Cards with their programs.
type Found = HashMap<CardId, (Card, ProgramOfMerchant)>;

/// What the batch that is to be taken back did to each card of `page`.
async fn made(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    action: BulkAction,
    audience: &Audience,
    page: &[CardId],
    found: &Found,
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
    for (card, made) in &mut made {
        made.entries
            .sort_by_key(|event: &Event| std::cmp::Reverse(event.id));
        made.taken_back.extend(&taken_back);
        // Only what was a visit moves what visits say: nothing else needs the card's history.
        let visit = made.entries.iter().find(|event| event.event.delta.visits > 0);
        if let (Some(visit), Some((card, of))) = (visit, found.get(card)) {
            made.remaining = remaining(tx, card, visit, &of.zone).await?;
        }
    }
    Ok(made)
}

fn judge_all(
    action: BulkAction,
    page: &[CardId],
    found: &Found,
    made: &HashMap<CardId, Made>,
    cause: &Cause,
    now: Timestamp,
) -> Vec<(CardId, Result<Change, Refusal>)> {
    let judge_one = |id: &CardId| match found.get(id) {
        Some((card, of)) => balances::caught_up(of, card, now, |card| {
            judge(action, &of.program.rules, card, made.get(id), cause, now)
        }),
        None => Err(Refusal::NoCard),
    };
    page.iter().map(|card| (*card, judge_one(card))).collect()
}
