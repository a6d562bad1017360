//! The way to APNs: an empty push to every device that holds a pass which changed.
//!
//! One [`Apns`] serves all pass types. Each has its own [`Credentials`], a client certificate or a team's key, and its
//! own connections (Apple, "Establishing a certificate-based connection to APNs"), so that what goes wrong with one
//! holds up no other; a further connection is opened only when the streams of the others are taken. Pass types of one
//! key share its provider tokens. The address, the trusted authority and a proxy are configuration, so that the
//! tested path is the production path.
//!
//! This file changes nothing in the store: every answer, and every failure to get one, is an [`Outcome`].

mod answer;
mod connect;
mod line;
mod provider;
mod request;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::clock::{Clock, Ids};
use crate::config;
use crate::domain::delivery::{Channel, Outcome};
use crate::domain::id::{PassTypeIdentifier, PushToken};
use crate::push::{BoxFuture, Delivery, Sender};
use answer::TokenWord;
use connect::{Proxy, Route, Target};
use line::{Fault, Line, Pace};
use provider::ProviderTokens;
pub use provider::{ProviderKey, ProviderKeyError};
use request::Form;

/// How often a push that provably did not reach APNs is put on another connection before its row waits its turn.
const TRIES: usize = 3;
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
    #[error("cannot read the push key {path}: {source}; it must be the .p8 file that Apple gave out")]
    PushKeyFile { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    PushKey { path: PathBuf, source: ProviderKeyError },
    #[error("{0} cannot be used as a topic")]
    Topic(PassTypeIdentifier),
    #[error("OpenSSL cannot use the credentials of {topic}: {source}")]
    Tls {
        topic: PassTypeIdentifier,
        source: ErrorStack,
    },
}

/// How a pass type shows APNs who it is.
#[derive(Clone)]
pub enum Credentials {
    /// The certificate of the pass type, by TLS.
    Certificate(ClientCertificate),
    /// A key of the pass type's own team, by a token with every push.
    Key(ProviderKey),
}

/// The certificate of a pass type with its key.
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
    /// None: the certificate speaks for every push.
    tokens: Option<Arc<ProviderTokens>>,
}

