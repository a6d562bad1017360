//! What people read where they agree: the sentence beside each box, and who asks.
//!
//! Shared by the page where they join and by the console's preview of it, so that both say the same.

use maud::{Markup, html};

use crate::domain::consent::Purpose;
use crate::domain::consent_words::ConsentWords;
use crate::web::console::words::Language;
use crate::web::public::words::Public;

/// Who asks, in which language and words.
#[derive(Clone, Copy)]
pub struct Agreeing<'a> {
    pub language: Language,
    pub words: &'a ConsentWords,
    pub merchant_name: &'a str,
}

impl<'a> Agreeing<'a> {
    /// The words beside a box, which are the evidence of what was agreed to: the merchant's own, else the standard ones.
    pub fn sentence(&self, purpose: Purpose) -> String {
        let own = self.words.sentence(self.language.as_str(), purpose);
        own.map_or_else(|| self.standard(purpose), str::to_owned)
    }

    /// The standard words.
    pub fn standard(&self, purpose: Purpose) -> String {
        let said = Public::of(self.language);
        match purpose {
            Purpose::Marketing => (said.agree_marketing)(self.merchant_name),
            Purpose::Profiling => (said.agree_profiling)(self.merchant_name),
            Purpose::Personalised => (said.agree_personalised)(self.merchant_name),
        }
    }

    /// Where the privacy notice is: that of the program's own page, else the merchant's in this language.
    pub fn privacy(&self, of_page: Option<&'a str>) -> Option<&'a str> {
        of_page.or_else(|| self.words.privacy(self.language.as_str()))
    }

    /// What becomes of the data, and who answers for it.
    pub fn note(&self, of_page: Option<&'a str>) -> Markup {
        let said = Public::of(self.language);
        html! {
            p.note {
                ((said.data)(self.merchant_name))
                @if let Some(address) = self.privacy(of_page) { " " a href=(address) rel="noreferrer" { (said.privacy) } }
            }
            @if let Some(who) = self.who() { p.note { (said.responsible) " " (who) } }
        }
    }

    /// Name and address on one line; none where the merchant has given neither.
    fn who(&self) -> Option<String> {
        let (name, address) = (&self.words.legal_name, &self.words.address);
        if name.is_none() && address.is_none() {
            return None;
        }
        let name = name.as_deref().unwrap_or(self.merchant_name);
        let lines = address.iter().flat_map(|address| address.lines());
        let parts: Vec<&str> = std::iter::once(name).chain(lines).collect();
        Some(parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent_words::InLanguage;

    #[test]
    fn own_words_are_said_in_their_language_and_the_standard_ones_elsewhere() {
        let mut words = ConsentWords {
            address: Some("Hauptstr. 1\n10115 Berlin".into()),
            ..ConsentWords::default()
        };
        let own = |purpose| {
            if purpose == Purpose::Marketing {
                "Ja, schreibt mir."
            } else {
                ""
            }
        };
        let said = InLanguage::read(own, "https://cafe.example/datenschutz");
        words.set_language("de", said.expect("plain"));
        let asks = |language| Agreeing {
            language,
            words: &words,
            merchant_name: "Café <1>",
        };
        let (german, english) = (asks(Language::German), asks(Language::English));
        assert_eq!(german.sentence(Purpose::Marketing), "Ja, schreibt mir.");
        assert!(german.sentence(Purpose::Profiling).starts_with("Café <1> darf"));
        assert!(english.sentence(Purpose::Marketing).starts_with("Café <1> may"));
        let note = german.note(None).into_string();
        assert!(
            note.contains(r#"href="https://cafe.example/datenschutz""#),
            "{note}"
        );
        assert!(
            note.contains("Ihre Daten: Café &lt;1&gt;, Hauptstr. 1, 10115 Berlin<"),
            "{note}"
        );
        let note = english.note(None).into_string();
        assert!(!note.contains("href"), "no notice in this language: {note}");
        let note = german.note(Some("https://page.example")).into_string();
        assert!(
            note.contains("https://page.example") && !note.contains("datenschutz"),
            "{note}"
        );
    }
}
