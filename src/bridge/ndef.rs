//! NDEF: the records on a tag (NFC Forum NDEF 1.0), and the TLV blocks that hold them in a Type 2 tag's memory
//! (NFC Forum Type 2 Tag §2.3).
//!
//! Everything is bounded by the bytes given: a length that points past the end is an error or a wish for more
//! bytes, never a panic. Only what a loyalty card needs is read: the first link or text.

/// Largest message that is read from a tag.
pub const LARGEST_MESSAGE: usize = 4096;

/// Why a message holds no link or text that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NdefError {
    #[error("the tag's NDEF message ends in the middle of a record")]
    Cut,
    #[error("the tag's NDEF message is split into chunks, which loyalty tags do not use")]
    Chunked,
    #[error("the tag's NDEF text is not in the encoding that it names")]
    Encoding,
    #[error("the tag holds neither a link nor a text")]
    NoText,
    #[error("the tag's NDEF message has {0} bytes; at most {LARGEST_MESSAGE} are read")]
    TooLarge(usize),
}

const WELL_KNOWN: u8 = 1;
const ABSOLUTE_URI: u8 = 3;

/// Abbreviations of the URI record (NFC Forum URI Record Type Definition, table 3).
const URI_PREFIXES: [&str; 36] = [
    "",
    "http://www.",
    "https://www.",
    "http://",
    "https://",
    "tel:",
    "mailto:",
    "ftp://anonymous:anonymous@",
    "ftp://ftp.",
    "ftps://",
    "sftp://",
    "smb://",
    "nfs://",
    "ftp://",
    "dav://",
    "news:",
    "telnet://",
    "imap:",
    "rtsp://",
    "urn:",
    "pop:",
    "sip:",
    "sips:",
    "tftp:",
    "btspp://",
    "btl2cap://",
    "btgoep://",
    "tcpobex://",
    "irdaobex://",
    "file://",
    "urn:epc:id:",
    "urn:epc:tag:",
    "urn:epc:pat:",
    "urn:epc:raw:",
    "urn:epc:",
    "urn:nfc:",
];

/// The first link or text of a message.
pub fn first_text(message: &[u8]) -> Result<String, NdefError> {
    let mut rest = message;
    let mut last = false;
    while !last && !rest.is_empty() {
        let (record, after) = Record::parse(rest)?;
        if let Some(text) = record.text() {
            return text;
        }
        last = record.last;
        rest = after;
    }
    Err(NdefError::NoText)
}

struct Record<'a> {
    format: u8,
    kind: &'a [u8],
    payload: &'a [u8],
    last: bool,
}

impl<'a> Record<'a> {
    fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NdefError> {
        let mut cursor = Cursor(bytes);
        let flags = cursor.byte()?;
        let (last, chunked) = (flags & 0x40 != 0, flags & 0x20 != 0);
        let (short, with_id) = (flags & 0x10 != 0, flags & 0x08 != 0);
        if chunked {
            return Err(NdefError::Chunked);
        }
        let kind_length = usize::from(cursor.byte()?);
        let payload_length = if short {
            usize::from(cursor.byte()?)
        } else {
            let length = u32::from_be_bytes(cursor.array()?);
            usize::try_from(length).map_err(|_| NdefError::Cut)?
        };
        let id_length = if with_id { usize::from(cursor.byte()?) } else { 0 };
        let kind = cursor.take(kind_length)?;
        cursor.take(id_length)?;
        let payload = cursor.take(payload_length)?;
        let record = Self {
            format: flags & 0x07,
            kind,
            payload,
            last,
        };
        Ok((record, cursor.0))
    }

    fn text(&self) -> Option<Result<String, NdefError>> {
        match (self.format, self.kind) {
            (WELL_KNOWN, b"U") => Some(uri(self.payload)),
            (WELL_KNOWN, b"T") => Some(text(self.payload)),
            (ABSOLUTE_URI, kind) => Some(utf8(kind)),
            _ => None,
        }
    }
}

fn uri(payload: &[u8]) -> Result<String, NdefError> {
    let (code, rest) = payload.split_first().ok_or(NdefError::Cut)?;
    // Codes beyond the table are reserved and read as "no abbreviation" (§3.2.2).
    let prefix = URI_PREFIXES.get(usize::from(*code)).copied().unwrap_or("");
    Ok(format!("{prefix}{}", utf8(rest)?))
}

fn text(payload: &[u8]) -> Result<String, NdefError> {
    let (status, rest) = payload.split_first().ok_or(NdefError::Cut)?;
    let language = usize::from(status & 0x3f);
    let text = rest.get(language..).ok_or(NdefError::Cut)?;
    if status & 0x80 == 0 {
        utf8(text)
    } else {
        utf16(text)
    }
}

