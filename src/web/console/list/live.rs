//! The list, kept up to date by server-sent events: the counts of the segments, and the rows of the page that change.
//!
//! Rows stay where they are: what has come or would move is told in one quiet line ([`super::news`]) and shown when
//! somebody asks for it, not under the pointer. A receiver that comes back is sent all counts and all of its rows. A stream ends after ten
//! minutes, or when the gateway stops, and the browser opens the next one, with its session checked again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use maud::{Markup, html};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::chips;
use super::columns::Column;
use super::counts::Counts;
use super::news::News;
use super::programs::Programs;
use super::table::{Table, row_id};
use super::wanted::Wanted;
use super::watch::{Followed, Lists, Showing};
use crate::domain::access::Action;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::segment::order::Each;
use crate::store::segments::Line;
use crate::web::Web;
use crate::web::console::jobs::{self, watch::Works};
use crate::web::console::screen::Screen;
use crate::web::console::stream;
use crate::web::error::ApiError;

/// How long after a change an open page is told what has come: more often would be no quiet line.
const NEWS_AFTER: Duration = Duration::from_secs(1);
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

fn read(query: &str) -> (Wanted, Vec<CardId>) {
    let (mut wanted, mut rows) = (Wanted::default(), Vec::new());
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
    Extension(works): Extension<Works>,
    screen: Screen,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let (wanted, rows) = read(query.as_deref().unwrap_or_default());
    let programs = Programs::of(&web, screen.member.merchant).await?;
    let followed = lists.follow(&web, screen.member.merchant);
    let (sender, answer) = stream::begin();
    let stopping = web.stopping.clone();
    let beside = jobs::live::beside(&web, &works, &screen, sender.clone());
    let page = Page {
        columns: Column::chosen(&headers, &programs),
        query: wanted.query(),
        each: wanted.each,
        shown: rows.clone(),
        showing: followed.show(rows.iter().copied().collect(), wanted.each),
        news: News::of(
            wanted,
            rows.clone(),
            &screen,
            (&web.master, screen.member.merchant),
        ),
        counts: None,
        cards_of: HashMap::new(),
        rows: HashMap::new(),
        web,
        screen,
        programs,
        followed,
        sender,
        _beside: beside,
    };
    tokio::spawn(page.run(stopping));
    Ok(answer)
}

/// One open page.
struct Page {
    web: Web,
    screen: Screen,
    programs: Programs,
    columns: Vec<Column>,
    query: String,
    each: Each,
    /// The rows of the page.
    shown: Vec<CardId>,
    /// The cards whose changes it wants to hear of.
    showing: Showing,
    news: Option<News>,
    followed: Arc<Followed>,
    /// What it was sent last.
    counts: Option<Arc<Counts>>,
    /// All cards of the customers of the page, where a row stands for all of them.
    cards_of: HashMap<CustomerId, Vec<Line>>,
    /// The card of each such row.
    rows: HashMap<CustomerId, CardId>,
    sender: stream::Sender,
    _beside: DropGuard,
}

impl Page {
    /// Runs until the browser goes, the list is no longer followed, the gateway stops, or the stream's time is over.
    async fn run(mut self, stopping: CancellationToken) {
        let ended = self.followed.ended.clone();
        // Dropped wherever it is, also while a slow browser holds it up.
        let life = tokio::time::timeout(stream::LIFE, self.talk());
        tokio::select! {
            _ = life => {}
            () = stopping.cancelled() => {}
            () = ended.cancelled() => {}
        }
    }

    /// Ends when nobody listens any more.
    async fn talk(&mut self) -> Option<()> {
        let mut moves = self.followed.moves.subscribe();
        let mut first = self.followed.counts.subscribe();
        let counts = first.wait_for(Option::is_some).await.ok()?.clone()?;
        drop(first);
        let lines = self.all_rows().await?;
        self.tell(counts, &lines).await?;
        let sender = self.sender.clone();
        // What a page missed while it held no stream is told at once.
        let (mut news, mut is_due) = (Box::pin(tokio::time::sleep(Duration::ZERO)), true);
        loop {
            let moved = tokio::select! {
                moved = moves.recv() => moved,
                () = &mut news, if is_due => {
                    is_due = false;
                    self.tell_news().await?;
                    continue;
                }
                () = sender.closed() => return None,
            };
            if !is_due {
                (news, is_due) = (Box::pin(tokio::time::sleep(NEWS_AFTER)), true);
            }
            let (counts, lines) = match moved {
                Ok(moved) if !moved.missed => {
                    let of_page = self.of_page(&moved.lines);
                    (Arc::clone(&moved.counts), self.rows_of(of_page))
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
        let cards = self.shown.clone();
        let lines = self.web.ops.lines(merchant, cards).await.ok()?;
        if self.each == Each::Customer {
            let customers = lines.iter().map(|line| line.customer).collect();
            self.cards_of = self.web.ops.cards_of_customers(merchant, customers).await.ok()?;
            self.rows = lines.iter().map(|line| (line.customer, line.card)).collect();
            // A change of any of their cards changes the row.
            let all = self.cards_of.values().flatten().map(|line| line.card);
            self.showing = self.followed.show(all.collect(), self.each);
        }
        Some(lines)
    }

    /// Of what has changed, the cards on the page, and those of the holders on it.
    fn of_page(&self, lines: &HashMap<CardId, Line>) -> Vec<Line> {
        match self.each {
            Each::Card => {
                let cards = self.showing.cards().iter();
                cards.filter_map(|card| lines.get(card)).cloned().collect()
            }
            Each::Customer => {
                let of_holders = lines
                    .values()
                    .filter(|line| self.rows.contains_key(&line.customer));
                of_holders.cloned().collect()
            }
        }
    }

    /// The rows that changed cards belong to: themselves, or those of their holders.
    fn rows_of(&mut self, changed: Vec<Line>) -> Vec<Line> {
        if self.each == Each::Card {
            return changed;
        }
        let mut rows = HashMap::new();
        for line in changed {
            let Some(cards) = self.cards_of.get_mut(&line.customer) else {
                continue;
            };
            let (customer, card) = (line.customer, line.card);
            match cards.iter_mut().find(|known| known.card == card) {
                Some(known) => *known = line,
                // A new one. Newer ones come last.
                None => {
                    let place = cards.partition_point(|known| known.card < card);
                    cards.insert(place, line);
                }
            }
            let row = self.rows.get(&customer);
            let row = row.and_then(|row| cards.iter().find(|line| line.card == *row));
            rows.extend(row.map(|row| (customer, row.clone())));
        }
        rows.into_values().collect()
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

    /// Says what has come or moved, if that is news.
    async fn tell_news(&mut self) -> Option<()> {
        let Some(news) = &mut self.news else {
            return Some(());
        };
        let (merchant, look) = (self.screen.member.merchant, self.followed.looks());
        let list = (news.key.as_str(), &news.query);
        let glance = self.followed.glance(&self.web, merchant, list, look).await.ok()?;
        let html = glance.and_then(|glance| news.of_glance(&self.screen, &glance));
        let Some(html) = html else { return Some(()) };
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
                template data-swap=(row_id(line.card)) { (table.row(line, self.cards_of.get(&line.customer).map(Vec::as_slice))) }
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
        assert_eq!(rows, [CardId(1), CardId(2)]);
        let (_, none) = read("rows=%27%3B&in=%00");
        assert!(none.is_empty());
    }
}
