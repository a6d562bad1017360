//! One connection to APNs as an actor: a task that owns the HTTP/2 handle, opens the connection when there is
//! something to send, and opens it again after it ended.
//!
//! Invariant: every job gets exactly one answer. A job is answered with the future of its response once it is on
//! the wire; while there is no connection and none may be tried yet, it is answered at once with the reason, so
//! that the outbox row goes back and nothing piles up here.
//!
//! The window is the smaller of the peer's limit on streams (h2 lets one request wait for a free stream, and we
//! wait for it) and our own cap. After GOAWAY no new stream is opened: streams up to the last one that APNs
//! accepted are finished by a task of their own, the rest fail as never processed, and the next job opens a new
//! connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::connect::{ConnectError, Driver, Requests, Route};
use crate::clock::{Ids, stopwatch};

/// Streams that one connection is used for at most, whatever the peer offers.
const WINDOW: usize = 1000;
/// Jobs that may wait for one connection.
const QUEUE: usize = 1000;
/// How often an idle connection is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(60);
const PONG_WITHIN: Duration = Duration::from_secs(15);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that ends sooner counts as a failed attempt.
const STEADY: Duration = Duration::from_secs(5);

/// A request on its way to the actor.
struct Job {
    request: http::Request<()>,
    body: Bytes,
    answer: oneshot::Sender<Result<Sent, Fault>>,
}

/// A request that is on the wire. Dropping it gives up the response and frees its stream.
pub(super) struct Sent {
    pub(super) response: ResponseFuture,
    _permit: OwnedSemaphorePermit,
}

/// Why a request was not put on the wire.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) reason: String,
    /// When the next connection may be tried.
    pub(super) after: Option<Duration>,
    /// Waiting will not help: certificates or addresses are wrong.
    pub(super) configuration: bool,
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
    /// Starts the actor; it connects with the first job.
    pub(super) fn start(route: Route, timeout: Duration, ids: Ids) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let actor = Actor {
            route,
            timeout,
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
        let stopped = || Fault {
            reason: "the connection to APNs is being closed".into(),
            after: None,
            configuration: false,
        };
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
    timeout: Duration,
    ids: Ids,
    queue: mpsc::Receiver<Job>,
    /// A job that was taken when the connection turned out to be at its end.
    waiting: Option<Job>,
    /// Connections in a row that failed or ended soon.
    failures: u32,
    /// Connections that only finish what they have.
    retiring: JoinSet<()>,
}

