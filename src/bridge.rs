//! The till process: readers and scanners in, captures out.
//!
//! ```text
//! serial, pcsc --report--> pipeline --append--> journal --oldest--> uplink --POST--> gateway
//!   threads   <--signal--  (task)   <--------answers--------------- (task)
//! ```
//!
//! Bytes become tokens in machines that do no input or output ([`framing`], [`tag`], [`ndef`]). From there on:
//! a capture exists once it is in the [`journal`] on this till's disk, and only then is a signal given; it leaves
//! the journal when the gateway has answered it. So the gateway may be away for a day, and the till may lose power
//! at any point: nothing that was signalled is lost, and since a capture keeps its counter, nothing counts twice.
//!
//! The bridge knows no rules: what a capture is worth is decided by the gateway alone.

pub mod apdu;
pub mod atr;
pub mod debounce;
pub mod device;
pub mod event;
pub mod feedback;
pub mod framing;
pub mod journal;
pub mod ndef;
#[cfg(feature = "pcsc")]
mod pcsc;
mod pipeline;
pub mod profile;
pub mod reader;
#[cfg(feature = "serial")]
mod serial;
pub mod tag;
mod threads;
pub mod uplink;

pub use event::{BridgeEvent, What};
pub use reader::InProcessReader;

use crate::clock::{Clock, Ids, stopwatch};
use crate::config;
use debounce::Debounce;
use device::Report;
use journal::{Journal, JournalError, Recovered, SharedJournal};
use pipeline::{Pipeline, Waiting};
use profile::{ProfileError, Profiles};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use threads::Threads;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uplink::{ClientError, Uplink};

/// Events that a slow watcher may lag behind before it misses some.
const EVENTS: usize = 1024;
const REPORTS: usize = 64;

/// Why a bridge does not start. Devices and a gateway that are not there are no reason: they are waited for.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Gateway(#[from] ClientError),
    #[error("cannot read {path} ({key}): {source}")]
    File {
        key: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the station key in {0} is empty; make a key for this station at the gateway and store it there")]
    NoKey(PathBuf),
    #[error("two devices are named {0:?}; staff could not tell them apart")]
    SameName(String),
    #[error("scanner {0:?} needs a path, the serial port it is on")]
    NoPath(String),
    #[error("the name of reader {device:?} is not a regular expression: {problem}")]
    Name { device: String, problem: String },
    #[error("{device:?} is a {kind} device, and this program was built without the feature `{kind}`")]
    NotCompiled { device: String, kind: &'static str },
    #[error("cannot start a thread for a device: {0}")]
    Thread(std::io::Error),
}

/// Starts bridges.
#[derive(Debug)]
pub struct Bridge;

/// A running bridge. Dropping it ends it without a last attempt to reach the gateway.
#[derive(Debug)]
pub struct BridgeHandle {
    events: broadcast::Sender<BridgeEvent>,
    /// For the first watcher, who must not miss what happens while the bridge starts.
    first: Mutex<Option<broadcast::Receiver<BridgeEvent>>>,
    journal: SharedJournal,
    recovered: Recovered,
    reports: mpsc::Sender<Report>,
    allow_uid: bool,
    threads: Option<Threads>,
    stop: CancellationToken,
    stop_uplink: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Bridge {
    /// Opens the journal and starts all devices and the uplink. Must be called within a tokio runtime; reads files.
    pub fn start(config: &config::Bridge, clock: Clock, ids: Ids) -> Result<BridgeHandle, BridgeError> {
        let profiles = Profiles::load(&config.profiles)?;
        let key = read("bridge.station_key_file", &config.station_key_file)?;
        let key = String::from_utf8_lossy(&key).trim().to_owned();
        if key.is_empty() {
            return Err(BridgeError::NoKey(config.station_key_file.clone()));
        }
        let authority = match &config.certificate_authority {
            Some(path) => Some(read("bridge.certificate_authority", path)?),
            None => None,
        };
        let client = uplink::client(&config.gateway_url, &key, authority.as_deref())?;
        let (journal, recovered) = Journal::open(&config.journal, clock.now())?;
        if recovered.cut_bytes > 0 {
            tracing::warn!(
                bytes = recovered.cut_bytes,
                "cut a record off the journal that had not been written whole"
            );
        }
        let journal = SharedJournal::new(journal);
        let (reports, reported) = mpsc::channel(REPORTS);
        let (carried, answers) = mpsc::channel(REPORTS);
        let (events, first) = broadcast::channel(EVENTS);
        let stored = Arc::new(Notify::new());
        let (stop, stop_uplink) = (CancellationToken::new(), CancellationToken::new());
        let (threads, outlets) = threads::start(config, &profiles, &reports)?;
        let uplink = Uplink::new(
            journal.clone(),
            client,
            carried,
            stored.clone(),
            stop_uplink.clone(),
            ids,
        );
        let pipeline = Pipeline {
            clock,
            journal: journal.clone(),
            debounce: Debounce::new(config.debounce),
            answer_within: config.answer_within,
            outlets,
            events: events.clone(),
            reports: reported,
            carried: answers,
            stored,
            stop: stop.clone(),
            stop_uplink: stop_uplink.clone(),
            started: stopwatch(),
            waiting: Waiting::default(),
        };
        let tasks = vec![tokio::spawn(pipeline.run()), tokio::spawn(uplink.run())];
        Ok(BridgeHandle {
            events,
            first: Mutex::new(Some(first)),
            journal,
            recovered,
            reports,
            allow_uid: config.allow_uid,
            threads: Some(threads),
            stop,
            stop_uplink,
            tasks,
        })
    }
}

impl BridgeHandle {
    /// Everything that happens from now on; the first watcher is told everything since the start.
    pub fn subscribe(&self) -> broadcast::Receiver<BridgeEvent> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().unwrap_or_else(|| self.events.subscribe())
    }

    /// How many captures wait for the gateway.
    pub fn journal_depth(&self) -> usize {
        self.journal.depth()
    }

    /// What was found in the journal at the start.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// A reader without hardware, named `id` in events.
    pub fn in_process_reader(&self, id: &str) -> InProcessReader {
        InProcessReader {
            device: id.into(),
            reports: self.reports.clone(),
            allow_uid: self.allow_uid,
        }
    }

    /// Stops the devices, stores what they have said, tries once more to reach the gateway, and ends. What the
    /// gateway has not answered by then stays in the journal.
    pub async fn stop(mut self) {
        if let Some(threads) = self.threads.take() {
            threads.ask_to_stop();
            threads.ended().await;
        }
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            if let Err(ended) = task.await {
                tracing::error!(%ended, "a task of the bridge ended badly");
            }
        }
    }
}

impl Drop for BridgeHandle {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.ask_to_stop();
        }
        self.stop.cancel();
        self.stop_uplink.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn read(key: &'static str, path: &PathBuf) -> Result<Vec<u8>, BridgeError> {
    std::fs::read(path).map_err(|source| BridgeError::File {
        key,
        path: path.clone(),
        source,
    })
}
