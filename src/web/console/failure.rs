//! Errors as pages.
//!
//! Handlers of the console fail like all others, with an `ApiError`; when a person is looking, this layer turns
//! the problem document into a page with the same status and sentence. Requests that never reached a handler (an
//! unreadable form, a wrong method) end in such a page too.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde::Deserialize;
use tokio_stream::StreamExt as _;

use crate::web::console::LARGEST_FORM;
use crate::web::console::jobs::LARGEST_SELECTION;
use crate::web::console::layout::{Theme, plain_page};
use crate::web::console::words::{Language, Words};
use crate::web::error::{ApiError, TOO_LARGE};
use crate::web::extract::wants_page;
use crate::web::refused::Refused;

const FORM: &str = "application/x-www-form-urlencoded";

/// Where forms are sent to that carry as many cards as can be selected.
const TAKE_SELECTIONS: [&str; 5] = [
    "/jobs",
    "/jobs/preview",
    "/jobs/message",
    "/cards/offers",
    "/segments/list",
];

/// Of a form that is too long so much is read and thrown away; who sends more is cut off.
const MOST_READ: usize = 32 * 1024 * 1024;

/// No problem document is longer.
const LONGEST_PROBLEM: usize = 16 * 1024;

#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    code: String,
}

/// Reads a form to its end that is longer than any is taken, and refuses it. A browser that is still sending while it is
/// answered sees a broken connection and no page.
pub async fn read_out(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_form = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(FORM));
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    let most = match TAKE_SELECTIONS
        .iter()
        .any(|path| request.uri().path().ends_with(path))
    {
        true => LARGEST_SELECTION,
        false => LARGEST_FORM,
    };
    if !is_form || length.is_none_or(|length| length <= most) {
        return next.run(request).await;
    }
    let mut read = 0;
    let mut body = request.into_body().into_data_stream();
    while let Some(Ok(chunk)) = body.next().await {
        read += chunk.len();
        if read > MOST_READ {
            break;
        }
    }
    ApiError::from(Refused::LongForm).into_response()
}

pub async fn as_page(request: Request, next: Next) -> Response {
    let person = wants_page(request.headers());
    let theme = Theme::of_headers(request.headers());
    let words = Language::of(request.headers()).words();
    let came_from = came_from(request.headers());
    let mut response = next.run(request).await;
    let refused = response.extensions_mut().remove::<Arc<Refused>>();
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
    let (title, text) = said(parts.status, &problem, refused.as_deref(), words);
    let page = plain_page(
        theme,
        words,
        title,
        &html! {
            section.panel.failure {
                h1 { (title) }
                p { (text) }
                p.row {
                    @if let Some(back) = &came_from { a.button.primary href=(back) { (words.shell.go_back) } }
                    a.button.secondary href="/console/cards" { (words.shell.all_customers) }
                }
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

/// The page of ours that a form was sent from, as the browser says: a path and a query, never another site.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let ours = headers.get(header::HOST)?.to_str().ok()? == host;
    let fits = path.starts_with("/console/") && path.bytes().all(|byte| byte.is_ascii_graphic());
    (ours && fits).then(|| path.to_owned())
}

/// What the page is called, and what it says. A refusal that no page knows is not shown: it is an English sentence.
fn said(
    status: StatusCode,
    problem: &Problem,
    refused: Option<&Refused>,
    words: &Words,
) -> (&'static str, String) {
    let shell = &words.shell;
    let plain = |title: &'static str, text: &str| (title, text.to_owned());
    match (refused, problem.code.as_str()) {
        _ if status == TOO_LARGE => plain(shell.too_long, shell.too_long_text),
        (Some(refused), "forbidden") => (shell.not_allowed, words.language.refused(refused)),
        (Some(refused), _) => (shell.did_not_work, words.language.refused(refused)),
        (None, "not_found") => plain(shell.not_found, shell.not_found_text),
        (None, "unavailable") => plain(shell.one_moment, shell.one_moment_text),
        (None, "internal") => plain(shell.went_wrong, shell.went_wrong_text),
        (None, "too_many_requests") => plain(shell.one_moment, shell.too_often_text),
        (None, _) => plain(shell.did_not_work, shell.did_not_work_text),
    }
}
