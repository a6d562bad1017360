//! The `.pkpass` archive: an immutable part shared by many passes, and a short tail of its own for each.
//!
//! A pass is a ZIP archive of stored files. All files that do not depend on the card (images, translations) are
//! laid out once per design as the *blob*: local headers and contents, in the order of their names. The *tail*
//! of a pass holds `pass.json`, `manifest.json`, `signature` and the central directory of all entries, so that
//! blob and tail laid end to end are the archive. Times in it are 1980-01-01: the same card gives the same bytes.
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
    directory: Vec<u8>,
    entries: u16,
    /// Manifest lines of names below and above `pass.json`, each line with its comma.
    below: String,
    above: String,
}

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
        let mut below = String::new();
        let mut above = String::new();
        for (name, data) in &named {
            let lines = if *name < PASS { &mut below } else { &mut above };
            lines.push_str(&line(name, data));
        }
        Ok(Self {
            blob: section.data.into(),
            directory: section.directory,
            entries: section.entries,
            below,
            above,
        })
    }

    /// The manifest of a pass with this `pass.json`.
    pub(crate) fn manifest(&self, pass: &[u8]) -> String {
        let mut text = String::with_capacity(self.below.len() + self.above.len() + 64);
        text.push('{');
        text.push_str(&self.below);
        text.push_str(&line(PASS, pass));
        text.push_str(&self.above);
        text.pop();
        text.push('}');
        text
    }

    /// The end of the archive: the three files of this pass, and the directory of all.
    pub(crate) fn tail(&self, pass: &[u8], manifest: &[u8], signature: &[u8]) -> Result<Bytes, ArchiveError> {
        let own = Section::lay_out(&[(PASS, pass), (MANIFEST, manifest), (SIGNATURE, signature)])?;
        let start = u32::try_from(self.blob.len()).map_err(|_| ArchiveError::TooLarge)?;
        let own_directory = moved(&own.directory, start).ok_or(ArchiveError::TooLarge)?;
        let entries = self
            .entries
            .checked_add(own.entries)
            .ok_or(ArchiveError::TooLarge)?;

        let mut tail = own.data;
        let directory_start =
            u32::try_from(self.blob.len() + tail.len()).map_err(|_| ArchiveError::TooLarge)?;
        let directory_size =
            u32::try_from(self.directory.len() + own_directory.len()).map_err(|_| ArchiveError::TooLarge)?;
        tail.reserve_exact(self.directory.len() + own_directory.len() + END_SIZE);
        tail.extend_from_slice(&self.directory);
        tail.extend_from_slice(&own_directory);
        // End of central directory record: APPNOTE.TXT §4.3.16.
        tail.extend_from_slice(END);
        tail.extend_from_slice(&[0; 4]);
        tail.extend_from_slice(&entries.to_le_bytes());
        tail.extend_from_slice(&entries.to_le_bytes());
        tail.extend_from_slice(&directory_size.to_le_bytes());
        tail.extend_from_slice(&directory_start.to_le_bytes());
        tail.extend_from_slice(&[0; 2]);
        Ok(tail.into())
    }
}

/// `"name":"sha1",`
fn line(name: &str, data: &[u8]) -> String {
    // A string always serializes.
    let name = serde_json::to_string(name).unwrap_or_default();
    format!("{name}:\"{}\",", hex::encode(Sha1::digest(data)))
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
    fn lay_out(files: &[(&str, &[u8])]) -> Result<Self, ArchiveError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
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

/// The central directory of entries that lie `by` bytes further on: each record's offset of its local header
/// (APPNOTE.TXT §4.3.12, at byte 42 of 46 before the name) is changed.
fn moved(directory: &[u8], by: u32) -> Option<Vec<u8>> {
    const FIXED: usize = 46;
    let mut out = directory.to_vec();
    let mut at = 0;
    while at < out.len() {
        let record = out.get_mut(at..)?;
        let length_at = |record: &[u8], index: usize| -> Option<usize> {
            Some(usize::from(u16::from_le_bytes(
                record.get(index..index + 2)?.try_into().ok()?,
            )))
        };
        let variable = length_at(record, 28)? + length_at(record, 30)? + length_at(record, 32)?;
        let offset = record.get_mut(42..FIXED)?;
        let old = u32::from_le_bytes((&*offset).try_into().ok()?);
        offset.copy_from_slice(&old.checked_add(by)?.to_le_bytes());
        at += FIXED + variable;
    }
    Some(out)
}
