//! Firebase Cloud Messaging, HTTP v1: notices to apps of the merchant's own.
//!
//! Google Wallet does not need it: Google tells wallets by itself. One message a send, all of them over one connection;
//! a message is sent once, and again only with a fresh token where the first was refused. What an answer means is in
//! `error`, how fast messages leave in `pace`, what they look like in `message`.

mod error;
mod message;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::clock::Clock;
use crate::config;
use crate::domain::address::{Destination, Registration};
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::notice::Notice;
use crate::domain::retry_after;
use crate::google::LoadError;
use crate::google::account::ServiceAccount;
use crate::google::error::Error;
use crate::google::token::{Scope, Token, TokenSource, chain};
use crate::push::{BoxFuture, Delivery, Sender};
use error::{Code, Refusal};
use pace::Pace;

/// Larger answers are refused unread.
const LARGEST_ANSWER: usize = 64 * 1024;

/// One Firebase project with its credential.
#[derive(Clone)]
pub struct Messaging(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: String,
    tokens: TokenSource,
    pace: Pace,
    expiration: Duration,
    clock: Clock,
}

impl Messaging {
    /// Reads and checks the credential; talks to nobody.
    pub async fn load(config: &config::Google, clock: Clock) -> Result<Self, LoadError> {
        let fcm = &config.fcm;
        let path = fcm
            .service_account
            .as_deref()
            .or(config.service_account.as_deref())
            .ok_or(LoadError::NoAccount)?;
        let account = ServiceAccount::load(path)?;
        let tokens = TokenSource::new(&account, Scope::Messaging, fcm.timeout).await?;
        let http = reqwest::Client::builder()
            .timeout(fcm.timeout)
            .user_agent(concat!("passgate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut url = reqwest::Url::parse(&fcm.api_url).map_err(|_| LoadError::FcmUrl {
            got: fcm.api_url.clone(),
        })?;
        // By segments, so that no project's name leads to another address.
        url.path_segments_mut()
            .map_err(|()| LoadError::FcmUrl {
                got: fcm.api_url.clone(),
            })?
            .pop_if_empty()
            .extend(["v1", "projects", &fcm.project, "messages:send"]);
        Ok(Self(Arc::new(Inner {
            http,
            url: url.into(),
            tokens,
            pace: Pace::new(fcm.messages_per_minute),
            expiration: fcm.expiration,
            clock,
        })))
    }
}

impl Inner {
    async fn push(&self, registration: &Registration, notice: &Notice) -> Outcome {
        let Some(message) = message::message(registration, notice, self.expiration) else {
            return Outcome::Rejected {
                reason: "the notice's link is longer than a message may be".into(),
            };
        };
        let token = match self.tokens.token().await {
            Ok(token) => token,
            Err(error) => return Error::from(error).outcome(),
        };
        let mut answer = self.send(&message, &token).await;
        if let Ok(Err(refusal)) = &answer
            && refusal.code == Code::Unauthenticated
        {
            let fresh = match self.tokens.replace(&token).await {
                Ok(fresh) => fresh,
                Err(error) => return Error::from(error).outcome(),
            };
            answer = self.send(&message, &fresh).await;
        }
        let refusal = match answer {
            Ok(Ok(())) => return Outcome::Accepted,
            Ok(Err(refusal)) => refusal,
            Err(outcome) => return outcome,
        };
        let outcome = refusal.outcome(self.clock.now());
        match refusal.code {
            Code::QuotaExceeded => {
                if let Outcome::Retry {
                    after: Some(pause), ..
                } = &outcome
                {
                    self.pace.hold(*pause);
                }
            }
            Code::SenderIdMismatch => {
                tracing::error!(
                    "Firebase says that an app's address belongs to another project; check google.fcm.project against \
                     the project that the app is built with"
                );
            }
            Code::ThirdPartyAuthError => {
                tracing::error!(
                    "Firebase cannot reach Apple or a push service on our behalf; check the APNs key and the Web Push \
                     certificate in the Firebase console"
                );
            }
            _ => {}
        }
        outcome
    }

    /// Sends once. The outer error is an outcome without an answer.
    async fn send(&self, message: &serde_json::Value, token: &Token) -> Result<Result<(), Refusal>, Outcome> {
        self.pace.turn().await.map_err(|crowded| Outcome::Untried {
            after: crowded.wait,
            reason: crowded.to_string(),
        })?;
        let unanswered = |error: reqwest::Error| Outcome::Retry {
            after: Some(error::SHORTEST_WAIT),
            reason: format!("no answer from Firebase: {}", chain(&error.without_url())),
        };
        let request = self.http.post(&self.url).bearer_auth(&token.text).json(message);
        let mut response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(Ok(()));
        }
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after::parse(text, self.clock.now()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                body.clear();
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Err(Refusal::parse(status.as_u16(), wait, &body)))
    }
}

impl Sender for Messaging {
    fn channel(&self) -> Channel {
        Channel::Fcm
    }

    fn room(&self, time: Duration) -> usize {
        self.0.pace.room(time)
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if let Delivery::Notice { to, notice } = delivery
                && let Destination::App(registration) = &to.destination
            {
                return self.0.push(registration, notice).await;
            }
            Outcome::Rejected {
                reason: "a push of another channel was handed to Firebase Cloud Messaging".into(),
            }
        })
    }
}
