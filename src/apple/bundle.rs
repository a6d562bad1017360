//! The `.pkpass` archive: an immutable part shared by many passes, and a short tail of its own for each.
//!
//! A pass is a ZIP archive of stored files. All files that do not depend on the card (images, translations) are
//! laid out once per design as the *blob*: local headers and contents, in the order of their names. The *tail*
//! of a pass holds files of its own where it has some, `pass.json`, `manifest.json`, `signature` and the central
//! directory of all entries, so that blob and tail laid end to end are the archive. Times in it are 1980-01-01: the
//! same card gives the same bytes.
//!
//! `manifest.json` is one JSON object from file name to lower-case hexadecimal SHA-1, sorted by name, naming
//! every file but itself and the signature. PNGs do not shrink by deflating, and deflating 2 kB of JSON costs
//! more than it saves; hence everything is stored.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use bytes::Bytes;
use sha1::{Digest as _, Sha1};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Why an archive cannot be laid out. None of these can come from a card's content.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("laying out a pass failed: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("laying out a pass failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("a pass takes more than 4 GiB or more than 65535 files; make its images smaller")]
    TooLarge,
}

/// A finished pass: its bytes are `blob` followed by `tail`. Cloning copies nothing.
#[derive(Clone)]
pub struct Bundle {
    pub blob: Bytes,
    pub tail: Bytes,
}

impl Bundle {
    /// Length of the whole archive in bytes.
    pub fn len(&self) -> usize {
        self.blob.len() + self.tail.len()
    }

    /// Never true: every pass has a tail.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The archive as one piece; copies it.
    pub fn to_vec(&self) -> Vec<u8> {
        [self.blob.as_ref(), self.tail.as_ref()].concat()
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundle({} + {} bytes)", self.blob.len(), self.tail.len())
    }
}

/// Everything of a pass that does not depend on the card.
pub(crate) struct Design {
    pub(crate) blob: Bytes,
    /// The central directory of the blob.
    directory: Vec<u8>,
    /// `pass.json`, `manifest.json` and `signature`, which every pass has of its own.
    own: [Frame; 3],
    /// How many files the blob has.
    entries: u16,
    /// Names with their manifest lines, each with its comma, in the order of the names.
    lines: Vec<(String, String)>,
}

/// Files of one pass beside `pass.json`, by their names; none of them is in its design.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

const PASS: &str = "pass.json";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "signature";

