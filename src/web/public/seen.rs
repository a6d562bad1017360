//! What is known of whoever looks at a page for customers: their language and their phone. Nothing of it is kept.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::platform::Platform;
use super::words::Public;
use crate::web::console::words::Language;

/// Of pages without a script.
const PLAIN_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// Whoever looks at a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) language: Language,
    pub(super) said: &'static Public,
    pub(super) platform: Platform,
}

impl Seen {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let language = Language::of(headers);
        Self {
            language,
            said: Public::of(language),
            platform: Platform::of(headers),
        }
    }

    /// A whole page.
    pub(super) fn document(&self, title: &str, head: &Markup, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language.as_str()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (title) }
                    link rel="stylesheet" href="/card/style.css";
                    (head)
                }
                body { main { (content) } }
            }
        }
    }

    /// A page that runs no script and is sent to us alone.
    pub(super) fn plain(&self, title: &str, content: &Markup) -> Response {
        let headers = [
            (header::CONTENT_SECURITY_POLICY, PLAIN_POLICY),
            // Whoever sends a form says where it was, so that forms of other sites are told apart.
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::VARY, "accept-language"),
        ];
        (headers, self.document(title, &Markup::default(), content)).into_response()
    }
}
