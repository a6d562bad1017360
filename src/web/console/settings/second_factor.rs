//! Turning the second factor on and off. The secret travels in the form until the first code has shown that the app has
//! it; nothing is stored before.

use axum::extract::{Extension, Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use maud::{Markup, html};
use serde::Deserialize;

use super::account::{Refused, reason, refuse};
use crate::ops::access::AccessError;
use crate::ops::second_factor::Proposal;
use crate::web::Web;
use crate::web::console::address::ClientAddress;
use crate::web::console::components::{Field, Tone, alert, field};
use crate::web::console::layout::Section;
use crate::web::console::pass::qr_path;
use crate::web::console::screen::Screen;
use crate::web::console::throttle::Throttle;
use crate::web::error::ApiError;
use crate::web::refused;

#[derive(Deserialize)]
pub(super) struct TurnOn {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
pub(super) struct TurnOff {
    #[serde(default)]
    code: String,
}

fn code_field(screen: &Screen, is_focused: bool, error: Option<&str>) -> Markup {
    field(&Field {
        name: "code",
        label: screen.words.sign_in.code,
        kind: "text",
        value: "",
        autocomplete: "one-time-code",
        focused: is_focused,
        error,
    })
}

/// Whether it is on, and the way to change that.
pub(super) fn section(screen: &Screen, codes_left: Option<i64>, refused: Option<Refused<'_>>) -> Markup {
    let said = &screen.words.settings;
    let error = reason(refused, "code");
    html! {
        section.panel.sheet aria-labelledby="factor-title" {
            h2 #factor-title { (said.second_factor) }
            @match codes_left {
                None => {
                    p { (said.second_factor_off) }
                    a.button.secondary href="/console/settings/account/second-factor" { (said.turn_on) }
                }
                Some(left) => {
                    p { ((said.second_factor_on)(left)) }
                    form method="post" action="/console/settings/account/second-factor/off" data-once {
                        (code_field(screen, false, error))
                        button.button.quiet-danger type="submit" { (said.turn_off) }
                    }
                }
            }
        }
    }
}

/// `GET /console/settings/account/second-factor`
pub(super) async fn ask(State(web): State<Web>, screen: Screen) -> Result<Response, ApiError> {
    if web.ops.second_factor(screen.member.account).await?.is_some() {
        return Ok(Redirect::to("/console/settings/account").into_response());
    }
    let proposal = web.ops.propose_second_factor(&screen.member.email);
    Ok(page(&screen, &proposal, None).into_response())
}

fn page(screen: &Screen, proposal: &Proposal, problem: Option<&str>) -> Markup {
    let (said, common) = (&screen.words.settings, &screen.words.common);
    let code = proposal.url().as_deref().and_then(qr_path);
    let content = html! {
        div.page-head { h1 { (said.second_factor) } }
        form.panel method="post" action="/console/settings/account/second-factor" data-once {
            p.hint { (said.scan) }
            @if let Some((size, path)) = code {
                svg.scan-code viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(said.qr) { path d=(path) {} }
            }
            p.hint { (said.or_type) }
            p { code { (proposal.secret()) } }
            input type="hidden" name="secret" value=(proposal.secret());
            @if let Some(problem) = problem { (alert(Tone::Bad, problem)) }
            (code_field(screen, true, problem))
            div.dialog-foot {
                a.button.secondary href="/console/settings/account" { (common.cancel) }
                button.button.primary type="submit" { (said.turn_on) }
            }
        }
    };
    screen.page(Section::Settings, said.second_factor, &content)
}

/// `POST /console/settings/account/second-factor`
pub(super) async fn turn_on(
    State(web): State<Web>,
    screen: Screen,
    jar: CookieJar,
    Form(wish): Form<TurnOn>,
) -> Result<Response, ApiError> {
    let said = &screen.words.settings;
    let proposal = Proposal::parse(&wish.secret, &screen.member.email).ok_or(refused::Refused::Field {
        field: "secret",
        expected: "the one that the page gave out",
    })?;
    let account = screen.member.account;
    match web
        .ops
        .set_second_factor(&web.master, account, &proposal, &wish.code)
        .await
    {
        Ok(codes) => {
            let content = html! {
                section.panel.sheet {
                    h1 { (said.codes_title) }
                    p { (said.codes_text) }
                    ul.codes { @for code in &codes { li { code { (code) } } } }
                    a.button.primary href="/console/settings/account" { (said.codes_kept) }
                }
            };
            Ok(screen
                .page(Section::Settings, said.codes_title, &content)
                .into_response())
        }
        Err(AccessError::WrongCode) => {
            let status = ApiError::BadRequest(String::new()).status();
            let page = page(&screen, &proposal, Some(screen.words.sign_in.wrong_code));
            Ok((status, page).into_response())
        }
        Err(error @ AccessError::SecondFactorOn) => {
            let refused = Refused::secret("code", said.second_factor_is_on);
            refuse(&web, &screen, &jar, refused, error.into()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/settings/account/second-factor/off`
pub(super) async fn turn_off(
    State(web): State<Web>,
    Extension(throttle): Extension<Throttle>,
    ClientAddress(address): ClientAddress,
    screen: Screen,
    jar: CookieJar,
    Form(wish): Form<TurnOff>,
) -> Result<Response, ApiError> {
    let (account, said) = (screen.member.account, &screen.words.sign_in);
    if !throttle.admit_code(account, address, screen.now) {
        let refused = Refused::secret("code", said.too_many);
        return refuse(&web, &screen, &jar, refused, ApiError::TooManyRequests).await;
    }
    match web
        .ops
        .remove_second_factor(&web.master, account, &wish.code)
        .await
    {
        Ok(()) => {
            throttle.refund_code(account, address, screen.now);
            Ok(Redirect::to("/console/settings/account?done=off").into_response())
        }
        Err(error @ AccessError::WrongCode) => {
            let refused = Refused::secret("code", said.wrong_code);
            refuse(
                &web,
                &screen,
                &jar,
                refused,
                ApiError::BadRequest(error.to_string()),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}
