//! Reads a card: a machine that says which command to send next and takes the answer, without doing any input
//! or output itself.
//!
//! First the UID is asked for, then, by what the answer to reset says, the memory of an NFC Forum Type 2 tag or
//! the NDEF file of a Type 4 tag. An answer of fewer than two bytes means that the card left the field. The
//! machine sends at most [`MOST_COMMANDS`] commands and holds at most [`LARGEST_MESSAGE`] bytes, whatever the card
//! answers.

use crate::bridge::apdu::{self, Answer};
use crate::bridge::atr::CardClass;
use crate::bridge::ndef::{self, Area, LARGEST_MESSAGE, NdefError};
use crate::bridge::profile::CardCommands;
use crate::domain::capture::{CaptureKind, Token, TokenError};

/// No honest tag needs more.
pub const MOST_COMMANDS: usize = 320;

/// NFC Forum Type 4 Tag §5.4.2: the NDEF application, its capability container, and its file control block.
const NDEF_APPLICATION: [u8; 7] = [0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
const CAPABILITY_CONTAINER: [u8; 2] = [0xe1, 0x03];
const NDEF_FILE_CONTROL: [u8; 2] = [0x04, 0x06];
const CAPABILITY_LENGTH: u8 = 15;

/// NFC Forum Type 2 Tag §6.1: the capability container is page 3, data begins at page 4.
const CAPABILITY_PAGE: u8 = 3;
const FIRST_DATA_PAGE: usize = 4;
const PAGE: usize = 4;
const NDEF_MAGIC: u8 = 0xe1;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Send(Vec<u8>),
    Done(Outcome),
}

/// How reading a card ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Token(CaptureKind, Token),
    /// The card left the field before it was read: nothing happened, it can be presented again.
    Torn,
    /// The card stayed, but holds nothing that can be used.
    Unreadable(Unreadable),
}