/// Why a connection is no longer used.
enum Ended {
    /// Nobody holds the line any more.
    Unused,
    /// APNs asked us to go; what it accepted is still answered.
    GoAway(Box<(Requests, Driver)>),
    Broken(String, bool),
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
            let (reason, configuration) = match self.connect().await {
                Ok((requests, driver)) => match self.serve(requests, driver).await {
                    Ended::Unused => break,
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
            // A connection that served for a while may be replaced at once, and so may the first that did not.
            if begun.elapsed() >= STEADY {
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

    async fn connect(&self) -> Result<(Requests, Driver), ConnectError> {
        let limit = tokio::time::timeout(self.timeout, self.route.connect());
        limit.await.unwrap_or_else(|_| {
            Err(ConnectError::Reach {
                target: self.route.target.to_string(),
                source: std::io::ErrorKind::TimedOut.into(),
            })
        })
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

    /// Puts jobs on one connection until it ends.
    async fn serve(&mut self, mut requests: Requests, mut driver: Driver) -> Ended {
        let window = Arc::new(Semaphore::new(WINDOW));
        let mut ping_pong = driver.ping_pong();
        let mut next_ping = tokio::time::interval(PING_EVERY);
        next_ping.reset();
        let pong_due = tokio::time::sleep(PONG_WITHIN);
        tokio::pin!(pong_due);
        let mut pinged = false;
        loop {
            tokio::select! {
                biased;
                ended = &mut driver => {
                    return match ended {
                        Ok(()) => Ended::Broken("closed by APNs".into(), false),
                        Err(error) => Ended::Broken(error.to_string(), refuses_certificate(&error)),
                    };
                }
                step = next_job(&mut self.waiting, &mut self.queue, &mut requests, &window) => match step {
                    Step::Job(job, permit) => {
                        if let Some(job) = put_on_wire(&mut requests, *job, permit) {
                            self.waiting = Some(job);
                            return Ended::GoAway(Box::new((requests, driver)));
                        }
                        // Everything that is ready goes out in one write.
                        while let Some((job, permit)) = ready_job(&mut self.queue, &mut requests, &window) {
                            if let Some(job) = put_on_wire(&mut requests, job, permit) {
                                self.waiting = Some(job);
                                return Ended::GoAway(Box::new((requests, driver)));
                            }
                        }
                    }
                    Step::NotReady => return Ended::GoAway(Box::new((requests, driver))),
                    Step::Closed => {
                        self.retire((requests, driver));
                        return Ended::Unused;
                    }
                },
                _ = next_ping.tick(), if !pinged => {
                    if let Some(ping_pong) = &mut ping_pong {
                        pinged = ping_pong.send_ping(h2::Ping::opaque()).is_ok();
                        pong_due.as_mut().reset((stopwatch() + PONG_WITHIN).into());
                    }
                }
                _ = pong(&mut ping_pong), if pinged => {
                    pinged = false;
                    next_ping.reset();
                }
                () = &mut pong_due, if pinged => {
                    return Ended::Broken("APNs did not answer a PING".into(), false);
                }
            }
        }
    }

    /// Lets an old connection finish its streams.
    fn retire(&mut self, (requests, driver): (Requests, Driver)) {
        drop(requests);
        let limit = self.timeout;
        self.retiring.spawn(async move {
            let _ended = tokio::time::timeout(limit, driver).await;
        });
    }
}

enum Step {
    Job(Box<Job>, OwnedSemaphorePermit),
    /// The connection takes no new streams.
    NotReady,
    Closed,
}

/// Waits for room and for a job, in this order, so that a job is never taken and then held back.
async fn next_job(
    waiting: &mut Option<Job>,
    queue: &mut mpsc::Receiver<Job>,
    requests: &mut Requests,
    window: &Arc<Semaphore>,
) -> Step {
    if poll_fn(|cx| requests.poll_ready(cx)).await.is_err() {
        return Step::NotReady;
    }
    let Ok(permit) = window.clone().acquire_owned().await else {
        return Step::Closed;
    };
    let job = match waiting.take() {
        Some(job) => Some(job),
        None => queue.recv().await,
    };
    match job {
        Some(job) => Step::Job(Box::new(job), permit),
        None => Step::Closed,
    }
}

/// A further job that can go out without waiting.
fn ready_job(
    queue: &mut mpsc::Receiver<Job>,
    requests: &mut Requests,
    window: &Arc<Semaphore>,
) -> Option<(Job, OwnedSemaphorePermit)> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    if !matches!(requests.poll_ready(&mut context), std::task::Poll::Ready(Ok(()))) {
        return None;
    }
    let permit = window.clone().try_acquire_owned().ok()?;
    Some((queue.try_recv().ok()?, permit))
}

/// Gives the job back when the connection refuses it without having sent anything.
fn put_on_wire(requests: &mut Requests, job: Job, permit: OwnedSemaphorePermit) -> Option<Job> {
    let Job {
        request,
        body,
        answer,
    } = job;
    if answer.is_closed() {
        return None;
    }
    // A clone keeps the request for a second connection.
    let again = request.clone();
    match requests.send_request(request, false) {
        Ok((response, mut stream)) => {
            let result = match stream.send_data(body, true) {
                Ok(()) => Ok(Sent {
                    response,
                    _permit: permit,
                }),
                Err(error) => Err(Fault {
                    reason: error.to_string(),
                    after: None,
                    configuration: false,
                }),
            };
            let _gone = answer.send(result);
            None
        }
        Err(_) => Some(Job {
            request: again,
            body,
            answer,
        }),
    }
}

/// Waits for the answer to a PING; for ever when there is no way to ask.
async fn pong(ping_pong: &mut Option<h2::PingPong>) {
    match ping_pong {
        Some(ping_pong) => {
            if poll_fn(|cx| ping_pong.poll_pong(cx)).await.is_err() {
                // The connection is at its end; its driver says why.
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}

/// With TLS 1.3 a refused client certificate shows only when the first answer is read, as a TLS alert. h2 keeps
/// no more of the cause than OpenSSL's words.
fn refuses_certificate(error: &h2::Error) -> bool {
    error.is_io() && is_certificate_alert(&error.to_string())
}

fn is_certificate_alert(words: &str) -> bool {
    words.contains("alert") && (words.contains("certificate") || words.contains("unknown ca"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_about_certificates_are_told_from_other_ends() {
        assert!(is_certificate_alert(
            "error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate"
        ));
        assert!(is_certificate_alert(
            "error:0A000418:SSL routines::tlsv1 alert unknown ca"
        ));
        assert!(is_certificate_alert("ssl/tls alert certificate expired"));
        assert!(!is_certificate_alert("connection reset by peer"));
        assert!(!is_certificate_alert("tlsv1 alert internal error"));
    }
}
