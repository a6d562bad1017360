//! A plain form that writes a message, or changes one. What it leads to is the message's page, with a forecast.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, message_id};
use crate::domain::access::Action;
use crate::domain::chips::Chip;
use crate::domain::id::{MessageId, ProgramId};
use crate::domain::link::Target;
use crate::domain::message::audience::BuiltInName;
use crate::domain::message::when::WhoseZone;
use crate::domain::message::{Audience, Content, Message, Refusal, RuleText, When, length};
use crate::domain::preference::Class;
use crate::domain::segment::Rule;
use crate::domain::segment::saved::{Segment, Viewer};
use crate::ops::messages::{Edit, MessageError, NewMessage};
use crate::web::Web;
use crate::web::console::components::{Tone, alert};
use crate::web::console::layout::{Section, Theme, frame};
use crate::web::console::words::ENGLISH;
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// Classes that a message can be about.
const CLASSES: [Class; 4] = [Class::Marketing, Class::Reward, Class::Balance, Class::Tier];

/// The form as it was filled in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    title: String,
    text: String,
    link: String,
    class: String,
    /// `card`, `program:<id>`, `segment:<id>`, `built_in:<word>` or `rule`.
    to: String,
    cards: String,
    rule: String,
    at: String,
    zone: String,
    version: i64,
}

/// What the form offers.
pub struct Offered {
    programs: Vec<(ProgramId, String)>,
    segments: Vec<Segment>,
}

/// `GET /console/messages/new`: what its address says is filled in.
pub async fn new(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Query(typed): Query<Typed>,
) -> Result<Markup, ApiError> {
    member.require(Action::SendMessages)?;
    let offered = offered(&web, &member).await?;
    Ok(view(&member, theme, None, &typed, &offered, None))
}

/// `GET /console/messages/{message_id}/edit`
pub async fn edit(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    member.require(Action::SendMessages)?;
    let message = web.ops.message(member.merchant, message_id(&id)?).await?;
    let offered = offered(&web, &member).await?;
    let typed = Typed::of(&message);
    Ok(view(&member, theme, Some(message.id), &typed, &offered, None))
}

/// `POST /console/messages`
pub async fn write(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    member.require(Action::SendMessages)?;
    let done = async {
        let new = NewMessage {
            content: typed.content()?,
            audience: typed.audience().map_err(Problem::Typed)?,
            when: typed.when().map_err(Problem::Typed)?,
            author: Some(member.id),
        };
        Ok(web.ops.write_message(member.merchant, new).await?)
    };
    finish(&web, &member, theme, None, &typed, done.await).await
}

/// `POST /console/messages/{message_id}/edit`
pub async fn change(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    member.require(Action::SendMessages)?;
    let id = message_id(&id)?;
    let done = async {
        let edit = Edit {
            content: Some(typed.content()?),
            audience: Some(typed.audience().map_err(Problem::Typed)?),
            when: Some(typed.when().map_err(Problem::Typed)?),
        };
        let by = Some(member.id);
        Ok(web
            .ops
            .edit_message(member.merchant, by, id, typed.version, edit)
            .await?)
    };
    finish(&web, &member, theme, Some(id), &typed, done.await).await
}

