//! A JSON body whose faults are told to the caller in words: what was expected and what came.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::web::error::ApiError;

/// Like axum's `Json`, with problem+json for what cannot be read.
pub struct ValidJson<T>(pub T);

impl<S, T> FromRequest<S> for ValidJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::BadRequest(
                "the body must be JSON and say so: Content-Type: application/json".into(),
            )),
            Err(JsonRejection::BytesRejection(rejection)) => Err(if rejection.status() == 413 {
                ApiError::TooLarge("the body is larger than this address accepts".into())
            } else {
                ApiError::BadRequest(rejection.body_text())
            }),
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}
