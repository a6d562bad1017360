//! What the bridge tells whoever watches it: the till page, the demo, tests.

use crate::bridge::device::{DeviceName, DeviceState};
use crate::bridge::feedback::Signal;
use crate::bridge::uplink::GatewayState;
use crate::domain::capture::CaptureKind;
use crate::domain::time::Timestamp;
use crate::wire::CaptureAnswer;
use std::time::Duration;

/// One thing that happened. Holds no token.
#[derive(Debug, Clone)]
pub struct BridgeEvent {
    /// The device it happened at; absent for the gateway, and for captures made before the bridge started.
    pub device: Option<DeviceName>,
    pub at: Timestamp,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Stored on this till's disk.
    Captured {
        counter: i64,
        kind: CaptureKind,
        captured_at: Timestamp,
    },
    /// The gateway's answer, early or late.
    Answered(CaptureAnswer),
    /// The same presentation seen again; nothing was stored.
    Repeated {
        ago: Duration,
    },
    /// The card left before it was read.
    Torn,
    /// Something that is no capture; the text is for staff.
    Unreadable(String),
    /// The capture could not be stored and does not exist; the text is for staff.
    NotStored(String),
    /// The gateway cannot take this capture; it was put aside for a person to look at.
    PutAside {
        counter: i64,
        reason: String,
    },
    DeviceState(DeviceState),
    Gateway(GatewayState),
    /// The device was asked to give this signal; its profile may have no steps for it.
    Signalled(Signal),
}
