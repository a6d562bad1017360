//! Apple's web service for passes ("PassKit Web Service Reference"): phones register, ask what changed, fetch.
//!
//! | request below `/passkit/{merchant}/v1` | answers |
//! |---|---|
//! | `POST devices/{device}/registrations/{pass type}/{serial}` | 201 new, 200 registered already (the new push token is taken), 401, 400, 413 |
//! | `DELETE` of the same | 200 whether or not it was registered, 401 |
//! | `GET devices/{device}/registrations/{pass type}?passesUpdatedSince={tag}` | 200 with serial numbers and the next tag, 204 when there are none |
//! | `GET`, `HEAD passes/{pass type}/{serial}` | 200, 304, 401, 503 when too many wait for a signature |
//! | `POST log` | 200, 400, 413 |
//!
//! The tag is a string that counts the merchant's changes; a tag that is not ours means "never asked" and gets
//! everything. It and the serial numbers are read on one snapshot, so nothing is between them. A void card is
//! served like any other: its pass says that it has ended.
//!
//! Nothing here writes to the store but registering and its opposite; what a phone asked and fetched is noted in memory,
//! and written later together with others.

mod authorization;
mod back_links;
mod body;
mod conditional;
pub mod crowd;
mod device_log;
mod signing;

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use crate::apple::WebService;
use crate::clock::stopwatch;
use crate::domain::id::{
    CardId, DeviceLibraryIdentifier, MerchantId, PassTypeIdentifier, PushToken, SerialNumber, UpdateTag,
};
use crate::ops::devices::Registered;
use crate::store::cards::{self, CardWithProgram};
use crate::store::receipts::Asking;
use crate::store::registrations::{self, CardStamp, RegistrationKey};
use crate::store::{self, tags};
use crate::telemetry::Metric;
use crate::web::Web;
use crate::web::error::ApiError;
use conditional::Validators;
use device_log::{Complaint, LineAllowance};
use signing::{NotBuilt, SigningQueue};

const REGISTRATION_LIMIT: usize = 4 * 1024;
const LOG_LIMIT: usize = 64 * 1024;

/// Every route of the web service, with the merchant in the path: a pass's `webServiceURL` is
/// `{public_url}/passkit/{merchant}`.
pub fn router() -> Router<Web> {
    Router::new()
        .route(
            "/passkit/{merchant}/v1/devices/{device}/registrations/{pass_type}/{serial}",
            post(register).delete(unregister),
        )
        .route(
            "/passkit/{merchant}/v1/devices/{device}/registrations/{pass_type}",
            get(list),
        )
        .route("/passkit/{merchant}/v1/passes/{pass_type}/{serial}", get(pass))
        .route(
            "/passkit/{merchant}/v1/log",
            post(log).layer(Extension(Arc::new(LineAllowance::default()))),
        )
}

#[derive(Deserialize)]
struct RegistrationPath {
    merchant: String,
    device: String,
    pass_type: String,
    serial: String,
}

#[derive(Deserialize)]
struct ListPath {
    merchant: String,
    device: String,
    pass_type: String,
}

#[derive(Deserialize)]
struct PassPath {
    merchant: String,
    pass_type: String,
    serial: String,
}

#[derive(Deserialize)]
struct LogPath {
    merchant: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationBody {
    push_token: PushToken,
}

#[derive(Deserialize)]
struct LogBody {
    logs: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangedPasses {
    serial_numbers: Vec<String>,
    /// A string: a phone that reads a number here never fetches anything.
    last_updated: String,
}

/// The pass that a request names, and the token it shows for it.
#[derive(Clone)]
struct Asked {
    merchant: MerchantId,
    pass_type_identifier: PassTypeIdentifier,
    serial_number: SerialNumber,
    token: String,
}

impl Asked {
    /// Names that cannot be ours are refused like names that are not ours.
    fn new(path: PassPath, headers: &HeaderMap) -> Result<Self, ApiError> {
        let refused = |_| ApiError::Unauthorized;
        Ok(Self {
            merchant: path.merchant.parse().map_err(refused)?,
            pass_type_identifier: PassTypeIdentifier::parse(path.pass_type).map_err(refused)?,
            serial_number: SerialNumber::parse(path.serial).map_err(refused)?,
            token: authorization::shown_token(headers).to_owned(),
        })
    }

