//! How a message looks on lock screens: Apple's names the pass's organisation, Google's the wallet, a browser its title.

use maud::{Markup, html};

use crate::domain::message::length::{self, Length};
use crate::web::console::screen::Screen;

/// The same text as each kind of screen shows it, with what may be cut.
pub(super) fn of(screen: &Screen, title: Option<&str>, text: &str) -> Markup {
    let said = &screen.words.messages;
    let merchant = &screen.member.merchant_name;
    html! {
        div.lock-screens role="group" aria-label=(said.preview) {
            @for length in length::lengths(text) {
                @let name = length.screen.name();
                figure.lock-screen {
                    div.notice-card {
                        div.notice-head {
                            strong { (title.filter(|title| !title.is_empty()).unwrap_or(merchant)) }
                            span { (said.moment) }
                        }
                        p { (shown(text, &length)) }
                    }
                    figcaption { ((said.length)(name, length.characters, length.cut())) }
                }
            }
        }
    }
}

/// What of a text a screen shows.
fn shown(text: &str, length: &Length) -> String {
    let kept = length.characters.saturating_sub(length.cut());
    let mut shown: String = text.chars().take(kept).collect();
    if length.cut() > 0 {
        shown.push('…');
    }
    shown
}
