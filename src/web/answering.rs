//! What is done around every answer: its time is counted by route, and it is given up when it takes too long.
//!
//! Both are layers with futures of their own, which box nothing and arm no timer for an answer that is there at
//! once; for the answer "you have this already" that is a good part of the work. They rely on the futures below
//! them being `Unpin`, as those of a router are.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::header;
use axum::response::Response;
use tokio::time::Sleep;
use tower::{Layer, Service};

use super::{NO_ROUTE, error};
use crate::clock::stopwatch;
use crate::telemetry::{Counter, Histogram, Metric};

/// Where requests of one route are counted: their time, and how many by the class of their answer's status.
struct Counters {
    time: Histogram,
    by_class: [Counter; CLASSES.len()],
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Counters {
    fn of(route: &str) -> Self {
        let counter = |status| Metric::Requests.counter(&[("route", route), ("status", status)]);
        Self {
            time: Metric::RequestTime.histogram(&[("route", route)]),
            by_class: CLASSES.map(counter),
        }
    }
}

/// The counters of every route that was asked for; kept, because finding one by its labels costs more than counting.
type Counts = Arc<RwLock<HashMap<Box<str>, Arc<Counters>>>>;

/// Counts each request by its route and the class of its answer's status.
#[derive(Clone, Default)]
pub(super) struct CountedLayer {
    counts: Counts,
}

impl<S> Layer<S> for CountedLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            counts: Arc::clone(&self.counts),
        }
    }
}

#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    counts: Counts,
}

impl<S, B> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counting<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>();
        let counters = counters(&self.counts, route.map_or(NO_ROUTE, MatchedPath::as_str));
        let began = stopwatch();
        Counting {
            inner: self.inner.call(request),
            counters,
            began,
        }
    }
}

pub(super) struct Counting<F> {
    inner: F,
    counters: Arc<Counters>,
    began: Instant,
}

impl<F, B, E> Future for Counting<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let answer = std::task::ready!(Pin::new(&mut self.inner).poll(context));
        if let Ok(response) = &answer {
            self.counters.time.record(self.began.elapsed());
            let class = usize::from(response.status().as_u16() / 100).clamp(1, CLASSES.len()) - 1;
            if let Some(counter) = self.counters.by_class.get(class) {
                counter.increment(1);
            }
        }
        Poll::Ready(answer)
    }
}

fn counters(counts: &Counts, route: &str) -> Arc<Counters> {
    let known = counts
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(route)
        .cloned();
    known.unwrap_or_else(|| {
        let mut counts = counts.write().unwrap_or_else(PoisonError::into_inner);
        let entry = counts.entry(route.into());
        Arc::clone(entry.or_insert_with(|| Arc::new(Counters::of(route))))
    })
}

/// Gives up answers that take longer than a span, which is another one where a file is sent: its answer begins when all
/// of it is here. The body of an answer may take as long as it likes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PatienceLayer {
    span: Duration,
    with_file: Duration,
}

impl PatienceLayer {
    pub(super) fn new(span: Duration, with_file: Duration) -> Self {
        Self { span, with_file }
    }
}

impl<S> Layer<S> for PatienceLayer {
    type Service = Patience<S>;

    fn layer(&self, inner: S) -> Patience<S> {
        Patience { inner, layer: *self }
    }
}

#[derive(Clone)]
pub(super) struct Patience<S> {
    inner: S,
    layer: PatienceLayer,
}

impl<S, R, B> Service<axum::http::Request<R>> for Patience<S>
where
    S: Service<axum::http::Request<R>, Response = Response<B>>,
    S::Future: Unpin,
    B: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Waiting<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: axum::http::Request<R>) -> Self::Future {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let has_file = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
        Waiting {
            span: if has_file {
                self.layer.with_file
            } else {
                self.layer.span
            },
            inner: self.inner.call(request),
            over: None,
        }
    }
}

pub(super) struct Waiting<F> {
    inner: F,
    span: Duration,
    /// Armed when the answer is not there at once.
    over: Option<Pin<Box<Sleep>>>,
}

impl<F, B, E> Future for Waiting<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
    B: Default,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.inner).poll(context) {
            return Poll::Ready(answer);
        }
        let span = self.span;
        let over = self
            .over
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(span)));
        std::task::ready!(over.as_mut().poll(context));
        let mut response = Response::new(B::default());
        *response.status_mut() = error::TOO_SLOW;
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    async fn status(router: Router, kind: &str) -> StatusCode {
        let request = Request::builder().header(header::CONTENT_TYPE, kind);
        let request = request.body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("infallible").status()
    }

    #[tokio::test]
    async fn only_an_answer_that_does_not_come_is_given_up() {
        let at_once = Duration::from_millis(10);
        let router = |slow, within, with_file| {
            let answer = move || async move {
                if slow {
                    std::future::pending::<()>().await;
                }
            };
            Router::new()
                .route("/", get(answer))
                .layer(PatienceLayer::new(within, with_file))
        };
        let (page, file) = ("text/html", "multipart/form-data; boundary=x");
        let quick = router(false, at_once, at_once);
        assert_eq!(status(quick, page).await, StatusCode::OK);
        let patient_with_files = router(true, at_once, Duration::MAX);
        assert_eq!(status(patient_with_files, page).await, error::TOO_SLOW);
        let patient_otherwise = router(true, Duration::MAX, at_once);
        assert_eq!(status(patient_otherwise, file).await, error::TOO_SLOW);
    }
}
