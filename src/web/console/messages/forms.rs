//! What the forms on a message's page do. Each checks the role, makes one call, and leads to the message that came of it.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::whom::Whom;
use super::{address, begin, message_id, view};
use crate::domain::access::Action;
use crate::domain::id::MessageId;
use crate::domain::message::{Message, Step, When};
use crate::ops::messages::{MessageError, Shown};
use crate::web::Web;
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// The forms that the state allows. What is about to be sent is confirmed by its number.
pub(super) fn of(screen: &Screen, shown: &Shown) -> Markup {
    let (said, message) = (&screen.words.messages, &shown.message);
    let may = |step| message.state.after(step).is_ok();
    let button = |action: &str, label: &str| {
        html! {
            form method="post" action=(format!("{}/{action}", address(message.id))) data-once {
                button.button.secondary type="submit" { (label) }
            }
        }
    };
    let forecast = shown
        .forecast
        .as_ref()
        .filter(|forecast| forecast.version == message.version);
    let send = if message.when == When::Now {
        said.send
    } else {
        said.schedule
    };
    html! {
        @if may(Step::Schedule) && let Some(forecast) = forecast {
            section.panel.sheet aria-labelledby="send-title" {
                h2 #send-title { (said.send_title) }
                form method="post" action=(format!("{}/send", address(message.id))) data-once {
                    input type="hidden" name="version" value=(message.version);
                    div.field {
                        label for="confirm" { ((said.confirm)(forecast.tally.recipients)) }
                        input #confirm name="confirm" type="number" min="1" required;
                    }
                    button.button.primary type="submit" { (send) }
                }
            }
        }
        div.row {
            @if may(Step::Schedule) { (button("forecast", said.make_forecast)) }
            @if may(Step::Edit) {
                a.button.secondary href=(format!("{}/edit", address(message.id))) data-key="e" { (said.edit) }
            }
            @if may(Step::Cancel) { (button("cancel", said.cancel)) }
            @if may(Step::Pause) { (button("pause", said.pause)) }
            @if may(Step::Resume) { (button("resume", said.resume)) }
            (button("duplicate", said.duplicate))
            @if may(Step::Abort) {
                a.button.quiet-danger href=(format!("{}/abort", address(message.id))) data-modal { (said.abort) }
            }
        }
    }
}

/// A test goes to one card, of the sender's own.
pub(super) fn test_form(screen: &Screen, message: &Message) -> Markup {
    let said = &screen.words.messages;
    html! {
        form.panel method="post" action=(format!("{}/test", address(message.id))) data-once {
            div.field {
                label for="card" { (said.test_card) }
                input #card name="card" type="text" required autocomplete="off";
            }
            button.button.secondary type="submit" { (said.send_test) }
        }
    }
}

/// `GET /console/messages/{message_id}/abort`
pub async fn ask_abort(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let message = web.ops.message(screen.member.merchant, message_id(&id)?).await?;
    let said = &screen.words.messages;
    let content = html! {
        form.panel data-alarming method="post" action=(format!("{}/abort", address(message.id))) data-once {
            h1 { (said.abort_title) }
            p.hint { (begin(&message.content.text)) }
            p.hint { (said.abort_text) }
            div.dialog-foot {
                a.button.secondary href=(address(message.id)) data-close autofocus { (said.keep) }
                button.button.danger type="submit" { (said.abort_yes) }
            }
        }
    };
    Ok(screen.page(Section::Messages, said.abort_title, &content))
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
    screen: Screen,
    Path(id): Path<String>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    let done = web
        .ops
        .schedule_message(screen.member.merchant, id, sent.version, sent.confirm)
        .await;
    answer(&web, &screen, id, done.map(|message| message.id)).await
}

/// `POST /console/messages/{message_id}/test`
pub async fn test(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Form(sent): Form<Test>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    let card = sent.card.trim().parse();
    let card = card.map_err(|_| Refused::Field {
        field: "card",
        expected: "the number of a card",
    })?;
    let done = web
        .ops
        .test_message(screen.member.merchant, Some(screen.member.id), id, card)
        .await;
    answer(&web, &screen, id, done.map(|message| message.id)).await
}

macro_rules! wishes {
    ($($(#[$doc:meta])* $name:ident: $wish:ident;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            State(web): State<Web>,
            screen: Screen,
            Path(id): Path<String>,
        ) -> Result<Response, ApiError> {
            grant(&web, &screen, message_id(&id)?, Wish::$wish).await
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

async fn grant(web: &Web, screen: &Screen, id: MessageId, wish: Wish) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let (ops, merchant) = (&web.ops, screen.member.merchant);
    let done = match wish {
        Wish::Forecast => {
            let made = ops.forecast_message(merchant, Some(screen.member.id), id).await;
            made.map(|_| id)
        }
        Wish::Cancel => ops.cancel_message(merchant, id).await.map(|message| message.id),
        Wish::Pause => ops.pause_message(merchant, id).await.map(|message| message.id),
        Wish::Resume => ops.resume_message(merchant, id).await.map(|message| message.id),
        Wish::Abort => ops.abort_message(merchant, id).await.map(|message| message.id),
        Wish::Duplicate => {
            let copy = ops.duplicate_message(merchant, Some(screen.member.id), id).await;
            copy.map(|message| message.id)
        }
    };
    answer(web, screen, id, done).await
}

/// Leads to the message that came of it, or shows the one that was meant with the reason why nothing did.
async fn answer(
    web: &Web,
    screen: &Screen,
    id: MessageId,
    done: Result<MessageId, MessageError>,
) -> Result<Response, ApiError> {
    let reason = match done {
        Ok(id) => return Ok(Redirect::to(&address(id)).into_response()),
        Err(error @ (MessageError::NotFound | MessageError::Store(_))) => return Err(error.into()),
        Err(refused) => screen.words.language.message_error(&refused),
    };
    let shown = web.ops.show_message(screen.member.merchant, id).await?;
    let whom = Whom::of(web, screen).await?;
    let page = view(screen, &whom, &shown, Some(&reason));
    Ok((ApiError::Conflict(reason).status(), page).into_response())
}
