//! The journal against a model of it, and against every way in which its files can be cut short or spoilt.

use super::*;
use crate::domain::capture::CaptureKind;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn capture(token: &str) -> CaptureBody {
    CaptureBody {
        counter: 0,
        kind: CaptureKind::Barcode,
        token: token.into(),
        captured_at: NOW,
        amount: None,
    }
}

fn tokens(journal: &Journal) -> Vec<String> {
    journal
        .oldest(usize::MAX)
        .into_iter()
        .map(|capture| capture.token)
        .collect()
}

fn newest_segment(folder: &Path) -> PathBuf {
    let names = segment::list(folder).expect("listed");
    names.segments.last().expect("there is one").1.clone()
}

#[test]
fn what_was_appended_is_there_after_reopening_and_gone_after_acknowledging() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, recovered) = Journal::open(folder.path(), NOW).expect("new");
    assert_eq!(recovered, Recovered::default());
    let first = journal.append(capture("A")).expect("stored");
    assert_eq!(first.counter, NOW.0 << 20);
    assert_eq!(
        journal.append(capture("B")).expect("stored").counter,
        first.counter + 1
    );
    drop(journal);
    let (mut journal, recovered) = Journal::open(folder.path(), Timestamp(0)).expect("again");
    assert_eq!(recovered.pending, 2);
    assert_eq!(tokens(&journal), ["A", "B"]);
    journal.acknowledge(first.counter).expect("marked");
    drop(journal);
    let (mut journal, _) = Journal::open(folder.path(), Timestamp(0)).expect("again");
    assert_eq!(tokens(&journal), ["B"]);
    assert_eq!(
        journal.append(capture("C")).expect("stored").counter,
        first.counter + 2
    );
    journal.acknowledge(i64::MAX).expect("marked");
    assert_eq!(
        journal.append(capture("D")).expect("stored").counter,
        first.counter + 3
    );
}

#[test]
fn only_one_bridge_uses_a_folder() {
    let folder = tempfile::tempdir().expect("folder");
    let _held = Journal::open(folder.path(), NOW).expect("new");
    let second = Journal::open(folder.path(), NOW).expect_err("in use");
    assert!(matches!(second, JournalError::InUse { .. }));
}

#[test]
fn a_torn_tail_is_cut_and_counted() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    journal.append(capture("A")).expect("stored");
    let second = journal.append(capture("B")).expect("stored");
    drop(journal);
    let path = newest_segment(folder.path());
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("torn");
    let (mut journal, recovered) = Journal::open(folder.path(), NOW).expect("recovers");
    assert_eq!(tokens(&journal), ["A"]);
    assert!(recovered.cut_bytes > 20);
    assert_eq!(
        journal.append(capture("C")).expect("stored").counter,
        second.counter
    );
    drop(journal);
    let (journal, recovered) = Journal::open(folder.path(), NOW).expect("clean");
    assert_eq!(
        (tokens(&journal), recovered.cut_bytes),
        (vec!["A".into(), "C".into()], 0)
    );
}

#[test]
fn damage_in_the_middle_costs_one_record_and_the_file_is_kept() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    let mut counters = Vec::new();
    let mut ends = Vec::new();
    for token in ["A", "B", "C", "D"] {
        counters.push(journal.append(capture(token)).expect("stored").counter);
        ends.push(journal.current.size());
    }
    journal.acknowledge(counters[0]).expect("marked");
    drop(journal);
    let path = newest_segment(folder.path());
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[usize::try_from(ends[1]).expect("small") + 20] ^= 0x10;
    std::fs::write(&path, &bytes).expect("damaged");
    let (mut journal, recovered) = Journal::open(folder.path(), NOW).expect("goes on");
    let damaged = Damaged {
        segments: 1,
        unreadable_bytes: ends[2] - ends[1],
        readable: 3,
    };
    assert_eq!((recovered.pending, recovered.cut_bytes), (2, 0));
    assert_eq!(recovered.damaged, Some(damaged));
    let aside = path.with_extension("corrupt");
    assert_eq!(std::fs::read(&aside).expect("kept"), bytes);
    let waiting: Vec<i64> = journal.oldest(9).iter().map(|capture| capture.counter).collect();
    assert_eq!(waiting, [counters[1], counters[3]], "they keep their numbers");
    let next = journal.append(capture("E")).expect("stored").counter;
    assert!(next > counters[3]);
    drop(journal);
    let (mut journal, recovered) = Journal::open(folder.path(), Timestamp(0)).expect("whole now");
    assert_eq!((recovered.pending, recovered.damaged), (3, None));
    assert_eq!(tokens(&journal), ["B", "D", "E"]);
    journal.acknowledge(next).expect("marked");
    assert_eq!(segment::list(folder.path()).expect("listed").segments.len(), 1);
    assert!(aside.exists());
}

