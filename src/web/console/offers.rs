//! One offer: what it says, whom it is for, and how far it is used up. The profiles of those who have to do with it lead here.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use maud::{Markup, html};

use crate::domain::access::Action;
use crate::domain::id::OfferId;
use crate::domain::offer::{Offer, OfferState};
use crate::web::Web;
use crate::web::console::components::{Tone, badge, icon};
use crate::web::console::layout::Section;
use crate::web::console::list::programs::Programs;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// The pages of offers, to be merged into the console's routes.
pub fn router() -> Router<Web> {
    Router::new().route("/offers/{offer_id}", get(show))
}

pub fn address(offer: OfferId) -> String {
    format!("/console/offers/{offer}")
}

/// `GET /console/offers/{offer_id}`
async fn show(State(web): State<Web>, screen: Screen, Path(offer): Path<String>) -> Result<Markup, ApiError> {
    screen.require(Action::ViewCards)?;
    let id: OfferId = offer.parse().map_err(|_| ApiError::NotFound)?;
    let offer = web.ops.offer(screen.member.merchant, id).await?;
    let offer = offer.ok_or(ApiError::NotFound)?;
    let programs = Programs::of(&web, screen.member.merchant).await?;
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/cards" { (icon("left")) (screen.words.shell.customers) } }
        div.page-head { h1 { (offer.terms.title) } (state(&screen, offer.state)) }
        section.panel aria-label=(offer.terms.title) {
            @if !offer.terms.text.is_empty() { p.panel-note { (offer.terms.text) } }
            (details(&screen, &programs, &offer))
            @if offer.terms.personal { p.panel-note.muted { (screen.words.profile.offer_personal) } }
        }
    };
    Ok(screen.page(Section::Customers, &offer.terms.title, &content))
}

pub fn state(screen: &Screen, state: OfferState) -> Markup {
    let words = &screen.words.profile;
    match state {
        OfferState::Draft => badge(Tone::Neutral, words.offer_draft),
        OfferState::Published => badge(Tone::Good, words.offer_published),
        OfferState::Withdrawn => badge(Tone::Bad, words.offer_withdrawn),
    }
}

fn details(screen: &Screen, programs: &Programs, offer: &Offer) -> Markup {
    let words = &screen.words.profile;
    let terms = &offer.terms;
    let claimed = match terms.claims {
        Some(claims) => (words.offer_claimed)(&screen.number(offer.claimed), &screen.number(claims)),
        None => (words.offer_claimed_by)(offer.claimed),
    };
    let whose = terms
        .program
        .map_or(words.offer_everybody, |program| programs.name(program));
    html! {
        dl.details {
            div { dt { (words.offer_for) } dd { (whose) } }
            @for (label, at) in [(words.offer_begins, terms.from), (words.offer_ends, terms.until)] {
                @if let Some(at) = at { div { dt { (label) } dd { (screen.time(at)) } } }
            }
            div { dt { (words.offer_claims) } dd { (claimed) } }
            div { dt { (words.offer_times) } dd { ((words.offer_times_of)(terms.times)) } }
        }
    }
}
