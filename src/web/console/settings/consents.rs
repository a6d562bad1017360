//! What people read where they agree: what is said now, a form for each language with its preview, who the merchant is,
//! and every version with how many agreed to it. For those who may change the organisation.

mod forms;
mod history;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Tab, tabs};
use crate::domain::access::Action;
use crate::domain::consent::Purpose;
use crate::domain::consent_words::{self, ConsentWords, InLanguage, WordsVersion};
use crate::domain::profile::FieldError;
use crate::ops::consent_words::{WordsChange, WordsError};
use crate::web::Web;
use crate::web::console::components::{Tone, alert, toast};
use crate::web::console::layout::Section;
use crate::web::console::people::fields::{Typed, Wrong};
use crate::web::console::screen::Screen;
use crate::web::console::words::Language;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// Where all of this is.
pub(super) const ADDRESS: &str = "/console/settings/consents";

/// The routes, to be nested at `/consents`.
pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/", get(show).post(save))
        .route("/preview", post(preview))
        .route("/standard", post(standard))
        .route("/about", post(about))
}

#[derive(Debug, Default, Deserialize)]
struct Place {
    language: Option<String>,
    before: Option<String>,
    done: Option<String>,
}

/// What stands on the page beside what is said now.
struct Shown {
    language: Language,
    /// The page of the history begins before this version.
    before: Option<i64>,
    notice: Option<Markup>,
    /// A form that was not taken, or one to look at: what was typed, and which form it was.
    typed: Option<(Typed, Sent)>,
    wrong: Option<Wrong>,
    /// What would be said, where somebody wants to see it.
    preview: Option<ConsentWords>,
}

/// Which form was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Sentences,
    About,
}

impl Shown {
    fn new(language: Language) -> Self {
        Self {
            language,
            before: None,
            notice: None,
            typed: None,
            wrong: None,
            preview: None,
        }
    }

    fn typed(&self, sent: Sent) -> Option<&Typed> {
        let typed = self.typed.as_ref().filter(|(_, of)| *of == sent);
        typed.map(|(typed, _)| typed)
    }

    /// Why the field with this name was not taken.
    fn wrong(&self, name: &str) -> Option<&str> {
        let wrong = self.wrong.as_ref().filter(|wrong| wrong.field == name);
        wrong.map(|wrong| wrong.text.as_str())
    }
}

/// The page for a language.
fn address(language: Language) -> String {
    format!("{ADDRESS}?language={}", language.as_str())
}

/// `GET /console/settings/consents?language=de&before=7`
async fn show(
    State(web): State<Web>,
    screen: Screen,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditOrganisation)?;
    let language = place.language.as_deref().and_then(Language::parse);
    let is_done = place.done.as_deref() == Some("saved");
    let shown = Shown {
        before: place.before.and_then(|before| before.parse().ok()),
        notice: is_done.then(|| toast(screen.words.consents.saved, None)),
        ..Shown::new(language.unwrap_or(screen.words.language))
    };
    page(&web, &screen, &shown).await
}

async fn page(web: &Web, screen: &Screen, shown: &Shown) -> Result<Markup, ApiError> {
    let said = &screen.words.consents;
    let merchant = screen.member.merchant;
    let now = web.ops.consent_words(merchant).await?;
    let history = web.ops.consent_words_history(merchant, shown.before).await?;
    let content = html! {
        @if let Some(notice) = &shown.notice { (notice) }
        div.page-head { h1 { (said.title) } p.muted { (said.intro) } }
        (tabs(screen, Tab::Consents))
        div.stack {
            @if let Some(wrong) = &shown.wrong {
                (alert(Tone::Bad, if wrong.field.is_empty() { &wrong.text } else { said.not_saved }))
            }
            nav.tabs aria-label=(said.language) {
                @for language in Language::ALL {
                    a href=(address(language)) aria-current=[(language == shown.language).then_some("page")] {
                        (said.language_named(language))
                    }
                }
            }
            (forms::now(screen, shown, &now))
            (forms::sentences(screen, shown, &now))
            (forms::about(screen, shown, &now))
            (history::section(screen, shown, &now, &history))
        }
    };
    Ok(screen.page(Section::Settings, said.title, &content))
}

/// A form with the language that it is about and the version that it was made from.
fn of_form(typed: &Typed) -> Result<(Language, i64), ApiError> {
    let language = Language::parse(typed.get("language")).ok_or(Refused::Field {
        field: "language",
        expected: "en or de",
    })?;
    let version = typed.get("version").parse().map_err(|_| Refused::Field {
        field: "version",
        expected: "the version that the form was made from",
    })?;
    Ok((language, version))
}