#[test]
fn a_segment_damaged_again_is_kept_beside_the_first_copy() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    for token in ["A", "B", "C"] {
        journal.append(capture(token)).expect("stored");
    }
    drop(journal);
    let path = newest_segment(folder.path());
    for left in [2, 1] {
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[40] ^= 0x10;
        std::fs::write(&path, &bytes).expect("damaged");
        let (journal, recovered) = Journal::open(folder.path(), NOW).expect("goes on");
        assert_eq!((recovered.pending, recovered.damaged.is_some()), (left, true));
        assert_eq!(journal.depth(), left);
    }
    assert!(path.with_extension("corrupt").exists());
    assert!(path.with_extension("2.corrupt").exists());
    let (journal, recovered) = Journal::open(folder.path(), NOW).expect("whole now");
    assert_eq!((tokens(&journal), recovered.damaged), (vec!["C".into()], None));
}

#[test]
fn damage_that_cannot_be_repaired_stays_where_it_is() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    journal.append(capture("A")).expect("stored");
    journal.append(capture("B")).expect("stored");
    drop(journal);
    let path = newest_segment(folder.path());
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[40] ^= 0x10;
    std::fs::write(&path, &bytes).expect("damaged");
    let obstacle = path.with_extension("repaired");
    std::fs::create_dir(&obstacle).expect("in the way");
    let refused = Journal::open(folder.path(), NOW).expect_err("no place to repair");
    assert!(matches!(refused, JournalError::Unavailable { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).expect("still there"), bytes);
    std::fs::remove_dir(&obstacle).expect("removed");
    std::fs::write(&obstacle, "half of a repair that power cut short").expect("written");
    let (journal, recovered) = Journal::open(folder.path(), NOW).expect("goes on");
    assert_eq!(tokens(&journal), ["B"]);
    assert_eq!(recovered.damaged.map(|damaged| damaged.segments), Some(1));
    assert!(!obstacle.exists());
    assert!(
        !path.with_extension("2.corrupt").exists(),
        "the same copy is kept once"
    );
}

#[test]
fn a_torn_tail_in_a_segment_with_a_successor_is_damage() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    let first = journal.append(capture("A")).expect("stored").counter;
    drop(journal);
    let path = newest_segment(folder.path());
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, [&bytes[..], b"half a rec"].concat()).expect("damaged");
    drop(Segment::create(folder.path(), first + 5).expect("made"));
    let (mut journal, recovered) = Journal::open(folder.path(), NOW).expect("goes on");
    assert_eq!(tokens(&journal), ["A"]);
    assert_eq!(
        recovered.damaged.map(|damaged| damaged.unreadable_bytes),
        Some(10)
    );
    assert!(journal.append(capture("B")).expect("stored").counter >= first + 5);
}

#[test]
fn a_new_segment_that_was_not_written_whole_is_dropped() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    let first = journal.append(capture("A")).expect("stored").counter;
    drop(journal);
    std::fs::write(folder.path().join(format!("{:019}.journal", first + 1)), b"PGJ").expect("torn");
    let (mut journal, recovered) = Journal::open(folder.path(), NOW).expect("recovers");
    assert_eq!((tokens(&journal), recovered.cut_bytes), (vec!["A".into()], 3));
    assert_eq!(journal.append(capture("B")).expect("stored").counter, first + 1);
}

#[test]
fn segments_are_followed_and_removed() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    let long = "x".repeat(3000);
    let mut last = 0;
    for _ in 0..800 {
        last = journal.append(capture(&long)).expect("stored").counter;
    }
    assert_eq!(segment::list(folder.path()).expect("listed").segments.len(), 3);
    journal.acknowledge(last - 1).expect("marked");
    assert_eq!(segment::list(folder.path()).expect("listed").segments.len(), 1);
    journal.acknowledge(last).expect("marked");
    drop(journal);
    let (mut journal, _) = Journal::open(folder.path(), Timestamp(0)).expect("again");
    assert_eq!(newest_segment(folder.path()).metadata().expect("there").len(), 20);
    assert_eq!(journal.append(capture("A")).expect("stored").counter, last + 1);
}

#[test]
fn a_rejected_capture_goes_to_its_own_file() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
    journal.append(capture("A")).expect("stored");
    journal.append(capture("B")).expect("stored");
    let parked = journal
        .reject_oldest("400 bad_request")
        .expect("written")
        .expect("one");
    assert_eq!(parked.token, "A");
    assert_eq!(tokens(&journal), ["B"]);
    let text = std::fs::read_to_string(folder.path().join("rejected")).expect("there");
    assert!(text.contains("400 bad_request") && text.contains("\"A\""));
}

