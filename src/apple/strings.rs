//! `pass.strings`: the translations of one language, `"key" = "value";` with C escapes and comments.
//!
//! Merchants' tools write UTF-8 or UTF-16; passes carry UTF-8 without a byte order mark, every quote, backslash
//! and line break escaped, sorted by key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter::Peekable;

/// Why a file is no table of translations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StringsError {
    #[error("expected text in UTF-8, or UTF-16 with a byte order mark; got other bytes")]
    Encoding,
    #[error("line {line}: expected {expected}, got {got}")]
    Syntax {
        line: usize,
        expected: &'static str,
        got: String,
    },
    #[error("line {line}: {key:?} is translated twice")]
    Duplicate { line: usize, key: String },
}

pub(crate) type Strings = BTreeMap<String, String>;

pub(crate) fn parse(bytes: &[u8]) -> Result<Strings, StringsError> {
    let text = decode(bytes).ok_or(StringsError::Encoding)?;
    let mut parser = Parser {
        rest: text.chars().peekable(),
        line: 1,
    };
    let mut strings = Strings::new();
    while parser.skip_blank()? {
        let key = parser.quoted("a key in quotation marks")?;
        parser.sign('=', "\"=\" after a key")?;
        let value = parser.quoted("a translation in quotation marks")?;
        parser.sign(';', "\";\" after a translation")?;
        if strings.insert(key.clone(), value).is_some() {
            return Err(StringsError::Duplicate {
                line: parser.line,
                key,
            });
        }
    }
    Ok(strings)
}

pub(crate) fn print(strings: &Strings) -> String {
    let mut out = String::new();
    for (key, value) in strings {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\"{}\" = \"{}\";", escape(key), escape(value));
    }
    out
}

/// Where the translations of a language stand in a pass.
pub(crate) fn path(language: &str) -> String {
    format!("{language}.lproj/pass.strings")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out
}

fn decode(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let (units, odd) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| read(*unit)).collect();
        if odd.is_empty() {
            String::from_utf16(&units).ok()
        } else {
            None
        }
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

struct Parser<'a> {
    rest: Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.next();
        if letter == Some('\n') {
            self.line += 1;
        }
        letter
    }

    fn wrong(&self, expected: &'static str, got: Option<char>) -> StringsError {
        let got = got.map_or_else(|| "the end of the file".into(), |letter| format!("{letter:?}"));
        StringsError::Syntax {
            line: self.line,
            expected,
            got,
        }
    }

    /// Skips white space and comments; false at the end.
    fn skip_blank(&mut self) -> Result<bool, StringsError> {
        while let Some(letter) = self.rest.peek().copied() {
            if letter == '/' {
                self.next();
                match self.next() {
                    Some('/') => while !matches!(self.next(), None | Some('\n')) {},
                    Some('*') => self.skip_comment()?,
                    other => return Err(self.wrong("a comment after \"/\"", other)),
                }
            } else if letter.is_whitespace() {
                self.next();
            } else {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn skip_comment(&mut self) -> Result<(), StringsError> {
        loop {
            match self.next() {
                Some('*') if self.rest.next_if_eq(&'/').is_some() => return Ok(()),
                Some(_) => {}
                None => return Err(self.wrong("\"*/\" after a comment", None)),
            }
        }
    }

    fn sign(&mut self, sign: char, expected: &'static str) -> Result<(), StringsError> {
        self.skip_blank()?;
        match self.next() {
            Some(letter) if letter == sign => Ok(()),
            other => Err(self.wrong(expected, other)),
        }
    }

    fn quoted(&mut self, expected: &'static str) -> Result<String, StringsError> {
        self.sign('"', expected)?;
        let mut out = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(out),
                Some('\\') => out.push(self.escaped()?),
                Some(letter) => out.push(letter),
                None => return Err(self.wrong("a closing quotation mark", None)),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, StringsError> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(letter @ ('"' | '\\' | '\'')) => Ok(letter),
            other => Err(self.wrong("n, r, t, a quotation mark or a backslash after \"\\\"", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_survives_printing_and_parsing(strings in prop::collection::btree_map(".{0,12}", ".{0,20}", 0..6)) {
            prop_assert_eq!(parse(print(&strings).as_bytes()), Ok(strings));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn comments_escapes_and_wide_text_are_read() {
        let text = "/* cards */\n\"a\" = \"x \\\"y\\\"\\n\"; // last\n";
        let expected = Strings::from([("a".to_owned(), "x \"y\"\n".to_owned())]);
        assert_eq!(parse(text.as_bytes()), Ok(expected.clone()));
        let wide: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(parse(&wide), Ok(expected));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let error = parse(b"\"a\" = \"b\";\n\"c\" : \"d\";").expect_err("a colon");
        assert_eq!(error.to_string(), "line 2: expected \"=\" after a key, got ':'");
        assert!(parse(b"\"a\" = \"b").is_err());
        assert!(parse(b"\"a\"=\"1\";\"a\"=\"2\";").is_err());
    }
}
