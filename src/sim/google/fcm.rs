//! Firebase Cloud Messaging beside the Wallet API: `POST /v1/projects/{project}/messages:send`, and apps that listen.
//!
//! Fields are taken in both spellings of proto-JSON, as Google does. What is no valid message is refused as Google
//! refuses it, with the detail that names the fault. Answers can be scripted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::server::Shared;

const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/firebase.messaging",
    "https://www.googleapis.com/auth/cloud-platform",
];
const LARGEST: usize = 4096;
const LARGEST_TO_TOPIC: usize = 2048;
const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

/// What the next answers shall be. Numbers are the seconds of `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FcmFault {
    Unregistered,
    SenderIdMismatch,
    /// 400 about the address.
    InvalidToken,
    /// 400 about anything else.
    InvalidPayload,
    QuotaExceeded(Option<u32>),
    Unavailable(Option<u32>),
    Internal,
    ThirdPartyAuthError,
    /// 401 without a word of FCM's.
    Unauthenticated,
    /// 404 with a page of HTML.
    NotFoundPage,
}

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct FcmSeen {
    pub status: u16,
    /// The message in camel case.
    pub message: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum App {
    Listening,
    Uninstalled,
    OfAnotherProject,
}

#[derive(Default)]
pub(super) struct Firebase {
    project: String,
    /// By FID or token.
    apps: HashMap<String, App>,
    faults: VecDeque<FcmFault>,
    seen: Vec<FcmSeen>,
    messages: u64,
}

impl super::FakeGoogle {
    /// The project that apps and service accounts belong to.
    pub fn set_firebase_project(&self, project: &str) {
        project.clone_into(&mut self.shared.state().firebase.project);
    }

    /// An app is installed, whose FID or token is `address`.
    pub fn install_app(&self, address: &str) {
        self.set_app(address, App::Listening);
    }

    /// The app is gone, or has been idle for too long.
    pub fn uninstall_app(&self, address: &str) {
        self.set_app(address, App::Uninstalled);
    }

    /// The app belongs to another project.
    pub fn move_app_to_another_project(&self, address: &str) {
        self.set_app(address, App::OfAnotherProject);
    }

    fn set_app(&self, address: &str, app: App) {
        let mut state = self.shared.state();
        state.firebase.apps.insert(address.to_owned(), app);
    }

    /// The next `times` answers of Firebase are `fault`.
    pub fn fcm_fault(&self, fault: FcmFault, times: usize) {
        let faults = std::iter::repeat_n(fault, times);
        self.shared.state().firebase.faults.extend(faults);
    }

    /// Requests to Firebase so far.
    pub fn fcm_seen(&self) -> Vec<FcmSeen> {
        self.shared.state().firebase.seen.clone()
    }

    /// What the app at `address` has been sent.
    pub fn app_received(&self, address: &str) -> Vec<Value> {
        let seen = self.fcm_seen().into_iter();
        let to = |message: &Value| message["fid"] == address || message["token"] == address;
        seen.filter(|seen| seen.status == 200 && to(&seen.message))
            .map(|seen| seen.message)
            .collect()
    }

    /// An access token for clients that get theirs elsewhere.
    pub fn grant_token(&self, scope: &str) -> String {
        self.shared.state().grant(scope)
    }
}

/// An error of Google's: status, word of the status, FCM's own word, sentence, violated field, seconds to wait.
struct Refusal {
    status: StatusCode,
    word: &'static str,
    code: Option<&'static str>,
    message: String,
    field: Option<&'static str>,
    wait: Option<u32>,
}

impl Refusal {
    fn new(status: StatusCode, word: &'static str, code: Option<&'static str>, message: &str) -> Self {
        Self {
            status,
            word,
            code,
            message: message.to_owned(),
            field: None,
            wait: None,
        }
    }

    fn invalid(field: &'static str, message: &str) -> Self {
        let code = Some("INVALID_ARGUMENT");
        Self {
            field: Some(field),
            ..Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", code, message)
        }
    }

    fn waiting(self, wait: Option<u32>) -> Self {
        Self { wait, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut details = Vec::new();
        if let Some(field) = self.field {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": field, "description": self.message}],
            }));
        }
        if let Some(code) = self.code {
            details.push(json!({"@type": FCM_ERROR, "errorCode": code}));
        }
        let body = json!({"error": {
            "code": self.status.as_u16(), "message": self.message, "status": self.word, "details": details,
        }});
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(wait) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        response
    }
}

