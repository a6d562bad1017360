//! The till's journal: captures are kept here from the moment they are seen until the gateway has answered them.
//!
//! # Files
//! All in one folder, readable by the owner only. Integers are little-endian.
//!
//! | file | content |
//! |---|---|
//! | `<first counter, 19 digits>.journal` | a segment: captures in the order they were made |
//! | `acknowledged` | 12 bytes: counter (i64) up to which all are answered, CRC-32 of those 8 bytes |
//! | `rejected` | one JSON object a line: captures that the gateway cannot take, for a person to look at |
//! | `lock` | locked by the one program that uses the folder |
//! | `*.corrupt` | a copy of a damaged segment as it was found, for a person to look at; `*.2.corrupt` when it is the second of that name |
//! | `*.repaired` | what is to take the place of a damaged segment; of no meaning when a power cut left it |
//!
//! A segment is a header and records, each whole or not there at all:
//!
//! ```text
//! header   magic "PGJRNL\0\x01" (8) | first counter (i64) | CRC-32 of those 16 bytes (u32)
//! record   length of the payload (u32) | counter (i64) | payload | CRC-32 of all before it in the record (u32)
//! payload  a capture as JSON, as the till protocol writes it
//! ```
//!
//! # What holds
//! - [`Journal::append`] returns after the record is on the disk (fsync). A record that could not be written whole
//!   is cut off again and its capture does not exist.
//! - Counters grow within a folder, by one except after damage. The first one of a new folder is the time in milliseconds times
//!   2^20, so a station whose folder was lost never uses a number twice.
//! - Acknowledging covers a prefix. The mark is not synced: after a power cut it may be old, and captures are
//!   then sent again, which the gateway answers as it did before. A mark that cannot be read counts as none.
//! - A segment is removed once all of it is acknowledged and the next segment's header is on the disk, so the
//!   counter survives.
//! - Bytes that are no record, at the end of the newest segment, are a write that power cut short: they are cut off
//!   and counted. Anywhere else (before a record, in a segment that has a successor, or in place of a header that
//!   something follows) they are damage. A copy of the damaged segment is put aside, a segment with all records
//!   that can be read takes its place in one step, so they are sent as if nothing had happened, and opening goes
//!   on, says so in the log and counts the bytes. The next counter is then beyond any that a damaged record can
//!   have had.
//! - Records after damage are found again by trying each byte. No payload can pass for a record: a length has two
//!   zero bytes in it, which JSON never has, and the checksum and both counters must agree besides.

mod error;
mod segment;
mod shared;

pub use error::JournalError;
pub(in crate::bridge) use shared::SharedJournal;

use crate::domain::time::Timestamp;
use crate::wire::CaptureBody;
use segment::Segment;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A segment that has grown beyond this is followed by a new one.
const SEGMENT_BYTES: u64 = 1 << 20;
/// An acknowledged segment of at least this size is replaced by an empty one.
const WORTH_REMOVING: u64 = 64 << 10;
/// Room between the counters of a folder and of its successor; no segment holds so many records.
const COUNTERS_PER_MILLISECOND: i64 = 1 << 20;

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Captures that wait for the gateway.
    pub pending: usize,
    /// Bytes of a record that was not written whole, now cut off.
    pub cut_bytes: u64,
    /// Segments were damaged; the log names the files that they are kept in.
    pub damaged: Option<Damaged>,
}

/// What damage has cost. Captures in the unreadable bytes have not reached the gateway unless they were sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damaged {
    pub segments: usize,
    pub unreadable_bytes: u64,
    /// Captures of those segments that could be read, answered ones among them.
    pub readable: usize,
}

/// An open journal. Blocking: every call may wait for the disk.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// Oldest first; the last one is written to.
    older: VecDeque<Segment>,
    current: Segment,
    pending: VecDeque<CaptureBody>,
    acknowledged: i64,
    next: i64,
    _lock: File,
}

impl Journal {
    /// Opens the journal in `folder`, making it when there is none. `now` decides the first counter of a new one.
    pub fn open(folder: &Path, now: Timestamp) -> Result<(Self, Recovered), JournalError> {
        let unavailable = |error| JournalError::unavailable(folder, error);
        std::fs::create_dir_all(folder).map_err(unavailable)?;
        let lock = lock(folder)?;
        let acknowledged = read_mark(&folder.join("acknowledged"));
        let mut recovered = Recovered::default();
        let mut older = VecDeque::new();
        let mut pending = VecDeque::new();
        let names = segment::list(folder).map_err(unavailable)?;
        let mut aside = names.aside;
        let mut next = acknowledged.map_or(0, |mark| mark.saturating_add(1));
        let last = names.segments.len().saturating_sub(1);
        for (at, (first, path)) in names.segments.into_iter().enumerate() {
            let Some(loaded) = Segment::load(&path, first, at == last)? else {
                // The header of a brand-new segment was not written whole: nothing was ever appended to it.
                recovered.cut_bytes += segment::remove(&path).map_err(unavailable)?;
                continue;
            };
            recovered.cut_bytes += loaded.cut_bytes;
            if let Some(damage) = loaded.damage {
                aside = aside.max(Some(first));
                recovered
                    .damaged
                    .get_or_insert_default()
                    .add(&damage, loaded.captures.len());
            }
            next = next
                .max(first)
                .max(loaded.segment.last().map_or(first, |last| last + 1));
            pending.extend(loaded.captures);
            older.push_back(loaded.segment);
        }
        // A damaged record may have had a number that nothing tells any more.
        next = next.max(aside.map_or(0, |first| first.saturating_add(COUNTERS_PER_MILLISECOND)));
        pending.retain(|capture| acknowledged.is_none_or(|mark| capture.counter > mark));
        let current = match older.pop_back() {
            Some(segment) if segment.last().map_or(segment.first(), |last| last + 1) == next => segment,
            other => {
                older.extend(other);
                if older.is_empty() && next == 0 {
                    next = now.0.max(1).saturating_mul(COUNTERS_PER_MILLISECOND);
                } else if older.is_empty() {
                    next = next.max(now.0.saturating_mul(COUNTERS_PER_MILLISECOND));
                }
                Segment::create(folder, next).map_err(unavailable)?
            }
        };
        recovered.pending = pending.len();
        let mut journal = Self {
            folder: folder.to_path_buf(),
            older,
            current,
            pending,
            acknowledged: acknowledged.unwrap_or(0),
            next,
            _lock: lock,
        };
        journal.remove_answered();
        Ok((journal, recovered))
    }

