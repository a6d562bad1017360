//! Messages: the list, one with its forecast beside what became of it, and the forms that send and hold it.
//!
//! Plain pages: everything works without a script. What a form may do is checked by role here and by state in `ops`.

pub mod compose;
pub mod forms;
pub mod recipients;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::budget;
use crate::domain::id::MessageId;
use crate::domain::message::{Audience, Message, State as MessageState, fetches};
use crate::domain::time::Timestamp;
use crate::ops::messages::Shown;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, badge, empty, icon, time};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// The routes of messages, to be nested at `/messages`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(list).post(compose::write))
        .route("/new", get(compose::new))
        .route("/{message_id}", get(show))
        .route("/{message_id}/edit", get(compose::edit).post(compose::change))
        .route("/{message_id}/recipients", get(recipients::list))
        .route("/{message_id}/forecast", post(forms::forecast))
        .route("/{message_id}/send", post(forms::send))
        .route("/{message_id}/test", post(forms::test))
        .route("/{message_id}/cancel", post(forms::cancel))
        .route("/{message_id}/pause", post(forms::pause))
        .route("/{message_id}/resume", post(forms::resume))
        .route("/{message_id}/abort", post(forms::abort))
        .route("/{message_id}/duplicate", post(forms::duplicate))
}

const PAGE_SIZE: i64 = 25;
/// Hours of a time line that are shown.
const MOST_HOURS: usize = 48;

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    before: Option<String>,
}

/// `GET /console/messages`
pub async fn list(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    member.require(Action::ViewMessages)?;
    let before = place.before.as_deref().and_then(|text| text.parse().ok());
    let messages = web.ops.messages(member.merchant, before, PAGE_SIZE).await?;
    let clicks = web.ops.clicks(member.merchant).await?;
    Ok(list_view(&member, theme, &messages, clicks, web.ops.clock.now()))
}

pub fn list_view(member: &Member, theme: Theme, messages: &[Message], clicks: i64, now: Timestamp) -> Markup {
    let is_full = i64::try_from(messages.len()) == Ok(PAGE_SIZE);
    let older = messages.last().filter(|_| is_full);
    let content = html! {
        div.page-head {
            h1 { "Messages" }
            p.muted { "Links on passes and in messages were opened " (clicks) " times." }
            @if member.may(Action::SendMessages) {
                a.button.secondary href="/console/messages/new" { (icon("plus")) "New message" }
            }
        }
        @if messages.is_empty() {
            (empty("No messages", "A message appears here as soon as somebody writes one.", None))
        } @else {
            div.panel.table-panel {
                table.table {
                    caption.visually-hidden { "Messages, newest first" }
                    thead { tr {
                        th scope="col" { "Text" } th scope="col" { "State" } th scope="col" { "To" }
                        th scope="col" { "Recipients" } th scope="col" { "Starts" } th scope="col" { "Written" }
                    } }
                    tbody { @for message in messages { (line(member, message, now)) } }
                }
            }
            @if let Some(older) = older {
                nav.pager aria-label="Pages" {
                    span {}
                    a.button.secondary rel="next" href=(format!("/console/messages?before={}", older.id)) {
                        "Older" (icon("right"))
                    }
                }
            }
        }
    };
    frame(member, theme, &ENGLISH, Section::Messages, "Messages", &content)
}

fn line(member: &Member, message: &Message, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" data-label="Text" {
                a.row-link href=(address(message.id)) { (begin(&message.content.text)) }
                span.under { span.muted { (message.content.class.as_str()) @if message.is_test { ", test" } } }
            }
            td data-label="State" { (state_badge(message.state)) }
            td data-label="To" { (audience(&message.audience)) }
            td data-label="Recipients" { (message.recipients) }
            td data-label="Starts" {
                @if let Some(at) = message.starts_at { (time(at, &member.zone, now)) }
                @else { span.muted { "Not scheduled" } }
            }
            td data-label="Written" { (time(message.created_at, &member.zone, now)) }
        }
    }
}

fn address(id: MessageId) -> String {
    format!("/console/messages/{id}")
}

fn begin(text: &str) -> String {
    let begin: String = text.chars().take(60).collect();
    if begin.len() < text.len() {
        format!("{begin}…")
    } else {
        begin
    }
}

fn state_badge(state: MessageState) -> Markup {
    let (tone, word) = match state {
        MessageState::Draft => (Tone::Neutral, "Draft"),
        MessageState::Scheduled => (Tone::Notice, "Scheduled"),
        MessageState::Running => (Tone::Good, "Running"),
        MessageState::Paused => (Tone::Notice, "Paused"),
        MessageState::Done => (Tone::Good, "Done"),
        MessageState::Cancelled => (Tone::Neutral, "Cancelled"),
        MessageState::Aborted => (Tone::Bad, "Aborted"),
    };
    badge(tone, word)
}