impl Design {
    pub(crate) fn new(files: &BTreeMap<String, Bytes>) -> Result<Self, ArchiveError> {
        let named: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, data)| (name.as_str(), data.as_ref()))
            .collect();
        let section = Section::lay_out(&named)?;
        let lines = named
            .iter()
            .map(|(name, data)| ((*name).to_owned(), line(name, data)))
            .collect();
        let own = [
            Frame::of_name(PASS)?,
            Frame::of_name(MANIFEST)?,
            Frame::of_name(SIGNATURE)?,
        ];
        Ok(Self {
            blob: section.data.into(),
            directory: section.directory,
            own,
            entries: section.entries,
            lines,
        })
    }

    /// The manifest of a pass with this `pass.json` and `files` of its own.
    pub(crate) fn manifest(&self, pass: &[u8], files: &Files) -> String {
        let own = files
            .iter()
            .map(|(name, data)| (name.as_str(), line(name, data)))
            .chain([(PASS, line(PASS, pass))]);
        let own: Vec<(&str, String)> = own.collect();
        let design = self
            .lines
            .iter()
            .map(|(name, line)| (name.as_str(), line.as_str()));
        let mut lines: Vec<(&str, &str)> = design
            .chain(own.iter().map(|(name, line)| (*name, line.as_str())))
            .collect();
        lines.sort_unstable_by_key(|(name, _)| *name);
        let mut text = String::with_capacity(64 * (lines.len() + 1));
        text.push('{');
        text.extend(lines.into_iter().map(|(_, line)| line));
        text.pop();
        text.push('}');
        text
    }

    /// The end of the archive: what this pass has of its own, and the directory of all.
    pub(crate) fn tail(
        &self,
        pass: &[u8],
        files: &Files,
        manifest: &[u8],
        signature: &[u8],
    ) -> Result<Bytes, ArchiveError> {
        let mut frames = Vec::with_capacity(files.len());
        for name in files.keys() {
            frames.push(Frame::of_name(name)?);
        }
        let frames: Vec<&Frame> = frames.iter().chain(&self.own).collect();
        let contents = files.values().map(Vec::as_slice);
        let contents: Vec<&[u8]> = contents.chain([pass, manifest, signature]).collect();
        let own: usize = frames.iter().map(|frame| frame.len()).sum();
        let content: usize = contents.iter().map(|content| content.len()).sum();
        let length = own + content + self.directory.len() + END_SIZE;
        let short = |length: usize| u32::try_from(length).map_err(|_| ArchiveError::TooLarge);
        // Whatever is smaller than this fits too.
        short(self.blob.len() + length)?;
        let entries = u16::try_from(frames.len()).ok();
        let entries = entries.and_then(|own| self.entries.checked_add(own));
        let entries = entries.ok_or(ArchiveError::TooLarge)?.to_le_bytes();

        let mut tail = Vec::with_capacity(length);
        let mut all_placed = Vec::with_capacity(frames.len());
        for (frame, content) in frames.iter().zip(contents) {
            let placed = Placed {
                check: crc32fast::hash(content).to_le_bytes(),
                size: short(content.len())?.to_le_bytes(),
                offset: short(self.blob.len() + tail.len())?.to_le_bytes(),
            };
            frame.put_local(&mut tail, placed);
            tail.extend_from_slice(content);
            all_placed.push(placed);
        }
        let directory_start = self.blob.len() + tail.len();
        tail.extend_from_slice(&self.directory);
        for (frame, placed) in frames.iter().zip(all_placed) {
            frame.put_record(&mut tail, placed);
        }
        let directory_size = self.blob.len() + tail.len() - directory_start;
        // End of central directory record: APPNOTE.TXT §4.3.16.
        tail.extend_from_slice(END);
        tail.extend_from_slice(&[0; 4]);
        tail.extend_from_slice(&entries);
        tail.extend_from_slice(&entries);
        tail.extend_from_slice(&short(directory_size)?.to_le_bytes());
        tail.extend_from_slice(&short(directory_start)?.to_le_bytes());
        tail.extend_from_slice(&[0; 2]);
        Ok(tail.into())
    }
}

/// `"name":"sha1",`
fn line(name: &str, data: &[u8]) -> String {
    let mut digits = [0; 40];
    // Forty digits are what twenty bytes take, and digits are text.
    let encoded = hex::encode_to_slice(Sha1::digest(data), &mut digits);
    debug_assert_eq!(encoded, Ok(()));
    // A string always serializes.
    let name = serde_json::to_string(name).unwrap_or_default();
    format!("{name}:\"{}\",", std::str::from_utf8(&digits).unwrap_or_default())
}

/// What differs between two entries of one name, as the archive holds it.
#[derive(Debug, Clone, Copy, Default)]
struct Placed {
    check: [u8; 4],
    size: [u8; 4],
    offset: [u8; 4],
}

/// Both headers of a stored entry, cut where [`Placed`] goes: APPNOTE.TXT §4.3.7 and §4.3.12.
struct Frame {
    local: [Vec<u8>; 2],
    record: [Vec<u8>; 3],
}

impl Frame {
    fn of_name(name: &str) -> Result<Self, ArchiveError> {
        let section = Section::lay_out(&[(name, &[])])?;
        Self::cut(&section).ok_or(ArchiveError::TooLarge)
    }

    fn cut(section: &Section) -> Option<Self> {
        let (local, record) = (&section.data, &section.directory);
        Some(Self {
            local: [local.get(..14)?.to_vec(), local.get(26..)?.to_vec()],
            record: [
                record.get(..16)?.to_vec(),
                record.get(28..42)?.to_vec(),
                record.get(46..)?.to_vec(),
            ],
        })
    }

    /// Bytes of both.
    fn len(&self) -> usize {
        let fixed: usize = self.local.iter().chain(&self.record).map(Vec::len).sum();
        fixed + 12 + 16
    }

