//! What the console says, in every language it speaks: one record of texts for each part of it.
//!
//! A record is written once, each text in all languages side by side, so that a text which is missing in one of them
//! does not compile. Pages take their texts from the [`Words`] of their [`Screen`](super::screen::Screen) and hold no
//! sentence of their own.

pub mod acts;
pub mod apart;
pub mod codes;
pub mod common;
pub mod consents;
pub mod filter;
pub mod format;
pub mod import;
pub mod invite;
pub mod jobs;
pub mod languages;
pub mod list;
pub mod messages;
pub mod people;
pub mod profile;
pub mod refusals;
pub mod rulings;
pub mod segments;
pub mod settings;
pub mod share;
pub mod shell;
pub mod sign_in;
pub mod timeline;
pub mod tools;

use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;

/// The cookie that the language switch sets.
pub const LANGUAGE_COOKIE: &str = "language";

/// A text without anything to fill in.
pub type Text = &'static str;
/// A text about a number of things.
pub type Counted = fn(i64) -> String;
/// A text with a name or a value in it.
pub type With = fn(&str) -> String;

/// A number in an English text.
fn en(number: i64) -> String {
    Language::English.number(number)
}

/// A number in a German text.
fn de(number: i64) -> String {
    Language::German.number(number)
}

/// A number in an English text with what it counts: "1 card", "2 cards".
fn en_of(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", en(number), if number == 1 { one } else { many })
}

/// The same in a German text.
fn de_of(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", de(number), if number == 1 { one } else { many })
}

/// What a German sentence about so many does: "kann" or "können".
fn does(number: i64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// A record of texts: for each its name, its type, and what it is in English and in German.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $english:expr, $german:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind),*
        }

        pub const ENGLISH: $name = $name { $($field: $english),* };
        pub const GERMAN: $name = $name { $($field: $german),* };
    };
}
pub(crate) use words;

/// The parts of the console, in one language.
#[derive(Debug)]
pub struct Words {
    pub language: Language,
    pub codes: codes::Codes,
    pub common: common::Common,
    pub consents: consents::Consents,
    pub messages: messages::Messages,
    pub settings: settings::Settings,
    pub share: share::Share,
    pub filter: filter::Filter,
    pub jobs: jobs::Jobs,
    pub list: list::List,
    pub segments: segments::Segments,
    pub shell: shell::Shell,
    pub sign_in: sign_in::SignIn,
    pub acts: acts::Acts,
    pub people: people::People,
    pub profile: profile::Profile,
    pub timeline: timeline::Timeline,
    pub import: import::Import,
    pub invite: invite::Invite,
    pub tools: tools::Tools,
}

pub static ENGLISH: Words = Words {
    language: Language::English,
    codes: codes::ENGLISH,
    common: common::ENGLISH,
    consents: consents::ENGLISH,
    messages: messages::ENGLISH,
    settings: settings::ENGLISH,
    share: share::ENGLISH,
    filter: filter::ENGLISH,
    jobs: jobs::ENGLISH,
    list: list::ENGLISH,
    segments: segments::ENGLISH,
    shell: shell::ENGLISH,
    sign_in: sign_in::ENGLISH,
    acts: acts::ENGLISH,
    people: people::ENGLISH,
    profile: profile::ENGLISH,
    timeline: timeline::ENGLISH,
    import: import::ENGLISH,
    invite: invite::ENGLISH,
    tools: tools::ENGLISH,
};

pub static GERMAN: Words = Words {
    language: Language::German,
    codes: codes::GERMAN,
    common: common::GERMAN,
    consents: consents::GERMAN,
    messages: messages::GERMAN,
    settings: settings::GERMAN,
    share: share::GERMAN,
    filter: filter::GERMAN,
    jobs: jobs::GERMAN,
    list: list::GERMAN,
    segments: segments::GERMAN,
    shell: shell::GERMAN,
    sign_in: sign_in::GERMAN,
    acts: acts::GERMAN,
    people: people::GERMAN,
    profile: profile::GERMAN,
    timeline: timeline::GERMAN,
    import: import::GERMAN,
    invite: invite::GERMAN,
    tools: tools::GERMAN,
};

/// A language that the console speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// BCP 47.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its name in itself.
    pub fn title(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == text)
    }

    /// The language that was chosen, else the first of `Accept-Language` that there is, else English.
    pub fn of(headers: &HeaderMap) -> Self {
        let jar = CookieJar::from_headers(headers);
        let chosen = jar
            .get(LANGUAGE_COOKIE)
            .and_then(|cookie| Self::parse(cookie.value()));
        chosen
            .or_else(|| Self::accepted(headers))
            .unwrap_or(Self::English)
    }

    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let mut wishes: Vec<(f32, Self)> = accepted.split(',').filter_map(wish).collect();
        // Stable: of two equal wishes the one that was named first counts.
        wishes.sort_by(|one, other| other.0.total_cmp(&one.0));
        wishes.first().map(|(_, language)| *language)
    }

    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// `de-AT;q=0.8`, when it is a language of ours and wanted at all.
fn wish(text: &str) -> Option<(f32, Language)> {
    let (tag, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let tag = tag.trim().to_ascii_lowercase();
    let primary = tag.split('-').next()?;
    let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
    Some((weight, Language::parse(primary)?)).filter(|_| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accepted: &str, cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().expect("a header"));
        headers.insert(header::COOKIE, cookie.parse().expect("a header"));
        headers
    }

    #[test]
    fn a_language_is_chosen_then_accepted_then_english() {
        for (accepted, cookie, expected) in [
            ("de-AT,de;q=0.9,en;q=0.8", "", Language::German),
            ("fr, en;q=0.3, de;q=0.4", "", Language::German),
            ("de;q=0, en", "", Language::English),
            ("de", "language=en", Language::English),
            ("en", "language=de", Language::German),
            ("en", "language=xx", Language::English),
            ("*;q=zz,;;", "", Language::English),
        ] {
            assert_eq!(
                Language::of(&headers(accepted, cookie)),
                expected,
                "{accepted} {cookie}"
            );
        }
    }
}
