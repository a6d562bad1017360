//! One turn of a job, as one transaction: a page of its audience written down, or a page of its cards changed.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Found, judge_all, made};
use crate::domain::bulk::{self, BulkAction, Refusal};
use crate::domain::card::CardStatus;
use crate::domain::change::Change;
use crate::domain::id::{BatchId, CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::audience::{self, Audience};
use crate::ops::cards::write_changes;
use crate::store::jobs::{self, ALL_GATHERED, Job, JobRow, JobState, RowState};
use crate::store::{Error, Retry, Tx, cards, erasure};

/// Cards that one turn changes at most.
pub const TURN_CARDS: i64 = 100;

/// One turn of the chore: a step of the open job that waited longest. Returns 0 when none was left to this node.
pub(in crate::ops) async fn turn(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    let open = ops
        .store
        .read("open_jobs", |tx| Box::pin(async move { jobs::open(tx).await }));
    for (merchant, batch) in open.await? {
        let worked = match step(ops, merchant, batch, TURN_CARDS, now).await {
            Err(error) if error.retry() == Retry::Never => {
                match one_by_one(ops, merchant, batch, now, &error).await {
                    Err(error) if error.retry() == Retry::Never => {
                        give_up(ops, merchant, batch, now, &error).await?
                    }
                    other => other?,
                }
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

/// After a job of which nothing can be read: it ends, because it is the first that every turn would come to, and would
/// stop the jobs of everybody.
async fn give_up(
    ops: &Ops,
    merchant: MerchantId,
    batch: BatchId,
    now: Timestamp,
    error: &Error,
) -> Result<bool, Error> {
    tracing::error!(job = %batch, %error, "a job cannot be worked on; it is given up");
    let given_up: Result<(), Error> = ops
        .store
        .write("give_up_job", move |tx| {
            Box::pin(async move { jobs::give_up(tx, merchant, batch, now).await })
        })
        .await;
    given_up.map(|()| true)
}

async fn step(
    ops: &Ops,
    merchant: MerchantId,
    batch: BatchId,
    limit: i64,
    now: Timestamp,
) -> Result<bool, Error> {
    let ahead = look_ahead(ops, merchant, batch, limit).await?;
    let worked = ops
        .store
        .write("work_job", move |tx| {
            let ahead = ahead.clone();
            Box::pin(async move {
                let Some(mut job) = jobs::claim(tx, merchant, batch).await? else {
                    return Ok::<_, Error>(false);
                };
                if job.gathered_to == ALL_GATHERED {
                    work(tx, &mut job, limit, now).await?;
                } else {
                    gather(tx, &mut job, ahead.as_ref(), limit).await?;
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

/// The next page of a job's audience, and behind which card it begins; none once all of it is written down.
type Ahead = (CardId, Vec<CardId>);

async fn look_ahead(
    ops: &Ops,
    merchant: MerchantId,
    batch: BatchId,
    limit: i64,
) -> Result<Option<Ahead>, Error> {
    let job = ops.store.read("job", move |tx| {
        Box::pin(async move { jobs::job(tx, merchant, batch).await })
    });
    let job: Option<Job> = job.await?;
    let Some(job) = job.filter(|job| job.gathered_to != ALL_GATHERED) else {
        return Ok(None);
    };
    let whom: Arc<dyn Audience> = Arc::new(job.audience);
    let page = audience::next(&ops.store, &whom, merchant, job.gathered_to, limit).await?;
    Ok(Some((job.gathered_to, page)))
}

/// Writes down a page of the audience, unless somebody else was faster.
async fn gather(tx: &mut Tx<'_>, job: &mut Job, ahead: Option<&Ahead>, limit: i64) -> Result<(), Error> {
    let Some((_, page)) = ahead.filter(|(after, _)| *after == job.gathered_to) else {
        return Ok(());
    };
    jobs::insert_rows(tx, job.merchant, job.batch, page).await?;
    let count = i64::try_from(page.len()).unwrap_or(i64::MAX);
    job.cards += count;
    for card in page {
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
    let made = made(tx, job.merchant, job.action, &job.audience, &page, &found).await?;
    let mut changes = Vec::with_capacity(page.len());
    let mut rows = Vec::with_capacity(page.len());
    for (card, judged) in judge_all(job.action, &page, &found, &made, &job.cause(), now) {
        let mut row = JobRow {
            card,
            state: RowState::Refused,
            refusal: None,
            newest: None,
            events: 0,
        };
        match but_not_the_erased(tx, job, judged).await? {
            Ok(change) => {
                row.state = RowState::Done;
                row.events = i64::try_from(change.events.len()).unwrap_or(i64::MAX);
                changes.push(change);
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
    let changed = write_changes(tx, changes, now).await?;
    let newest: HashMap<_, _> = changed.iter().map(|card| (card.id, card.last_event)).collect();
    for row in &mut rows {
        row.newest = newest.get(&row.card).copied().flatten();
    }
    jobs::finish_rows(tx, job.merchant, job.batch, &rows).await
}

/// Refuses to bring back the card of somebody who was erased.
async fn but_not_the_erased(
    tx: &mut Tx<'_>,
    job: &Job,
    judged: Result<Change, Refusal>,
) -> Result<Result<Change, Refusal>, Error> {
    let revived = match &judged {
        Ok(change) if change.card.status != CardStatus::Void => change.card.customer,
        _ => return Ok(judged),
    };
    if !matches!(job.action, BulkAction::Restore | BulkAction::TakeBack) {
        return Ok(judged);
    }
    let person = erasure::person(tx, job.merchant, revived).await?;
    let is_erased = person.is_some_and(|person| person.erased_at.is_some());
    Ok(if is_erased {
        Err(Refusal::CustomerErased)
    } else {
        judged
    })
}

/// Leaves out the next card, or ends the job where there is none.
async fn skip(tx: &mut Tx<'_>, merchant: MerchantId, batch: BatchId, now: Timestamp) -> Result<bool, Error> {
    let Some(mut job) = jobs::claim(tx, merchant, batch).await? else {
        return Ok(false);
    };
    let next = match job.gathered_to {
        ALL_GATHERED => jobs::waiting(tx, merchant, batch, job.worked_to, 1).await?,
        // Even its audience cannot be read.
        _ => Vec::new(),
    };
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
        job.state = JobState::Cancelled;
        job.finished_at = Some(now);
    }
    job.changed_at = now;
    jobs::save(tx, &job).await?;
    Ok(true)
}

/// The cards of `page`, locked, each with its program. `page` is in the order of the ids.
async fn locked(tx: &mut Tx<'_>, merchant: MerchantId, page: &[CardId]) -> Result<Found, Error> {
    let keys: Vec<_> = page.iter().map(|card| (merchant, *card)).collect();
    let found = cards::cards_for_update(tx, &keys).await?;
    let mut programs: Vec<_> = found.iter().map(|card| (merchant, card.program)).collect();
    programs.sort_unstable();
    programs.dedup();
    let programs = cards::programs_of(tx, &programs).await?;
    let programs: HashMap<_, _> = programs.into_iter().map(|of| (of.program.id, of)).collect();
    let with_program = found.into_iter().filter_map(|card| {
        let of = programs.get(&card.program)?.clone();
        Some((card.id, (card, of)))
    });
    Ok(with_program.collect())
}
