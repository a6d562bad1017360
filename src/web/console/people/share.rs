//! Giving a card to its holder: its link, and the link as a code to scan.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use crate::domain::access::Action;
use crate::web::Web;
use crate::web::console::acts;
use crate::web::console::components::icon;
use crate::web::console::layout::Section;
use crate::web::console::pass::qr_path;
use crate::web::console::profile::{self, information::copyable};
use crate::web::console::screen::Screen;
use crate::web::console::way::Place;
use crate::web::error::ApiError;
use crate::web::public::card_link;

/// `GET /console/cards/{card_id}/share`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    Path(card): Path<String>,
    Query(place): Query<Place>,
) -> Result<Markup, ApiError> {
    screen.require(Action::ShareLinks)?;
    let held = profile::open(&web, &screen, &card, &place).await?;
    let people = &screen.words.people;
    let link = card_link(&web.public_url, &web.master, screen.member.merchant, held.card());
    let notice = held
        .done
        .as_deref()
        .and_then(|done| acts::notice::of(&screen, &held, done));
    let content = html! {
        @if let Some(notice) = notice { (notice) }
        nav.crumbs aria-label=(screen.words.common.path) { a href=(held.way.to("")) { (icon("left")) (held.name(&screen)) } }
        section.act.share {
            h1 { (people.share) }
            p { (people.share_text) }
            @if let Some((size, path)) = qr_path(&link) {
                div.pass-code {
                    svg viewBox=(format!("0 0 {size} {size}")) role="img" aria-label=(people.share_code) { path d=(path) {} }
                }
            }
            p { (copyable(&screen, screen.words.profile.installation_link, &link)) }
            div.dialog-foot { a.button.primary href=(held.way.to("")) { (screen.words.acts.to_the_card) } }
        }
    };
    Ok(screen.page(Section::Customers, people.share, &content))
}
