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

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::{Redirect, Response};
use axum::routing::get;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::apple::Passes;
use crate::clock::stopwatch;
use crate::domain::secret::MasterKey;
use crate::google::Wallet;
use crate::ops::Ops;
use crate::ops::captures::Recorder;
use crate::telemetry::{self, Counter, Histogram, Metric, Metrics};

/// Largest request body, unless an address asks for less.
const LARGEST_BODY: usize = 256 * 1024;
/// How long an answer may take; longer ones (live pages) are not limited.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What requests are called that no route is for.
const NO_ROUTE: &str = "(no route)";

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
    /// Who is believed when it says, in `X-Forwarded-For`, where a request comes from.
    pub trusted_proxies: Arc<[IpNet]>,
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
        .layer(axum::middleware::from_fn_with_state(Counts::default(), counted))
        .layer(CatchPanicLayer::new());
    let limited = Router::new()
        .merge(api::router())
        .merge(health::router())
        .merge(public::router())
        .merge(passkit::router())
        .nest("/console", console::router())
        // A nested router does not cover this one.
        .route("/console/", get(async || Redirect::to("/console/cards")))
        .route("/", get(async || Redirect::to("/console")))
        .layer(TimeoutLayer::with_status_code(error::TOO_SLOW, ANSWER_WITHIN));
    limited
        .fallback(|| async { error::ApiError::NotFound })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(layers)
        .with_state(web)
}

/// Where requests of one route are counted: their time, and how many by the class of their answer's status.
struct Counters {
    time: Histogram,
    by_class: [Counter; CLASSES.len()],
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Counters {
    fn of(route: &str) -> Self {
        let counter = |status| Metric::Requests.counter(&[("route", route), ("status", status)]);
        Self {
            time: Metric::RequestTime.histogram(&[("route", route)]),
            by_class: CLASSES.map(counter),
        }
    }
}

/// The counters of every route that was asked for; kept, because finding one by its labels costs more than counting.
type Counts = Arc<RwLock<HashMap<Box<str>, Arc<Counters>>>>;

/// Counts a request by its route and the class of its answer's status.
async fn counted(State(counts): State<Counts>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = stopwatch();
    let response = next.run(request).await;
    let counters = counters(&counts, route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str));
    counters.time.record(began.elapsed());
    let class = usize::from(response.status().as_u16() / 100).clamp(1, CLASSES.len()) - 1;
    if let Some(counter) = counters.by_class.get(class) {
        counter.increment(1);
    }
    response
}

fn counters(counts: &Counts, route: &str) -> Arc<Counters> {
    let known = counts
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(route)
        .cloned();
    known.unwrap_or_else(|| {
        let mut counts = counts.write().unwrap_or_else(PoisonError::into_inner);
        let entry = counts.entry(route.into());
        Arc::clone(entry.or_insert_with(|| Arc::new(Counters::of(route))))
    })
}

/// Names a request by its route, never by its address: addresses hold serial numbers and links that are secrets.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    tracing::info_span!("request", method = %request.method(), route, id)
}
