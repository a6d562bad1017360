//! From a sighting to its answer: debounce, journal, short signal, and the final signal when the answer is there
//! in time.
//!
//! A short signal is given only after the journal has the capture on the disk. The answer's signal is given once:
//! the gateway's when it comes within the time, else "offline"; an answer that comes later is an event only.

use crate::bridge::debounce::{Debounce, Sighting};
use crate::bridge::device::{DeviceName, DeviceState, Outlet, Report, Seen};
use crate::bridge::event::{BridgeEvent, What};
use crate::bridge::feedback::Signal;
use crate::bridge::journal::SharedJournal;
use crate::bridge::uplink::Carried;
use crate::clock::{Clock, stopwatch};
use crate::domain::capture::{CaptureKind, Token};
use crate::telemetry::Metric;
use crate::wire::CaptureBody;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

pub(super) struct Pipeline {
    pub clock: Clock,
    pub journal: SharedJournal,
    pub debounce: Debounce<DeviceName>,
    pub answer_within: Duration,
    pub outlets: HashMap<DeviceName, Outlet>,
    pub events: broadcast::Sender<BridgeEvent>,
    pub reports: mpsc::Receiver<Report>,
    pub carried: mpsc::Receiver<Carried>,
    /// Rings when a capture has been stored.
    pub stored: Arc<Notify>,
    /// Devices have stopped: take what they have said and end.
    pub stop: CancellationToken,
    /// Told when everything that devices said has been stored.
    pub stop_uplink: CancellationToken,
    pub started: Instant,
    pub waiting: Waiting,
}

/// Captures whose answer has not come.
#[derive(Default)]
pub(super) struct Waiting {
    devices: HashMap<i64, DeviceName>,
    /// Oldest first, which is also the order in which their time runs out.
    deadlines: VecDeque<(Instant, i64)>,
}

impl Waiting {
    fn add(&mut self, counter: i64, device: DeviceName, until: Instant) {
        self.devices.insert(counter, device);
        self.deadlines.push_back((until, counter));
    }

    /// The device of an answered capture, and whether the answer is in time.
    fn answered(&mut self, counter: i64) -> (Option<DeviceName>, bool) {
        let before = self.deadlines.len();
        self.deadlines.retain(|(_, waits)| *waits != counter);
        (self.devices.remove(&counter), self.deadlines.len() < before)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(until, _)| *until)
    }

    fn late(&mut self) -> Option<DeviceName> {
        let (_, counter) = self.deadlines.pop_front()?;
        self.devices.get(&counter).cloned()
    }
}

impl Pipeline {
    /// Runs until stopped and the uplink has ended. Should the uplink end by itself, captures are still stored.
    pub(super) async fn run(mut self) {
        let (mut open, mut linked) = (true, true);
        while open || linked {
            // After each capture stored and each answer.
            Metric::JournalPending.gauge(&[]).set(self.journal.depth() as f64);
            let deadline = self.waiting.next_deadline();
            tokio::select! {
                // Answers first: one that is here is in time.
                biased;
                carried = self.carried.recv(), if linked => match carried {
                    Some(carried) => self.carried(carried),
                    None => {
                        linked = false;
                        if open {
                            tracing::error!("the uplink has ended; captures stay in the journal");
                        }
                    }
                },
                report = self.reports.recv(), if open => match report {
                    Some(report) => self.report(report).await,
                    None => {
                        open = false;
                        self.stop_uplink.cancel();
                    }
                },
                () = sleep_until(deadline) => self.late(),
                () = self.stop.cancelled(), if open && !self.reports.is_closed() => self.reports.close(),
            }
        }
    }

    async fn report(&mut self, report: Report) {
        let Report { device, seen } = report;
        match seen {
            Seen::Token { kind, token, field } => self.token(device, kind, token, field).await,
            Seen::Left => self.debounce.leave(&device, self.started.elapsed()),
            Seen::Torn => {
                self.tell(Some(&device), What::Torn);
                self.signal(&device, Signal::Retry);
            }
            Seen::Garbled(why) => {
                self.tell(Some(&device), What::Unreadable(why));
                self.signal(&device, Signal::Retry);
            }
            Seen::Unreadable(why) => {
                self.tell(Some(&device), What::Unreadable(why));
                self.signal(&device, Signal::Reject);
            }
            Seen::State(state) => {
                tracing::info!(%device, ?state, "device");
                let up = f64::from(u8::from(state == DeviceState::Ready));
                Metric::DeviceUp.gauge(&[("device", &device)]).set(up);
                self.tell(Some(&device), What::DeviceState(state));
            }
        }
    }

    async fn token(&mut self, device: DeviceName, kind: CaptureKind, token: Token, field: bool) {
        let in_field = field.then(|| device.clone());
        if let Sighting::Again(ago) = self.debounce.see(&token, in_field, self.started.elapsed()) {
            return self.tell(Some(&device), What::Repeated { ago });
        }
        tracing::trace!(target: "passgate::walk", step = "captured");
        let captured_at = self.clock.now();
        let capture = CaptureBody {
            counter: 0,
            kind,
            token: token.expose().to_owned(),
            captured_at,
            amount: None,
        };
        match self.journal.append(capture).await {
            Ok(stored) => {
                tracing::trace!(target: "passgate::walk", step = "journal_appended");
                let counter = stored.counter;
                let until = stopwatch() + self.answer_within;
                self.waiting.add(counter, device.clone(), until);
                self.tell(
                    Some(&device),
                    What::Captured {
                        counter,
                        kind,
                        captured_at,
                    },
                );
                self.signal(&device, Signal::Stored);
                self.stored.notify_one();
            }
            Err(error) => {
                tracing::error!(%device, %error, "a capture could not be stored");
                self.debounce.forget(&token);
                self.tell(Some(&device), What::NotStored(error.sentence().to_owned()));
                self.signal(&device, Signal::Reject);
            }
        }
    }

    fn carried(&mut self, carried: Carried) {
        match carried {
            Carried::Answer(answer) => {
                let (device, in_time) = self.waiting.answered(answer.counter);
                let feedback = answer.feedback;
                self.tell(device.as_ref(), What::Answered(answer));
                if let (Some(device), true) = (&device, in_time) {
                    self.signal(device, feedback.into());
                }
            }
            Carried::Rejected { counter, reason } => {
                let (device, in_time) = self.waiting.answered(counter);
                self.tell(device.as_ref(), What::PutAside { counter, reason });
                if let (Some(device), true) = (&device, in_time) {
                    self.signal(device, Signal::Reject);
                }
            }
            Carried::State(state) => self.tell(None, What::Gateway(state)),
        }
    }

    fn late(&mut self) {
        if let Some(device) = self.waiting.late() {
            self.signal(&device, Signal::Offline);
        }
    }

    fn signal(&self, device: &DeviceName, signal: Signal) {
        if let Some(outlet) = self.outlets.get(device) {
            outlet(signal);
        }
        self.tell(Some(device), What::Signalled(signal));
    }

    fn tell(&self, device: Option<&DeviceName>, what: What) {
        let event = BridgeEvent {
            device: device.cloned(),
            at: self.clock.now(),
            what,
        };
        // Nobody may be watching.
        let _ = self.events.send(event);
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
