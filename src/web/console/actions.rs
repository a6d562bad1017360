//! What forms on a card's page do. Each checks the role, makes one call, and leads back to the card.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::domain::access::Action;
use crate::domain::card::Card;
use crate::domain::id::{CardId, EventId};
use crate::domain::lifecycle::LifecycleRefusal;
use crate::ops::cards::CardError;
use crate::web::Web;
use crate::web::console::card::{self, TIMELINE_PAGE, card_id};
use crate::web::console::layout::Theme;
use crate::web::error::ApiError;
use crate::web::extract::Member;

/// What the sender of a form had before their eyes.
#[derive(Debug, Deserialize)]
pub struct Sent {
    version: i64,
    /// The newest event on the page.
    seen: i64,
    /// The event to take back.
    #[serde(default)]
    event: i64,
}

/// `POST /console/cards/{card_id}/redeem`
pub async fn redeem(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    member.require(Action::RedeemReward)?;
    let card = card_id(&card)?;
    let done = web
        .ops
        .redeem(member.merchant, card, sent.version, member.actor())
        .await;
    answer(&web, &member, theme, card, &sent, done, "redeemed").await
}

/// `POST /console/cards/{card_id}/reverse`
pub async fn reverse(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    member.require(Action::ReverseEvent)?;
    let card = card_id(&card)?;
    let event = EventId(sent.event);
    let done = web
        .ops
        .reverse(member.merchant, card, event, member.actor())
        .await;
    answer(&web, &member, theme, card, &sent, done, "reversed").await
}

/// `POST /console/cards/{card_id}/end`
pub async fn end(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    member.require(Action::VoidCard)?;
    let card = card_id(&card)?;
    let done = web.ops.void(member.merchant, card, member.actor()).await;
    answer(&web, &member, theme, card, &sent, done, "ended").await
}

/// `POST /console/cards/{card_id}/restore`
pub async fn restore(
    State(web): State<Web>,
    member: Member,
    theme: Theme,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    member.require(Action::VoidCard)?;
    let card = card_id(&card)?;
    let done = web.ops.restore(member.merchant, card, member.actor()).await;
    answer(&web, &member, theme, card, &sent, done, "restored").await
}

async fn answer(
    web: &Web,
    member: &Member,
    theme: Theme,
    card: CardId,
    sent: &Sent,
    done: Result<Card, CardError>,
    word: &str,
) -> Result<Response, ApiError> {
    let reason = match done {
        Ok(_) => return Ok(Redirect::to(&format!("/console/cards/{card}?done={word}")).into_response()),
        Err(CardError::NotFound) => return Err(ApiError::NotFound),
        Err(CardError::Store(error)) => return Err(error.into()),
        Err(CardError::Issue(refusal)) => Some(refusal.to_string()),
        Err(
            CardError::Stale
            | CardError::Lifecycle(LifecycleRefusal::AlreadyVoid | LifecycleRefusal::NotVoid),
        ) => None,
        Err(CardError::Lifecycle(refusal)) => Some(refusal.to_string()),
        Err(error @ (CardError::Field(_) | CardError::AlreadyHolds(_) | CardError::Raced)) => {
            Some(error.to_string())
        }
        Err(CardError::Redeem(refusal)) => Some(refusal.to_string()),
        Err(CardError::Reverse(refusal)) => Some(refusal.to_string()),
    };
    let shown = card::load(web, member.merchant, card, TIMELINE_PAGE).await?;
    let now = web.ops.clock.now();
    let page = match &reason {
        Some(reason) => card::refused(member, theme, &shown, reason, now),
        None => {
            let seen = EventId(sent.seen);
            let since = card::rows(web, member.merchant, card, shown.last_event(), seen).await?;
            card::changed_meanwhile(member, theme, &shown, &since, now)
        }
    };
    let status = ApiError::Conflict(reason.unwrap_or_default()).status();
    Ok((status, page).into_response())
}
