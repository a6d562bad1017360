//! Erasing a person: a question that names what is lost, a time of grace, and the way back while that lasts.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::customer_id;
use crate::domain::access::Action;
use crate::domain::event::Source;
use crate::domain::id::CustomerId;
use crate::domain::time::Timestamp;
use crate::ops::customers::CustomerSheet;
use crate::ops::erasure::{Erasure, ErasureError, GRACE};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
use crate::web::error::ApiError;

#[derive(Debug, Default, Deserialize)]
pub struct Sent {
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// `GET /console/customers/{customer_id}/erase`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EraseCustomer)?;
    let merchant = screen.member.merchant;
    let sheet = web.ops.customer_sheet(merchant, customer_id(&customer)?).await?;
    let way = Way::of_customer(sheet.customer.id, place.within.as_deref());
    Ok(question(&screen, &sheet, &way, None))
}

/// `POST /console/customers/{customer_id}/erase`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::EraseCustomer)?;
    let id = customer_id(&customer)?;
    let wanted = Erasure {
        merchant: screen.member.merchant,
        customer: id,
        actor: screen.member.actor(),
        source: Source::Console,
    };
    let way = Way::of_customer(id, sent.within.as_deref());
    match web.ops.erase_customer(wanted, GRACE).await {
        Ok(_) => Ok(Redirect::to(&way.with("", &[("done", "erasing")])).into_response()),
        Err(ErasureError::NotFound) => Err(ApiError::NotFound),
        Err(ErasureError::Store(error)) => Err(error.into()),
        Err(ErasureError::AlreadyErased | ErasureError::TooFar) => {
            let sheet = web.ops.customer_sheet(screen.member.merchant, id).await?;
            let problem = screen.words.people.erased;
            let page = question(&screen, &sheet, &way, Some(problem));
            Ok((ApiError::Conflict(String::new()).status(), page).into_response())
        }
    }
}

/// `POST /console/customers/{customer_id}/keep`
pub async fn keep(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::EraseCustomer)?;
    let id = customer_id(&customer)?;
    let way = Way::of_customer(id, sent.within.as_deref());
    let kept = web.ops.keep_customer(screen.member.merchant, id).await?;
    let next = if kept {
        way.with("", &[("done", "kept")])
    } else {
        way.to("")
    };
    Ok(Redirect::to(&next).into_response())
}

/// What stands on the profile of somebody who is about to be erased.
pub fn banner(screen: &Screen, way: &Way, customer: CustomerId, due: Option<Timestamp>) -> Markup {
    let words = &screen.words.profile;
    html! {
        @if let Some(due) = due {
            div.alert.bad role="alert" {
                (icon("notice"))
                p { ((words.will_be_erased)(&crate::web::console::timeline::time_text(screen, due))) }
                @if screen.may(Action::EraseCustomer) {
                    form method="post" action=(format!("/console/customers/{customer}/keep")) data-once {
                        @if let Some(within) = way.within() { input type="hidden" name="in" value=(within); }
                        button.button.secondary type="submit" { (icon("undo")) (words.keep) }
                    }
                }
            }
        }
    }
}

fn question(screen: &Screen, sheet: &CustomerSheet, way: &Way, problem: Option<&str>) -> Markup {
    let people = &screen.words.people;
    let name = screen.name(sheet.customer.profile.full_name());
    let title = (people.erase_title)(&name);
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let rewards = sheet.cards.iter().map(|held| held.card.rewards).sum();
    let counted = [
        (count(sheet.cards.len()), people.erase_cards),
        (rewards, people.erase_rewards),
        (count(sheet.notes.len()), people.erase_notes),
        (count(sheet.tags.len()), people.erase_tags),
    ];
    let has_answers = sheet
        .cards
        .iter()
        .any(|card| card.answers.iter().any(|(_, answer)| answer.is_some()));
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(way.to("")) { (icon("left")) (name) } }
        section.act {
            h1 { (title) }
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            form method="post" action=(way.to("/erase")) data-once data-alarming {
                @if let Some(within) = way.within() { input type="hidden" name="in" value=(within); }
                p { (people.erase_text) }
                ul.lost {
                    li { (people.erase_profile) }
                    @for (count, said) in counted { @if count > 0 { li { (said(count)) } } }
                    @if has_answers { li { (people.erase_answers) } }
                }
                p { (people.erase_stays) }
                div.dialog-foot {
                    a.button.secondary href=(way.to("")) data-close autofocus { (screen.words.common.cancel) }
                    button.button.danger type="submit" { (people.erase_now) }
                }
            }
        }
    };
    screen.page(Section::Customers, &title, &content)
}
