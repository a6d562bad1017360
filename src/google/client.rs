//! The Wallet API over HTTP: insert, patch, get, list and addMessage of loyalty classes and objects.
//!
//! Every call waits for its turn (`rate::Pace`), carries an access token, and is sent once; only a refused token
//! makes it go out a second time, with a new one. Trying again later is the outbox's work, not this file's.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::google::error::{Error, QUOTA_PAUSE, Reason, Refusal};
use crate::google::message::Message;
use crate::google::rate::Pace;
use crate::google::token::{Token, TokenSource, chain};

/// Larger answers are refused unread. A page of 100 full objects stays well below.
const LARGEST_ANSWER: usize = 8 << 20;

/// A write is one call, and some more where the class has changed or the object is new: counted with room to spare.
const CALLS_OF_A_WRITE: usize = 2;

/// The two kinds of resource that this gateway keeps at Google.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    LoyaltyClass,
    LoyaltyObject,
}

impl Kind {
    /// The name in paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyaltyClass",
            Self::LoyaltyObject => "loyaltyObject",
        }
    }

    /// The query parameter that names whose resources are listed.
    fn parent(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "issuerId",
            Self::LoyaltyObject => "classId",
        }
    }
}

/// Which way an upsert tries first; the other follows when Google says that the resource is (not) there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    Insert,
    Patch,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// For the next page; absent on the last.
    pub next: Option<String>,
}

pub struct Client {
    http: reqwest::Client,
    /// `<api_url>/walletobjects/v1`
    base: String,
    tokens: TokenSource,
    pace: Pace,
}

