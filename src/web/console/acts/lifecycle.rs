//! Ending a card, bringing it back, taking something back, and making its referral code.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::{Sent, changed, done, hidden, is_stale, page, refused};
use crate::domain::access::Action;
use crate::domain::card::Card;
use crate::domain::id::EventId;
use crate::domain::lifecycle::LifecycleRefusal;
use crate::ops::cards::CardError;
use crate::ops::referrals::ReferralError;
use crate::web::Web;
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

/// `GET /console/cards/{card_id}/end`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::VoidCard)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    Ok(question(&screen, &held, None))
}

fn question(screen: &Screen, held: &Held, problem: Option<&str>) -> Markup {
    let words = &screen.words.acts;
    let title = (words.end_title)(&held.name(screen));
    let form = html! {
        form method="post" action=(held.way.to("/end")) data-once data-alarming {
            (hidden(&held.shown, &held.way))
            p { (words.end_text) }
            div.dialog-foot {
                a.button.secondary href=(held.way.to("")) data-close autofocus { (words.keep) }
                button.button.danger type="submit" { (words.end_now) }
            }
        }
    };
    page(screen, held, &title, problem, &form)
}

/// `POST /console/cards/{card_id}/end`
pub async fn end(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::VoidCard)?;
    let held = held(&web, &screen, &card, &sent).await?;
    let result = web
        .ops
        .void(screen.member.merchant, held.card(), screen.member.actor())
        .await;
    answer(&web, &screen, &held, &sent, result, "ended").await
}

/// `POST /console/cards/{card_id}/restore`
pub async fn restore(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::VoidCard)?;
    let held = held(&web, &screen, &card, &sent).await?;
    let result = web
        .ops
        .restore(screen.member.merchant, held.card(), screen.member.actor())
        .await;
    answer(&web, &screen, &held, &sent, result, "restored").await
}

/// `POST /console/cards/{card_id}/reverse`
pub async fn reverse(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::ReverseEvent)?;
    let held = held(&web, &screen, &card, &sent).await?;
    let (merchant, event) = (screen.member.merchant, EventId(sent.event));
    let result = web
        .ops
        .reverse(merchant, held.card(), event, screen.member.actor())
        .await;
    answer(&web, &screen, &held, &sent, result, "reversed").await
}

/// `POST /console/cards/{card_id}/referral`
pub async fn refer(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
) -> Result<Response, ApiError> {
    screen.require(Action::ShareLinks)?;
    let held = profile::open(&web, &screen, &card, &Place::default()).await?;
    match web.ops.referral_link(screen.member.merchant, held.card()).await {
        Ok(_) => Ok(axum::response::IntoResponse::into_response(
            axum::response::Redirect::to(&held.way.with("/information", &[("done", "referral")])),
        )),
        Err(ReferralError::NoCard) => Err(ApiError::NotFound),
        Err(ReferralError::Store(error)) => Err(error.into()),
        Err(refusal) => Err(Refused::Referral(refusal).into()),
    }
}

async fn held(web: &Web, screen: &Screen, card: &str, sent: &Sent) -> Result<Held, ApiError> {
    let place = Place {
        within: sent.within.clone(),
        done: None,
    };
    profile::open(web, screen, card, &place).await
}

/// Leads on, or says why nothing was done and what may be done instead.
pub(super) async fn answer(
    web: &Web,
    screen: &Screen,
    held: &Held,
    sent: &Sent,
    result: Result<Card, CardError>,
    word: &str,
) -> Result<Response, ApiError> {
    let language = screen.words.language;
    let reason = match result {
        Ok(_) => return Ok(done(&held.way, word)),
        Err(CardError::NotFound) => return Err(ApiError::NotFound),
        Err(CardError::Store(error)) => return Err(error.into()),
        Err(
            CardError::Stale
            | CardError::Lifecycle(LifecycleRefusal::AlreadyVoid | LifecycleRefusal::NotVoid),
        ) => return changed(web, screen, held, sent).await,
        Err(CardError::Redeem(refusal)) if is_stale(held, sent) => {
            tracing::debug!(%refusal, "a form was older than its card");
            return changed(web, screen, held, sent).await;
        }
        Err(refusal) => language.card_error(&refusal),
    };
    let words = &screen.words.acts;
    let way_on = html! {
        (super::bar::of(screen, &held.shown, &held.way))
        p { a href=(held.way.to("")) { (words.to_the_card) } }
    };
    Ok(refused(page(
        screen,
        held,
        words.not_done,
        Some(&reason),
        &way_on,
    )))
}
