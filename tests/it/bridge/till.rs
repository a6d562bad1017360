//! A till on a temporary folder, and its events.

use super::gateway::KEY;
use passgate::bridge::device::DeviceState;
use passgate::bridge::feedback::Signal;
use passgate::bridge::{Bridge, BridgeEvent, BridgeHandle, What};
use passgate::clock::{Clock, Ids};
use passgate::config;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::broadcast;

/// Nothing in these tests takes this long on a machine that is not stuck.
const LONGEST: Duration = Duration::from_secs(30);

pub(super) const UID: [u8; 7] = [0x04, 0xde, 0x5f, 0x1e, 0xac, 0xc0, 0x40];

pub(super) struct Till {
    folder: TempDir,
    pub(super) config: config::Bridge,
}

impl Till {
    pub(super) fn new(gateway_url: String) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let key = folder.path().join("station.key");
        std::fs::write(&key, format!("{KEY}\n")).expect("written");
        let config = config::Bridge {
            gateway_url,
            station_key_file: key,
            journal: folder.path().join("journal"),
            profiles: folder.path().join("no-own-profiles"),
            ..config::Bridge::default()
        };
        Self { folder, config }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn scanner(&mut self, id: &str, profile: &str, path: &std::path::Path) {
        self.config.scanners.push(config::Device {
            id: id.into(),
            profile: profile.into(),
            path: Some(path.display().to_string()),
            name: None,
        });
    }

    pub(super) fn reader(&mut self, id: &str, profile: &str, name: &str) {
        self.config.readers.push(config::Device {
            id: id.into(),
            profile: profile.into(),
            path: None,
            name: Some(name.into()),
        });
    }

    pub(super) fn open(&self) -> (BridgeHandle, Events) {
        let bridge = Bridge::start(&self.config, Clock::System, Ids::random()).expect("the bridge starts");
        let events = Events(bridge.subscribe());
        (bridge, events)
    }
}

/// What a bridge says, in order.
pub(super) struct Events(broadcast::Receiver<BridgeEvent>);

impl Events {
    /// Skips events up to one that `wanted` takes.
    pub(super) async fn until<T>(&mut self, what: &str, wanted: impl Fn(&What) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let found = tokio::time::timeout(LONGEST, async {
            loop {
                let event = self.0.recv().await.expect("the bridge runs");
                if let Some(found) = wanted(&event.what) {
                    return found;
                }
                passed.push(event);
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("no {what} within {LONGEST:?}; instead: {passed:#?}"),
        }
    }

    pub(super) async fn captured(&mut self) -> i64 {
        self.until("capture", |what| match what {
            What::Captured { counter, .. } => Some(*counter),
            _ => None,
        })
        .await
    }

    pub(super) async fn signalled(&mut self, signal: Signal) {
        self.until(&format!("signal {signal:?}"), |what| {
            (*what == What::Signalled(signal)).then_some(())
        })
        .await;
    }

    /// The counter of the next answer.
    pub(super) async fn answered(&mut self) -> i64 {
        self.until("answer", |what| match what {
            What::Answered(answer) => Some(answer.counter),
            _ => None,
        })
        .await
    }

    pub(super) async fn unreadable(&mut self) -> String {
        self.until("unreadable input", |what| match what {
            What::Unreadable(why) => Some(why.clone()),
            _ => None,
        })
        .await
    }

    pub(super) async fn ready(&mut self) {
        self.until("ready device", |what| {
            (*what == What::DeviceState(DeviceState::Ready)).then_some(())
        })
        .await;
    }

    pub(super) async fn missing(&mut self) -> String {
        self.until("missing device", |what| match what {
            What::DeviceState(DeviceState::Missing(why)) => Some(why.clone()),
            _ => None,
        })
        .await
    }

    pub(super) async fn torn(&mut self) {
        self.until("torn card", |what| (*what == What::Torn).then_some(()))
            .await;
    }

    pub(super) async fn repeated(&mut self) {
        self.until("repetition", |what| {
            matches!(what, What::Repeated { .. }).then_some(())
        })
        .await;
    }
}
