//! Simulated NFC tags, written from the NFC Forum's and PC/SC's tables.
//!
//! A [`SimTag`] answers commands in process. It also stands for the reader where a reader answers in place of a
//! storage card: `FF CA` for the UID and `FF B0` for memory pages. [`vpcd`] holds one to the virtual reader of
//! vsmartcard.

pub mod vpcd;

/// A tag and how it behaves.
#[derive(Debug, Clone)]
pub struct SimTag {
    uid: Vec<u8>,
    atr: Vec<u8>,
    kind: Kind,
    longest_read: usize,
    /// Commands that are still answered before the card is torn away.
    commands_left: Option<usize>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Pages of four bytes, as in an NTAG215.
    Type2 { memory: Vec<u8> },
    Type4 {
        file: Vec<u8>,
        application: bool,
        selected: Option<[u8; 2]>,
    },
    /// Only a UID.
    Bare,
}

const OK: [u8; 2] = [0x90, 0x00];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const NOT_FOUND: [u8; 2] = [0x6a, 0x82];
const NOT_SUPPORTED: [u8; 2] = [0x6a, 0x81];
const UNKNOWN_COMMAND: [u8; 2] = [0x6d, 0x00];

const ULTRALIGHT_ATR: [u8; 20] = [
    0x3b, 0x8f, 0x80, 0x01, 0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06, 0x03, 0x00, 0x03, 0x00, 0x00,
    0x00, 0x00, 0x68,
];
const CLASSIC_ATR: [u8; 20] = [
    0x3b, 0x8f, 0x80, 0x01, 0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06, 0x03, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x6a,
];
const ISO14443_ATR: [u8; 5] = [0x3b, 0x80, 0x80, 0x01, 0x01];

const NTAG215_PAGES: usize = 135;
const NTAG215_SIZE: u8 = 0x3e;
const CAPABILITY_FILE: [u8; 2] = [0xe1, 0x03];
const NDEF_FILE: [u8; 2] = [0xe1, 0x04];
const NDEF_FILE_SIZE: u16 = 1024;

impl SimTag {
    /// An NTAG215 with one record: a link when `text` holds `://`, else a text.
    pub fn type2(uid: [u8; 7], text: &str) -> Self {
        let mut memory = vec![0; NTAG215_PAGES * 4];
        let [u0, u1, u2, u3, u4, u5, u6] = uid;
        let head = [
            [u0, u1, u2, 0x88 ^ u0 ^ u1 ^ u2],
            [u3, u4, u5, u6],
            [u3 ^ u4 ^ u5 ^ u6, 0x48, 0x00, 0x00],
            [0xe1, 0x10, NTAG215_SIZE, 0x00],
        ];
        let message = ndef_message(text);
        let mut area = vec![0x03];
        match u8::try_from(message.len()) {
            Ok(length) if length < 0xff => area.push(length),
            _ => {
                area.push(0xff);
                area.extend(length_of(&message));
            }
        }
        area.extend(message);
        area.push(0xfe);
        for (slot, byte) in memory.iter_mut().zip(head.into_iter().flatten().chain(area)) {
            *slot = byte;
        }
        Self::with(uid.to_vec(), &ULTRALIGHT_ATR, Kind::Type2 { memory }).with_longest_read(16)
    }

    /// A Type 4 tag with one record.
    pub fn type4(uid: [u8; 7], text: &str) -> Self {
        let message = ndef_message(text);
        let mut file = length_of(&message).to_vec();
        file.extend(message);
        let kind = Kind::Type4 {
            file,
            application: false,
            selected: None,
        };
        Self::with(uid.to_vec(), &ISO14443_ATR, kind).with_longest_read(0x3b)
    }

    /// A storage card that can do no more than name itself.
    pub fn uid_only(uid: [u8; 7]) -> Self {
        Self::with(uid.to_vec(), &CLASSIC_ATR, Kind::Bare)
    }

    /// A phone without a card for us: ISO 14443-4, a random UID, no NDEF application.
    pub fn phone(uid: [u8; 4]) -> Self {
        Self::with(uid.to_vec(), &ISO14443_ATR, Kind::Bare)
    }

    fn with(uid: Vec<u8>, atr: &[u8], kind: Kind) -> Self {
        Self {
            uid,
            atr: atr.to_vec(),
            kind,
            longest_read: 0xff,
            commands_left: None,
        }
    }

    /// Gives at most this many bytes per read.
    #[must_use]
    pub fn with_longest_read(mut self, bytes: u8) -> Self {
        self.longest_read = usize::from(bytes);
        self
    }

