//! What a pass says to a phone of one language: the strings of the folder that iOS takes.
//!
//! One folder is taken and no other is looked into: the one of the phone's language, else of a wider one (`de` for
//! `de-AT`), else English, else any. A text that the folder does not have is shown as it is. Files are read as strictly
//! as a phone reads them: one sign too much, and nothing in them counts.

use std::collections::BTreeMap;

/// The translations of one folder.
pub(super) type Strings = BTreeMap<String, String>;

/// Translations by the language of their folder.
#[derive(Debug, Clone, Default)]
pub(super) struct Languages(BTreeMap<String, Strings>);

impl Languages {
    /// Those of a pass with `files`; the name of the first file that is no table of strings where there is one.
    pub(super) fn of(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, String> {
        let mut languages = BTreeMap::new();
        for (name, content) in files {
            let Some(language) = name.strip_suffix(".lproj/pass.strings") else {
                continue;
            };
            let text = std::str::from_utf8(content).ok();
            let strings = text.and_then(parse).filter(|strings| !strings.is_empty());
            languages.insert(language.to_owned(), strings.ok_or_else(|| name.clone())?);
        }
        Ok(Self(languages))
    }

    /// What a phone of `language` shows for `text`.
    pub(super) fn shown<'t>(&'t self, language: &str, text: &'t str) -> &'t str {
        let found = self.folder(language).and_then(|strings| strings.get(text));
        found.map_or(text, String::as_str)
    }

    fn folder(&self, language: &str) -> Option<&Strings> {
        let named = |wanted: &str| {
            let mut folders = self.0.iter();
            folders.find_map(|(name, strings)| name.eq_ignore_ascii_case(wanted).then_some(strings))
        };
        let mut wanted = language;
        loop {
            if let Some(strings) = named(wanted) {
                return Some(strings);
            }
            match wanted.rsplit_once('-') {
                Some((wider, _)) => wanted = wider,
                None => return named("en").or_else(|| self.0.values().next()),
            }
        }
    }
}

/// `"key" = "value";` again and again, with white space between and no comments, as tools write them.
fn parse(text: &str) -> Option<Strings> {
    let mut strings = Strings::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let (value, after) = quoted(after)?;
        rest = after.trim_start().strip_prefix(';')?.trim_start();
        if strings.insert(key, value).is_some() {
            return None;
        }
    }
    Some(strings)
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, inner.get(at + 1..)?)),
            '\\' => out.push(match letters.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other @ ('"' | '\\' | '\'') => other,
                _ => return None,
            }),
            // A line that ends inside of a text breaks the file.
            '\n' | '\r' => return None,
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(folders: &[(&str, &str)]) -> Result<Languages, String> {
        let files = folders
            .iter()
            .map(|(language, text)| (format!("{language}.lproj/pass.strings"), text.as_bytes().to_vec()));
        Languages::of(&files.collect())
    }

    #[test]
    fn one_folder_is_taken_and_no_other_is_looked_into() {
        let folders = [
            ("de", "\"a\" = \"ah\";\n\"b\" = \"be\";"),
            ("de-CH", "\"a\" = \"a \\\"ch\\\"\\n\";"),
            ("en", "\"a\" = \"ay\";"),
        ];
        let languages = languages(&folders).expect("good");
        for (phone, text, shown) in [
            ("de", "a", "ah"),
            ("de-AT", "a", "ah"),
            ("de-CH", "a", "a \"ch\"\n"),
            ("de-CH", "b", "b"),
            ("fr", "a", "ay"),
            ("en-US", "c", "c"),
        ] {
            assert_eq!(languages.shown(phone, text), shown, "{phone} {text}");
        }
    }

    #[test]
    fn a_broken_file_is_told_by_its_name() {
        for text in [
            "\"a\" : \"b\";",
            "\"a\" = \"b\"",
            "\"a\" = \"b\"c\";",
            "\"a\" = \"b\nc\";",
            "",
            "\"a\"=\"1\";\"a\"=\"2\";",
        ] {
            let refused = languages(&[("de", text)]).expect_err(text);
            assert_eq!(refused, "de.lproj/pass.strings");
        }
    }
}
