//! A push to one card: written with its length and looks in sight, forecast, and sent now or at a time.
//!
//! Writing makes a draft and leads to its forecast; only the second form lets it go. Whoever writes twice has two drafts
//! and has sent nothing.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{done, foot, page, refused, unreadable};
use crate::domain::access::Action;
use crate::domain::id::MessageId;
use crate::domain::message::when::WhoseZone;
use crate::domain::message::{Audience, Content, Forecast, Message, Refusal, When, length};
use crate::domain::preference::Class;
use crate::ops::messages::{MessageError, NewMessage};
use crate::web::Web;
use crate::web::console::components::icon;
use crate::web::console::messages::preview::{Said, lengths, lock_screens};
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::timeline::time_text;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

const CLASSES: [Class; 4] = [Class::Marketing, Class::Reward, Class::Balance, Class::Tier];

/// The form as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    title: String,
    text: String,
    link: String,
    class: String,
    at: String,
    #[serde(rename = "in")]
    within: Option<String>,
}

/// The second form.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    version: i64,
    recipients: i64,
    #[serde(default, rename = "in")]
    within: Option<String>,
}

/// `GET /console/cards/{card_id}/push`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    Ok(view(&screen, &held, &Typed::default(), None))
}

/// `POST /console/cards/{card_id}/push`
pub async fn write(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let held = profile::open_sent(&web, &screen, &card, typed.within.as_deref()).await?;
    let written = async {
        let new = NewMessage {
            content: typed.content()?,
            audience: Audience::Cards(vec![held.card()]),
            when: typed.when().ok_or(Problem::Time)?,
            author: Some(screen.member.id),
        };
        let written = web.ops.write_message(screen.member.merchant, new).await;
        written.map_err(Problem::from)
    };
    let problem = match written.await {
        Ok(message) => {
            let by = Some(screen.member.id);
            web.ops
                .forecast_message(screen.member.merchant, by, message.id)
                .await?;
            let next = held.way.to(&format!("/push/{}", message.id));
            return Ok(Redirect::to(&next).into_response());
        }
        Err(problem) => (problem.field(), problem.said(&screen)?),
    };
    let problem = (problem.0, problem.1.as_str());
    Ok(unreadable(view(&screen, &held, &typed, Some(problem))))
}

/// `GET /console/cards/{card_id}/push/{message_id}`
pub async fn look(
    State(web): State<Web>,
    screen: Screen,
    Path((card, message)): Path<(String, String)>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    let id = message_id(&message)?;
    let message = message_to(&web, &screen, &held, id).await?;
    let by = Some(screen.member.id);
    let forecast = web.ops.forecast_message(screen.member.merchant, by, id).await?;
    Ok(ahead(&screen, &held, &message, &forecast, None))
}

/// `POST /console/cards/{card_id}/push/{message_id}`
pub async fn send(
    State(web): State<Web>,
    screen: Screen,
    Path((card, message)): Path<(String, String)>,
    Form(sent): Form<Confirmed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let held = profile::open_sent(&web, &screen, &card, sent.within.as_deref()).await?;
    let id = message_id(&message)?;
    message_to(&web, &screen, &held, id).await?;
    let merchant = screen.member.merchant;
    let scheduled = web
        .ops
        .schedule_message(merchant, id, sent.version, sent.recipients)
        .await;
    match scheduled {
        Ok(_) => Ok(done(&held.way, "message")),
        Err(MessageError::Store(error)) => Err(error.into()),
        // Sent already by the first of two clicks: the message itself says how far it is.
        Err(MessageError::Refused(Refusal::State(_))) => Ok(Redirect::to(&address(id)).into_response()),
        Err(error) => {
            let message = message_to(&web, &screen, &held, id).await?;
            let by = Some(screen.member.id);
            let forecast = web.ops.forecast_message(merchant, by, id).await?;
            let problem = Problem::Message(error).said(&screen)?;
            Ok(refused(ahead(
                &screen,
                &held,
                &message,
                &forecast,
                Some(&problem),
            )))
        }
    }
}

/// Why nothing was written.
enum Problem {
    Time,
    Refused(Refusal),
    Message(MessageError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Refused(refusal) => Self::Refused(refusal),
            error => Self::Message(error),
        }
    }
}

impl Problem {
    /// The field that it is about; none of the form's where it is about the whole.
    fn field(&self) -> &'static str {
        match self {
            Self::Time | Self::Refused(Refusal::When(_)) => "at",
            Self::Refused(Refusal::Wording(error)) => error.field,
            Self::Refused(Refusal::AddressInText) => "text",
            Self::Refused(Refusal::Class) => "class",
            Self::Refused(Refusal::Target(_)) => "link",
            Self::Refused(_) | Self::Message(_) => "",
        }
    }

    fn said(self, screen: &Screen) -> Result<String, ApiError> {
        let words = &screen.words.acts;
        Ok(match self {
            Self::Time => words.push_time_wrong.to_owned(),
            Self::Refused(refusal) => screen.words.language.message_refusal(&refusal),
            Self::Message(error) => return Err(error.into()),
        })
    }
}

