//! Signing in, with a second factor where there is one, and out; the switches of theme and language.

use std::time::Duration;

use axum::extract::{Extension, Form, Query, RawForm, State};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use crate::ops::access::{AccessError, SessionToken, SignedIn};
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::kept::Kept;
use crate::web::console::layout::{THEME_COOKIE, Theme, plain_page};
use crate::web::console::throttle::Throttle;
use crate::web::console::words::{self, LANGUAGE_COOKIE, Language, Words};
use crate::web::error::ApiError;
use crate::web::extract::Member;

const HOME: &str = "/console/cards";

#[derive(Debug, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Default)]
struct Credentials {
    email: String,
    password: SecretString,
    next: String,
}

impl Credentials {
    fn read(form: &[u8]) -> Self {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "email" => read.email = value.into_owned(),
                "password" => read.password = SecretString::from(value.into_owned()),
                "next" => read.next = value.into_owned(),
                _ => {}
            }
        }
        read
    }
}

#[derive(Debug, Deserialize)]
pub struct Choice {
    theme: String,
}

#[derive(Debug, Deserialize)]
pub struct LanguageChoice {
    language: String,
}

/// The second step of who has a second factor.
#[derive(Default)]
struct Code {
    ticket: String,
    code: String,
    next: String,
}

impl Code {
    fn read(form: &[u8]) -> Self {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "ticket" => read.ticket = value.into_owned(),
                "code" => read.code = value.into_owned(),
                "next" => read.next = value.into_owned(),
                _ => {}
            }
        }
        read
    }
}

/// How long a password that was right may wait for its code.
const TICKET_LIFE: Duration = Duration::from_secs(300);

