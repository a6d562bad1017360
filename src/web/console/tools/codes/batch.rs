//! One batch: its codes with their uses, as a file, as sheets to print, and withdrawing all of it.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{Place, address, facts, notice, print, state};
use crate::domain::access::Action;
use crate::domain::id::CodeBatchId;
use crate::ops::codes::CodesError;
use crate::store::codes::{CodeBatch, ListedCode};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::jobs::live;
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::console::tools::{crumbs, download};
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// Codes that the store gives out at once.
const PAGE: usize = 200;

/// The code behind which the next page begins; none on the last one.
async fn next_page(web: &Web, batch: &CodeBatch, codes: &[ListedCode]) -> Result<Option<String>, ApiError> {
    let Some(last) = codes.last().filter(|_| codes.len() >= PAGE) else {
        return Ok(None);
    };
    let rest = web.ops.codes(batch.merchant, batch.id, &last.code).await?;
    Ok((!rest.is_empty()).then(|| last.code.clone()))
}

async fn found(web: &Web, screen: &Screen, id: &str) -> Result<CodeBatch, ApiError> {
    let id: CodeBatchId = id.parse().map_err(|_| ApiError::NotFound)?;
    let batch = web.ops.code_batch(screen.member.merchant, id).await;
    batch.map_err(refusal)
}

/// `GET /console/tools/codes/{code_batch_id}`
pub(super) async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::MakeCodes)?;
    let batch = found(&web, &screen, &batch).await?;
    page(&web, &screen, &batch, &place, None).await
}

async fn page(
    web: &Web,
    screen: &Screen,
    batch: &CodeBatch,
    place: &Place,
    problem: Option<&str>,
) -> Result<Markup, ApiError> {
    let said = &screen.words.codes;
    let programs = Programs::of(web, batch.merchant).await?;
    let after = place.after.as_deref().unwrap_or_default();
    let codes = web.ops.codes(batch.merchant, batch.id, after).await?;
    let next = next_page(web, batch, &codes).await?;
    let here = address(batch.id);
    let is_making = batch.made < batch.wanted;
    let done = place.done.as_deref().and_then(|word| notice(screen, word));
    let content = html! {
        @if let Some(done) = done { (done) }
        div data-live=[is_making.then(|| live::address(batch.id.0, "batch"))] { section #batch data-poll=[is_making.then_some("1")] {
            (crumbs(screen, Some(("/console/tools/codes", said.title))))
            div.page-head { h1 { (batch.label) } (state(screen, batch)) }
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            p.muted { (facts(screen, &programs, batch)) }
            div.row.after {
                a.button.secondary href=(format!("{here}/codes.csv")) download { (icon("download")) (said.csv) }
                a.button.secondary href=(format!("{here}/sheet")) { (said.sheet) }
                @if batch.revoked_at.is_none() {
                    a.button.quiet-danger href=(format!("{here}/revoke")) data-modal { (said.revoke) }
                }
            }
            (table(screen, batch, &codes))
            (pager(screen, &here, place, next.as_deref()))
        } }
    };
    Ok(screen.page(Section::Tools, &batch.label, &content))
}

