//! One file of the journal: header, records, and what to make of bytes that are neither. The format is described
//! in the parent module.

use super::{COUNTERS_PER_MILLISECOND, JournalError, private};
use crate::wire::CaptureBody;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::Range;
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
/// The ending of a segment that is being written to take the place of a damaged one.
const REPAIRED: &str = "repaired";

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
    pub damage: Option<Damage>,
}

/// What was wrong with a segment, and where it is kept.
pub(super) struct Damage {
    pub aside: PathBuf,
    pub unreadable_bytes: u64,
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
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let stem = name.split('.').next().unwrap_or(name);
        let Ok(first) = stem.parse::<i64>() else {
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
        // A file's name is on the disk only when its folder is synced too.
        let made = write(&path, &header(first)).and_then(|file| sync(folder).map(|()| file));
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

    /// Reads a segment, cuts off a torn tail, and puts a damaged one aside after saving what can be read of it.
    /// `None`: the header of the newest segment was not written whole.
    pub(super) fn load(path: &Path, first: i64, newest: bool) -> Result<Option<Loaded>, JournalError> {
        let folder = path.parent().unwrap_or(path);
        let unavailable = |error| JournalError::unavailable(folder, error);
        let bytes = std::fs::read(path).map_err(unavailable)?;
        // Records are written after the header is on the disk: with anything after it, a bad header is damage.
        let header = bytes.get(..HEADER).is_some_and(|bytes| bytes == header(first));
        if !header && newest && bytes.len() <= HEADER {
            return Ok(None);
        }
        let found = Found::scan(&bytes, first, if header { HEADER } else { 0 });
        let torn = bytes.len() - found.end;
        let is_damaged = !header || found.skipped > 0 || (torn > 0 && !newest);
        let (size, cut_bytes, damage) = if is_damaged {
            let unreadable = found.skipped + torn;
            let (size, aside) = repair(path, first, &bytes, &found).map_err(unavailable)?;
            let damage = Damage {
                aside,
                unreadable_bytes: unreadable as u64,
            };
            (size, 0, Some(damage))
        } else {
            (found.end as u64, torn as u64, None)
        };
        let mut segment = Self {
            path: path.to_path_buf(),
            file: private().write(true).open(path).map_err(unavailable)?,
            first,
            last: found.captures.last().map(|capture| capture.counter),
            size,
            untidy: true,
        };
        segment.tidy().map_err(unavailable)?;
        Ok(Some(Loaded {
            segment,
            captures: found.captures,
            cut_bytes,
            damage,
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
        self.tidy()?;
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // When cutting fails as well, the next append or the next opening does it.
            self.untidy = true;
            drop(self.tidy());
            return Err(error);
        }
        self.size += record.len() as u64;
        self.last = Some(capture.counter);
        Ok(())
    }

    /// Cuts off what a failed write has left; needed before another segment follows, because no write can have
    /// been cut short in a segment that has a successor. The shorter length is on the disk when this returns.
    pub(super) fn tidy(&mut self) -> std::io::Result<()> {
        if self.untidy {
            self.file.set_len(self.size)?;
            self.file.sync_all()?;
            self.file.seek(SeekFrom::Start(self.size))?;
            self.untidy = false;
        }
        Ok(())
    }
}

/// The records of a segment, wherever they begin.
struct Found {
    captures: Vec<CaptureBody>,
    /// Where in the file they are.
    places: Vec<Range<usize>>,
    /// Bytes between the records (and where the header should be) that are no record.
    skipped: usize,
    /// The end of the last record.
    end: usize,
}

impl Found {
    /// Looks for records from `start`, which is the end of the header or, without one, 0.
    fn scan(bytes: &[u8], first: i64, start: usize) -> Self {
        let mut found = Self {
            captures: Vec::new(),
            places: Vec::new(),
            skipped: 0,
            end: start,
        };
        let mut next = first;
        let mut at = start;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match record(rest, next, first.saturating_add(COUNTERS_PER_MILLISECOND)) {
                Some((capture, length)) => {
                    next = capture.counter + 1;
                    found.captures.push(capture);
                    found.places.push(at..at + length);
                    found.skipped += at - found.end;
                    at += length;
                    found.end = at;
                }
                None => at += 1,
            }
        }
        found
    }
}

/// Copies a damaged segment to a name of its own and puts one in its place that has only the records that were
/// found. Whenever power goes, the records are under the segment's name, damaged or not. Gives the size of the
/// new segment and where the old one is kept.
fn repair(path: &Path, first: i64, bytes: &[u8], found: &Found) -> std::io::Result<(u64, PathBuf)> {
    let folder = path.parent().unwrap_or(path);
    let aside = keep_aside(path, bytes)?;
    let mut content = header(first);
    for place in &found.places {
        content.extend(bytes.get(place.clone()).unwrap_or(&[]));
    }
    let repaired = path.with_extension(REPAIRED);
    write(&repaired, &content)?;
    sync(folder)?;
    std::fs::rename(&repaired, path)?;
    sync(folder)?;
    Ok((content.len() as u64, aside))
}

/// A segment may be damaged more than once, and its repair may have been cut short by a power cut.
fn keep_aside(path: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let mut aside = path.with_extension(ASIDE);
    let mut times = 1_u32;
    while aside.try_exists()? && std::fs::read(&aside)? != bytes {
        times += 1;
        aside = path.with_extension(format!("{times}.{ASIDE}"));
    }
    write(&aside, bytes)?;
    Ok(aside)
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<File> {
    let mut file = private().write(true).create(true).truncate(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn header(first: i64) -> Vec<u8> {
    let mut header = [&MAGIC[..], &first.to_le_bytes()].concat();
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
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

/// The record at the beginning of `bytes`, if it is whole and has a counter from `next` to `below`, and its length.
fn record(bytes: &[u8], next: i64, below: i64) -> Option<(CaptureBody, usize)> {
    let (counter, length) = head(bytes).filter(|(counter, _)| (next..below).contains(counter))?;
    let capture: CaptureBody = serde_json::from_slice(checked(bytes, length)?).ok()?;
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

#[cfg(test)]
mod tests;
