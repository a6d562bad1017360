//! The list of cards: one line a card, newest first, cut into pages by key.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::card::CardStatus;
use crate::domain::program::ProgramKind;
use crate::domain::time::Timestamp;
use crate::store::listing::{self, CardPage, CardRow, Counts, Edge, Show};
use crate::web::Web;
use crate::web::console::components::{
    day, empty, icon, platforms, progress, rewards_badge, status_badge, status_word, time,
};
use crate::web::console::filtered::{self, Filter};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::error::ApiError;
use crate::web::extract::Member;

const PAGE_SIZE: usize = 25;

/// What the address of the list may say; anything else in it is ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Place {
    show: Option<String>,
    older: Option<String>,
    newer: Option<String>,
}

impl Place {
    fn show(&self) -> Show {
        self.show.as_deref().and_then(Show::parse).unwrap_or(Show::All)
    }

    fn edge(&self) -> Edge {
        let card = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        match (card(&self.older), card(&self.newer)) {
            (Some(card), _) => Edge::OlderThan(card),
            (None, Some(card)) => Edge::NewerThan(card),
            (None, None) => Edge::Newest,
        }
    }
}

/// `GET /console/cards`
pub async fn list(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Query(place): Query<Place>,
    Query(filter): Query<Filter>,
) -> Result<Markup, ApiError> {
    member.require(Action::ViewCards)?;
    if !filter.is_empty() {
        return filtered::list(&web, &member, theme, &filter).await;
    }
    let (merchant, show, edge) = (member.merchant, place.show(), place.edge());
    let (cards, counts) = web
        .ops
        .store
        .read("list_cards", move |tx| {
            Box::pin(async move {
                let cards = listing::cards(tx, merchant, show, edge, PAGE_SIZE).await?;
                let counts = listing::counts(tx, merchant).await?;
                Ok::<_, crate::store::Error>((cards, counts))
            })
        })
        .await?;
    Ok(view(&member, theme, show, &cards, counts, web.ops.clock.now()))
}

pub fn view(
    member: &Member,
    theme: Theme,
    show: Show,
    cards: &CardPage,
    counts: Counts,
    now: Timestamp,
) -> Markup {
    let content = html! {
        div.page-head {
            h1 { "Cards" }
            p.muted { (summary(counts)) }
        }
        @if counts.all > 0 { (filters(show, counts)) }
        @if cards.rows.is_empty() { (nothing(show, counts)) } @else {
            div.panel.table-panel {
                table.table {
                    caption.visually-hidden { "Cards, newest first" }
                    thead {
                        tr {
                            th scope="col" { "Customer" }
                            th scope="col" { "Program" }
                            th scope="col" { "Progress" }
                            th scope="col" { "Rewards" }
                            th scope="col" { "Status" }
                            th scope="col" { "Last visit" }
                            th scope="col" { "Issued" }
                        }
                    }
                    tbody { @for card in &cards.rows { (line(member, card, now)) } }
                }
            }
            (pager(show, cards))
        }
    };
    frame(member, theme, &ENGLISH, Section::Customers, "Cards", &content)
}

/// How far the card is, in what its program counts; a coupon counts nothing.
fn balance(card: &CardRow) -> Markup {
    match card.rules.kind() {
        ProgramKind::Punch => progress(card.punches, card.rules.goal()),
        ProgramKind::Points => html! { (card.points) " points" },
        ProgramKind::Coupon => html! { span.muted { "Coupon" } },
    }
}

fn line(member: &Member, card: &CardRow, now: Timestamp) -> Markup {
    let address = format!("/console/cards/{}", card.id);
    html! {
        tr {
            th scope="row" data-label="Customer" {
                a.row-link href=(address) { (card.customer_name) }
                span.under { (platforms(card.channels)) }
            }
            td data-label="Program" { (card.program_name) }
            td data-label="Progress" { (balance(card)) }
            td data-label="Rewards" {
                (rewards_badge(card.rewards))
                @if card.rewards == 0 { span.muted { "None" } }
            }
            td data-label="Status" { (status_badge(card.status)) }
            td data-label="Last visit" {
                @if let Some(at) = card.last_visit_at { (time(at, &member.zone, now)) }
                @else { span.muted { "Never" } }
            }
            td data-label="Issued" { (day(card.created_at, &member.zone, now)) }
        }
    }
}

