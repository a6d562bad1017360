//! What Firebase's refusals mean. The `errorCode` of its own detail decides; a status alone deletes no address.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::delivery::Outcome;
use crate::domain::time::Timestamp;

const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
/// The one sentence that makes an invalid argument an invalid address.
const INVALID_TOKEN: &str = "registration token is not a valid FCM registration token";

/// Firebase's own advice: nobody tries again sooner after a failure of theirs.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_secs(10);
/// And nobody sooner than this where the quota is used up and no time is named.
const QUOTA_WAIT: Duration = Duration::from_secs(60);

/// The longest piece of Firebase's words that is kept.
const LONGEST_MESSAGE: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    /// The app is gone, or has been idle for 270 days.
    Unregistered,
    /// The address belongs to another project.
    SenderIdMismatch,
    InvalidArgument,
    QuotaExceeded,
    Unavailable,
    Internal,
    /// Firebase's credentials for Apple or a push service.
    ThirdPartyAuthError,
    /// 401 and no word of FCM's: our access token.
    Unauthenticated,
    /// 403 and no word of FCM's: the API is off, or the account may not send.
    PermissionDenied,
    /// 404 and no word of FCM's: the project, never the app.
    NotFound,
    Other,
}

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: Code,
    message: String,
    /// Which fields are wrong, as Firebase says.
    violations: String,
    wait: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: EnvelopeError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EnvelopeError {
    message: String,
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    #[serde(rename = "@type")]
    kind: String,
    error_code: String,
    field_violations: Vec<Violation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: String,
    description: String,
}

impl Refusal {
    /// Never fails: a body that is not Firebase's envelope leaves the status.
    pub(super) fn parse(status: u16, wait: Option<Duration>, body: &[u8]) -> Self {
        let error = serde_json::from_slice::<Envelope>(body).unwrap_or_default().error;
        let word = error
            .details
            .iter()
            .find(|detail| detail.kind == FCM_ERROR)
            .map_or("", |detail| detail.error_code.as_str());
        let violations: Vec<String> = error
            .details
            .iter()
            .filter(|detail| detail.kind == BAD_REQUEST)
            .flat_map(|detail| &detail.field_violations)
            .map(|violation| format!("{}: {}", violation.field, violation.description))
            .collect();
        Self {
            status,
            code: Code::of(word, status),
            message: short(&error.message),
            violations: short(&violations.join("; ")),
            wait,
        }
    }

    pub(super) fn outcome(&self, now: Timestamp) -> Outcome {
        let reason = self.to_string();
        match self.code {
            // Said of this one app: there is nothing to doubt.
            Code::Unregistered => Outcome::Gone {
                since: Some(now),
                reason,
            },
            // May be our fault: said of many, it deletes none of them.
            Code::SenderIdMismatch => Outcome::Gone { since: None, reason },
            Code::InvalidArgument if self.message.contains(INVALID_TOKEN) => {
                Outcome::Gone { since: None, reason }
            }
            Code::InvalidArgument | Code::Other => Outcome::Rejected { reason },
            Code::QuotaExceeded => Outcome::Retry {
                after: Some(self.wait.unwrap_or(QUOTA_WAIT)),
                reason,
            },
            Code::Unavailable | Code::Internal => Outcome::Retry {
                after: Some(self.wait.unwrap_or_default().max(SHORTEST_WAIT)),
                reason,
            },
            Code::ThirdPartyAuthError | Code::Unauthenticated | Code::PermissionDenied | Code::NotFound => {
                Outcome::Misconfigured { reason }
            }
        }
    }
}

