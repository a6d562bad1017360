//! In which words a message will be read, as far as that is known beforehand.
//!
//! In a wallet the phone decides, by its own language, which nobody tells us. A browser or an app is told words in the
//! language that the customer's profile names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::delivery::Channel;
use crate::domain::message::Translations;
use crate::domain::profile::Language;

/// Copies that are told, by the words that they read. Nothing is counted for a message in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readers {
    /// Where the phone decides.
    pub phones: i64,
    /// Who reads the first text, because no other is in their language or nobody knows theirs.
    pub first: i64,
    /// By the tag of a translation.
    pub languages: BTreeMap<String, i64>,
}

impl Readers {
    /// Counts a copy on `channel` of somebody whose profile names `language`.
    pub fn add(&mut self, translations: &Translations, channel: Channel, language: Option<&Language>) {
        if translations.is_empty() {
            return;
        }
        if matches!(channel, Channel::Apple | Channel::Google) {
            self.phones += 1;
            return;
        }
        match language.and_then(|language| translations.of(language)) {
            Some(translation) => {
                let tag = translation.language.as_str().to_owned();
                *self.languages.entry(tag).or_default() += 1;
            }
            None => self.first += 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::Translation;

    #[test]
    fn phones_choose_themselves_and_others_by_their_profile() {
        let language = |tag: &str| Language::parse(tag).expect("a language");
        let german = Translation::checked(&language("de"), None, "Hallo").expect("good");
        let translations = Translations::checked(vec![german]).expect("one");
        let mut readers = Readers::default();
        for channel in Channel::ALL {
            readers.add(&Translations::default(), channel, Some(&language("de")));
        }
        assert!(readers.is_empty());
        for channel in Channel::ALL {
            for known in [Some("de-AT"), Some("fr"), None] {
                readers.add(&translations, channel, known.map(language).as_ref());
            }
        }
        assert_eq!((readers.phones, readers.first), (6, 4));
        assert_eq!(readers.languages, BTreeMap::from([("de".to_owned(), 2)]));
    }
}
