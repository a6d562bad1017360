//! Scanners on pseudo terminals and readers in process.

use super::gateway::Gateway;
use super::till::{Till, UID};
use passgate::bridge::feedback::Signal;
use passgate::bridge::{Bridge, BridgeError};
use passgate::clock::{Clock, Ids};
use passgate::sim::scanner::SimScanner;
use passgate::sim::tag::SimTag;
use std::time::Duration;

/// Collects what the scanner is told until it has been told `wanted`.
fn told(scanner: &mut SimScanner, wanted: &[u8]) {
    let mut told = Vec::new();
    for _ in 0..500 {
        told.extend(scanner.signals().expect("the port is open"));
        if told.ends_with(wanted) {
            return;
        }
    }
    panic!("the scanner was told {told:02x?}, not {wanted:02x?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_becomes_a_capture_and_the_scanner_hears_the_answer() {
    let gateway = Gateway::start().await;
    let mut scanner = SimScanner::new().expect("a pseudo terminal");
    let mut till = Till::new(gateway.url());
    till.scanner("counter", "honeywell-cdc", scanner.path());
    till.config.answer_within = Duration::from_secs(20);
    let (bridge, mut events) = till.open();

    scanner.scan("https://cards.example/t/ABC123").expect("sent");
    let counter = events.captured().await;
    events.signalled(Signal::Stored).await;
    assert_eq!(events.answered().await, counter);
    events.signalled(Signal::Accept).await;
    told(&mut scanner, b"\x1b\x31\x1b\x37");

    scanner.scan("REFUSED1").expect("sent");
    events.signalled(Signal::Reject).await;
    told(&mut scanner, b"\x1b\x31\x1b\x38");
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["ABC123", "REFUSED1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_half_lines_and_repetitions_make_no_captures() {
    let gateway = Gateway::start().await;
    let mut scanner = SimScanner::new().expect("a pseudo terminal");
    let mut till = Till::new(gateway.url());
    till.scanner("counter", "generic-line-scanner", scanner.path());
    let (bridge, mut events) = till.open();

    scanner.noise(b"\x00\xff\x01\x80garbage\r").expect("sent");
    assert!(events.unreadable().await.contains("control byte 00"));
    scanner.noise(b"\xff\xfe\xfd\r").expect("sent");
    assert!(events.unreadable().await.contains("UTF-8"));
    scanner.noise(b"HALF").expect("sent");
    let why = events.unreadable().await;
    assert!(why.contains("4 bytes without an end of line"), "{why}");
    scanner.noise(&[b'x'; 600]).expect("sent");
    assert!(events.unreadable().await.contains("more than 512 bytes"));
    scanner.noise(b"\r").expect("sent");

    scanner.scan("ABC123").expect("sent");
    scanner.scan("ABC123").expect("sent");
    events.captured().await;
    events.repeated().await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["ABC123"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_may_be_unplugged_and_come_back() {
    let gateway = Gateway::start().await;
    let mut till = Till::new(gateway.url());
    let port = till.path("by-id-scanner");
    till.scanner("counter", "generic-line-scanner", &port);
    let (bridge, mut events) = till.open();

    let why = events.missing().await;
    assert!(why.contains("no such port"), "{why}");
    for code in ["FIRST", "SECOND", "THIRD"] {
        let mut scanner = SimScanner::at(&port).expect("plugged in");
        events.ready().await;
        scanner.scan(code).expect("sent");
        events.answered().await;
        scanner.noise(b"TORN").expect("sent");
        drop(scanner);
        events.missing().await;
    }
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["FIRST", "SECOND", "THIRD"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_is_one_capture_and_a_torn_one_is_none() {
    let gateway = Gateway::start().await;
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    let reader = bridge.in_process_reader("demo");

    let tag = SimTag::type4(UID, "https://cards.example/t/ABC123");
    let mut torn = tag.clone().torn_after(3);
    reader
        .tap(tag.atr(), |command| torn.answer(command))
        .await
        .expect("runs");
    events.torn().await;
    events.signalled(Signal::Retry).await;

    let mut whole = tag.clone();
    reader
        .tap(tag.atr(), |command| whole.answer(command))
        .await
        .expect("runs");
    events.captured().await;
    events.signalled(Signal::Stored).await;
    reader
        .tap(tag.atr(), |command| whole.answer(command))
        .await
        .expect("runs");
    events.repeated().await;

    let mut bare = SimTag::uid_only(UID);
    let atr = bare.atr().to_vec();
    reader
        .tap(&atr, |command| bare.answer(command))
        .await
        .expect("runs");
    assert!(events.unreadable().await.contains("serial number"));
    events.signalled(Signal::Reject).await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["ABC123"]);
}

#[tokio::test]
async fn a_bridge_that_cannot_work_says_why() {
    let mut till = Till::new("http://127.0.0.1:1".into());
    let refused = |till: &Till| {
        Bridge::start(&till.config, Clock::System, Ids::random())
            .expect_err("must not start")
            .to_string()
    };
    till.scanner("counter", "generic-ccid", std::path::Path::new("/dev/null"));
    assert!(refused(&till).contains("pcsc devices"));
    till.config.scanners[0].profile = "no-such".into();
    assert!(refused(&till).contains("honeywell-cdc"));
    till.config.scanners[0].profile = "honeywell-cdc".into();
    till.config.scanners[0].path = None;
    assert!(refused(&till).contains("needs a path"));
    till.config.scanners.clear();
    till.reader("left", "generic-ccid", "(");
    assert!(refused(&till).contains("regular expression"));
    till.config.readers[0].name = Some("nobody".into());
    till.reader("left", "generic-ccid", "nobody");
    assert!(refused(&till).contains("two devices"));
    till.config.readers.clear();
    till.config.gateway_url = "gateway".into();
    assert!(refused(&till).contains("gateway_url"));
    std::fs::write(&till.config.station_key_file, "\n").expect("written");
    assert!(refused(&till).contains("is empty"));
    std::fs::remove_file(&till.config.station_key_file).expect("removed");
    let error = Bridge::start(&till.config, Clock::System, Ids::random()).expect_err("no key");
    assert!(matches!(error, BridgeError::File { .. }));
}
