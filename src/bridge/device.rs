//! What the threads of readers and scanners tell the bridge, and how the bridge signals back.

use crate::bridge::feedback::Signal;
use crate::domain::capture::{CaptureKind, Token};
use std::sync::Arc;
#[cfg(any(feature = "pcsc", feature = "serial"))]
use tokio::sync::mpsc;

/// What staff call a device; from the configuration.
pub type DeviceName = Arc<str>;

/// Whether a device can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    Ready,
    /// Not there or not usable; the text says why and what to do. It is looked for again and again.
    Missing(String),
}

/// Something a device saw.
#[derive(Debug)]
pub(in crate::bridge) struct Report {
    pub device: DeviceName,
    pub seen: Seen,
}

#[derive(Debug)]
pub(in crate::bridge) enum Seen {
    Token {
        kind: CaptureKind,
        token: Token,
        /// True when the device will say that the card has left.
        field: bool,
    },
    /// The field is empty again.
    Left,
    Torn,
    /// Bytes that went wrong on the way: presenting it again may help. The text is for staff.
    #[cfg_attr(not(feature = "serial"), expect(dead_code, reason = "only scanners garble"))]
    Garbled(String),
    /// Something that was read and is no capture; the text is for staff.
    Unreadable(String),
    #[cfg_attr(
        not(any(feature = "pcsc", feature = "serial")),
        expect(dead_code, reason = "devices of this process are always there")
    )]
    State(DeviceState),
}

/// Gives a signal to one device; must not block.
pub(in crate::bridge) type Outlet = Box<dyn Fn(Signal) + Send + Sync>;

/// One device's way to the bridge.
#[cfg(any(feature = "pcsc", feature = "serial"))]
#[derive(Debug, Clone)]
pub(in crate::bridge) struct Reporter {
    pub device: DeviceName,
    pub reports: mpsc::Sender<Report>,
}

#[cfg(any(feature = "pcsc", feature = "serial"))]
impl Reporter {
    /// Waits while the bridge is busy; after the bridge has stopped the report goes nowhere, which is right:
    /// nothing has been stored and nothing was signalled.
    pub(in crate::bridge) fn report(&self, seen: Seen) {
        let device = self.device.clone();
        let _ = self.reports.blocking_send(Report { device, seen });
    }
}

/// Reports a state only when it differs from the last one.
#[cfg(any(feature = "pcsc", feature = "serial"))]
#[derive(Debug, Default)]
pub(in crate::bridge) struct LastState(Option<DeviceState>);

#[cfg(any(feature = "pcsc", feature = "serial"))]
impl LastState {
    pub(in crate::bridge) fn report(&mut self, reporter: &Reporter, state: DeviceState) {
        if self.0.as_ref() != Some(&state) {
            self.0 = Some(state.clone());
            reporter.report(Seen::State(state));
        }
    }
}
