//! What a push service's answer means for the push (RFC 8030 §5, §7.3; RFC 8292 §4.2).

use std::error::Error as _;
use std::time::Duration;

use http::StatusCode;

use crate::domain::delivery::Outcome;
use crate::domain::time::Timestamp;
use crate::web_push::endpoint::NotPublic;

/// How long we hold back where a service says "too many" and not for how long.
const TOO_MANY: Duration = Duration::from_secs(60);
/// Letters of a service's own words that are kept.
const LONGEST_WORDS: usize = 100;

pub(super) fn outcome(status: StatusCode, wait: Option<Duration>, said: &[u8], now: Timestamp) -> Outcome {
    let reason = reason(status, said);
    match status.as_u16() {
        // 201 is what RFC 8030 asks for; some services say 200 or 202.
        200..=299 => Outcome::Accepted,
        // Said of this one subscription, by the service that made it: there is nothing to doubt.
        404 | 410 => Outcome::Gone {
            since: Some(now),
            reason,
        },
        401 | 403 => Outcome::Misconfigured { reason },
        408 | 500..=599 => Outcome::Retry { after: wait, reason },
        429 => Outcome::Retry {
            after: Some(wait.unwrap_or(TOO_MANY)),
            reason,
        },
        _ => Outcome::Rejected { reason },
    }
}

/// No answer came.
pub(super) fn unanswered(origin: &str, error: reqwest::Error) -> Outcome {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(refusal) = cause.downcast_ref::<NotPublic>() {
            return Outcome::Rejected {
                reason: refusal.to_string(),
            };
        }
        text = cause.to_string();
        next = cause.source();
    }
    Outcome::Unanswered {
        reason: format!("no answer from {origin}: {text}"),
    }
}

/// The status and the first of the service's words, as far as they are letters: a stranger may have written them.
fn reason(status: StatusCode, said: &[u8]) -> String {
    let words: String = String::from_utf8_lossy(said)
        .chars()
        .filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
        .take(LONGEST_WORDS)
        .collect();
    let words = words.trim();
    if words.is_empty() {
        status.as_u16().to_string()
    } else {
        format!("{} {words}", status.as_u16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(status: u16, wait: Option<Duration>) -> Outcome {
        let status = StatusCode::from_u16(status).expect("a status");
        outcome(status, wait, b"", NOW)
    }

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn every_answer_has_its_meaning() {
        for status in [200, 201, 202] {
            assert_eq!(judged(status, None), Outcome::Accepted);
        }
        for status in [404, 410] {
            assert!(matches!(
                judged(status, None),
                Outcome::Gone { since: Some(NOW), .. }
            ));
        }
        for status in [400, 413, 302, 415] {
            assert!(
                matches!(judged(status, None), Outcome::Rejected { .. }),
                "{status}"
            );
        }
        for status in [401, 403] {
            assert!(matches!(judged(status, None), Outcome::Misconfigured { .. }));
        }
        let wait = Some(Duration::from_secs(7));
        for status in [429, 500, 502, 503, 504] {
            let judged = judged(status, wait);
            assert!(
                matches!(judged, Outcome::Retry { after, .. } if after == wait),
                "{status}"
            );
        }
        assert!(matches!(
            judged(429, None),
            Outcome::Retry {
                after: Some(TOO_MANY),
                ..
            }
        ));
        assert!(matches!(judged(503, None), Outcome::Retry { after: None, .. }));
    }

    #[test]
    fn a_reason_is_a_few_letters() {
        let status = StatusCode::FORBIDDEN;
        assert_eq!(
            reason(status, br#"{"reason":"BadJwtToken"}"#),
            r#"403 {"reason":"BadJwtToken"}"#
        );
        assert_eq!(reason(status, b"\x1b\n\xff "), "403");
        assert!(reason(status, &[b'a'; 5000]).len() < 110);
    }

    proptest! {
        #[test]
        fn no_answer_makes_judging_panic(status in 200..600_u16, said: Vec<u8>) {
            let _ = outcome(StatusCode::from_u16(status).expect("a status"), None, &said, NOW);
        }
    }
}
