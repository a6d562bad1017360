//! The form that writes a message, or changes one. Beside it stands how many it is for and what will become of it, before
//! anything is saved; how it looks follows what is typed. What it leads to is the message's page, with a forecast.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::ahead::Ahead;
use super::choosing::Offered;
use super::texts::{Step, Wrong};
use super::typed::{Problem, Refused, Typed};
use super::{address, message_id};
use crate::domain::access::Action;
use crate::domain::id::MessageId;
use crate::domain::message::{Message, Refusal};
use crate::domain::preference::Class;
use crate::ops::messages::{Edit, MessageError, NewMessage};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// Classes that a message can be about.
const CLASSES: [Class; 4] = [Class::Marketing, Class::Reward, Class::Balance, Class::Tier];

/// `GET /console/messages/new`: what its address says is filled in.
pub async fn new(
    State(web): State<Web>,
    screen: Screen,
    Query(typed): Query<Typed>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    draw(&web, &screen, None, typed, None).await
}

/// `GET /console/messages/{message_id}/edit`: as the message is, or as its address says while it is being changed.
pub async fn edit(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Query(typed): Query<Typed>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let message = web.ops.message(screen.member.merchant, message_id(&id)?).await?;
    let typed = match typed.to.as_str() {
        "" => Typed::of(&message),
        _ => typed,
    };
    draw(&web, &screen, Some(message.id), typed, None).await
}

/// `POST /console/messages/new`
pub async fn write(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    if typed.step.is_some() {
        return step(&web, &screen, None, typed).await;
    }
    let done = async {
        let new = NewMessage {
            content: typed.content()?,
            audience: typed.audience()?,
            when: typed.when()?,
            author: Some(screen.member.id),
        };
        Ok(web.ops.write_message(screen.member.merchant, new).await?)
    };
    let done = done.await;
    finish(&web, &screen, None, typed, done).await
}

/// `POST /console/messages/{message_id}/edit`
pub async fn change(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    if typed.step.is_some() {
        let message = web.ops.message(screen.member.merchant, id).await?;
        return step(&web, &screen, Some(message.id), typed).await;
    }
    let done = async {
        let edit = Edit {
            content: Some(typed.content()?),
            audience: Some(typed.audience()?),
            when: Some(typed.when()?),
        };
        let by = Some(screen.member.id);
        Ok(web
            .ops
            .edit_message(screen.member.merchant, by, id, typed.version, edit)
            .await?)
    };
    let done = done.await;
    finish(&web, &screen, Some(id), typed, done).await
}

/// Answers with the form after one of its own buttons was pressed.
async fn step(
    web: &Web,
    screen: &Screen,
    id: Option<MessageId>,
    mut typed: Typed,
) -> Result<Response, ApiError> {
    typed.texts.step(typed.step.take().unwrap_or(Step::Nothing));
    typed.is_unsaved = true;
    Ok(draw(web, screen, id, typed, None).await?.into_response())
}

async fn finish(
    web: &Web,
    screen: &Screen,
    id: Option<MessageId>,
    mut typed: Typed,
    done: Result<Message, Problem>,
) -> Result<Response, ApiError> {
    let problem = match done {
        Ok(message) => {
            web.ops
                .forecast_message(screen.member.merchant, Some(screen.member.id), message.id)
                .await?;
            return Ok(Redirect::to(&address(message.id)).into_response());
        }
        Err(Problem::Message(error @ (MessageError::NotFound | MessageError::Store(_)))) => {
            return Err(error.into());
        }
        Err(problem) => Refused {
            said: problem.said(screen),
            wrong: problem.wrong(screen),
        },
    };
    typed.is_unsaved = true;
    let page = draw(web, screen, id, typed, Some(&problem)).await?;
    Ok((ApiError::BadRequest(problem.said).status(), page).into_response())
}

async fn draw(
    web: &Web,
    screen: &Screen,
    id: Option<MessageId>,
    mut typed: Typed,
    problem: Option<&Refused>,
) -> Result<Markup, ApiError> {
    let offered = Offered::of(web, screen, &typed).await?;
    if typed.to.is_empty() {
        typed.to = offered.usual(&typed);
    }
    let ahead = match typed.meant(screen) {
        Ok(new) => Ahead::of(web, screen, new).await?,
        Err(Problem::Message(MessageError::Refused(Refusal::Audience(_)))) => Ahead::unclear(None),
        Err(problem) => Ahead::unclear(Some(problem.said(screen))),
    };
    Ok(view(screen, id, &typed, &offered, &ahead, problem))
}

fn view(
    screen: &Screen,
    id: Option<MessageId>,
    typed: &Typed,
    offered: &Offered,
    ahead: &Ahead,
    problem: Option<&Refused>,
) -> Markup {
    let (said, common) = (&screen.words.messages, &screen.words.common);
    let action = id.map_or_else(
        || "/console/messages/new".to_owned(),
        |id| format!("{}/edit", address(id)),
    );
    let back = id.map_or_else(|| "/console/messages".to_owned(), address);
    let title = if id.is_some() { said.edit_title } else { said.new };
    let content = html! {
        nav.crumbs aria-label=(common.path) { a href=(back) { (icon("left")) (said.title) } }
        div.page-head { h1 { (title) } }
        @if let Some(problem) = problem { (alert(Tone::Bad, &problem.said)) }
        div.compose {
            form #compose .panel method="post" action=(action) data-once data-guard data-unsaved[typed.is_unsaved]
                data-swap="ahead" data-typed {
                // The first button is what the Enter key presses. It saves; those of the languages come after it.
                button.visually-hidden type="submit" tabindex="-1" aria-hidden="true" {}
                input type="hidden" name="version" value=(typed.version);
                (offered.draw(screen, typed))
                (words(screen, typed, problem.and_then(|problem| problem.wrong.as_ref())))
                (time(screen, typed))
                noscript { button.button.secondary type="submit" formmethod="get" formnovalidate { (said.show_ahead) } }
            }
            (ahead.draw(screen))
            div.dialog-foot {
                a.button.secondary href=(back) { (common.cancel) }
                button.button.primary type="submit" form="compose" { (said.save_and_forecast) }
            }
        }
    };
    screen.page(Section::Messages, title, &content)
}

/// What it says, and how that looks, in each of its languages.
fn words(screen: &Screen, typed: &Typed, wrong: Option<&Wrong>) -> Markup {
    let said = &screen.words.messages;
    html! {
        div.field {
            label for="class" { (said.about) }
            select #class name="class" aria-describedby="class-hint" {
                @for class in CLASSES {
                    option value=(class.as_str()) selected[class.as_str() == typed.class] { (said.class(class)) }
                }
            }
            p.hint #class-hint { (said.about_hint) }
        }
        (typed.texts.first(screen, wrong))
        (typed.texts.others(screen, wrong))
        div.field {
            label for="link" { (said.link_field) }
            input #link name="link" type="url" placeholder="https://" value=(typed.link);
        }
    }
}

fn time(screen: &Screen, typed: &Typed) -> Markup {
    let said = &screen.words.messages;
    html! {
        div.fields {
            div.field {
                label for="at" { (said.at) }
                input #at name="at" type="datetime-local" value=(typed.at);
            }
            div.field {
                label for="zone" { (said.zone) }
                select #zone name="zone" {
                    option value="merchant" selected[typed.zone == "merchant"] { (said.shop) }
                    option value="customer" selected[typed.zone == "customer"] { (said.each_customer) }
                }
            }
        }
    }
}
