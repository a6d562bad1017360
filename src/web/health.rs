//! For operators and load balancers: `/healthz` (the process answers), `/readyz` (so does its store), `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::store::Error;
use crate::web::Web;
use crate::web::error::ApiError;

pub fn router() -> Router<Web> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn ready(State(web): State<Web>) -> Result<&'static str, ApiError> {
    let answered: Result<(), Error> = web.ops.store.ping().await;
    answered.map_err(|error| ApiError::Unavailable(Box::new(error)))?;
    Ok("ready\n")
}

async fn metrics(State(web): State<Web>) -> impl IntoResponse {
    let text = web.metrics.render();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
