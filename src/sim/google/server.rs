//! The HTTP face of the stand-in: token endpoint, Wallet API, save address; and the script of faults.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use openssl::pkey::{PKey, Public};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::credential::verify;
use super::fcm::{self, Firebase};
use super::rules::{Kind, Refusal, text};
use super::state::Resources;
use crate::clock::{Clock, stopwatch};

const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The audience that Google's own clients name, whatever address the key file holds.
const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const LONGEST_LINK: usize = 1800;

/// What the next answers of the Wallet API shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 401, as for a token that has been withdrawn.
    Unauthorized,
    PermissionDenied,
    InsufficientPermissions,
    QuotaExceeded,
    InvalidResource,
    /// 500 with a page of HTML.
    ServerError,
    /// 503 with `Retry-After: 7`.
    Unavailable,
    /// A good answer, after this time.
    Slow(Duration),
}

/// What the next answers of the token endpoint shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// 400 `invalid_grant`.
    InvalidGrant,
    /// 503 with a page of HTML.
    Unavailable,
    /// After this time, what the script holds next.
    Slow(Duration),
}

/// One request to the Wallet API as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    /// After `/walletobjects/v1/`, with the query.
    pub path: String,
    pub status: u16,
    pub body: Value,
}

pub(super) struct Shared {
    pub(super) state: Mutex<Everything>,
    pub(super) changes: watch::Sender<u64>,
    pub(super) token_uri: String,
}

pub(super) struct Everything {
    pub(super) resources: Resources,
    pub(super) accounts: HashMap<String, PKey<Public>>,
    /// Valid access tokens and the scopes they are good for.
    tokens: HashMap<String, String>,
    pub(super) tokens_given: u64,
    pub(super) token_requests: u64,
    pub(super) token_life: u64,
    pub(super) faults: VecDeque<Fault>,
    pub(super) token_faults: VecDeque<TokenFault>,
    pub(super) seen: Vec<Seen>,
    pub(super) quota: Option<usize>,
    pub(super) firebase: Firebase,
    /// By what a day's alerts are counted.
    pub(super) clock: Clock,
    arrivals: VecDeque<Instant>,
}

