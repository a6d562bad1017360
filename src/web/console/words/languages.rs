//! Names of languages that people read, for choosing one and for saying which one a text is in.

use super::Language;
use crate::domain::profile;

/// Tag, English and German name of each language that forms offer.
const LANGUAGES: [(&str, &str, &str); 36] = [
    ("ar", "Arabic", "Arabisch"),
    ("bg", "Bulgarian", "Bulgarisch"),
    ("cs", "Czech", "Tschechisch"),
    ("da", "Danish", "Dänisch"),
    ("de", "German", "Deutsch"),
    ("el", "Greek", "Griechisch"),
    ("en", "English", "Englisch"),
    ("es", "Spanish", "Spanisch"),
    ("et", "Estonian", "Estnisch"),
    ("fi", "Finnish", "Finnisch"),
    ("fr", "French", "Französisch"),
    ("he", "Hebrew", "Hebräisch"),
    ("hr", "Croatian", "Kroatisch"),
    ("hu", "Hungarian", "Ungarisch"),
    ("it", "Italian", "Italienisch"),
    ("ja", "Japanese", "Japanisch"),
    ("ko", "Korean", "Koreanisch"),
    ("lt", "Lithuanian", "Litauisch"),
    ("lv", "Latvian", "Lettisch"),
    ("nb", "Norwegian", "Norwegisch"),
    ("nl", "Dutch", "Niederländisch"),
    ("pl", "Polish", "Polnisch"),
    ("pt", "Portuguese", "Portugiesisch"),
    ("pt-BR", "Portuguese (Brazil)", "Portugiesisch (Brasilien)"),
    ("ro", "Romanian", "Rumänisch"),
    ("ru", "Russian", "Russisch"),
    ("sk", "Slovak", "Slowakisch"),
    ("sl", "Slovene", "Slowenisch"),
    ("sq", "Albanian", "Albanisch"),
    ("sr", "Serbian", "Serbisch"),
    ("sv", "Swedish", "Schwedisch"),
    ("tr", "Turkish", "Türkisch"),
    ("uk", "Ukrainian", "Ukrainisch"),
    ("vi", "Vietnamese", "Vietnamesisch"),
    ("zh-Hans", "Chinese (simplified)", "Chinesisch (vereinfacht)"),
    ("zh-Hant", "Chinese (traditional)", "Chinesisch (traditionell)"),
];

impl Language {
    /// What a language is called; one without a name is called by its tag.
    pub fn language_name(self, language: &profile::Language) -> String {
        let tag = language.as_str();
        let named = |wanted: &str| {
            LANGUAGES
                .iter()
                .find(|(known, ..)| known.eq_ignore_ascii_case(wanted))
        };
        let primary = tag.split('-').next().unwrap_or(tag);
        match (named(tag), named(primary)) {
            (Some(named), _) => self.one_of(named).to_owned(),
            (None, Some(named)) => format!("{} ({tag})", self.one_of(named)),
            (None, None) => tag.to_owned(),
        }
    }

    /// The languages that forms offer, tag and name, by name.
    pub fn languages(self) -> Vec<(&'static str, &'static str)> {
        let mut named = LANGUAGES.map(|named| (named.0, self.one_of(&named))).to_vec();
        // Both alphabets sort as they are written here: no name begins with a letter beyond A to Z.
        named.sort_unstable_by_key(|(_, name)| *name);
        named
    }

    fn one_of(self, (_, english, german): &(&str, &'static str, &'static str)) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::translation::canonical;

    fn tag(text: &str) -> profile::Language {
        profile::Language::parse(text).expect("a language")
    }

    #[test]
    fn what_is_offered_is_spelled_as_it_is_kept_and_sorted_as_it_is_read() {
        for language in [Language::English, Language::German] {
            let offered = language.languages();
            assert!(
                offered.is_sorted_by(|(_, one), (_, other)| one < other),
                "{offered:?}"
            );
            for (known, name) in offered {
                assert_eq!(canonical(&tag(known)).as_str(), known);
                assert!(
                    name.starts_with(|first: char| first.is_ascii_uppercase()),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_language_is_called_by_its_name_or_its_nearest_or_its_tag() {
        assert_eq!(
            Language::German.language_name(&tag("pt-BR")),
            "Portugiesisch (Brasilien)"
        );
        assert_eq!(Language::English.language_name(&tag("de-AT")), "German (de-AT)");
        assert_eq!(Language::English.language_name(&tag("nds")), "nds");
    }
}
