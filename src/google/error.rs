//! What can go wrong with Google, and what each fault means for the push that met it.
//!
//! Google answers 403 for three different things (no permission, quota used up, wrong scope) and 400 for many:
//! the `reason` of the first error decides, the HTTP status only where a reason is unknown.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::delivery::Outcome;
use crate::google::rate::Crowded;
use crate::google::token::TokenError;

/// How long the whole credential rests after Google says that it is too fast.
pub(super) const QUOTA_PAUSE: Duration = Duration::from_secs(1);

/// The longest piece of Google's own words that we keep.
const LONGEST_MESSAGE: usize = 300;

/// Why a call to Google Wallet did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Crowded(#[from] Crowded),
    #[error("no answer from Google Wallet to {call}: {problem}")]
    Transport { call: String, problem: String },
    #[error("Google Wallet refused {call}: {refusal}")]
    Refused { call: String, refusal: Refusal },
    #[error("Google Wallet answered {call} with something other than the expected JSON: {problem}")]
    Answer { call: String, problem: String },
    #[error("a save link has at most {limit} characters; this one has {got} (shorten the list of origins)")]
    LinkTooLong { got: usize, limit: usize },
    #[error("OpenSSL cannot sign a save link: {0}")]
    Sign(#[from] openssl::error::ErrorStack),
    #[error("{kind} {id} does not settle: Google says in turn that it exists and that it does not")]
    Unsettled { kind: &'static str, id: String },
}

/// An answer of Google that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub reason: Reason,
    /// Google's sentence, shortened; empty when there was none.
    pub message: String,
    /// From a `Retry-After` header in seconds.
    pub retry_after: Option<Duration>,
}

/// `error.errors[0].reason`, or the status where that is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The service account is no user of the issuer, or the issuer has no access yet.
    PermissionDenied,
    /// The token was made for another scope.
    InsufficientPermissions,
    /// The token is not accepted.
    Unauthenticated,
    QuotaExceeded,
    /// The body is not a valid class or object.
    InvalidResource,
    NotFound,
    AlreadyExists,
    /// 5xx, 408 and 417: Google's own trouble.
    Unavailable,
    /// Google's word for something that this table does not know.
    Other(String),
}

#[derive(Deserialize)]
struct Envelope {
    error: EnvelopeError,
}

#[derive(Deserialize)]
struct EnvelopeError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<EnvelopeItem>,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct EnvelopeItem {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl Refusal {
    /// Reads an answer that is not a success. Never fails: a body that is not Google's envelope leaves the status.
    pub(super) fn parse(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let envelope = serde_json::from_slice::<Envelope>(body)
            .ok()
            .map(|body| body.error);
        let first = envelope.as_ref().and_then(|error| error.errors.first());
        let word = match (first, &envelope) {
            (Some(first), _) if !first.reason.is_empty() => first.reason.as_str(),
            (_, Some(error)) => error.status.as_str(),
            _ => "",
        };
        let message = match (first, &envelope) {
            (_, Some(error)) if !error.message.is_empty() => error.message.as_str(),
            (Some(first), _) => first.message.as_str(),
            _ => "",
        };
        Self {
            status,
            reason: Reason::of(word, status),
            message: message
                .chars()
                .filter(|c| !c.is_control())
                .take(LONGEST_MESSAGE)
                .collect(),
            retry_after,
        }
    }

