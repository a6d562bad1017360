//! Cuts the bytes of a scanner into lines, without doing any input or output.
//!
//! Bytes go in together with the time they came, finished lines and faults come out. A line ends with one of the
//! profile's terminators, or, for scanners that send none, with silence. Control bytes, a wrong prefix, an
//! overlong line or a line without an end make one fault each; what is left of that line is skipped up to the
//! next terminator or the next silence. At most `max_length` bytes are held, whatever comes.

use serde::Deserialize;
use std::time::Duration;

/// The framing rules of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    pub end: End,
    /// One character each; any run of them ends a line. Empty when `end` is silence.
    pub terminators: Vec<char>,
    /// What every line begins with and what is taken off it.
    pub prefix: String,
    /// Silence for this long ends a line, well or badly.
    #[serde(rename = "inter_byte_timeout_ms")]
    pub inter_byte_timeout: Millis,
    pub max_length: usize,
    pub charset: Charset,
    pub code_id: CodeId,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    Terminator,
    Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Charset {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

/// Whether the scanner puts a code for the symbology before the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeId {
    None,
    /// `]`, a letter and a digit (ISO/IEC 15424).
    Aim,
}

/// A number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl Framing {
    /// Refuses rules under which a line would never end; the error is a sentence for the profile's author.
    pub fn check(&self) -> Result<(), String> {
        match (self.end, self.terminators.is_empty()) {
            (End::Terminator, true) => {
                return Err("framing.terminators must name at least one character".into());
            }
            (End::Silence, false) => {
                return Err("framing.terminators must be empty when framing.end is \"silence\"".into());
            }
            _ => {}
        }
        if let Some(wide) = self.terminators.iter().find(|c| !c.is_ascii()) {
            return Err(format!("framing.terminators are ASCII characters; got {wide:?}"));
        }
        if self.inter_byte_timeout.0 == 0 {
            return Err("framing.inter_byte_timeout_ms must be at least 1; got 0".into());
        }
        if !(1..=4096).contains(&self.max_length) {
            return Err(format!(
                "framing.max_length is 1 to 4096; got {}",
                self.max_length
            ));
        }
        Ok(())
    }
}

/// What the framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One scan, without terminator, prefix and code id.
    Line(String),
    Fault(FramingFault),
}

/// Bytes that are no scan; the text is for staff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    #[error(
        "the scanner sent {bytes} bytes without an end of line; its suffix must be set to the one in its profile"
    )]
    Unfinished { bytes: usize },
    #[error("the scanner sent more than {limit} bytes without an end of line")]
    TooLong { limit: usize },
    #[error("the scanner sent the control byte {byte:02x}, which no code holds; check its speed and parity")]
    Control { byte: u8 },
    #[error("the scanner sent a line that does not begin with {prefix:?}")]
    Prefix { prefix: String },
    #[error("the scanner sent bytes that are not UTF-8; check the charset in its profile")]
    Encoding,
}

/// The framer of one port. Times are measured from any fixed point and never go back.
#[derive(Debug)]
pub struct Framer {
    rules: Framing,
    line: Vec<u8>,
    /// Set after a fault: the rest of this line means nothing.
    skipping: bool,
    last_byte: Duration,
}

impl Framer {
    pub fn new(rules: Framing) -> Self {
        Self {
            rules,
            line: Vec::new(),
            skipping: false,
            last_byte: Duration::ZERO,
        }
    }

    /// Forgets an unfinished line, because what comes next is from another scanner or another life of it.
    pub fn restart(&mut self) {
        self.line.clear();
        self.skipping = false;
    }

    /// Takes bytes that came at `now`.
    pub fn push(&mut self, bytes: &[u8], now: Duration) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.silence(now).into_iter().collect();
        for &byte in bytes {
            frames.extend(self.byte(byte));
        }
        if !bytes.is_empty() {
            self.last_byte = now;
        }
        frames
    }

    /// Says that nothing came until `now`.
    pub fn silence(&mut self, now: Duration) -> Option<Frame> {
        if now.saturating_sub(self.last_byte) < self.rules.inter_byte_timeout.duration() {
            return None;
        }
        if std::mem::take(&mut self.skipping) || self.line.is_empty() {
            self.line.clear();
            return None;
        }
        match self.rules.end {
            End::Silence => Some(self.finish()),
            End::Terminator => {
                let bytes = self.line.len();
                self.line.clear();
                Some(Frame::Fault(FramingFault::Unfinished { bytes }))
            }
        }
    }

    fn byte(&mut self, byte: u8) -> Option<Frame> {
        if self.rules.terminators.contains(&char::from(byte)) {
            if std::mem::take(&mut self.skipping) || self.line.is_empty() {
                self.line.clear();
                return None;
            }
            return Some(self.finish());
        }
        if self.skipping {
            return None;
        }
        if byte.is_ascii_control() {
            return Some(self.skip(FramingFault::Control { byte }));
        }
        if self.line.len() == self.rules.max_length {
            let limit = self.rules.max_length;
            return Some(self.skip(FramingFault::TooLong { limit }));
        }
        self.line.push(byte);
        None
    }

    fn skip(&mut self, fault: FramingFault) -> Frame {
        self.line.clear();
        self.skipping = true;
        Frame::Fault(fault)
    }

    fn finish(&mut self) -> Frame {
        let line = std::mem::take(&mut self.line);
        let text = match self.rules.charset {
            Charset::Latin1 => line.iter().copied().map(char::from).collect(),
            Charset::Utf8 => match String::from_utf8(line) {
                Ok(text) => text,
                Err(_) => return Frame::Fault(FramingFault::Encoding),
            },
        };
        let Some(text) = text.strip_prefix(self.rules.prefix.as_str()) else {
            return Frame::Fault(FramingFault::Prefix {
                prefix: self.rules.prefix.clone(),
            });
        };
        let text = match self.rules.code_id {
            CodeId::None => text,
            CodeId::Aim => without_aim(text),
        };
        Frame::Line(text.to_owned())
    }
}

