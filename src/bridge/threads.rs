//! Makes the threads of all configured devices, and each device's way to signal.

use crate::bridge::BridgeError;
use crate::bridge::device::{DeviceName, Outlet, Report};
use crate::bridge::profile::Profiles;
use crate::clock::stopwatch;
use crate::config;
use std::collections::HashMap;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

#[cfg(feature = "pcsc")]
use crate::bridge::pcsc;
#[cfg(feature = "serial")]
use crate::bridge::serial;

/// Longer than any status call or signal lasts.
const LONGEST_STOP: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// All threads of devices.
#[derive(Default)]
pub(super) struct Threads {
    stops: Vec<Box<dyn Fn() + Send + Sync>>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.threads).finish()
    }
}

type Outlets = HashMap<DeviceName, Outlet>;

impl Threads {
    /// Returns at once; the threads end soon after.
    pub(super) fn ask_to_stop(&self) {
        for stop in &self.stops {
            stop();
        }
    }

    /// Waits until all threads have ended. A driver or service that hangs holds its thread; the bridge does not
    /// wait for it longer than [`LONGEST_STOP`].
    pub(super) async fn ended(self) {
        let began = stopwatch();
        for thread in self.threads {
            while !thread.is_finished() {
                if began.elapsed() > LONGEST_STOP {
                    tracing::warn!(thread = thread.thread().name(), "the thread of a device hangs");
                    break;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            if thread.is_finished() && thread.join().is_err() {
                tracing::error!("the thread of a device ended badly");
            }
        }
    }
}

pub(super) fn start(
    config: &config::Bridge,
    profiles: &Profiles,
    reports: &mpsc::Sender<Report>,
) -> Result<(Threads, Outlets), BridgeError> {
    let mut names: Vec<&str> = Vec::new();
    for device in config.scanners.iter().chain(&config.readers) {
        if names.contains(&device.id.as_str()) {
            return Err(BridgeError::SameName(device.id.clone()));
        }
        names.push(&device.id);
    }
    let mut threads = Threads::default();
    let mut outlets = Outlets::new();
    let started = start_scanners(config, profiles, reports, &mut threads, &mut outlets)
        .and_then(|()| start_readers(config, profiles, reports, &mut threads, &mut outlets));
    match started {
        Ok(()) => Ok((threads, outlets)),
        Err(error) => {
            threads.ask_to_stop();
            Err(error)
        }
    }
}

#[cfg(feature = "serial")]
fn start_scanners(
    config: &config::Bridge,
    profiles: &Profiles,
    reports: &mpsc::Sender<Report>,
    threads: &mut Threads,
    outlets: &mut Outlets,
) -> Result<(), BridgeError> {
    for device in &config.scanners {
        let (profile, port) = profiles.serial(&device.profile)?;
        let path = device
            .path
            .clone()
            .ok_or_else(|| BridgeError::NoPath(device.id.clone()))?;
        let reporter = reporter(device, reports);
        let name = reporter.device.clone();
        let started =
            serial::start(path, port, profile.signals.clone(), reporter).map_err(BridgeError::Thread)?;
        threads.threads.push(started.thread);
        let (signals, stop) = (started.commands.clone(), started.commands);
        // A thread that has ended takes no orders and needs none.
        outlets.insert(
            name,
            Box::new(move |signal| {
                let _ = signals.send(serial::Command::Signal(signal));
            }),
        );
        threads.stops.push(Box::new(move || {
            let _ = stop.send(serial::Command::Stop);
        }));
    }
    Ok(())
}

#[cfg(feature = "pcsc")]
fn start_readers(
    config: &config::Bridge,
    profiles: &Profiles,
    reports: &mpsc::Sender<Report>,
    threads: &mut Threads,
    outlets: &mut Outlets,
) -> Result<(), BridgeError> {
    let mut readers = Vec::new();
    for device in &config.readers {
        let (profile, transport) = profiles.pcsc(&device.profile)?;
        let name = match &device.name {
            None => transport.name.clone(),
            Some(name) => regex_lite::Regex::new(name).map_err(|error| BridgeError::Name {
                device: device.id.clone(),
                problem: error.to_string(),
            })?,
        };
        readers.push(pcsc::Reader {
            reporter: reporter(device, reports),
            name,
            exclude: transport.exclude.clone(),
            exclusive: transport.exclusive,
            escape: transport.escape,
            commands: transport.commands.clone(),
            signals: profile.signals.clone(),
            allow_uid: config.allow_uid,
        });
    }
    if readers.is_empty() {
        return Ok(());
    }
    let names: Vec<DeviceName> = readers
        .iter()
        .map(|reader| reader.reporter.device.clone())
        .collect();
    let started = pcsc::start(readers).map_err(BridgeError::Thread)?;
    for (index, name) in names.into_iter().enumerate() {
        let signals = started.signals.clone();
        outlets.insert(
            name,
            Box::new(move |signal| {
                let _ = signals.send((index, signal));
            }),
        );
    }
    let [watcher, signaller] = started.threads;
    threads.threads.push(watcher);
    // The signalling thread ends when the last sender of signals is dropped, which the pipeline holds: it is
    // not waited for.
    drop(signaller);
    threads.stops.push(Box::new(move || started.stop.stop()));
    Ok(())
}

#[cfg(not(feature = "serial"))]
fn start_scanners(
    config: &config::Bridge,
    _: &Profiles,
    _: &mpsc::Sender<Report>,
    _: &mut Threads,
    _: &mut Outlets,
) -> Result<(), BridgeError> {
    not_compiled(&config.scanners, "serial")
}

#[cfg(not(feature = "pcsc"))]
fn start_readers(
    config: &config::Bridge,
    _: &Profiles,
    _: &mpsc::Sender<Report>,
    _: &mut Threads,
    _: &mut Outlets,
) -> Result<(), BridgeError> {
    not_compiled(&config.readers, "pcsc")
}

#[cfg(not(all(feature = "serial", feature = "pcsc")))]
fn not_compiled(devices: &[config::Device], kind: &'static str) -> Result<(), BridgeError> {
    match devices.first() {
        None => Ok(()),
        Some(device) => Err(BridgeError::NotCompiled {
            device: device.id.clone(),
            kind,
        }),
    }
}

#[cfg(any(feature = "serial", feature = "pcsc"))]
fn reporter(device: &config::Device, reports: &mpsc::Sender<Report>) -> crate::bridge::device::Reporter {
    crate::bridge::device::Reporter {
        device: device.id.as_str().into(),
        reports: reports.clone(),
    }
}
