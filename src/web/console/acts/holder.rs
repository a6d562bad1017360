//! Printing the profile's name on the card: the one way in which an edit of a person reaches a pass.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::{Asks, Sent, changed, done, foot, page};
use crate::domain::access::Action;
use crate::ops::cards::CardError;
use crate::ops::customers::{CustomerError, HolderSeen};
use crate::web::Web;
use crate::web::console::profile::{self, Held};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;

/// `GET /console/cards/{card_id}/name`
pub async fn form(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::EditCustomers)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    Ok(view(&screen, &held))
}

/// `POST /console/cards/{card_id}/name`
pub async fn submit(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, ApiError> {
    screen.require(Action::EditCustomers)?;
    let held = profile::open_sent(&web, &screen, &card, sent.within.as_deref()).await?;
    let (merchant, actor) = (screen.member.merchant, screen.member.actor());
    let seen = HolderSeen {
        version: sent.version,
        name: sent.name.clone(),
    };
    let updated = web
        .ops
        .update_holder(merchant, held.card(), Some(seen), actor)
        .await;
    match updated {
        Ok(_) => Ok(done(&held.way, "named")),
        Err(CustomerError::Card(CardError::Stale)) => changed(&web, &screen, &held, &sent).await,
        Err(error) => Err(error.into()),
    }
}

fn view(screen: &Screen, held: &Held) -> Markup {
    let words = &screen.words.acts;
    let printed = held.profile.card.holder.clone().unwrap_or_default();
    let name = held.profile.person.customer.profile.full_name();
    let is_same = printed == name;
    let said = |name: &str| {
        if name.is_empty() {
            words.nothing.to_owned()
        } else {
            name.to_owned()
        }
    };
    let fields = html! {
        input type="hidden" name="name" value=(name);
        @if is_same { p #name-text { (words.holder_same) } }
        @else { p #name-text { ((words.holder_text)(&said(&printed), &said(&name))) } }
        (foot(screen, held, &html! {
            button.button.primary type="submit" disabled[is_same] aria-describedby="name-text" { (words.update) }
        }))
    };
    let form = super::form(held, "/name", Asks::Nothing, &fields);
    page(screen, held, words.holder, None, &form)
}
