//! One's own account: name, password, the browsers that are signed in, and the merchants it belongs to.

use axum::Router;
use axum::extract::{Extension, Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Place, Tab, second_factor, tabs};
use crate::domain::id::MerchantId;
use crate::ops::access::{AccessError, SessionToken};
use crate::store::access::OpenSession;
use crate::store::accounts::Membership;
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::components::{Field, Tone, alert, badge, field, toast};
use crate::web::console::layout::Section;
use crate::web::console::screen::Screen;
use crate::web::console::throttle::Throttle;
use crate::web::error::ApiError;

/// The routes of one's own account, to be nested at `/account`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(show))
        .route("/name", post(rename))
        .route("/password", post(change_password))
        .route(
            "/second-factor",
            get(second_factor::ask).post(second_factor::turn_on),
        )
        .route("/second-factor/off", post(second_factor::turn_off))
        .route("/sessions/end", post(end_session))
        .route("/sessions/end-others", post(end_others))
        .route("/merchant", post(switch))
}

#[derive(Deserialize)]
pub struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
pub struct Passwords {
    #[serde(default)]
    old: SecretString,
    #[serde(default)]
    new: SecretString,
}

#[derive(Deserialize)]
pub struct Session {
    #[serde(default)]
    session: String,
}

#[derive(Deserialize)]
pub struct Merchant {
    #[serde(default)]
    merchant: String,
}

/// Which form was not taken, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused<'t> {
    pub(super) field: &'static str,
    pub(super) reason: &'static str,
    /// What was typed into the field and is kept; empty for what is secret.
    pub(super) typed: &'t str,
}

impl Refused<'_> {
    /// The same of a field whose content is not shown again.
    pub(super) fn secret(field: &'static str, reason: &'static str) -> Self {
        Self {
            field,
            reason,
            typed: "",
        }
    }
}

struct Account {
    sessions: Vec<OpenSession>,
    memberships: Vec<Membership>,
    /// How many recovery codes are left; none: there is no second factor.
    second_factor: Option<i64>,
    /// The session of this browser.
    own: [u8; 32],
}

/// `GET /console/settings/account`
async fn show(
    State(web): State<Web>,
    screen: Screen,
    jar: CookieJar,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    let said = &screen.words.settings;
    let notice = match place.done.as_deref() {
        Some("name") => Some(said.name_saved),
        Some("password") => Some(said.password_changed),
        Some("signed-out") => Some(said.signed_out),
        Some("off") => Some(said.turned_off),
        _ => None,
    };
    let notice = notice.map(|text| toast(text, None));
    page(&web, &screen, &jar, notice, None).await
}

pub(super) async fn page(
    web: &Web,
    screen: &Screen,
    jar: &CookieJar,
    notice: Option<Markup>,
    refused: Option<Refused<'_>>,
) -> Result<Markup, ApiError> {
    let account = screen.member.account;
    let shown = Account {
        sessions: web.ops.sessions(account).await?,
        memberships: web.ops.memberships(account).await?,
        second_factor: web.ops.second_factor(account).await?,
        own: SessionToken::hash(token(web, jar)).unwrap_or_default(),
    };
    Ok(view(screen, &shown, notice, refused))
}

/// The answer to a form that was not taken.
pub(super) async fn refuse(
    web: &Web,
    screen: &Screen,
    jar: &CookieJar,
    refused: Refused<'_>,
    error: ApiError,
) -> Result<Response, ApiError> {
    let page = page(web, screen, jar, None, Some(refused)).await?;
    Ok((error.status(), page).into_response())
}

pub(super) fn token<'a>(web: &Web, jar: &'a CookieJar) -> &'a str {
    jar.get(web.session_cookie()).map_or("", |cookie| cookie.value())
}

