//! What customers see where a request fails that no page of ours has answered: one sentence in their language instead of a
//! problem document.

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use tower_http::csrf::ProtectionError;

use super::seen::Seen;
use crate::web::error::{ApiError, TOO_LARGE};
use crate::web::extract::wants_page;

/// Turns what failed into a page for whoever looks at one.
pub(super) async fn as_page(request: Request, next: Next) -> Response {
    let (person, seen) = (wants_page(request.headers()), Seen::of(request.headers()));
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !person || !failed || is_page {
        return response;
    }
    let (said, status) = (seen.said, response.status());
    let (title, text) = if status == TOO_LARGE {
        (said.failed_title, said.too_long)
    } else if status == ApiError::NotFound.status() {
        (said.unknown_title, said.unknown_text)
    } else if status.is_server_error() {
        (said.failed_title, said.later)
    } else {
        (said.failed_title, said.failed_text)
    };
    let page = seen.plain(title, &html! { h1 { (title) } p { (text) } });
    (status, page).into_response()
}

/// A form of another site: it could spend the tries of whoever looks at it.
pub(super) fn foreign_form(_: ProtectionError) -> Response {
    ApiError::Forbidden("This form was sent from another site, so nothing was done.".into()).into_response()
}