fn summary(counts: Counts) -> String {
    let cards = if counts.all == 1 {
        "1 card".to_owned()
    } else {
        format!("{} cards", grouped(counts.all))
    };
    match counts.ready {
        0 => cards,
        1 => format!("{cards}, 1 with a reward to redeem"),
        ready => format!("{cards}, {} with a reward to redeem", grouped(ready)),
    }
}

/// 12345 as "12,345".
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn filters(show: Show, counts: Counts) -> Markup {
    let status = |status| (Show::Status(status), status_word(status));
    let choices = [
        (Show::All, "All"),
        (Show::Ready, "Reward ready"),
        status(CardStatus::Installed),
        status(CardStatus::Pending),
        status(CardStatus::Removed),
        status(CardStatus::Void),
    ];
    html! {
        nav.filters aria-label="Show" {
            @for (choice, label) in choices {
                a.chip href=(address(choice, None)) aria-current=[(choice == show).then_some("true")] {
                    (label) span.chip-count { (grouped(counts.of(choice))) }
                }
            }
        }
    }
}

fn nothing(show: Show, counts: Counts) -> Markup {
    if counts.all == 0 {
        return empty(
            "No cards yet",
            "A card appears here as soon as it is issued to a customer.",
            None,
        );
    }
    if counts.of(show) == 0 {
        return empty(
            "No card matches",
            "None of your cards is in this state right now.",
            Some(("/console/cards", "Show all cards")),
        );
    }
    empty(
        "Past the end",
        "There are no cards on this side of the list.",
        Some((&address(show, None), "Back to the newest")),
    )
}

fn pager(show: Show, cards: &CardPage) -> Markup {
    html! {
        @if cards.newer.is_some() || cards.older.is_some() {
            nav.pager aria-label="Pages" {
                @match cards.newer {
                    Some(edge) => a.button.secondary rel="prev" href=(address(show, Some(edge))) { (icon("left")) "Newer" },
                    None => span {},
                }
                @match cards.older {
                    Some(edge) => a.button.secondary rel="next" href=(address(show, Some(edge))) { "Older" (icon("right")) },
                    None => span {},
                }
            }
        }
    }
}

/// The address of the list in a given state; what is usual is left out of it.
fn address(show: Show, edge: Option<Edge>) -> String {
    let show = (show != Show::All).then(|| format!("show={}", show.as_str()));
    let edge = match edge {
        Some(Edge::OlderThan(card)) => Some(format!("older={card}")),
        Some(Edge::NewerThan(card)) => Some(format!("newer={card}")),
        Some(Edge::Newest) | None => None,
    };
    let query: Vec<String> = show.into_iter().chain(edge).collect();
    if query.is_empty() {
        return "/console/cards".into();
    }
    format!("/console/cards?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::CardId;

    #[test]
    fn an_address_restores_what_it_was_made_of() {
        let address = address(Show::Ready, Some(Edge::OlderThan(CardId(77))));
        let (_, query) = address.split_once('?').expect("a query");
        let place =
            Query::<Place>::try_from_uri(&format!("/x?{query}").parse().expect("a uri")).expect("a place");
        assert_eq!(
            (place.show(), place.edge()),
            (Show::Ready, Edge::OlderThan(CardId(77)))
        );
    }

    #[test]
    fn a_tampered_address_shows_the_newest_of_all() {
        let place = Place {
            show: Some("'; drop".into()),
            older: Some("1".into()),
            newer: Some("zzz".into()),
        };
        assert_eq!((place.show(), place.edge()), (Show::All, Edge::Newest));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1000), grouped(1234567)].join(" "),
            "0 999 1,000 1,234,567"
        );
    }
}
