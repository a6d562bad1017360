//! A file in which every line ends in one way: a line feed, the last line too. Lines can be counted then.

use std::io::{self, Read};

const BUFFER: usize = 32 * 1024;

/// Reads a file with `\r\n` as `\n`, and with a `\n` at its end.
pub(super) struct Lines<R> {
    file: R,
    buffer: Vec<u8>,
    ready: Vec<u8>,
    taken: usize,
    /// A `\r` was read last, and whether it belongs to a line's end is not known yet.
    holds_return: bool,
    last: u8,
    is_at_end: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            buffer: vec![0; BUFFER],
            ready: Vec::with_capacity(BUFFER + 1),
            taken: 0,
            holds_return: false,
            last: b'\n',
            is_at_end: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.taken = 0;
        while self.ready.is_empty() && !self.is_at_end {
            let length = self.file.read(&mut self.buffer)?;
            for byte in self.buffer.get(..length).unwrap_or_default() {
                if std::mem::take(&mut self.holds_return) && *byte != b'\n' {
                    self.ready.push(b'\r');
                }
                match byte {
                    b'\r' => self.holds_return = true,
                    byte => self.ready.push(*byte),
                }
                self.last = *byte;
            }
            if length == 0 {
                self.is_at_end = true;
                if self.last != b'\n' {
                    self.ready.push(b'\n');
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.refill()?;
        }
        let rest = self.ready.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..length), rest.get(..length)) {
            out.copy_from_slice(rest);
        }
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_end_in_one_way_wherever_they_are_cut(text in "[ab\r\n]{0,40}", at_once in 1_usize..5) {
            struct Slow<'t>(&'t [u8], usize);
            impl Read for Slow<'_> {
                fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                    let length = self.1.min(self.0.len()).min(out.len());
                    let (now, later) = self.0.split_at(length);
                    out[..length].copy_from_slice(now);
                    self.0 = later;
                    Ok(length)
                }
            }
            let mut read = String::new();
            let text = text + "a";
            Lines::new(Slow(text.as_bytes(), at_once)).read_to_string(&mut read).expect("read");
            let expected = text.replace("\r\n", "\n") + "\n";
            prop_assert_eq!(read, expected);
        }
    }
}
