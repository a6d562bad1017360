//! Using a code on a card, for a customer who hands one over. A code is good once for each card, so that sending the form
//! twice gives once.

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::id::{CardId, SerialNumber};
use crate::ops::codes::CodesError;
use crate::store::cards;
use crate::web::Web;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::tools::crumbs;
use crate::web::error::ApiError;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    code: String,
    card: String,
}

/// `GET /console/tools/codes/use?card=`
pub(super) async fn form(screen: Screen, Query(typed): Query<Typed>) -> Result<Markup, ApiError> {
    screen.require(Action::EditBalance)?;
    Ok(draw(&screen, &typed, None))
}

fn draw(screen: &Screen, typed: &Typed, problem: Option<(&str, &str)>) -> Markup {
    let said = &screen.words.codes;
    let of = |name| problem.filter(|(field, _)| *field == name).map(|(_, text)| text);
    let content = html! {
        (crumbs(screen, Some(("/console/tools/codes", said.title))))
        form.panel method="post" action="/console/tools/codes/use" data-once {
            h1 { (said.use_code) }
            p.hint { (said.use_text) }
            @if let Some((_, text)) = problem { (alert(Tone::Bad, text)) }
            (field(&Field {
                name: "code",
                label: said.code,
                kind: "text",
                value: &typed.code,
                autocomplete: "off",
                focused: problem.is_none_or(|(field, _)| field == "code"),
                error: of("code"),
            }))
            (field(&Field {
                name: "card",
                label: said.card,
                kind: "text",
                value: &typed.card,
                autocomplete: "off",
                focused: of("card").is_some(),
                error: of("card"),
            }))
            p.hint { (said.card_hint) }
            div.dialog-foot {
                a.button.secondary href="/console/tools/codes" data-close { (screen.words.common.cancel) }
                button.button.primary type="submit" { (said.use_yes) }
            }
        }
    };
    screen.page(Section::Tools, said.use_code, &content)
}

/// `POST /console/tools/codes/use`
pub(super) async fn spend(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditBalance)?;
    let said = &screen.words.codes;
    let member = &screen.member;
    let Some(card) = find(&web, &screen, &typed.card).await? else {
        return Ok(refused(&screen, &typed, "card", said.no_card));
    };
    let used = web
        .ops
        .use_code_on(member.merchant, &typed.code, card, member.actor())
        .await;
    let (field, reason) = match used {
        Ok(_) => return Ok(Redirect::to(&format!("/console/cards/{card}?done=code")).into_response()),
        Err(error @ (CodesError::Typed(_) | CodesError::Refused(_))) => {
            ("code", screen.words.language.codes_error(&error))
        }
        Err(CodesError::Store(error)) => return Err(error.into()),
        Err(error) => ("card", screen.words.language.codes_error(&error)),
    };
    Ok(refused(&screen, &typed, field, &reason))
}

fn refused(screen: &Screen, typed: &Typed, field: &str, reason: &str) -> Response {
    let page = draw(screen, typed, Some((field, reason)));
    (ApiError::Conflict(String::new()).status(), page).into_response()
}

/// The card by its number or its serial number.
async fn find(web: &Web, screen: &Screen, typed: &str) -> Result<Option<CardId>, ApiError> {
    let merchant = screen.member.merchant;
    let number: Option<CardId> = typed.trim().parse().ok();
    let serial = SerialNumber::parse(typed.trim().to_owned()).ok();
    let found = web
        .ops
        .store
        .read("card_of_code", move |tx| {
            let serial = serial.clone();
            Box::pin(async move {
                if let Some(card) = number
                    && cards::card(tx, merchant, card).await?.is_some()
                {
                    return Ok(Some(card));
                }
                let Some(serial) = serial else { return Ok(None) };
                let found = cards::card_by_serial_number(tx, merchant, &serial).await?;
                Ok::<_, crate::store::Error>(found.map(|of| of.card.id))
            })
        })
        .await?;
    Ok(found)
}
