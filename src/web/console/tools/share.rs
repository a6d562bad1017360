//! Sharing a program: the link and the code by which people join, a poster, and what the page asks them.

mod came;
mod picture;
mod poster;
mod program;
mod settings;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use maud::{Markup, html};

use super::crumbs;
use crate::domain::access::Action;
use crate::domain::id::ProgramId;
use crate::domain::join::{Admission, Arrival};
use crate::domain::utm::Utm;
use crate::ops::join_pages::JoinSheet;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, empty};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use crate::web::public::join::join_link;

/// The routes, to be nested at `/share`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(list))
        .route("/{program_id}", get(program::show))
        .route("/{program_id}/page", post(settings::submit))
        .route("/{program_id}/poster", get(poster::show))
        .route("/{program_id}/code.svg", get(picture::svg))
        .route("/{program_id}/code.png", get(picture::png))
}

/// `GET /console/tools/share`
async fn list(State(web): State<Web>, screen: Screen) -> Result<Markup, ApiError> {
    screen.require(Action::ShareLinks)?;
    let merchant = screen.member.merchant;
    let said = &screen.words.share;
    let pages = web.ops.join_pages(merchant).await?;
    let programs = web.ops.programs_of(merchant).await?;
    let content = html! {
        (crumbs(&screen, None))
        div.page-head { h1 { (said.title) } }
        @if programs.is_empty() { (empty(said.none, said.none_text, None)) } @else {
            p.hint.no-print { (said.list_text) }
            ul.list.panel {
                @for of in &programs {
                    @let page = pages.iter().find(|(id, _)| *id == of.program.id).map(|(_, page)| page.clone());
                    li {
                        div {
                            a href=(address(of.program.id)) data-command=(of.program.name) { strong { (of.program.name) } }
                            span.under { (screen.words.common.kind(of.program.rules.kind())) }
                        }
                        span.push { (state(&screen, of.program.archived_at.is_some(), page.unwrap_or_default().admission)) }
                    }
                }
            }
        }
    };
    Ok(screen.page(Section::Tools, said.title, &content))
}

fn state(screen: &Screen, is_archived: bool, admission: Admission) -> Markup {
    let said = &screen.words.share;
    match (is_archived, admission) {
        (true, _) => badge(Tone::Neutral, said.archived),
        (false, Admission::Open) => badge(Tone::Good, said.open),
        (false, Admission::WithCode) => badge(Tone::Notice, said.with_code),
        (false, Admission::Closed) => badge(Tone::Neutral, said.closed),
    }
}

fn address(program: ProgramId) -> String {
    format!("/console/tools/share/{program}")
}

/// A program of the member's merchant with its page.
async fn open(web: &Web, screen: &Screen, program: &str) -> Result<JoinSheet, ApiError> {
    let program = program.parse().map_err(|_| ApiError::NotFound)?;
    let sheet = web.ops.join_page(screen.member.merchant, program, None).await?;
    sheet.ok_or(ApiError::NotFound)
}

/// What a link to a page carries, as the query of a page of ours says.
fn arrival(query: Option<String>) -> Arrival {
    Arrival {
        utm: Utm::from_query(&query.unwrap_or_default()),
        ..Arrival::default()
    }
}

/// The link to a page.
fn link(web: &Web, sheet: &JoinSheet, arrival: &Arrival) -> String {
    let program = &sheet.of.program;
    join_link(&web.public_url, program.merchant, program.id, arrival)
}
