//! HTTP in: PassKit web service, station API, card pages, console, health.
//!
//! Handlers read or call one use case and shape the answer; they decide nothing. Every error becomes a status in
//! `web/error.rs` and nowhere else.

pub mod api;
pub mod console;
pub mod error;
pub mod extract;
pub mod health;
pub mod json;
pub mod passkit;
pub mod public;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::response::Redirect;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::apple::Passes;
use crate::domain::secret::MasterKey;
use crate::google::Wallet;
use crate::ops::Ops;
use crate::ops::captures::Recorder;
use crate::telemetry::{self, Metrics};

/// Largest request body, unless an address asks for less.
const LARGEST_BODY: usize = 256 * 1024;
/// How long an answer may take; longer ones (live pages) are not limited.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What every handler can reach. Cheap to clone; handlers take it as `State<Web>`.
#[derive(Clone)]
pub struct Web {
    pub ops: Ops,
    pub recorder: Recorder,
    pub master: MasterKey,
    pub passes: Arc<Passes>,
    /// None: Google Wallet is not configured.
    pub google: Option<Arc<Wallet>>,
    pub metrics: Metrics,
    /// Without a slash at its end.
    pub public_url: Arc<str>,
    /// Cancelled when the gateway begins to stop: answers without an end of their own end then.
    pub stopping: CancellationToken,
}

/// Every address of the gateway.
pub fn router(web: Web) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(request_id.clone(), MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(request_id))
        .layer(SetSensitiveRequestHeadersLayer::new(
            telemetry::sensitive_headers(),
        ))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(CatchPanicLayer::new());
    let limited = Router::new()
        .merge(api::router())
        .merge(health::router())
        .merge(public::router())
        .merge(passkit::router())
        .nest("/console", console::router())
        .route("/", get(async || Redirect::to("/console")))
        .layer(TimeoutLayer::with_status_code(error::TOO_SLOW, ANSWER_WITHIN));
    limited
        .fallback(|| async { error::ApiError::NotFound })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(layers)
        .with_state(web)
}

/// Names a request by its route, never by its address: addresses hold serial numbers and links that are secrets.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or("(no route)", axum::extract::MatchedPath::as_str);
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    tracing::info_span!("request", method = %request.method(), route, id)
}
