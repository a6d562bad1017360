//! What becomes of a consent that a file brings along.
//!
//! A file may take a consent away. It brings one along only with where and when the person gave it, and only for
//! somebody who was never asked here: what somebody has refused or withdrawn comes back through themselves alone.

use crate::domain::consent::{Channel, Evidence, Purpose};
use crate::domain::time::Timestamp;

/// Names the version of the words where a file does not say which they were.
const UNKNOWN_TEXT: &str = "unknown";
/// The language tag of words in an unknown language (BCP 47, RFC 5646 section 4.1).
const UNKNOWN_LANGUAGE: &str = "und";

/// What the cells of a row say about a consent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stated {
    pub given: Option<bool>,
    pub at: Option<Timestamp>,
    /// Where the words were shown.
    pub source: Option<Channel>,
    /// Which version of them, and in which language.
    pub text: Option<String>,
    pub language: Option<String>,
}

/// A consent that is to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub purpose: Purpose,
    pub given: bool,
    pub evidence: Evidence,
    /// When it was given or taken back, where the row says so.
    pub at: Option<Timestamp>,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as the row says, or the row says nothing.
    Nothing,
    Note(Noted),
    /// The row gives a consent without saying where and when, or one that the person has refused here.
    Left,
}

/// What a consent is after an import that says `wanted`, when it is `now`: a file may take a consent away, and may
/// bring one along for somebody who was never asked here, but never gives back what somebody has withdrawn.
pub fn consent_after(now: Option<bool>, wanted: Option<bool>) -> Option<bool> {
    match (now, wanted) {
        (_, Some(false)) => Some(false),
        (None, wanted) => wanted,
        (now, _) => now,
    }
}

/// What a row does to the consent to `purpose` that is `now`, none for somebody who was never asked. `language` is the
/// person's, for rows that do not say which the words were in.
pub(super) fn note(purpose: Purpose, now: Option<bool>, stated: &Stated, language: Option<&str>) -> Outcome {
    let after = consent_after(now, stated.given);
    let Some(given) = after.filter(|_| after != now) else {
        return if stated.given.is_some() && stated.given != after {
            Outcome::Left
        } else {
            Outcome::Nothing
        };
    };
    if given && (stated.at.is_none() || stated.source.is_none()) {
        return Outcome::Left;
    }
    let said = stated.language.as_deref();
    Outcome::Note(Noted {
        purpose,
        given,
        evidence: Evidence {
            text: stated.text.clone().unwrap_or_else(|| UNKNOWN_TEXT.into()),
            channel: stated.source.unwrap_or(Channel::Import),
            language: said.or(language).unwrap_or(UNKNOWN_LANGUAGE).to_owned(),
        },
        at: stated.at,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stated() -> impl Strategy<Value = Stated> {
        let source = prop::option::of(prop::sample::select(&Channel::ALL[..]));
        let at = prop::option::of((0..9_i64).prop_map(Timestamp));
        (any::<Option<bool>>(), at, source).prop_map(|(given, at, source)| Stated {
            given,
            at,
            source,
            text: None,
            language: None,
        })
    }

    proptest! {
        #[test]
        fn only_somebody_never_asked_gains_a_consent_and_only_with_its_evidence(
            now: Option<bool>, stated in stated()
        ) {
            match note(Purpose::Profiling, now, &stated, Some("de")) {
                Outcome::Note(noted) => {
                    prop_assert_eq!(Some(noted.given), stated.given);
                    prop_assert_ne!(Some(noted.given), now);
                    prop_assert_eq!(noted.at, stated.at);
                    let has_evidence = noted.at.is_some() && Some(noted.evidence.channel) == stated.source;
                    prop_assert!(!noted.given || (now.is_none() && has_evidence));
                }
                Outcome::Left => {
                    prop_assert_eq!(stated.given, Some(true));
                    prop_assert!(now == Some(false) || stated.at.is_none() || stated.source.is_none());
                }
                Outcome::Nothing => prop_assert!(stated.given.is_none() || stated.given == now),
            }
        }

        #[test]
        fn a_file_that_is_imported_again_notes_nothing(now: Option<bool>, stated in stated()) {
            if let Outcome::Note(noted) = note(Purpose::Marketing, now, &stated, None) {
                let again = note(Purpose::Marketing, Some(noted.given), &stated, None);
                prop_assert_eq!(again, Outcome::Nothing);
            }
        }
    }
}
