//! Errors as pages.
//!
//! Handlers of the console fail like all others, with an `ApiError`; when a person is looking, this layer turns
//! the problem document into a page with the same status and sentence. Requests that never reached a handler (an
//! unreadable form, a wrong method) end in such a page too.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde::Deserialize;

use crate::web::console::layout::{Theme, plain_page};
use crate::web::console::words::Language;
use crate::web::console::words::shell::Shell;
use crate::web::extract::wants_page;

/// No problem document is longer.
const LONGEST_PROBLEM: usize = 16 * 1024;

#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

pub async fn as_page(request: Request, next: Next) -> Response {
    let person = wants_page(request.headers());
    let theme = Theme::of_headers(request.headers());
    let words = Language::of(request.headers()).words();
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !person || !failed || is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_PROBLEM)
        .await
        .unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let (title, text) = said(&problem, &words.shell);
    let page = plain_page(
        theme,
        words,
        title,
        &html! {
            section.panel.failure {
                h1 { (title) }
                p { (text) }
                p { a.button.secondary href="/console/cards" { (words.shell.all_customers) } }
            }
        },
    );
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    (parts, page.into_string()).into_response()
}

fn said<'a>(problem: &'a Problem, words: &'a Shell) -> (&'static str, &'a str) {
    match problem.code.as_str() {
        "not_found" => (words.not_found, words.not_found_text),
        "forbidden" => (words.not_allowed, &problem.detail),
        "unavailable" => (words.one_moment, words.one_moment_text),
        "internal" => (words.went_wrong, words.went_wrong_text),
        "" => (words.did_not_work, words.did_not_work_text),
        _ => (words.did_not_work, &problem.detail),
    }
}
