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

/// One of the campaign words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    Source,
    Medium,
    Campaign,
    Content,
    Term,
}

impl Word {
    pub const ALL: [Self; 5] = [
        Self::Source,
        Self::Medium,
        Self::Campaign,
        Self::Content,
        Self::Term,
    ];

    /// Its name in links and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "utm_source",
            Self::Medium => "utm_medium",
            Self::Campaign => "utm_campaign",
            Self::Content => "utm_content",
            Self::Term => "utm_term",
        }
    }
}

impl Utm {
    pub fn word(&self, word: Word) -> Option<&str> {
        match word {
            Word::Source => self.source.as_deref(),
            Word::Medium => self.medium.as_deref(),
            Word::Campaign => self.campaign.as_deref(),
            Word::Content => self.content.as_deref(),
            Word::Term => self.term.as_deref(),
        }
    }

    /// Sets a word as a link would: cut where it is too long, left out where nothing of it can be printed.
    pub fn set(&mut self, name: Word, text: &str) {
        let slot = match name {
            Word::Source => &mut self.source,
            Word::Medium => &mut self.medium,
            Word::Campaign => &mut self.campaign,
            Word::Content => &mut self.content,
            Word::Term => &mut self.term,
        };
        *slot = word(text);
    }

    /// The first word that is said here and is another one there, or none at all.
    pub fn differs(&self, there: &Self) -> Option<Word> {
        Word::ALL.into_iter().find(|name| {
            // What was kept before ends were trimmed is trimmed here.
            let theirs = there.word(*name).and_then(word);
            self.word(*name)
                .is_some_and(|said| Some(said) != theirs.as_deref())
        })
    }

    /// Reads the query of a link, `utm_source=flyer&utm_medium=qr`. The first of two equal names counts.
    pub fn from_query(query: &str) -> Self {
        let mut utm = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(PARAMETERS) {
            let named = Word::ALL.into_iter().find(|word| word.as_str() == name);
            if let Some(word) = named.filter(|word| utm.word(*word).is_none()) {
                utm.set(word, &value);
            }
        }
        utm
    }

    pub fn is_empty(&self) -> bool {
        self.words().iter().all(|(_, word)| word.is_none())
    }

    /// The words that there are, by the names that they have in a link.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Word::ALL
            .into_iter()
            .filter_map(|name| Some((name.as_str(), self.word(name)?)))
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
    // What was cut or left out may have stood before a space.
    let word = word.trim();
    (!word.is_empty()).then(|| word.to_owned())
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
        fn a_word_that_was_kept_is_kept_as_it_is_and_differs_from_no_other_spelling(text in "(.|[ \u{1}\u{a0}]){0,120}") {
            let mut utm = Utm::default();
            utm.set(Word::Term, &text);
            let mut again = Utm::default();
            again.set(Word::Term, utm.word(Word::Term).unwrap_or_default());
            prop_assert_eq!(&again, &utm);
            let untrimmed = Utm { term: utm.term.as_ref().map(|word| format!(" {word} ")), ..Utm::default() };
            prop_assert_eq!(utm.differs(&untrimmed), None);
            let there = utm.term.is_some();
            prop_assert_eq!(utm.differs(&Utm::default()), there.then_some(Word::Term));
            prop_assert_eq!(Utm::default().differs(&utm), None, "what is not said does not differ");
        }

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