impl Code {
    fn of(word: &str, status: u16) -> Self {
        match word {
            "UNREGISTERED" => Self::Unregistered,
            "SENDER_ID_MISMATCH" => Self::SenderIdMismatch,
            "INVALID_ARGUMENT" => Self::InvalidArgument,
            "QUOTA_EXCEEDED" => Self::QuotaExceeded,
            "UNAVAILABLE" => Self::Unavailable,
            "INTERNAL" => Self::Internal,
            "THIRD_PARTY_AUTH_ERROR" => Self::ThirdPartyAuthError,
            _ => match status {
                400 => Self::InvalidArgument,
                401 => Self::Unauthenticated,
                403 => Self::PermissionDenied,
                404 => Self::NotFound,
                429 => Self::QuotaExceeded,
                408 | 503 => Self::Unavailable,
                500..=599 => Self::Internal,
                _ => Self::Other,
            },
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Unregistered => "UNREGISTERED",
            Self::SenderIdMismatch => "SENDER_ID_MISMATCH",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::ThirdPartyAuthError => "THIRD_PARTY_AUTH_ERROR",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::Other => "of no known kind",
        }
    }
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_MESSAGE)
        .collect()
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code.as_str())?;
        for words in [&self.message, &self.violations] {
            if !words.is_empty() {
                write!(f, ": {words}")?;
            }
        }
        match self.code {
            Code::PermissionDenied => f.write_str(
                " (switch the Firebase Cloud Messaging API on, and give the service account the role to send)",
            ),
            Code::NotFound => f.write_str(" (is google.fcm.project the project's id?)"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn refusal(status: u16, code: &str, message: &str, wait: Option<Duration>) -> Refusal {
        let body = json!({"error": {"code": status, "message": message, "status": "X", "details": [
            {"@type": "type.googleapis.com/google.rpc.Help"},
            {"@type": FCM_ERROR, "errorCode": code},
            {"@type": BAD_REQUEST, "fieldViolations": [{"field": "message.data", "description": "Too long."}]},
        ]}});
        Refusal::parse(status, wait, body.to_string().as_bytes())
    }

    #[test]
    fn every_code_has_its_outcome() {
        let unregistered = refusal(404, "UNREGISTERED", "Requested entity was not found.", None);
        assert!(matches!(
            unregistered.outcome(NOW),
            Outcome::Gone { since: Some(NOW), .. }
        ));
        let gone = |outcome: &Outcome| matches!(outcome, Outcome::Gone { since: None, .. });
        let mismatch = refusal(403, "SENDER_ID_MISMATCH", "SenderId mismatch", None);
        assert!(gone(&mismatch.outcome(NOW)));
        let token = "The registration token is not a valid FCM registration token";
        assert!(gone(&refusal(400, "INVALID_ARGUMENT", token, None).outcome(NOW)));

        let payload = refusal(400, "INVALID_ARGUMENT", "Invalid data payload key: from", None).outcome(NOW);
        let Outcome::Rejected { reason } = payload else {
            panic!("a payload fault costs no address: {payload:?}")
        };
        assert!(reason.contains("message.data: Too long."), "{reason}");

        let auth = refusal(401, "THIRD_PARTY_AUTH_ERROR", "Auth error", None).outcome(NOW);
        assert!(matches!(auth, Outcome::Misconfigured { .. }));
    }

    #[test]
    fn waits_are_at_least_what_firebase_asks_for() {
        let after = |refusal: Refusal| match refusal.outcome(NOW) {
            Outcome::Retry { after, .. } => after,
            other => panic!("not to be tried again: {other:?}"),
        };
        let second = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(after(refusal(429, "QUOTA_EXCEEDED", "", None)), second(60));
        assert_eq!(after(refusal(429, "QUOTA_EXCEEDED", "", second(7))), second(7));
        for (status, code) in [(503, "UNAVAILABLE"), (500, "INTERNAL")] {
            assert_eq!(after(refusal(status, code, "", None)), second(10));
            assert_eq!(after(refusal(status, code, "", second(3))), second(10));
            assert_eq!(after(refusal(status, code, "", second(33))), second(33));
        }
    }

    #[test]
    fn a_status_alone_deletes_no_address() {
        for status in 300..600 {
            let outcome = Refusal::parse(status, None, b"<html>").outcome(NOW);
            assert!(!matches!(outcome, Outcome::Gone { .. }), "{status}");
        }
        let bare = |status| Refusal::parse(status, None, b"").outcome(NOW);
        for status in [401, 403, 404] {
            assert!(matches!(bare(status), Outcome::Misconfigured { .. }), "{status}");
        }
        assert!(matches!(bare(400), Outcome::Rejected { .. }));
        assert!(matches!(bare(502), Outcome::Retry { .. }));
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_panic(status in 300..600_u16, body: Vec<u8>, word in ".{0,40}") {
            let _ = Refusal::parse(status, None, &body).outcome(NOW);
            let _ = refusal(status, &word, &word, None).outcome(NOW);
        }
    }
}
