//! The way to APNs: an empty push to every device that holds a pass which changed.
//!
//! One [`Apns`] serves all pass types. Each has its own client certificate and therefore its own connections
//! (Apple, "Establishing a certificate-based connection to APNs"); a further connection is opened only when the
//! streams of the others are taken. The address, the trusted authority and a proxy are configuration, so that the
//! tested path is the production path.
//!
//! This file changes nothing in the store: every answer, and every failure to get one, is an [`Outcome`].

mod answer;
mod connect;
mod line;
mod request;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::clock::{Clock, Ids};
use crate::config;
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::id::{PassTypeIdentifier, PushToken};
use crate::push::{BoxFuture, Delivery, Sender};
use connect::{Proxy, Route, Target};
use line::{Fault, Line, Pace};
use request::Form;

/// Connections to APNs for one pass type at most.
const LINES: usize = 4;
/// An error body has less than 100 bytes; more than this is not from APNs.
const BODY_LIMIT: usize = 4096;

/// Why the way to APNs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ApnsError {
    #[error("an address must be {expected}://host[:port] and nothing more; got {got:?}")]
    Address { expected: &'static str, got: String },
    #[error("cannot read {path}: {source}; it must be a PEM file of certificates")]
    Authority { path: PathBuf, source: std::io::Error },
    #[error("{path} must hold at least one PEM certificate: {source}")]
    AuthorityPem { path: PathBuf, source: ErrorStack },
    #[error("the certificate of a pass type must be PEM, the leaf first: {0}")]
    Certificate(ErrorStack),
    #[error("the certificate file of a pass type holds no certificate")]
    NoCertificate,
    #[error("the key of a pass type must be an unencrypted PEM private key: {0}")]
    Key(ErrorStack),
    #[error("the private key does not belong to the certificate; export both from the same identity")]
    Mismatch,
    #[error("{0} cannot be used as a topic")]
    Topic(PassTypeIdentifier),
    #[error("OpenSSL cannot use the certificate of {topic}: {source}")]
    Tls {
        topic: PassTypeIdentifier,
        source: ErrorStack,
    },
}

/// What a pass type shows to APNs.
#[derive(Clone)]
pub struct ClientCertificate {
    leaf: X509,
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl ClientCertificate {
    /// Reads a PEM chain (leaf first) and its PEM key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ApnsError> {
        let mut certificates = X509::stack_from_pem(chain)
            .map_err(ApnsError::Certificate)?
            .into_iter();
        let leaf = certificates.next().ok_or(ApnsError::NoCertificate)?;
        let key = PKey::private_key_from_pem(key).map_err(ApnsError::Key)?;
        Self::new(leaf, certificates.collect(), key)
    }

    /// `chain` holds the intermediates, nearest to the leaf first.
    pub fn new(leaf: X509, chain: Vec<X509>, key: PKey<Private>) -> Result<Self, ApnsError> {
        let public = leaf.public_key().map_err(ApnsError::Certificate)?;
        if !public.public_eq(&key) {
            return Err(ApnsError::Mismatch);
        }
        Ok(Self { leaf, chain, key })
    }
}

/// A [`Sender`] for Apple devices. Must be made inside a tokio runtime.
pub struct Apns {
    pass_types: HashMap<PassTypeIdentifier, PassType>,
    clock: Clock,
    timeout: Duration,
    expiration: Duration,
}

struct PassType {
    form: Form,
    lines: Vec<Line>,
}

impl Apns {
    /// Prepares the connections; none is opened before the first push.
    pub fn new(
        settings: &config::Apns,
        certificates: &[(PassTypeIdentifier, ClientCertificate)],
        clock: Clock,
        ids: &Ids,
    ) -> Result<Self, ApnsError> {
        let target = Target::parse(&settings.url, "https", 443)?;
        let proxy = settings.proxy.as_deref().map(Proxy::parse).transpose()?;
        let authority = match &settings.certificate_authority {
            Some(path) => Some(read_authority(path)?),
            None => None,
        };
        let mut pass_types = HashMap::new();
        for (topic, certificate) in certificates {
            let form = Form::new(&target.authority(), topic, settings.priority)
                .map_err(|_| ApnsError::Topic(topic.clone()))?;
            let route = Route::new(target.clone(), proxy.clone(), authority.as_deref(), certificate)
                .map_err(|source| ApnsError::Tls {
                    topic: topic.clone(),
                    source,
                })?;
            let lines = (0..LINES)
                .map(|_| Line::start(route.clone(), settings.timeout, Pace::default(), ids.clone()))
                .collect();
            pass_types.insert(topic.clone(), PassType { form, lines });
        }
        Ok(Self {
            pass_types,
            clock,
            timeout: settings.timeout,
            expiration: settings.expiration,
        })
    }

