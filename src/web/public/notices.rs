//! The card's page as something to install, and who wants to hear of the card: browsers by Web Push, apps by Firebase.
//!
//! All of it hangs on the card's own link: whoever has it may listen and stop listening, and needs nothing else. `GET
//! …/web-push` says which key to subscribe with, `POST` takes what `PushSubscription.toJSON()` gives (with `replaces`, the
//! endpoint that it takes the place of), `DELETE` takes its `endpoint`. `…/fcm` takes `{"fid": …}` or `{"token": …}` in
//! the same way. Worker and script are files of their own: the policy of the page allows nothing inline.

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::seen::Seen;
use super::{Link, path_of};
use crate::domain::address::{
    AddressKey, AddressRefusal, Destination, Registration, RegistrationKind, Subscription,
};
use crate::domain::delivery::Channel;
use crate::domain::face::CardFace;
use crate::domain::time::Timestamp;
use crate::ops::addresses::{Listener, Listening};
use crate::telemetry::Metric;
use crate::web::Web;
use crate::web::error::ApiError;
use crate::web::json::ValidJson;

const WORKER: &str = "/card/worker.js";
const LARGEST_BODY: usize = 8 * 1024;

pub(super) fn router() -> Router<Web> {
    let web_push = get(key).post(subscribe).delete(unsubscribe);
    Router::new()
        .route("/card/{merchant}/{card}/{proof}/web-push", web_push)
        .route(
            "/card/{merchant}/{card}/{proof}/fcm",
            post(register).delete(unregister),
        )
        .route("/card/{merchant}/{card}/{proof}/card.webmanifest", get(manifest))
        .route("/card/card.js", get(script))
        .route("/card/share.js", get(share))
        .route(WORKER, get(worker))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// What the page's head holds where the card can be installed as a page.
pub(super) fn head(web: &Web, link: &Link) -> Markup {
    html! {
        @if web.web_push.is_some() {
            link rel="manifest" href=(path_of(link, "card.webmanifest"));
            script src="/card/card.js" defer {}
        }
    }
}

/// The part of the page that the script shows where the browser can do it.
pub(super) fn offer(web: &Web, seen: &Seen, link: &Link, face: &CardFace) -> Markup {
    let (at, said) = (path_of(link, ""), seen.said);
    html! {
        @if let Some(web_push) = &web.web_push && !face.void {
            div #notify hidden data-at=(at.trim_end_matches('/')) data-key=(web_push.public_key()) data-worker=(WORKER)
                data-home=(said.notify_home) data-forbidden=(said.notify_forbidden) data-told=(said.notify_told)
                data-quiet=(said.notify_quiet) data-failed=(said.notify_failed) {
                button.button.quiet #notify-on type="button" hidden { (said.notify_on) }
                button.button.quiet #notify-off type="button" hidden { (said.notify_off) }
                p.note #notify-said role="status" hidden {}
            }
        }
    }
}

/// `expirationTime` is in milliseconds and nearly always absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscribing {
    endpoint: String,
    #[serde(default)]
    expiration_time: Option<f64>,
    keys: Keys,
    #[serde(default)]
    replaces: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

#[derive(Deserialize)]
struct Unsubscribing {
    endpoint: String,
}

/// Of these exactly one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registering {
    #[serde(default)]
    fid: Option<String>,
    #[serde(default)]
    token: Option<String>,
}

impl Registering {
    fn registration(self) -> Result<Registration, ApiError> {
        let (kind, address) = match (self.fid, self.token) {
            (Some(fid), None) => (RegistrationKind::Fid, fid),
            (None, Some(token)) => (RegistrationKind::Token, token),
            _ => return Err(ApiError::BadRequest("expected either fid or token".into())),
        };
        Ok(Registration::new(kind, address)?)
    }
}

impl From<AddressRefusal> for ApiError {
    fn from(refusal: AddressRefusal) -> Self {
        Self::BadRequest(refusal.to_string())
    }
}

async fn key(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
    link.open(&web).await?;
    let web_push = web.web_push.as_ref().ok_or(ApiError::NotFound)?;
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(json!({"key": web_push.public_key()}))).into_response())
}

