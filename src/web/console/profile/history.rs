//! The timeline of a person over all their cards, page by page, with a filter by type. The first page is kept up to date.
//!
//! "Load more" swaps one part that stands for the rest of the list. The next page answers with its rows and the next such
//! part, so that rows are added and none is drawn twice. Without a script the same address is a page of its own.

use axum::extract::{Path, Query, RawQuery, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Held, Tab, open, page};
use crate::domain::event::Subject;
use crate::domain::timeline::{EntryType, Filter, MOST_CHAINS};
use crate::ops::timeline::{TimelineError, TimelinePage};
use crate::web::Web;
use crate::web::console::card;
use crate::web::console::components::icon;
use crate::web::console::screen::Screen;
use crate::web::console::timeline::{Line, line};
use crate::web::console::way::Place;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// Rows of a page.
const PAGE: usize = 30;

/// Where in the timeline a page is.
#[derive(Debug, Default, Deserialize)]
pub struct Position {
    cursor: Option<String>,
    /// Which page of one walk this is, to name the part that the next one takes the place of.
    #[serde(default)]
    part: u16,
}

/// `GET /console/cards/{card_id}/timeline`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
    Query(position): Query<Position>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let types = chosen(query.as_deref().unwrap_or_default());
    let filter = Filter::types(types.iter().copied());
    let cards = held.profile.person.cards.len();
    // Nobody has so many cards; their timelines are then read card by card.
    let of = if cards < MOST_CHAINS {
        Subject::Customer(held.profile.person.customer.id)
    } else {
        Subject::Card(held.card())
    };
    let cursor = position.cursor.as_deref();
    let read = web
        .ops
        .timeline(&web.master, screen.member.merchant, of, &filter, cursor, PAGE)
        .await;
    let timeline = match read {
        Ok(timeline) => timeline,
        Err(TimelineError::NotFound) => return Err(ApiError::NotFound),
        Err(TimelineError::Store(error)) => return Err(error.into()),
        Err(refused) => return Err(Refused::Timeline(refused).into()),
    };
    let walk = Walk {
        held: &held,
        types: &types,
        timeline: &timeline,
        is_first: cursor.is_none(),
        part: position.part.max(1),
        with_program: cards > 1,
    };
    Ok(page(&screen, &held, Tab::Timeline, &walk.view(&screen)).into_response())
}

/// The types that a query names, each once; what is none is left out.
fn chosen(query: &str) -> Vec<EntryType> {
    let mut types: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "type")
        .filter_map(|(_, word)| EntryType::parse(&word))
        .take(EntryType::ALL.len())
        .collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// Which rows a page of such a query shows.
pub fn filter(query: &str) -> Filter {
    Filter::types(chosen(query))
}

/// One page of a walk through a timeline.
struct Walk<'h> {
    held: &'h Held,
    types: &'h [EntryType],
    timeline: &'h TimelinePage,
    is_first: bool,
    part: u16,
    with_program: bool,
}

impl Walk<'_> {
    fn address(&self, more: &[(&str, &str)]) -> String {
        let names: Vec<String> = self.types.iter().map(|entry| entry.name()).collect();
        let types = names.iter().map(|name| ("type", name.as_str()));
        let pairs: Vec<_> = types.chain(more.iter().copied()).collect();
        self.held.way.with(Tab::Timeline.part(), &pairs)
    }

    fn view(&self, screen: &Screen) -> Markup {
        let words = &screen.words.timeline;
        let seen = card::seen(&self.held.shown);
        let names: Vec<String> = self.types.iter().map(|entry| entry.name()).collect();
        let types = names.iter().map(|name| ("type", name.as_str()));
        let pairs: Vec<_> = types.chain([("since", seen.as_str())]).collect();
        let stream = self.held.way.with("/events", &pairs);
        html! {
            section #history .panel aria-labelledby="timeline-title" data-live=[self.is_first.then_some(stream)] {
                div.panel-head {
                    h2 #timeline-title { @if self.is_first { (words.title) } @else { (words.earlier) } }
                    @if self.is_first { span.live data-live-state hidden { span.live-dot {} span { (screen.words.shell.live) } } }
                }
                (self.filter(screen))
                @if self.timeline.newer > 0 {
                    @let newer = i64::try_from(self.timeline.newer).unwrap_or(i64::MAX);
                    p.panel-note.newer role="status" {
                        a href=(self.address(&[])) {
                            @if self.timeline.newer_and_more { ((words.newer_and_more)(newer)) } @else { ((words.newer)(newer)) }
                        }
                    }
                }
                @if self.is_first { (self.list(screen, Some("timeline"))) (self.rest(screen, 1)) }
                @else {
                    p.panel-note { a href=(self.address(&[])) { (icon("left")) (words.to_newest) } }
                    div id=(format!("rest-{}", self.part)) { (self.list(screen, None)) (self.rest(screen, self.part.saturating_add(1))) }
                }
                p.panel-note.muted { ((words.times_in)(&self.timeline.zone)) }
            }
        }
    }

    fn filter(&self, screen: &Screen) -> Markup {
        let words = &screen.words.timeline;
        let chosen = self.types.first().copied().filter(|_| self.types.len() == 1);
        html! {
            form.filter-row method="get" action=(self.held.way.with(Tab::Timeline.part(), &[])) data-swap="history" {
                @if let Some(within) = self.held.way.within() { input type="hidden" name="in" value=(within); }
                label for="type" { (words.show) }
                select #type name="type" {
                    option value="" { (words.all_types) }
                    @for entry in EntryType::ALL {
                        option value=(entry.name()) selected[chosen == Some(*entry)] { (screen.words.language.entry_type(*entry)) }
                    }
                }
                button.button.secondary type="submit" { (screen.words.profile.apply_filter) }
            }
        }
    }

    fn list(&self, screen: &Screen, id: Option<&str>) -> Markup {
        let words = &screen.words.timeline;
        let rows = &self.timeline.rows;
        html! {
            @if rows.is_empty() && self.types.is_empty() { p.muted.quiet { (words.nothing) } }
            @if rows.is_empty() && !self.types.is_empty() { p.muted.quiet { (words.nothing_of_these) } }
            ol.timeline id=[id] {
                @for entry in rows { (line(screen, &Line::of_entry(screen, entry, self.with_program))) }
            }
        }
    }

    /// What stands for the pages that follow.
    fn rest(&self, screen: &Screen, part: u16) -> Markup {
        let words = &screen.words.timeline;
        let id = format!("rest-{part}");
        let number = part.to_string();
        html! {
            div id=(id) {
                div.panel-foot {
                    @if self.timeline.start_of_history { p.muted { (words.start_of_history) } }
                    @else {
                        a.button.secondary data-swap=(id)
                            href=(self.address(&[("cursor", &self.timeline.cursor), ("part", &number)])) { (words.load_more) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_a_query_whatever_it_says() {
        let types =
            chosen("type=tier_changed&type=nonsense&x=1&type=customer_tapped&type=tier_changed&type=");
        assert_eq!(types, [EntryType::CustomerTapped, EntryType::TierChanged]);
        assert_eq!(chosen("%%%&&==&type"), []);
    }
}
