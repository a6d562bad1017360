//! Whether a phone already has the version that it asks for (RFC 9110 §13).
//!
//! A card's `changed_at` moves forward by at least a second with each version, so its whole seconds tell versions
//! apart and `Last-Modified` is exact. Under more than one change a second it runs ahead of the wall clock; RFC 9110
//! §8.8.2.1 would have it cut back to now, but then two versions would share a date and a phone would either
//! keep an old pass or be sent an unchanged one.

use axum::http::{HeaderMap, HeaderValue, header};
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use crate::domain::id::CardId;
use crate::domain::time::Timestamp;

/// One version of one pass as HTTP names it.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    seconds: i64,
    entity_tag: String,
}

impl Validators {
    pub(super) fn new(card: CardId, version: i64, changed_at: Timestamp) -> Self {
        let seconds = changed_at.0.div_euclid(1000);
        Self {
            seconds,
            // An alert that was let through changes the pass and not the version.
            entity_tag: format!("\"{card}-{version}-{seconds}\""),
        }
    }

    /// Whether the caller's copy is this version. An entity tag, where one is sent, decides alone (§13.2.2).
    pub(super) fn match_copy_of(&self, headers: &HeaderMap) -> bool {
        let mut tags = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            return tags.any(|value| value.to_str().is_ok_and(|list| self.is_named_in(list)));
        }
        headers
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|value| value.to_str().ok())
            .and_then(parse_date)
            .is_some_and(|seconds| seconds >= self.seconds)
    }

    /// Writes `Last-Modified` and `ETag`.
    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        let changed = Timestamp(self.seconds.saturating_mul(1000)).to_jiff();
        let printed = DateTimePrinter::new().timestamp_to_rfc9110_string(&changed).ok();
        if let Some(date) = printed.and_then(|date| HeaderValue::try_from(date).ok()) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        if let Ok(tag) = HeaderValue::try_from(&self.entity_tag) {
            headers.insert(header::ETAG, tag);
        }
    }

    fn is_named_in(&self, list: &str) -> bool {
        list.split(',').map(str::trim).any(|member| {
            // Weak comparison: a proxy that compressed the pass marks our tag as weak.
            member == "*" || member.strip_prefix("W/").unwrap_or(member) == self.entity_tag
        })
    }
}

/// Unix seconds of an HTTP-date in any of its three forms (§5.6.7); `None` for anything else, which then counts
/// as not sent.
fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let fixed = DateTimeParser::new().parse_timestamp(text).ok();
    let rfc_850 = || {
        jiff::fmt::strtime::parse("%A, %d-%b-%y %H:%M:%S GMT", text)
            .ok()?
            .to_datetime()
            .ok()
    };
    let asctime = || {
        jiff::fmt::strtime::parse("%a %b %e %H:%M:%S %Y", text)
            .ok()?
            .to_datetime()
            .ok()
    };
    fixed
        .or_else(|| {
            let civil = rfc_850().or_else(asctime)?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })
        .map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a header value"))])
    }

    #[test]
    fn the_three_forms_of_a_date_are_one_instant() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_date(text), Some(784_111_777), "{text}");
        }
        for text in [
            "",
            "784111777",
            "784111777.5",
            "1994-11-06T08:49:37Z",
            "yesterday",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_entity_tag_outranks_a_date() {
        let pass = Validators::new(CardId(7), 3, Timestamp(784_111_777_900));
        let mut sent = headers(header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(pass.match_copy_of(&sent));
        sent.insert(
            header::IF_NONE_MATCH,
            HeaderValue::from_static("\"other\", W/\"x\""),
        );
        assert!(!pass.match_copy_of(&sent));
        let own = format!("\"other\" , W/{}", pass.entity_tag);
        assert!(pass.match_copy_of(&headers(header::IF_NONE_MATCH, &own)));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_understood_and_only_until_the_next_version(at in 0..4_000_000_000_000_i64) {
            let now = Timestamp(at);
            let mut sent = HeaderMap::new();
            Validators::new(CardId(1), 1, now).put_into(&mut sent);
            let date = sent[header::LAST_MODIFIED].to_str().expect("ASCII").to_owned();
            let copy = headers(header::IF_MODIFIED_SINCE, &date);
            prop_assert!(Validators::new(CardId(1), 1, now).match_copy_of(&copy));
            let next = Timestamp((at.div_euclid(1000) + 1) * 1000);
            prop_assert!(!Validators::new(CardId(1), 2, next).match_copy_of(&copy));
        }

        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let pass = Validators::new(CardId(1), 1, Timestamp(0));
                let _ = pass.match_copy_of(&HeaderMap::from_iter([(header::IF_MODIFIED_SINCE, value.clone())]));
                let _ = pass.match_copy_of(&HeaderMap::from_iter([(header::IF_NONE_MATCH, value)]));
            }
        }
    }
}