    pub fn outcome(&self) -> Outcome {
        let reason = self.to_string();
        match self.reason {
            Reason::PermissionDenied | Reason::InsufficientPermissions | Reason::Unauthenticated => {
                Outcome::Misconfigured { reason }
            }
            Reason::QuotaExceeded => Outcome::Retry {
                after: Some(self.retry_after.unwrap_or(QUOTA_PAUSE)),
                reason,
            },
            Reason::Unavailable => Outcome::Retry {
                after: self.retry_after,
                reason,
            },
            Reason::InvalidResource | Reason::NotFound | Reason::AlreadyExists | Reason::Other(_) => {
                Outcome::Rejected { reason }
            }
        }
    }
}

impl Reason {
    fn of(word: &str, status: u16) -> Self {
        match word {
            "permissionDenied" => Self::PermissionDenied,
            "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => Self::InsufficientPermissions,
            "authError" | "UNAUTHENTICATED" => Self::Unauthenticated,
            "quotaExceeded" | "rateLimitExceeded" | "userRateLimitExceeded" | "RESOURCE_EXHAUSTED" => {
                Self::QuotaExceeded
            }
            "invalidResource" => Self::InvalidResource,
            "notFound" | "resourceNotFound" | "classNotFound" | "NOT_FOUND" => Self::NotFound,
            "alreadyExists" | "existingResource" | "duplicate" | "ALREADY_EXISTS" => Self::AlreadyExists,
            word => match status {
                401 => Self::Unauthenticated,
                404 => Self::NotFound,
                408 | 417 | 500..=599 => Self::Unavailable,
                409 => Self::AlreadyExists,
                429 => Self::QuotaExceeded,
                _ if word.is_empty() => Self::Other(format!("status {status} without a reason")),
                _ => Self::Other(word.chars().take(60).collect()),
            },
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::PermissionDenied => "permissionDenied",
            Self::InsufficientPermissions => "insufficientPermissions",
            Self::Unauthenticated => "unauthenticated",
            Self::QuotaExceeded => "quotaExceeded",
            Self::InvalidResource => "invalidResource",
            Self::NotFound => "notFound",
            Self::AlreadyExists => "alreadyExists",
            Self::Unavailable => "unavailable",
            Self::Other(word) => word,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.reason.as_str())?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match self.reason {
            Reason::PermissionDenied => f.write_str(
                " (add the service account as a user of the issuer in the Google Pay & Wallet console)",
            ),
            Reason::InsufficientPermissions => {
                f.write_str(" (the token lacks the scope wallet_object.issuer)")
            }
            _ => Ok(()),
        }
    }
}

impl Error {
    /// What the fault means for the push that met it.
    pub fn outcome(&self) -> Outcome {
        let reason = self.to_string();
        match self {
            Self::Token(TokenError::Endpoint { .. })
            | Self::Transport { .. }
            | Self::Answer { .. }
            | Self::Unsettled { .. } => Outcome::Retry { after: None, reason },
            Self::Token(TokenError::Key(_) | TokenError::Refused { .. })
            | Self::LinkTooLong { .. }
            | Self::Sign(_) => Outcome::Misconfigured { reason },
            Self::Crowded(crowded) => Outcome::Untried {
                after: crowded.wait,
                reason,
            },
            Self::Refused { refusal, .. } => refusal.outcome(),
        }
    }

    pub(super) fn is(&self, reason: &Reason) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.reason == *reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(status: u16, reason: &str) -> Refusal {
        let body = serde_json::json!({"error": {"code": status, "message": "Said so.", "errors": [
            {"message": "Said so.", "domain": "walletobjects", "reason": reason}]}});
        Refusal::parse(status, None, body.to_string().as_bytes())
    }

    #[test]
    fn one_status_three_meanings() {
        assert!(matches!(
            refusal(403, "permissionDenied").outcome(),
            Outcome::Misconfigured { .. }
        ));
        assert!(matches!(
            refusal(403, "insufficientPermissions").outcome(),
            Outcome::Misconfigured { .. }
        ));
        let quota = refusal(403, "quotaExceeded").outcome();
        assert!(matches!(quota, Outcome::Retry { after: Some(pause), .. } if pause == QUOTA_PAUSE));
    }

    #[test]
    fn every_known_reason_has_its_outcome() {
        assert!(matches!(
            refusal(400, "invalidResource").outcome(),
            Outcome::Rejected { .. }
        ));
        assert_eq!(refusal(404, "").reason, Reason::NotFound);
        assert_eq!(refusal(409, "somethingNew").reason, Reason::AlreadyExists);
        assert!(matches!(
            refusal(503, "backendError").outcome(),
            Outcome::Retry { .. }
        ));
        let unknown = refusal(400, "neverHeardOf");
        assert_eq!(unknown.reason, Reason::Other("neverHeardOf".into()));
        assert!(unknown.to_string().contains("neverHeardOf: Said so."));
    }

    #[test]
    fn a_page_of_html_leaves_the_status() {
        let html = Refusal::parse(502, Some(Duration::from_secs(7)), b"<html>Bad gateway</html>");
        assert!(matches!(html.outcome(), Outcome::Retry { after: Some(_), .. }));
        let login = Refusal::parse(401, None, b"");
        assert!(matches!(login.outcome(), Outcome::Misconfigured { .. }));
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_panic(status in 300..600_u16, body: Vec<u8>, word in ".{0,100}") {
            let _ = Refusal::parse(status, None, &body).outcome();
            let _ = refusal(status, &word).to_string();
        }
    }
}
