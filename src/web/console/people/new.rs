//! Adding a person by hand, with a card where a program is chosen. Nobody becomes two people: whoever has the address,
//! number or id already is offered instead.

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::fields::{self, Typed, Wrong};
use crate::domain::access::Action;
use crate::domain::consent::{Channel, Evidence, Purpose};
use crate::domain::custom_field::CustomField;
use crate::domain::event::Source;
use crate::domain::id::{CustomerId, ProgramId};
use crate::domain::profile::ContactKind;
use crate::ops::cards::CardError;
use crate::ops::customers::{Added, CustomerError, NewPerson};
use crate::store::customers::Customer;
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::way::{Place, Way};
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// A program that takes new cards, with what it asks.
struct Offered {
    id: ProgramId,
    name: String,
    fields: Vec<CustomField>,
}

/// Why nobody was added.
enum Problem {
    None,
    Field(Wrong),
    Known(ContactKind, Box<Customer>),
    Other(&'static str),
}

/// `GET /console/customers/new`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Query(_): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditCustomers)?;
    let offered = offered(&web, &screen).await?;
    let mut typed = Typed::default();
    if let [only] = offered.as_slice() {
        typed.0.push(("program".to_owned(), only.id.to_string()));
    }
    Ok(view(&screen, &offered, &typed, &Problem::None))
}

/// `POST /console/customers/new`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let typed = Typed(sent);
    let offered = offered(&web, &screen).await?;
    let refuse = |problem: Problem| {
        let page = view(&screen, &offered, &typed, &problem);
        let status = match problem {
            Problem::Known(..) | Problem::Other(_) => ApiError::Conflict(String::new()).status(),
            Problem::None | Problem::Field(_) => ApiError::BadRequest(String::new()).status(),
        };
        Ok((status, page).into_response())
    };
    let evidence = match evidence(&screen, &typed) {
        Ok(evidence) => evidence,
        Err(wrong) => return refuse(Problem::Field(wrong)),
    };
    let (merchant, actor) = (screen.member.merchant, screen.member.actor());
    let added = async {
        let profile = web.ops.read_profile(merchant, &typed.profile()).await?;
        let program = typed.get("program").parse::<ProgramId>().ok();
        let person = NewPerson {
            profile,
            program,
            answers: program.map_or_else(Vec::new, |id| typed.answers(&format!("field:{id}:"))),
        };
        web.ops.add_customer(merchant, person, actor).await
    };
    let people = &screen.words.people;
    let (customer, card) = match added.await {
        Ok(Added::New { customer, card }) => (customer.id, card),
        Ok(Added::Known { by, customer }) => return refuse(Problem::Known(by, customer)),
        Err(CustomerError::Store(error) | CustomerError::Card(CardError::Store(error))) => {
            return Err(error.into());
        }
        Err(CustomerError::NoProgram) => return refuse(Problem::Other(people.program_closed)),
        Err(CustomerError::Card(CardError::Issue(_))) => {
            return refuse(Problem::Other(people.program_closed));
        }
        Err(CustomerError::Raced) => return refuse(Problem::Other(people.raced)),
        Err(error) => match Wrong::of_customer(&screen, &error) {
            Some(wrong) => return refuse(Problem::Field(wrong)),
            None => return Err(error.into()),
        },
    };
    if let Some(evidence) = evidence {
        consent(&web, &screen, customer, evidence).await?;
    }
    let next = match card {
        Some(card) => Way::of_card(card.card.id, None).with("/share", &[("done", "added")]),
        None => Way::of_customer(customer, None).with("", &[("done", "added")]),
    };
    Ok(Redirect::to(&next).into_response())
}

/// The words that the person agreed to, if they did.
fn evidence(screen: &Screen, typed: &Typed) -> Result<Option<Evidence>, Wrong> {
    if !typed.has("consent") {
        return Ok(None);
    }
    let language = screen.words.language.as_str();
    Evidence::new(typed.get("consent_text"), Channel::Console, language)
        .map(Some)
        .map_err(|_| Wrong {
            field: "consent_text".to_owned(),
            text: screen.words.common.required.to_owned(),
        })
}

