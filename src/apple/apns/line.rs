//! One connection to APNs as an actor: a task that owns the HTTP/2 handle, opens the connection when there is
//! something to send, and opens it again after it ended.
//!
//! Invariant: every job gets exactly one answer. A job is answered with the future of its response once it is on
//! the wire; while there is no connection and none may be tried yet, it is answered at once with the reason, so
//! that the outbox row goes back and nothing piles up here.
//!
//! The window is the smaller of the peer's limit on streams (h2 lets one request wait for a free stream, and we
//! wait for it) and our own cap; with provider tokens it is one until APNs has taken the first. After GOAWAY no new stream is opened: streams up to the last one that APNs
//! accepted are finished by a task of their own, the rest fail as never processed, and the next job opens a new
//! connection.

mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::connect::{ConnectError, Route};
use crate::clock::{Ids, stopwatch};
use wire::WINDOW;
use wire::{Ended, Job, Window, Wire};
pub(super) use wire::{Pace, Sent};

/// Jobs that may wait for one connection.
const QUEUE: usize = 1000;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that ends sooner, without an answer to anything, counts as a failed attempt.
const STEADY: Duration = Duration::from_secs(5);

/// Why a request was not put on the wire.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) reason: String,
    /// When the next connection may be tried.
    pub(super) after: Option<Duration>,
    /// Waiting will not help: certificates or addresses are wrong.
    pub(super) configuration: bool,
    /// Nothing left us, and another connection may be had at once.
    pub(super) unsent: bool,
}

impl Fault {
    /// The connection broke under the request.
    fn broken(reason: String) -> Self {
        Self {
            reason,
            after: None,
            configuration: false,
            unsent: false,
        }
    }

    fn unsent(reason: String) -> Self {
        Self {
            unsent: true,
            ..Self::broken(reason)
        }
    }
}

/// The handle of one actor; the actor ends with it.
pub(super) struct Line {
    jobs: mpsc::Sender<Job>,
    load: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

/// Counts one job in a line's load for as long as it lives.
pub(super) struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Line {
    /// Starts the actor; it connects with the first job. `is_proven`: the route's certificate shows who we are, and
    /// requests need not.
    pub(super) fn start(route: Route, is_proven: bool, timeout: Duration, pace: Pace, ids: Ids) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let actor = Actor {
            route,
            is_proven,
            timeout,
            pace,
            ids,
            queue,
            waiting: None,
            failures: 0,
            retiring: JoinSet::new(),
        };
        Self {
            jobs,
            load: Arc::new(AtomicUsize::new(0)),
            _task: AbortOnDropHandle::new(tokio::spawn(actor.run())),
        }
    }

    /// Requests that wait or are on the wire.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// True when another line should take the next request.
    pub(super) fn is_full(&self) -> bool {
        self.load() >= WINDOW
    }

    /// Hands in one request and waits until it is on the wire. Keep the [`Load`] until the response is read.
    pub(super) async fn put(&self, request: http::Request<()>, body: Bytes) -> Result<(Sent, Load), Fault> {
        self.load.fetch_add(1, Ordering::Relaxed);
        let load = Load(self.load.clone());
        let (answer, sent) = oneshot::channel();
        let stopped = || Fault::broken("the connection to APNs is being closed".into());
        self.jobs
            .send(Job {
                request,
                body,
                answer,
            })
            .await
            .map_err(|_| stopped())?;
        let sent = sent.await.map_err(|_| stopped())??;
        Ok((sent, load))
    }
}

struct Actor {
    route: Route,
    is_proven: bool,
    timeout: Duration,
    pace: Pace,
    ids: Ids,
    queue: mpsc::Receiver<Job>,
    /// A job that was taken when the connection turned out to be at its end.
    waiting: Option<Job>,
    /// Connections in a row that failed or ended soon.
    failures: u32,
    /// Connections that only finish what they have.
    retiring: JoinSet<()>,
}

impl Actor {
    async fn run(mut self) {
        loop {
            if self.waiting.is_none() {
                let Some(job) = self.queue.recv().await else { break };
                self.waiting = Some(job);
            }
            while self.retiring.try_join_next().is_some() {}
            let begun = stopwatch();
            let window = Window::new(self.is_proven);
            let (reason, configuration) = match self.connect().await {
                Ok(wire) => match wire
                    .serve(&mut self.waiting, &mut self.queue, self.pace, window.clone())
                    .await
                {
                    Ended::Unused(old) => {
                        self.retire(*old);
                        break;
                    }
                    Ended::GoAway(old) => {
                        self.retire(*old);
                        ("APNs asked for a new connection".to_owned(), false)
                    }
                    Ended::Broken(reason, configuration) => (reason, configuration),
                },
                Err(error) => {
                    self.failures = self.failures.max(1);
                    (error.to_string(), error.is_configuration())
                }
            };
            tracing::debug!(reason, "the connection to APNs ended");
            // A connection that served may be replaced at once, and so may the first that did not.
            if window.has_served() || begun.elapsed() >= STEADY {
                self.failures = 0;
            } else {
                self.failures = self.failures.saturating_add(1);
            }
            if configuration || self.failures > 1 {
                self.rest(reason, configuration).await;
            }
        }
        // The requests on old connections have readers elsewhere; they are given their time.
        while self.retiring.join_next().await.is_some() {}
    }

    async fn connect(&self) -> Result<Wire, ConnectError> {
        match tokio::time::timeout(self.timeout, self.route.connect()).await {
            Ok(Ok((requests, driver))) => Ok(Wire { requests, driver }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConnectError::Reach {
                target: self.route.target.to_string(),
                source: std::io::ErrorKind::TimedOut.into(),
            }),
        }
    }

    /// Answers every job with `reason` until the next attempt to connect is due.
    async fn rest(&mut self, reason: String, configuration: bool) {
        let doublings = self.failures.saturating_sub(2).min(10);
        let plain = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let [jitter] = self.ids.secret::<1>();
        let wait = plain + plain.mul_f64(f64::from(jitter) / 1024.0);
        tracing::warn!(reason, ?wait, "no connection to APNs");
        let begun = stopwatch();
        let mut waiting = self.waiting.take();
        let pause = tokio::time::sleep(wait);
        tokio::pin!(pause);
        loop {
            if let Some(job) = waiting.take() {
                let fault = Fault {
                    reason: reason.clone(),
                    after: Some(wait.saturating_sub(begun.elapsed())),
                    configuration,
                    unsent: false,
                };
                let _gone = job.answer.send(Err(fault));
            }
            tokio::select! {
                () = &mut pause => return,
                job = self.queue.recv() => match job {
                    Some(job) => waiting = Some(job),
                    None => return,
                },
            }
        }
    }

    /// Lets an old connection finish its streams.
    fn retire(&mut self, wire: Wire) {
        let limit = self.timeout;
        self.retiring.spawn(async move {
            let _ended = tokio::time::timeout(limit, wire.finish()).await;
        });
    }
}

#[cfg(test)]
mod tests;
