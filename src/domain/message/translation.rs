//! What a message says in other languages than its first: a title and a text for each, and which of them is for whom.
//!
//! The first text is for everybody whose language is not known or has no words of its own. Nobody says which language it
//! is in, so nothing here depends on that.

use std::sync::Arc;

use crate::domain::face::under_title;
use crate::domain::message::{Refusal, Words, said};
use crate::domain::profile::Language;

/// Translations of one message, at most.
pub const MOST: usize = 8;

/// A message in one language.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Translation {
    /// Spelled as [`canonical`] does.
    pub language: Language,
    pub title: Option<String>,
    pub text: String,
}

/// The translations of one message: each language once, in the order of their tags. Cloning copies none of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Translations(Arc<[Translation]>);

impl Default for Translations {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Translation {
    /// What somebody typed, checked as the first text is. A refusal names the language.
    pub fn checked(language: &Language, title: Option<&str>, text: &str) -> Result<Self, Refusal> {
        let language = canonical(language);
        match said(title, text) {
            Ok((title, text)) => Ok(Self {
                language,
                title,
                text,
            }),
            Err(why) => Err(Refusal::In {
                language,
                why: Box::new(why),
            }),
        }
    }
}

impl Translations {
    /// Checks that they are few, and each in a language of its own.
    pub fn checked(mut translations: Vec<Translation>) -> Result<Self, Refusal> {
        if translations.len() > MOST {
            return Err(Refusal::Languages {
                got: translations.len(),
            });
        }
        translations.sort_by(|one, other| one.language.as_str().cmp(other.language.as_str()));
        let twice = translations
            .array_windows()
            .find(|[one, other]| one.language == other.language);
        match twice {
            Some([twice, _]) => Err(Refusal::LanguageTwice(twice.language.clone())),
            None => Ok(Self(translations.into())),
        }
    }

    /// As the store has them.
    pub(crate) fn from_store(mut translations: Vec<Translation>) -> Self {
        translations.sort_by(|one, other| one.language.as_str().cmp(other.language.as_str()));
        Self(translations.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Translation> {
        self.0.iter()
    }

    /// Each with its title in front of its text, where there is one place for both.
    pub fn under_titles(&self) -> Self {
        let one_text = |translation: &Translation| Translation {
            language: translation.language.clone(),
            title: None,
            text: under_title(translation.title.as_deref(), &translation.text),
        };
        Self(self.iter().map(one_text).collect())
    }

    /// The words for somebody who reads `language`: those of exactly this tag, else of the nearest one that is wider
    /// (`de` for `de-AT`; RFC 4647 §3.4); none where the first text is for them.
    pub fn of(&self, language: &Language) -> Option<&Translation> {
        let mut wanted = language.as_str();
        loop {
            let found = self
                .iter()
                .find(|translation| translation.language.as_str().eq_ignore_ascii_case(wanted));
            if found.is_some() {
                return found;
            }
            (wanted, _) = wanted.rsplit_once('-')?;
        }
    }
}

impl Words {
    /// The words for one who reads `language`, and for nobody else.
    #[must_use]
    pub fn read_in(&self, language: Option<&Language>) -> Self {
        let found = language.and_then(|language| self.translations.of(language));
        let (title, text) = match found {
            Some(translation) => (translation.title.clone(), translation.text.clone()),
            None => (self.title.clone(), self.text.clone()),
        };
        Self {
            title,
            text,
            linked: self.linked,
            translations: Translations::default(),
        }
    }
}

/// The usual spelling of a tag (RFC 5646 §2.1.1): `de-AT`, `zh-Hans`. Two tags that mean the same are then equal.
pub fn canonical(language: &Language) -> Language {
    let parts = language.as_str().split('-').enumerate();
    let spelled: Vec<String> = parts
        .map(|(place, part)| match (place, part.len()) {
            (0, _) => part.to_ascii_lowercase(),
            (_, 2) => part.to_ascii_uppercase(),
            (_, 4) if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                let (first, rest) = part.split_at(1);
                first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
            }
            _ => part.to_ascii_lowercase(),
        })
        .collect();
    Language::from_store(spelled.join("-"))
}

#[cfg(test)]
mod tests;
