//! A card's page, kept up to date by server-sent events.
//!
//! One message a change. Its id is what the receiver has then seen: `<newest event>-<version>`. Its data is HTML
//! to put into the page: an element with `data-swap` replaces the one with the same id, the children of one with
//! `data-prepend` go to the top of the one it names, the text of one with `data-announce` is read out. A receiver
//! that comes back with `Last-Event-ID` (or `?since=`, when the page was just loaded) gets everything since; so
//! does one that fell behind, because each message is made from the store and not from the change.
//!
//! A stream ends after ten minutes, or when the gateway stops, and the browser opens the next one, with its session
//! checked again.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use maud::{Markup, html};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::Clock;
use crate::domain::access::Action;
use crate::domain::id::EventId;
use crate::domain::timeline::Filter;
use crate::store::listing::TimelineRow;
use crate::web::Web;
use crate::web::console::acts::bar;
use crate::web::console::card::{self, Shown, card_id, seen};
use crate::web::console::jobs::{self, watch::Works};
use crate::web::console::profile::history;
use crate::web::console::screen::Screen;
use crate::web::console::stream;
use crate::web::console::timeline::{Line, line};
use crate::web::console::watch::Watches;
use crate::web::console::way::Way;
use crate::web::console::{pass, timeline};
use crate::web::error::ApiError;

#[derive(Debug, Deserialize)]
pub struct Position {
    since: Option<String>,
    /// The list around the profile, which its links lead back to.
    #[serde(rename = "in")]
    within: Option<String>,
}

/// `GET /console/cards/{card_id}/events`
pub async fn events(
    State(web): State<Web>,
    (Extension(watches), Extension(works)): (Extension<Watches>, Extension<Works>),
    screen: Screen,
    Path(card): Path<String>,
    Query(position): Query<Position>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let card = card_id(&card)?;
    let known = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned)
        .or(position.since)
        .unwrap_or_default();
    let way = Way::of_card(card, position.within.as_deref());
    let card = watches.watch(&web, screen.member.merchant, card).await?;
    let (sender, answer) = stream::begin();
    let beside = jobs::live::beside(&web, &works, &screen, sender.clone());
    let stream = Stream {
        _beside: beside,
        clock: web.ops.clock.clone(),
        screen,
        way,
        known: Seen::parse(&known),
        filter: history::filter(query.as_deref().unwrap_or_default()),
        sender,
        stopping: web.stopping.clone(),
    };
    tokio::spawn(stream.run(card));
    Ok(answer)
}

/// What a receiver has seen. Anything unreadable is "nothing".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    event: i64,
    version: i64,
}

impl Seen {
    fn parse(text: &str) -> Self {
        let both = text.split_once('-');
        let both = both.and_then(|(event, version)| Some((event.parse().ok()?, version.parse().ok()?)));
        both.map_or_else(Self::default, |(event, version)| Self { event, version })
    }

    fn of(shown: &Shown) -> Self {
        Self {
            event: shown.last_event().0,
            version: shown.sheet.face.version,
        }
    }
}

/// One open page.
struct Stream {
    _beside: DropGuard,
    clock: Clock,
    screen: Screen,
    way: Way,
    known: Seen,
    /// The rows that the page shows.
    filter: Filter,
    sender: stream::Sender,
    stopping: CancellationToken,
}

impl Stream {
    /// Runs until the browser goes, the card is no longer followed, the gateway stops, or the stream's time is over.
    async fn run(self, card: watch::Receiver<Arc<Shown>>) {
        let stopping = self.stopping.clone();
        // Dropped wherever it is, also while a slow browser holds it up.
        let over = stopping.run_until_cancelled_owned(tokio::time::timeout(stream::LIFE, self.talk(card)));
        let _ = over.await;
    }

    async fn talk(mut self, mut card: watch::Receiver<Arc<Shown>>) {
        loop {
            let shown = Arc::clone(&card.borrow_and_update());
            if !self.tell(&shown).await {
                return;
            }
            tokio::select! {
                changed = card.changed() => if changed.is_err() { return },
                () = self.sender.closed() => return,
            }
        }
    }

    /// Sends what is new; false when nobody listens any more.
    async fn tell(&mut self, shown: &Shown) -> bool {
        let now_seen = Seen::of(shown);
        if now_seen.event <= self.known.event && now_seen.version <= self.known.version {
            return true;
        }
        self.screen.now = self.clock.now();
        let html = message(
            &self.screen,
            &self.way,
            shown,
            (EventId(self.known.event), &self.filter),
        );
        self.known = now_seen;
        let event = Event::default()
            .event("change")
            .id(seen(shown))
            .data(html.into_string());
        self.sender.send(Ok(event)).await.is_ok()
    }
}

/// Everything on the page that is newer than event `known`, of its rows those that `filter` lets through.
fn message(screen: &Screen, way: &Way, shown: &Shown, (known, filter): (EventId, &Filter)) -> Markup {
    let (new, old): (Vec<&TimelineRow>, Vec<&TimelineRow>) =
        shown.recent.iter().partition(|row| row.id > known);
    // When more is new than one page holds, the page's list would have a gap: it is replaced whole.
    let whole = old.is_empty();
    let shows = |row: &&TimelineRow| filter.shows(row.kind);
    let new: Vec<&TimelineRow> = new.into_iter().filter(shows).collect();
    // Rows on the page that have just been taken back look different now.
    let changed = old
        .iter()
        .filter(|row| row.reversed_by.is_some_and(|by| by > known));
    html! {
        template data-swap="pass" { (pass::front(screen, &shown.sheet.face, shown.texts.as_ref())) }
        template data-swap="facts" { (card::facts(screen, &shown.sheet)) }
        template data-swap="actions" { (bar::of(screen, shown, way)) }
        @if whole {
            template data-swap="timeline" { ol #timeline .timeline { @for row in &new { (line(screen, &Line::of_row(screen, row))) } } }
        } @else {
            @for row in changed {
                template data-swap=(timeline::line_id(row.id)) { (line(screen, &Line::of_row(screen, row))) }
            }
            template data-prepend="timeline" { @for row in &new { (line(screen, &Line::of_row(screen, row))) } }
        }
        template data-announce {
            @for row in &new { (screen.words.language.event(row.kind)) ". " }
            ((screen.words.profile.live_balance)(&card::balance(screen, shown)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_position_means_nothing_seen() {
        assert_eq!(
            Seen::parse("12-3"),
            Seen {
                event: 12,
                version: 3
            }
        );
        for text in ["", "12", "a-b", "12-", "99999999999999999999-1"] {
            assert_eq!(Seen::parse(text), Seen::default());
        }
    }
}
