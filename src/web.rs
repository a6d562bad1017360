//! HTTP in: PassKit web service, station API, card pages, console, health.
//!
//! Handlers read or call one use case and shape the answer; they decide nothing. Every error becomes a status in
//! `web/error.rs` and nowhere else.

mod answering;
pub mod api;
pub mod console;
pub mod error;
pub mod extract;
pub mod health;
pub mod json;
pub mod passkit;
pub mod public;
pub mod redirect;
pub mod refused;
mod throttle;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::http::{HeaderName, HeaderValue, Request};
use axum::response::Redirect;
use axum::routing::get;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;

use crate::apple::Passes;
use crate::clock::Ids;
use crate::domain::delivery::Channel;
use crate::domain::face::CardFace;
use crate::domain::link::{Addresses, CountedLink};
use crate::domain::secret::MasterKey;
use crate::google::Wallet;
use crate::ops::Ops;
use crate::ops::captures::Recorder;
use crate::ops::receipts::Receipts;
use crate::ops::rosters::Rosters;
use crate::store::links::Link;
use crate::telemetry::{self, Metric, Metrics};
use crate::web_push::WebPush;
use answering::{CountedLayer, PatienceLayer};
use redirect::Redirects;

/// Largest request body, unless an address asks for less.
const LARGEST_BODY: usize = 256 * 1024;
/// How long an answer may take; longer ones (live pages) are not limited.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take to send a file.
const FILE_WITHIN: Duration = Duration::from_mins(10);

/// What requests are called that no route is for.
const NO_ROUTE: &str = "(no route)";

/// What every handler can reach. Handlers take it as `State<Web>`, and the router clones it several times a request:
/// hence one pointer.
#[derive(Clone)]
pub struct Web(Arc<Inside>);

struct Inside {
    reach: Reach,
    /// What phones asked and fetched.
    receipts: Receipts,
}

/// What there is behind [`Web`].
pub struct Reach {
    pub ops: Ops,
    pub recorder: Recorder,
    pub redirects: Redirects,
    pub rosters: Rosters,
    pub master: MasterKey,
    pub passes: Arc<Passes>,
    /// None: Google Wallet is not configured.
    pub google: Option<Arc<Wallet>>,
    /// None: Web Push is not configured.
    pub web_push: Option<Arc<WebPush>>,
    /// Whether apps are told of cards through Firebase.
    pub takes_apps: bool,
    /// Whether letters are sent; without a mail server they wait.
    pub sends_mail: bool,
    pub metrics: Metrics,
    /// Without a slash at its end.
    pub public_url: Arc<str>,
    /// Who is believed when it says, in `X-Forwarded-For`, where a request comes from.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Cancelled when the gateway begins to stop: answers without an end of their own end then.
    pub stopping: CancellationToken,
}

impl From<Reach> for Web {
    fn from(reach: Reach) -> Self {
        let time_to_fetch = Metric::TimeToFetch.histogram(&[("channel", Channel::Apple.as_str())]);
        let waited = move |time: Duration| time_to_fetch.record(time);
        let receipts = Receipts::start(&reach.ops, waited, reach.stopping.clone());
        Self(Arc::new(Inside { reach, receipts }))
    }
}

impl Deref for Web {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.0.reach
    }
}

impl Web {
    fn receipts(&self) -> &Receipts {
        &self.0.receipts
    }

    /// A stored link as it stands on the card of `face`.
    fn counted(&self, face: &CardFace, link: &Link) -> CountedLink {
        let addresses = Addresses {
            master: self.master.clone(),
            public_url: Arc::clone(&self.public_url),
        };
        let of = (face.merchant, link.id, face.card);
        addresses.counted(of, link.label.as_deref(), &link.target)
    }
}

/// Every address of the gateway.
///
/// All layers are one to the router: for each `.layer` it copies the whole chain below once more at every request.
pub fn router(web: Web) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(
            request_id.clone(),
            RequestIds(Ids::random()),
        ))
        .layer(PropagateRequestIdLayer::new(request_id))
        .layer(SetSensitiveRequestHeadersLayer::new(
            telemetry::sensitive_headers(),
        ))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(CountedLayer::default())
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(PatienceLayer::new(ANSWER_WITHIN, FILE_WITHIN));
    Router::new()
        .merge(api::router())
        .merge(health::router())
        .merge(public::router())
        .merge(redirect::router())
        .merge(passkit::router())
        .nest("/console", console::router())
        // A nested router does not cover this one.
        .route("/console/", get(async || Redirect::to("/console/cards")))
        .route("/", get(async || Redirect::to("/console")))
        .fallback(|| async { error::ApiError::NotFound })
        .layer(layers)
        .with_state(web)
}

/// Names requests that come without a name: UUIDs of version 4, from a generator that asks the kernel only now and
/// then.
#[derive(Clone)]
struct RequestIds(Ids);

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        let id = uuid::Builder::from_random_bytes(self.0.secret()).into_uuid();
        let text = id
            .hyphenated()
            .encode_lower(&mut uuid::Uuid::encode_buffer())
            .to_owned();
        HeaderValue::try_from(text).ok().map(RequestId::new)
    }
}

/// Names a request by its route, never by its address: addresses hold serial numbers and links that are secrets.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    tracing::info_span!("request", method = %request.method(), route, id)
}
