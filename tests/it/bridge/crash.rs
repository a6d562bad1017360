//! The till's process killed while it stores captures: every capture that was announced is there afterwards.

use passgate::bridge::journal::Journal;
use passgate::domain::capture::CaptureKind;
use passgate::domain::time::Timestamp;
use passgate::wire::CaptureBody;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names the folder for the copy of this test that is going to be killed.
const FOLDER: &str = "PASSGATE_TEST_JOURNAL";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[test]
fn a_killed_till_has_every_capture_that_it_announced() {
    if let Some((_, folder)) = std::env::vars_os().find(|(name, _)| name == FOLDER) {
        return store_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("folder");
    let mut announced: Vec<i64> = Vec::new();
    for lives in 1..=4_usize {
        #[expect(clippy::disallowed_methods, reason = "the test kills a copy of itself")]
        let mut till = Command::new(std::env::current_exe().expect("a path"))
            .args([
                "--exact",
                "bridge::crash::a_killed_till_has_every_capture_that_it_announced",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test runs itself");
        let lines = BufReader::new(till.stdout.take().expect("piped")).lines();
        let counters = lines.filter_map(|line| line.ok()?.strip_prefix("stored ")?.parse::<i64>().ok());
        announced.extend(counters.take(lives * 7));
        till.kill().expect("it runs");
        till.wait().expect("it has ended");
    }
    let (journal, recovered) = Journal::open(folder.path(), NOW).expect("recovers");
    let there: Vec<i64> = journal
        .oldest(usize::MAX)
        .iter()
        .map(|capture| capture.counter)
        .collect();
    assert_eq!(recovered.pending, there.len());
    assert!(
        there.is_sorted_by(|a, b| a < b),
        "no counter is used twice: {there:?}"
    );
    assert!(announced.len() >= 70);
    for counter in announced {
        assert!(
            there.contains(&counter),
            "{counter} was announced and is not in {there:?}"
        );
    }
}

fn store_until_killed(folder: &Path) {
    let (mut journal, _) = Journal::open(folder, NOW).expect("opens");
    for number in 0..100_000 {
        let capture = CaptureBody {
            counter: 0,
            kind: CaptureKind::Barcode,
            token: format!("CARD{number}"),
            captured_at: NOW,
            amount: None,
        };
        let stored = journal.append(capture).expect("stored");
        let mut out = std::io::stdout();
        if writeln!(out, "stored {}", stored.counter).is_err() {
            return;
        }
    }
}
