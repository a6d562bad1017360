//! Jobs: actions on many cards, with their progress, what became of each card, and the way to undo them.

mod asked;
pub mod live;
pub mod message;
pub mod preview;
pub mod steps;
mod ticket;
pub mod watch;
mod works;

use std::collections::HashMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Path, Query, State};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::bulk::{Audience, BulkAction};
use crate::domain::id::{BatchId, CardId};
use crate::ops::jobs::Difference;
use crate::ops::works::Work;
use crate::store::jobs::{ALL_GATHERED, Job, JobRow, JobState, RowState};
use crate::web::Web;
use crate::web::console::components::{Tone, badge, empty, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::list::saying::Saying;
use crate::web::console::list::table::name;
use crate::web::console::screen::Screen;
use crate::web::console::words::Text;
use crate::web::console::words::jobs::Jobs;
use crate::web::error::ApiError;
use watch::{Going, Picture, Works};
pub(in crate::web::console) use works::pace;

/// A form that carries as many cards as can be selected one by one.
pub const LARGEST_SELECTION: usize = 256 * 1024;
/// Jobs of a page of the list, and cards of a page of one job.
const PAGE: i64 = 50;

/// The routes of jobs, to be nested at `/jobs`.
pub fn router() -> Router<Web> {
    let large = DefaultBodyLimit::max(LARGEST_SELECTION);
    Router::new()
        .route("/", get(list).post(preview::start).layer(large))
        .route("/live", get(live::events))
        .route("/preview", post(preview::show).layer(large))
        .route("/message", post(message::compose).layer(large))
        .route("/{batch}", get(show))
        .route("/{batch}/pause", post(steps::pause))
        .route("/{batch}/resume", post(steps::resume))
        .route("/{batch}/cancel", post(steps::cancel))
        .route("/{batch}/undo", get(steps::ask_undo).post(steps::undo))
}

pub fn address(batch: BatchId) -> String {
    format!("/console/jobs/{batch}")
}

pub fn batch_id(text: &str) -> Result<BatchId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// What a member must be allowed to, to start such a job or to stop it.
pub fn takes(action: BulkAction) -> Action {
    match action {
        BulkAction::AddPunches { .. } | BulkAction::AddPoints { .. } => Action::EditBalance,
        BulkAction::Redeem => Action::RedeemReward,
        BulkAction::Void | BulkAction::Restore => Action::VoidCard,
        BulkAction::TakeBack => Action::ReverseEvent,
    }
}

/// What a job does, with its amount.
pub fn title(screen: &Screen, action: BulkAction) -> String {
    let words = &screen.words.jobs;
    match action {
        BulkAction::AddPunches { count } => format!("{} (+{count})", words.add_punches),
        BulkAction::AddPoints { count } => format!("{} (+{count})", words.add_points),
        BulkAction::Redeem => words.redeem.to_owned(),
        BulkAction::Void => words.void.to_owned(),
        BulkAction::Restore => words.restore.to_owned(),
        BulkAction::TakeBack => words.take_back.to_owned(),
    }
}

/// Whom a job is for, in words.
fn whom(screen: &Screen, audience: &Audience, programs: &Programs) -> String {
    let words = &screen.words.jobs;
    match audience {
        Audience::Cards(cards) => (words.whom_cards)(i64::try_from(cards.len()).unwrap_or(i64::MAX)),
        Audience::Program(program) => (words.whom_program)(programs.name(*program)),
        Audience::Batch(_) => words.whom_batch.to_owned(),
        Audience::Rule { rule, .. } => Saying::new(screen, programs).rule(rule),
        Audience::Listed(_) => words.whom_list.to_owned(),
    }
}

fn state(words: &Jobs, state: JobState) -> Markup {
    match state {
        JobState::Running => badge(Tone::Notice, words.running),
        JobState::Paused => badge(Tone::Neutral, words.paused),
        JobState::Done => badge(Tone::Good, words.done),
        JobState::Cancelled => badge(Tone::Bad, words.cancelled),
    }
}

fn is_open(job: &Job) -> bool {
    matches!(job.state, JobState::Running | JobState::Paused)
}

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    before: Option<String>,
}