impl Everything {
    pub(super) fn of(issuer: &str) -> Self {
        Self {
            resources: Resources::of(issuer),
            accounts: HashMap::new(),
            tokens: HashMap::new(),
            tokens_given: 0,
            token_requests: 0,
            token_life: 3599,
            faults: VecDeque::new(),
            token_faults: VecDeque::new(),
            seen: Vec::new(),
            quota: None,
            firebase: Firebase::default(),
            clock: Clock::System,
            arrivals: VecDeque::new(),
        }
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, Everything> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a save link or its JWT for `user`. The id of the object that is now in that user's wallet, or why
    /// Google shows "something went wrong".
    pub(super) fn open(&self, link: &str, user: &str) -> Result<String, String> {
        let jwt = link.rsplit('/').next().unwrap_or(link);
        if jwt.len() > LONGEST_LINK {
            return Err(format!(
                "the JWT has {} characters; {LONGEST_LINK} are safe",
                jwt.len()
            ));
        }
        let mut state = self.state();
        let claims = verify(jwt, |email| state.accounts.get(email).cloned())?;
        if claims["aud"] != "google" || claims["typ"] != "savetowallet" {
            return Err("aud must be google and typ savetowallet".into());
        }
        if !claims["iat"].is_i64() {
            return Err("iat must be a whole number of seconds".into());
        }
        if claims["origins"].as_array().is_none_or(Vec::is_empty) {
            return Err("origins must name at least one web origin".into());
        }
        let payload = &claims["payload"];
        for (plural, kind) in [
            ("loyaltyClasses", Kind::LoyaltyClass),
            ("loyaltyObjects", Kind::LoyaltyObject),
        ] {
            for resource in payload[plural].as_array().into_iter().flatten() {
                // A whole resource is made now; one that exists already is not changed by a link.
                if resource
                    .as_object()
                    .is_some_and(|fields| fields.keys().any(|key| key != "id" && key != "classId"))
                {
                    match state.resources.insert(kind, resource) {
                        Err(refusal) if refusal.status != 409 => return Err(refusal.message),
                        _ => {}
                    }
                }
            }
        }
        let first = payload["loyaltyObjects"]
            .as_array()
            .and_then(|objects| objects.first());
        let id = text(first.ok_or("the payload names no loyalty object")?, "id").to_owned();
        state.resources.save(&id, user)?;
        drop(state);
        self.changes.send_modify(|count| *count += 1);
        Ok(id)
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/token", post(token))
        .route("/gp/v/save/{jwt}", get(save))
        .route("/walletobjects/v1/{*path}", any(wallet))
        .route("/v1/projects/{project}/messages:send", post(fcm::send))
        .with_state(shared)
}

/// RFC 7523 §2.1, with Google's limits on the assertion.
async fn token(State(shared): State<Arc<Shared>>, Form(form): Form<HashMap<String, String>>) -> Response {
    shared.state().token_requests += 1;
    loop {
        let fault = shared.state().token_faults.pop_front();
        match fault {
            Some(TokenFault::InvalidGrant) => return grant_error("invalid_grant", "Invalid JWT Signature."),
            Some(TokenFault::Unavailable) => return html(StatusCode::SERVICE_UNAVAILABLE),
            Some(TokenFault::Slow(time)) => tokio::time::sleep(time).await,
            None => break,
        }
    }
    if form.get("grant_type").map(String::as_str) != Some(GRANT) {
        return grant_error("unsupported_grant_type", "Invalid grant_type");
    }
    let mut state = shared.state();
    let assertion = form.get("assertion").map(String::as_str).unwrap_or_default();
    let claims = match verify(assertion, |email| state.accounts.get(email).cloned()) {
        Ok(claims) => claims,
        Err(problem) => return grant_error("invalid_grant", &format!("Invalid JWT: {problem}.")),
    };
    let now = Clock::System.now().0 / 1000;
    let issued = claims["iat"].as_i64().unwrap_or(i64::MAX);
    let expires = claims["exp"].as_i64().unwrap_or(0);
    let good_time = issued <= now + 300 && expires > now && expires.saturating_sub(issued) <= 3600;
    if !good_time {
        let text =
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        return grant_error("invalid_grant", text);
    }
    if ![GOOGLE_TOKEN_URI, &shared.token_uri].contains(&text(&claims, "aud")) {
        return grant_error("invalid_grant", "Invalid JWT: Failed audience check.");
    }
    let scope = text(&claims, "scope");
    if scope.is_empty() {
        return grant_error(
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        );
    }
    let token = state.grant(scope);
    let answer = json!({"access_token": token, "expires_in": state.token_life, "token_type": "Bearer"});
    axum::Json(answer).into_response()
}

fn grant_error(error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

fn html(status: StatusCode) -> Response {
    let head = [(header::CONTENT_TYPE, "text/html")];
    (
        status,
        head,
        format!("<html><title>Error {}</title></html>", status.as_u16()),
    )
        .into_response()
}

async fn save(State(shared): State<Arc<Shared>>, Path(jwt): Path<String>) -> Response {
    match shared.open(&jwt, "holder") {
        Ok(_) => (StatusCode::OK, "Added to Google Wallet").into_response(),
        Err(problem) => (
            StatusCode::BAD_REQUEST,
            format!("Something went wrong: {problem}"),
        )
            .into_response(),
    }
}

async fn wallet(
    State(shared): State<Arc<Shared>>,
    method: Method,
    Path(path): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = shared.state().faults.pop_front();
    if let Some(Fault::Slow(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let body = serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null);
    let response = match fault {
        Some(Fault::ServerError) => html(StatusCode::INTERNAL_SERVER_ERROR),
        Some(Fault::Unavailable) => {
            let mut response = html(StatusCode::SERVICE_UNAVAILABLE);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("7"));
            response
        }
        fault => match answer(&shared, fault, &method, &path, &query, &headers, &body) {
            Ok(value) => axum::Json(value).into_response(),
            Err(refusal) => {
                let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
                (status, axum::Json(refusal.envelope())).into_response()
            }
        },
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    shared.state().seen.push(Seen {
        method,
        path: format!("{path}{query}"),
        status: response.status().as_u16(),
        body,
    });
    if response.status() == StatusCode::OK {
        shared.changes.send_modify(|count| *count += 1);
    }
    response
}

fn answer(
    shared: &Shared,
    fault: Option<Fault>,
    method: &Method,
    path: &str,
    query: &HashMap<String, String>,
    headers: &HeaderMap,
    body: &Value,
) -> Result<Value, Refusal> {
    let mut state = shared.state();
    if let Some(refusal) = fault.and_then(scripted) {
        return Err(refusal);
    }
    state.admit(headers)?;
    let now = state.clock.now();
    let words: Vec<&str> = path.split('/').collect();
    let not_found = || Refusal {
        status: 404,
        domain: "global",
        reason: "notFound",
        message: "Not Found".into(),
    };
    let kind = words
        .first()
        .and_then(|word| Kind::parse(word))
        .ok_or_else(not_found)?;
    let resources = &mut state.resources;
    match (method.as_str(), words.get(1..).unwrap_or_default()) {
        ("POST", []) => resources.insert(kind, body),
        ("GET", []) => {
            let parent = match kind {
                Kind::LoyaltyClass => "issuerId",
                Kind::LoyaltyObject => "classId",
            };
            let parent = query.get(parent).map(String::as_str).unwrap_or_default();
            let size = query.get("maxResults").and_then(|size| size.parse().ok());
            let token = query.get("token").map(String::as_str).unwrap_or_default();
            resources.list(kind, parent, size, token)
        }
        ("GET", [id]) => resources.read(kind, id),
        ("PUT", [id]) => resources.update(kind, id, body, now),
        ("PATCH", [id]) => resources.patch(kind, id, body, now),
        ("POST", [id, "addMessage"]) => resources.add_message(kind, id, body, now),
        _ => Err(not_found()),
    }
}

impl Everything {
    /// A new access token for `scope`.
    pub(super) fn grant(&mut self, scope: &str) -> String {
        self.tokens_given += 1;
        let token = format!("ya29.sim-{}", self.tokens_given);
        self.tokens.insert(token.clone(), scope.to_owned());
        token
    }

    /// What the request's access token is good for.
    pub(super) fn scope_of(&self, headers: &HeaderMap) -> Option<&str> {
        let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let token = shown.strip_prefix("Bearer ").unwrap_or_default();
        self.tokens.get(token).map(String::as_str)
    }

    /// Access token, scope, then quota.
    fn admit(&mut self, headers: &HeaderMap) -> Result<(), Refusal> {
        let scope = self.scope_of(headers).ok_or_else(unauthorized)?;
        if !scope.split(' ').any(|scope| scope == SCOPE) {
            return Err(insufficient());
        }
        if let Some(quota) = self.quota {
            let now = stopwatch();
            self.arrivals
                .retain(|arrival| now.duration_since(*arrival) < Duration::from_secs(1));
            if self.arrivals.len() >= quota {
                return Err(quota_exceeded());
            }
            self.arrivals.push_back(now);
        }
        Ok(())
    }
}

fn scripted(fault: Fault) -> Option<Refusal> {
    match fault {
        Fault::Unauthorized => Some(unauthorized()),
        Fault::PermissionDenied => Some(Refusal::wallet(403, "permissionDenied", "Permission denied.")),
        Fault::InsufficientPermissions => Some(insufficient()),
        Fault::QuotaExceeded => Some(quota_exceeded()),
        Fault::InvalidResource => Some(Refusal::wallet(
            400,
            "invalidResource",
            "Barcode type must be set.",
        )),
        Fault::ServerError | Fault::Unavailable | Fault::Slow(_) => None,
    }
}

fn unauthorized() -> Refusal {
    Refusal {
        status: 401,
        domain: "global",
        reason: "authError",
        message: "Request had invalid authentication credentials. Expected OAuth 2 access token.".into(),
    }
}

fn insufficient() -> Refusal {
    Refusal {
        status: 403,
        domain: "global",
        reason: "insufficientPermissions",
        message: "Request had insufficient authentication scopes.".into(),
    }
}

fn quota_exceeded() -> Refusal {
    Refusal::wallet(403, "quotaExceeded", "Quota exceeded for issuer.")
}
