//! A simulated iPhone wallet: it does what iOS does with a pass, and is as strict.
//!
//! Written from the "PassKit Web Service Reference". A pass is checked before it is kept ([`pass`]); every version
//! of it is kept. On a push the phone asks which serial numbers changed since the tag it last got, and fetches each
//! with the `Last-Modified` it last got. What iOS puts up with but writes to the log is a complaint: it is kept,
//! and sent to the gateway's log like iOS sends it.

mod languages;
pub mod pass;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openssl::x509::X509;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, Response, StatusCode, Url, header};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

pub use pass::{Pass, PassFault};

/// How often a phone asks after one push, and how long it waits before it asks again.
const ATTEMPTS: usize = 8;
const FIRST_DELAY: Duration = Duration::from_millis(100);

const PASS_TYPE: &str = "application/vnd.apple.pkpass";

/// What a phone cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    #[error("the gateway does not answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("{request} was answered {got}; a phone expects {expected}")]
    Status {
        request: &'static str,
        expected: &'static str,
        got: StatusCode,
    },
    #[error("{request} was answered with {found}; a phone expects {expected}")]
    Answer {
        request: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error(transparent)]
    Pass(#[from] PassFault),
    #[error("the pass has no webServiceURL that can be used; got {0:?}")]
    NoWebService(Option<String>),
    #[error("this phone has no pass with the serial number {0:?}")]
    Unknown(String),
    #[error("an update changed what must never change, the {0}")]
    Replaced(&'static str),
}

/// One version of a pass as it arrived.
#[derive(Debug, Clone)]
pub struct Version {
    pub pass: Arc<Pass>,
    pub bytes: Arc<[u8]>,
    /// As the gateway wrote it; `None` for a pass that did not come from the web service.
    pub last_modified: Option<String>,
    pub entity_tag: Option<String>,
}

/// What a request for a pass brought.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// A new version; it is kept.
    New(Version),
    /// 304, or a pass that looks like the one that is kept.
    Unchanged,
}

/// A phone. Cheap to clone: clones are the same phone.
#[derive(Clone)]
pub struct SimPhone {
    device: Arc<str>,
    roots: Arc<[X509]>,
    http: reqwest::Client,
    memory: Arc<Mutex<Memory>>,
    /// Grows with everything that the phone takes in.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Memory {
    push_token: String,
    /// By serial number.
    cards: BTreeMap<String, Vec<Version>>,
    /// By pass type.
    tags: BTreeMap<String, String>,
    complaints: Vec<String>,
}

impl SimPhone {
    /// A phone with nothing on it. `roots` are the certificates that passes must chain to; `http` trusts whatever
    /// the gateway's own certificate needs.
    pub fn new(device: &str, roots: Vec<X509>, http: reqwest::Client) -> Self {
        Self {
            device: device.into(),
            roots: roots.into(),
            http,
            memory: Arc::default(),
            news: watch::Sender::new(0),
        }
    }

    /// Checks a pass and puts it into the wallet.
    pub fn add(&self, bytes: &[u8]) -> Result<Arc<Pass>, PhoneError> {
        let pass = Arc::new(Pass::open(bytes, &self.roots)?);
        let version = Version {
            pass: Arc::clone(&pass),
            bytes: bytes.into(),
            last_modified: None,
            entity_tag: None,
        };
        let serial_number = pass.serial_number.clone();
        self.memory()
            .cards
            .entry(serial_number)
            .or_default()
            .push(version);
        self.tell();
        Ok(pass)
    }

    /// Registers every pass on the phone under `push_token`, which replaces the one before. Returns how many of
    /// the registrations were new to the gateway.
    pub async fn register(&self, push_token: &str) -> Result<usize, PhoneError> {
        push_token.clone_into(&mut self.memory().push_token);
        let mut new = 0;
        for pass in self.passes() {
            let body = serde_json::json!({ "pushToken": push_token });
            let request = self.registration(Method::POST, &pass)?.json(&body);
            match request.send().await?.status() {
                StatusCode::CREATED => new += 1,
                StatusCode::OK => {}
                got => return Err(unexpected("a registration", "200 or 201", got)),
            }
        }
        Ok(new)
    }

