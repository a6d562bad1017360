//! A letter about one card, or about each of some that were chosen.

use axum::extract::{RawForm, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{Answer, answer, answers};
use crate::domain::access::Action;
use crate::domain::id::CardId;
use crate::domain::invitation::{InvitationKind, masked};
use crate::ops::invitations::{InviteError, MOST_ADDRESSES};
use crate::store::invitations::Addressee;
use crate::web::Web;
use crate::web::console::components::{Tone, alert};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::tools::crumbs;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The cards that a query or a form names as `card`, each once.
fn cards(form: &[u8]) -> Result<Vec<CardId>, ApiError> {
    let mut cards: Vec<CardId> = Vec::new();
    for (_, value) in form_urlencoded::parse(form).filter(|(name, _)| name == "card") {
        let card = value.parse().map_err(|_| ApiError::NotFound)?;
        if !cards.contains(&card) {
            cards.push(card);
        }
        if cards.len() > MOST_ADDRESSES {
            return Err(Refused::Invite(InviteError::TooMany(cards.len())).into());
        }
    }
    match cards.is_empty() {
        true => Err(ApiError::NotFound),
        false => Ok(cards),
    }
}

async fn addressees(
    web: &Web,
    screen: &Screen,
    cards: &[CardId],
) -> Result<Vec<(CardId, Option<Addressee>)>, ApiError> {
    let mut found = Vec::with_capacity(cards.len());
    for card in cards {
        found.push((*card, web.ops.addressee(screen.member.merchant, *card).await?));
    }
    Ok(found)
}

fn shown(screen: &Screen, whom: Option<&Addressee>) -> String {
    let address = whom.and_then(|whom| whom.email.as_deref()).map(masked);
    match (whom, address) {
        (_, Some(address)) => address,
        (Some(whom), None) if !whom.first_name.is_empty() => whom.first_name.clone(),
        _ => screen.words.common.no_name.to_owned(),
    }
}

/// `GET /console/tools/invitations/cards?card=…&card=…`
pub(super) async fn ask(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
) -> Result<Markup, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let cards = cards(query.unwrap_or_default().as_bytes())?;
    let whom = addressees(&web, &screen, &cards).await?;
    if whom.iter().any(|(_, whom)| whom.is_none()) {
        return Err(ApiError::NotFound);
    }
    let said = &screen.words.invite;
    let lacking = whom
        .iter()
        .filter(|(_, whom)| whom.as_ref().is_none_or(|whom| whom.email.is_none()));
    let lacking = i64::try_from(lacking.count()).unwrap_or(i64::MAX);
    let count = i64::try_from(whom.len()).unwrap_or(i64::MAX);
    let title = match whom.as_slice() {
        [(_, one)] => (said.confirm_one)(&shown(&screen, one.as_ref())),
        _ => (said.confirm_many)(count),
    };
    let back = match cards.as_slice() {
        [card] => format!("/console/cards/{card}"),
        _ => "/console/cards".to_owned(),
    };
    let content = html! {
        form.panel method="post" action="/console/tools/invitations/cards" data-once {
            h1 { (title) }
            p.hint { (said.confirm_text) }
            @if !web.sends_mail { (alert(Tone::Notice, said.no_mail)) }
            @if lacking > 0 && count == 1 { (alert(Tone::Bad, said.no_address)) }
            @else if lacking > 0 { (alert(Tone::Notice, &(said.unreachable)(lacking))) }
            @for card in &cards { input type="hidden" name="card" value=(card); }
            div.dialog-foot {
                a.button.secondary href=(back) data-close { (screen.words.common.cancel) }
                @if lacking < count { button.button.primary type="submit" { (said.send_yes) } }
            }
        }
    };
    Ok(screen.page(Section::Tools, &title, &content))
}

/// `POST /console/tools/invitations/cards`
pub(super) async fn send(
    State(web): State<Web>,
    screen: Screen,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let cards = cards(&form)?;
    let (merchant, by) = (screen.member.merchant, Some(screen.member.id));
    let whom = addressees(&web, &screen, &cards).await?;
    let mut made: Vec<Answer> = Vec::with_capacity(whom.len());
    for (card, whom) in &whom {
        let sent = web
            .ops
            .invite(merchant, *card, InvitationKind::CardAgain, by)
            .await;
        let whom = shown(&screen, whom.as_ref());
        made.push(answer(&web, &screen, whom, sent.map(|_| ())));
    }
    let said = &screen.words.invite;
    if let [only] = made.as_slice() {
        if only.is_good {
            return Ok(Redirect::to("/console/tools/invitations?done=sent").into_response());
        }
        let content = html! {
            (crumbs(&screen, Some(("/console/tools/invitations", said.title))))
            section.panel.sheet {
                h1 { (only.whom) }
                (alert(Tone::Bad, &only.text))
                a.button.secondary href="/console/tools/invitations" data-close { (screen.words.common.close) }
            }
        };
        let page = screen.page(Section::Tools, said.title, &content);
        return Ok((ApiError::Conflict(String::new()).status(), page).into_response());
    }
    let content = html! {
        (crumbs(&screen, Some(("/console/tools/invitations", said.title))))
        div.page-head { h1 { (said.title) } }
        (answers(said.answers_cards, &made))
    };
    Ok(screen.page(Section::Tools, said.title, &content).into_response())
}
