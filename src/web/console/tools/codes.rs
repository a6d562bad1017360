//! Codes: the batches, making one, what became of each code, printing, withdrawing, and using one on a card.

mod batch;
mod make;
pub mod print;
mod spend;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::crumbs;
use crate::domain::access::Action;
use crate::domain::code::Gift;
use crate::domain::id::CodeBatchId;
use crate::store::codes::CodeBatch;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, empty, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The routes of codes, to be nested at `/codes`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(list))
        .route("/new", get(make::form).post(make::make))
        .route("/use", get(spend::form).post(spend::spend))
        .route("/{code_batch_id}", get(batch::show))
        .route("/{code_batch_id}/codes.csv", get(batch::file))
        .route("/{code_batch_id}/sheet", get(batch::sheet))
        .route(
            "/{code_batch_id}/revoke",
            post(batch::revoke).get(batch::ask_revoke),
        )
}

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    done: Option<String>,
    /// The code behind which a page begins.
    after: Option<String>,
}

/// `GET /console/tools/codes`
async fn list(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::MakeCodes)?;
    let merchant = screen.member.merchant;
    let programs = Programs::of(&web, merchant).await?;
    let batches = web.ops.code_batches(merchant).await?;
    let said = &screen.words.codes;
    let done = place.done.as_deref().and_then(|word| notice(&screen, word));
    let content = html! {
        @if let Some(done) = done { (done) }
        (crumbs(&screen, None))
        div.page-head {
            h1 { (said.title) }
            div.row.push {
                a.button.secondary href="/console/tools/codes/use" data-modal { (said.use_code) }
                a.button.primary href="/console/tools/codes/new" data-command=(said.new) { (icon("plus")) (said.new) }
            }
        }
        @if batches.is_empty() {
            (empty(said.none, said.none_text, Some(("/console/tools/codes/new", said.new))))
        } @else {
            ul.list.panel { @for batch in &batches { (line(&screen, &programs, batch)) } }
        }
    };
    Ok(screen.page(Section::Tools, said.title, &content))
}

fn line(screen: &Screen, programs: &Programs, batch: &CodeBatch) -> Markup {
    html! {
        li {
            div {
                a href=(address(batch.id)) { strong { (batch.label) } }
                span.under { (facts(screen, programs, batch)) }
            }
            span.push { (state(screen, batch)) }
        }
    }
}

/// "Coffee card: 100 codes for a card, 1 use each, made 3 May".
fn facts(screen: &Screen, programs: &Programs, batch: &CodeBatch) -> Markup {
    let said = &screen.words.codes;
    html! {
        (programs.name(batch.program)) ": " ((said.of_codes)(batch.wanted)) ", " (gift(screen, batch.gift)) ", "
        ((said.uses_each)(batch.max_uses)) ", " (said.made_at) " " (screen.day(batch.created_at))
        @if let Some(end) = batch.expires_at { ", " (said.until) " " (screen.day(end.minus(std::time::Duration::from_millis(1)))) }
    }
}

fn gift(screen: &Screen, gift: Gift) -> String {
    let said = &screen.words.codes;
    match gift {
        Gift::Join => said.a_card.to_owned(),
        Gift::Earn { amount } => (said.on_a_card)(amount),
    }
}

fn state(screen: &Screen, batch: &CodeBatch) -> Markup {
    let said = &screen.words.codes;
    if batch.revoked_at.is_some() {
        badge(Tone::Bad, said.revoked)
    } else if batch.expires_at.is_some_and(|end| end <= screen.now) {
        badge(Tone::Neutral, said.expired)
    } else if batch.made < batch.wanted {
        badge(Tone::Notice, &(said.being_made)(batch.made, batch.wanted))
    } else {
        badge(Tone::Good, said.valid)
    }
}

fn notice(screen: &Screen, word: &str) -> Option<Markup> {
    let said = &screen.words.codes;
    let text = match word {
        "made" => said.done_made,
        "revoked" => said.done_revoked,
        "used" => said.done_used,
        _ => return None,
    };
    Some(toast(text, None))
}

pub(in crate::web::console) fn address(batch: CodeBatchId) -> String {
    format!("/console/tools/codes/{batch}")
}