    /// Removes a pass from the wallet, and with it the registration.
    pub async fn unregister(&self, serial_number: &str) -> Result<(), PhoneError> {
        let pass = self.pass(serial_number)?;
        let got = self.registration(Method::DELETE, &pass)?.send().await?.status();
        if got != StatusCode::OK {
            return Err(unexpected("the end of a registration", "200", got));
        }
        self.memory().cards.remove(serial_number);
        self.tell();
        Ok(())
    }

    /// What iOS does on a push, after a start and when somebody pulls to refresh: asks what changed and fetches
    /// it. Returns the new versions.
    pub async fn on_push(&self) -> Result<Vec<Version>, PhoneError> {
        let mut services = BTreeMap::new();
        for pass in self.passes() {
            services.insert(
                (pass.web_service_url.clone(), pass.pass_type_identifier.clone()),
                pass,
            );
        }
        let mut new = Vec::new();
        for pass in services.values() {
            let asked_with_tag = self.memory().tags.contains_key(&pass.pass_type_identifier);
            let Some((serial_numbers, tag)) = self.changed(pass).await? else {
                continue;
            };
            for serial_number in serial_numbers {
                // A serial number of a pass that was deleted here meanwhile is not an error.
                if self.pass(&serial_number).is_err() {
                    self.complain(format!(
                        "Update requested for unregistered serial number {serial_number}"
                    ));
                    continue;
                }
                match self.fetch(&serial_number).await? {
                    Fetched::New(version) => new.push(version),
                    Fetched::Unchanged if asked_with_tag => self.complain(format!(
                        "Server requested update to serial number '{serial_number}', but the pass was unchanged."
                    )),
                    Fetched::Unchanged => {}
                }
            }
            // Kept only now: what could not be fetched is asked for again.
            self.memory().tags.insert(pass.pass_type_identifier.clone(), tag);
        }
        Ok(new)
    }

    /// The serial numbers that changed since this phone last asked, and the tag to ask with next; `None` when
    /// nothing changed.
    async fn changed(&self, pass: &Pass) -> Result<Option<(Vec<String>, String)>, PhoneError> {
        const REQUEST: &str = "the list of changed passes";
        let kind = &pass.pass_type_identifier;
        let mut url = address(pass, &["devices", &self.device, "registrations", kind])?;
        if let Some(tag) = self.memory().tags.get(kind) {
            url.query_pairs_mut().append_pair("passesUpdatedSince", tag);
        }
        let response = self.http.get(url).send().await?;
        match response.status() {
            StatusCode::NO_CONTENT => return Ok(None),
            StatusCode::OK => {}
            got => return Err(unexpected(REQUEST, "200 or 204", got)),
        }
        expect_type(REQUEST, response.headers(), "application/json")?;
        let body: Value = response.json().await?;
        let wrong = |expected| PhoneError::Answer {
            request: REQUEST,
            expected,
            found: body.to_string(),
        };
        let tag = body["lastUpdated"]
            .as_str()
            .ok_or_else(|| wrong("lastUpdated as a string"))?;
        let listed = body["serialNumbers"]
            .as_array()
            .filter(|listed| !listed.is_empty());
        let listed = listed.ok_or_else(|| wrong("serialNumbers as an array that is not empty"))?;
        let serial_numbers: Option<Vec<String>> = listed
            .iter()
            .map(|serial_number| serial_number.as_str().map(str::to_owned))
            .collect();
        let serial_numbers = serial_numbers.ok_or_else(|| wrong("serial numbers as strings"))?;
        Ok(Some((serial_numbers, tag.to_owned())))
    }