/// Why a card that stayed is of no use; the text is for staff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("this card has no code on it, and this till does not accept cards by their serial number alone")]
    UidNotAllowed,
    #[error("this is a phone without an open card, or a card that has no serial number of its own")]
    RandomUid,
    #[error("this card has neither a code nor a serial number")]
    Nothing,
    #[error("{0}")]
    Ndef(#[from] NdefError),
    #[error("the code on this card cannot be used: {0}")]
    Token(#[from] TokenError),
    #[error("this card answers without end")]
    Endless,
}

/// One conversation with one card.
#[derive(Debug)]
pub struct Reading {
    commands: CardCommands,
    class: CardClass,
    allow_uid: bool,
    uid: Vec<u8>,
    sent: usize,
    last: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    Uid,
    Type2Capability,
    Type2Memory {
        area: Vec<u8>,
        size: usize,
    },
    SelectApplication,
    SelectCapability,
    ReadCapability,
    SelectNdef {
        file: File,
    },
    ReadLength {
        file: File,
    },
    ReadMessage {
        file: File,
        message: Vec<u8>,
        length: usize,
    },
    Done,
}

/// What the capability container says of the NDEF file.
#[derive(Debug, Clone, Copy)]
struct File {
    id: [u8; 2],
    size: usize,
    chunk: u8,
}

impl Reading {
    /// Begins a conversation with a card that answered to reset with `atr`.
    pub fn new(atr: &[u8], commands: CardCommands, allow_uid: bool) -> Self {
        Self {
            commands,
            class: CardClass::from_atr(atr),
            allow_uid,
            uid: Vec::new(),
            sent: 0,
            last: Vec::new(),
            state: State::Uid,
        }
    }

    /// The first command.
    pub fn start(&mut self) -> Step {
        self.send(self.commands.uid.clone(), State::Uid)
    }

    /// Takes the answer to the last command.
    pub fn answer(&mut self, bytes: &[u8]) -> Step {
        let Some(answer) = Answer::parse(bytes) else {
            return self.done(Outcome::Torn);
        };
        if let Some(step) = self.ask_for_right_length(answer) {
            return step;
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Uid => self.after_uid(answer),
            State::Type2Capability => self.after_type2_capability(answer),
            State::Type2Memory { area, size } => self.after_type2_memory(answer, area, size),
            State::SelectApplication => self.on_success(
                answer,
                apdu::select_file(CAPABILITY_CONTAINER),
                State::SelectCapability,
            ),
            State::SelectCapability => self.on_success(
                answer,
                apdu::read_binary(0, CAPABILITY_LENGTH),
                State::ReadCapability,
            ),
            State::ReadCapability => self.after_capability(answer),
            State::SelectNdef { file } => {
                self.on_success(answer, apdu::read_binary(0, 2), State::ReadLength { file })
            }
            State::ReadLength { file } => self.after_length(answer, file),
            State::ReadMessage {
                file,
                message,
                length,
            } => self.after_chunk(answer, file, message, length),
            State::Done => self.without_ndef(None),
        }
    }

    fn send(&mut self, command: Vec<u8>, state: State) -> Step {
        if self.sent == MOST_COMMANDS {
            return self.done(Outcome::Unreadable(Unreadable::Endless));
        }
        self.sent += 1;
        self.state = state;
        self.last.clone_from(&command);
        Step::Send(command)
    }

    fn done(&mut self, outcome: Outcome) -> Step {
        self.state = State::Done;
        Step::Done(outcome)
    }

    /// Sends the last command again with the length that the card wants.
    fn ask_for_right_length(&mut self, answer: Answer<'_>) -> Option<Step> {
        let length = answer.status.right_length()?;
        let mut again = self.last.clone();
        let le = again.last_mut()?;
        if *le == length {
            return None;
        }
        *le = length;
        let state = std::mem::replace(&mut self.state, State::Done);
        Some(self.send(again, state))
    }

    fn on_success(&mut self, answer: Answer<'_>, next: Vec<u8>, state: State) -> Step {
        if answer.status.is_success() {
            self.send(next, state)
        } else {
            self.without_ndef(None)
        }
    }

    fn after_uid(&mut self, answer: Answer<'_>) -> Step {
        if answer.status.is_success() {
            self.uid = answer.data.to_vec();
        }
        match self.class {
            CardClass::Type2 => {
                let command = self.commands.read_pages(CAPABILITY_PAGE);
                self.send(command, State::Type2Capability)
            }
            CardClass::Iso14443 => {
                let command = apdu::select_application(&NDEF_APPLICATION);
                self.send(command, State::SelectApplication)
            }
            CardClass::Storage => self.without_ndef(None),
        }
    }

    fn after_type2_capability(&mut self, answer: Answer<'_>) -> Step {
        match answer.data {
            [NDEF_MAGIC, _version, size, _access, first @ ..] if answer.status.is_success() => {
                let size = usize::from(*size) * 8;
                self.look_in_area(whole_pages(first).to_vec(), size)
            }
            _ => self.without_ndef(None),
        }
    }

    fn after_type2_memory(&mut self, answer: Answer<'_>, mut area: Vec<u8>, size: usize) -> Step {
        let more = whole_pages(answer.data);
        if !answer.status.is_success() || more.is_empty() {
            return self.without_ndef(Some(NdefError::Cut));
        }
        area.extend(more);
        self.look_in_area(area, size)
    }

    fn look_in_area(&mut self, mut area: Vec<u8>, size: usize) -> Step {
        area.truncate(size);
        match ndef::message_in_area(&area) {
            Area::Message(message) => self.found(ndef::first_text(message)),
            Area::Empty => self.without_ndef(None),
            Area::Needs(bytes) if bytes > size => self.without_ndef(Some(NdefError::Cut)),
            Area::Needs(_) => match u8::try_from(FIRST_DATA_PAGE + area.len() / PAGE) {
                Ok(page) => {
                    let command = self.commands.read_pages(page);
                    self.send(command, State::Type2Memory { area, size })
                }
                // Memory beyond page 255 needs sector select, which no loyalty tag is large enough for.
                Err(_) => self.without_ndef(Some(NdefError::TooLarge(size))),
            },
        }
    }

    fn after_capability(&mut self, answer: Answer<'_>) -> Step {
        let file = match answer.data {
            // Length, mapping version, MLe, MLc, then the control block of the NDEF file.
            &[
                _,
                _,
                _,
                le_high,
                le_low,
                _,
                _,
                t,
                l,
                id_high,
                id_low,
                size_high,
                size_low,
                ..,
            ] if answer.status.is_success() && [t, l] == NDEF_FILE_CONTROL => {
                let longest = u16::from_be_bytes([le_high, le_low]).clamp(1, 255);
                File {
                    id: [id_high, id_low],
                    size: usize::from(u16::from_be_bytes([size_high, size_low])),
                    chunk: u8::try_from(longest).unwrap_or(u8::MAX),
                }
            }
            _ => return self.without_ndef(None),
        };
        self.send(apdu::select_file(file.id), State::SelectNdef { file })
    }

    fn after_length(&mut self, answer: Answer<'_>, file: File) -> Step {
        let &[high, low] = answer.data else {
            return self.without_ndef(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 || !answer.status.is_success() {
            return self.without_ndef(None);
        }
        if length > LARGEST_MESSAGE || length + 2 > file.size {
            return self.without_ndef(Some(NdefError::TooLarge(length)));
        }
        self.next_chunk(file, Vec::with_capacity(length), length)
    }

    fn after_chunk(&mut self, answer: Answer<'_>, file: File, mut message: Vec<u8>, length: usize) -> Step {
        if !answer.status.is_success() || answer.data.is_empty() {
            return self.without_ndef(Some(NdefError::Cut));
        }
        message.extend(answer.data);
        message.truncate(length);
        if message.len() == length {
            return self.found(ndef::first_text(&message));
        }
        self.next_chunk(file, message, length)
    }

    fn next_chunk(&mut self, file: File, message: Vec<u8>, length: usize) -> Step {
        let left = length.saturating_sub(message.len());
        let chunk = u8::try_from(left).unwrap_or(u8::MAX).min(file.chunk);
        match u16::try_from(message.len() + 2) {
            Ok(offset) => {
                let command = apdu::read_binary(offset, chunk);
                self.send(
                    command,
                    State::ReadMessage {
                        file,
                        message,
                        length,
                    },
                )
            }
            Err(_) => self.without_ndef(Some(NdefError::TooLarge(length))),
        }
    }

    fn found(&mut self, text: Result<String, NdefError>) -> Step {
        match text {
            Ok(text) => match Token::parse(&text) {
                Ok(token) => self.done(Outcome::Token(CaptureKind::Ndef, token)),
                Err(error) => self.done(Outcome::Unreadable(error.into())),
            },
            Err(error) => self.without_ndef(Some(error)),
        }
    }

    /// The card has no code: its UID may do, if the merchant allows it and the UID is the card's own.
    fn without_ndef(&mut self, fault: Option<NdefError>) -> Step {
        // ISO/IEC 14443-3 §6.5.4: a 4-byte UID that begins with 08 is drawn anew for every tap; phones do so.
        let random = self.uid.len() == 4 && self.uid.first() == Some(&0x08);
        let why = match fault {
            Some(error) if !self.allow_uid => error.into(),
            _ if self.uid.is_empty() => Unreadable::Nothing,
            _ if random => Unreadable::RandomUid,
            _ if !self.allow_uid => Unreadable::UidNotAllowed,
            _ => match Token::from_uid(&self.uid) {
                Ok(token) => return self.done(Outcome::Token(CaptureKind::Uid, token)),
                Err(error) => error.into(),
            },
        };
        self.done(Outcome::Unreadable(why))
    }
}

fn whole_pages(bytes: &[u8]) -> &[u8] {
    let (pages, _) = bytes.as_chunks::<PAGE>();
    pages.as_flattened()
}

#[cfg(test)]
mod tests;