fn view(screen: &Screen, account: &Account, notice: Option<Markup>, refused: Option<Refused<'_>>) -> Markup {
    let said = &screen.words.settings;
    let content = html! {
        @if let Some(notice) = notice { (notice) }
        div.page-head { h1 { (said.account) } p.muted { (screen.member.email) } }
        (tabs(screen, Tab::Account))
        div.stack {
            @if let Some(refused) = refused { (alert(Tone::Bad, refused.reason)) }
            (name_form(screen, refused))
            (password_form(screen, refused))
            (second_factor::section(screen, account.second_factor, refused))
            (sessions(screen, account))
            @if account.memberships.len() > 1 { (merchants(screen, &account.memberships)) }
        }
    };
    screen.page(Section::Settings, said.account, &content)
}

pub(super) fn reason(refused: Option<Refused<'_>>, field: &str) -> Option<&'static str> {
    refused
        .filter(|refused| refused.field == field)
        .map(|refused| refused.reason)
}

fn name_form(screen: &Screen, refused: Option<Refused<'_>>) -> Markup {
    let said = &screen.words.settings;
    let typed = refused.filter(|refused| refused.field == "name");
    html! {
        form.panel method="post" action="/console/settings/account/name" data-once data-guard {
            (field(&Field {
                name: "name",
                label: said.name,
                kind: "text",
                value: typed.map_or(&screen.member.name, |refused| refused.typed),
                autocomplete: "name",
                focused: false,
                error: reason(refused, "name"),
            }))
            button.button.secondary type="submit" { (said.save_name) }
        }
    }
}

fn password_form(screen: &Screen, refused: Option<Refused<'_>>) -> Markup {
    let said = &screen.words.settings;
    let input = |name: &'static str, label, autocomplete| {
        field(&Field {
            name,
            label,
            kind: "password",
            value: "",
            autocomplete,
            focused: false,
            error: reason(refused, name),
        })
    };
    html! {
        form.panel method="post" action="/console/settings/account/password" data-once aria-labelledby="password-title" {
            div.panel-head { h2 #password-title { (said.change_password) } }
            (input("old", said.old_password, "current-password"))
            (input("new", said.new_password, "new-password"))
            p.hint { (screen.words.sign_in.password_hint) }
            button.button.secondary type="submit" { (said.change_password) }
        }
    }
}

fn sessions(screen: &Screen, account: &Account) -> Markup {
    let said = &screen.words.settings;
    html! {
        section.panel aria-labelledby="sessions-title" {
            div.panel-head {
                h2 #sessions-title { (said.sessions) }
                @if account.sessions.len() > 1 {
                    form method="post" action="/console/settings/account/sessions/end-others" data-once {
                        button.button.secondary type="submit" { (said.sign_out_others) }
                    }
                }
            }
            ul.list {
                @for session in &account.sessions {
                    li {
                        div {
                            strong { (session.agent.as_deref().map_or(said.unknown_browser, browser)) }
                            @if session.token_hash == account.own { " " (badge(Tone::Good, said.this_browser)) }
                            span.under {
                                (said.signed_in) " " (screen.time(session.created_at))
                                @if let Some(at) = session.used_at { ", " (said.last_used) " " (screen.day(at)) }
                            }
                        }
                        @if session.token_hash != account.own {
                            form.push method="post" action="/console/settings/account/sessions/end" data-once {
                                input type="hidden" name="session" value=(hex::encode(session.token_hash));
                                button.button.secondary type="submit" { (said.sign_out_one) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// "Firefox, Windows" out of what a browser calls itself; the whole text where it names none that is known.
fn browser(agent: &str) -> &str {
    // Every browser claims to be the ones before it: the rarest claim is the true one.
    const KNOWN: [&str; 6] = ["Edg", "OPR", "Firefox", "Chromium", "Chrome", "Safari"];
    KNOWN
        .into_iter()
        .find(|name| agent.contains(&format!("{name}/")))
        .map_or(agent, |name| match name {
            "Edg" => "Edge",
            "OPR" => "Opera",
            name => name,
        })
}

fn merchants(screen: &Screen, memberships: &[Membership]) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    html! {
        section.panel #merchants aria-labelledby="merchants-title" {
            div.panel-head { h2 #merchants-title { (said.merchants) } }
            ul.list {
                @for membership in memberships {
                    li {
                        div { strong { (membership.merchant_name) } span.under { (common.role(membership.role)) } }
                        @if membership.merchant == screen.member.merchant {
                            span.muted.push { (said.now_at) }
                        } @else {
                            form.push method="post" action="/console/settings/account/merchant" data-once {
                                input type="hidden" name="merchant" value=(membership.merchant);
                                button.button.secondary type="submit" {
                                    (said.look_at) span.visually-hidden { " " (membership.merchant_name) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /console/settings/account/name`
async fn rename(
    State(web): State<Web>,
    screen: Screen,
    jar: CookieJar,
    Form(wish): Form<Name>,
) -> Result<Response, ApiError> {
    match web.ops.rename_account(screen.member.account, &wish.name).await {
        Ok(()) => Ok(Redirect::to("/console/settings/account?done=name").into_response()),
        Err(AccessError::Name(_)) => {
            let refused = Refused {
                field: "name",
                reason: screen.words.sign_in.bad_name,
                typed: &wish.name,
            };
            refuse(&web, &screen, &jar, refused, ApiError::BadRequest(String::new())).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/settings/account/password`
///
/// Tries at the old password are tries at signing in: whoever finds a browser signed in guesses here no faster than there.
async fn change_password(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    ClientAddress(address): ClientAddress,
    screen: Screen,
    jar: CookieJar,
    Form(wish): Form<Passwords>,
) -> Result<Response, ApiError> {
    let words = screen.words;
    if !throttle.admit(&screen.member.email, address, screen.now) {
        let refused = Refused::secret("old", words.sign_in.too_many);
        return refuse(&web, &screen, &jar, refused, ApiError::TooManyRequests).await;
    }
    let changed = web
        .ops
        .change_password(&screen.member.email, token(&web, &jar), &wish.old, &wish.new)
        .await;
    let refused = match changed {
        Ok(()) => {
            throttle.refund(&screen.member.email, address, screen.now);
            return Ok(Redirect::to("/console/settings/account?done=password").into_response());
        }
        Err(AccessError::WrongCredentials) => Refused::secret("old", words.settings.wrong_password),
        Err(AccessError::PasswordLength(_)) => Refused::secret("new", words.sign_in.bad_password),
        Err(error) => return Err(error.into()),
    };
    refuse(&web, &screen, &jar, refused, ApiError::BadRequest(String::new())).await
}

/// `POST /console/settings/account/sessions/end`
async fn end_session(
    State(web): State<Web>,
    screen: Screen,
    Form(wish): Form<Session>,
) -> Result<Response, ApiError> {
    let mut hash = [0; 32];
    hex::decode_to_slice(&wish.session, &mut hash).map_err(|_| ApiError::NotFound)?;
    web.ops.end_session(screen.member.account, hash).await?;
    Ok(Redirect::to("/console/settings/account?done=signed-out").into_response())
}

/// `POST /console/settings/account/sessions/end-others`
async fn end_others(State(web): State<Web>, screen: Screen, jar: CookieJar) -> Result<Response, ApiError> {
    let token = token(&web, &jar);
    web.ops.end_other_sessions(screen.member.account, token).await?;
    Ok(Redirect::to("/console/settings/account?done=signed-out").into_response())
}

/// `POST /console/settings/account/merchant`
async fn switch(
    State(web): State<Web>,
    screen: Screen,
    jar: CookieJar,
    Form(wish): Form<Merchant>,
) -> Result<Response, ApiError> {
    let merchant: MerchantId = wish.merchant.parse().map_err(|_| ApiError::NotFound)?;
    let token = token(&web, &jar);
    match web
        .ops
        .switch_merchant(screen.member.account, token, merchant)
        .await?
    {
        true => Ok(Redirect::to("/console/cards").into_response()),
        false => Err(ApiError::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_by_its_rarest_claim() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome");
        assert_eq!(browser(&format!("{chrome} Edg/142.0")), "Edge");
        assert_eq!(
            browser("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox"
        );
        assert_eq!(browser("curl/8.5.0"), "curl/8.5.0");
    }
}
