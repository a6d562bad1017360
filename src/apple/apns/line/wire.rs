//! One open connection: puts jobs on the wire while there is room, asks now and then whether the peer still lives,
//! and says how it ended.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Fault;
use crate::apple::apns::connect::{Driver, Requests};
use crate::clock::stopwatch;

/// Streams that one connection is used for at most, whatever the peer offers.
pub(super) const WINDOW: usize = 1000;

/// How often a connection is asked whether it lives, and how long it may take to say so.
#[derive(Debug, Clone, Copy)]
pub(in crate::apple::apns) struct Pace {
    pub(in crate::apple::apns) ping_every: Duration,
    pub(in crate::apple::apns) pong_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(60),
            pong_within: Duration::from_secs(15),
        }
    }
}

/// A request on its way to the actor.
pub(super) struct Job {
    pub(super) request: http::Request<()>,
    pub(super) body: Bytes,
    pub(super) answer: oneshot::Sender<Result<Sent, Fault>>,
}

/// A request that is on the wire. Dropping it gives up the response and frees its stream.
pub(in crate::apple::apns) struct Sent {
    pub(in crate::apple::apns) response: ResponseFuture,
    window: Arc<Window>,
    _permit: OwnedSemaphorePermit,
}

impl Sent {
    /// APNs has taken the credentials of this connection: from now on it may be used to the full.
    pub(in crate::apple::apns) fn prove(&self) {
        self.window.open();
    }
}

/// Streams of one connection that may be open at once. APNs lets a connection that shows who it is by provider token
/// open one, until the first token was good.
pub(super) struct Window {
    places: Arc<Semaphore>,
    is_open: AtomicBool,
    /// APNs has said something sensible on this connection.
    has_served: AtomicBool,
}

impl Window {
    pub(super) fn new(is_proven: bool) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(if is_proven { WINDOW } else { 1 })),
            is_open: AtomicBool::new(is_proven),
            has_served: AtomicBool::new(false),
        })
    }

    pub(super) fn has_served(&self) -> bool {
        self.has_served.load(Ordering::Relaxed)
    }

    fn open(&self) {
        self.has_served.store(true, Ordering::Relaxed);
        // Read first: this is asked with every answer, and changes once.
        if !self.is_open.load(Ordering::Relaxed) && !self.is_open.swap(true, Ordering::Relaxed) {
            self.places.add_permits(WINDOW - 1);
        }
    }
}

/// The two ends of h2 for one connection.
pub(super) struct Wire {
    pub(super) requests: Requests,
    /// Nothing moves unless it is polled.
    pub(super) driver: Driver,
}

/// Why a connection is no longer used.
pub(super) enum Ended {
    /// Nobody holds the line any more.
    Unused(Box<Wire>),
    /// APNs asked us to go; what it accepted is still answered.
    GoAway(Box<Wire>),
    /// With the reason, and whether it is a configuration fault.
    Broken(String, bool),
}

impl Wire {
    /// Puts jobs on one connection until it ends.
    pub(super) async fn serve(
        self,
        waiting: &mut Option<Job>,
        queue: &mut mpsc::Receiver<Job>,
        pace: Pace,
        window: Arc<Window>,
    ) -> Ended {
        let Self {
            mut requests,
            mut driver,
        } = self;
        let mut ping_pong = driver.ping_pong();
        let mut next_ping = tokio::time::interval(pace.ping_every);
        next_ping.reset();
        let pong_due = tokio::time::sleep(pace.pong_within);
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
                step = next_job(waiting, queue, &mut requests, &window) => match step {
                    Step::Job(job, permit) => {
                        if !put_on_wire(&mut requests, *job, permit, &window) {
                            return Ended::GoAway(Box::new(Self { requests, driver }));
                        }
                        // Everything that is ready goes out in one write.
                        while let Some((job, permit)) = ready_job(queue, &mut requests, &window) {
                            if !put_on_wire(&mut requests, job, permit, &window) {
                                return Ended::GoAway(Box::new(Self { requests, driver }));
                            }
                        }
                    }
                    Step::NotReady => return Ended::GoAway(Box::new(Self { requests, driver })),
                    Step::Closed => return Ended::Unused(Box::new(Self { requests, driver })),
                },
                _ = next_ping.tick(), if !pinged => {
                    if let Some(ping_pong) = &mut ping_pong {
                        pinged = ping_pong.send_ping(h2::Ping::opaque()).is_ok();
                        pong_due.as_mut().reset((stopwatch() + pace.pong_within).into());
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

    /// Lets the streams that are open end; opens no new one.
    pub(super) async fn finish(self) {
        drop(self.requests);
        let _ended = self.driver.await;
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
    window: &Arc<Window>,
) -> Step {
    if poll_fn(|cx| requests.poll_ready(cx)).await.is_err() {
        return Step::NotReady;
    }
    let Ok(permit) = window.places.clone().acquire_owned().await else {
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
    window: &Arc<Window>,
) -> Option<(Job, OwnedSemaphorePermit)> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    if !matches!(requests.poll_ready(&mut context), std::task::Poll::Ready(Ok(()))) {
        return None;
    }
    let permit = window.places.clone().try_acquire_owned().ok()?;
    Some((queue.try_recv().ok()?, permit))
}

/// False when the connection takes no more requests: the job's owner is told that nothing was sent.
fn put_on_wire(
    requests: &mut Requests,
    job: Job,
    permit: OwnedSemaphorePermit,
    window: &Arc<Window>,
) -> bool {
    let Job {
        request,
        body,
        answer,
    } = job;
    if answer.is_closed() {
        return true;
    }
    let (result, goes_on) = match requests.send_request(request, false) {
        Ok((response, mut stream)) => {
            let sent = stream.send_data(body, true).map(|()| Sent {
                response,
                window: window.clone(),
                _permit: permit,
            });
            (sent.map_err(|error| Fault::broken(error.to_string())), true)
        }
        Err(error) => (Err(Fault::unsent(error.to_string())), false),
    };
    let _gone = answer.send(result);
    goes_on
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
