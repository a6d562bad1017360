//! Ending a card, bringing it back, taking something back, and making its referral link.

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::{Asks, Sent, changed, done, is_stale, page, refused};
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

type Answer = Result<Response, ApiError>;

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
    let fields = html! {
        p { (words.end_text) }
        div.dialog-foot {
            a.button.secondary href=(held.way.to("")) data-close autofocus { (words.keep) }
            button.button.danger type="submit" { (words.end_now) }
        }
    };
    let form = super::form(held, "/end", Asks::Alarm, &fields);
    page(screen, held, &title, problem, &form)
}

/// An act of one button.
#[derive(Debug, Clone, Copy)]
enum Act {
    End,
    Restore,
    Reverse,
}

impl Act {
    fn takes(self) -> Action {
        match self {
            Self::End | Self::Restore => Action::VoidCard,
            Self::Reverse => Action::ReverseEvent,
        }
    }

    /// The word that says it was done.
    fn done(self) -> &'static str {
        match self {
            Self::End => "ended",
            Self::Restore => "restored",
            Self::Reverse => "reversed",
        }
    }
}

/// `POST /console/cards/{card_id}/end`
pub async fn end(web: State<Web>, screen: Screen, card: Path<String>, sent: Form<Sent>) -> Answer {
    take(web, screen, card, sent, Act::End).await
}

/// `POST /console/cards/{card_id}/restore`
pub async fn restore(web: State<Web>, screen: Screen, card: Path<String>, sent: Form<Sent>) -> Answer {
    take(web, screen, card, sent, Act::Restore).await
}

/// `POST /console/cards/{card_id}/reverse`
pub async fn reverse(web: State<Web>, screen: Screen, card: Path<String>, sent: Form<Sent>) -> Answer {
    take(web, screen, card, sent, Act::Reverse).await
}

async fn take(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
    act: Act,
) -> Answer {
    screen.require(act.takes())?;
    let held = profile::open_sent(&web, &screen, &card, sent.within.as_deref()).await?;
    let (merchant, card, actor) = (screen.member.merchant, held.card(), screen.member.actor());
    let result = match act {
        Act::End => web.ops.void(merchant, card, actor).await,
        Act::Restore => web.ops.restore(merchant, card, actor).await,
        Act::Reverse => web.ops.reverse(merchant, card, EventId(sent.event), actor).await,
    };
    answer(&web, &screen, &held, &sent, result, act.done()).await
}

/// `POST /console/cards/{card_id}/referral`
pub async fn refer(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, ApiError> {
    screen.require(Action::ShareLinks)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    match web.ops.referral_link(screen.member.merchant, held.card()).await {
        Ok(_) => {
            let next = held.way.with("/information", &[("done", "referral")]);
            Ok(Redirect::to(&next).into_response())
        }
        Err(ReferralError::NoCard) => Err(ApiError::NotFound),
        Err(ReferralError::Store(error)) => Err(error.into()),
        Err(refusal) => Err(Refused::Referral(refusal).into()),
    }
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
