//! Holding a job, ending it, and taking back what it did.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, batch_id, takes, ticket, title};
use crate::domain::access::Action;
use crate::domain::bulk::{Audience, BulkAction, Seen};
use crate::domain::event::Source;
use crate::domain::id::BatchId;
use crate::ops::jobs::{JobError, NewJob};
use crate::store::jobs::{Job, JobState};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The forms that a job's state and the member's role allow.
pub(super) fn forms(screen: &Screen, job: &Job) -> Markup {
    let words = &screen.words.jobs;
    let step = |word: &str, label: &str| {
        html! {
            form method="post" action=(format!("{}/{word}", address(job.batch))) data-once {
                button.button.secondary type="submit" { (label) }
            }
        }
    };
    let may = screen.may(takes(job.action));
    let is_undoable = job.done > 0 && job.action != BulkAction::TakeBack && screen.may(Action::ReverseEvent);
    html! {
        @match job.state {
            JobState::Running if may => { (step("pause", words.pause)) (step("cancel", words.cancel)) }
            JobState::Paused if may => { (step("resume", words.resume)) (step("cancel", words.cancel)) }
            JobState::Done | JobState::Cancelled if is_undoable => {
                a.button.secondary href=(format!("{}/undo", address(job.batch))) data-modal data-command=(words.undo_all) {
                    (icon("undo")) (words.undo_all)
                }
            }
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Pause,
    Resume,
    Cancel,
}

/// `POST /console/jobs/{batch}/pause`
pub async fn pause(state: State<Web>, screen: Screen, path: Path<String>) -> Result<Response, ApiError> {
    take(state, screen, path, Step::Pause).await
}

/// `POST /console/jobs/{batch}/resume`
pub async fn resume(state: State<Web>, screen: Screen, path: Path<String>) -> Result<Response, ApiError> {
    take(state, screen, path, Step::Resume).await
}

/// `POST /console/jobs/{batch}/cancel`
pub async fn cancel(state: State<Web>, screen: Screen, path: Path<String>) -> Result<Response, ApiError> {
    take(state, screen, path, Step::Cancel).await
}

async fn take(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
    step: Step,
) -> Result<Response, ApiError> {
    // Who may not do anything to many cards; what exactly this job takes is known once it is read.
    screen.require(Action::EditBalance)?;
    let (batch, merchant) = (batch_id(&batch)?, screen.member.merchant);
    let job = web.ops.job(merchant, batch).await?;
    screen.require(takes(job.action))?;
    let (done, word) = match step {
        Step::Pause => (web.ops.pause_job(merchant, batch).await, "paused"),
        Step::Resume => (web.ops.resume_job(merchant, batch).await, "resumed"),
        Step::Cancel => (web.ops.cancel_job(merchant, batch).await, "cancelled"),
    };
    match done {
        Ok(_) => Ok(Redirect::to(&format!("{}?done={word}", address(batch))).into_response()),
        // It ended, or somebody was faster: the page says how it stands.
        Err(JobError::Over(_) | JobError::Open(_)) => Ok(Redirect::to(&address(batch)).into_response()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /console/jobs/{batch}/undo`: asks first.
pub async fn ask_undo(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ReverseEvent)?;
    let job = web.ops.job(screen.member.merchant, batch_id(&batch)?).await?;
    question(&web, &screen, &job, None).await
}

async fn question(web: &Web, screen: &Screen, job: &Job, problem: Option<&str>) -> Result<Markup, ApiError> {
    let (words, merchant) = (&screen.words.jobs, screen.member.merchant);
    let audience = Audience::Batch(job.batch);
    let preview = web
        .ops
        .preview_job(merchant, BulkAction::TakeBack, &audience, None);
    let seen = preview.await?.seen;
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) {
            a href=(address(job.batch)) { (icon("left")) (title(screen, job.action)) }
        }
        div.page-head { h1 { (words.undo_title) } }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        form.panel method="post" action=(format!("{}/undo", address(job.batch))) data-once data-alarming {
            p { (words.undo_text) }
            p { strong { ((words.can_take_back)(seen.able, seen.cards)) } }
            input type="hidden" name="ticket" value=(ticket::make(web, merchant, &about(job.batch), seen.able));
            input type="hidden" name="cards" value=(seen.cards);
            input type="hidden" name="able" value=(seen.able);
            input type="hidden" name="print" value=(seen.print);
            div.dialog-foot {
                a.button.secondary href=(address(job.batch)) data-close autofocus { (screen.words.common.cancel) }
                button.button.danger type="submit" { (words.undo_all) }
            }
        }
    };
    Ok(screen.page(Section::Jobs, words.undo_title, &content))
}

/// What a ticket says that takes back a job.
fn about(of: BatchId) -> String {
    format!("undo {of}")
}

#[derive(Debug, Deserialize)]
pub struct Undo {
    ticket: String,
    cards: i64,
    able: i64,
    print: i64,
}

/// `POST /console/jobs/{batch}/undo`: takes back the whole job, as a job of its own.
pub async fn undo(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
    Form(sent): Form<Undo>,
) -> Result<Response, ApiError> {
    screen.require(Action::ReverseEvent)?;
    let (of, merchant) = (batch_id(&batch)?, screen.member.merchant);
    let job = web.ops.job(merchant, of).await?;
    let Some(ticket) = ticket::read(&web, merchant, &about(of), &sent.ticket) else {
        let page = question(&web, &screen, &job, Some(screen.words.jobs.stale)).await?;
        return Ok((ApiError::Conflict(String::new()).status(), page).into_response());
    };
    let Undo {
        cards, able, print, ..
    } = sent;
    let new = NewJob {
        action: BulkAction::TakeBack,
        audience: Audience::Batch(of),
        reason: None,
        member: Some(screen.member.id),
        source: Source::Console,
        expected: Some(Seen { cards, able, print }),
    };
    let batch = web.ops.start_job_as(merchant, ticket.batch, new).await?;
    Ok(Redirect::to(&format!("{}?done=started", address(batch))).into_response())
}