impl Apns {
    /// Prepares the connections; none is opened before the first push.
    pub fn new(
        settings: &config::Apns,
        credentials: &[(PassTypeIdentifier, Credentials)],
        clock: Clock,
        ids: &Ids,
    ) -> Result<Self, ApnsError> {
        let target = Target::parse(&settings.url, "https", 443)?;
        let proxy = settings.proxy.as_deref().map(Proxy::parse).transpose()?;
        let authority = match &settings.certificate_authority {
            Some(path) => Some(read_authority(path)?),
            None => None,
        };
        let mut keys: Vec<Arc<ProviderTokens>> = Vec::new();
        let mut pass_types = HashMap::new();
        for (topic, credentials) in credentials {
            let form = Form::new(&target.authority(), topic, settings.priority)
                .map_err(|_| ApnsError::Topic(topic.clone()))?;
            let (certificate, tokens) = match credentials {
                Credentials::Certificate(certificate) => (Some(certificate), None),
                Credentials::Key(key) => (None, Some(tokens_of(&mut keys, key))),
            };
            let route = Route::new(target.clone(), proxy.clone(), authority.as_deref(), certificate)
                .map_err(|source| ApnsError::Tls {
                    topic: topic.clone(),
                    source,
                })?;
            let line = || {
                let is_proven = certificate.is_some();
                Line::start(
                    route.clone(),
                    is_proven,
                    settings.timeout,
                    Pace::default(),
                    ids.clone(),
                )
            };
            let lines = std::iter::repeat_with(line)
                .take(settings.connections.max(1))
                .collect();
            pass_types.insert(topic.clone(), PassType { form, lines, tokens });
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
        match tokio::time::timeout(self.timeout, self.exchange(pass_type, token)).await {
            Ok(outcome) => outcome,
            Err(_) => retry(format!("no answer from APNs within {:?}", self.timeout)),
        }
    }

    /// One push, with another provider token where APNs calls ours expired.
    async fn exchange(&self, pass_type: &PassType, token: &PushToken) -> Outcome {
        let Some(tokens) = &pass_type.tokens else {
            return match self.attempt(pass_type, token, None).await {
                Ok((_, outcome)) | Err(outcome) => outcome,
            };
        };
        let header = match tokens.header(self.clock.now()) {
            Ok(header) => header,
            Err(error) => return unsigned(&error),
        };
        let outcome = match self.attempt(pass_type, token, Some(&header)).await {
            Ok((TokenWord::Expired, outcome)) => outcome,
            Ok((TokenWord::TooMany, outcome)) => {
                tokens.after_too_many(&header, self.clock.now());
                return outcome;
            }
            Ok((TokenWord::Good | TokenWord::Unproven, outcome)) | Err(outcome) => return outcome,
        };
        match tokens.after_expired(&header, self.clock.now()) {
            Ok(Some(fresh)) => match self.attempt(pass_type, token, Some(&fresh)).await {
                Ok((word, outcome)) => {
                    if word == TokenWord::TooMany {
                        tokens.after_too_many(&fresh, self.clock.now());
                    }
                    outcome
                }
                Err(outcome) => outcome,
            },
            Ok(None) => outcome,
            Err(error) => unsigned(&error),
        }
    }

    /// Sends a push once; again only while it is certain that APNs has not seen it. An error is the outcome of a push
    /// that got no answer.
    async fn attempt(
        &self,
        pass_type: &PassType,
        token: &PushToken,
        bearer: Option<&HeaderValue>,
    ) -> Result<(TokenWord, Outcome), Outcome> {
        let expiration = self.clock.now().plus(self.expiration).0 / 1000;
        for attempt in 1.. {
            let Ok(request) = pass_type.form.request(token, expiration, bearer) else {
                // No phone has such a token, whatever APNs would say.
                return Err(Outcome::Gone {
                    since: Some(self.clock.now()),
                    reason: "the push token is not hexadecimal".into(),
                });
            };
            let Some(line) = pass_type.line() else { break };
            let (mut sent, _load) = match line.put(request, pass_type.form.body()).await {
                Ok(sent) => sent,
                Err(fault) if fault.unsent && attempt < TRIES => continue,
                Err(fault) => return Err(outcome_of(fault)),
            };
            let response = match (&mut sent.response).await {
                Ok(response) => response,
                // Beyond the last push that APNs says it took.
                Err(error) if error.is_go_away() && error.is_remote() && attempt < TRIES => continue,
                Err(error) => return Err(retry(format!("the connection to APNs broke: {error}"))),
            };
            let (head, body) = response.into_parts();
            if head.status == http::StatusCode::OK && body.is_end_stream() {
                sent.prove();
                return Ok((TokenWord::Good, Outcome::Accepted));
            }
            let body = match read(body).await {
                Ok(body) => body,
                // The status alone decides well enough.
                Err(_) => Bytes::new(),
            };
            let status = head.status.as_u16();
            let word = answer::token_word(status, &body);
            if matches!(word, TokenWord::Good) {
                sent.prove();
            }
            let retry_after = head
                .headers
                .get(http::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| answer::parse_retry_after(value, self.clock.now()));
            return Ok((word, answer::outcome(status, &body, retry_after)));
        }
        Err(retry("there is no connection to APNs".into()))
    }
}

/// The tokens of `key`: those that another pass type with the same key uses already, where there is one.
fn tokens_of(keys: &mut Vec<Arc<ProviderTokens>>, key: &ProviderKey) -> Arc<ProviderTokens> {
    if let Some(known) = keys.iter().find(|known| known.key().is_same(key)) {
        return known.clone();
    }
    let tokens = Arc::new(ProviderTokens::new(key.clone()));
    keys.push(tokens.clone());
    tokens
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

fn unsigned(error: &ErrorStack) -> Outcome {
    Outcome::Misconfigured {
        reason: format!("OpenSSL cannot sign a provider token: {error}"),
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