impl Client {
    pub(super) fn new(
        api_url: &str,
        tokens: TokenSource,
        requests_per_second: u32,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            // Google compresses only for clients that say so in their name, too (performance tips).
            .user_agent(concat!("passgate/", env!("CARGO_PKG_VERSION"), " (gzip)"))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            base: format!("{}/walletobjects/v1", api_url.trim_end_matches('/')),
            tokens,
            pace: Pace::new(requests_per_second),
        })
    }

    /// How many writes of objects can start within `time` when all are asked for at once.
    pub(super) fn room(&self, time: Duration) -> usize {
        self.pace.room(time) / CALLS_OF_A_WRITE
    }

    /// The resource `id`, or nothing when Google does not know it.
    pub async fn resource<T: DeserializeOwned>(&self, kind: Kind, id: &str) -> Result<Option<T>, Error> {
        match self.call(Method::GET, kind, &[id], &[], None).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.is(&Reason::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn insert(&self, kind: Kind, body: &impl Serialize) -> Result<(), Error> {
        let body = to_value(kind, body)?;
        self.insert_value(kind, &body).await.map(|_| ())
    }

    /// Merges `body` into the resource: `null` removes a field, a list replaces the whole list.
    pub async fn patch(&self, kind: Kind, id: &str, body: &impl Serialize) -> Result<(), Error> {
        let body = to_value(kind, body)?;
        self.patch_value(kind, id, &body).await.map(|_| ())
    }

    /// Makes the resource be as `body` says, whether it exists or not, also when others do the same at the same time.
    /// Returns the resource as it is then.
    pub async fn upsert(
        &self,
        kind: Kind,
        id: &str,
        body: &impl Serialize,
        first: First,
    ) -> Result<Value, Error> {
        let body = to_value(kind, body)?;
        let mut way = first;
        // First way, the other, and once more the first for a resource that another writer made in between.
        for _ in 0..3 {
            let (result, turn_around) = match way {
                First::Insert => (self.insert_value(kind, &body).await, Reason::AlreadyExists),
                First::Patch => (self.patch_value(kind, id, &body).await, Reason::NotFound),
            };
            match result {
                Err(error) if error.is(&turn_around) => {
                    way = match way {
                        First::Insert => First::Patch,
                        First::Patch => First::Insert,
                    };
                }
                done => return done?.json(),
            }
        }
        Err(Error::Unsettled {
            kind: kind.as_str(),
            id: id.to_owned(),
        })
    }

    /// One page of the classes of an issuer, or of the objects of a class.
    pub async fn page<T: DeserializeOwned>(
        &self,
        kind: Kind,
        parent: &str,
        size: u32,
        token: Option<&str>,
    ) -> Result<Page<T>, Error> {
        #[derive(Deserialize)]
        struct List<T> {
            #[serde(default = "Vec::new")]
            resources: Vec<T>,
            pagination: Option<Pagination>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Pagination {
            next_page_token: Option<String>,
        }
        // Without a size Google answers with everything at once.
        let size = size.max(1).to_string();
        let mut query = vec![(kind.parent(), parent), ("maxResults", size.as_str())];
        query.extend(token.map(|token| ("token", token)));
        let list: List<T> = self.call(Method::GET, kind, &[], &query, None).await?.json()?;
        let next = list.pagination.and_then(|pagination| pagination.next_page_token);
        Ok(Page {
            items: list.resources,
            next: next.filter(|token| !token.is_empty()),
        })
    }

    /// Puts a message on a class or an object, beside one with the same id if there is one. Returns the resource.
    pub async fn add_message(&self, kind: Kind, id: &str, message: &Message) -> Result<Value, Error> {
        #[derive(Serialize)]
        struct Request<'a> {
            message: &'a Message,
        }
        let body = to_value(kind, &Request { message })?;
        let path = [id, "addMessage"];
        let answer = self.call(Method::POST, kind, &path, &[], Some(&body)).await?;
        let mut answer: Value = answer.json()?;
        Ok(answer.get_mut("resource").map(Value::take).unwrap_or_default())
    }

    async fn insert_value(&self, kind: Kind, body: &Value) -> Result<Answer, Error> {
        let mut body = body.clone();
        if let Value::Object(fields) = &mut body {
            fields.retain(|_, value| !value.is_null());
        }
        self.call(Method::POST, kind, &[], &[], Some(&body)).await
    }

    async fn patch_value(&self, kind: Kind, id: &str, body: &Value) -> Result<Answer, Error> {
        self.call(Method::PATCH, kind, &[id], &[], Some(body)).await
    }

    async fn call(
        &self,
        method: Method,
        kind: Kind,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let name = std::iter::once(kind.as_str())
            .chain(path.iter().copied())
            .collect::<Vec<_>>()
            .join("/");
        let request = Request {
            call: format!("{method} {name}"),
            url: format!("{}/{name}", self.base),
            method,
            query,
            body,
        };
        let token = self.tokens.token().await?;
        match self.send(&request, &token).await {
            Err(error) if error.is(&Reason::Unauthenticated) => {
                let fresh = self.tokens.replace(&token).await?;
                self.send(&request, &fresh).await
            }
            done => done,
        }
    }

    async fn send(&self, request: &Request<'_>, token: &Token) -> Result<Answer, Error> {
        self.pace.turn().await?;
        let transport = |error: reqwest::Error| Error::Transport {
            call: request.call.clone(),
            problem: chain(&error.without_url()),
        };
        let mut outgoing = self
            .http
            .request(request.method.clone(), &request.url)
            .bearer_auth(&token.text);
        if !request.query.is_empty() {
            outgoing = outgoing.query(request.query);
        }
        if let Some(body) = request.body {
            outgoing = outgoing.json(body);
        }
        let mut response = outgoing.send().await.map_err(transport)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Error::Answer {
                    call: request.call.clone(),
                    problem: format!("more than {LARGEST_ANSWER} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            return Ok(Answer {
                call: request.call.clone(),
                body,
            });
        }
        let refusal = Refusal::parse(status.as_u16(), retry_after, &body);
        // What was to ring may have met the card's own limit, which says nothing about our pace.
        if refusal.reason == Reason::QuotaExceeded && !request.body.is_some_and(rings) {
            self.pace.hold(QUOTA_PAUSE);
        }
        Err(Error::Refused {
            call: request.call.clone(),
            refusal,
        })
    }
}

struct Request<'a> {
    /// Method and resource, for errors.
    call: String,
    url: String,
    method: Method,
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a Value>,
}

struct Answer {
    call: String,
    body: Vec<u8>,
}

impl Answer {
    fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Answer {
            call: self.call,
            problem: error.to_string(),
        })
    }
}

/// Whether a write asks Google to let the phone ring.
fn rings(body: &Value) -> bool {
    body["notifyPreference"] == "NOTIFY_ON_UPDATE" || body["message"]["messageType"] == "TEXT_AND_NOTIFY"
}

fn to_value(kind: Kind, body: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(body).map_err(|error| Error::Answer {
        call: format!("a write of {}", kind.as_str()),
        problem: error.to_string(),
    })
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(3600)))
}
