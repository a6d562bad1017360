//! The first visit to a new gateway: whoever has the operator's code becomes the owner of the first merchant.

use axum::extract::{Extension, Form, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use crate::ops::access::{AccessError, SignedIn};
use crate::ops::setup::{NewBusiness, Newcomer, SetupError};
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::layout::{Theme, plain_page};
use crate::web::console::sign_in::{agent, refusal, session_cookie};
use crate::web::console::throttle::Throttle;
use crate::web::console::words::{Language, Words};
use crate::web::error::ApiError;

/// What tries at the code are counted under.
const TRIED: &str = "first-run";

#[derive(Deserialize, Default)]
pub struct Wish {
    #[serde(default)]
    code: String,
    #[serde(default)]
    business: String,
    #[serde(default)]
    zone: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

/// Which field was not taken, and why.
type Problem = (&'static str, &'static str);

/// `GET /console/first-run`
pub async fn form(State(web): State<Web>, theme: Theme, headers: HeaderMap) -> Result<Response, ApiError> {
    if web.ops.has_accounts().await? {
        return Ok(Redirect::to("/console/sign-in").into_response());
    }
    let wish = Wish {
        zone: "Europe/Berlin".into(),
        ..Wish::default()
    };
    Ok(page(theme, Language::of(&headers).words(), &wish, None).into_response())
}

/// `POST /console/first-run`
pub async fn submit(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    theme: Theme,
    headers: HeaderMap,
    jar: CookieJar,
    ClientAddress(address): ClientAddress,
    Form(wish): Form<Wish>,
) -> Result<Response, ApiError> {
    let words = Language::of(&headers).words();
    let said = &words.sign_in;
    if web.ops.has_accounts().await? {
        return Ok(Redirect::to("/console/sign-in").into_response());
    }
    let refuse = |problem: Problem, error: ApiError| {
        Ok((error.status(), page(theme, words, &wish, Some(problem))).into_response())
    };
    if !throttle.admit(TRIED, address, web.ops.clock.now()) {
        return refuse(("code", said.too_many), ApiError::TooManyRequests);
    }
    if !web.master.opens_first_owner(wish.code.trim()) {
        return refuse(("code", said.wrong_first_code), ApiError::Unauthorized);
    }
    if wish.business.trim().is_empty() {
        return refuse(
            ("business", words.common.required),
            ApiError::BadRequest(String::new()),
        );
    }
    if wish.name.trim().is_empty() {
        return refuse(
            ("name", words.common.required),
            ApiError::BadRequest(String::new()),
        );
    }
    if TimeZone::get(wish.zone.trim()).is_err() {
        return refuse(("zone", said.wrong_zone), ApiError::BadRequest(String::new()));
    }
    let business = NewBusiness {
        name: wish.business.trim().to_owned(),
        zone: wish.zone.trim().to_owned(),
    };
    let owner = Newcomer {
        name: wish.name.clone(),
        email: wish.email.clone(),
        password: wish.password.clone(),
    };
    match web.ops.open_gateway(business, &owner).await {
        Ok(_) => {}
        Err(SetupError::Member(AccessError::AlreadyOwned)) => {
            return Ok(Redirect::to("/console/sign-in").into_response());
        }
        Err(SetupError::Member(error)) => match refusal(&error, said) {
            Some(problem) => return refuse(problem, ApiError::BadRequest(String::new())),
            None => return Err(error.into()),
        },
        Err(SetupError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(ApiError::Internal(Box::new(error))),
    }
    throttle.refund(TRIED, address, web.ops.clock.now());
    match web
        .ops
        .sign_in(&wish.email, &wish.password, agent(&headers))
        .await?
    {
        SignedIn::Open(token) => {
            let cookie = session_cookie(&web, token.expose().to_owned());
            Ok((jar.add(cookie), Redirect::to("/console/cards")).into_response())
        }
        SignedIn::NeedsCode(_) => Ok(Redirect::to("/console/sign-in").into_response()),
    }
}

fn page(theme: Theme, words: &Words, wish: &Wish, problem: Option<Problem>) -> Markup {
    let said = &words.sign_in;
    let input = |name: &'static str, label, kind, value, autocomplete| {
        let error = problem
            .filter(|(field, _)| *field == name)
            .map(|(_, reason)| reason);
        let focused = problem.map_or(name == "code", |(field, _)| field == name);
        field(&Field {
            name,
            label,
            kind,
            value,
            autocomplete,
            focused,
            error,
        })
    };
    let content = html! {
        section.panel.sign-in {
            h1 { (said.first_title) }
            p.muted { (said.first_subtitle) }
            @if let Some((_, reason)) = problem { (alert(Tone::Bad, reason)) }
            form method="post" action="/console/first-run" data-once {
                (input("code", said.first_code, "text", &wish.code, "off"))
                p.hint { (said.first_code_hint) }
                (input("business", said.business, "text", &wish.business, "organization"))
                (input("zone", said.zone, "text", &wish.zone, "off"))
                (input("name", said.your_name, "text", &wish.name, "name"))
                (input("email", said.email, "email", &wish.email, "username"))
                (input("password", said.password, "password", "", "new-password"))
                p.hint { (said.password_hint) }
                button.button.primary.wide type="submit" { (said.create) }
            }
        }
    };
    plain_page(theme, words, said.first_title, &content)
}
