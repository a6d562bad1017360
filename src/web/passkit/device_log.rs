//! What phones complain about: the lines of `POST /v1/log`, recognised, shortened and cleaned.
//!
//! Anybody can post here, so nothing is believed: lines are capped in number and length, control characters go,
//! and every run of characters that could be a token is blanked out before a line reaches the log.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::domain::id::MerchantId;
use crate::domain::time::Timestamp;

/// Most lines taken from one request.
pub(super) const LINES_PER_REQUEST: usize = 50;
const LINES_PER_MERCHANT: u32 = 120;
const LINES_PER_NODE: u32 = 1200;
const WINDOW: Duration = Duration::from_secs(60);
const LONGEST_LINE: usize = 400;
/// As long as the shortest secret: 32 hexadecimal digits. Our serial numbers are shorter and stay readable.
const SECRET_LENGTH: usize = 32;

/// What a line is about, by the words that Apple's `passd` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    /// A pass was fetched and had not changed: a push or a list named it without need.
    Unchanged,
    Authentication,
    /// We pushed for a pass that is not registered there.
    Unregistered,
    Signature,
    Register,
    Unregister,
    List,
    Fetch,
    Other,
}

impl Complaint {
    /// The first rule that fits wins: causes before tasks.
    const RULES: [(&'static str, Self); 9] = [
        ("pass was unchanged", Self::Unchanged),
        ("ignored the 'if-modified-since' header", Self::Unchanged),
        ("authentication failure", Self::Authentication),
        ("unregistered serial number", Self::Unregistered),
        ("signature", Self::Signature),
        ("unregister task", Self::Unregister),
        ("register task", Self::Register),
        ("get serial", Self::List),
        ("get pass task", Self::Fetch),
    ];

    pub(super) fn of(line: &str) -> Self {
        let line = line.to_lowercase();
        Self::RULES
            .iter()
            .find(|(words, _)| line.contains(words))
            .map_or(Self::Other, |(_, complaint)| *complaint)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Authentication => "authentication",
            Self::Unregistered => "unregistered",
            Self::Signature => "signature",
            Self::Register => "register",
            Self::Unregister => "unregister",
            Self::List => "list",
            Self::Fetch => "fetch",
            Self::Other => "other",
        }
    }
}

/// A line fit for a log: one line, bounded, without anything that may be a token.
pub(super) fn clean(line: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for character in line.chars().take(LONGEST_LINE) {
        if character.is_ascii_alphanumeric() || "_-+=".contains(character) {
            run.push(character);
            continue;
        }
        flush(&mut out, &mut run);
        out.push(if character.is_control() { ' ' } else { character });
    }
    // The cut may have shortened a token below the length of one.
    if line.chars().nth(LONGEST_LINE).is_some() {
        run.clear();
        out.push('…');
    }
    flush(&mut out, &mut run);
    out
}

fn flush(out: &mut String, run: &mut String) {
    out.push_str(if run.len() >= SECRET_LENGTH { "[…]" } else { run });
    run.clear();
}

/// How many lines are written a minute, for each merchant and for the node.
#[derive(Debug, Default)]
pub(super) struct LineAllowance {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    ends_at: Option<Timestamp>,
    total: u32,
    // Bounded by LINES_PER_NODE: a merchant is entered with its first line.
    by_merchant: HashMap<MerchantId, u32>,
}

impl LineAllowance {
    /// Takes one line of `merchant`'s allowance; false when it is used up.
    pub(super) fn take(&self, merchant: MerchantId, now: Timestamp) -> bool {
        let mut window = self
            .window
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if window.ends_at.is_none_or(|end| now >= end) {
            *window = Window {
                ends_at: Some(now.plus(WINDOW)),
                ..Window::default()
            };
        }
        if window.total >= LINES_PER_NODE {
            return false;
        }
        let used = window.by_merchant.entry(merchant).or_default();
        if *used >= LINES_PER_MERCHANT {
            return false;
        }
        *used += 1;
        window.total += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sentences_of_passd_are_recognised() {
        let rows = [
            (
                "Server requested update to serial number 'abc', but the pass was unchanged.",
                Complaint::Unchanged,
            ),
            (
                "Server ignored the 'if-modified-since' header (Sun, 06 Nov 1994 08:49:37 GMT) and returned the full \
                 unchanged pass data for serial number 'abc'.",
                Complaint::Unchanged,
            ),
            (
                "Register task (for device 1, pass type pass.x, serial number abc; with web service url https://x) \
                 encountered error: Authentication failure",
                Complaint::Authentication,
            ),
            (
                "Update requested for unregistered serial number abc",
                Complaint::Unregistered,
            ),
            (
                "Invalid data error reading pass pass.x/abc. Manifest signature did not verify successfully",
                Complaint::Signature,
            ),
            (
                "Unregister task (for device 1) encountered error: timeout",
                Complaint::Unregister,
            ),
            (
                "Register task (for device 1) encountered error: timeout",
                Complaint::Register,
            ),
            (
                "Get serial #s task (for device 1) encountered error: timeout",
                Complaint::List,
            ),
            (
                "Get pass task (pass type pass.x) encountered error: timeout",
                Complaint::Fetch,
            ),
            ("hello", Complaint::Other),
        ];
        for (line, complaint) in rows {
            assert_eq!(Complaint::of(line), complaint, "{line}");
        }
    }

    #[test]
    fn nothing_like_a_token_survives() {
        let token = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let cleaned = clean(&format!(
            "ApplePass {token}\nserial 0000000000abc at https://x.example/v1/{token}?a"
        ));
        assert_eq!(
            cleaned,
            "ApplePass […] serial 0000000000abc at https://x.example/v1/[…]?a"
        );
        let late = format!("{} {token}", "x ".repeat(190));
        assert!(!clean(&late).contains("0123456789"));
    }

    #[test]
    fn one_merchants_noise_does_not_silence_another() {
        let allowance = LineAllowance::default();
        let now = Timestamp(1_000_000);
        let taken = (0..1000).filter(|_| allowance.take(MerchantId(1), now)).count();
        assert_eq!(taken, 120);
        assert!(allowance.take(MerchantId(2), now));
        assert!(allowance.take(MerchantId(1), now.plus(WINDOW)));
    }

    #[test]
    fn invented_merchants_are_bounded_together() {
        let allowance = LineAllowance::default();
        let taken = (1..10_000)
            .filter(|n| allowance.take(MerchantId(*n), Timestamp(0)))
            .count();
        assert_eq!(taken, 1200);
    }

    proptest! {
        #[test]
        fn a_cleaned_line_is_one_bounded_line(line in "\\PC{0,600}|[\\x00-\\x7f]{0,600}") {
            let cleaned = clean(&line);
            prop_assert!(cleaned.chars().count() <= LONGEST_LINE + 4);
            prop_assert!(!cleaned.chars().any(char::is_control));
        }
    }
}