/// `GET /console/jobs`
async fn list(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let merchant = screen.member.merchant;
    let before: Option<BatchId> = place.before.as_deref().and_then(|id| id.parse().ok());
    let all = web.ops.works(merchant, before.map(|id| id.0), PAGE + 1).await?;
    let picture = works.look(&web, merchant).await?;
    let programs = Programs::of(&web, merchant).await?;
    let words = &screen.words.jobs;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let (shown, has_more) = (all.get(..page).unwrap_or(&all), all.len() > page);
    let content = html! {
        div data-live="/console/jobs/live?of=all" {
            div.page-head {
                h1 { (words.title) }
                span.live data-live-state hidden { span.live-dot {} span { (screen.words.shell.live) } }
            }
            (open_part(&screen, &programs, &picture))
            (all_part(&screen, &programs, shown, has_more))
        }
    };
    Ok(screen.page(Section::Jobs, words.title, &content))
}

/// What has not ended. Kept up to date by the page's stream, and by asking again where there is none.
fn open_part(screen: &Screen, programs: &Programs, picture: &Picture) -> Markup {
    let words = &screen.words.jobs;
    let works = picture
        .works
        .iter()
        .filter(|going| screen.may(works::takes(&going.work)));
    let works: Vec<_> = works.collect();
    html! {
        section #open-work aria-label=(words.goes_on) data-poll="3" {
            @if !works.is_empty() {
                div.panel {
                    div.panel-head { h2 { (words.goes_on) } }
                    ul.list.works { @for going in works { (works::line(screen, programs, going)) } }
                }
            }
        }
    }
}

/// What has ended, newest first.
fn all_part(screen: &Screen, programs: &Programs, works: &[Work], has_more: bool) -> Markup {
    let words = &screen.words.jobs;
    // Of which the member sees something; of what is open it stands above.
    let seen = works.iter().filter(|work| screen.may(works::takes(work)));
    let seen: Vec<_> = seen.collect();
    let over = seen.iter().filter(|work| !work.is_open());
    let over: Vec<_> = over.map(|work| Going::still((*work).clone())).collect();
    let last = works.last().filter(|_| has_more);
    html! {
        section #all-work aria-label=(words.before) {
            @if seen.is_empty() && !has_more {
                (empty(words.nothing_yet, words.nothing_yet_text, Some(("/console/cards", words.to_list))))
            } @else if !over.is_empty() {
                div.panel {
                    div.panel-head { h2 { (words.before) } }
                    ul.list.works { @for going in &over { (works::line(screen, programs, going)) } }
                }
            }
            @if let Some(last) = last {
                nav.pager aria-label=(screen.words.common.pages) {
                    span {}
                    a.button.secondary rel="next" href=(format!("/console/jobs?before={}", BatchId(last.id()))) { (screen.words.common.older) (icon("right")) }
                }
            }
        }
    }
}

fn progress_words(screen: &Screen, job: &Job) -> String {
    let words = &screen.words.jobs;
    if job.gathered_to != ALL_GATHERED && is_open(job) {
        return words.gathering.to_owned();
    }
    (words.progress)(job.done + job.refused, job.cards)
}

#[derive(Debug, Default, Deserialize)]
pub struct RowsPlace {
    after: Option<String>,
    done: Option<String>,
}

/// `GET /console/jobs/{batch}`
async fn show(
    State(web): State<Web>,
    Extension(works): Extension<Works>,
    screen: Screen,
    Path(batch): Path<String>,
    Query(place): Query<RowsPlace>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let merchant = screen.member.merchant;
    let job = web.ops.job(merchant, batch_id(&batch)?).await?;
    let after = place.after.as_deref().and_then(|id| id.parse().ok());
    let rows = web
        .ops
        .job_rows(merchant, job.batch, after.unwrap_or(CardId(0)), PAGE + 1)
        .await?;
    let picture = match is_open(&job) {
        true => works.look(&web, merchant).await?,
        false => Picture::default(),
    };
    let going = picture.of(job.batch.0);
    let programs = Programs::of(&web, merchant).await?;
    let names = names_of(&web, &screen, rows.iter().map(|row| row.card).collect()).await?;
    let words = &screen.words.jobs;
    let done = match place.done.as_deref() {
        Some("started") => Some(words.started),
        Some("paused") => Some(words.was_paused),
        Some("resumed") => Some(words.was_resumed),
        Some("cancelled") => Some(words.was_cancelled),
        _ => None,
    };
    let title = title(&screen, job.action);
    let content = html! {
        @if let Some(done) = done { (toast(done, None)) }
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/jobs" { (icon("left")) (words.title) } }
        div.page-head { h1 { (title) } p.muted { (whom(&screen, &job.audience, &programs)) } }
        div data-live=[is_open(&job).then(|| live::address(job.batch.0, "job"))] {
            (progress(&screen, &job, going, &rows, &names))
        }
    };
    Ok(screen.page(Section::Jobs, &title, &content))
}