fn read(typed: &Typed) -> Result<InLanguage, FieldError> {
    InLanguage::read(
        |purpose: Purpose| typed.get(purpose.as_str()),
        typed.get("privacy"),
    )
}

/// `POST /console/settings/consents`
async fn save(
    State(web): State<Web>,
    screen: Screen,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditOrganisation)?;
    let typed = Typed(sent);
    let (language, version) = of_form(&typed)?;
    let form = (Sent::Sentences, language);
    match read(&typed) {
        Err(error) => refuse(&web, &screen, form, typed, &error).await,
        Ok(said) => {
            let change = WordsChange::Language(language.as_str().to_owned(), said);
            change_to(&web, &screen, (version, change), form, typed).await
        }
    }
}

/// `POST /console/settings/consents/preview`: the page with what would be said; nothing is kept.
async fn preview(
    State(web): State<Web>,
    screen: Screen,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditOrganisation)?;
    let typed = Typed(sent);
    let (language, _) = of_form(&typed)?;
    match read(&typed) {
        Err(error) => refuse(&web, &screen, (Sent::Sentences, language), typed, &error).await,
        Ok(said) => {
            let WordsVersion { words, .. } = web.ops.consent_words(screen.member.merchant).await?;
            let change = WordsChange::Language(language.as_str().to_owned(), said);
            let shown = Shown {
                preview: Some(change.applied(&words)),
                typed: Some((typed, Sent::Sentences)),
                ..Shown::new(language)
            };
            Ok(page(&web, &screen, &shown).await?.into_response())
        }
    }
}

/// `POST /console/settings/consents/standard`
async fn standard(
    State(web): State<Web>,
    screen: Screen,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditOrganisation)?;
    let typed = Typed(sent);
    let (language, version) = of_form(&typed)?;
    let change = WordsChange::Standard(language.as_str().to_owned());
    change_to(
        &web,
        &screen,
        (version, change),
        (Sent::Sentences, language),
        Typed::default(),
    )
    .await
}

/// `POST /console/settings/consents/about`
async fn about(
    State(web): State<Web>,
    screen: Screen,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditOrganisation)?;
    let typed = Typed(sent);
    let (language, version) = of_form(&typed)?;
    let form = (Sent::About, language);
    let name = consent_words::legal_name(typed.get("legal_name"));
    let address = consent_words::address(typed.get("address"));
    match (name, address) {
        (Err(error), _) | (_, Err(error)) => refuse(&web, &screen, form, typed, &error).await,
        (Ok(name), Ok(address)) => {
            let change = WordsChange::About(name, address);
            change_to(&web, &screen, (version, change), form, typed).await
        }
    }
}

/// Does it, or shows what stands in the way: what somebody else has said meanwhile, with what was typed below it.
async fn change_to(
    web: &Web,
    screen: &Screen,
    (version, change): (i64, WordsChange),
    (sent, language): (Sent, Language),
    typed: Typed,
) -> Result<Response, ApiError> {
    let (merchant, by) = (screen.member.merchant, Some(screen.member.id));
    match web.ops.change_consent_words(merchant, version, change, by).await {
        Ok(_) => Ok(Redirect::to(&format!("{}&done=saved", address(language))).into_response()),
        Err(WordsError::Store(error)) => Err(error.into()),
        Err(WordsError::Changed) => {
            let said = &screen.words.consents;
            let is_typed = !typed.0.is_empty();
            let text = if is_typed {
                said.changed
            } else {
                said.changed_meanwhile
            };
            let shown = Shown {
                wrong: Some(Wrong {
                    field: String::new(),
                    text: text.to_owned(),
                }),
                typed: is_typed.then_some((typed, sent)),
                ..Shown::new(language)
            };
            let status = ApiError::Conflict(String::new()).status();
            Ok((status, page(web, screen, &shown).await?).into_response())
        }
    }
}

/// The page with what was typed and what is wrong with it.
async fn refuse(
    web: &Web,
    screen: &Screen,
    (sent, language): (Sent, Language),
    typed: Typed,
    error: &FieldError,
) -> Result<Response, ApiError> {
    let shown = Shown {
        wrong: Some(Wrong {
            field: error.field.to_string(),
            text: screen.words.consents.refusal(error),
        }),
        typed: Some((typed, sent)),
        ..Shown::new(language)
    };
    let status = ApiError::BadRequest(String::new()).status();
    Ok((status, page(web, screen, &shown).await?).into_response())
}