fn scripted(fault: FcmFault) -> Response {
    let new = Refusal::new;
    let not_found = "Requested entity was not found.";
    let refusal = match fault {
        FcmFault::Unregistered => new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            Some("UNREGISTERED"),
            not_found,
        ),
        FcmFault::SenderIdMismatch => mismatch(),
        FcmFault::InvalidToken => invalid_token(),
        FcmFault::InvalidPayload => Refusal::invalid("message.data[0].key", "Invalid data payload key: from"),
        FcmFault::QuotaExceeded(wait) => new(
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            Some("QUOTA_EXCEEDED"),
            "Quota exceeded.",
        )
        .waiting(wait),
        FcmFault::Unavailable(wait) => new(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            Some("UNAVAILABLE"),
            "The service is currently unavailable.",
        )
        .waiting(wait),
        FcmFault::Internal => new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            Some("INTERNAL"),
            "Internal error encountered.",
        ),
        FcmFault::ThirdPartyAuthError => new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            Some("THIRD_PARTY_AUTH_ERROR"),
            "Auth error from APNS or Web Push Service",
        ),
        FcmFault::Unauthenticated => unauthenticated(),
        FcmFault::NotFoundPage => return (StatusCode::NOT_FOUND, "<html>404</html>").into_response(),
    };
    refusal.into_response()
}

fn mismatch() -> Refusal {
    let code = Some("SENDER_ID_MISMATCH");
    Refusal::new(
        StatusCode::FORBIDDEN,
        "PERMISSION_DENIED",
        code,
        "SenderId mismatch",
    )
}

fn invalid_token() -> Refusal {
    Refusal::invalid(
        "message.token",
        "The registration token is not a valid FCM registration token",
    )
}

fn unauthenticated() -> Refusal {
    let text = "Request had invalid authentication credentials. Expected OAuth 2 access token.";
    Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None, text)
}

pub(super) async fn send(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = shared.state().firebase.faults.pop_front();
    let request = serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null);
    let message = camel(&request["message"]);
    let response = match fault {
        Some(fault) => scripted(fault),
        None => match take(&shared, &project, &headers, &request, &message) {
            Ok(name) => axum::Json(json!({"name": name})).into_response(),
            Err(refusal) => refusal.into_response(),
        },
    };
    shared.state().firebase.seen.push(FcmSeen {
        status: response.status().as_u16(),
        message,
    });
    shared.changes.send_modify(|count| *count += 1);
    response
}

fn take(
    shared: &Shared,
    project: &str,
    headers: &HeaderMap,
    request: &Value,
    message: &Value,
) -> Result<String, Refusal> {
    let mut state = shared.state();
    let scope = state.scope_of(headers).ok_or_else(unauthenticated)?;
    if !scope.split(' ').any(|scope| SCOPES.contains(&scope)) {
        let text = "Request had insufficient authentication scopes.";
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            None,
            text,
        ));
    }
    if project != state.firebase.project {
        let text = "Requested entity was not found.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", None, text));
    }
    let target = check(message)?;
    if let Some(address) = target {
        let is_address = |address: &str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
            address.len() >= 20 && address.bytes().all(letter)
        };
        match state.firebase.apps.get(address) {
            Some(App::Listening) => {}
            Some(App::OfAnotherProject) => return Err(mismatch()),
            None if !is_address(address) => return Err(invalid_token()),
            Some(App::Uninstalled) | None => {
                return Err(Refusal::new(
                    StatusCode::NOT_FOUND,
                    "NOT_FOUND",
                    Some("UNREGISTERED"),
                    "Requested entity was not found.",
                ));
            }
        }
    }
    let dry = request["validateOnly"] == true || request["validate_only"] == true;
    let number = if dry {
        "fake_message_id".to_owned()
    } else {
        state.firebase.messages += 1;
        format!("0:{}", state.firebase.messages)
    };
    Ok(format!("projects/{project}/messages/{number}"))
}

