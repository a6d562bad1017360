//! The list of customers: every card, or one row for each person, by segment, filter and search, in any order.
//!
//! What is listed stands in the address alone. The part with the id `list` is everything that changes with it, so that a
//! script can replace it; without one each step is a page.

pub mod act;
pub mod chips;
pub mod columns;
pub mod counts;
pub mod day_of_year;
pub mod filter;
pub mod find;
pub mod live;
pub mod neighbours;
pub mod news;
pub mod page;
pub mod programs;
pub mod saying;
pub mod selected;
pub mod table;
pub mod typed;
pub mod wanted;
pub mod watch;

use std::collections::HashMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::domain::access::Action;
use crate::domain::id::CustomerId;
use crate::domain::segment::order::{Each, Edge};
use crate::domain::segment::saved::{Refusal, Segment, Viewer};
use crate::ops::rosters::List;
use crate::ops::segments::SegmentError;
use crate::store::segments::Line;
use crate::web::Web;
use crate::web::console::jobs::LARGEST_SELECTION;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;
use columns::Column;
use counts::Counts;
pub use neighbours::{back, neighbours};
use page::Found;
use programs::Programs;
use wanted::{Wanted, Wrong};

/// The routes of the list.
pub fn router() -> Router<Web> {
    let large = DefaultBodyLimit::max(LARGEST_SELECTION);
    Router::new()
        .route("/cards", get(show))
        .route("/cards/columns", post(columns::choose))
        .route("/cards/filter", get(filter::form))
        .route("/cards/filter/add", get(filter::add))
        .route("/cards/live", get(live::events))
        .route("/cards/offers", post(act::offered).layer(large))
        .route("/find", get(find::find))
}

/// `GET /console/cards`
pub async fn show(
    State(web): State<Web>,
    screen: Screen,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    screen.require(Action::ViewCards)?;
    let wanted = Wanted::parse(query.as_deref().unwrap_or_default());
    match look(&web, &screen, &wanted, &headers).await? {
        Ok(found) => Ok(page::draw(&screen, &wanted, &found).into_response()),
        Err(wrong) => {
            let status = ApiError::BadRequest(String::new()).status();
            Ok((status, page::wrong(&screen, &wanted, &wrong)).into_response())
        }
    }
}

/// Everything that the page shows.
async fn look(
    web: &Web,
    screen: &Screen,
    wanted: &Wanted,
    headers: &HeaderMap,
) -> Result<Result<Found, Wrong>, ApiError> {
    let merchant = screen.member.merchant;
    let meant = match wanted.meant() {
        Ok(meant) => meant,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let saved = match saved(web, screen, wanted).await? {
        Ok(saved) => saved,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let filter = wanted.filter();
    let edge = match &wanted.at {
        None => Edge::First,
        Some(at) => match Edge::open(at, &web.master, merchant, &filter, meant.order) {
            Ok(edge) => edge,
            Err(_) => return Ok(Err(Wrong::Place)),
        },
    };
    let viewer = Viewer::Member(screen.member.id);
    let query = meant.ask(viewer, wanted.each, edge, wanted.size());
    let list = web.rosters.list(merchant, &query).await?;
    let at = |edge: &Option<Edge>| {
        let at = edge.as_ref()?.seal(&web.master, merchant, &filter, meant.order)?;
        Some(wanted.with(|wanted| wanted.at = Some(at)))
    };
    let (before, after) = (at(&list.before), at(&list.after));
    let programs = Programs::of(web, merchant).await?;
    Ok(Ok(Found {
        columns: Column::chosen(headers, &programs),
        cards_of: cards_of(web, screen, wanted.each, &list).await?,
        counts: Counts::of_merchant(web, merchant).await?,
        order: meant.order,
        programs,
        saved,
        list,
        before,
        after,
    }))
}

/// The saved segment that is chosen, if one is.
async fn saved(
    web: &Web,
    screen: &Screen,
    wanted: &Wanted,
) -> Result<Result<Option<Segment>, Wrong>, ApiError> {
    let Some(id) = wanted.saved().filter(|_| wanted.chip().is_none()) else {
        return Ok(Ok(None));
    };
    let viewer = Viewer::Member(screen.member.id);
    match web.ops.segment(screen.member.merchant, viewer, id).await {
        Ok(segment) => Ok(Ok(Some(segment))),
        Err(SegmentError::Refused(Refusal::NotFound)) => Ok(Err(Wrong::Segment)),
        Err(error) => Err(error.into()),
    }
}

/// All cards of the customers of a page, where a row stands for all of them.
async fn cards_of(
    web: &Web,
    screen: &Screen,
    each: Each,
    list: &List,
) -> Result<HashMap<CustomerId, Vec<Line>>, ApiError> {
    if each == Each::Card {
        return Ok(HashMap::new());
    }
    let customers = list.lines.iter().map(|line| line.customer).collect();
    Ok(web
        .ops
        .cards_of_customers(screen.member.merchant, customers)
        .await?)
}
