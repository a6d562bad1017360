//! What can be done with a card: each act is a page with one form, which opens as a dialog where there is a script.
//!
//! A form says which version of the card its sender saw. Sent twice, the second finds another version and does nothing:
//! it is answered with what happened since. A refusal is the same page with the reason, and with all that was typed.

pub mod balance;
pub mod bar;
pub mod expiry;
pub mod holder;
pub mod letter;
pub mod lifecycle;
pub mod notice;
pub mod push;
pub mod redeem;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::id::EventId;
use crate::web::Web;
use crate::web::console::card::{self, Shown};
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::profile::Held;
use crate::web::console::screen::Screen;
use crate::web::console::timeline;
use crate::web::console::way::Way;
use crate::web::error::ApiError;

/// The acts, to be merged into the console's routes.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/cards/{card_id}/redeem", get(redeem::form).post(redeem::submit))
        .route(
            "/cards/{card_id}/balance",
            get(balance::form).post(balance::submit),
        )
        .route("/cards/{card_id}/expiry", get(expiry::form).post(expiry::submit))
        .route("/cards/{card_id}/name", get(holder::form).post(holder::submit))
        .route("/cards/{card_id}/letter", get(letter::form).post(letter::submit))
        .route("/cards/{card_id}/push", get(push::form).post(push::write))
        .route(
            "/cards/{card_id}/push/{message_id}",
            get(push::look).post(push::send),
        )
        .route("/cards/{card_id}/end", get(lifecycle::form).post(lifecycle::end))
        .route("/cards/{card_id}/restore", post(lifecycle::restore))
        .route("/cards/{card_id}/reverse", post(lifecycle::reverse))
        .route("/cards/{card_id}/referral", post(lifecycle::refer))
}

/// What the sender of a form had before their eyes.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sent {
    pub version: i64,
    /// The newest event on the page.
    pub seen: i64,
    /// The event to take back.
    #[serde(default)]
    pub event: i64,
    /// The name that was to be printed.
    #[serde(default)]
    pub name: String,
    /// The list around the profile.
    #[serde(default, rename = "in")]
    pub within: Option<String>,
}

/// The fields that make a form's second sending find another version.
pub fn hidden(shown: &Shown, way: &Way) -> Markup {
    html! {
        input type="hidden" name="version" value=(shown.sheet.face.version);
        input type="hidden" name="seen" value=(shown.last_event().0);
        @if let Some(within) = way.within() { input type="hidden" name="in" value=(within); }
    }
}

/// A form of one button.
pub fn button_form(shown: &Shown, way: &Way, part: &str, event: Option<EventId>, button: &Markup) -> Markup {
    html! {
        form method="post" action=(way.to(part)) data-once {
            (hidden(shown, way))
            @if let Some(event) = event { input type="hidden" name="event" value=(event.0); }
            (button)
        }
    }
}

/// What an act's form asks of the script beside being sent once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Nothing,
    /// Before what was typed is lost.
    Guard,
    /// The same, and its answer is its next step.
    Stay,
    /// To be read out as an alarm: what it does is not wanted by mistake.
    Alarm,
}

/// The form of an act, which says what its sender saw.
pub fn form(held: &Held, part: &str, asks: Asks, fields: &Markup) -> Markup {
    let (guards, stays) = (matches!(asks, Asks::Guard | Asks::Stay), asks == Asks::Stay);
    html! {
        form method="post" action=(held.way.to(part)) data-once data-guard[guards] data-stay[stays] data-alarming[asks == Asks::Alarm] {
            (hidden(&held.shown, &held.way))
            (fields)
        }
    }
}

/// The page of an act: its title, why it was refused, its form.
pub fn page(screen: &Screen, held: &Held, title: &str, problem: Option<&str>, form: &Markup) -> Markup {
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(held.way.to("")) { (icon("left")) (held.name(screen)) } }
        section.act {
            h1 { (title) }
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            (form)
        }
    };
    screen.page(Section::Customers, title, &content)
}

/// The last row of an act's form.
pub fn foot(screen: &Screen, held: &Held, button: &Markup) -> Markup {
    html! {
        div.dialog-foot {
            a.button.secondary href=(held.way.to("")) data-close { (screen.words.common.cancel) }
            (button)
        }
    }
}

/// Leads to the profile and says there what was done.
pub fn done(way: &Way, word: &str) -> Response {
    Redirect::to(&way.with("", &[("done", word)])).into_response()
}

/// The answer to a form that was made from an older state of the card: what happened since, and the choice again.
pub async fn changed(web: &Web, screen: &Screen, held: &Held, sent: &Sent) -> Result<Response, ApiError> {
    let words = &screen.words.acts;
    // Read again: what is in hand may be older than the change that made the form stale.
    let merchant = screen.member.merchant;
    let shown = card::load(web, merchant, held.card(), card::RECENT).await?;
    let since = card::since(web, merchant, &shown, EventId(sent.seen)).await?;
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(held.way.to("")) { (icon("left")) (held.name(screen)) } }
        section.panel.changed {
            h1 { (words.changed) }
            p { (words.changed_text) }
            @if since.is_empty() { p.muted { (words.changed_quietly) } }
            ol.timeline { (timeline::rows(screen, &since)) }
            p { strong { ((words.stands_at)(&card::balance(screen, &shown))) } }
            (bar::of(screen, &shown, &held.way))
            p { a href=(held.way.to("")) { (words.to_the_card) } }
        }
    };
    let page = screen.page(Section::Customers, words.changed, &content);
    Ok((ApiError::Conflict(String::new()).status(), page).into_response())
}

/// Whether a form was made from the card as it is.
pub fn is_stale(held: &Held, sent: &Sent) -> bool {
    held.shown.sheet.face.version != sent.version
}

/// The answer to what a rule refuses.
pub fn refused(page: Markup) -> Response {
    (ApiError::Conflict(String::new()).status(), page).into_response()
}

/// The answer to what cannot be read.
pub fn unreadable(page: Markup) -> Response {
    (ApiError::BadRequest(String::new()).status(), page).into_response()
}