    async fn push(&self, topic: &PassTypeIdentifier, token: &PushToken) -> Outcome {
        let Some(pass_type) = self.pass_types.get(topic) else {
            return Outcome::Misconfigured {
                reason: format!("there is no certificate for {topic}; add it to apple.pass_types"),
            };
        };
        let expiration = self.clock.now().plus(self.expiration).0 / 1000;
        let Ok(request) = pass_type.form.request(token, expiration) else {
            return Outcome::Gone {
                since: None,
                reason: "the push token is not hexadecimal".into(),
            };
        };
        let exchange = self.exchange(pass_type, request);
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => retry(format!("no answer from APNs within {:?}", self.timeout)),
        }
    }

    async fn exchange(&self, pass_type: &PassType, request: http::Request<()>) -> Outcome {
        let Some(line) = pass_type.line() else {
            return retry("there is no connection to APNs".into());
        };
        let (sent, _load) = match line.put(request, pass_type.form.body()).await {
            Ok(sent) => sent,
            Err(fault) => return outcome_of(fault),
        };
        let response = match sent.response.await {
            Ok(response) => response,
            Err(error) if error.is_go_away() => {
                return retry("APNs closed the connection before it took the push".into());
            }
            Err(error) => return retry(format!("the connection to APNs broke: {error}")),
        };
        let (head, body) = response.into_parts();
        let body = match read(body).await {
            Ok(body) => body,
            // The status alone decides well enough.
            Err(_) => Bytes::new(),
        };
        let retry_after = head
            .headers
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| answer::parse_retry_after(value, self.clock.now()));
        answer::outcome(head.status.as_u16(), &body, retry_after)
    }
}

impl PassType {
    /// The first line with room, so that a second connection is opened only when the first is full.
    fn line(&self) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| !line.is_full())
            .or_else(|| self.lines.iter().min_by_key(|line| line.load()))
    }
}

impl Sender for Apns {
    fn channel(&self) -> Channel {
        Channel::Apple
    }

    fn send<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match delivery {
                Delivery::AppleDevice {
                    pass_type_identifier,
                    push_token,
                } => self.push(pass_type_identifier, push_token).await,
                Delivery::GoogleObject { .. } | Delivery::Notice { .. } => Outcome::Rejected {
                    reason: "a push of another channel was handed to APNs".into(),
                },
            }
        })
    }
}

fn retry(reason: String) -> Outcome {
    Outcome::Retry { after: None, reason }
}

fn outcome_of(fault: Fault) -> Outcome {
    if fault.configuration {
        Outcome::Misconfigured { reason: fault.reason }
    } else {
        Outcome::Retry {
            after: fault.after,
            reason: fault.reason,
        }
    }
}

async fn read(mut body: h2::RecvStream) -> Result<Bytes, h2::Error> {
    let mut whole = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        if whole.len() + part.len() > BODY_LIMIT {
            break;
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

fn read_authority(path: &std::path::Path) -> Result<Vec<X509>, ApnsError> {
    let pem = std::fs::read(path).map_err(|source| ApnsError::Authority {
        path: path.to_owned(),
        source,
    })?;
    let certificates = X509::stack_from_pem(&pem).map_err(|source| ApnsError::AuthorityPem {
        path: path.to_owned(),
        source,
    })?;
    if certificates.is_empty() {
        return Err(ApnsError::AuthorityPem {
            path: path.to_owned(),
            source: ErrorStack::get(),
        });
    }
    Ok(certificates)
}
