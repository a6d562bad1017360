//! What the holder of a card can do on its page besides adding it: show its code, use a code on paper, bring a friend.
//!
//! The link is the secret, as for everything on the page. A form that is sent twice does once what it does.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use maud::{Markup, html};
use serde::Deserialize;

use super::join::join_link;
use super::seen::Seen;
use super::throttle::Throttle;
use super::{Link, path_of, whole};
use crate::domain::event::Actor;
use crate::domain::face::CardFace;
use crate::domain::join::{Admission, Arrival};
use crate::domain::program::ProgramKind;
use crate::domain::referral::LinkToken;
use crate::ops::codes::CodesError;
use crate::ops::join_pages::Referring;
use crate::ops::referrals::ReferralError;
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::pass::qr_path;
use crate::web::error::ApiError;

/// No form of this page is longer.
const LARGEST_FORM: usize = 8 * 1024;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .route("/card/{merchant}/{card}/{proof}/code", post(use_code))
        .route("/card/{merchant}/{card}/{proof}/refer", post(refer))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}

/// What the page says of what was just done, and what was typed into its form.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    /// A sentence about something that went well.
    pub(super) told: Option<&'static str>,
    /// Why a code was not taken, and what was typed.
    pub(super) refused: Option<(String, String)>,
}

impl Done {
    /// By the word in the address that a form led to.
    pub(super) fn of(seen: &Seen, word: Option<&str>) -> Self {
        let told = match word {
            Some("joined") => Some(seen.said.joined),
            Some("code") => Some(seen.said.code_used),
            _ => None,
        };
        Self { told, refused: None }
    }
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    code: String,
}

/// `POST /card/{merchant}/{card}/{proof}/code`
async fn use_code(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    Path(link): Path<Link>,
    Form(Typed { code }): Form<Typed>,
) -> Result<Response, ApiError> {
    let seen = Seen::of(&headers);
    let card = link.open(&web).await?;
    let codes = &seen.language.words().codes;
    let (status, text) = if throttle.admit(address, web.ops.clock.now()) {
        let used = web
            .ops
            .use_code_on(link.merchant, &code, link.card, Actor::Device)
            .await;
        let text = match used {
            Ok(_) => {
                let page = path_of(&link, "");
                let page = page.trim_end_matches('/');
                return Ok(Redirect::to(&format!("{page}?done=code")).into_response());
            }
            Err(CodesError::Store(error)) => return Err(error.into()),
            Err(CodesError::Typed(error)) => codes.typed(&error),
            Err(CodesError::Refused(refusal)) => codes.refusal(&refusal),
            Err(CodesError::NoCard) => return Err(ApiError::NotFound),
            Err(_) => seen.said.code_not_now.to_owned(),
        };
        (ApiError::Conflict(String::new()).status(), text)
    } else {
        (
            ApiError::TooManyRequests.status(),
            seen.said.too_many_codes.to_owned(),
        )
    };
    let done = Done {
        told: None,
        refused: Some((text, code.chars().take(40).collect())),
    };
    let page = whole(&web, &seen, &link, &card, &done).await?;
    Ok((status, page).into_response())
}

/// `POST /card/{merchant}/{card}/{proof}/refer`: makes the holder's link for friends, which stays the same.
async fn refer(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
    link.open(&web).await?;
    match web.ops.referral_link(link.merchant, link.card).await {
        Ok(_) => {
            let page = path_of(&link, "");
            Ok(Redirect::to(&format!("{}#friends", page.trim_end_matches('/'))).into_response())
        }
        Err(ReferralError::Store(error)) => Err(error.into()),
        Err(_) => Err(ApiError::NotFound),
    }
}

/// The code that stands for the card at a till.
pub(super) fn picture(seen: &Seen, face: &CardFace) -> Markup {
    html! {
        @if !face.void && let Some((size, path)) = qr_path(&face.code) {
            figure.code {
                svg viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(seen.said.code_of_card) { path d=(path) {} }
                figcaption.note { (seen.said.show_code) }
            }
        }
    }
}

/// The form for a code on paper; a coupon takes none.
pub(super) fn code_form(seen: &Seen, link: &Link, face: &CardFace, done: &Done) -> Markup {
    let said = seen.said;
    let (problem, typed) = match &done.refused {
        Some((text, typed)) => (Some(text.as_str()), typed.as_str()),
        None => (None, ""),
    };
    html! {
        @if !face.void && face.kind != ProgramKind::Coupon {
            details #code-form open[problem.is_some()] {
                summary { (said.have_code) }
                form.join method="post" action=(path_of(link, "code")) {
                    div.field {
                        label for="code" { (said.code) }
                        input #code name="code" type="text" value=(typed) maxlength="40" required autocomplete="off" autocapitalize="characters"
                            spellcheck="false" aria-invalid=[problem.map(|_| "true")]
                            aria-describedby=(if problem.is_some() { "code-problem" } else { "code-hint" });
                        @match problem {
                            Some(text) => p.problem #code-problem role="alert" { (text) },
                            None => p.hint #code-hint { (said.code_hint) },
                        }
                    }
                    button.button.quiet type="submit" { (said.use_code) }
                }
            }
        }
    }
}

/// The holder's link for friends, where the program lets them in.
pub(super) fn friends(web: &Web, seen: &Seen, link: &Link, face: &CardFace, referring: &Referring) -> Markup {
    let said = seen.said;
    let is_open = referring.admission == Admission::Open && !face.void;
    html! {
        @if is_open {
            section #friends aria-labelledby="friends-title" {
                h2 #friends-title { (said.bring) }
                p { (if referring.works() { said.bring_text } else { said.bring_plain }) }
                @match (&referring.token, referring.works()) {
                    (Some(token), true) => (shared(seen, &referral_link(web, face, Some(token)))),
                    (None, true) => form method="post" action=(path_of(link, "refer")) {
                        button.button.quiet type="submit" { (said.get_link) }
                    },
                    (_, false) => (shared(seen, &referral_link(web, face, None))),
                }
            }
        }
    }
}

fn referral_link(web: &Web, face: &CardFace, token: Option<&LinkToken>) -> String {
    let arrival = Arrival {
        referral: token.cloned(),
        ..Arrival::default()
    };
    join_link(&web.public_url, face.merchant, face.program, &arrival)
}

/// A link to copy by hand, with buttons where the script finds that the browser has them.
fn shared(seen: &Seen, link: &str) -> Markup {
    let said = seen.said;
    html! {
        div data-share=(link) {
            label.visually-hidden for="friends-link" { (said.your_link) }
            input #friends-link type="text" readonly value=(link);
            button.button.quiet type="button" data-do="share" hidden { (said.share) }
            button.button.quiet type="button" data-do="copy" data-said=(said.copied) hidden { (said.copy) }
            p.note role="status" {}
        }
    }
}
