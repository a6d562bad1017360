//! A plain form that writes a message, or changes one. What it leads to is the message's page, with a forecast.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{address, message_id, preview};
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
use crate::web::console::components::{Tone, alert, icon};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

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
    screen: Screen,
    Query(typed): Query<Typed>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let offered = offered(&web, &screen).await?;
    Ok(view(&screen, None, &typed, &offered, None))
}

/// `GET /console/messages/{message_id}/edit`
pub async fn edit(
    State(web): State<Web>,
    screen: Screen,
    Path(id): Path<String>,
) -> Result<Markup, ApiError> {
    screen.require(Action::SendMessages)?;
    let message = web.ops.message(screen.member.merchant, message_id(&id)?).await?;
    let offered = offered(&web, &screen).await?;
    let typed = Typed::of(&message);
    Ok(view(&screen, Some(message.id), &typed, &offered, None))
}

/// `POST /console/messages`
pub async fn write(
    State(web): State<Web>,
    screen: Screen,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    screen.require(Action::SendMessages)?;
    let done = async {
        let new = NewMessage {
            content: typed.content()?,
            audience: typed.audience().map_err(Problem::Typed)?,
            when: typed.when().map_err(Problem::Typed)?,
            author: Some(screen.member.id),
        };
        Ok(web.ops.write_message(screen.member.merchant, new).await?)
    };
    finish(&web, &screen, None, &typed, done.await).await
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
    let done = async {
        let edit = Edit {
            content: Some(typed.content()?),
            audience: Some(typed.audience().map_err(Problem::Typed)?),
            when: Some(typed.when().map_err(Problem::Typed)?),
        };
        let by = Some(screen.member.id);
        Ok(web
            .ops
            .edit_message(screen.member.merchant, by, id, typed.version, edit)
            .await?)
    };
    finish(&web, &screen, Some(id), &typed, done.await).await
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
    screen: &Screen,
    id: Option<MessageId>,
    typed: &Typed,
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
        Err(Problem::Message(refused)) => refused.to_string(),
        Err(Problem::Typed(problem)) => problem,
    };
    let offered = offered(web, screen).await?;
    let page = view(screen, id, typed, &offered, Some(&problem));
    Ok((ApiError::BadRequest(problem).status(), page).into_response())
}

async fn offered(web: &Web, screen: &Screen) -> Result<Offered, ApiError> {
    let viewer = Viewer::Member(screen.member.id);
    let programs = web.ops.programs().await?;
    Ok(Offered {
        programs: programs
            .into_iter()
            .filter(|of| of.program.merchant == screen.member.merchant && of.program.archived_at.is_none())
            .map(|of| (of.program.id, of.program.name))
            .collect(),
        segments: web
            .ops
            .segments(screen.member.merchant, viewer)
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
    screen: &Screen,
    id: Option<MessageId>,
    typed: &Typed,
    offered: &Offered,
    problem: Option<&str>,
) -> Markup {
    let (said, common) = (&screen.words.messages, &screen.words.common);
    let action = id.map_or_else(
        || "/console/messages".to_owned(),
        |id| format!("{}/edit", address(id)),
    );
    let back = id.map_or_else(|| "/console/messages".to_owned(), address);
    let title = if id.is_some() { said.edit_title } else { said.new };
    let content = html! {
        nav.crumbs aria-label=(common.path) { a href=(back) { (icon("left")) (said.title) } }
        div.page-head { h1 { (title) } }
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        form.panel method="post" action=(action) data-once data-guard {
            input type="hidden" name="version" value=(typed.version);
            div.field {
                label for="title" { (said.title_field) }
                input #title name="title" type="text" maxlength=(length::MOST_TITLE) value=(typed.title) autocomplete="off";
            }
            div.field {
                label for="text" { (said.text) }
                textarea #text name="text" required maxlength=(length::MOST_TEXT) rows="4" data-lengths { (typed.text) }
            }
            @if !typed.text.is_empty() { (preview::of(screen, Some(&typed.title), &typed.text)) }
            div.field {
                label for="link" { (said.link_field) }
                input #link name="link" type="url" placeholder="https://" value=(typed.link);
            }
            div.field {
                label for="class" { (said.about) }
                select #class name="class" aria-describedby="class-hint" {
                    @for class in CLASSES {
                        option value=(class.as_str()) selected[class.as_str() == typed.class] { (said.class(class)) }
                    }
                }
                p.hint #class-hint { (said.about_hint) }
            }
            (recipients(screen, typed, offered))
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
            button.button.primary type="submit" { (said.save_and_forecast) }
        }
    };
    screen.page(Section::Messages, title, &content)
}

fn recipients(screen: &Screen, typed: &Typed, offered: &Offered) -> Markup {
    let said = &screen.words.messages;
    let choice = |value: String, label: &str| {
        html! { option value=(value) selected[value == typed.to] { (label) } }
    };
    html! {
        div.field {
            label for="to" { (said.to) }
            select #to name="to" {
                @for (program, name) in &offered.programs {
                    (choice(format!("program:{program}"), &(said.all_holders)(name)))
                }
                @for built_in in Chip::EACH {
                    (choice(format!("built_in:{}", built_in.as_str()), built_in.title()))
                }
                @for segment in &offered.segments {
                    (choice(format!("segment:{}", segment.id), &segment.name))
                }
                (choice("card".into(), said.named_cards))
                (choice("rule".into(), said.rule_below))
            }
        }
        div.fields {
            div.field {
                label for="cards" { (said.cards_field) }
                input #cards name="cards" type="text" value=(typed.cards) autocomplete="off";
            }
            div.field {
                label for="rule" { (said.rule_field) }
                input #rule name="rule" type="text" placeholder="visits.over.9" value=(typed.rule) autocomplete="off";
            }
        }
    }
}
