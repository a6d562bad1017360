//! A fake push service, and the browsers that listen at it: RFC 8030 over TLS on a real socket.
//!
//! It is as strict as the strictest of the real ones: it checks the voucher (RFC 8292) against the key that the browser
//! subscribed with, the headers, and the length. Its browsers open what they get (RFC 8291) with code of their own, which
//! is written from the receiver's side. Answers can be scripted.

mod open;
mod voucher;

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::{Clock, Ids};
use crate::sim::apns::Authority;
pub use open::{Receiver, Unreadable};

/// What every push service takes (RFC 8030 §7.2).
const LARGEST: usize = 4096;
/// Records that are kept.
const KEPT: usize = 100_000;

/// Why the fake cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FakePushError {
    #[error("the fake push service cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    #[error("the fake push service cannot set up TLS: {0}")]
    Tls(#[from] ErrorStack),
    #[error("the fake push service cannot use its certificate: {0}")]
    Acceptor(#[from] openssl::ssl::Error),
}

/// An answer by script.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    pub status: u16,
    /// The value of `Retry-After`.
    pub retry_after: Option<String>,
    pub body: String,
}

impl Scripted {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

/// What a browser was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub text: String,
    pub ttl: u64,
    pub urgency: String,
    pub topic: Option<String>,
}

impl Shown {
    /// What the gateway writes.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub length: usize,
    /// Why it was refused.
    pub problem: Option<String>,
}

