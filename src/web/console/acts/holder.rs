//! Printing the profile's name on the card: the one way in which an edit of a person reaches a pass.

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::{Sent, changed, done, foot, hidden, is_stale, page};
use crate::domain::access::Action;
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
    let place = Place {
        within: sent.within.clone(),
        done: None,
    };
    let held = profile::open(&web, &screen, &card, &place).await?;
    if is_stale(&held, &sent) {
        return changed(&web, &screen, &held, &sent).await;
    }
    let (merchant, actor) = (screen.member.merchant, screen.member.actor());
    web.ops.update_holder(merchant, held.card(), actor).await?;
    Ok(done(&held.way, "named"))
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
    let form = html! {
        form method="post" action=(held.way.to("/name")) data-once {
            (hidden(&held.shown, &held.way))
            @if is_same { p #name-text { (words.holder_same) } }
            @else { p #name-text { ((words.holder_text)(&said(&printed), &said(&name))) } }
            (foot(screen, held, &html! {
                button.button.primary type="submit" disabled[is_same] aria-describedby="name-text" { (words.update) }
            }))
        }
    };
    page(screen, held, words.holder, None, &form)
}