    fn authorise(&self, web: &Web, found: Option<CardStamp>) -> Option<CardStamp> {
        authorization::authorise(
            &web.master,
            self.merchant,
            &self.pass_type_identifier,
            found,
            &self.token,
        )
    }
}

async fn register(
    State(web): State<Web>,
    path: Result<Path<RegistrationPath>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let key = authorised_registration(&web, decoded(path)?, &headers).await?;
    let expected = "{\"pushToken\": \"…\"} with 1 to 255 visible ASCII characters";
    let body: RegistrationBody = body::read_json(body, REGISTRATION_LIMIT, expected).await?;
    match web.ops.register_device(key, body.push_token).await? {
        Some(Registered::New) => Ok(StatusCode::CREATED),
        Some(Registered::Again) => Ok(StatusCode::OK),
        None => Err(ApiError::Unauthorized),
    }
}

async fn unregister(
    State(web): State<Web>,
    path: Result<Path<RegistrationPath>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let key = authorised_registration(&web, decoded(path)?, &headers).await?;
    web.ops.unregister_device(key).await?;
    Ok(StatusCode::OK)
}

/// Checks the token before the body is read and before anything is written.
async fn authorised_registration(
    web: &Web,
    path: RegistrationPath,
    headers: &HeaderMap,
) -> Result<RegistrationKey, ApiError> {
    let device = DeviceLibraryIdentifier::parse(path.device)
        .map_err(|error| ApiError::BadRequest(format!("the path must name a device: {error}")))?;
    let pass = PassPath {
        merchant: path.merchant,
        pass_type: path.pass_type,
        serial: path.serial,
    };
    let asked = Asked::new(pass, headers)?;
    let (merchant, serial_number) = (asked.merchant, asked.serial_number.clone());
    let found = web
        .ops
        .store
        .read("authorise_device", move |tx| {
            let serial_number = serial_number.clone();
            Box::pin(async move { registrations::stamp(tx, merchant, &serial_number).await })
        })
        .await?;
    let stamp = asked.authorise(web, found).ok_or(ApiError::Unauthorized)?;
    Ok(RegistrationKey {
        merchant,
        pass_type_identifier: stamp.pass_type_identifier,
        device,
        card: stamp.card,
    })
}

async fn list(
    State(web): State<Web>,
    path: Result<Path<ListPath>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let path = decoded(path)?;
    let names = (
        path.merchant.parse::<MerchantId>(),
        PassTypeIdentifier::parse(path.pass_type),
        DeviceLibraryIdentifier::parse(path.device),
    );
    let (Ok(merchant), Ok(pass_type), Ok(device)) = names else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let asking = Asking {
        merchant,
        pass_type_identifier: pass_type.clone(),
        device: device.clone(),
    };
    let since = tag_in(query.as_deref());
    let (current, serial_numbers) = web
        .ops
        .store
        .read("list_changed_passes", move |tx| {
            let (pass_type, device) = (pass_type.clone(), device.clone());
            Box::pin(async move {
                let current = tags::current(tx, merchant).await?;
                // A tag from the future is another database's: after a restore from a backup, say.
                let since = if since > current { UpdateTag::NEVER } else { since };
                let changed = registrations::changed(tx, merchant, &pass_type, &device, since).await?;
                Ok::<_, store::Error>((current, changed))
            })
        })
        .await?;
    web.receipts().asked(asking, web.ops.clock.now());
    tracing::trace!(target: "passgate::walk", step = "serials_listed");
    if serial_numbers.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let changed = ChangedPasses {
        serial_numbers,
        last_updated: current.to_string(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(changed)).into_response())
}

/// The device's tag. Tags are digits, so nothing of ours is ever percent-encoded.
fn tag_in(query: Option<&str>) -> UpdateTag {
    query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("passesUpdatedSince="))
        .map_or(UpdateTag::NEVER, UpdateTag::parse_lenient)
}

/// What became of a request for a pass, on one snapshot of the store.
enum Download {
    Refused,
    /// With whether a push waits for this answer: only then is it worth a note.
    Unchanged(CardId, Validators, bool),
    Changed(Box<CardWithProgram>),
}

async fn pass(
    State(web): State<Web>,
    method: Method,
    path: Result<Path<PassPath>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = Arc::new(Asked::new(decoded(path)?, &headers)?);
    let merchant = asked.merchant;
    let shared = Arc::new((web.clone(), headers));
    let download = web
        .ops
        .store
        .read("download_pass", move |tx| {
            let (asked, shared) = (Arc::clone(&asked), Arc::clone(&shared));
            Box::pin(async move {
                let (web, headers) = shared.as_ref();
                let found = registrations::stamp(tx, asked.merchant, &asked.serial_number).await?;
                let Some(stamp) = asked.authorise(web, found) else {
                    return Ok::<_, store::Error>(Download::Refused);
                };
                let validators = Validators::new(stamp.card, stamp.version, stamp.changed_at);
                if validators.match_copy_of(headers) {
                    let is_awaited = registrations::is_awaited(tx, asked.merchant, stamp.card).await?;
                    return Ok(Download::Unchanged(stamp.card, validators, is_awaited));
                }
                let card = cards::card(tx, asked.merchant, stamp.card).await?;
                Ok(card.map_or(Download::Refused, |card| Download::Changed(Box::new(card))))
            })
        })
        .await?;
    match download {
        Download::Refused => Err(ApiError::Unauthorized),
        Download::Unchanged(card, validators, is_awaited) => {
            if is_awaited {
                web.receipts().fetched(merchant, card, web.ops.clock.now());
            }
            Metric::PassesUnchanged.counter(&[]).increment(1);
            let mut response = (StatusCode::NOT_MODIFIED, Body::new(body::Untold)).into_response();
            validators.put_into(response.headers_mut());
            Ok(response)
        }
        Download::Changed(card) if method == Method::HEAD => Ok(described(Body::new(body::Untold), &card)),
        Download::Changed(card) => {
            let response = pass_response(&web, &card).await?;
            web.receipts()
                .fetched(merchant, card.card.id, web.ops.clock.now());
            Ok(response)
        }
    }
}

/// The cores belong to the process, and so does the queue for them.
static SIGNING: LazyLock<SigningQueue> = LazyLock::new(SigningQueue::for_this_machine);

/// The newest pass of `card`, built and signed now, as an answer to whoever has been found worthy of it.
pub(crate) async fn pass_response(web: &Web, card: &CardWithProgram) -> Result<Response, ApiError> {
    let face = card.face();
    let token = web.master.authentication_token(face.merchant, face.card);
    let service = format!("{}/passkit/{}", web.public_url, face.merchant);
    let back = back_links::of(web, &face).await?;
    let passes = Arc::clone(&web.passes);
    let now = web.ops.clock.now();
    let work = move || {
        let links = WebService {
            url: &service,
            authentication_token: &token,
        };
        let started = stopwatch();
        let bundle = passes.build_with(&face, &links, &back, now)?;
        Metric::PassTime.histogram(&[]).record(started.elapsed());
        Metric::PassesBuilt.counter(&[]).increment(1);
        Ok::<_, crate::apple::Error>(bundle)
    };
    let built = SIGNING.run(work).await;
    let bundle = match built {
        Ok(Ok(bundle)) => bundle,
        Ok(Err(error)) => return Err(ApiError::Internal(Box::new(error))),
        Err(full @ NotBuilt::Full(_)) => return Err(ApiError::Unavailable(Box::new(full))),
        Err(stopped @ NotBuilt::Stopped) => return Err(ApiError::Internal(Box::new(stopped))),
    };
    tracing::trace!(target: "passgate::walk", step = "pass_built");
    Ok(described(
        Body::new(body::TwoFrames::new(bundle.blob, bundle.tail)),
        card,
    ))
}

/// Adds the headers of a pass to its body.
fn described(content: Body, card: &CardWithProgram) -> Response {
    let card = &card.card;
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/vnd.apple.pkpass"),
    );
    // Nobody between us and the phone keeps a customer's card or repacks what is compressed already.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-transform"),
    );
    let name = format!("attachment; filename=\"{}.pkpass\"", card.id);
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Validators::new(card.id, card.version, card.changed_at).put_into(headers);
    response
}

