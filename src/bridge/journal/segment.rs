//! One file of the journal: header, records, and what to make of bytes that are neither. The format is described
//! in the parent module.

use super::{JournalError, private};
use crate::wire::CaptureBody;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"PGJRNL\0\x01";
const HEADER: usize = 20;
/// Length and counter before the payload.
const HEAD: usize = 12;
const CHECK: usize = 4;
/// A capture's JSON is a few hundred bytes; a length beyond this is no length.
const LARGEST_PAYLOAD: usize = 4096;
const EXTENSION: &str = "journal";
const ASIDE: &str = "corrupt";

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    first: i64,
    last: Option<i64>,
    size: u64,
    /// The file may be longer than the records that count: a failed write could not be undone.
    untidy: bool,
}

/// A segment read from the disk.
pub(super) struct Loaded {
    pub segment: Segment,
    pub captures: Vec<CaptureBody>,
    pub cut_bytes: u64,
}

/// The segments of a folder in the order of their counters.
pub(super) struct Names {
    pub segments: Vec<(i64, PathBuf)>,
    /// The largest first counter among the segments put aside.
    pub aside: Option<i64>,
}

pub(super) fn list(folder: &Path) -> std::io::Result<Names> {
    let mut names = Names {
        segments: Vec::new(),
        aside: None,
    };
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let Some(first) = stem.and_then(|stem| stem.parse::<i64>().ok()) else {
            continue;
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(EXTENSION) => names.segments.push((first, path)),
            Some(ASIDE) => names.aside = names.aside.max(Some(first)),
            _ => {}
        }
    }
    names.segments.sort();
    Ok(names)
}

/// Removes a file and says how large it was.
pub(super) fn remove(path: &Path) -> std::io::Result<u64> {
    let size = std::fs::metadata(path)?.len();
    std::fs::remove_file(path)?;
    Ok(size)
}

impl Segment {
    /// Makes an empty segment; its name and header are on the disk when this returns.
    pub(super) fn create(folder: &Path, first: i64) -> std::io::Result<Self> {
        let path = folder.join(format!("{first:019}.{EXTENSION}"));
        let mut header = [&MAGIC[..], &first.to_le_bytes()].concat();
        header.extend(crc32fast::hash(&header).to_le_bytes());
        let made = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&header)?;
                file.sync_all()?;
                // A file's name is on the disk only when its folder is synced too.
                File::open(folder)?.sync_all()?;
                Ok(file)
            });
        match made {
            Ok(file) => Ok(Self {
                path,
                file,
                first,
                last: None,
                size: HEADER as u64,
                untidy: false,
            }),
            Err(error) => {
                // Best effort: a header that is not whole is thrown away by the next opening, too.
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Reads a segment and cuts off a torn tail. `None`: the header of the newest segment was not written whole.
    pub(super) fn load(path: &Path, first: i64, newest: bool) -> Result<Option<Loaded>, JournalError> {
        let folder = path.parent().unwrap_or(path);
        let unavailable = |error| JournalError::unavailable(folder, error);
        let bytes = std::fs::read(path).map_err(unavailable)?;
        let header = bytes.get(..HEADER).is_some_and(|header| is_header(header, first));
        if !header && newest && !any_record(&bytes, 0, first) {
            return Ok(None);
        }
        let mut captures = Vec::new();
        let mut at = if header { HEADER } else { 0 };
        let mut next = first;
        while header && let Some((capture, length)) = record(bytes.get(at..).unwrap_or(&[]), next) {
            captures.push(capture);
            at += length;
            next += 1;
        }
        let rest = bytes.len() - at;
        if rest > 0 && (!newest || !header || any_record(&bytes, at, next)) {
            let aside = path.with_extension(ASIDE);
            std::fs::rename(path, &aside).map_err(unavailable)?;
            return Err(JournalError::Corrupt {
                segment: path.to_path_buf(),
                at: at as u64,
                readable: captures.len(),
                aside,
            });
        }
        let file = private().write(true).open(path).map_err(unavailable)?;
        let mut segment = Self {
            path: path.to_path_buf(),
            file,
            first,
            last: (next > first).then(|| next - 1),
            size: at as u64,
            untidy: false,
        };
        segment.cut().map_err(unavailable)?;
        Ok(Some(Loaded {
            segment,
            captures,
            cut_bytes: rest as u64,
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn first(&self) -> i64 {
        self.first
    }

    /// The counter of the last record.
    pub(super) fn last(&self) -> Option<i64> {
        self.last
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Writes a record; it is on the disk when this returns. After an error the segment is as it was before.
    pub(super) fn append(&mut self, capture: &CaptureBody) -> std::io::Result<()> {
        let record = encode(capture)?;
        if self.untidy {
            self.cut()?;
        }
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // When cutting fails as well, the next append or the next opening does it.
            self.untidy = self.cut().is_err();
            return Err(error);
        }
        self.size += record.len() as u64;
        self.last = Some(capture.counter);
        Ok(())
    }

    /// Cuts the file to the records that count, and goes to its end.
    fn cut(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.size)?;
        self.file.seek(SeekFrom::Start(self.size))?;
        self.untidy = false;
        Ok(())
    }
}

fn encode(capture: &CaptureBody) -> std::io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(capture)?;
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= LARGEST_PAYLOAD)
        .ok_or_else(|| std::io::Error::other("a capture is larger than a journal record may be"))?;
    let mut record = length.to_le_bytes().to_vec();
    record.extend(capture.counter.to_le_bytes());
    record.extend(payload);
    record.extend(crc32fast::hash(&record).to_le_bytes());
    Ok(record)
}

fn is_header(bytes: &[u8], first: i64) -> bool {
    let Some((content, check)) = bytes.split_last_chunk::<CHECK>() else {
        return false;
    };
    content == [&MAGIC[..], &first.to_le_bytes()].concat() && *check == crc32fast::hash(content).to_le_bytes()
}

/// The record at the beginning of `bytes`, if it is whole and has this counter, and its length.
fn record(bytes: &[u8], counter: i64) -> Option<(CaptureBody, usize)> {
    let (number, length) = head(bytes)?;
    let payload = checked(bytes, length).filter(|_| number == counter)?;
    let capture: CaptureBody = serde_json::from_slice(payload).ok()?;
    (capture.counter == counter).then_some((capture, HEAD + length + CHECK))
}

fn head(bytes: &[u8]) -> Option<(i64, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (counter, _) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    (length <= LARGEST_PAYLOAD).then_some((i64::from_le_bytes(*counter), length))
}

/// The payload, if the checksum holds.
fn checked(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let content = bytes.get(..HEAD + length)?;
    let check = bytes.get(HEAD + length..HEAD + length + CHECK)?;
    (check == crc32fast::hash(content).to_le_bytes()).then(|| content.get(HEAD..))?
}

/// Whether a whole record with a counter of at least `from` begins anywhere after byte `at`.
fn any_record(bytes: &[u8], at: usize, from: i64) -> bool {
    let most = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    (at + 1..bytes.len()).any(|start| {
        let rest = bytes.get(start..).unwrap_or(&[]);
        head(rest).is_some_and(|(counter, length)| {
            (from..=from.saturating_add(most)).contains(&counter) && checked(rest, length).is_some()
        })
    })
}
