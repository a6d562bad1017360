//! Drives the reading machine over whatever carries commands to a card, and the reader that exists only in this
//! process, for trying the bridge without hardware.

use crate::bridge::device::{DeviceName, Report, Seen};
use crate::bridge::profile::CardCommands;
use crate::bridge::tag::{Outcome, Reading, Step};
use tokio::sync::mpsc;

/// Reads one card. `transmit` carries a command to the card and brings its answer; an empty answer means that the
/// card is gone.
pub(super) fn read_card(
    atr: &[u8],
    commands: &CardCommands,
    allow_uid: bool,
    mut transmit: impl FnMut(&[u8]) -> Vec<u8>,
) -> Outcome {
    let mut reading = Reading::new(atr, commands.clone(), allow_uid);
    let mut step = reading.start();
    loop {
        match step {
            Step::Send(command) => step = reading.answer(&transmit(&command)),
            Step::Done(outcome) => return outcome,
        }
    }
}

/// What a reader reports of a card that was read.
pub(super) fn seen(outcome: Outcome) -> Seen {
    match outcome {
        Outcome::Token(kind, token) => Seen::Token {
            kind,
            token,
            field: true,
        },
        Outcome::Torn => Seen::Torn,
        Outcome::Unreadable(why) => Seen::Unreadable(why.to_string()),
    }
}

/// The bridge has stopped; nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bridge has stopped")]
pub struct Stopped;

/// A reader in this process. Cheap to clone; its signals are seen as events of the bridge.
#[derive(Debug, Clone)]
pub struct InProcessReader {
    pub(super) device: DeviceName,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) allow_uid: bool,
}

impl InProcessReader {
    /// Holds a card to the reader and takes it away again. `answer` is the card: it answers commands, and with no
    /// bytes when it has been torn away.
    pub async fn tap(&self, atr: &[u8], answer: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), Stopped> {
        self.hold(atr, answer).await?;
        self.leave().await
    }

    /// Holds a card to the reader and leaves it there.
    pub async fn hold(&self, atr: &[u8], answer: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), Stopped> {
        let outcome = read_card(atr, &CardCommands::default(), self.allow_uid, answer);
        self.report(seen(outcome)).await
    }

    /// Takes the card away.
    pub async fn leave(&self) -> Result<(), Stopped> {
        self.report(Seen::Left).await
    }

    async fn report(&self, seen: Seen) -> Result<(), Stopped> {
        let device = self.device.clone();
        self.reports
            .send(Report { device, seen })
            .await
            .map_err(|_| Stopped)
    }
}
