//! The list, kept up to date by server-sent events: the counts of the segments, and the rows of the page that change.
//!
//! Rows stay where they are: one that would move to another page by its order does so when the list is next asked for,
//! not under the pointer. A receiver that comes back is sent all counts and all of its rows. A stream ends after ten
//! minutes, or when the gateway stops, and the browser opens the next one, with its session checked again.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::chips;
use super::columns::Column;
use super::counts::Counts;
use super::programs::Programs;
use super::table::{Table, row_id};
use super::wanted::Wanted;
use super::watch::{Followed, Lists, Showing};
use crate::domain::access::Action;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::segment::order::Each;
use crate::store::segments::Line;
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

const STREAM_LIFE: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_secs(1);
/// No page has more rows.
const MOST_ROWS: usize = 200;

/// The address of a page's stream.
pub fn address(wanted: &Wanted, lines: &[Line]) -> String {
    let rows: Vec<String> = lines.iter().map(|line| line.card.to_string()).collect();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("in", &wanted.query());
    query.append_pair("rows", &rows.join("."));
    format!("/console/cards/live?{}", query.finish())
}

fn read(query: &str) -> (Wanted, HashSet<CardId>) {
    let (mut wanted, mut rows) = (Wanted::default(), HashSet::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "in" => wanted = Wanted::parse(&value),
            "rows" => {
                let ids = value.split('.').filter_map(|id| id.parse().ok());
                rows = ids.take(MOST_ROWS).collect();
            }
            _ => {}
        }
    }
    (wanted, rows)
}

/// `GET /console/cards/live`
pub async fn events(
    State(web): State<Web>,
    Extension(lists): Extension<Lists>,
    screen: Screen,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let (wanted, rows) = read(query.as_deref().unwrap_or_default());
    let programs = Programs::of(&web, screen.member.merchant).await?;
    let followed = lists.follow(&web, screen.member.merchant);
    let (sender, receiver) = mpsc::channel(4);
    let stopping = web.stopping.clone();
    let page = Page {
        columns: Column::chosen(&headers, &programs),
        query: wanted.query(),
        each: wanted.each,
        showing: followed.show(rows),
        counts: None,
        cards_of: HashMap::new(),
        web,
        screen,
        programs,
        followed,
        sender,
    };
    tokio::spawn(page.run(stopping));
    Ok(Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// One open page.
struct Page {
    web: Web,
    screen: Screen,
    programs: Programs,
    columns: Vec<Column>,
    query: String,
    each: Each,
    showing: Showing,
    followed: Arc<Followed>,
    /// What it was sent last.
    counts: Option<Arc<Counts>>,
    cards_of: HashMap<CustomerId, i64>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl Page {
    /// Runs until the browser goes, the list is no longer followed, the gateway stops, or the stream's time is over.
    async fn run(mut self, stopping: CancellationToken) {
        let ended = self.followed.ended.clone();
        // Dropped wherever it is, also while a slow browser holds it up.
        let life = tokio::time::timeout(STREAM_LIFE, self.talk());
        tokio::select! {
            _ = life => {}
            () = stopping.cancelled() => {}
            () = ended.cancelled() => {}
        }
    }

    /// Ends when nobody listens any more.
    async fn talk(&mut self) -> Option<()> {
        let hello = Event::default().event("hello").retry(RETRY).data("live");
        self.sender.send(Ok(hello)).await.ok()?;
        let mut moves = self.followed.moves.subscribe();
        let mut first = self.followed.counts.subscribe();
        let counts = first.wait_for(Option::is_some).await.ok()?.clone()?;
        drop(first);
        let lines = self.all_rows().await?;
        self.tell(counts, &lines).await?;
        let sender = self.sender.clone();
        loop {
            let moved = tokio::select! {
                moved = moves.recv() => moved,
                () = sender.closed() => return None,
            };
            let (counts, lines) = match moved {
                Ok(moved) if !moved.missed => {
                    let of_page = self
                        .showing
                        .cards()
                        .iter()
                        .filter_map(|card| moved.lines.get(card));
                    (Arc::clone(&moved.counts), of_page.cloned().collect())
                }
                Ok(moved) => (Arc::clone(&moved.counts), self.all_rows().await?),
                Err(RecvError::Lagged(_)) => {
                    let counts = self.followed.counts.borrow().clone()?;
                    (counts, self.all_rows().await?)
                }
                Err(RecvError::Closed) => return None,
            };
            self.tell(counts, &lines).await?;
        }
    }

    /// Every row of the page as it is now.
    async fn all_rows(&mut self) -> Option<Vec<Line>> {
        let merchant = self.screen.member.merchant;
        let cards = self.showing.cards().iter().copied().collect();
        let lines = self.web.ops.lines(merchant, cards).await.ok()?;
        if self.each == Each::Customer {
            let customers = lines.iter().map(|line| line.customer).collect();
            self.cards_of = self.web.ops.cards_of_customers(merchant, customers).await.ok()?;
        }
        Some(lines)
    }

    /// Sends what is new.
    async fn tell(&mut self, counts: Arc<Counts>, lines: &[Line]) -> Option<()> {
        let is_known = self.counts.as_ref() == Some(&counts);
        if is_known && lines.is_empty() {
            return Some(());
        }
        self.screen.now = self.web.ops.clock.now();
        let html = self.message((!is_known).then_some(&counts), lines);
        self.counts = Some(counts);
        let event = Event::default().event("change").data(html.into_string());
        self.sender.send(Ok(event)).await.ok()
    }

    fn message(&self, counts: Option<&Counts>, lines: &[Line]) -> Markup {
        let table = Table {
            screen: &self.screen,
            programs: &self.programs,
            columns: &self.columns,
            each: self.each,
            query: &self.query,
            ticks: super::act::may_act(&self.screen),
        };
        html! {
            @if let Some(counts) = counts { (chips::live(&self.screen, counts, self.each)) }
            @for line in lines {
                template data-swap=(row_id(line.card)) { (table.row(line, self.cards_of.get(&line.customer).copied())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_address_is_read_back_and_tampering_shows_nothing() {
        let (wanted, rows) = read("in=by%3Dcustomer&rows=0000000000001.zz.0000000000002&x=%00");
        assert_eq!(wanted.each, Each::Customer);
        assert_eq!(rows, HashSet::from([CardId(1), CardId(2)]));
        let (_, none) = read("rows=%27%3B&in=%00");
        assert!(none.is_empty());
    }
}
