//! A first look at a file as a whole: which one it is, what parts its cells, and whether it can be read at all.
//!
//! Runs over the bytes once with a small buffer. What it checks, the reader of rows need not fear: bytes that are no
//! text, and a quote that is never closed, which would make one cell of the rest of the file.

use std::io::Read;

use crate::ops::import::ImportError;

/// Longest row, in bytes.
const LONGEST_ROW: usize = 256 * 1024;

const BUFFER: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(in crate::ops) struct Survey {
    /// SHA-256.
    pub(in crate::ops) fingerprint: [u8; 32],
    pub(in crate::ops) delimiter: u8,
}

/// Looks at a file.
pub(super) fn look(mut file: impl Read) -> Result<Survey, ImportError> {
    let mut buffer = vec![0; BUFFER];
    let mut surveyor = Surveyor::default();
    loop {
        let length = fill(&mut file, &mut buffer)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            return surveyor.finish();
        }
        surveyor.look(bytes)?;
    }
}

/// Looks at a file that comes piece by piece.
#[derive(Default)]
pub(in crate::ops) struct Surveyor {
    digest: openssl::sha::Sha256,
    text: Utf8,
    delimiter: Option<u8>,
    rows: RowLengths,
}

impl Surveyor {
    /// Looks at the next piece. What parts the cells is told by the header, so the whole of it must be in the first one.
    pub(in crate::ops) fn look(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.digest.update(bytes);
        self.text.check(bytes)?;
        let delimiter = *self.delimiter.get_or_insert_with(|| delimiter_of(bytes));
        self.rows.check(bytes, delimiter)
    }

    pub(in crate::ops) fn finish(self) -> Result<Survey, ImportError> {
        self.text.end()?;
        Ok(Survey {
            fingerprint: self.digest.finish(),
            delimiter: self.delimiter.unwrap_or(b','),
        })
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ImportError> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(length)
}

/// The one of comma, semicolon and tab that stands most often in the header, outside of quotes.
fn delimiter_of(bytes: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut is_quoted = false;
    for byte in bytes {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted && counts.iter().any(|(_, count)| *count > 0) => break,
            _ if is_quoted => {}
            _ => {
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte) {
                    *count += 1;
                }
            }
        }
        if !is_quoted && *byte == b'\n' {
            break;
        }
    }
    // Of equals the first.
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    counts
        .iter()
        .find(|(_, count)| *count == most)
        .map_or(b',', |(delimiter, _)| *delimiter)
}

/// Checks that bytes which come in pieces are UTF-8.
#[derive(Default)]
struct Utf8 {
    /// The beginning of a letter that the last piece cut in two.
    cut: Vec<u8>,
    bytes: u64,
    lines: u64,
    is_begun: bool,
}

impl Utf8 {
    fn check(&mut self, piece: &[u8]) -> Result<(), ImportError> {
        if !self.is_begun {
            self.is_begun = true;
            if piece.starts_with(&[0xff, 0xfe]) || piece.starts_with(&[0xfe, 0xff]) {
                return Err(self.refused(0, "UTF-16"));
            }
        }
        let mut whole = std::mem::take(&mut self.cut);
        whole.extend_from_slice(piece);
        let valid = match std::str::from_utf8(&whole) {
            Ok(_) => whole.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => {
                let before = whole.get(..error.valid_up_to()).unwrap_or_default();
                self.pass(before);
                return Err(self.refused(0, "another encoding"));
            }
        };
        let (valid, cut) = whole.split_at(valid);
        self.pass(valid);
        self.cut = cut.to_vec();
        Ok(())
    }

    fn end(&self) -> Result<(), ImportError> {
        if self.cut.is_empty() {
            Ok(())
        } else {
            Err(self.refused(0, "half of a letter at the end of the file"))
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }

    fn refused(&self, ahead: u64, got: &'static str) -> ImportError {
        ImportError::Encoding {
            line: self.lines + 1,
            byte: self.bytes + ahead + 1,
            got,
        }
    }
}

/// Follows rows as RFC 4180 has them, to see that none grows without end.
struct RowLengths {
    state: State,
    length: usize,
    line: u64,
    begun_in: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeginningOfCell,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: its end, or the first of two.
    QuoteSeen,
}

impl Default for RowLengths {
    fn default() -> Self {
        Self {
            state: State::BeginningOfCell,
            length: 0,
            line: 1,
            begun_in: 1,
        }
    }
}

impl RowLengths {
    fn check(&mut self, bytes: &[u8], delimiter: u8) -> Result<(), ImportError> {
        for byte in bytes {
            self.length += 1;
            if *byte == b'\n' {
                self.line += 1;
            }
            self.state = match (self.state, *byte) {
                (State::BeginningOfCell, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::QuoteSeen,
                (State::QuoteSeen, b'"') | (State::Quoted, _) => State::Quoted,
                (_, b'\n') => {
                    self.length = 0;
                    self.begun_in = self.line;
                    State::BeginningOfCell
                }
                (_, byte) if byte == delimiter || byte == b'\r' => State::BeginningOfCell,
                _ => State::Plain,
            };
            if self.length > LONGEST_ROW {
                return Err(ImportError::LongRow {
                    line: self.begun_in,
                    most: LONGEST_ROW,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(text: &str) -> char {
        char::from(look(text.as_bytes()).expect("readable").delimiter)
    }

    #[test]
    fn what_parts_the_cells_is_seen_in_the_header() {
        assert_eq!(delimiter("a,b\n1;2;3\n"), ',');
        assert_eq!(delimiter("a;b\r\n1,5;2\r\n"), ';');
        assert_eq!(delimiter("a\tb\n"), '\t');
        assert_eq!(delimiter("\"a,b,c\";d\n"), ';');
        assert_eq!(delimiter("email\n"), ',');
        assert_eq!(delimiter(""), ',');
    }

    #[test]
    fn another_encoding_is_refused_with_line_and_byte() {
        let refused = |bytes: &[u8]| match look(bytes) {
            Err(ImportError::Encoding { line, byte, .. }) => (line, byte),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(b"name\nZo\xeb\n"), (2, 8));
        assert_eq!(refused(&[0xff, 0xfe, b'a', 0]), (1, 1));
        assert_eq!(refused("é".as_bytes().get(..1).expect("half")), (1, 1));
        let mut long = vec![b'a'; BUFFER - 1];
        long.extend("é,é\n".as_bytes());
        assert!(
            look(long.as_slice()).is_ok(),
            "a letter may lie across two pieces"
        );
        long.push(0xe9);
        assert_eq!(refused(&long), (2, long.len() as u64));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_refused_where_it_begins() {
        let mut text = String::from("a,b\n1,2\n3,\"4\n");
        text.push_str(&"5,6\n".repeat(100_000));
        assert!(matches!(
            look(text.as_bytes()),
            Err(ImportError::LongRow { line: 3, .. })
        ));
        let sound = text.replace('"', "");
        assert!(look(sound.as_bytes()).is_ok());
        let inch = format!("a,b\n{}", "5\" pipe,\"x \"\"y\"\"\"\n".repeat(50_000));
        assert!(look(inch.as_bytes()).is_ok());
    }
}
