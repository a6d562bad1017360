//! Web Push: encrypted notices to browsers, through whatever push service each browser has chosen (RFC 8030).
//!
//! The endpoint comes from the public: it is asked only by https, only at public addresses, and what it answers is
//! bounded and never shown but for a few letters. One key signs for all subscriptions for as long as the gateway lives;
//! with another key every one of them is lost.
//!
//! The encryption is written here, over OpenSSL: of the libraries that there are, `web-push` brings a second HTTP stack and
//! drops `Retry-After`, `web-push-native` writes a record size that RFC 8291 forbids, pads nothing and leaves the port out
//! of the audience, and `ece` has neither VAPID nor the padding to fixed sizes.

pub mod contact;
pub mod endpoint;
mod judge;
pub mod seal;
pub mod vapid;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};

use crate::clock::{Clock, Ids};
use crate::config;
use crate::domain::address::{Destination, Subscription};
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::notice::Notice;
use crate::domain::retry_after;
use crate::push::{BoxFuture, Delivery, Sender};
use contact::{Contact, ContactError};
use endpoint::{Endpoint, Guard};
use vapid::{VapidKey, Vouchers};

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");

/// What is read of an answer's body.
const MOST_OF_AN_ANSWER: usize = 1024;

/// Why Web Push cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("web_push.contact: {0}")]
    Contact(#[from] ContactError),
    #[error("web_push.certificate_authority: cannot read {path}: {source}")]
    Authority {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot set up the HTTP client for Web Push: {0}")]
    Http(#[from] reqwest::Error),
}

/// Everything that pushes to browsers need. Shared by the sender and the pages where browsers subscribe.
pub struct WebPush {
    http: reqwest::Client,
    guard: Guard,
    vouchers: Vouchers,
    expiration: Duration,
    clock: Clock,
    ids: Ids,
}

impl WebPush {
    /// Checks the configuration; talks to nobody.
    pub fn load(
        config: &config::WebPush,
        key: VapidKey,
        clock: Clock,
        ids: Ids,
    ) -> Result<Arc<Self>, LoadError> {
        let contact = Contact::parse(&config.contact)?;
        let guard = if config.allow_private_networks {
            Guard::Anything
        } else {
            Guard::Public
        };
        let mut builder = reqwest::Client::builder()
            .timeout(config.timeout)
            .user_agent(concat!("passgate/", env!("CARGO_PKG_VERSION")))
            // An answer that leads elsewhere would lead around the guard.
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true)
            .dns_resolver(guard);
        builder = match &config.proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.as_str())?),
            // A proxy of the environment would look names up where the guard does not see it.
            None => builder.no_proxy(),
        };
        if let Some(path) = &config.certificate_authority {
            let pem = std::fs::read(path).map_err(|source| LoadError::Authority {
                path: path.clone(),
                source,
            })?;
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem)?);
        }
        Ok(Arc::new(Self {
            http: builder.build()?,
            guard,
            vouchers: Vouchers::new(key, contact),
            expiration: config.expiration,
            clock,
            ids,
        }))
    }

    /// What browsers subscribe with: the public key, base64url.
    pub fn public_key(&self) -> &str {
        self.vouchers.key().public_key()
    }

    /// Names the key that subscriptions are made for.
    pub fn key_name(&self) -> String {
        self.vouchers.key().name()
    }

    /// Whether pushes may go to `subscription`'s endpoint at all.
    pub fn may_reach(&self, subscription: &Subscription) -> Result<(), endpoint::EndpointError> {
        Endpoint::parse(subscription.endpoint(), self.guard).map(drop)
    }

    /// The sender of the outbox's channel.
    pub fn sender(self: &Arc<Self>) -> NoticeSender {
        NoticeSender(Arc::clone(self))
    }

    async fn push(&self, subscription: &Subscription, notice: &Notice) -> Outcome {
        let endpoint = match Endpoint::parse(subscription.endpoint(), self.guard) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                return Outcome::Rejected {
                    reason: error.to_string(),
                };
            }
        };
        let request = match self.request(&endpoint, subscription, notice) {
            Ok(request) => request,
            Err(reason) => return Outcome::Rejected { reason },
        };
        let mut response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return judge::unanswered(&endpoint.origin, error),
        };
        let status = response.status();
        let now = self.clock.now();
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after::parse(text, now));
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            said.extend_from_slice(&chunk);
            if said.len() >= MOST_OF_AN_ANSWER {
                said.truncate(MOST_OF_AN_ANSWER);
                break;
            }
        }
        let outcome = judge::outcome(status, wait, &said, now);
        if matches!(outcome, Outcome::Misconfigured { .. }) {
            // The clock may have been wrong when it was signed: the next try takes a new one.
            self.vouchers.forget(&endpoint.origin);
        }
        outcome
    }

    fn request(
        &self,
        endpoint: &Endpoint,
        subscription: &Subscription,
        notice: &Notice,
    ) -> Result<reqwest::Request, String> {
        let fitting = notice
            .within(seal::LARGEST_PLAINTEXT, |notice| notice.to_json().len())
            .ok_or("the notice's link is longer than a push may be")?;
        let body = seal::seal(
            fitting.to_json().as_bytes(),
            subscription,
            &seal::one_time_key().map_err(|error| error.to_string())?,
            self.ids.secret(),
        )
        .map_err(|error| error.to_string())?;
        let voucher = self
            .vouchers
            .voucher(&endpoint.origin, self.clock.now())
            .map_err(|error| error.to_string())?;
        let mut voucher = HeaderValue::try_from(voucher).map_err(|error| error.to_string())?;
        voucher.set_sensitive(true);
        self.http
            .post(endpoint.url.clone())
            .header(AUTHORIZATION, voucher)
            .header(TTL, self.expiration.as_secs())
            .header(URGENCY, notice.class.urgency().as_str())
            .header(TOPIC, &notice.tag)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body)
            .build()
            .map_err(|error| error.without_url().to_string())
    }
}

/// Sends notices to browsers.
#[derive(Clone)]
pub struct NoticeSender(Arc<WebPush>);

impl Sender for NoticeSender {
    fn channel(&self) -> Channel {
        Channel::WebPush
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if let Delivery::Notice { to, notice } = delivery
                && let Destination::Browser(subscription) = &to.destination
            {
                return self.0.push(subscription, notice).await;
            }
            Outcome::Rejected {
                reason: "a push of another channel was handed to Web Push".into(),
            }
        })
    }
}