fn utf8(bytes: &[u8]) -> Result<String, NdefError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(NdefError::Encoding),
    }
}

/// UTF-16, big-endian unless a byte order mark says otherwise.
fn utf16(bytes: &[u8]) -> Result<String, NdefError> {
    let (little, bytes) = match bytes {
        [0xff, 0xfe, rest @ ..] => (true, rest),
        [0xfe, 0xff, rest @ ..] => (false, rest),
        all => (false, all),
    };
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(NdefError::Encoding);
    }
    let units: Vec<u16> = pairs
        .iter()
        .map(|pair| {
            if little {
                u16::from_le_bytes(*pair)
            } else {
                u16::from_be_bytes(*pair)
            }
        })
        .collect();
    String::from_utf16(&units).map_err(|_| NdefError::Encoding)
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NdefError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NdefError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NdefError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(NdefError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, NdefError> {
        self.array::<1>().map(|[byte]| byte)
    }
}

/// What the first bytes of a Type 2 tag's data area say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Area<'a> {
    /// The whole message.
    Message(&'a [u8]),
    /// At least this many bytes of the area are needed.
    Needs(usize),
    /// There is no NDEF message in the area.
    Empty,
}

const NULL: u8 = 0x00;
const NDEF_MESSAGE: u8 = 0x03;
const TERMINATOR: u8 = 0xfe;

/// Looks for the NDEF message in the bytes read so far.
pub fn message_in_area(area: &[u8]) -> Area<'_> {
    let mut at = 0;
    loop {
        match area.get(at) {
            None => return Area::Needs(at + 1),
            Some(&NULL) => at += 1,
            Some(&TERMINATOR) => return Area::Empty,
            Some(&kind) => {
                let (start, length) = match area.get(at + 1) {
                    None => return Area::Needs(at + 2),
                    Some(0xff) => match area.get(at + 2..at + 4) {
                        Some(&[high, low]) => (at + 4, usize::from(u16::from_be_bytes([high, low]))),
                        _ => return Area::Needs(at + 4),
                    },
                    Some(&length) => (at + 2, usize::from(length)),
                };
                let end = start + length;
                if kind != NDEF_MESSAGE {
                    at = end;
                    continue;
                }
                return match area.get(start..end) {
                    _ if length == 0 => Area::Empty,
                    Some(message) => Area::Message(message),
                    None => Area::Needs(end),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(hex: &str) -> Result<String, NdefError> {
        first_text(&hex::decode(hex).expect("hexadecimal"))
    }

    #[test]
    fn links_and_texts_are_read() {
        assert_eq!(read("d1010455046b2e65"), Ok("https://k.e".into()));
        assert_eq!(
            read("d1010555 02656e".replace(' ', "").as_str()),
            Err(NdefError::Cut)
        );
        assert_eq!(read("d101065402656e414243"), Ok("ABC".into()));
        assert_eq!(read("d101095482656efeff00410042"), Ok("AB".into()));
        assert_eq!(read("c101000000045500414243"), Ok("ABC".into()));
        assert_eq!(read("d300036161"), Err(NdefError::Cut));
    }

    #[test]
    fn other_records_are_passed_over() {
        let media = "92 03 01 612f62 00";
        let text = "51 01 04 54 02656e41";
        let both = format!("{media}{text}").replace(' ', "");
        assert_eq!(read(&both), Ok("A".into()));
        assert_eq!(read(""), Err(NdefError::NoText));
        assert_eq!(read("d00000"), Err(NdefError::NoText));
    }

    #[test]
    fn the_message_is_found_behind_other_blocks() {
        let area = [0x00, 0x01, 0x03, 9, 9, 9, 0x03, 0x02, 0xd0, 0x00, 0xfe];
        assert_eq!(message_in_area(&area), Area::Message(&[0xd0, 0x00]));
        assert_eq!(message_in_area(&area[..8]), Area::Needs(10));
        assert_eq!(message_in_area(&area[..1]), Area::Needs(2));
        assert_eq!(message_in_area(&[0x03, 0x00]), Area::Empty);
        assert_eq!(message_in_area(&[0xfe]), Area::Empty);
        assert_eq!(message_in_area(&[0x03, 0xff, 0x01]), Area::Needs(4));
        assert_eq!(message_in_area(&[0x03, 0xff, 0x01, 0x00]), Area::Needs(260));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = first_text(&bytes);
            if let Area::Needs(more) = message_in_area(&bytes) {
                prop_assert!(more > bytes.len());
            }
        }

        #[test]
        fn almost_messages_are_survived(
            flags in any::<u8>(), kind in prop::sample::select(vec![b'U', b'T', b'x']),
            length in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = vec![flags, 1, length, kind];
            bytes.extend(payload);
            let _ = first_text(&bytes);
        }
    }
}