fn audience(audience: &Audience) -> Markup {
    html! {
        @match audience {
            Audience::Cards(cards) if cards.len() == 1 => "One card",
            Audience::Cards(cards) => { (cards.len()) " cards" }
            Audience::Program(_) => "All of a program",
            Audience::Rule(rule) => { "Rule: " (rule.0.describe()) }
            Audience::Segment(_) => "A saved segment",
            Audience::BuiltIn(built_in) => { (built_in.0.title()) }
        }
    }
}

/// Parses the id in an address; what is no id is nothing that is there.
fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// `GET /console/messages/{message_id}`
pub async fn show(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    member.require(Action::ViewMessages)?;
    let shown = web.ops.show_message(member.merchant, message_id(&id)?).await?;
    Ok(view(&member, theme, &shown, None, web.ops.clock.now()))
}

pub fn view(member: &Member, theme: Theme, shown: &Shown, problem: Option<&str>, now: Timestamp) -> Markup {
    let message = &shown.message;
    let content = html! {
        div.page-head {
            h1 { (begin(&message.content.text)) }
            p { (state_badge(message.state)) " " span.muted { (message.content.class.title()) } }
        }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        @if let Some(why) = &message.paused_because { (alert(Tone::Notice, why)) }
        section.panel.sheet {
            h2 { "What it says" }
            @if let Some(title) = &message.content.title { p { strong { (title) } } }
            p { (message.content.text) }
            @if let Some(link) = &message.content.link { p.muted { "Leads to " (link.as_str()) } }
            dl.facts {
                div { dt { "To" } dd { (audience(&message.audience)) } }
                @if let Some(rule) = &message.rule {
                    div { dt { "Rule at the start" } dd { (rule.0.describe()) } }
                }
                div { dt { "Recipients" } dd { (message.recipients) } }
                @for (label, at) in [("Starts", message.starts_at), ("Started", message.started_at),
                    ("Ended", message.finished_at)] {
                    @if let Some(at) = at { div { dt { (label) } dd { (time(at, &member.zone, now)) } } }
                }
                @if let Some(link) = &shown.link {
                    div { dt { "Clicked" } dd { (link.clicks) " times, by " (link.cards) " of them" } }
                }
            }
        }
        (forecast_beside_outcome(shown))
        (time_line(member, shown, now))
        @if member.may(Action::SendMessages) { (forms::of(shown)) }
    };
    frame(member, theme, &ENGLISH, Section::Messages, "Message", &content)
}

fn forecast_beside_outcome(shown: &Shown) -> Markup {
    html! {
        section.panel.table-panel {
            div.panel-head { h2 { "Forecast and outcome" } }
            p.muted.panel-note { "Copies of cards: a card in two wallets counts twice. The outcome is what was decided at first." }
            table.table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Forecast" } th scope="col" { "Outcome" } } }
                tbody {
                    @for line in shown.lines() {
                        tr {
                            th scope="row" data-label="What" { (line.what) }
                            td data-label="Forecast" {
                                @match line.forecast { Some(count) => (count), None => span.muted { "None made" } }
                            }
                            td data-label="Outcome" { (line.outcome) }
                        }
                    }
                }
            }
            @if !shown.outcome.states.is_empty() {
                dl.facts {
                    div { dt { "Created" } dd { (shown.outcome.created()) } }
                    @for (state, count) in &shown.outcome.states {
                        div { dt { "Now " (state) } dd {
                            a href=(format!("{}/recipients?state={state}", address(shown.message.id))) { (count) }
                        } }
                    }
                    @for (reason, count) in &shown.outcome.reasons {
                        div { dt { (budget::counted(reason)) } dd { (count) } }
                    }
                    (fetched(shown))
                }
            }
        }
    }
}

/// What phones have fetched. Only Apple's copies are: what becomes of the others nobody tells the gateway.
fn fetched(shown: &Shown) -> Markup {
    html! {
        @if let (Some(median), Some(p95)) = (shown.fetches.median(), shown.fetches.p95()) {
            div { dt { "Fetched by phones (Apple Wallet)" } dd { (shown.fetches.count()) } }
            div { dt { "Half of them within" } dd { (fetches::shown(median)) } }
            div { dt { "95 of 100 within" } dd { (fetches::shown(p95)) } }
        }
    }
}

fn time_line(member: &Member, shown: &Shown, now: Timestamp) -> Markup {
    let hours = shown.hours();
    html! {
        @if !hours.is_empty() {
            section.panel.table-panel {
                div.panel-head { h2 { "When they are told" } }
                table.table {
                    thead { tr {
                        th scope="col" { "In the hour from" } th scope="col" { "Forecast" } th scope="col" { "Outcome" }
                    } }
                    tbody {
                        @for hour in hours.iter().take(MOST_HOURS) {
                            tr {
                                th scope="row" data-label="In the hour from" { (time(hour.begins, &member.zone, now)) }
                                td data-label="Forecast" {
                                    @match hour.forecast { Some(count) => (count), None => span.muted { "None made" } }
                                }
                                td data-label="Outcome" { (hour.outcome) }
                            }
                        }
                    }
                }
            }
        }
    }
}
