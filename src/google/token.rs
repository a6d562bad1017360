//! Access tokens for Google's APIs, through `yup-oauth2` (RFC 7523, JWT bearer grant).
//!
//! What is added here: at most one request to the token endpoint is in flight, however many callers are waiting
//! for it, and they all share its answer, a failure included; a token is used until a minute before its end; a
//! token that Google refuses is replaced once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::error::AuthErrorCode;
use yup_oauth2::{AccessToken, DefaultHyperClientBuilder, HyperClientBuilder, ServiceAccountAuthenticator};

use crate::google::account::ServiceAccount;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The only scope that the Wallet API knows.
    Wallet,
    Messaging,
}

impl Scope {
    fn urls(self) -> &'static [&'static str] {
        match self {
            Self::Wallet => &["https://www.googleapis.com/auth/wallet_object.issuer"],
            Self::Messaging => &["https://www.googleapis.com/auth/firebase.messaging"],
        }
    }
}

type Connector = <DefaultHyperClientBuilder as HyperClientBuilder>::Connector;

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the service account key cannot sign a token request: {0}")]
    Key(String),
    #[error(
        "the token endpoint {endpoint} refused the service account: {reason} (is the key revoked, or the clock wrong?)"
    )]
    Refused { endpoint: String, reason: String },
    #[error("the token endpoint {endpoint} gave no token: {problem}")]
    Endpoint { endpoint: String, problem: String },
}

/// A token and its number: the number tells a refused token from one that has replaced it in the meantime.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) number: u64,
}

pub(super) struct TokenSource {
    authenticator: Authenticator<Connector>,
    scope: Scope,
    endpoint: String,
    current: Mutex<Current>,
    /// Requests to the endpoint that have ended, well or badly.
    ended: AtomicU64,
}

#[derive(Default)]
struct Current {
    token: Option<AccessToken>,
    number: u64,
    failure: Option<TokenError>,
}

impl TokenSource {
    pub(super) async fn new(
        account: &ServiceAccount,
        scope: Scope,
        timeout: Duration,
    ) -> Result<Self, TokenError> {
        let authenticator = ServiceAccountAuthenticator::builder(account.to_yup())
            .with_timeout(timeout)
            .build()
            .await
            .map_err(|error| TokenError::Key(error.to_string()))?;
        Ok(Self {
            authenticator,
            scope,
            endpoint: account.token_uri.clone(),
            current: Mutex::default(),
            ended: AtomicU64::new(0),
        })
    }

    /// The current token, or a fresh one.
    pub(super) async fn token(&self) -> Result<Token, TokenError> {
        self.other_than(None).await
    }

    /// A token that is not the refused one.
    pub(super) async fn replace(&self, refused: &Token) -> Result<Token, TokenError> {
        self.other_than(Some(refused.number)).await
    }

    async fn other_than(&self, refused: Option<u64>) -> Result<Token, TokenError> {
        let seen = self.ended.load(Ordering::Acquire);
        let mut current = self.current.lock().await;
        if Some(current.number) != refused
            && let Some(token) = current.token.as_ref().filter(|token| !token.is_expired())
            && let Some(text) = token.token()
        {
            let text = text.to_owned();
            return Ok(Token {
                text,
                number: current.number,
            });
        }
        // A request that ended while this caller stood in line answers for it too: asking again at once would
        // send every caller of the line to an endpoint that has just refused.
        if self.ended.load(Ordering::Acquire) != seen
            && let Some(failure) = &current.failure
        {
            return Err(failure.clone());
        }
        let answer = self.authenticator.force_refreshed_token(self.scope.urls()).await;
        let answer = answer.map_err(|error| self.classify(error)).and_then(|token| {
            let text = token
                .token()
                .map(str::to_owned)
                .ok_or_else(|| self.no_token("the answer holds none"))?;
            Ok((token, text))
        });
        self.ended.fetch_add(1, Ordering::AcqRel);
        match answer {
            Ok((token, text)) => {
                current.number += 1;
                current.token = Some(token);
                current.failure = None;
                Ok(Token {
                    text,
                    number: current.number,
                })
            }
            Err(error) => {
                current.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn no_token(&self, problem: impl Into<String>) -> TokenError {
        TokenError::Endpoint {
            endpoint: self.endpoint.clone(),
            problem: problem.into(),
        }
    }

    fn classify(&self, error: yup_oauth2::Error) -> TokenError {
        use yup_oauth2::Error;
        match error {
            // RFC 6749 §5.2 lists these; anything else that the endpoint says is its own trouble.
            Error::AuthError(refusal) if !matches!(refusal.error, AuthErrorCode::Other(_)) => {
                TokenError::Refused {
                    endpoint: self.endpoint.clone(),
                    reason: refusal.to_string(),
                }
            }
            Error::AuthError(refusal) => self.no_token(refusal.to_string()),
            Error::JSONError(_) | Error::MissingAccessToken => self.no_token("its answer is not a token"),
            Error::HttpError(error) => self.no_token(chain(&error)),
            Error::HttpClientError(error) => self.no_token(chain(&error)),
            other => TokenError::Key(other.to_string()),
        }
    }
}

/// "outer: middle: inner".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
