//! What a till answers to whoever watches over it, when `bridge.metrics_listen` is set: `/healthz` (the process
//! answers) and `/metrics`. Neither asks who is there: the address should be one that only the watchers reach.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use axum_server::accept::DefaultAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::app::connections::{Limits, limited};
use crate::app::{StartError, fold, listen};
use crate::telemetry::Metrics;
use crate::web::health;

/// More would be no watcher.
const CONNECTIONS: usize = 64;

/// A till that can be watched, until this is dropped.
#[derive(Debug)]
pub struct Watched {
    /// Where it really listens: the port is chosen by the system when the configuration says 0.
    pub address: SocketAddr,
    _server: AbortOnDropHandle<std::io::Result<()>>,
    _folding: AbortOnDropHandle<()>,
}

/// Listens at `wanted`. Must be called within a tokio runtime.
pub fn start(wanted: SocketAddr, metrics: Metrics) -> Result<Watched, StartError> {
    let failed = |source| StartError::Listen {
        address: wanted,
        source,
    };
    let listener = listen(wanted)?;
    let address = listener.local_addr().map_err(failed)?;
    let shown = metrics.clone();
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(async move || health::exposition(&shown)));
    let limits = Limits {
        connections: CONNECTIONS,
        ..Limits::default()
    };
    let server = axum_server::from_tcp(listener).map_err(failed)?;
    let server = limited(server, DefaultAcceptor::new(), limits).serve(router.into_make_service());
    tracing::info!(%address, "the till can be watched");
    Ok(Watched {
        address,
        _server: AbortOnDropHandle::new(tokio::spawn(server)),
        _folding: AbortOnDropHandle::new(tokio::spawn(fold(metrics))),
    })
}
