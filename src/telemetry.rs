//! Logs and metrics: metric names as an enum, and the one place that sets up output.
//!
//! Logs go to standard error, one event a line, as text or as JSON. No secret is ever logged: types that hold one
//! hide it in their `Debug`, the headers of [`sensitive_headers`] are marked so that no layer prints them, and
//! libraries, which do not know our secrets, log nothing below `warn` unless they are named (see [`Filter`]).

mod filter;
mod metric;

use std::io;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

pub use filter::{Filter, FilterError};
pub use metric::{Kind, Metric};
pub use metrics::{Counter, Gauge, Histogram};

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Why output cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error("logging is set up twice in one process")]
    Log(#[source] TryInitError),
    #[error("metrics are set up twice in one process")]
    Metrics,
    #[error("the buckets of a histogram are wrong")]
    Buckets(#[source] BuildError),
}

/// Sets up logging and metrics for the whole process; called once, before anything else.
///
/// `level` is the configuration's `log.level`.
pub fn init(level: &str, format: Format) -> Result<Metrics, TelemetryError> {
    let filter = Filter::parse(level)?;
    let (recorder, metrics) = recorder()?;
    subscriber(&filter, format, io::stderr)
        .try_init()
        .map_err(TelemetryError::Log)?;
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Metrics)?;
    Metric::describe_all();
    Ok(metrics)
}

/// The log output by itself, so that a test can see what is written.
pub fn subscriber<W>(filter: &Filter, format: Format, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        Format::Text => lines.with_ansi(false).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter.targets()))
}

/// Headers that hold secrets; every HTTP server and client marks them as sensitive.
pub fn sensitive_headers() -> [HeaderName; 4] {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE]
}

/// What has been counted so far. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Metrics that nothing is counted into: for one of several gateways in a process, and for tests.
    pub fn detached() -> Result<Self, TelemetryError> {
        recorder().map(|(_, metrics)| metrics)
    }

    /// Everything in Prometheus' text format (version 0.0.4).
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds what histograms have gathered into their buckets. Without it, and with nobody asking for
    /// [`Metrics::render`], they would grow for ever: to be called every few seconds.
    pub fn fold(&self) {
        self.handle.run_upkeep();
    }
}

fn recorder() -> Result<(PrometheusRecorder, Metrics), TelemetryError> {
    let mut builder = PrometheusBuilder::new();
    for metric in Metric::ALL {
        let buckets: &[f64] = match metric.kind() {
            Kind::Counter | Kind::Gauge => continue,
            Kind::Seconds => &metric::SECONDS,
            Kind::Waits => &metric::WAITS,
            Kind::Sizes => &metric::SIZES,
        };
        builder = builder
            .set_buckets_for_metric(Matcher::Full(metric.name().to_owned()), buckets)
            .map_err(TelemetryError::Buckets)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    Ok((recorder, Metrics { handle }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// A log that can be read back.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: Format, events: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let filter = Filter::parse(level).unwrap();
        let subscriber = subscriber(&filter, format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, events);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_are_quiet_until_they_are_named() {
        let events = || {
            tracing::debug!(target: "passgate::push", "ours");
            tracing::debug!(target: "h2::codec", "theirs");
            tracing::warn!(target: "h2::codec", "their warning");
        };
        let log = logged("debug", Format::Text, events);
        assert!(log.contains("ours") && log.contains("their warning") && !log.contains("theirs"));
        let log = logged("error,h2=debug", Format::Text, events);
        assert!(!log.contains("ours") && log.contains("theirs"));
    }

    #[test]
    fn json_lines_are_json() {
        let log = logged("info", Format::Json, || {
            tracing::info!(target: "passgate::push", card = 7, "sent");
        });
        let line: serde_json::Value = serde_json::from_str(log.trim()).unwrap();
        assert_eq!(line["card"], 7);
        assert_eq!(line["message"], "sent");
        assert_eq!(line["target"], "passgate::push");
    }

    #[test]
    fn a_sensitive_header_does_not_show_itself() {
        let mut value = http::HeaderValue::from_static("ApplePass secret");
        value.set_sensitive(true);
        let log = logged("info", Format::Text, || {
            tracing::info!(target: "passgate::web", ?value, "request");
        });
        assert!(log.contains("request") && !log.contains("secret"));
        assert!(sensitive_headers().contains(&AUTHORIZATION));
    }

    #[test]
    fn every_metric_is_rendered_with_its_help() {
        let (recorder, metrics) = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            Metric::describe_all();
            for metric in Metric::ALL {
                let labels: Vec<_> = metric.labels().iter().map(|label| (*label, "x")).collect();
                match metric.kind() {
                    Kind::Counter => metric.counter(&labels).increment(1),
                    Kind::Gauge => metric.gauge(&labels).set(1.0),
                    Kind::Seconds | Kind::Waits => metric.histogram(&labels).record(Duration::from_millis(3)),
                    Kind::Sizes => metric.histogram(&labels).record(3.0),
                }
            }
        });
        metrics.fold();
        let text = metrics.render();
        for metric in Metric::ALL {
            let name = metric.name();
            let kind = match metric.kind() {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Seconds | Kind::Waits | Kind::Sizes => "histogram",
            };
            assert!(
                text.contains(&format!("# HELP {name} {}\n", metric.help())),
                "{text}"
            );
            assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{text}");
        }
        assert!(
            text.contains("passgate_captures_total{kind=\"x\",answer=\"x\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("passgate_push_seconds_bucket{channel=\"x\",le=\"0.005\"} 1\n"),
            "{text}"
        );
    }
}
