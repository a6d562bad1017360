//! Carries captures from the journal to the gateway, oldest first, until each has been answered.
//!
//! A capture leaves the journal only when the gateway's answer to it is here, or when the gateway itself (a
//! problem+json answer, not a proxy's error page) says that it cannot take this one capture; it is then put aside
//! and the rest goes on. Anything else (no connection, refused key, unexpected answers) keeps everything and is
//! tried again, with growing pauses, for ever.

mod client;
mod pause;

pub use client::ClientError;

use crate::bridge::journal::SharedJournal;
use crate::clock::{Ids, stopwatch};
use crate::telemetry::{Counter, Metric};
use crate::wire::{CaptureAnswer, CaptureBody, LARGEST_BATCH};
use client::{Client, Posted};
use pause::Pause;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// New captures may cut a pause short, but not more often than this.
const SHORTEST_BETWEEN: Duration = Duration::from_secs(1);
/// How long the last attempt of a stopping bridge may take.
const LAST_ATTEMPT: Duration = Duration::from_secs(2);

/// Whether the gateway answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayState {
    Reachable,
    /// Captures wait in the journal; the text says why.
    Away(String),
    /// The gateway does not accept this station's key; captures wait in the journal.
    KeyRefused,
}

/// What the uplink tells the bridge.
#[derive(Debug)]
pub(super) enum Carried {
    Answer(CaptureAnswer),
    /// The gateway cannot take this capture; it has been put aside.
    Rejected {
        counter: i64,
        reason: String,
    },
    State(GatewayState),
}

pub(super) struct Uplink {
    journal: SharedJournal,
    client: Client,
    carried: mpsc::Sender<Carried>,
    /// Rung when a capture has been stored.
    stored: Arc<Notify>,
    stop: CancellationToken,
    pause: Pause,
    state: Option<GatewayState>,
    /// Captures in the next batch; smaller while a capture is looked for that the gateway cannot take.
    limit: usize,
    failures: Counter,
}

impl Uplink {
    pub(super) fn new(
        journal: SharedJournal,
        client: Client,
        carried: mpsc::Sender<Carried>,
        stored: Arc<Notify>,
        stop: CancellationToken,
        ids: Ids,
    ) -> Self {
        Self {
            journal,
            client,
            carried,
            stored,
            stop,
            pause: Pause::new(ids),
            state: None,
            limit: LARGEST_BATCH,
            failures: Metric::UplinkFailures.counter(&[]),
        }
    }

