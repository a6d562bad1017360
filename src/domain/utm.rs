//! Where a holder came from: the five campaign words of the link they first landed on.
//!
//! The first landing counts, and nothing changes once the card was installed. The words are bounded and printable;
//! what is too long is cut and not refused, because nobody is turned away for the length of a link.

use crate::domain::card::CardStatus;

/// Characters kept of each word.
const MOST: usize = 100;
/// Parameters looked at in a link.
const PARAMETERS: usize = 100;

/// The campaign words of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Utm {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub content: Option<String>,
    pub term: Option<String>,
}

impl Utm {
    /// Reads the query of a link, `utm_source=flyer&utm_medium=qr`. The first of two equal names counts.
    pub fn from_query(query: &str) -> Self {
        let mut utm = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(PARAMETERS) {
            let slot = match name.as_ref() {
                "utm_source" => &mut utm.source,
                "utm_medium" => &mut utm.medium,
                "utm_campaign" => &mut utm.campaign,
                "utm_content" => &mut utm.content,
                "utm_term" => &mut utm.term,
                _ => continue,
            };
            if slot.is_none() {
                *slot = word(&value);
            }
        }
        utm
    }

    pub fn is_empty(&self) -> bool {
        self.words().iter().all(|(_, word)| word.is_none())
    }

    /// The words that there are, by the names that they have in a link.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = [
            "utm_source",
            "utm_medium",
            "utm_campaign",
            "utm_content",
            "utm_term",
        ];
        let words = names.into_iter().zip(self.words());
        words.filter_map(|(name, (_, word))| Some((name, word?)))
    }

    /// Each word with its name.
    pub fn words(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("source", self.source.as_deref()),
            ("medium", self.medium.as_deref()),
            ("campaign", self.campaign.as_deref()),
            ("content", self.content.as_deref()),
            ("term", self.term.as_deref()),
        ]
    }
}

/// Whether a landing still counts for a card.
pub fn counts(status: CardStatus, known: bool) -> bool {
    status == CardStatus::Pending && !known
}

fn word(text: &str) -> Option<String> {
    let printable = text.trim().chars().filter(|letter| !letter.is_control());
    let word: String = printable.take(MOST).collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_words_of_a_link_are_read_and_the_first_counts() {
        let utm =
            Utm::from_query("a=1&utm_source=Table+tent&utm_term=caf%C3%A9&utm_source=other&utm_medium=");
        assert_eq!(utm.source.as_deref(), Some("Table tent"));
        assert_eq!(utm.term.as_deref(), Some("café"));
        assert_eq!((utm.medium, utm.campaign), (None, None));
        assert!(Utm::from_query("gclid=1").is_empty());
    }

    #[test]
    fn nothing_changes_after_the_first_landing_or_the_install() {
        assert!(counts(CardStatus::Pending, false));
        assert!(!counts(CardStatus::Pending, true));
        assert!(!counts(CardStatus::Installed, false));
        assert!(!counts(CardStatus::Removed, false));
    }

    proptest! {
        #[test]
        fn no_query_makes_reading_panic_and_words_are_bounded(query in "(utm_source=)?.{0,300}") {
            let utm = Utm::from_query(&query);
            for (_, word) in utm.words() {
                let word = word.unwrap_or_default();
                prop_assert!(word.chars().count() <= MOST && !word.chars().any(char::is_control));
            }
        }
    }
}
