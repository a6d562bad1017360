//! The whole table of reasons, and what no table has.

use super::*;
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Kind {
    Gone,
    Retry,
    Misconfigured,
    Rejected,
}

/// Apple's table: status, reason, what follows.
const TABLE: [(u16, &str, Kind); 32] = [
    (400, "BadCollapseId", Kind::Rejected),
    (400, "BadDeviceToken", Kind::Gone),
    (400, "BadExpirationDate", Kind::Rejected),
    (400, "BadMessageId", Kind::Rejected),
    (400, "BadPriority", Kind::Rejected),
    (400, "BadTopic", Kind::Misconfigured),
    (400, "DeviceTokenNotForTopic", Kind::Misconfigured),
    (400, "DuplicateHeaders", Kind::Rejected),
    (400, "IdleTimeout", Kind::Retry),
    (400, "InvalidPushType", Kind::Rejected),
    (400, "MissingDeviceToken", Kind::Rejected),
    (400, "MissingTopic", Kind::Misconfigured),
    (400, "PayloadEmpty", Kind::Rejected),
    (400, "TopicDisallowed", Kind::Misconfigured),
    (403, "BadCertificate", Kind::Misconfigured),
    (403, "BadCertificateEnvironment", Kind::Misconfigured),
    (403, "BadEnvironmentKeyIdInToken", Kind::Misconfigured),
    (403, "ExpiredProviderToken", Kind::Misconfigured),
    (403, "Forbidden", Kind::Misconfigured),
    (403, "InvalidProviderToken", Kind::Misconfigured),
    (403, "MissingProviderToken", Kind::Misconfigured),
    (403, "UnrelatedKeyIdInToken", Kind::Misconfigured),
    (404, "BadPath", Kind::Rejected),
    (405, "MethodNotAllowed", Kind::Rejected),
    (410, "ExpiredToken", Kind::Gone),
    (410, "Unregistered", Kind::Gone),
    (413, "PayloadTooLarge", Kind::Rejected),
    (429, "TooManyProviderTokenUpdates", Kind::Retry),
    (429, "TooManyRequests", Kind::Retry),
    (500, "InternalServerError", Kind::Retry),
    (503, "ServiceUnavailable", Kind::Retry),
    (503, "Shutdown", Kind::Retry),
];

fn kind(outcome: &Outcome) -> Option<(Kind, &str)> {
    Some(match outcome {
        Outcome::Accepted | Outcome::Silenced { .. } => return None,
        Outcome::Gone { reason, .. } => (Kind::Gone, reason),
        Outcome::Retry { reason, .. } | Outcome::Unanswered { reason } | Outcome::Untried { reason, .. } => {
            (Kind::Retry, reason)
        }
        Outcome::Misconfigured { reason } => (Kind::Misconfigured, reason),
        Outcome::Rejected { reason } => (Kind::Rejected, reason),
    })
}

