//! News in several languages: one folder for each, whole by itself, and no key that is a text of the template.

use openssl::x509::X509;
use passgate::domain::face::{News, Said};
use passgate::domain::message::{Translation, Translations};
use passgate::domain::preference::Class;
use passgate::domain::profile::Language;
use passgate::sim::phone::pass::Pass;

use super::*;

fn translations(all: &[(&str, &str)]) -> Translations {
    let checked = all.iter().map(|(tag, text)| {
        let language = Language::parse(tag).expect("a language");
        Translation::checked(&language, None, text).expect("good words")
    });
    Translations::checked(checked.collect()).expect("few languages")
}

fn says(text: &str, all: &[(&str, &str)]) -> CardFace {
    CardFace {
        news: Some(News {
            number: 3,
            class: Class::Reward,
            said: Said::Message(text.to_owned()),
            message: None,
            translations: translations(all),
        }),
        ..face()
    }
}

impl Workshop {
    /// What a phone makes of the pass.
    fn opened(&self, passes: &Passes, face: &CardFace) -> Pass {
        let root = fs::read(&self.chain.root).expect("the root");
        let root = X509::from_pem(&root).expect("a certificate");
        Pass::open(&self.build(passes, face).to_vec(), &[root]).expect("a sound pass")
    }
}

fn shown(pass: &Pass, language: &str, key: &str) -> String {
    let shown = pass.field_in(language, key).expect("a field");
    shown.replace('\u{2060}', "")
}

#[test]
fn a_message_that_is_a_text_of_the_template_moves_no_label() {
    let workshop = Workshop::new();
    let passes = workshop.passes();
    // "Stamps" and "Nothing new yet." are translated by the template itself.
    for text in ["Stamps", "Nothing new yet."] {
        let pass = workshop.opened(
            &passes,
            &says(text, &[("de", "Briefmarken"), ("it", "Francobolli")]),
        );
        assert_eq!(shown(&pass, "de", "news"), "Briefmarken");
        assert_eq!(shown(&pass, "it-CH", "news"), "Francobolli");
        assert_eq!(shown(&pass, "en", "news"), text);
        let german = pass.file("de.lproj/pass.strings").expect("a folder");
        let german = std::str::from_utf8(german).expect("text");
        let template =
            fs::read_to_string(workshop.templates.join("coffee/de.lproj/pass.strings")).expect("read");
        for line in template.lines().filter(|line| !line.is_empty()) {
            assert!(german.contains(line), "{line} in {german}");
        }
        assert_eq!(german.matches("Briefmarken").count(), 1, "{german}");
    }
}

#[test]
fn a_new_folder_begins_with_what_the_template_says_in_the_nearest_language() {
    let mut workshop = Workshop::new();
    let folder = workshop.own_template();
    fs::remove_dir_all(folder.join("en.lproj")).expect("removed");
    let passes = workshop.passes();
    let pass = workshop.opened(&passes, &says("Soup", &[("de-AT", "Suppn"), ("nl", "Soep")]));
    let strings = |language: &str| {
        let file = pass.file(&format!("{language}.lproj/pass.strings"));
        String::from_utf8(file.expect("a folder").to_vec()).expect("text")
    };
    let german = strings("de");
    let translated: Vec<&str> = german.lines().filter(|line| !line.contains("Soup")).collect();
    assert!(translated.len() > 5, "{german}");
    for line in translated {
        assert!(strings("de-AT").contains(line), "{line}");
    }
    assert_eq!(
        strings("nl").lines().count(),
        1,
        "the template says nothing there"
    );
    assert_eq!(strings("en").lines().count(), 1, "somebody may read no other");
    for (language, text) in [
        ("de-AT", "Suppn"),
        ("de-DE", "Soup"),
        ("en", "Soup"),
        ("nl", "Soep"),
        ("fr", "Soup"),
    ] {
        assert_eq!(shown(&pass, language, "news"), text, "{language}");
    }
}

#[test]
fn what_is_remembered_is_never_another_translation() {
    let workshop = Workshop::new();
    let passes = workshop.passes();
    let one = workshop.opened(&passes, &says("Soup", &[("de", "Suppe")]));
    let other = workshop.opened(&passes, &says("Soup", &[("de", "Eintopf")]));
    assert_eq!(
        pass_json(&workshop.build(&passes, &says("Soup", &[("de", "Suppe")])))["storeCard"],
        { pass_json(&workshop.build(&passes, &says("Soup", &[("de", "Eintopf")])))["storeCard"].clone() }
    );
    assert!(!one.looks_like(&other));
    assert_eq!(shown(&one, "de", "news"), "Suppe");
    assert_eq!(shown(&other, "de", "news"), "Eintopf");
    let again = workshop.opened(&passes, &says("Soup", &[("de", "Suppe")]));
    assert!(again.looks_like(&one));
}

#[test]
fn a_pass_in_one_language_is_what_it_was() {
    let workshop = Workshop::new();
    let (fresh, used) = (workshop.passes(), workshop.passes());
    let german = says("Soup", &[("de", "Suppe")]);
    workshop.build(&used, &german);
    for face in [face(), says("Soup", &[])] {
        let (one, other) = (workshop.build(&fresh, &face), workshop.build(&used, &face));
        assert_eq!(one.blob, other.blob);
        assert_eq!(files(&one)["pass.json"], files(&other)["pass.json"]);
        assert_eq!(files(&one)["manifest.json"], files(&other)["manifest.json"]);
        let names: Vec<String> = files(&one)
            .into_keys()
            .filter(|name| name.contains(".lproj"))
            .collect();
        assert_eq!(names, ["de.lproj/pass.strings", "en.lproj/pass.strings"]);
    }
    let news = &pass_json(&workshop.build(&fresh, &says("Soup", &[])))["storeCard"]["backFields"][0];
    assert_eq!(
        news["value"], "Soup\u{2060}",
        "no key where there is nothing to look up"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is said in two languages, each phone shows exactly that, and the pass is sound.
    #[test]
    fn any_words_arrive_whole(first in "[^\\p{C}\u{2060}]{1,40}", german in "[\\PC\n]{1,40}", number in 1..5_i64) {
        let clean = |text: &str| text.trim().replace('\u{2060}', "");
        let (first, german) = (clean(&first), clean(&german));
        prop_assume!(!first.is_empty() && !german.is_empty() && !german.contains("http"));
        let language = Language::parse("de").expect("a language");
        let translation = Translation::checked(&language, None, &german).expect("good words");
        let mut face = says(&first, &[]);
        let news = face.news.as_mut().expect("news");
        news.number = number;
        news.translations = Translations::checked(vec![translation]).expect("one");
        static PASSES: OnceLock<(Workshop, Passes)> = OnceLock::new();
        let (workshop, passes) = PASSES.get_or_init(|| {
            let workshop = Workshop::new();
            let passes = workshop.passes();
            (workshop, passes)
        });
        let pass = workshop.opened(passes, &face);
        prop_assert_eq!(shown(&pass, "de", "news"), german);
        prop_assert_eq!(shown(&pass, "en", "news"), first);
    }
}
