//! How a text looks where it arrives, while it is typed and afterwards. Apple's lock screen names the pass's
//! organisation, Google's notification has the title.
//!
//! With a script the pictures follow the fields `title` and `text` of the page.

use maud::{Markup, html};

use crate::domain::message::length::{self, MOST_TITLE};
use crate::web::console::screen::Screen;

/// The text as Apple's and Google's phones show it, cut where the smaller ones cut.
pub(in crate::web::console) fn lock_screens(
    screen: &Screen,
    merchant: &str,
    title: &str,
    text: &str,
) -> Markup {
    let words = &screen.words.acts;
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
        div.lock-screens role="group" aria-label=(words.push_preview) {
            figure.lock-screen aria-label=(words.push_apple) {
                figcaption { (words.push_apple) }
                strong { (merchant) }
                p data-shows="text" data-most=(apple.shown) data-otherwise=(words.push_here) { (shown(apple.shown)) }
            }
            figure.lock-screen.google aria-label=(words.push_google) {
                figcaption { (words.push_google) }
                strong data-shows="title" data-most=(MOST_TITLE) data-otherwise=(merchant) { (title.unwrap_or(merchant)) }
                p data-shows="text" data-most=(google.shown) data-otherwise=(words.push_here) { (shown(google.shown)) }
            }
        }
    }
}

/// How long the text is, beside what each kind of screen shows of it.
pub(in crate::web::console) fn lengths(screen: &Screen, text: &str) -> Markup {
    html! {
        ul #text-length .lengths {
            @for length in length::lengths(text) {
                li { (screen.words.language.lock_screen(length.screen)) ": "
                    output data-shows="text" data-count { (length.characters) } " / " (length.shown) }
            }
        }
    }
}