    /// Fetches the newest version of a pass unless the phone has it.
    pub async fn fetch(&self, serial_number: &str) -> Result<Fetched, PhoneError> {
        const REQUEST: &str = "a request for a pass";
        let kept = self.newest(serial_number)?;
        let mut request = self.pass_request(Method::GET, &kept.pass)?;
        if let Some(date) = &kept.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        let response = request.send().await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
            StatusCode::OK => {}
            got => return Err(unexpected(REQUEST, "200 or 304", got)),
        }
        let headers = response.headers().clone();
        check_pass_headers(REQUEST, &response)?;
        let bytes = response.bytes().await?;
        let pass = Arc::new(Pass::open(&bytes, &self.roots)?);
        if pass.serial_number != kept.pass.serial_number {
            return Err(PhoneError::Replaced("serial number"));
        }
        if pass.authentication_token != kept.pass.authentication_token {
            return Err(PhoneError::Replaced("authentication token"));
        }
        let version = Version {
            bytes: bytes.as_ref().into(),
            last_modified: text_of(&headers, &header::LAST_MODIFIED),
            entity_tag: text_of(&headers, &header::ETAG),
            pass,
        };
        let unchanged = version.pass.looks_like(&kept.pass);
        if let Some(versions) = self.memory().cards.get_mut(serial_number) {
            match versions.last_mut() {
                Some(last) if unchanged => *last = version.clone(),
                _ => versions.push(version.clone()),
            }
        }
        self.tell();
        if !unchanged {
            return Ok(Fetched::New(version));
        }
        if let Some(date) = kept.last_modified {
            self.complain(format!(
                "Server ignored the 'if-modified-since' header ({date}) and returned the full unchanged pass data \
                 for serial number '{serial_number}'."
            ));
        }
        Ok(Fetched::Unchanged)
    }

    /// Asks for the headers of a pass.
    pub async fn head(&self, serial_number: &str) -> Result<HeaderMap, PhoneError> {
        let pass = self.pass(serial_number)?;
        let response = self.pass_request(Method::HEAD, &pass)?.send().await?;
        if response.status() != StatusCode::OK {
            return Err(unexpected("HEAD of a pass", "200", response.status()));
        }
        Ok(response.headers().clone())
    }

    /// Sends lines to the log of the pass's web service.
    pub async fn log(&self, serial_number: &str, lines: &[String]) -> Result<(), PhoneError> {
        let url = address(&*self.pass(serial_number)?, &["log"])?;
        let body = serde_json::json!({ "logs": lines });
        let got = self.http.post(url).json(&body).send().await?.status();
        if got != StatusCode::OK {
            return Err(unexpected("the log", "200", got));
        }
        Ok(())
    }

    /// Sends what the phone has complained about since it was last asked to, and returns it.
    pub async fn send_complaints(&self) -> Result<Vec<String>, PhoneError> {
        let lines = std::mem::take(&mut self.memory().complaints);
        let somewhere = self.passes().first().map(|pass| pass.serial_number.clone());
        if let (false, Some(serial_number)) = (lines.is_empty(), somewhere) {
            self.log(&serial_number, &lines).await?;
        }
        Ok(lines)
    }

    /// Follows pushes until their source ends. Each push to this phone's token is acted upon. When the gateway does
    /// not answer, the phone asks again with growing delays, as iOS does; what still goes wrong is kept as a
    /// complaint, and the next push finds the phone listening.
    pub async fn follow(&self, mut pushes: Receiver<String>) {
        while self.pushed(&mut pushes).await {
            if let Err(error) = self.persist().await {
                self.complain(format!("Get pass task encountered error: {error}"));
            }
            if let Err(error) = self.send_complaints().await {
                tracing::debug!(%error, "the simulated phone's complaints were not taken");
            }
        }
    }

    async fn persist(&self) -> Result<(), PhoneError> {
        let mut delay = FIRST_DELAY;
        for _ in 1..ATTEMPTS {
            match self.on_push().await {
                Ok(_) => return Ok(()),
                Err(error) => tracing::debug!(%error, "the simulated phone asks again"),
            }
            tokio::time::sleep(delay).await;
            delay *= 2;
        }
        self.on_push().await.map(|_| ())
    }

    /// Waits for a push to this phone's token; false when no more can come. A phone that was too slow to hear every
    /// push looks as well: pushes are hints.
    pub async fn pushed(&self, pushes: &mut Receiver<String>) -> bool {
        loop {
            match pushes.recv().await {
                Ok(token) if token == self.memory().push_token => return true,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }

    /// Waits until the newest version of a pass satisfies `wanted`. Waits for ever if it never does: bound it.
    pub async fn until(&self, serial_number: &str, wanted: impl Fn(&Pass) -> bool) -> Version {
        let mut news = self.news.subscribe();
        loop {
            news.borrow_and_update();
            if let Ok(version) = self.newest(serial_number)
                && wanted(&version.pass)
            {
                return version;
            }
            // The sender lives in `self`, so waiting cannot fail.
            let _ = news.changed().await;
        }
    }

    /// Every version of a pass, oldest first.
    pub fn versions(&self, serial_number: &str) -> Vec<Version> {
        self.memory()
            .cards
            .get(serial_number)
            .cloned()
            .unwrap_or_default()
    }

    /// What is in the wallet now.
    pub fn passes(&self) -> Vec<Arc<Pass>> {
        let memory = self.memory();
        memory
            .cards
            .values()
            .filter_map(|versions| Some(Arc::clone(&versions.last()?.pass)))
            .collect()
    }

    /// What iOS would have written to its log and not sent yet.
    pub fn complaints(&self) -> Vec<String> {
        self.memory().complaints.clone()
    }

    fn newest(&self, serial_number: &str) -> Result<Version, PhoneError> {
        let newest = self
            .memory()
            .cards
            .get(serial_number)
            .and_then(|versions| versions.last().cloned());
        newest.ok_or_else(|| PhoneError::Unknown(serial_number.to_owned()))
    }

    fn pass(&self, serial_number: &str) -> Result<Arc<Pass>, PhoneError> {
        Ok(self.newest(serial_number)?.pass)
    }

    fn registration(&self, method: Method, pass: &Pass) -> Result<reqwest::RequestBuilder, PhoneError> {
        let names = [
            "devices",
            &self.device,
            "registrations",
            &pass.pass_type_identifier,
            &pass.serial_number,
        ];
        Ok(self
            .http
            .request(method, address(pass, &names)?)
            .headers(authorization(pass)))
    }

    fn pass_request(&self, method: Method, pass: &Pass) -> Result<reqwest::RequestBuilder, PhoneError> {
        let url = address(pass, &["passes", &pass.pass_type_identifier, &pass.serial_number])?;
        // iOS offers compression; a pass must come as it is all the same.
        let request = self
            .http
            .request(method, url)
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br");
        Ok(request.headers(authorization(pass)))
    }

    fn complain(&self, line: String) {
        self.memory().complaints.push(line);
        self.tell();
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn authorization(pass: &Pass) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = pass
        .authentication_token
        .as_ref()
        .map(|token| format!("ApplePass {token}"));
    if let Some(mut value) = value.and_then(|value| header::HeaderValue::try_from(value).ok()) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    headers
}

/// `webServiceURL`, `/v1/`, and names, each percent-encoded as one path segment.
fn address(pass: &Pass, names: &[&str]) -> Result<Url, PhoneError> {
    let none = || PhoneError::NoWebService(pass.web_service_url.clone());
    let mut url: Url = pass
        .web_service_url
        .as_deref()
        .and_then(|url| url.parse().ok())
        .ok_or_else(none)?;
    url.path_segments_mut()
        .map_err(|()| none())?
        .pop_if_empty()
        .push("v1")
        .extend(names);
    Ok(url)
}

fn check_pass_headers(request: &'static str, response: &Response) -> Result<(), PhoneError> {
    let headers = response.headers();
    expect_type(request, headers, PASS_TYPE)?;
    let fault = |expected, found: Option<String>| PhoneError::Answer {
        request,
        expected,
        found: found.unwrap_or_else(|| "none".into()),
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(fault(
            "a pass that is not encoded",
            text_of(headers, &header::CONTENT_ENCODING),
        ));
    }
    let date = text_of(headers, &header::LAST_MODIFIED);
    if !date.as_ref().is_some_and(|date| date.ends_with(" GMT")) {
        return Err(fault("an HTTP-date in Last-Modified", date));
    }
    if response.content_length().is_none() {
        return Err(fault("a Content-Length", None));
    }
    Ok(())
}

fn expect_type(request: &'static str, headers: &HeaderMap, expected: &'static str) -> Result<(), PhoneError> {
    match text_of(headers, &header::CONTENT_TYPE) {
        Some(found) if found == expected => Ok(()),
        found => Err(PhoneError::Answer {
            request,
            expected,
            found: found.unwrap_or_else(|| "no Content-Type".into()),
        }),
    }
}

fn unexpected(request: &'static str, expected: &'static str, got: StatusCode) -> PhoneError {
    PhoneError::Status {
        request,
        expected,
        got,
    }
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
