//! Which reader stands for which configured one while they come and go.

use super::*;
use crate::bridge::device::Report;
use tokio::sync::mpsc;

#[test]
fn numbers_at_the_end_of_a_name_do_not_matter() {
    assert_eq!(
        stem(c"ACS ACR1252 Dual Reader [PICC] 01 00"),
        "ACS ACR1252 Dual Reader [PICC]"
    );
    assert_eq!(stem(c"Virtual PCD 00 01"), "Virtual PCD");
    assert_eq!(stem(c"Reader"), "Reader");
    assert_eq!(stem(c"00 00 00"), "00");
}

/// Two configured readers and what they report.
fn watch(patterns: &[(&str, &str)]) -> (Watch, mpsc::Receiver<Report>) {
    let (reports, reported) = mpsc::channel(100);
    let bound = patterns.iter().map(|(device, pattern)| {
        Bound::new(Reader {
            reporter: Reporter {
                device: (*device).into(),
                reports: reports.clone(),
            },
            name: Regex::new(pattern).expect("a pattern"),
            exclude: Some(Regex::new("SAM").expect("a pattern")),
            exclusive: false,
            escape: Escape::None,
            commands: CardCommands::default(),
            signals: Signals::default(),
            allow_uid: false,
        })
    });
    let watch = Watch {
        bound: bound.collect(),
        names: Arc::new(Mutex::new(vec![None; patterns.len()])),
        context: Arc::default(),
        ordered: channel().1,
    };
    (watch, reported)
}

fn said(reported: &mut mpsc::Receiver<Report>) -> Vec<String> {
    std::iter::from_fn(|| reported.try_recv().ok())
        .map(|report| match report.seen {
            Seen::State(DeviceState::Ready) => format!("{} ready", report.device),
            Seen::State(DeviceState::Missing(why)) => format!("{} missing: {why}", report.device),
            other => format!("{} {other:?}", report.device),
        })
        .collect()
}

fn names(watch: &Watch) -> Vec<Option<CString>> {
    lock(&watch.names).clone()
}

#[test]
fn a_reader_that_returns_under_another_number_is_taken_again() {
    let (mut watch, mut reported) = watch(&[("counter", "^ACS ACR1252"), ("door", "^Identiv")]);
    let door = c"Identiv uTrust 3700 00 00".to_owned();
    let before = c"ACS ACR1252 Dual Reader [PICC] 01 00".to_owned();
    let sam = c"ACS ACR1252 Dual Reader [SAM] 01 01".to_owned();
    assert!(watch.bind(&[door.clone(), sam.clone(), before.clone()]));
    assert_eq!(said(&mut reported), ["counter ready", "door ready"]);
    assert_eq!(names(&watch), [Some(before), Some(door.clone())]);
    assert!(!watch.bind(&[
        door.clone(),
        sam,
        c"ACS ACR1252 Dual Reader [PICC] 01 00".to_owned()
    ]));
    assert_eq!(said(&mut reported), [""; 0]);

    assert!(watch.bind(std::slice::from_ref(&door)));
    let gone = said(&mut reported);
    assert_eq!(
        gone[0],
        "counter missing: the reader was unplugged; plug it in again"
    );
    assert!(
        gone.iter().all(|said| said.starts_with("counter missing")),
        "{gone:?}"
    );
    assert_eq!(
        names(&watch),
        [None, Some(door.clone())],
        "no signal goes to a reader that is gone"
    );
    assert!(!watch.bind(std::slice::from_ref(&door)));

    let after = c"ACS ACR1252 Dual Reader [PICC] 02 00".to_owned();
    assert!(watch.bind(&[door.clone(), after.clone()]));
    assert_eq!(said(&mut reported), ["counter ready"]);
    assert_eq!(names(&watch), [Some(after), Some(door)]);
}

#[test]
fn two_readers_of_one_kind_do_not_change_places() {
    let (mut watch, mut reported) = watch(&[("left", "^Virtual PCD$"), ("right", "^Virtual PCD$")]);
    let (first, second) = (c"Virtual PCD 00 00".to_owned(), c"Virtual PCD 01 00".to_owned());
    watch.bind(&[first.clone(), second.clone()]);
    watch.bind(std::slice::from_ref(&second));
    assert_eq!(
        names(&watch),
        [None, Some(second.clone())],
        "the one that stayed stays where it was"
    );
    watch.bind(&[first.clone(), second.clone()]);
    assert_eq!(names(&watch), [Some(first), Some(second)]);
    let states = watch.states();
    let watched: Vec<usize> = states.iter().map(|(index, _)| *index).collect();
    assert_eq!(watched, [0, 1]);
    watch.bind(&[]);
    assert_eq!(names(&watch), [None, None]);
    assert!(watch.states().is_empty());
    let said = said(&mut reported);
    assert!(
        said.iter().any(|said| said.starts_with("right missing")),
        "{said:?}"
    );
}