fn table(screen: &Screen, batch: &CodeBatch, codes: &[ListedCode]) -> Markup {
    let said = &screen.words.codes;
    html! {
        div.panel.table-panel {
            table.table.plain {
                thead { tr { th scope="col" { (said.code) } th scope="col" { (said.used) } th scope="col" { (said.first_used) } } }
                tbody {
                    @for code in codes {
                        tr {
                            th scope="row" { code { (print::printed(code)) } }
                            td data-label=(said.used) { ((said.times)(code.uses, batch.max_uses)) }
                            td data-label=(said.first_used) {
                                @match code.first_used_at {
                                    Some(at) => (screen.time(at)),
                                    None => span.muted { (screen.words.common.never) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pager(screen: &Screen, here: &str, place: &Place, next: Option<&str>) -> Markup {
    let common = &screen.words.common;
    html! {
        @if place.after.is_some() || next.is_some() {
            nav.pager aria-label=(common.pages) {
                @if place.after.is_some() { a.button.secondary href=(here) { (screen.words.import.first_errors) } } @else { span {} }
                @if let Some(next) = next {
                    a.button.secondary rel="next" href=(format!("{here}?after={next}")) { (common.next) }
                }
            }
        }
    }
}

/// `GET /console/tools/codes/{code_batch_id}/codes.csv`
pub(super) async fn file(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::MakeCodes)?;
    let batch = found(&web, &screen, &batch).await?;
    let ops = web.ops.clone();
    Ok(download::csv(
        &format!("codes-{}", batch.label),
        move |out| async move {
            let mut piece = vec![print::HEADER.map(str::to_owned).to_vec()];
            let mut after = String::new();
            loop {
                let page = ops.codes(batch.merchant, batch.id, &after).await?;
                piece.extend(page.iter().map(|code| print::row(&batch, code).to_vec()));
                if !out.send(download::rows(std::mem::take(&mut piece))?).await {
                    return Ok(());
                }
                let Some(last) = page.last() else { return Ok(()) };
                after.clone_from(&last.code);
            }
        },
    ))
}

/// `GET /console/tools/codes/{code_batch_id}/sheet`: a page that prints without anything around its codes.
pub(super) async fn sheet(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::MakeCodes)?;
    let batch = found(&web, &screen, &batch).await?;
    let said = &screen.words.codes;
    let after = place.after.as_deref().unwrap_or_default();
    let codes = web.ops.codes(batch.merchant, batch.id, after).await?;
    let next = next_page(&web, &batch, &codes).await?;
    let here = address(batch.id);
    let content = html! {
        div.no-print {
            (crumbs(&screen, Some((&here, &batch.label))))
            p.hint { (said.sheet_hint) }
            (pager(&screen, &format!("{here}/sheet"), &place, next.as_deref()))
        }
        section.paper aria-label=(said.sheet) {
            h1 { (batch.label) }
            ul.slips { @for code in &codes { (print::slip(&web.public_url, &batch, code)) } }
        }
    };
    Ok(screen.page(Section::Tools, &batch.label, &content))
}

/// `GET /console/tools/codes/{code_batch_id}/revoke`
pub(super) async fn ask_revoke(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::MakeCodes)?;
    let batch = found(&web, &screen, &batch).await?;
    let said = &screen.words.codes;
    let here = address(batch.id);
    let title = (said.revoke_title)(&batch.label);
    let content = html! {
        form.panel data-alarming method="post" action=(format!("{here}/revoke")) data-once {
            h1 { (title) }
            p.hint { ((said.revoke_text)(batch.made)) }
            div.dialog-foot {
                a.button.secondary href=(here) data-close autofocus { (screen.words.common.cancel) }
                button.button.danger type="submit" { (said.revoke_yes) }
            }
        }
    };
    Ok(screen.page(Section::Tools, &title, &content))
}

/// `POST /console/tools/codes/{code_batch_id}/revoke`
pub(super) async fn revoke(
    State(web): State<Web>,
    screen: Screen,
    Path(batch): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::MakeCodes)?;
    let batch = found(&web, &screen, &batch).await?;
    match web.ops.revoke_codes(batch.merchant, batch.id).await {
        Ok(()) => Ok(Redirect::to(&format!("{}?done=revoked", address(batch.id))).into_response()),
        Err(CodesError::AlreadyRevoked) => {
            let problem = Some(screen.words.codes.revoked_before);
            let page = page(&web, &screen, &batch, &Place::default(), problem).await?;
            Ok((ApiError::Conflict(String::new()).status(), page).into_response())
        }
        Err(error) => Err(refusal(error)),
    }
}

fn refusal(error: CodesError) -> ApiError {
    match error {
        CodesError::NoBatch => ApiError::NotFound,
        CodesError::Store(error) => error.into(),
        other => Refused::Codes(other).into(),
    }
}