async fn subscribe(
    State(web): State<Web>,
    Path(link): Path<Link>,
    ValidJson(body): ValidJson<Subscribing>,
) -> Result<StatusCode, ApiError> {
    link.open(&web).await?;
    let web_push = web.web_push.as_ref().ok_or(ApiError::NotFound)?;
    let subscription = Subscription::parse(&body.endpoint, &body.keys.p256dh, &body.keys.auth)?;
    web_push
        .may_reach(&subscription)
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float beyond all times becomes the last one"
    )]
    let expires_at = body.expiration_time.map(|millis| Timestamp(millis as i64));
    let replaces = body.replaces.map(|old| AddressKey::of("endpoint", &old));
    let listener = Listener {
        destination: Destination::Browser(subscription),
        sender_key: Some(web_push.key_name()),
        expires_at,
        replaces,
    };
    listen(&web, &link, listener, Channel::WebPush).await
}

async fn unsubscribe(
    State(web): State<Web>,
    Path(link): Path<Link>,
    ValidJson(body): ValidJson<Unsubscribing>,
) -> Result<StatusCode, ApiError> {
    link.open(&web).await?;
    let key = AddressKey::of("endpoint", &body.endpoint);
    stop(&web, &link, Channel::WebPush, key).await
}

async fn register(
    State(web): State<Web>,
    Path(link): Path<Link>,
    ValidJson(body): ValidJson<Registering>,
) -> Result<StatusCode, ApiError> {
    link.open(&web).await?;
    if !web.takes_apps {
        return Err(ApiError::NotFound);
    }
    let listener = Listener {
        destination: Destination::App(body.registration()?),
        sender_key: None,
        expires_at: None,
        replaces: None,
    };
    listen(&web, &link, listener, Channel::Fcm).await
}

async fn unregister(
    State(web): State<Web>,
    Path(link): Path<Link>,
    ValidJson(body): ValidJson<Registering>,
) -> Result<StatusCode, ApiError> {
    link.open(&web).await?;
    let key = Destination::App(body.registration()?).key();
    stop(&web, &link, Channel::Fcm, key).await
}

async fn listen(
    web: &Web,
    link: &Link,
    listener: Listener,
    channel: Channel,
) -> Result<StatusCode, ApiError> {
    match web.ops.listen(link.merchant, link.card, listener).await? {
        Listening::New => {
            Metric::PushAddressesAdded
                .counter(&[("channel", channel.as_str())])
                .increment(1);
            Ok(StatusCode::CREATED)
        }
        Listening::Again => Ok(StatusCode::NO_CONTENT),
    }
}

async fn stop(web: &Web, link: &Link, channel: Channel, key: AddressKey) -> Result<StatusCode, ApiError> {
    let stopped = web.ops.stop_listening(link.merchant, link.card, channel, key);
    if stopped.await? {
        Metric::PushAddressesDropped
            .counter(&[("channel", channel.as_str()), ("cause", "left")])
            .increment(1);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn manifest(State(web): State<Web>, Path(link): Path<Link>) -> Result<Response, ApiError> {
    let card = link.open(&web).await?;
    let face = card.face();
    let at = path_of(&link, "");
    let at = at.trim_end_matches('/');
    let icons: Vec<_> = web
        .passes
        .logo(&face.template)
        .and_then(|logo| size_of_png(&logo))
        .map(|(width, height)| {
            json!({
                "src": format!("/templates/{}/logo.png", face.template),
                "sizes": format!("{width}x{height}"),
                "type": "image/png",
            })
        })
        .into_iter()
        .collect();
    let body = json!({
        "id": at,
        "start_url": at,
        "scope": at,
        "name": format!("{} · {}", face.program_name, face.merchant_name),
        "short_name": face.program_name,
        "display": "standalone",
        "background_color": "#faf7f2",
        "theme_color": "#7a3e12",
        "icons": icons,
    });
    let headers = [
        (header::CONTENT_TYPE, "application/manifest+json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body.to_string()).into_response())
}

/// Width and height from the head that every PNG begins with (PNG specification §11.2.1).
fn size_of_png(png: &[u8]) -> Option<(u32, u32)> {
    let number = |from: usize| {
        let bytes = png.get(from..from + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    Some((number(16)?, number(20)?))
}

async fn script() -> impl IntoResponse {
    javascript(include_str!("../assets/card.js"), "public, max-age=3600")
}

async fn share() -> impl IntoResponse {
    javascript(include_str!("../assets/share.js"), "public, max-age=3600")
}

/// Asked for again at each visit: an old worker must not outlive an update of the gateway.
async fn worker() -> impl IntoResponse {
    javascript(include_str!("../assets/worker.js"), "no-cache")
}

fn javascript(body: &'static str, caching: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, caching),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; connect-src 'self'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}
