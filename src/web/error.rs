//! The only file that turns errors into HTTP statuses.
//!
//! Every error answer is `application/problem+json` (RFC 9457) with a stable `code`, a sentence for the caller
//! and never the private cause, which is logged here, once.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::segment::saved::Refusal as SegmentRefusal;
use crate::ops::addresses::ListenError;
use crate::ops::cards::CardError;
use crate::ops::customers::CustomerError;
use crate::ops::import::ImportError;
use crate::ops::jobs::JobError;
use crate::ops::messages::MessageError;
use crate::ops::segments::SegmentError;
use crate::ops::uploads::UploadError;
use crate::store;
use crate::web::refused::{Kind, Refused};

/// The status of a request that was given up because it took too long.
pub(super) const TOO_SLOW: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// The status of a body that is longer than an address takes.
pub(super) const TOO_LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;

/// What went wrong, as far as the caller may know.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    BadRequest(String),
    #[error("authentication failed")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(String),
    #[error("there is nothing here")]
    NotFound,
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    TooLarge(String),
    /// Refused for a reason that pages say in their language.
    #[error("{0}")]
    Refused(Arc<Refused>),
    #[error("too many attempts; try again later")]
    TooManyRequests,
    /// The store or a signer cannot answer now; the caller repeats later.
    #[error("the gateway cannot answer now; try again")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A fault of ours.
    #[error("the gateway made a mistake; it has been logged")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Arc::new(refused))
    }
}

impl ApiError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(refused) => match refused.kind() {
                Kind::Unreadable => StatusCode::BAD_REQUEST,
                Kind::Forbidden => StatusCode::FORBIDDEN,
                Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Kind::Conflict => StatusCode::CONFLICT,
            },
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict(_) => "conflict",
            Self::TooLarge(_) => "too_large",
            Self::Refused(refused) => match refused.kind() {
                Kind::Unreadable => "bad_request",
                Kind::Forbidden => "forbidden",
                Kind::TooLarge => "too_large",
                Kind::Conflict => "conflict",
            },
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        if error.retry() == store::Retry::Later {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

impl From<MessageError> for ApiError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NotFound => Self::NotFound,
            MessageError::Store(error) => error.into(),
            refusal => Refused::Message(refusal).into(),
        }
    }
}

impl From<SegmentError> for ApiError {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Refused(SegmentRefusal::NotFound) | SegmentError::NoMerchant(_) => Self::NotFound,
            SegmentError::Store(error) => error.into(),
            refusal => Refused::Segment(refusal).into(),
        }
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::NotFound => Self::NotFound,
            JobError::Store(error) => error.into(),
            refusal => Refused::Job(refusal).into(),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::NotFound => Self::NotFound,
            UploadError::Store(error) | UploadError::Import(ImportError::Store(error)) => error.into(),
            UploadError::Import(error @ ImportError::File(_)) => Self::Unavailable(Box::new(error)),
            refusal => Refused::Upload(refusal).into(),
        }
    }
}

impl From<CardError> for ApiError {
    fn from(error: CardError) -> Self {
        match error {
            CardError::NotFound => Self::NotFound,
            CardError::Store(error) => error.into(),
            refusal => Refused::Card(refusal).into(),
        }
    }
}

impl From<CustomerError> for ApiError {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::NotFound | CustomerError::NoMerchant => Self::NotFound,
            CustomerError::Card(error) => error.into(),
            CustomerError::Store(error) => error.into(),
            refusal => Refused::Customer(refusal).into(),
        }
    }
}

impl From<ListenError> for ApiError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::NoCard => Self::NotFound,
            ListenError::Ended => Refused::Listen(error).into(),
            ListenError::Store(error) => error.into(),
        }
    }
}

#[derive(serde::Serialize)]
struct Problem {
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        match &self {
            Self::Internal(cause) => tracing::error!(cause = cause_chain(cause.as_ref()), "request failed"),
            Self::Unavailable(cause) => {
                tracing::warn!(cause = cause_chain(cause.as_ref()), "request put off");
            }
            _ => {}
        }
        let problem = Problem {
            status: status.as_u16(),
            code: self.code(),
            title: status.canonical_reason().unwrap_or("Error"),
            detail: self.to_string(),
        };
        let mut response = (status, Json(problem)).into_response();
        if let Self::Refused(refused) = &self {
            response.extensions_mut().insert(Arc::clone(refused));
        }
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if matches!(self, Self::Unavailable(_) | Self::TooManyRequests) {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

/// "outer: middle: inner", for the log.
fn cause_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
