//! On what a page is looked at, as far as its browser says: what fits comes first, and nothing is left out.

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

/// The wallet that a visitor most likely has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Apple,
    Android,
    Other,
}

impl Platform {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self::of_agent(agent.unwrap_or_default())
    }

    /// Tablets of Apple call themselves Macintosh, and a Mac shows passes, too.
    fn of_agent(agent: &str) -> Self {
        let says = |name: &str| agent.contains(name);
        if says("Android") {
            Self::Android
        } else if ["iPhone", "iPad", "iPod", "Macintosh"].into_iter().any(says) {
            Self::Apple
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_told_apart() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
                Platform::Apple,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15",
                Platform::Apple,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0",
                Platform::Android,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/133.0",
                Platform::Other,
            ),
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0", Platform::Other),
            ("", Platform::Other),
        ] {
            assert_eq!(Platform::of_agent(agent), expected, "{agent}");
        }
    }
}