    /// Leaves the field after so many answered commands.
    #[must_use]
    pub fn torn_after(mut self, commands: usize) -> Self {
        self.commands_left = Some(commands);
        self
    }

    /// The answer to reset that a PC/SC reader reports for this tag.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// True once the tag has left the field.
    pub fn is_torn(&self) -> bool {
        self.commands_left == Some(0)
    }

    /// The answer to one command; empty when the tag has left the field.
    pub fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        if let Some(left) = &mut self.commands_left {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Vec::new(),
            }
        }
        match command {
            [0xff, 0xca, 0x00, 0x00, _] => reply(&self.uid, OK),
            [0xff, 0xb0, 0x00, page, length] => self.read_pages(*page, *length),
            [0xff, ..] => reply(&[], NOT_SUPPORTED),
            _ => self.answer_type4(command),
        }
    }

    fn read_pages(&self, page: u8, length: u8) -> Vec<u8> {
        let Kind::Type2 { memory } = &self.kind else {
            return reply(&[], NOT_SUPPORTED);
        };
        let wanted = usize::from(length).min(self.longest_read);
        match memory.get(usize::from(page) * 4..) {
            Some(rest) if !rest.is_empty() => reply(rest.get(..wanted).unwrap_or(rest), OK),
            _ => reply(&[], NOT_FOUND),
        }
    }

    fn answer_type4(&mut self, command: &[u8]) -> Vec<u8> {
        let longest = self.longest_read;
        let Kind::Type4 {
            file,
            application,
            selected,
        } = &mut self.kind
        else {
            return reply(&[], NOT_FOUND);
        };
        match command {
            [
                0x00,
                0xa4,
                0x04,
                0x00,
                0x07,
                0xd2,
                0x76,
                0x00,
                0x00,
                0x85,
                0x01,
                0x01,
                ..,
            ] => {
                *application = true;
                reply(&[], OK)
            }
            [0x00, 0xa4, 0x00, 0x0c, 0x02, high, low] if *application => {
                let id = [*high, *low];
                let known = id == CAPABILITY_FILE || id == NDEF_FILE;
                *selected = known.then_some(id);
                reply(&[], if known { OK } else { NOT_FOUND })
            }
            [0x00, 0xb0, high, low, length] => {
                let content = match selected {
                    Some(CAPABILITY_FILE) => &capability_container(longest)[..],
                    Some(_) => file,
                    None => return reply(&[], NOT_FOUND),
                };
                if usize::from(*length) > longest {
                    return reply(&[], WRONG_LENGTH);
                }
                let offset = usize::from(u16::from_be_bytes([*high, *low]));
                let rest = content.get(offset..).unwrap_or(&[]);
                reply(rest.get(..usize::from(*length)).unwrap_or(rest), OK)
            }
            [0x00, 0xa4, ..] => reply(&[], NOT_FOUND),
            _ => reply(&[], UNKNOWN_COMMAND),
        }
    }
}

fn reply(data: &[u8], status: [u8; 2]) -> Vec<u8> {
    [data, &status].concat()
}

fn capability_container(longest: usize) -> [u8; 15] {
    let longest = u8::try_from(longest).unwrap_or(u8::MAX);
    let [id_high, id_low] = NDEF_FILE;
    let [size_high, size_low] = NDEF_FILE_SIZE.to_be_bytes();
    [
        0x00, 0x0f, 0x20, 0x00, longest, 0x00, 0x34, 0x04, 0x06, id_high, id_low, size_high, size_low, 0x00,
        0xff,
    ]
}

/// A message of one record.
fn ndef_message(text: &str) -> Vec<u8> {
    let (kind, payload) = match text.strip_prefix("https://") {
        Some(rest) => (b'U', [&[0x04], rest.as_bytes()].concat()),
        None if text.contains("://") => (b'U', [&[0x00], text.as_bytes()].concat()),
        None => (b'T', [b"\x02en", text.as_bytes()].concat()),
    };
    let mut message = match u8::try_from(payload.len()) {
        Ok(length) => vec![0xd1, 0x01, length, kind],
        Err(_) => {
            let [high, low] = length_of(&payload);
            vec![0xc1, 0x01, 0x00, 0x00, high, low, kind]
        }
    };
    message.extend(payload);
    message
}

/// Simulated tags hold less than 64 KiB; more is cut by the tag's memory anyway.
fn length_of(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}
