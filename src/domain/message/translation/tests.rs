//! The choice of words by language, the spelling of tags, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::domain::budget::TextDigest;
use crate::domain::message::{Content, length};
use crate::domain::preference::Class;

fn language(tag: &str) -> Language {
    Language::parse(tag).expect("a language")
}

fn translation(tag: &str, text: &str) -> Translation {
    Translation::checked(&language(tag), None, text).expect("good")
}

fn all(tags: &[&str]) -> Translations {
    let list = tags.iter().map(|tag| translation(tag, tag)).collect();
    Translations::checked(list).expect("few, and different")
}

fn chosen<'t>(translations: &'t Translations, wanted: &str) -> Option<&'t str> {
    let found = translations.of(&language(wanted));
    found.map(|translation| translation.language.as_str())
}

/// Tags of all shapes, in any case; few, so that they meet.
fn tags() -> impl Strategy<Value = String> {
    let primary = prop::sample::select(vec!["de", "DE", "en", "pt", "zh", "nds"]);
    let rest = prop::sample::select(vec![
        "", "-AT", "-at", "-CH", "-Hans", "-HANT", "-Hant-TW", "-1996",
    ]);
    (primary, rest).prop_map(|(primary, rest)| format!("{primary}{rest}"))
}

#[test]
fn a_reader_gets_their_own_tag_then_a_wider_one_then_the_first_text() {
    let translations = all(&["de", "pt-BR", "zh-Hant", "de-CH"]);
    assert_eq!(chosen(&translations, "de"), Some("de"));
    assert_eq!(chosen(&translations, "de-AT"), Some("de"));
    assert_eq!(chosen(&translations, "DE-ch"), Some("de-CH"));
    assert_eq!(chosen(&translations, "zh-Hant-TW"), Some("zh-Hant"));
    assert_eq!(
        chosen(&translations, "pt"),
        None,
        "not everybody who reads pt reads pt-BR"
    );
    assert_eq!(chosen(&translations, "pt-PT"), None);
    assert_eq!(chosen(&translations, "den"), None);
}

#[test]
fn tags_are_spelled_in_one_way() {
    for (typed, spelled) in [
        ("DE-at", "de-AT"),
        ("zh_hans", "zh-Hans"),
        ("sl-ROZAJ-1994", "sl-rozaj-1994"),
    ] {
        assert_eq!(canonical(&language(typed)).as_str(), spelled);
    }
}

#[test]
fn a_refusal_names_its_language() {
    let refused = Translation::checked(&language("DE"), Some("Heute"), " ").expect_err("no text");
    let Refusal::In { language, why } = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(language.as_str(), "de");
    assert!(matches!(**why, Refusal::Wording(_)));
    assert!(
        refused.to_string().starts_with("in de: text is a text of 1"),
        "{refused}"
    );
    let address = Translation::checked(language, None, "siehe https://example.com");
    assert!(matches!(address, Err(Refusal::In { why, .. }) if *why == Refusal::AddressInText));
    let title = "x".repeat(length::MOST_TITLE + 1);
    assert!(Translation::checked(language, Some(&title), "Hallo").is_err());
}

#[test]
fn languages_are_few_and_each_is_there_once() {
    let two = vec![translation("de-at", "a"), translation("DE-AT", "b")];
    assert_eq!(
        Translations::checked(two),
        Err(Refusal::LanguageTwice(language("de-AT")))
    );
    let many = (0..=MOST).map(|number| translation(&format!("de-{number:03}"), "a"));
    assert_eq!(
        Translations::checked(many.collect()),
        Err(Refusal::Languages { got: MOST + 1 })
    );
}

#[test]
fn a_digest_sees_every_translation_and_is_the_old_one_without() {
    let content = |translations: Vec<Translation>| {
        let plain = Content::checked(Some("Friday"), "Two for one", None, Class::Marketing).expect("good");
        Content {
            translations: Translations::checked(translations).expect("good"),
            ..plain
        }
    };
    assert_eq!(content(Vec::new()).digest(), TextDigest::of("Two for one"));
    let german = content(vec![translation("de", "Zwei für eins")]);
    let titled = Translation::checked(&language("de"), Some("Freitag"), "Zwei für eins").expect("good");
    let others = [
        content(Vec::new()),
        content(vec![translation("de", "Zwei für drei")]),
        content(vec![translation("fr", "Zwei für eins")]),
        content(vec![titled]),
    ];
    for other in others {
        assert_ne!(german.digest(), other.digest(), "{other:?}");
    }
    let spaced = content(vec![translation("de", "Zwei  für\neins")]);
    assert_eq!(german.digest(), spaced.digest(), "it looks the same");
}

proptest! {
    /// Whatever is chosen, its tag is a beginning of the wanted one, and no longer one would have fitted.
    #[test]
    fn the_nearest_tag_wins(written in prop::collection::vec(tags(), 0..8), wanted in tags()) {
        let mut list: Vec<Translation> = written.iter().map(|tag| translation(tag, tag)).collect();
        list.sort_by(|one, other| one.language.as_str().cmp(other.language.as_str()));
        list.dedup_by(|one, other| one.language == other.language);
        let translations = Translations::checked(list.clone()).expect("each once");
        let wanted = canonical(&language(&wanted));
        let fits = |tag: &str| {
            wanted.as_str() == tag || wanted.as_str().starts_with(&format!("{tag}-"))
        };
        let best = list
            .iter()
            .filter(|translation| fits(translation.language.as_str()))
            .max_by_key(|translation| translation.language.as_str().len());
        prop_assert_eq!(translations.of(&wanted), best);

        let words = Words {
            title: Some("First".into()),
            text: "First text".into(),
            linked: true,
            translations,
        };
        let read = words.read_in(Some(&wanted));
        prop_assert_eq!(&read.text, best.map_or("First text", |best| &best.text));
        prop_assert_eq!(read.title.is_some(), best.is_none(), "each language has its own title, or none");
        prop_assert!(read.linked && read.translations.is_empty());
        prop_assert_eq!(&words.read_in(None).text, "First text");
    }

    #[test]
    fn spelling_changes_no_meaning_and_settles(tag in tags()) {
        let tag = language(&tag);
        let spelled = canonical(&tag);
        prop_assert!(spelled.as_str().eq_ignore_ascii_case(tag.as_str()));
        prop_assert_eq!(canonical(&spelled), spelled);
    }

    #[test]
    fn nothing_that_was_taken_breaks_a_bound(tag in "[a-zA-Z]{1,4}([-_][a-zA-Z0-9]{1,9}){0,3}", title in ".{0,60}", text in ".{0,600}") {
        let Ok(tag) = Language::parse(&tag) else { return Ok(()) };
        if let Ok(taken) = Translation::checked(&tag, Some(&title), &text) {
            prop_assert!((1..=length::MOST_TEXT).contains(&taken.text.chars().count()));
            prop_assert!(taken.title.is_none_or(|title| (1..=length::MOST_TITLE).contains(&title.chars().count())));
        }
    }
}
