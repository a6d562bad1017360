//! The card as phones show it: what was fetched last beside what is newer, front and back, in both wallets.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Held, Tab, open, page};
use crate::domain::delivery::Channel;
use crate::domain::face::CardFace;
use crate::google::object;
use crate::web::Web;
use crate::web::console::pass;
use crate::web::console::screen::Screen;
use crate::web::console::timeline::time_text;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// `GET /console/cards/{card_id}/card`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let held = open(&web, &screen, &card, &place).await?;
    let words = &screen.words.profile;
    let face = &held.shown.sheet.face;
    let older = held
        .profile
        .fetched
        .as_ref()
        .filter(|_| !held.profile.is_current());
    let content = html! {
        section.panel.sheet aria-labelledby="preview-title" {
            h2 #preview-title { (words.preview) }
            p { (state(&screen, &held)) }
            p.muted { (words.working_on) ": " (words.aim(screen.words.language, face.aim())) }
        }
        div.pictures {
            @if let Some(then) = older.and_then(|fetch| fetch.face.as_ref().map(|face| (fetch.at, face))) {
                (both(&web, &screen, then.1, &(words.preview_then)(&time_text(&screen, then.0))))
            }
            (both(&web, &screen, face, words.preview_now))
            @if held.profile.card.card.channels.contains(Channel::Google) { (at_google(&screen, face)) }
        }
    };
    Ok(page(&screen, &held, Tab::Card, &content))
}

/// What is known of the version on phones, in a sentence or two.
fn state(screen: &Screen, held: &Held) -> String {
    let words = &screen.words.profile;
    let Some(fetch) = &held.profile.fetched else {
        return words.preview_unknown.to_owned();
    };
    let at = time_text(screen, fetch.at);
    if held.profile.is_current() {
        return (words.preview_current)(&at);
    }
    let newer = i64::try_from(fetch.newer).unwrap_or(i64::MAX);
    let pending = (words.preview_pending)(newer);
    match fetch.face {
        Some(_) => format!("{}. {pending}", (words.preview_then)(&at)),
        None => format!("{} {pending}", words.preview_far),
    }
}

fn both(web: &Web, screen: &Screen, face: &CardFace, title: &str) -> Markup {
    let words = &screen.words.profile;
    let texts = web.passes.texts(face);
    html! {
        section.picture aria-label=(title) {
            h2 { (title) }
            p.muted { (screen.words.common.channel(Channel::Apple)) ", " ((words.version)(&face.version.to_string())) }
            (pass::picture(screen, face, texts.as_ref(), words.front_label))
            h3 { (words.back) }
            @match &texts {
                Some(texts) => (pass::back(&texts.back, words.back)),
                None => p.muted { (words.no_template) },
            }
        }
    }
}

fn at_google(screen: &Screen, face: &CardFace) -> Markup {
    html! {
        section.picture aria-label=(screen.words.common.channel(Channel::Google)) {
            h2 { (screen.words.common.channel(Channel::Google)) }
            p.muted { (screen.words.profile.preview_now) }
            figure.pass.google aria-label=(screen.words.profile.front_label) {
                div.pass-head { span.pass-logo { (face.merchant_name) } }
                p.pass-title { (face.program_name) }
                dl {
                    @for (label, text) in object::texts(face) { div { dt.pass-label { (label) } dd { (text) } } }
                }
            }
        }
    }
}