#[test]
fn every_reason_has_its_outcome_and_keeps_its_name() {
    for (status, reason, expected) in TABLE {
        let body = format!(r#"{{"reason":"{reason}"}}"#);
        let outcome = outcome(status, body.as_bytes(), None);
        assert_eq!(kind(&outcome), Some((expected, reason)), "{status} {reason}");
    }
}

#[test]
fn what_an_answer_says_about_the_provider_token() {
    for (status, reason, _) in TABLE {
        let expected = match (status, reason) {
            (_, "ExpiredProviderToken") => TokenWord::Expired,
            (_, "TooManyProviderTokenUpdates") => TokenWord::TooMany,
            (403 | 500..=599, _) => TokenWord::Unproven,
            _ => TokenWord::Good,
        };
        let body = format!(r#"{{"reason":"{reason}"}}"#);
        assert_eq!(token_word(status, body.as_bytes()), expected, "{status} {reason}");
    }
    assert_eq!(token_word(200, b""), TokenWord::Good);
    assert_eq!(token_word(403, b"<html>"), TokenWord::Unproven);
}

#[test]
fn only_200_is_acceptance() {
    assert_eq!(outcome(200, b"", None), Outcome::Accepted);
    for status in (100..1000).filter(|status| *status != 200) {
        assert_ne!(outcome(status, b"", None), Outcome::Accepted);
    }
}

#[test]
fn a_dead_token_carries_the_time_of_its_death_unless_it_never_lived() {
    let body = br#"{"reason":"Unregistered","timestamp":1454402113000}"#;
    assert!(matches!(
        outcome(410, body, None),
        Outcome::Gone {
            since: Some(Timestamp(1_454_402_113_000)),
            ..
        }
    ));
    assert!(matches!(
        outcome(410, br#"{"reason":"Unregistered"}"#, None),
        Outcome::Gone { since: None, .. }
    ));
    let body = br#"{"reason":"BadDeviceToken","timestamp":1454402113000}"#;
    assert!(matches!(
        outcome(400, body, None),
        Outcome::Gone { since: None, .. }
    ));
}

#[test]
fn an_unknown_reason_is_judged_by_its_status_and_kept_as_text() {
    let judge = |status| outcome(status, br#"{"reason":"SunSpots"}"#, None);
    for (status, expected) in [
        (302, Kind::Misconfigured),
        (400, Kind::Rejected),
        (403, Kind::Misconfigured),
        (408, Kind::Retry),
        (410, Kind::Gone),
        (418, Kind::Rejected),
        (429, Kind::Retry),
        (500, Kind::Retry),
        (599, Kind::Retry),
    ] {
        assert_eq!(kind(&judge(status)), Some((expected, "SunSpots")));
    }
    assert_eq!(
        outcome(502, b"<html>bad gateway</html>", None),
        Outcome::Retry {
            after: None,
            reason: "status 502".into()
        }
    );
}

#[test]
fn the_providers_wish_is_carried() {
    let wish = Some(Duration::from_secs(7));
    for body in [
        r#"{"reason":"ServiceUnavailable"}"#,
        r#"{"reason":"TooManyRequests"}"#,
        "",
    ] {
        assert!(matches!(
            outcome(503, body.as_bytes(), wish),
            Outcome::Retry { after, .. } if after == wish
        ));
    }
    let rest = outcome(429, br#"{"reason":"TooManyRequests"}"#, None);
    assert!(matches!(
        rest,
        Outcome::Retry {
            after: Some(TOKEN_REST),
            ..
        }
    ));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = Timestamp(1_445_412_480_000); // 2015-10-21T07:28:00Z
    assert_eq!(parse_retry_after(" 30 ", now), Some(Duration::from_secs(30)));
    assert_eq!(
        parse_retry_after("Wed, 21 Oct 2015 07:28:09 GMT", now),
        Some(Duration::from_secs(9))
    );
    assert_eq!(
        parse_retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now),
        Some(Duration::ZERO)
    );
    assert_eq!(parse_retry_after("99999999999", now), Some(LONGEST_WISH));
    assert_eq!(parse_retry_after("soon", now), None);
}

proptest! {
    #[test]
    fn no_answer_panics_or_grows(
        status: u16,
        body in proptest::collection::vec(any::<u8>(), 0..300),
        wish in ".{0,40}",
    ) {
        let retry_after = parse_retry_after(&wish, Timestamp(0));
        if let Some((_, reason)) = kind(&outcome(status, &body, retry_after)) {
            prop_assert!(reason.chars().count() <= REASON_LIMIT);
        }
    }

    #[test]
    fn no_reason_is_lost(status in 201..1000_u16, reason in "[A-Za-z]{1,40}") {
        let body = format!(r#"{{"reason":"{reason}"}}"#);
        let outcome = outcome(status, body.as_bytes(), None);
        prop_assert_eq!(kind(&outcome).map(|(_, text)| text), Some(reason.as_str()));
    }
}
