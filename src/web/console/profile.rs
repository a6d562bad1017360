//! The profile of a card and its holder: a head with what may be done, and tabs that are pages at their own addresses.
//!
//! Opened beside a list it is the same page, cut out; the bar with the neighbours shows only there.

pub mod evidence;
pub mod feedback;
pub mod history;
pub mod information;
pub mod metrics;
pub mod notes;
pub mod notifications;
pub mod offers;
pub mod overview;
pub mod picture;
pub mod platforms;
mod why;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};

use crate::domain::access::Action;
use crate::domain::id::CardId;
use crate::ops::profile::Profile;
use crate::web::Web;
use crate::web::console::card::{self, RECENT, Shown};
use crate::web::console::components::{Tone, badge, icon};
use crate::web::console::layout::Section;
use crate::web::console::list::neighbours::neighbours;
use crate::web::console::screen::Screen;
use crate::web::console::timeline::time_text;
use crate::web::console::way::{Place, Way};
use crate::web::console::{acts, people};
use crate::web::error::ApiError;

/// The tabs of a profile, to be merged into the console's routes.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/cards/{card_id}", get(overview::show))
        .route("/cards/{card_id}/information", get(information::show))
        .route("/cards/{card_id}/card", get(picture::show))
        .route("/cards/{card_id}/timeline", get(history::show))
        .route("/cards/{card_id}/offers", get(offers::show))
        .route("/cards/{card_id}/feedback", get(feedback::show))
        .route("/cards/{card_id}/notes", get(notes::show).post(notes::add))
        .route("/cards/{card_id}/notes/{note_id}", post(notes::change))
        .route("/cards/{card_id}/notes/{note_id}/delete", post(notes::delete))
        .route("/cards/{card_id}/tags", post(notes::tag))
        .route("/cards/{card_id}/notifications", get(notifications::show))
}

/// A part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Information,
    Card,
    Timeline,
    Offers,
    Feedback,
    Notes,
    Notifications,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Information,
        Self::Card,
        Self::Timeline,
        Self::Offers,
        Self::Feedback,
        Self::Notes,
        Self::Notifications,
    ];

    pub fn part(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Information => "/information",
            Self::Card => "/card",
            Self::Timeline => "/timeline",
            Self::Offers => "/offers",
            Self::Feedback => "/feedback",
            Self::Notes => "/notes",
            Self::Notifications => "/notifications",
        }
    }

    fn title(self, screen: &Screen) -> &'static str {
        let words = &screen.words.profile;
        match self {
            Self::Overview => words.overview,
            Self::Information => words.information,
            Self::Card => words.card,
            Self::Timeline => words.timeline,
            Self::Offers => words.offers,
            Self::Feedback => words.feedback,
            Self::Notes => words.notes,
            Self::Notifications => words.notifications,
        }
    }
}

/// A profile in hand.
#[derive(Debug, Clone)]
pub struct Held {
    pub profile: Profile,
    pub shown: Shown,
    pub way: Way,
    /// What the form that led here did.
    pub done: Option<String>,
    /// Who stands before and after the card in the list that it was opened from.
    pub beside: (Option<CardId>, Option<CardId>),
}

impl Held {
    pub fn card(&self) -> CardId {
        self.shown.sheet.face.card
    }

    /// Whom the profile is about.
    pub fn name(&self, screen: &Screen) -> String {
        name(screen, &self.profile)
    }

    pub fn is_erased(&self) -> bool {
        self.profile.person.customer.erased_at.is_some()
    }
}

fn name(screen: &Screen, profile: &Profile) -> String {
    screen.name(profile.person.customer.profile.full_name())
}

/// Reads the profile of the card in a path, for a member who may see it.
pub async fn open(web: &Web, screen: &Screen, card: &str, place: &Place) -> Result<Held, ApiError> {
    screen.require(Action::ViewCards)?;
    let id = card::card_id(card)?;
    let merchant = screen.member.merchant;
    let profile = web.ops.profile(merchant, id).await?.ok_or(ApiError::NotFound)?;
    let shown = card::load(web, merchant, id, RECENT).await?;
    let way = Way::of_card(id, place.within.as_deref());
    let beside = match way.within() {
        Some(within) => neighbours(web, screen, within, id).await,
        None => (None, None),
    };
    Ok(Held {
        profile,
        shown,
        way,
        beside,
        done: place.done.clone(),
    })
}

