//! A Rust file as the architecture test sees it: code without comments and literals, the literals by themselves,
//! and neither of them from parts that only exist under `cfg(test)`.
//!
//! Not a parser: it knows comments, string and character literals, brackets and paths, which is all that the
//! rules need. Offsets are bytes in the file, and stay the same in every view of it.

use std::ops::Range;

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the repository's root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments, the contents of literals, and test-only items blanked out.
    pub(crate) code: String,
    /// String literals outside test-only items, as written between their quotes.
    pub(crate) literals: Vec<Literal>,
    /// Modules declared as `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Literal {
    pub(crate) at: usize,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let (mut code, mut literals) = strip(&text);
        let (ranges, test_modules) = test_items(&code);
        for range in &ranges {
            blank(&mut code, range.clone());
        }
        literals.retain(|literal| !ranges.iter().any(|range| range.contains(&literal.at)));
        Self {
            path,
            code: String::from_utf8(code).expect("only ASCII is left"),
            text,
            literals,
            test_modules,
        }
    }

    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The path of modules under `src`: `src/store/sql.rs` is `["store", "sql"]`, `src/lib.rs` is empty.
    pub(crate) fn modules(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        match inner {
            "lib" | "main" => Vec::new(),
            _ => inner.split('/').collect(),
        }
    }

    /// Paths that begin at this crate's root, with groups taken apart: `use crate::{a, b::c}` is `a` and `b::c`.
    pub(crate) fn crate_paths(&self) -> Vec<(usize, Vec<String>)> {
        let code = self.code.as_bytes();
        let depth = self.modules().len();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some((start, end)) = next_word(code, at) {
            at = end;
            let from_path = code[..start].ends_with(b"::");
            let mut after = end;
            let root = match &self.code[start..end] {
                "crate" => true,
                // `super` often enough to leave the outermost module.
                "super" if !from_path => {
                    let mut count = 1;
                    while let Some(next) = separator(code, after) {
                        let Some((word, word_end)) = next_word(code, next).filter(|word| word.0 == next)
                        else {
                            break;
                        };
                        if &self.code[word..word_end] != "super" {
                            break;
                        }
                        count += 1;
                        after = word_end;
                    }
                    count >= depth
                }
                _ => false,
            };
            if root && let Some(next) = separator(code, after) {
                let mut paths = Vec::new();
                read_tree(code, next, &mut Vec::new(), &mut paths);
                found.extend(paths.into_iter().map(|path| (start, path)));
            }
        }
        found
    }

    /// Where `word` stands as a whole word of code.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let code = self.code.as_bytes();
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = at.checked_sub(1).is_some_and(|i| is_word(code[i]));
            let after = code.get(at + word.len()).is_some_and(|byte| is_word(*byte));
            !before && !after
        })
    }

    /// Calls of the macro `name!`, each with its arguments.
    pub(crate) fn macro_calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> + 'a {
        let code = self.code.as_bytes();
        self.words(name).filter_map(move |at| {
            let open = skip_space(code, at + name.len() + 1);
            let bang = code.get(at + name.len()) == Some(&b'!');
            let opens = matches!(code.get(open), Some(b'(' | b'[' | b'{'));
            (bang && opens).then(|| (at, &self.code[open..closing(code, open)]))
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn blank(code: &mut [u8], range: Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn skip_space(code: &[u8], mut at: usize) -> usize {
    while code.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The next word at or after `at`, as start and end.
fn next_word(code: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at + code.get(at..)?.iter().position(|byte| is_word(*byte))?;
    let length = code[start..].iter().take_while(|byte| is_word(**byte)).count();
    Some((start, start + length))
}

/// Where the text after a `::` at `at` begins.
fn separator(code: &[u8], at: usize) -> Option<usize> {
    let at = skip_space(code, at);
    code[at..].starts_with(b"::").then(|| skip_space(code, at + 2))
}

/// Reads one tree of a `use`, or a plain path, from `at` on; returns where it ended.
fn read_tree(code: &[u8], at: usize, prefix: &mut Vec<String>, out: &mut Vec<Vec<String>>) -> usize {
    match code.get(at) {
        Some(b'{') => {
            let end = closing(code, at);
            let mut at = skip_space(code, at + 1);
            while at + 1 < end {
                let next = read_tree(code, at, prefix, out);
                // Past `as name` and the comma.
                let comma = code[next..end].iter().position(|byte| *byte == b',');
                at = comma.map_or(end, |comma| skip_space(code, next + comma + 1));
            }
            end
        }
        Some(byte) if is_word(*byte) => {
            let (start, end) = next_word(code, at).unwrap_or((at, at + 1));
            prefix.push(String::from_utf8_lossy(&code[start..end]).into_owned());
            let end = match separator(code, end) {
                Some(next) if matches!(code.get(next), Some(byte) if is_word(*byte) || matches!(byte, b'{' | b'*')) => {
                    read_tree(code, next, prefix, out)
                }
                _ => {
                    out.push(prefix.clone());
                    end
                }
            };
            prefix.pop();
            end
        }
        _ => {
            out.push(prefix.clone());
            at + 1
        }
    }
}

/// The end of the bracketed text that opens at `open`.
fn closing(code: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open + offset + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Blanks comments and what stands between quotes.
fn strip(text: &str) -> (Vec<u8>, Vec<Literal>) {
    let bytes = text.as_bytes();
    let mut code: Vec<u8> = bytes.to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let in_word = at > 0 && is_word(bytes[at - 1]);
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            blank(&mut code, at..end);
            end
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            blank(&mut code, at..end);
            end
        } else if let Some((start, length, end)) = (!in_word).then(|| raw_string(rest)).flatten() {
            literals.push(Literal {
                at: at + start,
                text: text[at + start..at + start + length].to_owned(),
            });
            blank(&mut code, at + start..at + start + length);
            at + end
        } else if rest[0] == b'"' {
            let length = quoted(&rest[1..], b'"');
            literals.push(Literal {
                at: at + 1,
                text: text[at + 1..at + 1 + length].to_owned(),
            });
            blank(&mut code, at + 1..at + 1 + length);
            at + length + 2
        } else if rest[0] == b'\'' {
            match character(&text[at + 1..]) {
                Some(length) => {
                    blank(&mut code, at + 1..at + 1 + length);
                    at + length + 2
                }
                None => at + 1,
            }
        } else {
            at + 1
        };
        at = end;
    }
    for byte in &mut code {
        if !byte.is_ascii() {
            *byte = b' ';
        }
    }
    (code, literals)
}

/// The length of the block comment that `rest` begins with; such comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// If `rest` begins with a raw string: where its text starts, how long that is, and where the literal ends.
fn raw_string(rest: &[u8]) -> Option<(usize, usize, usize)> {
    let prefix = [&b"r"[..], b"br", b"cr"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix) && matches!(rest.get(prefix.len()), Some(b'#' | b'"')))?;
    let hashes = rest[prefix.len()..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let start = prefix.len() + hashes + 1;
    if rest.get(start - 1) != Some(&b'"') {
        return None; // A raw identifier.
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let length = rest[start..]
        .windows(close.len())
        .position(|window| window == close)
        .unwrap_or(rest.len() - start);
    Some((start, length, (start + length + close.len()).min(rest.len())))
}

/// The length of the text before the closing quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    at.min(rest.len())
}

/// The length of a character literal's text, or `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first == '\\' {
        return Some(quoted(rest.as_bytes(), b'\''));
    }
    rest[first.len_utf8()..]
        .starts_with('\'')
        .then(|| first.len_utf8())
}

/// Items under `#[cfg(test)]`, and the names of the modules in other files among them.
fn test_items(code: &[u8]) -> (Vec<Range<usize>>, Vec<String>) {
    let (mut ranges, mut modules) = (Vec::new(), Vec::new());
    let text = std::str::from_utf8(code).expect("only ASCII is left");
    for (at, _) in text.match_indices("#[cfg(").chain(text.match_indices("#![cfg(")) {
        let open = at + text[at..].find('[').unwrap_or(0);
        let condition = &text[open..closing(code, open)];
        let names_test = condition
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == "test");
        if !names_test || condition.contains("not(test") || condition.contains("any(") {
            continue;
        }
        if text[at..].starts_with("#!") {
            ranges.push(0..code.len());
            continue;
        }
        let mut start = skip_space(code, closing(code, open));
        while code[start..].starts_with(b"#[") {
            start = skip_space(code, closing(code, start + 1));
        }
        let end = item_end(code, start);
        let item = text[start..end].trim_start_matches("pub ").trim_start();
        if let Some(name) = item.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            modules.push(name.trim().to_owned());
        }
        ranges.push(at..end);
    }
    (ranges, modules)
}

/// The end of the item, field, arm or statement that begins at `start`.
fn item_end(code: &[u8], start: usize) -> usize {
    const ITEMS: [&str; 16] = [
        "pub",
        "mod",
        "fn",
        "use",
        "impl",
        "struct",
        "enum",
        "const",
        "static",
        "type",
        "async",
        "unsafe",
        "trait",
        "macro_rules",
        "let",
        "extern",
    ];
    let first = next_word(code, start).map_or("", |(from, to)| {
        std::str::from_utf8(&code[from..to]).unwrap_or("")
    });
    let commas_end = !ITEMS.contains(&first);
    let mut at = start;
    while at < code.len() {
        match code[at] {
            b';' => return at + 1,
            b',' if commas_end => return at + 1,
            b'{' => return closing(code, at),
            b'(' | b'[' => at = closing(code, at),
            b')' | b']' | b'}' => return at,
            _ => at += 1,
        }
    }
    code.len()
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
