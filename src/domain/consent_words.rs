//! What a merchant says where people agree: sentences of their own for each purpose and language, their privacy notice,
//! and who they are.
//!
//! All of it together is one version. A version is never changed, because evidence names it; where nothing of their own
//! is said, the standard words stand. What is taken here is plain text on one line, so that what is kept as evidence is
//! what everybody saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::consent::Purpose;
use crate::domain::id::MemberId;
use crate::domain::join::web_address;
use crate::domain::profile::{FieldError, is_unprintable};
use crate::domain::time::Timestamp;

/// Characters of a sentence: fewer say nothing, more are read by nobody.
pub const SHORTEST_SENTENCE: usize = 10;
pub const LONGEST_SENTENCE: usize = 500;
/// Characters of the merchant's name in law.
pub const LONGEST_LEGAL_NAME: usize = 120;
/// Characters and lines of their address.
pub const LONGEST_ADDRESS: usize = 300;
pub const MOST_ADDRESS_LINES: usize = 6;

/// What a merchant says, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsentWords {
    /// Who answers for the data, by the name in law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// Their address, in lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What is said in each language, by its tag. A language that says nothing of its own is not here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<String, InLanguage>,
}

/// What is said in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InLanguage {
    /// The sentences that take the place of the standard ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sentences: BTreeMap<Purpose, String>,
    /// Where the privacy notice is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
}

/// A version of it. Version 0 is what nobody has set: the standard words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordsVersion {
    /// Grows by one with each change.
    pub version: i64,
    pub words: ConsentWords,
}

/// A version with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeVersion {
    pub of: WordsVersion,
    pub at: Timestamp,
    /// None for the operator of the gateway.
    pub by: Option<MemberId>,
}

impl ConsentWords {
    /// The merchant's own sentence.
    pub fn sentence(&self, language: &str, purpose: Purpose) -> Option<&str> {
        let said = self.languages.get(language)?;
        said.sentences.get(&purpose).map(String::as_str)
    }

    pub fn privacy(&self, language: &str) -> Option<&str> {
        self.languages.get(language)?.privacy.as_deref()
    }

    /// Who asks, in one line: the name in law and the lines of the address. None where neither is said.
    pub fn who_asks(&self) -> Option<String> {
        let said = self.legal_name.iter().chain(&self.address);
        let lines: Vec<&str> = said.flat_map(|text| text.lines()).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// Puts what is said in one language in the place of what was.
    pub fn set_language(&mut self, language: &str, said: InLanguage) {
        if said == InLanguage::default() {
            self.languages.remove(language);
        } else {
            self.languages.insert(language.to_owned(), said);
        }
    }

    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl InLanguage {
    /// What somebody typed; a sentence that is left empty is the standard one. Refusals name the purpose or `privacy`.
    pub fn read<'t>(sentence: impl Fn(Purpose) -> &'t str, privacy: &str) -> Result<Self, FieldError> {
        let mut said = Self::default();
        for purpose in Purpose::ALL {
            if let Some(text) = plain_line(purpose.as_str(), sentence(purpose), LONGEST_SENTENCE)? {
                if text.chars().count() < SHORTEST_SENTENCE {
                    let expected = format!("a sentence of at least {SHORTEST_SENTENCE} characters");
                    return Err(FieldError::new(purpose.as_str(), "too_short", expected, &text));
                }
                said.sentences.insert(purpose, text);
            }
        }
        let privacy = privacy.trim();
        if !privacy.is_empty() {
            said.privacy = Some(web_address(privacy)?);
        }
        Ok(said)
    }
}

/// The merchant's name in law, on one line; none where nothing was typed.
pub fn legal_name(text: &str) -> Result<Option<String>, FieldError> {
    plain_line("legal_name", text, LONGEST_LEGAL_NAME)
}

/// An address as it is written on a letter, without empty lines; none where nothing was typed.
pub fn address(text: &str) -> Result<Option<String>, FieldError> {
    let refuse = |code, expected: String| Err(FieldError::new("address", code, expected, text));
    if text.len() > LONGEST_ADDRESS * 8 {
        return refuse("too_long", format!("at most {LONGEST_ADDRESS} characters"));
    }
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.extend(plain_line("address", line, LONGEST_ADDRESS)?);
    }
    if lines.len() > MOST_ADDRESS_LINES {
        return refuse("too_many_lines", format!("at most {MOST_ADDRESS_LINES} lines"));
    }
    let joined = lines.join("\n");
    if joined.chars().count() > LONGEST_ADDRESS {
        return refuse("too_long", format!("at most {LONGEST_ADDRESS} characters"));
    }
    Ok(Some(joined).filter(|joined| !joined.is_empty()))
}

