//! Messages: the list, and one with what it will do beside what it did. Plain pages; the script only reads a running one
//! again every few seconds.

mod ahead;
mod choosing;
pub mod compose;
mod copies;
pub mod forms;
pub(in crate::web::console) mod preview;
pub mod recipients;
mod texts;
mod typed;
mod whom;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use self::preview::Said;
use self::whom::Whom;
use crate::domain::access::Action;
use crate::domain::id::MessageId;
use crate::domain::message::{Message, State as MessageState, Translation};
use crate::ops::messages::Shown;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, badge, empty, icon};
use crate::web::console::jobs::live;
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The routes of messages, to be nested at `/messages`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(list))
        .route("/new", get(compose::new).post(compose::write))
        .route("/{message_id}", get(show))
        .route("/{message_id}/edit", get(compose::edit).post(compose::change))
        .route("/{message_id}/recipients", get(recipients::list))
        .route("/{message_id}/forecast", post(forms::forecast))
        .route("/{message_id}/send", post(forms::send))
        .route("/{message_id}/test", post(forms::test))
        .route("/{message_id}/cancel", post(forms::cancel))
        .route("/{message_id}/pause", post(forms::pause))
        .route("/{message_id}/resume", post(forms::resume))
        .route("/{message_id}/abort", get(forms::ask_abort).post(forms::abort))
        .route("/{message_id}/duplicate", post(forms::duplicate))
}

const PAGE_SIZE: i64 = 25;
/// How often a running message is read again, in seconds.
const POLL: u32 = 2;

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    before: Option<String>,
}

/// `GET /console/messages`
pub async fn list(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewMessages)?;
    let merchant = screen.member.merchant;
    let before = place.before.as_deref().and_then(|text| text.parse().ok());
    let messages = web.ops.messages(merchant, before, PAGE_SIZE).await?;
    let clicks = web.ops.clicks(merchant).await?;
    let whom = Whom::of(&web, &screen).await?;
    Ok(list_view(&screen, &whom, &messages, clicks))
}

fn list_view(screen: &Screen, whom: &Whom, messages: &[Message], clicks: i64) -> Markup {
    let (said, common) = (&screen.words.messages, &screen.words.common);
    let is_full = i64::try_from(messages.len()) == Ok(PAGE_SIZE);
    let older = messages.last().filter(|_| is_full);
    let way = screen
        .may(Action::SendMessages)
        .then_some(("/console/messages/new", said.new));
    let content = html! {
        div.page-head {
            h1 { (said.title) }
            p.muted { ((said.clicks)(clicks)) }
            @if screen.may(Action::SendMessages) {
                a.button.primary.push href="/console/messages/new" data-command=(said.new) { (icon("plus")) (said.new) }
            }
        }
        @if messages.is_empty() { (empty(said.none, said.none_text, way)) } @else {
            div.panel.table-panel {
                table.table {
                    caption.visually-hidden { (said.list_caption) }
                    thead { tr {
                        th scope="col" { (said.text) } th scope="col" { (said.state) } th scope="col" { (said.to) }
                        th scope="col" { (said.recipients) } th scope="col" { (said.starts) } th scope="col" { (said.written) }
                    } }
                    tbody { @for message in messages { (line(screen, whom, message)) } }
                }
            }
            @if let Some(older) = older {
                nav.pager aria-label=(common.pages) {
                    span {}
                    a.button.secondary rel="next" href=(format!("/console/messages?before={}", older.id)) {
                        (common.older) (icon("right"))
                    }
                }
            }
        }
    };
    screen.page(Section::Messages, said.title, &content)
}

fn line(screen: &Screen, whom: &Whom, message: &Message) -> Markup {
    let said = &screen.words.messages;
    let languages = message.content.translations.iter();
    let languages: Vec<String> = languages
        .map(|translation| screen.words.language.language_name(&translation.language))
        .collect();
    let languages = languages.join(", ");
    html! {
        tr data-row {
            th scope="row" data-label=(said.text) {
                a.row-link href=(address(message.id)) { (begin(&message.content.text)) }
                span.under {
                    (said.class(message.content.class))
                    @if message.is_test { ", " (said.test) }
                    @if !languages.is_empty() { ", " ((said.also_in)(&languages)) }
                }
            }
            td data-label=(said.state) { (state_badge(screen, message.state)) }
            td data-label=(said.to) { (whom.said(screen, &message.audience)) }
            td data-label=(said.recipients) { (screen.number(message.recipients)) }
            td data-label=(said.starts) {
                @if let Some(at) = message.starts_at { (screen.time(at)) }
                @else { span.muted { (said.not_scheduled) } }
            }
            td data-label=(said.written) { (screen.time(message.created_at)) }
        }
    }
}