/// The same for a form that was sent, with the list that was around its page.
pub async fn open_sent(
    web: &Web,
    screen: &Screen,
    card: &str,
    within: Option<&str>,
) -> Result<Held, ApiError> {
    let place = Place {
        within: within.map(str::to_owned),
        done: None,
    };
    open(web, screen, card, &place).await
}

/// A tab's whole page.
pub fn page(screen: &Screen, held: &Held, tab: Tab, content: &Markup) -> Markup {
    let words = &screen.words.profile;
    let name = held.name(screen);
    let sheet = &held.shown.sheet;
    let notice = held
        .done
        .as_deref()
        .and_then(|done| acts::notice::of(screen, held, done));
    let body = html! {
        @if let Some(notice) = notice { (notice) }
        (bar(screen, held))
        nav.crumbs aria-label=(screen.words.common.path) {
            a href=(held.way.list()) { (icon("left")) (screen.words.shell.customers) }
        }
        div.profile-head {
            div.page-head {
                h1 { (name) }
                p.muted { (sheet.face.program_name) }
                (card::status(screen, sheet.status))
                @if held.profile.person.customer.verified_at.is_some() { (badge(Tone::Good, words.verified)) }
            }
            (switcher(screen, held))
            (people::erase::banner(screen, &held.way, held.profile.person.customer.id, held.profile.erased_at))
            @if held.is_erased() { p.muted { (words.erased) } }
            (acts::bar::of(screen, &held.shown, &held.way))
        }
        nav.tabs aria-label=(words.tabs) {
            @for each in Tab::ALL {
                a href=(held.way.to(each.part())) aria-current=[(each == tab).then_some("page")] { (each.title(screen)) }
            }
        }
        (content)
    };
    let title = format!("{name}, {}", tab.title(screen));
    screen.page(Section::Customers, &title, &body)
}

/// What shows only beside a list: the list's neighbours, the page itself, and the way back.
fn bar(screen: &Screen, held: &Held) -> Markup {
    let (words, common) = (&screen.words.profile, &screen.words.common);
    html! {
        div.panel-bar {
            @for (card, title, drawing) in [
                (held.beside.0, words.previous_customer, "left"),
                (held.beside.1, words.next_customer, "right"),
            ] {
                @if let Some(card) = card {
                    @let way = Way::of_card(card, held.way.within());
                    a.icon-button href=(way.to("")) aria-label=(title) title=(title) { (icon(drawing)) }
                }
            }
            a.icon-button href=(held.way.to("")) data-whole target="_blank" aria-label=(words.whole_page) title=(words.whole_page) {
                (icon("upload"))
            }
            a.icon-button.close href=(held.way.list()) data-close aria-label=(common.close) title=(common.close) { (icon("close")) }
        }
    }
}

/// The other cards of the same person.
fn switcher(screen: &Screen, held: &Held) -> Markup {
    let cards = &held.profile.person.cards;
    html! {
        @if cards.len() > 1 {
            nav.filters aria-label=(screen.words.profile.their_cards) {
                @for each in cards {
                    @let way = Way::of_card(each.card.id, held.way.within());
                    a.chip href=(way.to("")) aria-current=[(each.card.id == held.card()).then_some("true")] {
                        (each.card.program_name)
                    }
                }
            }
        }
    }
}

/// A term with its definition, which opens in place and needs no pointer.
pub fn term(screen: &Screen, name: &str, meaning: &str) -> Markup {
    html! {
        dt {
            details.meaning {
                summary aria-label=((screen.words.profile.definition)(name)) title=(meaning) { (name) }
                span { (meaning) }
            }
        }
    }
}

/// The time at which something happened, or nothing.
pub fn at_or(screen: &Screen, at: Option<crate::domain::time::Timestamp>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), |at| time_text(screen, at))
}
