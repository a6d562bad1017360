//! A person's own address: it leads to their newest card, or shows somebody who has none, with what staff write beside them.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{customer_id, erase};
use crate::domain::access::Action;
use crate::domain::profile::Field;
use crate::domain::time::Timestamp;
use crate::ops::customers::CustomerSheet;
use crate::web::Web;
use crate::web::console::components::{icon, toast};
use crate::web::console::layout::Section;
use crate::web::console::profile::notes::{self, Kept, Of, Typed, Wish};
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
use crate::web::error::ApiError;

/// Somebody without a card, as their page shows them.
pub struct Person {
    pub sheet: CustomerSheet,
    pub way: Way,
    due: Option<Timestamp>,
    done: Option<String>,
}

impl Person {
    /// The person in a path, with the list around their page.
    pub async fn open(web: &Web, screen: &Screen, customer: &str, place: &Place) -> Result<Self, ApiError> {
        screen.require(Action::ViewCustomers)?;
        let (id, merchant) = (customer_id(customer)?, screen.member.merchant);
        Ok(Self {
            sheet: web.ops.customer_sheet(merchant, id).await?,
            way: Way::of_customer(id, place.within.as_deref()),
            due: web.ops.erasure_due(merchant, id).await?,
            done: place.done.clone(),
        })
    }

    fn done(&self, screen: &Screen) -> Option<&'static str> {
        let people = &screen.words.people;
        match self.done.as_deref() {
            Some("added") => Some(people.added),
            Some("saved") => Some(people.saved),
            Some("kept") => Some(people.kept),
            Some("erasing") => Some(people.will_be_erased),
            Some("note") => Some(people.done_note),
            Some("note-deleted") => Some(people.done_note_deleted),
            Some("tags") => Some(people.done_tags),
            _ => None,
        }
    }

    pub fn page(&self, web: &Web, screen: &Screen, kept: &Kept<'_>) -> Markup {
        let (people, words) = (&screen.words.people, &screen.words.profile);
        let (way, customer) = (&self.way, &self.sheet.customer);
        let name = screen.name(customer.profile.full_name());
        let content = html! {
            @if let Some(done) = self.done(screen) { (toast(done, None)) }
            nav.crumbs aria-label=(screen.words.common.path) { a href=(way.list()) { (icon("left")) (screen.words.shell.customers) } }
            div.page-head { h1 { (name) } p.muted { (words.person_only) } }
            (erase::banner(screen, way, customer.id, self.due))
            @if customer.erased_at.is_some() { p.muted { (words.erased) } }
            @else {
                div.actions {
                    @if screen.may(Action::EditCustomers) { a.button.secondary href=(way.to("/edit")) data-modal data-key="e" { (icon("pencil")) (people.edit) } }
                    @if screen.may(Action::EraseCustomer) { a.button.quiet-danger href=(way.to("/erase")) data-modal { (people.erase) } }
                }
            }
            div.stack {
                section.panel aria-label=(words.personal) {
                    dl.details {
                        @for field in Field::ALL {
                            @let text = customer.profile.text(field);
                            @if !text.is_empty() { div { dt { (people.field(field)) } dd { (text) } } }
                        }
                        div { dt { (words.created) } dd { (screen.day(customer.created_at)) } }
                    }
                }
                (notes::sections(web, screen, way, &self.sheet, kept))
            }
        };
        screen.page(Section::Customers, &name, &content)
    }
}

/// `GET /console/customers/{customer_id}`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, ApiError> {
    let person = Person::open(&web, &screen, &customer, &place).await?;
    if let Some(newest) = person.sheet.cards.iter().map(|sheet| sheet.card.id).max() {
        let way = Way::of_card(newest, place.within.as_deref());
        let next = match place.done.as_deref() {
            Some(done) => way.with("", &[("done", done)]),
            None => way.to(""),
        };
        return Ok(Redirect::to(&next).into_response());
    }
    Ok(person.page(&web, &screen, &Kept::default()).into_response())
}

/// `POST /console/customers/{customer_id}/notes`
pub async fn add_note(
    state: State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    typed: Form<Typed>,
) -> Result<Response, ApiError> {
    write(state, screen, &customer, typed, Ok(Wish::Add)).await
}

/// `POST /console/customers/{customer_id}/notes/{note_id}`
pub async fn change_note(
    state: State<Web>,
    screen: Screen,
    Path((customer, note)): Path<(String, String)>,
    typed: Form<Typed>,
) -> Result<Response, ApiError> {
    write(
        state,
        screen,
        &customer,
        typed,
        Wish::of_note(&note, Wish::Change),
    )
    .await
}

/// `POST /console/customers/{customer_id}/notes/{note_id}/delete`
pub async fn delete_note(
    state: State<Web>,
    screen: Screen,
    Path((customer, note)): Path<(String, String)>,
    typed: Form<Typed>,
) -> Result<Response, ApiError> {
    write(
        state,
        screen,
        &customer,
        typed,
        Wish::of_note(&note, Wish::Delete),
    )
    .await
}

/// `POST /console/customers/{customer_id}/tags`
pub async fn tag(
    state: State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    typed: Form<Typed>,
) -> Result<Response, ApiError> {
    write(state, screen, &customer, typed, Ok(Wish::Tag)).await
}

async fn write(
    State(web): State<Web>,
    screen: Screen,
    customer: &str,
    Form(typed): Form<Typed>,
    wish: Result<Wish, ApiError>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let place = Place {
        within: typed.within().map(str::to_owned),
        done: None,
    };
    let person = Person::open(&web, &screen, customer, &place).await?;
    notes::act(&web, &screen, &Of::Person(Box::new(person)), &typed, wish?).await
}