/// The names of the customers of some cards.
async fn names_of(
    web: &Web,
    screen: &Screen,
    cards: Vec<CardId>,
) -> Result<HashMap<CardId, String>, ApiError> {
    let lines = web.ops.lines(screen.member.merchant, cards).await?;
    Ok(lines.iter().map(|line| (line.card, name(screen, line))).collect())
}

/// What moves while the job runs.
fn progress(
    screen: &Screen,
    job: &Job,
    going: Option<&Going>,
    rows: &[JobRow],
    names: &HashMap<CardId, String>,
) -> Markup {
    let words = &screen.words.jobs;
    let worked = job.done + job.refused;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let shown = rows.get(..page).unwrap_or(rows);
    html! {
        // Also a job that is held moves on: somebody resumes or ends it elsewhere.
        div #job .stack data-poll=[is_open(job).then_some(if job.state == JobState::Running { "1" } else { "5" })] {
            section.panel.sheet {
                div.row {
                    (state(words, job.state))
                    span role="status" { (progress_words(screen, job)) }
                    @for pace in going.map(|going| works::pace(screen, going)).unwrap_or_default() { span.muted { (pace) } }
                    span.push {}
                    (steps::forms(screen, job))
                }
                @if is_open(job) {
                    progress.meter max=(job.cards.max(1)) value=(worked) aria-label=(words.title) {}
                }
                dl.details {
                    div { dt { (words.changed) } dd { (screen.number(job.done)) } }
                    div { dt { (words.left_out) } dd { (screen.number(job.refused)) } }
                    div { dt { (words.started_by) } dd { (screen.time(job.created_at)) } }
                    @if let Some(at) = job.finished_at { div { dt { (words.ended_at) } dd { (screen.time(at)) } } }
                    @if let Some(reason) = &job.reason { div.wide { dt { (words.reason) } dd { (reason) } } }
                }
                @if let Some(difference) = job.difference() {
                    @for said in difference_words(words, job, difference) { p.muted { (said) } }
                }
            }
            @if !shown.is_empty() {
                section.panel aria-labelledby="rows-title" {
                    div.panel-head { h2 #rows-title { (words.each_card) } }
                    ul.list { @for row in shown { (row_of(screen, row, names)) } }
                    @if rows.len() > page {
                        @if let Some(last) = shown.last() {
                            div.panel-foot {
                                a.button.secondary href=(format!("{}?after={}", address(job.batch), last.card)) { (screen.words.common.next) (icon("right")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How the run differs from the preview that somebody agreed to.
fn difference_words(words: &Jobs, job: &Job, difference: Difference) -> Vec<String> {
    let expected = job.expected.map_or(0, |seen| seen.able);
    let mut said = Vec::new();
    match difference.cards {
        0 if !difference.same_cards => said.push(words.other_cards.to_owned()),
        0 => {}
        more if more > 0 => said.push((words.more_cards)(more)),
        fewer => said.push((words.fewer_cards)(-fewer)),
    }
    match difference.able {
        Some(0) if said.is_empty() => said.push(words.same_as_preview.to_owned()),
        Some(0) | None => {}
        Some(_) => said.push((words.able_differs)(job.done, expected)),
    }
    said
}

fn row_of(screen: &Screen, row: &JobRow, names: &HashMap<CardId, String>) -> Markup {
    let words = &screen.words.jobs;
    let (tone, label): (Tone, Text) = match row.state {
        RowState::Waiting => (Tone::Neutral, words.waiting),
        RowState::Done => (Tone::Good, words.changed),
        RowState::Refused => (Tone::Notice, words.left_out),
    };
    html! {
        li {
            a href=(format!("/console/cards/{}", row.card)) { (names.get(&row.card).map_or(screen.words.common.no_name, String::as_str)) }
            @if let Some((code, stored)) = &row.refusal { span.muted { (screen.words.language.job_row(code, stored)) } }
            span.push { (badge(tone, label)) }
        }
    }
}