/// `GET /console/sign-in`
pub async fn form(
    State(web): State<Web>,
    theme: Theme,
    headers: HeaderMap,
    member: Result<Member, crate::web::extract::NotSignedIn>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, ApiError> {
    if member.is_ok() {
        return Ok(Redirect::to(inside(&next)).into_response());
    }
    if !web.ops.has_accounts().await? {
        return Ok(Redirect::to("/console/first-run").into_response());
    }
    Ok(page(theme, Language::of(&headers).words(), "", (&next, None), None).into_response())
}

/// `POST /console/sign-in`
pub async fn submit(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    theme: Theme,
    headers: HeaderMap,
    jar: CookieJar,
    ClientAddress(address): ClientAddress,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    let Credentials {
        email,
        password,
        next,
    } = Credentials::read(&form);
    let kept = Kept::of_form(&form);
    let words = Language::of(&headers).words();
    let said = &words.sign_in;
    let now = web.ops.clock.now();
    if !throttle.admit(&email, address, now) {
        let page = page(theme, words, &email, (&next, kept.as_ref()), Some(said.too_many));
        return Ok((ApiError::TooManyRequests.status(), page).into_response());
    }
    let refuse = |reason| {
        let page = page(theme, words, &email, (&next, kept.as_ref()), Some(reason));
        Ok((ApiError::Unauthorized.status(), page).into_response())
    };
    match web.ops.sign_in(&email, &password, agent(&headers)).await {
        Ok(SignedIn::Open(token)) => {
            throttle.refund(&email, address, now);
            enter(&web, jar, &token, (&next, kept.as_ref()), (theme, words)).await
        }
        Ok(SignedIn::NeedsCode(account)) => {
            throttle.refund(&email, address, now);
            let ticket = web.master.password_ticket(account, now.plus(TICKET_LIFE));
            Ok(code_page(theme, words, &ticket, (&next, kept.as_ref()), None).into_response())
        }
        Err(AccessError::WrongCredentials) => refuse(said.wrong),
        Err(AccessError::NoMerchant) => refuse(said.no_merchant),
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/sign-in/code`
pub async fn submit_code(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    theme: Theme,
    headers: HeaderMap,
    jar: CookieJar,
    ClientAddress(address): ClientAddress,
    RawForm(form): RawForm,
) -> Result<Response, ApiError> {
    let Code { ticket, code, next } = Code::read(&form);
    let kept = Kept::of_form(&form);
    let words = Language::of(&headers).words();
    let said = &words.sign_in;
    let now = web.ops.clock.now();
    let Some(account) = web.master.opens_ticket(&ticket, now) else {
        let page = page(theme, words, "", (&next, kept.as_ref()), Some(said.took_too_long));
        return Ok((ApiError::Unauthorized.status(), page).into_response());
    };
    let refuse = |reason, error: ApiError| {
        Ok((
            error.status(),
            code_page(theme, words, &ticket, (&next, kept.as_ref()), Some(reason)),
        )
            .into_response())
    };
    if !throttle.admit_code(account, address, now) {
        return refuse(said.too_many, ApiError::TooManyRequests);
    }
    match web
        .ops
        .sign_in_with_code(&web.master, account, &code, agent(&headers))
        .await
    {
        Ok(token) => {
            throttle.refund_code(account, address, now);
            enter(&web, jar, &token, (&next, kept.as_ref()), (theme, words)).await
        }
        Err(AccessError::WrongCode) => refuse(said.wrong_code, ApiError::Unauthorized),
        Err(AccessError::NoMerchant) => refuse(said.no_merchant, ApiError::Unauthorized),
        Err(error) => Err(error.into()),
    }
}

/// Ends the session that the browser had, and begins the new one.
async fn enter(
    web: &Web,
    jar: CookieJar,
    token: &SessionToken,
    (next, kept): (&str, Option<&Kept>),
    (theme, words): (Theme, &Words),
) -> Result<Response, ApiError> {
    if let Some(earlier) = jar.get(web.session_cookie()) {
        web.ops.sign_out(earlier.value()).await?;
    }
    let cookie = session_cookie(web, token.expose().to_owned());
    let jar = jar.add(cookie);
    Ok(match kept {
        Some(kept) => (jar, kept.question(theme, words)).into_response(),
        None => (jar, Redirect::to(inside(next))).into_response(),
    })
}

/// What a browser calls itself.
pub(super) fn agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok())
}

/// Which field of a new account was not taken, and why; none for what is no such refusal.
pub(super) fn refusal(
    error: &AccessError,
    said: &words::sign_in::SignIn,
) -> Option<(&'static str, &'static str)> {
    match error {
        AccessError::Email => Some(("email", said.bad_email)),
        AccessError::EmailTaken => Some(("email", said.email_taken)),
        AccessError::PasswordLength(_) => Some(("password", said.bad_password)),
        AccessError::Name(_) => Some(("name", said.bad_name)),
        _ => None,
    }
}

/// `POST /console/sign-out`
pub async fn sign_out(State(web): State<Web>, jar: CookieJar) -> Result<Response, ApiError> {
    if let Some(cookie) = jar.get(web.session_cookie()) {
        web.ops.sign_out(cookie.value()).await?;
    }
    // Set empty rather than removed: a __Host- cookie is only replaced by one with the same attributes.
    let mut gone = session_cookie(&web, String::new());
    gone.make_removal();
    Ok((jar.add(gone), Redirect::to("/console/sign-in")).into_response())
}

/// `POST /console/theme`
pub async fn choose_theme(
    State(web): State<Web>,
    jar: CookieJar,
    parts: Parts,
    Form(choice): Form<Choice>,
) -> Response {
    let theme = Theme::parse(&choice.theme).unwrap_or_default();
    keep(&web, jar, &parts, THEME_COOKIE, theme.as_str())
}

/// `POST /console/language`
pub async fn choose_language(
    State(web): State<Web>,
    jar: CookieJar,
    parts: Parts,
    Form(choice): Form<LanguageChoice>,
) -> Response {
    let language = Language::parse(&choice.language).unwrap_or(Language::English);
    keep(&web, jar, &parts, LANGUAGE_COOKIE, language.as_str())
}

/// Keeps a choice of this browser, and leads back to where it was made.
fn keep(web: &Web, jar: CookieJar, parts: &Parts, name: &'static str, value: &'static str) -> Response {
    let mut cookie = Cookie::new(name, value);
    cookie.set_path("/console");
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(web.is_https());
    cookie.make_permanent();
    (jar.add(cookie), Redirect::to(&came_from(parts))).into_response()
}

/// The page that answers a form which was sent after its session had ended.
pub fn page_after(theme: Theme, words: &Words, kept: &Kept) -> Markup {
    page(theme, words, "", ("", Some(kept)), Some(words.sign_in.ended))
}

fn page(
    theme: Theme,
    words: &Words,
    email: &str,
    (next, kept): (&str, Option<&Kept>),
    problem: Option<&str>,
) -> Markup {
    let said = &words.sign_in;
    plain_page(
        theme,
        words,
        said.title,
        &html! {
            section.panel.sign-in {
                h1 { (said.title) }
                p.muted { (said.subtitle) }
                @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
                form method="post" action="/console/sign-in" data-once {
                    input type="hidden" name="next" value=(next);
                    @if let Some(kept) = kept { (kept.hidden()) }
                    (field(&Field {
                        name: "email",
                        label: said.email,
                        kind: "email",
                        value: email,
                        autocomplete: "username",
                        focused: email.is_empty(),
                        error: None,
                    }))
                    (field(&Field {
                        name: "password",
                        label: said.password,
                        kind: "password",
                        value: "",
                        autocomplete: "current-password",
                        focused: !email.is_empty(),
                        error: None,
                    }))
                    button.button.primary.wide type="submit" { (said.title) }
                }
            }
        },
    )
}

fn code_page(
    theme: Theme,
    words: &Words,
    ticket: &str,
    (next, kept): (&str, Option<&Kept>),
    problem: Option<&str>,
) -> Markup {
    let said = &words.sign_in;
    plain_page(
        theme,
        words,
        said.code_title,
        &html! {
            section.panel.sign-in {
                h1 { (said.code_title) }
                p.muted { (said.code_subtitle) }
                @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
                form method="post" action="/console/sign-in/code" data-once {
                    input type="hidden" name="ticket" value=(ticket);
                    input type="hidden" name="next" value=(next);
                    @if let Some(kept) = kept { (kept.hidden()) }
                    (field(&Field {
                        name: "code",
                        label: said.code,
                        kind: "text",
                        value: "",
                        autocomplete: "one-time-code",
                        focused: true,
                        error: None,
                    }))
                    button.button.primary.wide type="submit" { (said.continue_on) }
                }
            }
        },
    )
}

pub(super) fn session_cookie(web: &Web, token: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(web.session_cookie(), token);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(web.is_https());
    // The browser keeps it as long as it may (RFC 6265bis §5.5); the session in the store ends earlier.
    cookie.make_permanent();
    cookie
}

/// Where to go after signing in: a path of the console, never another site.
fn inside(next: &str) -> &str {
    if is_inside(next) { next } else { HOME }
}

/// Whether it is the path of a page of the console that somebody who has signed in looks at.
pub(super) fn is_inside(path: &str) -> bool {
    path.starts_with("/console/")
        && !path.starts_with("/console/sign-")
        && path.len() < 2000
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// The console page that sent a form, by its Referer; only path and query are taken from it.
fn came_from(parts: &Parts) -> String {
    let referer = parts
        .headers
        .get(axum::http::header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| referer.parse::<axum::http::Uri>().ok());
    let path = referer
        .as_ref()
        .and_then(|uri| uri.path_and_query())
        .map(|path| path.as_str());
    inside(path.unwrap_or(HOME)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leaves_the_console() {
        assert_eq!(inside("/console/cards?show=ready"), "/console/cards?show=ready");
        for tampered in [
            "",
            "https://evil.example/console/",
            "//evil.example/console/",
            "/console/\\evil",
            "/console/sign-in?next=x",
            "/console/a b",
        ] {
            assert_eq!(inside(tampered), HOME);
        }
    }
}
