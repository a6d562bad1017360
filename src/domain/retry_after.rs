//! A provider's wish when to come back: the `Retry-After` header of RFC 9110 §10.2.3, seconds or a date.

use std::time::Duration;

use crate::domain::time::{DAY, Timestamp};

/// How long after `now`; at most a day, so that a provider's mistake delays nothing for ever. `None` for anything else.
pub fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        // The form of HTTP's dates is one of RFC 2822's.
        Err(_) => {
            let then = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .ok()?;
            Timestamp(then.as_millisecond()).since(now)
        }
    };
    Some(wait.min(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now = Timestamp(1_800_000_000_000); // Fri, 15 Jan 2027 08:00:00 GMT
        assert_eq!(parse("120", now), Some(Duration::from_secs(120)));
        let date = parse("Fri, 15 Jan 2027 08:05:00 GMT", now);
        assert_eq!(date, Some(Duration::from_secs(300)));
        assert_eq!(parse("Fri, 15 Jan 2027 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse("99999999", now), Some(DAY));
        for nothing in ["", "-1", "soon", "1.5"] {
            assert_eq!(parse(nothing, now), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_parsing_panic(text in ".{0,60}", now: i64) {
            let _ = parse(&text, Timestamp(now));
        }
    }
}
