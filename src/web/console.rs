//! The console: what a merchant's members see in their browsers. Server-rendered; the script only adds comfort.
//!
//! Every answer carries a content security policy that loads nothing from elsewhere and runs nothing inline.
//! Forms from other sites are refused by what the browser says of their origin (`Sec-Fetch-Site`, `Origin`).
//! A page is a function from plain values to markup, drawn inside `layout::page`; its handler reads the values
//! through one named store call.

pub mod acts;
pub mod address;
pub mod assets;
pub mod card;
pub mod components;
pub mod failure;
pub mod first_run;
pub mod jobs;
pub mod join;
pub mod kept;
pub mod layout;
pub mod list;
pub mod live;
pub mod messages;
pub mod offers;
pub mod pass;
pub mod people;
pub mod profile;
pub mod screen;
pub mod segments;
pub mod settings;
pub mod sign_in;
mod stream;
pub mod styleguide;
pub mod throttle;
pub mod timeline;
pub mod tools;
pub mod watch;
pub mod way;
pub mod words;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::web::Web;
use crate::web::error::ApiError;
use crate::web::refused::Refused;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// No form of the console is longer.
const LARGEST_FORM: usize = 64 * 1024;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// The console's routes, to be nested at `/console`.
pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(async || Redirect::to("/console/cards")))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-in/code", post(sign_in::submit_code))
        .route("/first-run", get(first_run::form).post(first_run::submit))
        .route("/join/{token}", get(join::form).post(join::submit))
        .nest("/settings", settings::router())
        .route("/sign-out", post(sign_in::sign_out))
        .route("/theme", post(sign_in::choose_theme))
        .route("/language", post(sign_in::choose_language))
        .merge(list::router())
        .nest("/jobs", jobs::router())
        .nest("/segments", segments::router())
        .route("/cards/{card_id}/events", get(live::events))
        .merge(profile::router())
        .merge(acts::router())
        .merge(people::router())
        .merge(offers::router())
        .route("/cards/export", get(tools::export::list))
        .nest("/tools", tools::router())
        .nest("/messages", messages::router())
        .route("/styleguide", get(styleguide::show))
        .route("/styleguide/dialog", get(styleguide::dialog))
        .route("/assets/{name}", get(assets::serve))
        .fallback(async || ApiError::NotFound)
        .layer(Extension(throttle::Throttle::default()))
        .layer(Extension(jobs::watch::Works::default()))
        .layer(Extension(list::watch::Lists::default()))
        .layer(Extension(watch::Watches::default()))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(axum::middleware::from_fn(kept::keep))
        .layer(CsrfLayer::new().with_rejection_response(foreign_form))
        .layer(axum::middleware::from_fn(failure::read_out))
        .layer(axum::middleware::from_fn(failure::as_page))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::map_response(secured))
}

fn foreign_form(_: ProtectionError) -> Response {
    ApiError::from(Refused::OtherSite).into_response()
}

async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
