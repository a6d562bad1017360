//! The JSON API, for stations: `POST /api/station/captures`.

pub mod captures;

use axum::Router;
use axum::routing::post;

use crate::web::Web;

pub fn router() -> Router<Web> {
    Router::new().route("/api/station/captures", post(captures::record))
}
