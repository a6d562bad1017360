//! The form that writes a message, or changes one. Beside it stands how many it is for and what will become of it, before
//! anything is saved; how it looks follows what is typed. What it leads to is the message's page, with a forecast.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::ahead::Ahead;
use super::choosing::Offered;
use super::preview::{lengths, lock_screens};
use super::{address, message_id};
use crate::domain::access::Action;
use crate::domain::chips::Chip;
use crate::domain::id::{CardId, MessageId};
use crate::domain::link::Target;
use crate::domain::message::audience::BuiltInName;
use crate::domain::message::when::WhoseZone;
use crate::domain::message::{Audience, Content, Message, Refusal, RuleText, Translations, When, length};
use crate::domain::preference::Class;
use crate::domain::segment::{Rule, RuleError};
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
    pub(super) to: String,
    /// A selection: ids with spaces between them.
    pub(super) cards: String,
    pub(super) rule: String,
    at: String,
    zone: String,
    version: i64,
}

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

/// Why nothing was written.
enum Problem {
    /// The form names nobody that it offers.
    Whom,
    Rule(RuleError),
    Time,
    Message(MessageError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Message(refusal.into())
    }
}

impl From<MessageError> for Problem {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

impl Problem {
    fn said(&self, screen: &Screen) -> String {
        let words = screen.words;
        match self {
            Self::Whom => words.messages.nobody_chosen.to_owned(),
            Self::Rule(error) => (words.segments.wrong_rule)(&words.language.rule_error(error)),
            Self::Time => words.acts.push_time_wrong.to_owned(),
            Self::Message(error) => words.language.message_error(error),
        }
    }
}

async fn finish(
    web: &Web,
    screen: &Screen,
    id: Option<MessageId>,
    typed: Typed,
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
        Err(problem) => problem.said(screen),
    };
    let page = draw(web, screen, id, typed, Some(&problem)).await?;
    Ok((ApiError::BadRequest(problem).status(), page).into_response())
}

async fn draw(
    web: &Web,
    screen: &Screen,
    id: Option<MessageId>,
    mut typed: Typed,
    problem: Option<&str>,
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

impl Typed {
    /// The form with what a message says now.
    fn of(message: &Message) -> Self {
        let Content {
            title,
            text,
            link,
            class,
            ..
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

    /// What is known of the message while it is being written, whatever its words are by then.
    fn meant(&self, screen: &Screen) -> Result<NewMessage, Problem> {
        let content = Content {
            title: None,
            text: self.text.trim().to_owned(),
            link: None,
            class: Class::parse(&self.class).unwrap_or(Class::Marketing),
            translations: Translations::default(),
        };
        Ok(NewMessage {
            content,
            audience: self.audience()?.checked().map_err(Refusal::from)?,
            when: self.when()?,
            author: Some(screen.member.id),
        })
    }

    /// The selection; none where it names what is no card.
    pub(super) fn cards(&self) -> Option<Vec<CardId>> {
        let cards = self.cards.split([' ', ',', '\n', '\r', '\t']);
        let cards = cards.filter(|word| !word.is_empty()).map(str::parse);
        cards.collect::<Result<_, _>>().ok()
    }

    fn audience(&self) -> Result<Audience, Problem> {
        match self.to.split_once(':') {
            Some(("program", id)) => id.parse().map(Audience::Program).map_err(|_| Problem::Whom),
            Some(("segment", id)) => id.parse().map(Audience::Segment).map_err(|_| Problem::Whom),
            Some(("built_in", word)) => match Chip::parse(word) {
                Some(built_in) => Ok(Audience::BuiltIn(BuiltInName(built_in))),
                None => Err(Problem::Whom),
            },
            _ if self.to == "rule" && self.rule.trim().is_empty() => Err(Problem::Whom),
            _ if self.to == "rule" => match Rule::parse(self.rule.trim()) {
                Ok(rule) => Ok(Audience::Rule(RuleText(rule))),
                Err(error) => Err(Problem::Rule(error)),
            },
            _ => self.cards().map(Audience::Cards).ok_or(Problem::Whom),
        }
    }

    fn when(&self) -> Result<When, Problem> {
        if self.at.trim().is_empty() {
            return Ok(When::Now);
        }
        Ok(When::At {
            time: self.at.trim().parse().map_err(|_| Problem::Time)?,
            zone: WhoseZone::parse(&self.zone).unwrap_or(WhoseZone::Merchant),
        })
    }
}

fn view(
    screen: &Screen,
    id: Option<MessageId>,
    typed: &Typed,
    offered: &Offered,
    ahead: &Ahead,
    problem: Option<&str>,
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
        @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
        div.compose {
            form #compose .panel method="post" action=(action) data-once data-guard data-swap="ahead" data-typed {
                input type="hidden" name="version" value=(typed.version);
                (offered.draw(screen, typed))
                (words(screen, typed))
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

/// What it says, and how that looks.
fn words(screen: &Screen, typed: &Typed) -> Markup {
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
        div.field {
            label for="title" { (said.title_field) }
            input #title name="title" type="text" maxlength=(length::MOST_TITLE) value=(typed.title) autocomplete="off";
        }
        div.field {
            label for="text" { (said.text) }
            textarea #text name="text" required maxlength=(length::MOST_TEXT) rows="4" aria-describedby="text-length" { (typed.text) }
            (lengths(screen, &typed.text))
        }
        (lock_screens(screen, &screen.member.merchant_name, &typed.title, &typed.text))
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