fn without_aim(text: &str) -> &str {
    let mut rest = text.chars();
    let aim = rest.next() == Some(']')
        && rest.next().is_some_and(|c| c.is_ascii_alphabetic())
        && rest.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if aim { rest.as_str() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> Framing {
        Framing {
            end: End::Terminator,
            terminators: vec!['\r', '\n'],
            prefix: String::new(),
            inter_byte_timeout: Millis(150),
            max_length: 32,
            charset: Charset::Utf8,
            code_id: CodeId::None,
        }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.into())
    }

    #[test]
    fn a_line_may_come_in_pieces_and_end_twice() {
        let mut framer = Framer::new(rules());
        assert_eq!(framer.push(b"ABC", at(0)), []);
        assert_eq!(framer.push(b"123\r\nX", at(100)), [line("ABC123")]);
        assert_eq!(framer.push(b"YZ\n\n\r", at(200)), [line("XYZ")]);
    }

    #[test]
    fn a_line_without_an_end_is_a_fault_and_does_not_touch_the_next() {
        let mut framer = Framer::new(rules());
        assert_eq!(framer.push(b"ABC", at(0)), []);
        assert_eq!(framer.silence(at(149)), None);
        let unfinished = |bytes| Frame::Fault(FramingFault::Unfinished { bytes });
        assert_eq!(framer.silence(at(150)), Some(unfinished(3)));
        assert_eq!(framer.push(b"D", at(1000)), []);
        assert_eq!(framer.push(b"EF\r", at(2000)), [unfinished(1), line("EF")]);
    }

    #[test]
    fn noise_makes_one_fault_and_the_next_line_is_read() {
        let mut framer = Framer::new(rules());
        let noise = framer.push(b"\x00\x01\x02abc\xff\r", at(0));
        assert_eq!(noise, [Frame::Fault(FramingFault::Control { byte: 0 })]);
        assert_eq!(
            framer.push(b"\xff\xfe\r", at(10)),
            [Frame::Fault(FramingFault::Encoding)]
        );
        assert_eq!(framer.push(b"ABC\r", at(20)), [line("ABC")]);
        let long = framer.push(&[b'x'; 100], at(30));
        assert_eq!(long, [Frame::Fault(FramingFault::TooLong { limit: 32 })]);
        assert_eq!(framer.push(b"ABC\r", at(180)), [line("ABC")]);
    }

    #[test]
    fn prefix_code_id_and_charset_follow_the_profile() {
        let mut framer = Framer::new(Framing {
            prefix: "#".into(),
            code_id: CodeId::Aim,
            charset: Charset::Latin1,
            ..rules()
        });
        assert_eq!(framer.push(b"#]Q1caf\xe9\r", at(0)), [line("caf\u{e9}")]);
        assert_eq!(framer.push(b"#]\r", at(0)), [line("]")]);
        let fault = FramingFault::Prefix { prefix: "#".into() };
        assert_eq!(framer.push(b"ABC\r", at(0)), [Frame::Fault(fault)]);
    }

    #[test]
    fn silence_may_end_a_line() {
        let mut framer = Framer::new(Framing {
            end: End::Silence,
            terminators: Vec::new(),
            ..rules()
        });
        assert_eq!(framer.push(b"ABC", at(0)), []);
        assert_eq!(framer.silence(at(150)), Some(line("ABC")));
        assert_eq!(framer.silence(at(900)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_a_clean_line_after_silence_is_read(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..80), 0_u64..200), 0..20),
            latin in any::<bool>(),
        ) {
            let charset = if latin { Charset::Latin1 } else { Charset::Utf8 };
            let mut framer = Framer::new(Framing { charset, ..rules() });
            let mut now = 0;
            for (bytes, pause) in pieces {
                now += pause;
                for frame in framer.push(&bytes, at(now)) {
                    if let Frame::Line(text) = frame {
                        prop_assert!(text.chars().count() <= 32);
                    }
                }
            }
            framer.silence(at(now + 150));
            prop_assert_eq!(framer.push(b"ABC\r", at(now + 150)), [line("ABC")]);
        }
    }
}
