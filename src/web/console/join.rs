//! Following an invitation: the link in the address is the secret, so the page says little to whoever has none.

use axum::extract::{Extension, Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;

use crate::ops::access::AccessError;
use crate::ops::member_invitations::JoinError;
use crate::store::member_invitations::MemberInvitation;
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::layout::{Theme, plain_page};
use crate::web::console::sign_in::refusal;
use crate::web::console::throttle::Throttle;
use crate::web::console::words::{Language, Words};
use crate::web::error::ApiError;

#[derive(Deserialize)]
pub struct Newcomer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: SecretString,
}

/// `GET /console/join/{token}`
pub async fn form(
    State(web): State<Web>,
    theme: Theme,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let words = Language::of(&headers).words();
    match web.ops.member_invitation(&token).await {
        Ok((invitation, merchant, is_known)) => {
            let offer = Offer {
                invitation: &invitation,
                merchant: &merchant,
                is_known,
            };
            Ok(page(theme, words, &token, &offer, "", None).into_response())
        }
        Err(error) => gone_or(theme, words, error),
    }
}

/// `POST /console/join/{token}`
pub async fn submit(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    theme: Theme,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    Path(token): Path<String>,
    Form(newcomer): Form<Newcomer>,
) -> Result<Response, ApiError> {
    let words = Language::of(&headers).words();
    let said = &words.sign_in;
    let (invitation, merchant, is_known) = match web.ops.member_invitation(&token).await {
        Ok(found) => found,
        Err(error) => return gone_or(theme, words, error),
    };
    let offer = Offer {
        invitation: &invitation,
        merchant: &merchant,
        is_known,
    };
    let refuse = |reason: &str, error: ApiError| {
        let page = page(theme, words, &token, &offer, &newcomer.name, Some(reason));
        Ok((error.status(), page).into_response())
    };
    if !is_known && newcomer.name.trim().is_empty() {
        return refuse(said.bad_name, ApiError::BadRequest(String::new()));
    }
    if !throttle.admit(&invitation.email, address, web.ops.clock.now()) {
        return refuse(said.too_many, ApiError::TooManyRequests);
    }
    let joined = web
        .ops
        .accept_member_invitation(&token, &newcomer.name, &newcomer.password)
        .await;
    match joined {
        Ok(_) => Ok(Redirect::to("/console/sign-in").into_response()),
        Err(JoinError::Account(error)) => match refusal(&error, said) {
            Some((_, reason)) => refuse(reason, ApiError::BadRequest(String::new())),
            None if matches!(error, AccessError::WrongCredentials) => {
                refuse(said.wrong, ApiError::Unauthorized)
            }
            None => Err(error.into()),
        },
        Err(error) => gone_or(theme, words, error),
    }
}

fn gone_or(theme: Theme, words: &Words, error: JoinError) -> Result<Response, ApiError> {
    match error {
        JoinError::Store(error) => Err(error.into()),
        JoinError::Account(error) => Err(error.into()),
        JoinError::Gone | JoinError::Refused(_) => {
            let said = &words.sign_in;
            let content = html! { section.panel.failure { h1 { (said.gone_title) } p { (said.gone) } } };
            let page = plain_page(theme, words, said.gone_title, &content);
            Ok((ApiError::NotFound.status(), page).into_response())
        }
    }
}

/// What a link offers.
struct Offer<'a> {
    invitation: &'a MemberInvitation,
    merchant: &'a str,
    is_known: bool,
}

fn page(
    theme: Theme,
    words: &Words,
    token: &str,
    offer: &Offer<'_>,
    name: &str,
    problem: Option<&str>,
) -> Markup {
    let said = &words.sign_in;
    let title = (said.join_title)(offer.merchant);
    let role = words.common.role(offer.invitation.role);
    let content = html! {
        section.panel.sign-in {
            h1 { (title) }
            p.muted { ((said.join_as)(&offer.invitation.email, role)) }
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            form method="post" action=(format!("/console/join/{token}")) data-once {
                @if offer.is_known { p.hint { (said.join_known) } } @else {
                    (field(&Field {
                        name: "name",
                        label: said.your_name,
                        kind: "text",
                        value: name,
                        autocomplete: "name",
                        focused: true,
                        error: None,
                    }))
                }
                (field(&Field {
                    name: "password",
                    label: said.password,
                    kind: "password",
                    value: "",
                    autocomplete: if offer.is_known { "current-password" } else { "new-password" },
                    focused: offer.is_known,
                    error: None,
                }))
                @if !offer.is_known { p.hint { (said.password_hint) } }
                button.button.primary.wide type="submit" { (said.join) }
            }
        }
    };
    plain_page(theme, words, &title, &content)
}