pub(super) fn address(id: MessageId) -> String {
    format!("/console/messages/{id}")
}

pub(super) fn begin(text: &str) -> String {
    let begin: String = text.chars().take(60).collect();
    if begin.len() < text.len() {
        format!("{begin}…")
    } else {
        begin
    }
}

pub(super) fn state_badge(screen: &Screen, state: MessageState) -> Markup {
    let tone = match state {
        MessageState::Draft | MessageState::Cancelled => Tone::Neutral,
        MessageState::Scheduled | MessageState::Paused => Tone::Notice,
        MessageState::Running | MessageState::Done => Tone::Good,
        MessageState::Aborted => Tone::Bad,
    };
    badge(tone, screen.words.messages.state(state))
}

/// Parses the id in an address; what is no id is nothing that is there.
fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// `GET /console/messages/{message_id}`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewMessages)?;
    let shown = web
        .ops
        .show_message(screen.member.merchant, message_id(&id)?)
        .await?;
    let whom = Whom::of(&web, &screen).await?;
    Ok(view(&screen, &whom, &shown, None))
}

fn view(screen: &Screen, whom: &Whom, shown: &Shown, problem: Option<&str>) -> Markup {
    let (said, message) = (&screen.words.messages, &shown.message);
    // A held one moves when somebody takes it up or ends it, from whatever page.
    let is_moving = matches!(
        message.state,
        MessageState::Running | MessageState::Scheduled | MessageState::Paused
    );
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) {
            a href="/console/messages" { (icon("left")) (said.title) }
        }
        div.page-head {
            h1 { (begin(&message.content.text)) }
            p { (state_badge(screen, message.state)) " " span.muted { (said.class(message.content.class)) } }
        }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        div data-live=[is_moving.then(|| live::address(message.id.0, "message"))] {
            div #message .stack data-poll=[is_moving.then_some(POLL)] {
                @if let Some(why) = &message.paused_because { (alert(Tone::Notice, &screen.words.language.held_because(why))) }
                @if screen.may(Action::SendMessages) { (forms::of(screen, shown)) }
                (copies::sections(screen, shown))
                (content_of(screen, whom, shown))
            }
        }
        @if screen.may(Action::SendMessages) { (forms::test_form(screen, message)) }
    };
    screen.page(Section::Messages, said.one, &content)
}

fn content_of(screen: &Screen, whom: &Whom, shown: &Shown) -> Markup {
    let (said, message) = (&screen.words.messages, &shown.message);
    let content = &message.content;
    let merchant = &screen.member.merchant_name;
    let first = Said::first(content.title.as_deref().unwrap_or_default(), &content.text);
    let times = [
        (said.starts, message.starts_at),
        (said.started, message.started_at),
        (said.ended, message.finished_at),
    ];
    html! {
        section.panel {
            div.panel-head { h2 { (said.says) } }
            div.message-says {
                (preview::lock_screens(screen, merchant, &first))
                dl.details {
                    div.wide { dt { (said.to) } dd { (whom.said(screen, &message.audience)) } }
                    @if let Some(rule) = &message.rule {
                        div.wide { dt { (said.rule_at_start) } dd { (whom.rule(screen, &rule.0)) } }
                    }
                    div { dt { (said.recipients) } dd { (screen.number(message.recipients)) } }
                    @for (label, at) in times {
                        @if let Some(at) = at { div { dt { (label) } dd { (screen.time(at)) } } }
                    }
                    @if let Some(link) = &content.link {
                        div.wide { dt { (said.link) } dd { ((said.leads_to)(link.as_str())) } }
                    }
                    @if let Some(link) = &shown.link {
                        div { dt { (said.clicked) } dd { ((said.clicked_by)(link.clicks, link.cards)) } }
                    }
                }
            }
            @if !content.translations.is_empty() {
                div.message-languages {
                    p.muted { (said.languages_choose) }
                    @for translation in content.translations.iter() { (in_language(screen, translation)) }
                }
            }
        }
    }
}

/// What a message says in one more language.
fn in_language(screen: &Screen, translation: &Translation) -> Markup {
    let said = Said {
        title: translation.title.as_deref().unwrap_or_default(),
        text: &translation.text,
        language: Some(&translation.language),
    };
    html! {
        section {
            h3 { (screen.words.language.language_name(&translation.language)) }
            (preview::lock_screens(screen, &screen.member.merchant_name, &said))
        }
    }
}