/// Plain text on one line: what breaks or widens a line becomes one space.
fn plain_line(field: &'static str, text: &str, most: usize) -> Result<Option<String>, FieldError> {
    let refuse = |code, expected: String| Err(FieldError::new(field, code, expected, text));
    // Bytes first: they bound how long counting characters can take.
    if text.len() > most.saturating_mul(8) {
        return refuse("too_long", format!("at most {most} characters"));
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > most {
        return refuse("too_long", format!("at most {most} characters"));
    }
    if line.chars().any(is_invisible) {
        return refuse("control_character", "text without invisible characters".into());
    }
    if line.contains(['<', '>']) {
        return refuse("markup", "plain text without < and >".into());
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

/// What makes others see something else than what is kept: control characters, and those that reorder or hide text.
fn is_invisible(letter: char) -> bool {
    is_unprintable(letter)
        || matches!(
            letter,
            '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marketing(text: &str) -> Result<InLanguage, FieldError> {
        InLanguage::read(
            |purpose| if purpose == Purpose::Marketing { text } else { "" },
            "",
        )
    }

    #[test]
    fn a_sentence_is_plain_text_of_some_length() {
        let code = |text: &str| marketing(text).map_err(|error| (error.field.to_string(), error.code));
        let refused = |code| Err(("marketing".to_owned(), code));
        assert_eq!(code("Too few"), refused("too_short"));
        assert_eq!(code(&"x".repeat(LONGEST_SENTENCE + 1)), refused("too_long"));
        assert_eq!(code(&"x".repeat(1_000_000)), refused("too_long"));
        assert_eq!(code("Tell me <b>everything</b>."), refused("markup"));
        assert_eq!(code("Tell me\u{0} everything."), refused("control_character"));
        assert_eq!(code("Tell me \u{202e}everything."), refused("control_character"));
        assert_eq!(code(" \r\n ").map(|said| said.sentences.len()), Ok(0));
        let said = marketing("  Tell me\r\n  about\toffers. ").expect("plain");
        assert_eq!(said.sentences[&Purpose::Marketing], "Tell me about offers.");
        let refused = InLanguage::read(|_| "", "javascript:alert(1)").expect_err("no address");
        assert_eq!((refused.field.as_ref(), refused.code), ("privacy", "malformed"));
    }

    #[test]
    fn who_they_are_is_a_name_and_an_address_in_lines() {
        assert_eq!(
            legal_name(" Morgenrot\n GmbH "),
            Ok(Some("Morgenrot GmbH".into()))
        );
        assert_eq!(legal_name("  "), Ok(None));
        assert_eq!(
            legal_name(&"x".repeat(121)).map_err(|error| error.code),
            Err("too_long")
        );
        assert_eq!(
            address("Hauptstr. 1\r\n\r\n10115  Berlin\n"),
            Ok(Some("Hauptstr. 1\n10115 Berlin".into()))
        );
        assert_eq!(address(" \n "), Ok(None));
        let mut words = ConsentWords {
            address: Some("Hauptstr. 1\n10115 Berlin".into()),
            ..ConsentWords::default()
        };
        assert_eq!(words.who_asks().as_deref(), Some("Hauptstr. 1, 10115 Berlin"));
        words.legal_name = Some("Morgenrot GmbH".into());
        assert_eq!(
            words.who_asks().as_deref(),
            Some("Morgenrot GmbH, Hauptstr. 1, 10115 Berlin")
        );
        assert_eq!(ConsentWords::default().who_asks(), None);
        let code = |text: &str| address(text).map_err(|error| error.code);
        assert_eq!(code(&"a\n".repeat(7)), Err("too_many_lines"));
        assert_eq!(code("a\u{7}"), Err("control_character"));
        assert_eq!(code(&"xxxxxxxxx\n".repeat(3_000)), Err("too_long"));
    }

    #[test]
    fn a_language_without_words_of_its_own_is_not_kept() {
        let mut words = ConsentWords::default();
        words.set_language("de", marketing("Ich möchte Post.").expect("plain"));
        assert_eq!(words.sentence("de", Purpose::Marketing), Some("Ich möchte Post."));
        assert_eq!(words.sentence("en", Purpose::Marketing), None);
        words.set_language("de", InLanguage::default());
        assert_eq!(words, ConsentWords::default());
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_makes_reading_panic_and_what_is_taken_is_kept(
            sentence in "(\\PC{0,60}|.{0,60}|[a-z \r\n]{0,700})", lines in "(.|\r\n){0,80}",
        ) {
            let mut words = ConsentWords::default();
            if let Ok(said) = marketing(&sentence) {
                for text in said.sentences.values() {
                    prop_assert!((SHORTEST_SENTENCE..=LONGEST_SENTENCE).contains(&text.chars().count()));
                    prop_assert!(!text.chars().any(|letter| letter.is_control() || letter == '<'));
                    prop_assert_eq!(marketing(text), Ok(said.clone()), "read again it is the same");
                }
                words.set_language("en", said);
            }
            if let Ok(taken) = address(&lines) {
                prop_assert!(taken.as_deref().is_none_or(|taken| taken.lines().count() <= MOST_ADDRESS_LINES));
                if let Some(taken) = &taken {
                    prop_assert_eq!(address(taken), Ok(Some(taken.clone())));
                }
                words.address = taken;
            }
            prop_assert_eq!(ConsentWords::parse(&words.print()).expect("ours"), words);
        }
    }
}