    /// Runs until told to stop; then tries once more when captures wait.
    pub(super) async fn run(mut self) {
        self.failures.increment(0);
        loop {
            let batch = match self.journal.oldest(self.limit).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "cannot read the journal");
                    if self.stop.is_cancelled() {
                        return;
                    }
                    self.wait(stopwatch(), None).await;
                    continue;
                }
            };
            if batch.is_empty() {
                tokio::select! {
                    () = self.stored.notified() => {}
                    () = self.stop.cancelled() => {
                        // A capture may have been stored after the journal was asked; none is from now on.
                        if self.journal.depth() == 0 {
                            return;
                        }
                    }
                }
                continue;
            }
            tracing::trace!(target: "passgate::walk", step = "batch_read");
            let last = self.stop.is_cancelled();
            let began = stopwatch();
            let posted = tokio::select! {
                posted = self.client.post(&batch) => posted,
                () = self.last_attempt_over() => return,
            };
            if let Some(longest) = self.settle(&batch, posted).await {
                if last {
                    return;
                }
                self.wait(began, longest).await;
            }
        }
    }

    async fn last_attempt_over(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(LAST_ATTEMPT).await;
    }

    /// Acts on what came back. `Some`: wait before the next attempt, for this long if the gateway said so.
    async fn settle(&mut self, batch: &[CaptureBody], posted: Posted) -> Option<Option<Duration>> {
        match posted {
            Posted::Answers(answers) => self.take(batch, answers).await,
            Posted::Refused { reason, by_gateway } => {
                // The gateway is there and is asked again at once, about fewer captures.
                if batch.len() > 1 {
                    self.limit = batch.len() / 2;
                    return None;
                }
                if !by_gateway {
                    self.tell(GatewayState::Away(reason)).await;
                    return Some(None);
                }
                self.put_aside(reason).await
            }
            Posted::KeyRefused => {
                self.tell(GatewayState::KeyRefused).await;
                Some(None)
            }
            Posted::Away { reason, wait } => {
                self.tell(GatewayState::Away(reason)).await;
                Some(wait)
            }
        }
    }

    async fn take(&mut self, batch: &[CaptureBody], answers: Vec<CaptureAnswer>) -> Option<Option<Duration>> {
        // Only captures that were sent, from the first one on without a gap, count as answered.
        let answered: Vec<CaptureAnswer> = batch
            .iter()
            .zip(answers)
            .take_while(|(capture, answer)| capture.counter == answer.counter)
            .map(|(_, answer)| answer)
            .collect();
        let Some(last) = answered.last().map(|answer| answer.counter) else {
            let reason = "the gateway's answers are not for the captures that were sent".to_owned();
            self.tell(GatewayState::Away(reason)).await;
            return Some(None);
        };
        tracing::trace!(target: "passgate::walk", step = "answers_received");
        if let Err(error) = self.journal.acknowledge(last).await {
            // Not lost: after a restart these captures are sent again and answered as before.
            tracing::warn!(%error, "cannot mark captures as answered");
        }
        tracing::trace!(target: "passgate::walk", step = "journal_acknowledged");
        self.pause.reset();
        self.limit = self.limit.saturating_mul(2).min(LARGEST_BATCH);
        self.tell(GatewayState::Reachable).await;
        for answer in answered {
            self.carry(Carried::Answer(answer)).await;
        }
        None
    }

    async fn put_aside(&mut self, reason: String) -> Option<Option<Duration>> {
        match self.journal.reject_oldest(reason.clone()).await {
            Ok(Some(capture)) => {
                tracing::error!(counter = capture.counter, reason, "capture put aside");
                self.limit = LARGEST_BATCH;
                let counter = capture.counter;
                self.carry(Carried::Rejected { counter, reason }).await;
                None
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "cannot put a capture aside");
                Some(None)
            }
        }
    }

    async fn tell(&mut self, state: GatewayState) {
        if state != GatewayState::Reachable {
            self.failures.increment(1);
        }
        if self.state.as_ref() != Some(&state) {
            match &state {
                GatewayState::Reachable => tracing::info!("the gateway answers"),
                GatewayState::Away(reason) => tracing::warn!(reason, "the gateway does not answer"),
                GatewayState::KeyRefused => {
                    tracing::error!("the gateway refuses this station's key; give the station a new one");
                }
            }
            self.state = Some(state.clone());
            self.carry(Carried::State(state)).await;
        }
    }

    /// The bridge outlives its uplink, except when it is dropped: then nobody listens any more.
    async fn carry(&self, carried: Carried) {
        let _ = self.carried.send(carried).await;
    }

    /// Waits before the next attempt. A new capture ends the wait early unless the gateway named a time.
    async fn wait(&mut self, began: Instant, named: Option<Duration>) {
        let longest = named.unwrap_or_else(|| self.pause.next());
        let early = async {
            if named.is_some() {
                std::future::pending::<()>().await;
            }
            self.stored.notified().await;
            tokio::time::sleep(SHORTEST_BETWEEN.saturating_sub(began.elapsed())).await;
        };
        tokio::select! {
            () = tokio::time::sleep(longest) => {}
            () = early => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// The client for a gateway.
pub(super) fn client(
    gateway_url: &str,
    station_key: &str,
    certificate_authority: Option<&[u8]>,
) -> Result<Client, ClientError> {
    Client::new(gateway_url, station_key, certificate_authority)
}
