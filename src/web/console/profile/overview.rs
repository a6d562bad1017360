//! The first tab: the card, its numbers, where it is, and what happened last. Kept up to date while it is open.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Held, Tab, metrics, open, page, platforms};
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::console::{card, pass, timeline};
use crate::web::error::ApiError;

/// Events shown here; the timeline has the others.
const LAST: usize = 8;

/// `GET /console/cards/{card_id}`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    Ok(view(&screen, &held))
}

pub fn view(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.timeline;
    let sheet = &held.shown.sheet;
    let stream = held.way.with("/events", &[("since", &card::seen(&held.shown))]);
    let recent = held.shown.recent.get(..LAST).unwrap_or(&held.shown.recent);
    let content = html! {
        div.card-page data-live=(stream) {
            div.card-side { (pass::front(screen, &sheet.face, held.shown.texts.as_ref())) }
            div.card-main {
                (card::facts(screen, sheet))
                (metrics::counters(screen, held))
                (metrics::section(screen, held))
                (platforms::section(screen, held))
                section.panel aria-labelledby="timeline-title" {
                    div.panel-head {
                        h2 #timeline-title { (words.recent) }
                        span.live data-live-state hidden { span.live-dot {} span { (screen.words.shell.live) } }
                    }
                    @if recent.is_empty() { p.muted.quiet { (words.nothing) } }
                    ol #timeline .timeline { (timeline::rows(screen, recent)) }
                    div.panel-foot {
                        a.button.secondary href=(held.way.to(Tab::Timeline.part())) { (words.whole) }
                    }
                }
            }
        }
    };
    page(screen, held, Tab::Overview, &content)
}
