//! News in several languages: the phone chooses, by the folders that the pass has.
//!
//! `pass.json` says a key, and every folder of the pass has what to show for it. A phone reads one folder and no other, so
//! each folder is whole: one that the template does not have begins with what the template says in the nearest language,
//! and in one that the message does not speak stands its first text. What a phone does whose language has no folder is
//! written down nowhere; it finds English at least, with the first text where the message has no English.
//!
//! The key is the first text itself behind an invisible character: a phone that looks nothing up shows it. It is no text
//! of the template, or the template's translation would be shown, or ours in its place.

use std::collections::BTreeMap;

use crate::apple::bundle::Files;
use crate::apple::pass_json::{JOINER, numbered, undated};
use crate::apple::strings::{self, Strings};
use crate::apple::template::Template;
use crate::domain::face::{CardFace, Said};
use crate::domain::message::Translations;
use crate::domain::message::translation::canonical;
use crate::domain::profile::Language;

/// The folder that is always there.
const ENGLISH: &str = "en";

pub(crate) struct Translated {
    /// What stands in `pass.json`.
    pub(crate) key: String,
    /// The translations, by their paths in the pass.
    pub(crate) files: Files,
}

impl Translated {
    /// None where the news are in one language, which is the usual case.
    pub(crate) fn of(face: &CardFace, template: &Template) -> Option<Self> {
        let news = face.news.as_ref().filter(|news| !news.translations.is_empty())?;
        let Said::Message(first) = &news.said else {
            return None;
        };
        let says = |text: &str| undated(numbered(text.to_owned(), news.number));
        let key = key(&says(first), template);
        let mut files = Files::new();
        for (folder, mut strings) in folders(&news.translations, &template.languages) {
            let found = Language::parse(&folder)
                .ok()
                .and_then(|language| news.translations.of(&language));
            let text = found.map_or(first, |translation| &translation.text);
            strings.insert(key.clone(), says(text));
            files.insert(strings::path(&folder), strings::print(&strings).into_bytes());
        }
        Some(Self { key, files })
    }
}

fn key(first: &str, template: &Template) -> String {
    let is_taken = |key: &str| {
        let mut known = template.languages.values();
        known.any(|strings| strings.contains_key(key))
            || template.settings.constants().any(|constant| constant == key)
    };
    let mut key = format!("{JOINER}{first}");
    while is_taken(&key) {
        key.insert(0, JOINER);
    }
    key
}

/// The template's folders, and one for each language of the message that has none, with what the template says there.
fn folders(
    translations: &Translations,
    of_template: &BTreeMap<String, Strings>,
) -> BTreeMap<String, Strings> {
    let mut folders = of_template.clone();
    let mut wanted: Vec<&str> = translations.iter().map(|of| of.language.as_str()).collect();
    wanted.push(ENGLISH);
    for language in wanted {
        let is_there = |folder: &String| match language {
            ENGLISH => primary(folder).eq_ignore_ascii_case(ENGLISH),
            _ => Language::parse(folder).is_ok_and(|folder| canonical(&folder).as_str() == language),
        };
        if !folders.keys().any(is_there) {
            let nearest = nearest(language, of_template).cloned().unwrap_or_default();
            folders.insert(language.to_owned(), nearest);
        }
    }
    folders
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// What a template says in `language`, or in a wider one.
fn nearest<'t>(language: &str, of_template: &'t BTreeMap<String, Strings>) -> Option<&'t Strings> {
    let mut wanted = language;
    loop {
        let mut named = of_template
            .iter()
            .filter(|(folder, _)| folder.replace('_', "-").eq_ignore_ascii_case(wanted));
        if let Some((_, strings)) = named.next() {
            return Some(strings);
        }
        (wanted, _) = wanted.rsplit_once('-')?;
    }
}
