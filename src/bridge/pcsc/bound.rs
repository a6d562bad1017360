//! One configured reader: which PC/SC reader stands for it now, and what is in its field.

use super::{
    CStr, CString, Context, DeviceState, Disposition, Error, Outcome, Protocols, Reader, ReaderState, Seen,
    ShareMode, State, read_card, seen, stem,
};
use crate::bridge::device::LastState;

pub(super) struct Bound {
    reader: Reader,
    /// The PC/SC reader in use.
    pub(super) name: Option<CString>,
    state: LastState,
    /// The insertion that has been dealt with, by the reader's count of insertions and removals.
    dealt_with: Option<u32>,
    /// A card was seen and has not left.
    occupied: bool,
    /// How often a torn card that PC/SC still calls present is tried again.
    tries: u32,
}

/// A card at the edge of the field, or tapped again faster than the reader notices, is read without being lifted.
const TRIES: u32 = 10;

/// How trying to read ended.
enum Tried {
    Read(Outcome),
    /// Another program keeps the reader to itself.
    Busy,
}

impl Bound {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            name: None,
            state: LastState::default(),
            dealt_with: None,
            occupied: false,
            tries: 0,
        }
    }

    pub(super) fn fits(&self, name: &CStr) -> bool {
        let stem = stem(name);
        let excluded = self
            .reader
            .exclude
            .as_ref()
            .is_some_and(|exclude| exclude.is_match(&stem));
        !excluded && self.reader.name.is_match(&stem)
    }

    pub(super) fn take(&mut self, name: CString) {
        self.name = Some(name);
        self.dealt_with = None;
        self.state.report(&self.reader.reporter, DeviceState::Ready);
    }

    /// The reader is gone, and with it whatever lay on it.
    pub(super) fn lose(&mut self, why: &str) {
        self.name = None;
        self.leave();
        let state = DeviceState::Missing(why.to_owned());
        self.state.report(&self.reader.reporter, state);
    }

    pub(super) fn missing(&mut self, present: &[CString]) {
        let there: Vec<String> = present.iter().map(|name| stem(name)).collect();
        let why = if there.is_empty() {
            "no reader is connected; plug it in".to_owned()
        } else {
            format!(
                "no free reader is named like {:?}; connected: {}",
                self.reader.name.as_str(),
                there.join(", ")
            )
        };
        let state = DeviceState::Missing(why);
        self.state.report(&self.reader.reporter, state);
    }

    /// Acts on a reader's state. An error means that the service is lost.
    pub(super) fn look(&mut self, context: &Context, state: &ReaderState) -> Result<(), Error> {
        let event = state.event_state();
        if !event.contains(State::PRESENT) {
            self.leave();
            return Ok(());
        }
        let again = self.dealt_with == Some(state.event_count());
        if again && self.tries == 0 {
            return Ok(());
        }
        if !again {
            self.leave();
            self.dealt_with = Some(state.event_count());
            self.occupied = true;
            self.tries = TRIES;
        }
        let tried = if event.contains(State::MUTE) {
            Tried::Read(Outcome::Torn)
        } else {
            self.read(context, state)?
        };
        let report = match tried {
            Tried::Read(Outcome::Torn) => {
                self.tries -= 1;
                // Said once: the person has been told to present the card again.
                if again {
                    return Ok(());
                }
                Seen::Torn
            }
            Tried::Read(outcome) => {
                self.tries = 0;
                seen(outcome)
            }
            Tried::Busy => {
                self.tries = 0;
                Seen::Unreadable("another program keeps the card reader to itself".into())
            }
        };
        self.reader.reporter.report(report);
        Ok(())
    }

    /// Whether a card should be tried again soon although nothing has changed.
    pub(super) fn wants_another_try(&self) -> bool {
        self.occupied && self.tries > 0
    }

    fn leave(&mut self) {
        self.tries = 0;
        if std::mem::take(&mut self.occupied) {
            self.reader.reporter.report(Seen::Left);
        }
    }

    fn read(&self, context: &Context, state: &ReaderState) -> Result<Tried, Error> {
        let share = if self.reader.exclusive {
            ShareMode::Exclusive
        } else {
            ShareMode::Shared
        };
        let card = match context.connect(state.name(), share, Protocols::ANY) {
            Ok(card) => card,
            Err(Error::SharingViolation) => return Ok(Tried::Busy),
            Err(
                error @ (Error::NoService | Error::ServiceStopped | Error::CommError | Error::InvalidHandle),
            ) => {
                return Err(error);
            }
            // The card was gone before it could be spoken to.
            Err(_) => return Ok(Tried::Read(Outcome::Torn)),
        };
        // The card that answers now, which need not be the one that the status call saw.
        let connected = card.status2_owned();
        let atr = connected.as_ref().map_or(state.atr(), |status| status.atr());
        let outcome = read_card(atr, &self.reader.commands, self.reader.allow_uid, |command| {
            let mut answer = [0; pcsc::MAX_BUFFER_SIZE];
            // Whatever went wrong, no answer came: the next status call tells a lost service from a lost card.
            card.transmit(command, &mut answer)
                .map(<[u8]>::to_vec)
                .unwrap_or_default()
        });
        // Dropping a card resets it, and a phone that is reset looks like a new tap. When this fails the card or
        // the service is gone, and so is what a reset could do.
        drop(card.disconnect(Disposition::LeaveCard));
        Ok(Tried::Read(outcome))
    }
}
