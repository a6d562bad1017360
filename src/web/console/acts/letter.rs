//! Sending a card again: a letter with its link, to the address that is shown before. Not twice within the cool-down.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::{Asks, Sent, done, foot, page, refused};
use crate::domain::access::Action;
use crate::domain::invitation::{InvitationKind, masked};
use crate::ops::invitations::InviteError;
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// `GET /console/cards/{card_id}/letter`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    match web.ops.may_invite(screen.member.merchant, held.card()).await {
        Ok(address) => Ok(view(&screen, &held, &Ok(masked(&address)))),
        Err(error) => Ok(view(&screen, &held, &Err(refusal(&screen, error)?))),
    }
}

/// `POST /console/cards/{card_id}/letter`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::InviteCustomers)?;
    let held = profile::open_sent(&web, &screen, &card, sent.within.as_deref()).await?;
    let by = Some(screen.member.id);
    let kind = InvitationKind::CardAgain;
    match web
        .ops
        .invite(screen.member.merchant, held.card(), kind, by)
        .await
    {
        Ok(_) => Ok(done(&held.way, "sent")),
        Err(error) => Ok(refused(view(&screen, &held, &Err(refusal(&screen, error)?)))),
    }
}

/// Why no letter goes, in words.
fn refusal(screen: &Screen, error: InviteError) -> Result<String, ApiError> {
    match error {
        InviteError::NoCard => Err(ApiError::NotFound),
        InviteError::Store(error) => Err(error.into()),
        InviteError::Card(error) => Err(error.into()),
        refused => Ok(screen.words.language.invite_error(&refused)),
    }
}

/// The question with the address, or the reason why it cannot be asked.
fn view(screen: &Screen, held: &Held, to: &Result<String, String>) -> Markup {
    let words = &screen.words.acts;
    let fields = html! {
        p #letter-text { @match to { Ok(address) => ((words.letter_text)(address)), Err(reason) => (reason) } }
        (foot(screen, held, &html! {
            button.button.primary type="submit" disabled[to.is_err()] aria-describedby="letter-text" { (icon("mail")) (words.send) }
        }))
    };
    let form = super::form(held, "/letter", Asks::Nothing, &fields);
    page(screen, held, words.letter, None, &form)
}