struct Shared {
    origin: String,
    clock: Clock,
    ids: Ids,
    state: Mutex<Everything>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Everything {
    browsers: HashMap<String, Browser>,
    script: VecDeque<Scripted>,
    seen: VecDeque<Seen>,
}

struct Browser {
    /// The key that pushes must be vouched for with, base64url.
    application_server_key: String,
    receiver: Receiver,
    gone: bool,
    online: bool,
    queued: Vec<Shown>,
    shown: Vec<Shown>,
    last_body: Vec<u8>,
}

/// A running fake; stops when dropped.
pub struct FakePushService {
    shared: Arc<Shared>,
    authority_pem: Vec<u8>,
    _server: AbortOnDropHandle<()>,
}

/// A browser with one subscription.
#[derive(Clone)]
pub struct SimBrowser {
    shared: Arc<Shared>,
    id: String,
}

impl FakePushService {
    /// Listens on a free loopback port, with a certificate for `localhost`.
    pub async fn start(clock: Clock, ids: Ids) -> Result<Self, FakePushError> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let authority = Authority::new("Push services", &clock, &ids)?;
        let identity = authority.issue_server()?;
        let tls = OpenSSLConfig::from_pem(&identity.certificate, &identity.key)?;
        let shared = Arc::new(Shared {
            origin: format!("https://localhost:{port}"),
            clock,
            ids,
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let router = Router::new()
            .route("/push/{id}", post(push))
            .layer(DefaultBodyLimit::max(1 << 20))
            .with_state(Arc::clone(&shared));
        let server = axum_server::from_tcp(listener)?.acceptor(OpenSSLAcceptor::new(tls));
        let server = tokio::spawn(async move {
            if let Err(error) = server.serve(router.into_make_service()).await {
                tracing::warn!(%error, "the fake push service stopped");
            }
        });
        Ok(Self {
            shared,
            authority_pem: authority.pem()?,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// What its clients must trust, PEM.
    pub fn authority_pem(&self) -> &[u8] {
        &self.authority_pem
    }

    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A browser subscribes for the owner of `application_server_key` (base64url), as a page has it do.
    pub fn subscribe(&self, application_server_key: &str) -> Result<SimBrowser, ErrorStack> {
        let id = URL_SAFE_NO_PAD.encode(self.shared.ids.secret::<24>());
        let browser = Browser {
            application_server_key: application_server_key.to_owned(),
            receiver: Receiver::new(self.shared.ids.secret())?,
            gone: false,
            online: true,
            queued: Vec::new(),
            shown: Vec::new(),
            last_body: Vec::new(),
        };
        self.shared.state().browsers.insert(id.clone(), browser);
        Ok(SimBrowser {
            shared: Arc::clone(&self.shared),
            id,
        })
    }

    /// The next `times` answers are `answer`.
    pub fn script(&self, answer: &Scripted, times: usize) {
        let answers = std::iter::repeat_n(answer.clone(), times);
        self.shared.state().script.extend(answers);
    }

    /// Requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.iter().cloned().collect()
    }
}

impl SimBrowser {
    pub fn endpoint(&self) -> String {
        format!("{}/push/{}", self.shared.origin, self.id)
    }

    /// What `PushSubscription.toJSON()` gives.
    pub fn to_json(&self) -> Value {
        let (key, secret) = self.with(|browser| {
            let receiver = &browser.receiver;
            (receiver.public_key().to_vec(), receiver.auth_secret().to_vec())
        });
        json!({
            "endpoint": self.endpoint(),
            "expirationTime": null,
            "keys": {"p256dh": URL_SAFE_NO_PAD.encode(key), "auth": URL_SAFE_NO_PAD.encode(secret)},
        })
    }

    /// The private key, base64url, for other receivers to open what came.
    pub fn private_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.with(|browser| browser.receiver.private_key()))
    }

    /// The body of the last push as it came.
    pub fn last_body(&self) -> Vec<u8> {
        self.with(|browser| browser.last_body.clone())
    }

    /// Its user forbids notifications: the subscription ends.
    pub fn leave(&self) {
        self.with(|browser| browser.gone = true);
    }

    /// Offline, pushes wait, and one takes the place of another with the same topic.
    pub fn set_online(&self, online: bool) {
        self.with(|browser| {
            browser.online = online;
            if online {
                let queued = std::mem::take(&mut browser.queued);
                browser.shown.extend(queued);
            }
        });
        self.shared.changes.send_modify(|count| *count += 1);
    }

    pub fn shown(&self) -> Vec<Shown> {
        self.with(|browser| browser.shown.clone())
    }

    /// Waits until it has been shown something that is `wanted`.
    pub async fn until(&self, wanted: impl Fn(&Shown) -> bool) -> Shown {
        let mut changes = self.shared.changes.subscribe();
        loop {
            if let Some(shown) = self.shown().into_iter().find(|shown| wanted(shown)) {
                return shown;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// A subscription is there as long as its service: what is not found is answered as a fresh one's.
    fn with<T: Default>(&self, look: impl FnOnce(&mut Browser) -> T) -> T {
        self.shared
            .state()
            .browsers
            .get_mut(&self.id)
            .map(look)
            .unwrap_or_default()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Everything> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a push is refused.
struct Refused {
    status: StatusCode,
    problem: String,
}

fn refused<T>(status: StatusCode, problem: impl Into<String>) -> Result<T, Refused> {
    Err(Refused {
        status,
        problem: problem.into(),
    })
}

async fn push(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let scripted = shared.state().script.pop_front();
    let (response, problem) = match scripted {
        Some(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut response = (status, answer.body).into_response();
            if let Some(wait) = answer.retry_after.and_then(|wait| wait.parse().ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            (response, Some("by script".to_owned()))
        }
        None => match take(&shared, &id, &headers, &body) {
            Ok(()) => {
                let place = format!(
                    "{}/message/{}",
                    shared.origin,
                    shared.ids.next(shared.clock.now())
                );
                (
                    (StatusCode::CREATED, [(header::LOCATION, place)]).into_response(),
                    None,
                )
            }
            Err(Refused { status, problem }) => {
                let body = json!({"reason": problem}).to_string();
                ((status, body).into_response(), Some(problem))
            }
        },
    };
    let mut state = shared.state();
    if state.seen.len() >= KEPT {
        state.seen.pop_front();
    }
    state.seen.push_back(Seen {
        status: response.status().as_u16(),
        length: body.len(),
        problem,
    });
    drop(state);
    shared.changes.send_modify(|count| *count += 1);
    response
}

fn take(shared: &Shared, id: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut state = shared.state();
    let Some(browser) = state.browsers.get_mut(id) else {
        return refused(StatusCode::NOT_FOUND, "no such subscription");
    };
    if browser.gone {
        return refused(StatusCode::GONE, "unsubscribed");
    }
    voucher::check(
        text("authorization").unwrap_or_default(),
        &browser.application_server_key,
        &shared.origin,
        shared.clock.now(),
    )
    .or_else(|problem| refused(StatusCode::FORBIDDEN, problem))?;
    let Some(ttl) = text("ttl").and_then(|ttl| ttl.parse().ok()) else {
        return refused(
            StatusCode::BAD_REQUEST,
            "TTL is required: a whole number of seconds",
        );
    };
    let urgency = text("urgency").unwrap_or("normal");
    if !["very-low", "low", "normal", "high"].contains(&urgency) {
        return refused(StatusCode::BAD_REQUEST, "no such Urgency");
    }
    let topic = text("topic");
    let is_topic = |topic: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=32).contains(&topic.len()) && topic.bytes().all(letter)
    };
    if topic.is_some_and(|topic| !is_topic(topic)) {
        return refused(
            StatusCode::BAD_REQUEST,
            "a Topic has at most 32 url-safe characters",
        );
    }
    if body.len() > LARGEST {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "more than 4096 bytes");
    }
    if text("content-encoding") != Some("aes128gcm") {
        return refused(StatusCode::BAD_REQUEST, "Content-Encoding must be aes128gcm");
    }
    browser.last_body = body.to_vec();
    let plaintext = browser
        .receiver
        .open(body)
        .or_else(|unreadable| refused(StatusCode::BAD_REQUEST, unreadable.to_string()))?;
    let shown = Shown {
        text: String::from_utf8_lossy(&plaintext).into_owned(),
        ttl,
        urgency: urgency.to_owned(),
        topic: topic.map(str::to_owned),
    };
    if browser.online {
        browser.shown.push(shown);
    } else {
        browser
            .queued
            .retain(|queued| queued.topic.is_none() || queued.topic != shown.topic);
        browser.queued.push(shown);
    }
    Ok(())
}
