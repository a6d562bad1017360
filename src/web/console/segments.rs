//! Saved segments: the list of them with their rules, how many are in each and how many of those can be reached.

pub mod form;
pub mod listed;
pub mod removal;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::jobs::LARGEST_SELECTION;
use crate::domain::access::Action;
use crate::domain::id::SegmentId;
use crate::domain::segment::saved::{Segment, Viewer};
use crate::ops::segments::{Reach, Target};
use crate::web::Web;
use crate::web::console::components::{Tone, badge, empty, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::list::saying::Saying;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The routes of segments, to be nested at `/segments`.
pub fn router() -> Router<Web> {
    let large = DefaultBodyLimit::max(LARGEST_SELECTION);
    Router::new()
        .route("/", get(list))
        .route("/new", get(form::new).post(form::save))
        .route("/list", post(listed::save).layer(large))
        .route("/{segment}/edit", get(form::edit).post(form::change))
        .route("/{segment}/duplicate", get(form::copy).post(form::duplicate))
        .route("/{segment}/delete", get(removal::ask).post(removal::delete))
}

fn viewer(screen: &Screen) -> Viewer {
    Viewer::Member(screen.member.id)
}

fn segment_id(text: &str) -> Result<SegmentId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

#[derive(Debug, Default, Deserialize)]
pub struct Place {
    done: Option<String>,
}

/// `GET /console/segments`
async fn list(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let (merchant, viewer) = (screen.member.merchant, viewer(&screen));
    let programs = Programs::of(&web, merchant).await?;
    let mut segments = Vec::new();
    for segment in web.ops.segments(merchant, viewer).await? {
        let reach = web
            .rosters
            .reach(merchant, viewer, &Target::Saved(segment.id))
            .await?;
        segments.push((segment, reach));
    }
    let words = &screen.words.segments;
    let saying = Saying::new(&screen, &programs);
    let done = match place.done.as_deref() {
        Some("saved") => Some(words.saved),
        Some("deleted") => Some(words.deleted),
        _ => None,
    };
    let content = html! {
        @if let Some(done) = done { (toast(done, None)) }
        div.page-head {
            h1 { (words.title) }
            @if screen.may(Action::EditSegments) {
                a.button.primary.push href="/console/segments/new" data-command=(words.new) { (icon("plus")) (words.new) }
            }
        }
        @if segments.is_empty() {
            @if screen.may(Action::EditSegments) {
                (empty(words.nothing_yet, words.nothing_yet_text, Some(("/console/cards", words.to_list))))
            } @else {
                (empty(words.nothing_yet, words.nothing_yet_ask, Some(("/console/cards", words.to_list))))
            }
        } @else {
            ul.list.panel.segment-list { @for (segment, reach) in &segments { (line(&screen, segment, *reach, &saying)) } }
        }
    };
    Ok(screen.page(Section::Segments, words.title, &content))
}

fn line(screen: &Screen, segment: &Segment, reach: Reach, saying: &Saying<'_>) -> Markup {
    let words = &screen.words.segments;
    let address = format!("/console/segments/{}", segment.id);
    html! {
        li {
            div.segment-name {
                a href=(format!("/console/cards?segment={}", segment.id)) { (segment.name) }
                " " (badge(Tone::Neutral, if segment.shared { words.shared } else { words.private }))
                p.muted { @match segment.rule() { Some(rule) => (saying.rule(rule)), None => (words.static_text) } }
                p { (reach_words(screen, reach)) }
            }
            @if screen.may(Action::EditSegments) {
                div.row.push {
                    a.button.secondary href=(format!("{address}/edit")) { (screen.words.common.edit) }
                    a.button.secondary href=(format!("{address}/duplicate")) data-modal { (words.duplicate) }
                    a.button.quiet-danger href=(format!("{address}/delete")) data-modal { (screen.words.common.delete) }
                }
            }
        }
    }
}

/// How many there are, and how many of them a push can reach.
pub(in crate::web::console) fn reach_words(screen: &Screen, reach: Reach) -> String {
    let words = &screen.words.segments;
    format!(
        "{}, {}",
        (words.members)(reach.members),
        (words.reachable)(reach.reachable, reach.members)
    )
}