/// Checks a message in camel case. Returns the one app that it goes to, or nothing for a topic or a condition.
fn check(message: &Value) -> Result<Option<&str>, Refusal> {
    const FIELDS: [&str; 13] = [
        "name",
        "data",
        "notification",
        "android",
        "androidV2",
        "webpush",
        "apns",
        "fcmOptions",
        "token",
        "fid",
        "topic",
        "condition",
        "apnsV2",
    ];
    let Some(fields) = message.as_object() else {
        return Err(Refusal::invalid("message", "Message is required."));
    };
    if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        let text = format!("Invalid JSON payload received. Unknown name \"{unknown}\" at 'message'");
        return Err(Refusal::invalid("message", &text));
    }
    let targets: Vec<&str> = ["token", "fid", "topic", "condition"]
        .into_iter()
        .filter(|target| fields.contains_key(*target))
        .collect();
    let [target] = targets.as_slice() else {
        return Err(Refusal::invalid(
            "message",
            "Exactly one of fid, token, topic or condition is required",
        ));
    };
    let to_topic = *target == "topic" || *target == "condition";
    for (key, value) in message["data"].as_object().into_iter().flatten() {
        let reserved = matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.");
        if reserved {
            let text = format!("Invalid data payload key: {key}");
            return Err(Refusal::invalid("message.data[0].key", &text));
        }
        if !value.is_string() {
            return Err(Refusal::invalid(
                "message.data[0].value",
                "Invalid value (TYPE_STRING)",
            ));
        }
    }
    let android = &message["android"];
    if let Some(ttl) = android.get("ttl") {
        let seconds = ttl.as_str().and_then(|ttl| ttl.strip_suffix('s'));
        let seconds = seconds.and_then(|seconds| seconds.parse::<f64>().ok());
        if seconds.is_none_or(|seconds| !(0.0..=2_419_200.0).contains(&seconds)) {
            return Err(Refusal::invalid("message.android.ttl", "Invalid ttl."));
        }
    }
    if let Some(priority) = android.get("priority")
        && !["NORMAL", "HIGH", "normal", "high"]
            .iter()
            .any(|known| priority == known)
    {
        return Err(Refusal::invalid(
            "message.android.priority",
            "Invalid value (Priority)",
        ));
    }
    let payload = message["data"].to_string().len() + message["notification"].to_string().len();
    let limit = if to_topic { LARGEST_TO_TOPIC } else { LARGEST };
    if payload > limit {
        return Err(Refusal::invalid("message", "Android message is too big"));
    }
    Ok(message[*target].as_str().filter(|_| !to_topic))
}

/// Field names in camel case; what a map of the caller's own holds stays as it is.
fn camel(value: &Value) -> Value {
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let mut renamed = Map::new();
    for (key, value) in fields {
        let mut name = String::with_capacity(key.len());
        let mut upper = false;
        for letter in key.chars() {
            match letter {
                '_' => upper = true,
                letter if upper => {
                    name.extend(letter.to_uppercase());
                    upper = false;
                }
                letter => name.push(letter),
            }
        }
        let is_own = matches!(key.as_str(), "data" | "headers" | "payload");
        renamed.insert(name, if is_own { value.clone() } else { camel(value) });
    }
    Value::Object(renamed)
}
