//! What the forms on a message's page do. Each checks the role, makes one call, and leads to the message that came of it.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, message_id, view};
use crate::domain::access::Action;
use crate::domain::id::MessageId;
use crate::domain::message::Step;
use crate::ops::messages::{MessageError, Shown};
use crate::web::Web;
use crate::web::console::layout::Theme;
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// The forms that the state allows.
pub(super) fn of(shown: &Shown) -> Markup {
    let message = &shown.message;
    let may = |step| message.state.after(step).is_ok();
    let button = |action: &str, label: &str| {
        html! {
            form method="post" action=(format!("{}/{action}", address(message.id))) {
                button.button.secondary type="submit" { (label) }
            }
        }
    };
    let forecast = shown
        .forecast
        .as_ref()
        .filter(|forecast| forecast.version == message.version);
    html! {
        section.panel.sheet {
            @if may(Step::Schedule) {
                (button("forecast", "Make a forecast"))
                @if let Some(forecast) = forecast {
                    form method="post" action=(format!("{}/send", address(message.id))) data-once {
                        input type="hidden" name="version" value=(message.version);
                        div.field {
                            label for="confirm" {
                                "Type the number of recipients, " (forecast.tally.recipients) ", to send it"
                            }
                            input #confirm name="confirm" type="number" min="1" required;
                        }
                        button.button.primary type="submit" { "Send" }
                    }
                }
            }
            @if may(Step::Edit) {
                a.button.secondary href=(format!("{}/edit", address(message.id))) { "Edit" }
            }
            @if may(Step::Cancel) { (button("cancel", "Cancel")) }
            @if may(Step::Pause) { (button("pause", "Pause")) }
            @if may(Step::Resume) { (button("resume", "Go on")) }
            @if may(Step::Abort) { (button("abort", "Abort")) }
            (button("duplicate", "Duplicate"))
            form method="post" action=(format!("{}/test", address(message.id))) {
                div.field {
                    label for="card" { "Send a test to your own card" }
                    input #card name="card" type="text" required;
                }
                button.button.secondary type="submit" { "Send a test" }
            }
        }
    }
}

/// What a form asks of a message.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Forecast,
    Cancel,
    Pause,
    Resume,
    Abort,
    Duplicate,
}

#[derive(Debug, Deserialize)]
pub struct Confirmed {
    version: i64,
    confirm: i64,
}

#[derive(Debug, Deserialize)]
pub struct Test {
    card: String,
}

/// `POST /console/messages/{message_id}/send`
pub async fn send(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, ApiError> {
    member.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    let done = web
        .ops
        .schedule_message(member.merchant, id, sent.version, sent.confirm)
        .await;
    answer(&web, &member, theme, id, done.map(|message| message.id)).await
}

/// `POST /console/messages/{message_id}/test`
pub async fn test(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
    Form(sent): Form<Test>,
) -> Result<Response, ApiError> {
    member.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    let card = sent.card.trim().parse();
    let card = card.map_err(|error| ApiError::BadRequest(format!("card: {error}")))?;
    let done = web
        .ops
        .test_message(member.merchant, Some(member.id), id, card)
        .await;
    answer(&web, &member, theme, id, done.map(|message| message.id)).await
}

macro_rules! wishes {
    ($($(#[$doc:meta])* $name:ident: $wish:ident;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            State(web): State<Web>,
            member: Member,
            theme: Theme,
            Path(id): Path<String>,
        ) -> Result<Response, ApiError> {
            grant(&web, &member, theme, message_id(&id)?, Wish::$wish).await
        }
    )*};
}

wishes! {
    /// `POST /console/messages/{message_id}/forecast`
    forecast: Forecast;
    /// `POST /console/messages/{message_id}/cancel`
    cancel: Cancel;
    /// `POST /console/messages/{message_id}/pause`
    pause: Pause;
    /// `POST /console/messages/{message_id}/resume`
    resume: Resume;
    /// `POST /console/messages/{message_id}/abort`
    abort: Abort;
    /// `POST /console/messages/{message_id}/duplicate`
    duplicate: Duplicate;
}

async fn grant(
    web: &Web,
    member: &Member,
    theme: Theme,
    id: MessageId,
    wish: Wish,
) -> Result<Response, ApiError> {
    member.require(Action::SendMessages)?;
    let (ops, merchant) = (&web.ops, member.merchant);
    let done = match wish {
        Wish::Forecast => {
            let made = ops.forecast_message(merchant, Some(member.id), id).await;
            made.map(|_| id)
        }
        Wish::Cancel => ops.cancel_message(merchant, id).await.map(|message| message.id),
        Wish::Pause => ops.pause_message(merchant, id).await.map(|message| message.id),
        Wish::Resume => ops.resume_message(merchant, id).await.map(|message| message.id),
        Wish::Abort => ops.abort_message(merchant, id).await.map(|message| message.id),
        Wish::Duplicate => {
            let copy = ops.duplicate_message(merchant, Some(member.id), id).await;
            copy.map(|message| message.id)
        }
    };
    answer(web, member, theme, id, done).await
}

/// Leads to the message that came of it, or shows the one that was meant with the reason why nothing did.
async fn answer(
    web: &Web,
    member: &Member,
    theme: Theme,
    id: MessageId,
    done: Result<MessageId, MessageError>,
) -> Result<Response, ApiError> {
    let reason = match done {
        Ok(id) => return Ok(Redirect::to(&address(id)).into_response()),
        Err(error @ (MessageError::NotFound | MessageError::Store(_))) => return Err(error.into()),
        Err(refused) => refused.to_string(),
    };
    let shown = web.ops.show_message(member.merchant, id).await?;
    let page = view(member, theme, &shown, Some(&reason), web.ops.clock.now());
    Ok((ApiError::Conflict(reason).status(), page).into_response())
}
