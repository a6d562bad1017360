//! Editing a person. An edit says which version it was made from; somebody else's is shown and never overwritten unseen.
//! What is printed on the card stays as it is.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::customer_id;
use super::fields::{self, Typed, Wrong};
use crate::domain::access::Action;
use crate::domain::custom_field::CustomField;
use crate::domain::id::{CardId, CustomerId};
use crate::domain::profile::Field;
use crate::ops::cards::CardError;
use crate::ops::customers::{Conflict, CustomerError, CustomerSheet, Edit};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::profile::information::who;
use crate::web::console::screen::Screen;
use crate::web::console::way::Way;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// What names an answer in the form.
const ANSWER: &str = "field:";

#[derive(Debug, Default, Deserialize)]
pub struct From {
    /// The card whose answers are edited too.
    card: Option<String>,
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// Whom and what the form is about.
struct Subject {
    sheet: CustomerSheet,
    card: Option<CardId>,
    way: Way,
}

/// Why nothing was saved.
#[derive(Default)]
struct Problem {
    alert: Option<String>,
    wrong: Option<Wrong>,
    /// What the profile says now, where somebody else changed it.
    now: Vec<(Field, String)>,
    /// The version that the next sending is made from.
    version: Option<i64>,
}

/// `GET /console/customers/{customer_id}/edit`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Query(from): Query<From>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditCustomers)?;
    let subject = subject(&web, &screen, customer_id(&customer)?, &from).await?;
    let profile = &subject.sheet.customer.profile;
    let mut typed: Vec<(String, String)> = Field::ALL
        .map(|field| (field.as_str().to_owned(), profile.text(field).into_owned()))
        .to_vec();
    for (field, answer) in subject.answers() {
        typed.push((
            format!("{ANSWER}{}", field.code),
            answer.clone().unwrap_or_default(),
        ));
    }
    Ok(view(&screen, &subject, &Typed(typed), &Problem::default()))
}

/// `POST /console/customers/{customer_id}/edit`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(customer): Path<String>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let typed = Typed(sent);
    let said = |name: &str| Some(typed.get(name).to_owned()).filter(|text| !text.is_empty());
    let from = From {
        card: said("card"),
        within: said("in"),
    };
    let subject = subject(&web, &screen, customer_id(&customer)?, &from).await?;
    let version = typed.get("version").parse();
    let version = version.map_err(|_| Refused::Field {
        field: "version",
        expected: "the version that the form came with",
    })?;
    let answers = typed.answers(ANSWER);
    let edit = Edit {
        fields: typed.profile(),
        answers: subject
            .card
            .filter(|_| !answers.is_empty())
            .map(|card| (card, answers)),
    };
    let (merchant, actor) = (screen.member.merchant, screen.member.actor());
    let edited = web
        .ops
        .edit_customer(merchant, subject.sheet.customer.id, version, edit, actor)
        .await;
    let people = &screen.words.people;
    let (problem, is_conflict) = match edited {
        Ok(_) => return Ok(Redirect::to(&subject.way.with("", &[("done", "saved")])).into_response()),
        Err(CustomerError::NotFound) => return Err(ApiError::NotFound),
        Err(CustomerError::Store(error) | CustomerError::Card(CardError::Store(error))) => {
            return Err(error.into());
        }
        Err(CustomerError::Changed(conflict)) => (changed(&screen, &typed, &conflict), true),
        Err(CustomerError::Erased) => (Problem::said(people.erased), true),
        Err(CustomerError::Raced) => (Problem::said(people.raced), true),
        Err(error) => match Wrong::of_customer(&screen, &error) {
            Some(wrong) => {
                let wrong = Some(wrong);
                (
                    Problem {
                        wrong,
                        ..Problem::default()
                    },
                    false,
                )
            }
            None => return Err(error.into()),
        },
    };
    let page = view(&screen, &subject, &typed, &problem);
    let error = if is_conflict {
        ApiError::Conflict(String::new())
    } else {
        ApiError::BadRequest(String::new())
    };
    Ok((error.status(), page).into_response())
}

impl Problem {
    fn said(text: &str) -> Self {
        Self {
            alert: Some(text.to_owned()),
            ..Self::default()
        }
    }
}

impl Subject {
    fn answers(&self) -> &[(CustomField, Option<String>)] {
        let card = self
            .sheet
            .cards
            .iter()
            .find(|sheet| Some(sheet.card.id) == self.card);
        card.map_or(&[], |sheet| &sheet.answers)
    }
}

async fn subject(web: &Web, screen: &Screen, id: CustomerId, from: &From) -> Result<Subject, ApiError> {
    let sheet = web.ops.customer_sheet(screen.member.merchant, id).await?;
    let wanted: Option<CardId> = from.card.as_deref().and_then(|card| card.parse().ok());
    let card = sheet
        .cards
        .iter()
        .map(|sheet| sheet.card.id)
        .find(|card| Some(*card) == wanted)
        .or_else(|| sheet.cards.last().map(|sheet| sheet.card.id));
    let within = from.within.as_deref();
    let way = match card {
        Some(card) => Way::of_card(card, within),
        None => Way::of_customer(id, within),
    };
    Ok(Subject { sheet, card, way })
}

/// Who changed the profile meanwhile, and what it says now where that is not what was typed.
fn changed(screen: &Screen, typed: &Typed, conflict: &Conflict) -> Problem {
    let people = &screen.words.people;
    let profile = &conflict.current.profile;
    let differs = Field::ALL
        .into_iter()
        .filter(|field| profile.text(*field).as_ref() != typed.get(field.as_str()).trim());
    let last = conflict.last.as_ref();
    let name = last.map_or_else(|| people.somebody.to_owned(), |last| who(screen, &last.by));
    Problem {
        alert: Some((people.changed)(&name)),
        wrong: None,
        now: differs
            .map(|field| (field, profile.text(field).into_owned()))
            .collect(),
        version: Some(conflict.current.version),
    }
}

fn view(screen: &Screen, subject: &Subject, typed: &Typed, problem: &Problem) -> Markup {
    let people = &screen.words.people;
    let customer = &subject.sheet.customer;
    let version = problem.version.unwrap_or(customer.version);
    let fields: Vec<CustomField> = subject.answers().iter().map(|(field, _)| field.clone()).collect();
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href=(subject.way.to("")) { (icon("left")) (screen.words.common.back) } }
        section.act {
            h1 { (people.edit) }
            p.hint { (people.edit_text) }
            @if let Some(text) = &problem.alert { (alert(Tone::Bad, text)) }
            form method="post" action=(format!("/console/customers/{}/edit", customer.id)) data-once data-guard {
                input type="hidden" name="version" value=(version);
                @if let Some(card) = subject.card { input type="hidden" name="card" value=(card); }
                @if let Some(within) = subject.way.within() { input type="hidden" name="in" value=(within); }
                (fields::profile(screen, typed, problem.wrong.as_ref(), &problem.now))
                @if !fields.is_empty() {
                    fieldset.custom {
                        legend { (screen.words.profile.fields) }
                        (fields::custom(screen, ANSWER, &fields, typed, problem.wrong.as_ref()))
                    }
                }
                div.dialog-foot {
                    a.button.secondary href=(subject.way.to("")) data-close { (screen.words.common.cancel) }
                    button.button.primary type="submit" {
                        @if problem.version.is_some() { (people.save_anyway) } @else { (screen.words.common.save) }
                    }
                }
            }
        }
    };
    screen.page(Section::Customers, people.edit, &content)
}