    fn put_local(&self, out: &mut Vec<u8>, placed: Placed) {
        let [start, end] = &self.local;
        out.extend_from_slice(start);
        out.extend_from_slice(&placed.check);
        // Stored and original size are the same.
        out.extend_from_slice(&placed.size);
        out.extend_from_slice(&placed.size);
        out.extend_from_slice(end);
    }

    fn put_record(&self, out: &mut Vec<u8>, placed: Placed) {
        let [start, middle, end] = &self.record;
        out.extend_from_slice(start);
        out.extend_from_slice(&placed.check);
        out.extend_from_slice(&placed.size);
        out.extend_from_slice(&placed.size);
        out.extend_from_slice(middle);
        out.extend_from_slice(&placed.offset);
        out.extend_from_slice(end);
    }
}

const END: &[u8] = b"PK\x05\x06";
const END_SIZE: usize = 22;

/// An archive taken apart: local headers with contents, and the central directory without its end record.
struct Section {
    data: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Section {
    fn options() -> SimpleFileOptions {
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
    }

    fn lay_out(files: &[(&str, &[u8])]) -> Result<Self, ArchiveError> {
        let options = Self::options();
        let size: usize = files
            .iter()
            .map(|(name, data)| data.len() + 2 * name.len() + 100)
            .sum();
        let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(size + END_SIZE)));
        for (name, data) in files {
            writer.start_file(*name, options)?;
            writer.write_all(data)?;
        }
        Self::split(writer.finish()?.into_inner()).ok_or(ArchiveError::TooLarge)
    }

    fn split(mut archive: Vec<u8>) -> Option<Self> {
        let end = archive.split_off(archive.len().checked_sub(END_SIZE)?);
        if !end.starts_with(END) {
            return None;
        }
        let entries = u16::from_le_bytes(end.get(10..12)?.try_into().ok()?);
        let start = usize::try_from(u32::from_le_bytes(end.get(16..20)?.try_into().ok()?)).ok()?;
        if start > archive.len() {
            return None;
        }
        let directory = archive.split_off(start);
        Some(Self {
            data: archive,
            directory,
            entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The tail is cut and patched by ourselves; the `zip` crate, writing all files in one go, is the reference.
        #[test]
        fn blob_and_tail_are_the_bytes_of_the_archive_written_in_one_go(
            files in prop::collection::btree_map("[a-zé@/.]{1,12}", prop::collection::vec(any::<u8>(), 0..300), 0..6),
            of_pass in prop::collection::btree_map("[a-z]{2}\\.lproj/pass\\.strings", prop::collection::vec(any::<u8>(), 0..300), 0..4),
            own in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..400)),
        ) {
            let files: BTreeMap<String, Bytes> = files
                .into_iter()
                .map(|(name, data)| (format!("x{name}"), data.into()))
                .collect();
            let design = Design::new(&files).expect("a design");
            let [pass, manifest, signature] = &own;
            let tail = design.tail(pass, &of_pass, manifest, signature).expect("a tail");
            let mut all: Vec<(&str, &[u8])> =
                files.iter().map(|(name, data)| (name.as_str(), data.as_ref())).collect();
            all.extend(of_pass.iter().map(|(name, data)| (name.as_str(), &data[..])));
            all.extend([(PASS, &pass[..]), (MANIFEST, &manifest[..]), (SIGNATURE, &signature[..])]);
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            for (name, data) in all {
                writer.start_file(name, Section::options()).expect("begun");
                writer.write_all(data).expect("written");
            }
            let expected = writer.finish().expect("finished").into_inner();
            prop_assert_eq!([&design.blob[..], &tail[..]].concat(), expected);

            let manifest = design.manifest(pass, &of_pass);
            let read: BTreeMap<String, String> = serde_json::from_str(&manifest).expect("an object of texts");
            let named = files.keys().chain(of_pass.keys()).map(String::as_str).chain([PASS]);
            prop_assert_eq!(read.keys().map(String::as_str).collect::<Vec<_>>(), {
                let mut named: Vec<&str> = named.collect();
                named.sort_unstable();
                named
            });
            prop_assert_eq!(serde_json::to_string(&read).expect("text"), manifest, "sorted by name");
        }
    }
}