/// Why nothing was written.
enum Problem {
    Typed(String),
    Message(MessageError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Typed(refusal.to_string())
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

async fn finish(
    web: &Web,
    member: &Member,
    theme: Theme,
    id: Option<MessageId>,
    typed: &Typed,
    done: Result<Message, Problem>,
) -> Result<Response, ApiError> {
    let problem = match done {
        Ok(message) => {
            web.ops
                .forecast_message(member.merchant, Some(member.id), message.id)
                .await?;
            return Ok(Redirect::to(&address(message.id)).into_response());
        }
        Err(Problem::Message(error @ (MessageError::NotFound | MessageError::Store(_)))) => {
            return Err(error.into());
        }
        Err(Problem::Message(refused)) => refused.to_string(),
        Err(Problem::Typed(problem)) => problem,
    };
    let offered = offered(web, member).await?;
    let page = view(member, theme, id, typed, &offered, Some(&problem));
    Ok((ApiError::BadRequest(problem).status(), page).into_response())
}

async fn offered(web: &Web, member: &Member) -> Result<Offered, ApiError> {
    let viewer = Viewer::Member(member.id);
    let programs = web.ops.programs().await?;
    Ok(Offered {
        programs: programs
            .into_iter()
            .filter(|of| of.program.merchant == member.merchant && of.program.archived_at.is_none())
            .map(|of| (of.program.id, of.program.name))
            .collect(),
        segments: web
            .ops
            .segments(member.merchant, viewer)
            .await
            .map_err(MessageError::from)?,
    })
}

impl Typed {
    /// The form with what a message says now.
    fn of(message: &Message) -> Self {
        let Content {
            title,
            text,
            link,
            class,
        } = &message.content;
        let (to, cards, rule) = match &message.audience {
            Audience::Cards(cards) => {
                let cards: Vec<_> = cards.iter().map(ToString::to_string).collect();
                ("card".to_owned(), cards.join(" "), String::new())
            }
            Audience::Program(program) => (format!("program:{program}"), String::new(), String::new()),
            Audience::Segment(segment) => (format!("segment:{segment}"), String::new(), String::new()),
            Audience::BuiltIn(built_in) => {
                let word = built_in.0.as_str();
                (format!("built_in:{word}"), String::new(), String::new())
            }
            Audience::Rule(rule) => ("rule".to_owned(), String::new(), rule.to_string()),
        };
        let (at, zone) = match message.when {
            When::Now => (String::new(), ""),
            When::At { time, zone } => (time.strftime("%Y-%m-%dT%H:%M").to_string(), zone.as_str()),
        };
        Self {
            title: title.clone().unwrap_or_default(),
            text: text.clone(),
            link: link.as_ref().map(Target::as_str).unwrap_or_default().to_owned(),
            class: class.as_str().to_owned(),
            to,
            cards,
            rule,
            at,
            zone: zone.to_owned(),
            version: message.version,
        }
    }

    fn content(&self) -> Result<Content, Refusal> {
        let class = Class::parse(&self.class).unwrap_or(Class::Marketing);
        // Browsers send lines with carriage returns.
        let text = self.text.replace("\r\n", "\n");
        Content::checked(Some(&self.title), &text, Some(&self.link), class)
    }

    fn audience(&self) -> Result<Audience, String> {
        let wrong = |what: &str| format!("to: expected a {what} of the list; got another word");
        match self.to.split_once(':') {
            Some(("program", id)) => id.parse().map(Audience::Program).map_err(|_| wrong("program")),
            Some(("segment", id)) => id.parse().map(Audience::Segment).map_err(|_| wrong("segment")),
            Some(("built_in", word)) => match Chip::parse(word) {
                Some(built_in) => Ok(Audience::BuiltIn(BuiltInName(built_in))),
                None => Err(wrong("segment")),
            },
            _ if self.to == "rule" => match Rule::parse(self.rule.trim()) {
                Ok(rule) => Ok(Audience::Rule(RuleText(rule))),
                Err(error) => Err(error.to_string()),
            },
            _ => {
                let cards = self.cards.split([' ', ',', '\n', '\r', '\t']);
                let cards = cards.filter(|word| !word.is_empty()).map(str::parse);
                let cards: Result<Vec<_>, _> = cards.collect();
                cards
                    .map(Audience::Cards)
                    .map_err(|error| format!("cards: {error}"))
            }
        }
    }

    fn when(&self) -> Result<When, String> {
        if self.at.trim().is_empty() {
            return Ok(When::Now);
        }
        let time = self.at.trim().parse();
        let time = time.map_err(|_| {
            "time: expected a date and time like 2026-12-24T10:00; got another text".to_owned()
        })?;
        Ok(When::At {
            time,
            zone: WhoseZone::parse(&self.zone).unwrap_or(WhoseZone::Merchant),
        })
    }
}

fn view(
    member: &Member,
    theme: Theme,
    id: Option<MessageId>,
    typed: &Typed,
    offered: &Offered,
    problem: Option<&str>,
) -> Markup {
    let action = id.map_or_else(
        || "/console/messages".to_owned(),
        |id| format!("{}/edit", address(id)),
    );
    let choice = |value: String, label: &str| {
        html! { option value=(value) selected[value == typed.to] { (label) } }
    };
    let content = html! {
        div.page-head { h1 { @if id.is_some() { "Edit message" } @else { "New message" } } }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        form.panel method="post" action=(action) {
            input type="hidden" name="version" value=(typed.version);
            div.field {
                label for="title" { "Title (may be left out)" }
                input #title name="title" type="text" maxlength=(length::MOST_TITLE) value=(typed.title);
            }
            div.field {
                label for="text" { "Text" }
                textarea #text name="text" required maxlength=(length::MOST_TEXT) rows="4" { (typed.text) }
                @if !typed.text.is_empty() {
                    @for length in length::lengths(&typed.text) {
                        p.muted {
                            (length.screen.name()) ": " (length.characters) " characters"
                            @if length.cut() > 0 { ", " (length.cut()) " may be cut" }
                        }
                    }
                }
            }
            div.field {
                label for="link" { "Link (may be left out)" }
                input #link name="link" type="url" placeholder="https://" value=(typed.link);
            }
            div.field {
                label for="class" { "About" }
                select #class name="class" {
                    @for class in CLASSES {
                        option value=(class.as_str()) selected[class.as_str() == typed.class] { (class.title()) }
                    }
                }
            }
            div.field {
                label for="to" { "To" }
                select #to name="to" {
                    (choice("card".into(), "The cards named below"))
                    (choice("rule".into(), "The rule below"))
                    @for (program, name) in &offered.programs {
                        (choice(format!("program:{program}"), &format!("All holders of {name}")))
                    }
                    @for built_in in Chip::EACH {
                        (choice(format!("built_in:{}", built_in.as_str()), built_in.title()))
                    }
                    @for segment in &offered.segments {
                        (choice(format!("segment:{}", segment.id), &segment.name))
                    }
                }
            }
            div.field {
                label for="cards" { "Cards" }
                input #cards name="cards" type="text" value=(typed.cards);
            }
            div.field {
                label for="rule" { "Rule" }
                input #rule name="rule" type="text" placeholder="visits.over.9" value=(typed.rule);
            }
            div.field {
                label for="at" { "At (at once when left out)" }
                input #at name="at" type="datetime-local" value=(typed.at);
            }
            div.field {
                label for="zone" { "By the clock of" }
                select #zone name="zone" {
                    option value="merchant" selected[typed.zone == "merchant"] { "the shop" }
                    option value="customer" selected[typed.zone == "customer"] { "each customer" }
                }
            }
            button.button.primary type="submit" { "Save and make a forecast" }
        }
    };
    frame(member, theme, &ENGLISH, Section::Messages, "Message", &content)
}