async fn log(
    State(web): State<Web>,
    Extension(allowance): Extension<Arc<LineAllowance>>,
    path: Result<Path<LogPath>, PathRejection>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let merchant: MerchantId = decoded(path)?.merchant.parse().map_err(|_| ApiError::NotFound)?;
    let body: LogBody = body::read_json(body, LOG_LIMIT, "{\"logs\": [\"…\", …]}").await?;
    let now = web.ops.clock.now();
    let mut left_out = body.logs.len().saturating_sub(device_log::LINES_PER_REQUEST);
    for line in body.logs.iter().take(device_log::LINES_PER_REQUEST) {
        if allowance.take(merchant, now) {
            let (complaint, line) = (Complaint::of(line).as_str(), device_log::clean(line));
            tracing::warn!(%merchant, complaint, line, "a phone complains");
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        tracing::debug!(%merchant, left_out, "lines of phones were left out");
    }
    Ok(StatusCode::OK)
}

/// Path segments, percent-decoded once. What is not UTF-8 then is nobody's name.
fn decoded<T>(path: Result<Path<T>, PathRejection>) -> Result<T, ApiError> {
    match path {
        Ok(Path(path)) => Ok(path),
        Err(_) => Err(ApiError::BadRequest(
            "the path must be percent-encoded UTF-8".into(),
        )),
    }
}
