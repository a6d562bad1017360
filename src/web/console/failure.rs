//! Errors as pages.
//!
//! Handlers of the console fail like all others, with an `ApiError`; when a person is looking, this layer turns
//! the problem document into a page with the same status and sentence.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use maud::html;
use serde::Deserialize;

use crate::web::console::layout::{Theme, plain_page};
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
    let theme = Theme::of(&CookieJar::from_headers(request.headers()));
    let response = next.run(request).await;
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    if !person || !is_problem {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LONGEST_PROBLEM)
        .await
        .unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let (title, text) = words(&problem);
    let page = plain_page(
        theme,
        title,
        &html! {
            section.panel.failure {
                h1 { (title) }
                p { (text) }
                p { a.button.secondary href="/console/cards" { "All cards" } }
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

fn words(problem: &Problem) -> (&'static str, &str) {
    match problem.code.as_str() {
        "not_found" => (
            "Not found",
            "There is nothing at this address. It may have been mistyped, or belong to another merchant.",
        ),
        "forbidden" => ("Not allowed", &problem.detail),
        "unavailable" => (
            "One moment",
            "passgate cannot answer right now. Nothing was changed; try again in a few seconds.",
        ),
        "internal" => (
            "Something went wrong",
            "passgate made a mistake and has written it down. Nothing was changed; try again.",
        ),
        _ => ("That did not work", &problem.detail),
    }
}