    /// Stores a capture and returns it with its counter. `capture.counter` is set here, whatever came.
    pub fn append(&mut self, mut capture: CaptureBody) -> Result<CaptureBody, JournalError> {
        capture.counter = self.next;
        if self.current.size() >= SEGMENT_BYTES {
            self.current.tidy().map_err(|error| self.unavailable(error))?;
            let fresh = Segment::create(&self.folder, self.next).map_err(|error| self.unavailable(error))?;
            self.older.push_back(std::mem::replace(&mut self.current, fresh));
        }
        self.current
            .append(&capture)
            .map_err(|error| self.unavailable(error))?;
        self.next += 1;
        self.pending.push_back(capture.clone());
        Ok(capture)
    }

    /// How many captures wait for the gateway.
    pub fn depth(&self) -> usize {
        self.pending.len()
    }

    /// The oldest captures that wait, in order.
    pub fn oldest(&self, most: usize) -> Vec<CaptureBody> {
        self.pending.iter().take(most).cloned().collect()
    }

    /// The gateway has answered everything up to and including `counter`; a counter that was never given counts
    /// as the last one that was. An error says that the mark is not on the disk: the captures are out of the queue
    /// all the same, and may be sent again after the next opening.
    pub fn acknowledge(&mut self, counter: i64) -> Result<(), JournalError> {
        let counter = counter.min(self.next - 1);
        if counter <= self.acknowledged {
            return Ok(());
        }
        self.acknowledged = counter;
        while self
            .pending
            .front()
            .is_some_and(|capture| capture.counter <= counter)
        {
            self.pending.pop_front();
        }
        let marked = write_mark(&self.folder.join("acknowledged"), counter);
        self.remove_answered();
        marked.map_err(|error| self.unavailable(error))
    }

    /// Takes the oldest capture out of the queue for good, because the gateway cannot take it: `reason` and the
    /// capture go to the `rejected` file first.
    pub fn reject_oldest(&mut self, reason: &str) -> Result<Option<CaptureBody>, JournalError> {
        let Some(capture) = self.pending.front().cloned() else {
            return Ok(None);
        };
        let line = serde_json::json!({ "reason": reason, "capture": capture });
        let written = private()
            .append(true)
            .create(true)
            .open(self.folder.join("rejected"))
            .and_then(|mut file| {
                writeln!(file, "{line}")?;
                file.sync_data()
            });
        written.map_err(|error| self.unavailable(error))?;
        self.acknowledge(capture.counter)?;
        Ok(Some(capture))
    }

    /// Removes segments of which nothing is needed any more. Failing to is no loss: the next opening tries again.
    fn remove_answered(&mut self) {
        while let Some(segment) = self.older.front() {
            if segment.last().is_some_and(|last| last > self.acknowledged) {
                return;
            }
            if segment::remove(segment.path()).is_err() {
                return;
            }
            self.older.pop_front();
        }
        let is_answered = self.pending.is_empty() && self.current.size() >= WORTH_REMOVING;
        if is_answered && self.current.tidy().is_ok() {
            let Ok(fresh) = Segment::create(&self.folder, self.next) else {
                return;
            };
            let full = std::mem::replace(&mut self.current, fresh);
            if segment::remove(full.path()).is_err() {
                self.older.push_back(full);
            }
        }
    }

    fn unavailable(&self, error: std::io::Error) -> JournalError {
        JournalError::unavailable(&self.folder, error)
    }
}

impl Damaged {
    fn add(&mut self, damage: &segment::Damage, readable: usize) {
        tracing::error!(
            kept = %damage.aside.display(),
            unreadable_bytes = damage.unreadable_bytes,
            readable,
            "the journal is damaged: a copy is kept, the captures that can be read are sent, and what was in the \
             unreadable bytes has not reached the gateway unless it was sent before; check the disk"
        );
        self.segments += 1;
        self.unreadable_bytes += damage.unreadable_bytes;
        self.readable += readable;
    }
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let file = private()
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("lock"))
        .map_err(|error| JournalError::unavailable(folder, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::InUse {
            folder: folder.to_path_buf(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(JournalError::unavailable(folder, error)),
    }
}

/// Opens files that only the owner reads: a journal holds what cards are presented with.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn read_mark(path: &Path) -> Option<i64> {
    let bytes: [u8; 12] = std::fs::read(path).ok()?.try_into().ok()?;
    let (counter, check) = bytes.split_first_chunk::<8>()?;
    let matches = check == crc32fast::hash(counter).to_le_bytes();
    matches.then(|| i64::from_le_bytes(*counter))
}

fn write_mark(path: &Path, counter: i64) -> std::io::Result<()> {
    let counter = counter.to_le_bytes();
    let mark = [&counter[..], &crc32fast::hash(&counter).to_le_bytes()].concat();
    private()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?
        .write_all(&mark)
}

#[cfg(test)]
mod tests;
