//! Offers that the customer has to do with: assigned, marked, claimed, redeemed, with times, places and staff.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Held, Tab, open, page};
use crate::domain::offer::{Holding, Offer};
use crate::store::offers::Redemption;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, empty, icon};
use crate::web::console::offers;
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
use crate::web::error::ApiError;

/// `GET /console/cards/{card_id}/offers`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let words = &screen.words.profile;
    let customer = held.profile.person.customer.id;
    let offers = web
        .ops
        .offers_of_customer(screen.member.merchant, customer)
        .await?;
    let content = html! {
        @if offers.is_empty() { (empty(words.no_offers, words.no_offers_text, None)) }
        div.stack { @for (offer, holding, redemptions) in &offers { (one(&screen, &held, offer, holding, redemptions)) } }
    };
    Ok(page(&screen, &held, Tab::Offers, &content))
}

fn one(screen: &Screen, here: &Held, offer: &Offer, holding: &Holding, redemptions: &[Redemption]) -> Markup {
    let words = &screen.words.profile;
    let steps = [
        (words.assigned, holding.assigned_at),
        (words.favourited, holding.favourited_at),
        (words.claimed, holding.claimed_at),
    ];
    html! {
        section.panel aria-label=(offer.terms.title) {
            div.panel-head {
                h2 {
                    @if holding.favourited_at.is_some() { (icon("star")) " " }
                    a.row-link href=(offers::address(offer.id)) { (offer.terms.title) }
                }
                (offers::state(screen, offer.state))
                @if holding.redemptions > 0 {
                    (badge(Tone::Good, &(words.redeemed_times)(holding.redemptions, offer.terms.times)))
                }
            }
            @if !offer.terms.text.is_empty() { p.panel-note.muted { (offer.terms.text) } }
            dl.details {
                @for (name, at) in steps { @if let Some(at) = at { div { dt { (name) } dd { (screen.time(at)) } } } }
                @for redemption in redemptions {
                    div { dt { (words.redeemed) }
                        dd {
                            (screen.time(redemption.at))
                            @for said in [&redemption.location, &redemption.staff].into_iter().flatten() { ", " (said) }
                            @if redemption.taken_back_at.is_some() { " (" (words.taken_back) ")" }
                            @if redemption.card != here.card() {
                                ", " a href=(Way::of_card(redemption.card, here.way.within()).to(Tab::Timeline.part())) { (words.other_card) }
                            }
                        }
                    }
                }
                @if holding.card != here.card() {
                    div { dt { (words.through) } dd { a href=(Way::of_card(holding.card, here.way.within()).to("")) { (words.other_card) } } }
                }
            }
        }
    }
}