async fn consent(
    web: &Web,
    screen: &Screen,
    customer: CustomerId,
    evidence: Evidence,
) -> Result<(), ApiError> {
    let by = (screen.member.actor(), Source::Console);
    let agreed = (Purpose::Marketing, true);
    let set = web
        .ops
        .set_consent(screen.member.merchant, customer, agreed, evidence, by)
        .await;
    match set {
        Ok(_) => Ok(()),
        Err(crate::ops::consents::WishError::Store(error)) => Err(error.into()),
        Err(error) => Err(Refused::Wish(error).into()),
    }
}

async fn offered(web: &Web, screen: &Screen) -> Result<Vec<Offered>, ApiError> {
    let merchant = screen.member.merchant;
    let mut offered = Vec::new();
    for of in web.ops.programs().await? {
        if of.program.merchant == merchant && of.program.archived_at.is_none() {
            offered.push(Offered {
                id: of.program.id,
                fields: web.ops.fields(merchant, of.program.id).await?,
                name: of.program.name,
            });
        }
    }
    Ok(offered)
}

fn view(screen: &Screen, offered: &[Offered], typed: &Typed, problem: &Problem) -> Markup {
    let people = &screen.words.people;
    let wrong = match problem {
        Problem::Field(wrong) => Some(wrong),
        _ => None,
    };
    let consent_wrong = wrong.filter(|wrong| wrong.field == "consent_text");
    let content = html! {
        nav.crumbs aria-label=(screen.words.common.path) { a href="/console/cards" { (icon("left")) (screen.words.shell.customers) } }
        section.act {
            h1 { (people.title_new) }
            p.hint { (people.add_text) }
            p.hint { a href="/console/tools/share" { (screen.words.share.join_themselves) } }
            @match problem {
                Problem::Known(kind, customer) => (known(screen, *kind, customer)),
                Problem::Other(text) => (alert(Tone::Bad, text)),
                Problem::None | Problem::Field(_) => {}
            }
            form method="post" action="/console/customers/new" data-once data-guard {
                (fields::profile(screen, typed, wrong, &[]))
                div.field {
                    label for="program" { (people.program) }
                    select #program name="program" data-picks {
                        option value="" { (people.no_program) }
                        @for program in offered {
                            option value=(program.id) selected[typed.get("program") == program.id.to_string()] { (program.name) }
                        }
                    }
                }
                @for program in offered {
                    @if !program.fields.is_empty() {
                        fieldset.custom data-picked=(program.id) {
                            legend { ((people.custom_of)(&program.name)) }
                            (fields::custom(screen, &format!("field:{}:", program.id), &program.fields, typed, wrong))
                        }
                    }
                }
                label.check { input type="checkbox" name="consent" value="1" checked[typed.has("consent")]; span { (people.consent) } }
                div.field {
                    label for="consent_text" { (people.consent_text) }
                    input #consent_text name="consent_text" type="text" maxlength="40" autocomplete="off" value=(typed.get("consent_text"))
                        aria-invalid=[consent_wrong.map(|_| "true")]
                        aria-describedby=(if consent_wrong.is_some() { "consent-problem" } else { "consent-hint" });
                    @match consent_wrong {
                        Some(wrong) => p #consent-problem .problem { (wrong.text) },
                        None => p #consent-hint .hint { (people.consent_hint) },
                    }
                }
                div.dialog-foot {
                    a.button.secondary href="/console/cards" data-close { (screen.words.common.cancel) }
                    button.button.primary type="submit" { (people.title_new) }
                }
            }
        }
    };
    screen.page(Section::Customers, people.title_new, &content)
}

/// Somebody has this address already: they are offered instead of a twin.
fn known(screen: &Screen, kind: ContactKind, customer: &Customer) -> Markup {
    let people = &screen.words.people;
    let name = screen.name(customer.profile.full_name());
    html! {
        div.alert.notice role="alert" {
            (icon("notice"))
            div {
                p { ((people.known)(people.contact(kind))) }
                p { a.button.secondary href=(Way::of_customer(customer.id, None).to("")) data-whole { ((people.open_known)(&name)) } }
            }
        }
    }
}
