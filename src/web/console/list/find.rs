//! Customers for the command palette: what was typed, looked up as the list does.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use crate::domain::access::Action;
use crate::domain::customer;
use crate::web::Web;
use crate::web::console::screen::Screen;
use crate::web::error::ApiError;

/// Rows that the palette has room for.
const MOST: i64 = 8;

#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

#[derive(Debug, Serialize)]
pub struct Answer {
    customers: Vec<Customer>,
}

#[derive(Debug, Serialize)]
struct Customer {
    name: String,
    /// What tells people of one name apart: an address, a number, or nothing.
    detail: String,
    /// Where the console shows them.
    address: String,
}

/// `GET /console/find?q=`: the newest customers that a text finds. One that cannot be searched for finds nobody.
pub async fn find(
    State(web): State<Web>,
    screen: Screen,
    Query(asked): Query<Asked>,
) -> Result<Json<Answer>, ApiError> {
    screen.require(Action::ViewCustomers)?;
    let found = web
        .ops
        .find_customers(screen.member.merchant, &asked.q, None, MOST)
        .await?
        .unwrap_or_default();
    let shown = |found: crate::store::search::Found| Customer {
        name: match customer::full_name(&found.first_name, &found.last_name) {
            none if none.is_empty() => screen.words.common.no_name.to_owned(),
            name => name,
        },
        detail: found.email.or(found.phone).unwrap_or_default(),
        address: format!("/console/customers/{}", found.id),
    };
    Ok(Json(Answer {
        customers: found.into_iter().map(shown).collect(),
    }))
}
