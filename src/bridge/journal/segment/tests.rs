//! Writes that fail and cannot be undone at once: the bytes they left must not end up before a successor.

use super::super::{Journal, SEGMENT_BYTES, WORTH_REMOVING};
use super::*;
use crate::domain::capture::CaptureKind;
use crate::domain::time::Timestamp;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn capture() -> CaptureBody {
    CaptureBody {
        counter: 0,
        kind: CaptureKind::Barcode,
        token: "x".repeat(3000),
        captured_at: NOW,
        amount: None,
    }
}

fn segments(folder: &Path) -> usize {
    list(folder).expect("listed").segments.len()
}

/// A journal of at least `size` bytes whose last write has failed, left garbage, and could not be cut.
fn untidy(folder: &Path, size: u64) -> Journal {
    let (mut journal, _) = Journal::open(folder, NOW).expect("new");
    while journal.current.size() < size {
        journal.append(capture()).expect("stored");
    }
    // Neither writing nor cutting works through a handle that only reads.
    let path = journal.current.path().to_path_buf();
    journal.current.file = File::open(&path).expect("open");
    let stored = journal.depth();
    let tail = encode(&capture()).expect("small enough");
    journal.current.append(&capture()).expect_err("cannot be written");
    assert!(journal.current.untidy);
    let mut file = private().append(true).open(&path).expect("open");
    file.write_all(&tail[..100]).expect("half a record");
    assert_eq!(journal.depth(), stored);
    journal
}

fn disk_works_again(journal: &mut Journal) {
    let path = journal.current.path().to_path_buf();
    journal.current.file = private().write(true).open(path).expect("open");
}

#[test]
fn a_full_segment_is_cut_before_another_follows() {
    let folder = tempfile::tempdir().expect("folder");
    let mut journal = untidy(folder.path(), SEGMENT_BYTES);
    let stored = journal.depth();
    journal
        .append(capture())
        .expect_err("refused until it can be cut");
    assert_eq!((segments(folder.path()), journal.depth()), (1, stored));
    disk_works_again(&mut journal);
    journal.append(capture()).expect("stored");
    assert_eq!(segments(folder.path()), 2);
    drop(journal);
    let (journal, recovered) = Journal::open(folder.path(), NOW).expect("whole");
    assert_eq!((recovered.cut_bytes, recovered.damaged), (0, None));
    assert_eq!(journal.depth(), stored + 1);
}

#[test]
fn an_answered_segment_is_cut_before_an_empty_one_takes_its_place() {
    let folder = tempfile::tempdir().expect("folder");
    let mut journal = untidy(folder.path(), WORTH_REMOVING);
    let answered = journal.current.path().to_path_buf();
    journal.acknowledge(i64::MAX).expect("marked");
    assert_eq!((segments(folder.path()), answered.exists()), (1, true));
    disk_works_again(&mut journal);
    journal.append(capture()).expect("stored");
    journal.acknowledge(i64::MAX).expect("marked");
    assert_eq!((segments(folder.path()), answered.exists()), (1, false));
    drop(journal);
    let (_, recovered) = Journal::open(folder.path(), NOW).expect("whole");
    assert_eq!((recovered.cut_bytes, recovered.damaged), (0, None));
}
