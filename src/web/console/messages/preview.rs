//! How a text looks where it arrives, while it is typed and afterwards. Apple's lock screen names the pass's
//! organisation, Google's notification has the title.
//!
//! With a script the pictures follow the fields of the page that they name.

use maud::{Markup, html};

use crate::domain::message::length::{self, MOST_TITLE};
use crate::domain::profile::Language;
use crate::web::console::screen::Screen;

/// What is shown, in one language.
pub(in crate::web::console) struct Said<'s> {
    pub title: &'s str,
    pub text: &'s str,
    /// None for the first text.
    pub language: Option<&'s Language>,
}

impl<'s> Said<'s> {
    pub(in crate::web::console) fn first(title: &'s str, text: &'s str) -> Self {
        Self {
            title,
            text,
            language: None,
        }
    }

    /// The id of the field that `part`, title or text, is typed into.
    pub(super) fn field(&self, part: &str) -> String {
        field(part, self.language.map(Language::as_str))
    }
}

/// The id and name of the field that `part`, title or text, is typed into in a language.
pub(super) fn field(part: &str, language: Option<&str>) -> String {
    language.map_or_else(|| part.to_owned(), |language| format!("{part}-{language}"))
}

/// The text as Apple's and Google's phones show it, cut where the smaller ones cut.
pub(in crate::web::console) fn lock_screens(screen: &Screen, merchant: &str, said: &Said<'_>) -> Markup {
    let words = &screen.words.acts;
    let (title, text, tag) = (said.title, said.text, said.language.map(Language::as_str));
    let (title_field, text_field) = (said.field("title"), said.field("text"));
    let name = said.language.map(|language| {
        let language = screen.words.language.language_name(language);
        (screen.words.messages.preview_in)(&language)
    });
    let [apple, google, _] = length::lengths(text);
    let shown = |most: usize| -> String {
        match text.trim() {
            "" => words.push_here.to_owned(),
            text if text.chars().count() > most => text.chars().take(most).chain(['…']).collect(),
            text => text.to_owned(),
        }
    };
    let title = Some(title.trim()).filter(|title| !title.is_empty());
    html! {
        div.lock-screens role="group" aria-label=(name.as_deref().unwrap_or(words.push_preview)) {
            figure.lock-screen aria-label=(words.push_apple) {
                figcaption { (words.push_apple) }
                strong { (merchant) }
                p lang=[tag] data-shows=(text_field) data-most=(apple.shown) data-otherwise=(words.push_here) { (shown(apple.shown)) }
            }
            figure.lock-screen.google aria-label=(words.push_google) {
                figcaption { (words.push_google) }
                strong lang=[tag] data-shows=(title_field) data-most=(MOST_TITLE) data-otherwise=(merchant) { (title.unwrap_or(merchant)) }
                p lang=[tag] data-shows=(text_field) data-most=(google.shown) data-otherwise=(words.push_here) { (shown(google.shown)) }
            }
        }
    }
}

/// How long the text is, beside what each kind of screen shows of it.
pub(in crate::web::console) fn lengths(screen: &Screen, said: &Said<'_>) -> Markup {
    let field = said.field("text");
    html! {
        ul id=(format!("{field}-length")) .lengths {
            @for length in length::lengths(said.text) {
                li { (screen.words.language.lock_screen(length.screen)) ": "
                    output data-shows=(field) data-count { (length.characters) } " / " (length.shown) }
            }
        }
    }
}