#[derive(Debug, Clone)]
enum Deed {
    Append(String),
    /// Acknowledge so many of those that wait.
    Acknowledge(usize),
    Reopen,
    /// Power goes while a record is being written: part of it is on the disk.
    PowerCut(usize),
    /// The mark is lost or old; what it covered is sent again.
    LoseMark,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => "[A-Z]{1,12}".prop_map(Deed::Append),
        2 => (0_usize..6).prop_map(Deed::Acknowledge),
        1 => Just(Deed::Reopen),
        1 => (1_usize..90).prop_map(Deed::PowerCut),
        1 => Just(Deed::LoseMark),
    ];
    prop::collection::vec(deed, 1..40)
}

/// What the journal must hold: everything ever appended, and up to where it is answered.
#[derive(Default)]
struct Model {
    all: Vec<(i64, String)>,
    answered: usize,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_journal_is_a_queue_whatever_happens_to_the_machine(deeds in deeds()) {
        let folder = tempfile::tempdir().expect("folder");
        let mut model = Model::default();
        let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
        for deed in deeds {
            match deed {
                Deed::Append(token) => {
                    let stored = journal.append(capture(&token)).expect("stored");
                    if let Some((last, _)) = model.all.last() {
                        prop_assert_eq!(stored.counter, last + 1);
                    }
                    model.all.push((stored.counter, token));
                }
                Deed::Acknowledge(count) => {
                    let upto = (model.answered + count).min(model.all.len());
                    if upto > model.answered {
                        journal.acknowledge(model.all[upto - 1].0).expect("marked");
                        model.answered = upto;
                    }
                }
                Deed::Reopen => {
                    drop(journal);
                    let (again, recovered) = Journal::open(folder.path(), Timestamp(0)).expect("again");
                    prop_assert_eq!(recovered.cut_bytes, 0);
                    journal = again;
                }
                Deed::PowerCut(kept) => {
                    let before = newest_segment(folder.path()).metadata().expect("there").len();
                    journal.append(capture("LOST")).expect("stored");
                    drop(journal);
                    let path = newest_segment(folder.path());
                    let file = OpenOptions::new().write(true).open(&path).expect("open");
                    let full = file.metadata().expect("there").len();
                    let kept = (before + kept as u64).min(full - 1);
                    file.set_len(kept).expect("cut");
                    let (again, recovered) = Journal::open(folder.path(), Timestamp(0)).expect("recovers");
                    prop_assert_eq!(recovered.cut_bytes, kept - before);
                    journal = again;
                }
                Deed::LoseMark => {
                    drop(journal);
                    let _ = std::fs::remove_file(folder.path().join("acknowledged"));
                    journal = Journal::open(folder.path(), Timestamp(0)).expect("again").0;
                    model.answered = 0;
                }
            }
            let waiting: Vec<_> = model.all.iter().skip(model.answered).map(|(_, token)| token.clone()).collect();
            prop_assert_eq!(tokens(&journal), waiting);
            prop_assert_eq!(journal.depth(), model.all.len() - model.answered);
        }
    }

    #[test]
    fn any_bytes_in_a_segment_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), header: bool) {
        let folder = tempfile::tempdir().expect("folder");
        drop(Journal::open(folder.path(), NOW).expect("new"));
        let path = newest_segment(folder.path());
        let head = if header { std::fs::read(&path).expect("read") } else { Vec::new() };
        std::fs::write(&path, [head, bytes.clone()].concat()).expect("written");
        let (journal, recovered) = Journal::open(folder.path(), NOW).expect("opens");
        prop_assert_eq!(journal.depth(), 0);
        let unreadable = recovered.damaged.map_or(0, |damaged| damaged.unreadable_bytes);
        prop_assert_eq!(recovered.cut_bytes + unreadable, bytes.len() as u64);
    }

    #[test]
    fn a_spoilt_byte_costs_one_record_at_most(count in 1_usize..6, at: prop::sample::Index, flip in 1_u8..) {
        let folder = tempfile::tempdir().expect("folder");
        let (mut journal, _) = Journal::open(folder.path(), NOW).expect("new");
        let mut ends = vec![usize::try_from(journal.current.size()).expect("small")];
        let mut all = Vec::new();
        for number in 0..count {
            journal.append(capture(&format!("CARD{number}"))).expect("stored");
            all.push(format!("CARD{number}"));
            ends.push(usize::try_from(journal.current.size()).expect("small"));
        }
        drop(journal);
        let path = newest_segment(folder.path());
        let mut bytes = std::fs::read(&path).expect("read");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        std::fs::write(&path, &bytes).expect("spoilt");
        if let Some(lost) = ends.iter().rposition(|end| *end <= at) {
            all.remove(lost);
        }
        for open in 0..2 {
            let (journal, recovered) = Journal::open(folder.path(), NOW).expect("opens");
            prop_assert_eq!(tokens(&journal), all.clone());
            prop_assert_eq!(open == 0, recovered.cut_bytes > 0 || recovered.damaged.is_some());
        }
    }
}