impl Typed {
    fn content(&self) -> Result<Content, Refusal> {
        let class = Class::parse(&self.class).unwrap_or(Class::Marketing);
        // Browsers send lines with carriage returns.
        let text = self.text.replace("\r\n", "\n");
        Content::checked(Some(&self.title), &text, Some(&self.link), class)
    }

    /// None where it is no time.
    fn when(&self) -> Option<When> {
        match self.at.trim() {
            "" => Some(When::Now),
            text => Some(When::At {
                time: text.parse().ok()?,
                zone: WhoseZone::Merchant,
            }),
        }
    }
}

fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

fn address(id: MessageId) -> String {
    format!("/console/messages/{id}")
}

/// A message, if it is one to this very card.
async fn message_to(web: &Web, screen: &Screen, held: &Held, id: MessageId) -> Result<Message, ApiError> {
    let message = web.ops.message(screen.member.merchant, id).await?;
    match &message.audience {
        Audience::Cards(cards) if cards == &[held.card()] => Ok(message),
        _ => Err(ApiError::NotFound),
    }
}

/// `problem` is the field that was not taken, and why.
fn view(screen: &Screen, held: &Held, typed: &Typed, problem: Option<(&str, &str)>) -> Markup {
    let words = &screen.words.acts;
    let zone = screen.member.zone.iana_name().unwrap_or("UTC");
    let of = |field: &str| {
        problem
            .filter(|(name, _)| *name == field)
            .map(|(_, reason)| reason)
    };
    let invalid = |field: &str| of(field).map(|_| "true");
    let described = |field: &str| of(field).map(|_| format!("{field}-problem"));
    let reason = |field: &str| {
        html! { @if let Some(reason) = of(field) { p.problem id=(format!("{field}-problem")) { (reason) } } }
    };
    let form = html! {
        form method="post" action=(held.way.to("/push")) data-once data-guard {
            @if let Some(within) = held.way.within() { input type="hidden" name="in" value=(within); }
            div.field {
                label for="text" { (words.push_text) }
                textarea #text name="text" required maxlength=(length::MOST_TEXT) rows="3" autofocus
                    aria-invalid=[invalid("text")]
                    aria-describedby=(if invalid("text").is_some() { "text-problem text-length" } else { "text-length" }) { (typed.text) }
                (reason("text"))
                (lengths(screen, &Said::first(&typed.title, &typed.text)))
            }
            (lock_screens(screen, &held.shown.sheet.face.merchant_name, &Said::first(&typed.title, &typed.text)))
            div.fields {
                div.field {
                    label for="title" { (words.push_heading) }
                    input #title name="title" type="text" maxlength=(length::MOST_TITLE) value=(typed.title)
                        aria-invalid=[invalid("title")] aria-describedby=[described("title")];
                    (reason("title"))
                }
                div.field {
                    label for="class" { (words.push_class) }
                    select #class name="class" {
                        @for class in CLASSES {
                            option value=(class.as_str()) selected[class.as_str() == typed.class] { (screen.words.profile.class(class)) }
                        }
                    }
                }
                div.field {
                    label for="link" { (words.push_link) }
                    input #link name="link" type="url" placeholder="https://" value=(typed.link)
                        aria-invalid=[invalid("link")] aria-describedby=[described("link")];
                    (reason("link"))
                }
                div.field {
                    label for="at" { ((words.push_at)(zone)) }
                    input #at name="at" type="datetime-local" value=(typed.at)
                        aria-invalid=[invalid("at")] aria-describedby=[described("at")];
                    (reason("at"))
                }
            }
            (foot(screen, held, &html! { button.button.primary type="submit" { (words.push_next) } }))
        }
    };
    let title = (words.push_title)(&held.name(screen));
    page(screen, held, &title, problem.map(|(_, reason)| reason), &form)
}

/// The forecast, and the form that lets the message go.
fn ahead(
    screen: &Screen,
    held: &Held,
    message: &Message,
    forecast: &Forecast,
    problem: Option<&str>,
) -> Markup {
    let words = &screen.words.acts;
    let tally = &forecast.tally;
    let later = matches!(message.when, When::At { .. });
    let form = html! {
        form method="post" action=(held.way.to(&format!("/push/{}", message.id))) data-once data-stay {
            @if let Some(within) = held.way.within() { input type="hidden" name="in" value=(within); }
            input type="hidden" name="version" value=(message.version);
            input type="hidden" name="recipients" value=(tally.recipients);
            blockquote { (message.content.text) }
            h2 { (words.push_forecast) }
            ul.forecast {
                @if tally.sent > 0 { li { ((words.push_sent)(tally.sent)) } }
                @if tally.deferred > 0 { li { ((words.push_deferred)(tally.deferred)) } }
                @for (rule, count) in &tally.suppressed {
                    li { ((words.push_suppressed)(*count, &screen.words.language.rule_code(rule))) }
                }
                @if tally.sent + tally.deferred == 0 { li { strong { (words.push_nobody) } } }
            }
            p { a href=(address(message.id)) data-whole { (words.push_page) } }
            (foot(screen, held, &html! {
                button.button.primary type="submit" autofocus {
                    (icon("push"))
                    @if later { ((words.push_then)(&time_text(screen, forecast.starts_at))) } @else { (words.push_now) }
                }
            }))
        }
    };
    let title = (words.push_title)(&held.name(screen));
    page(screen, held, &title, problem, &form)
}
