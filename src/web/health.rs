//! For operators and load balancers: `/healthz` (the process answers), `/readyz` (so does its store), `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::store::Error;
use crate::telemetry::Metrics;
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
    exposition(&web.metrics)
}

/// Everything counted so far, in Prometheus' text format.
pub fn exposition(metrics: &Metrics) -> impl IntoResponse + use<> {
    let text = metrics.render();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
