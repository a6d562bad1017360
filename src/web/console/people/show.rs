//! A person's own address: it leads to their newest card, or shows somebody who has none.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::{customer_id, erase};
use crate::domain::access::Action;
use crate::domain::profile::Field;
use crate::web::Web;
use crate::web::console::components::{Tone, badge, icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
use crate::web::error::ApiError;

/// `GET /console/customers/{customer_id}`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCustomers)?;
    let id = customer_id(&customer)?;
    let merchant = screen.member.merchant;
    let sheet = web.ops.customer_sheet(merchant, id).await?;
    let within = place.within.as_deref();
    if let Some(newest) = sheet.cards.iter().map(|sheet| sheet.card.id).max() {
        let way = Way::of_card(newest, within);
        let next = match place.done.as_deref() {
            Some(done) => way.with("", &[("done", done)]),
            None => way.to(""),
        };
        return Ok(Redirect::to(&next).into_response());
    }
    let due = web.ops.erasure_due(merchant, id).await?;
    let way = Way::of_customer(id, within);
    let (people, words) = (&screen.words.people, &screen.words.profile);
    let customer = &sheet.customer;
    let name = screen.name(customer.profile.full_name());
    let done = match place.done.as_deref() {
        Some("added") => Some(people.added),
        Some("saved") => Some(people.saved),
        Some("kept") => Some(people.kept),
        Some("erasing") => Some(people.will_be_erased),
        _ => None,
    };
    let content = html! {
        @if let Some(done) = done { (toast(done, None)) }
        nav.crumbs aria-label=(screen.words.common.path) { a href=(way.list()) { (icon("left")) (screen.words.shell.customers) } }
        div.page-head { h1 { (name) } p.muted { (words.person_only) } }
        (erase::banner(&screen, &way, id, due))
        @if customer.erased_at.is_some() { p.muted { (words.erased) } }
        @else {
            div.actions {
                @if screen.may(Action::EditCustomers) { a.button.secondary href=(way.to("/edit")) data-modal data-key="e" { (icon("pencil")) (people.edit) } }
                @if screen.may(Action::EraseCustomer) { a.button.quiet-danger href=(way.to("/erase")) data-modal { (people.erase) } }
            }
        }
        section.panel aria-label=(words.personal) {
            dl.details {
                @for field in Field::ALL {
                    @let text = customer.profile.text(field);
                    @if !text.is_empty() { div { dt { (people.field(field)) } dd { (text) } } }
                }
                div { dt { (words.created) } dd { (screen.day(customer.created_at)) } }
                @if !sheet.tags.is_empty() { div.wide { dt { (people.tags) } dd.row { @for tag in &sheet.tags { (badge(Tone::Neutral, tag)) } } } }
            }
            ul.list { @for note in &sheet.notes { li { p { (note.text) } span.push.muted { (screen.time(note.created_at)) } } } }
        }
    };
    Ok(screen.page(Section::Customers, &name, &content).into_response())
}
