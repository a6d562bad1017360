//! Bodies in and out of the web service: JSON read within a limit, and a pass sent in two pieces without copying.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use serde::de::DeserializeOwned;

use super::crowd::Download;
use crate::web::error::ApiError;

/// Reads a JSON body of at most `limit` bytes. `expected` is the shape to name when it is not that; what came is
/// told by place only, because it may hold a secret.
pub(super) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limit: usize,
    expected: &str,
) -> Result<T, ApiError> {
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
            ApiError::TooLarge(format!("the body may have at most {limit} bytes"))
        } else {
            ApiError::BadRequest("the body ended before it was complete".into())
        }
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let problem = match error.classify() {
            serde_json::error::Category::Data => "JSON of another shape",
            serde_json::error::Category::Eof if bytes.is_empty() => "nothing",
            serde_json::error::Category::Eof => "JSON that ends too early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "something that is not JSON"
            }
        };
        let (line, column) = (error.line(), error.column());
        ApiError::BadRequest(format!(
            "the body must be {expected}; got {problem} (line {line}, column {column})"
        ))
    })
}

/// A body of known length in two frames: the part that all passes of a design share, and a pass's own.
#[derive(Debug)]
pub(super) struct TwoFrames {
    frames: [Option<Bytes>; 2],
    download: Download,
}

impl TwoFrames {
    pub(super) fn new(shared: Bytes, own: Bytes) -> Self {
        Self {
            frames: [Some(shared), Some(own)],
            download: Download::begin(),
        }
    }
}

impl http_body::Body for TwoFrames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.frames.iter_mut().find_map(Option::take);
        if let Some(bytes) = &next {
            self.download.sent(bytes.len());
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.iter().all(Option::is_none)
    }

    fn size_hint(&self) -> SizeHint {
        let rest: usize = self.frames.iter().flatten().map(Bytes::len).sum();
        SizeHint::with_exact(rest as u64)
    }
}

/// A body that is not sent: the answer to HEAD, and 304. Its length is left open, so that nobody writes
/// `Content-Length: 0` beside a pass that is not empty.
#[derive(Debug)]
pub(super) struct Untold;

impl http_body::Body for Untold {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[derive(Debug, serde::Deserialize)]
    struct Shape {
        #[expect(dead_code, reason = "only its presence matters")]
        name: String,
    }

    #[tokio::test]
    async fn the_problem_says_what_was_expected_and_not_what_came() {
        let rows = [
            ("", "nothing"),
            ("{\"name\":", "ends too early"),
            ("{\"name\": 5e3}", "another shape"),
            ("secret", "not JSON"),
        ];
        for (body, problem) in rows {
            let error = read_json::<Shape>(Body::from(body), 100, "{\"name\": …}")
                .await
                .expect_err(body);
            assert!(error.to_string().contains(problem), "{error}");
            assert!(error.to_string().contains("{\"name\": …}"), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let large = read_json::<Shape>(Body::from("x".repeat(101)), 100, "JSON").await;
        assert!(matches!(large, Err(ApiError::TooLarge(_))));
    }

    #[tokio::test]
    async fn two_frames_are_one_body_of_known_length() {
        let body = TwoFrames::new(Bytes::from_static(b"shared"), Bytes::from_static(b"own"));
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(9));
        assert_eq!(body.collect().await.expect("infallible").to_bytes(), "sharedown");
    }
}
