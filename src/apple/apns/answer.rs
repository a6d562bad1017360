//! What an answer of APNs means: a pure, total mapping from (status, reason, timestamp, Retry-After) to an
//! [`Outcome`].
//!
//! The reason decides where it is known; the status decides where it is not, and then the provider's own word is
//! kept. Apple, "Handling notification responses from APNs", lists the statuses and reasons. `a2` knows 28 of the
//! 32 reasons; the four that are younger are named here. What an answer says about the provider token, apart from the
//! push, is a [`TokenWord`].

use std::time::Duration;

use a2::ErrorReason;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NotAReason, StrDeserializer};

use crate::domain::delivery::Outcome;
use crate::domain::time::Timestamp;

/// How long a phone's token rests after "too many requests" when APNs names no time.
const TOKEN_REST: Duration = Duration::from_secs(120);
/// No wish of a server puts a push off for longer.
const LONGEST_WISH: Duration = Duration::from_secs(86_400);
/// An unknown reason is kept up to this many bytes.
const REASON_LIMIT: usize = 100;

/// The JSON body of every answer but 200.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    reason: String,
    /// Unix milliseconds: when APNs last confirmed that the token was dead for the topic.
    timestamp: Option<i64>,
}

enum Reason {
    Known(ErrorReason),
    ExpiredToken,
    InvalidPushType,
    UnrelatedKeyIdInToken,
    BadEnvironmentKeyIdInToken,
    Unknown,
}

impl Reason {
    fn parse(text: &str) -> Self {
        let deserializer: StrDeserializer<'_, NotAReason> = text.into_deserializer();
        match ErrorReason::deserialize(deserializer) {
            Ok(known) => Self::Known(known),
            Err(_) => match text {
                "ExpiredToken" => Self::ExpiredToken,
                "InvalidPushType" => Self::InvalidPushType,
                "UnrelatedKeyIdInToken" => Self::UnrelatedKeyIdInToken,
                "BadEnvironmentKeyIdInToken" => Self::BadEnvironmentKeyIdInToken,
                _ => Self::Unknown,
            },
        }
    }
}

/// What an answer says about the provider token that came with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenWord {
    /// The credentials were taken; whatever is wrong is wrong with the push.
    Good,
    /// Too old: another one may be tried at once.
    Expired,
    /// Made too soon after the one before.
    TooMany,
    /// Refused, and a new one would be as well; also when nobody got as far as looking at it.
    Unproven,
}

/// Whether the token was good, by an answer of `status` with `body`.
pub(super) fn token_word(status: u16, body: &[u8]) -> TokenWord {
    match status {
        403 | 429 => {
            let body: Body = serde_json::from_slice(body).unwrap_or(Body {
                reason: String::new(),
                timestamp: None,
            });
            match (status, Reason::parse(&body.reason)) {
                (_, Reason::Known(ErrorReason::ExpiredProviderToken)) => TokenWord::Expired,
                (_, Reason::Known(ErrorReason::TooManyProviderTokenUpdates)) => TokenWord::TooMany,
                (429, _) => TokenWord::Good,
                _ => TokenWord::Unproven,
            }
        }
        200..=499 => TokenWord::Good,
        _ => TokenWord::Unproven,
    }
}

/// What `status` with `body` (JSON, or anything else) means. `retry_after` is the header's value, read with
/// [`parse_retry_after`].
pub(super) fn outcome(status: u16, body: &[u8], retry_after: Option<Duration>) -> Outcome {
    if status == 200 {
        return Outcome::Accepted;
    }
    let body: Body = serde_json::from_slice(body).unwrap_or(Body {
        reason: String::new(),
        timestamp: None,
    });
    let text = if body.reason.is_empty() {
        format!("status {status}")
    } else {
        printable(&body.reason)
    };
    let gone = |since| Outcome::Gone {
        since,
        reason: text.clone(),
    };
    let retry = |after| Outcome::Retry {
        after,
        reason: text.clone(),
    };
    let misconfigured = || Outcome::Misconfigured { reason: text.clone() };
    let rejected = || Outcome::Rejected { reason: text.clone() };

    use ErrorReason as Apple;
    match Reason::parse(&body.reason) {
        // Never a matter of time: this token was not made by the production service.
        Reason::Known(Apple::BadDeviceToken) => gone(None),
        Reason::Known(Apple::Unregistered) | Reason::ExpiredToken => gone(body.timestamp.map(Timestamp)),
        Reason::Known(
            Apple::DeviceTokenNotForTopic
            | Apple::BadTopic
            | Apple::TopicDisallowed
            | Apple::MissingTopic
            | Apple::BadCertificate
            | Apple::BadCertificateEnvironment
            | Apple::Forbidden
            | Apple::ExpiredProviderToken
            | Apple::InvalidProviderToken
            | Apple::MissingProviderToken,
        )
        | Reason::UnrelatedKeyIdInToken
        | Reason::BadEnvironmentKeyIdInToken => misconfigured(),
        Reason::Known(
            Apple::BadCollapseId
            | Apple::BadExpirationDate
            | Apple::BadMessageId
            | Apple::BadPriority
            | Apple::DuplicateHeaders
            | Apple::MissingDeviceToken
            | Apple::PayloadEmpty
            | Apple::PayloadTooLarge
            | Apple::BadPath
            | Apple::MethodNotAllowed,
        )
        | Reason::InvalidPushType => rejected(),
        Reason::Known(Apple::TooManyRequests) => retry(Some(retry_after.unwrap_or(TOKEN_REST))),
        Reason::Known(
            Apple::TooManyProviderTokenUpdates
            | Apple::IdleTimeout
            | Apple::InternalServerError
            | Apple::ServiceUnavailable
            | Apple::Shutdown,
        ) => retry(retry_after),
        Reason::Unknown => match status {
            403 => misconfigured(),
            408 => retry(retry_after),
            410 => gone(body.timestamp.map(Timestamp)),
            429 => retry(Some(retry_after.unwrap_or(TOKEN_REST))),
            400..=499 => rejected(),
            // A redirect: whatever answers there is not APNs.
            300..=399 => misconfigured(),
            _ => retry(retry_after),
        },
    }
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date. Anything else is no wish.
pub(super) fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wish = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(value).ok()?;
            Timestamp(date.timestamp().as_millisecond()).since(now)
        }
    };
    Some(wish.min(LONGEST_WISH))
}

fn printable(reason: &str) -> String {
    reason
        .chars()
        .filter(|character| !character.is_control())
        .take(REASON_LIMIT)
        .collect()
}

#[cfg(test)]
mod tests;
