//! A disk that takes no more: the capture is refused aloud and everything stored before is kept.

use super::gateway::Gateway;
use super::till::{Till, UID};
use passgate::bridge::What;
use passgate::bridge::feedback::Signal;
use passgate::sim::tag::SimTag;
use std::process::Command;

/// Set for the copy of this test that runs under a limit on the size of files.
const LIMITED: &str = "PASSGATE_TEST_LIMITED";

/// The limit is one of the process, so the test runs itself again in a process that has one: 4 KiB a file, the
/// signal that would kill it ignored, so that writing fails as it does on a full disk.
#[test]
fn a_full_disk_refuses_captures_and_loses_none() {
    if std::env::vars_os().any(|(name, _)| name == LIMITED) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(under_the_limit());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the test runs itself in a process with a limit"
    )]
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("a path"))
        .args([
            "--exact",
            "bridge::disk::a_full_disk_refuses_captures_and_loses_none",
            "--nocapture",
        ])
        .env(LIMITED, "1")
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

async fn under_the_limit() {
    let mut gateway = Gateway::away().await;
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    let reader = bridge.in_process_reader("demo");
    let mut stored = Vec::new();
    let sentence = loop {
        assert!(stored.len() < 200, "the limit is never reached");
        let token = format!("CARD{}{}", stored.len(), "X".repeat(100));
        let mut tag = SimTag::type2(UID, &token);
        let atr = tag.atr().to_vec();
        reader
            .tap(&atr, |command| tag.answer(command))
            .await
            .expect("runs");
        let refused = events
            .until("capture or refusal", |what| match what {
                What::Captured { .. } => Some(None),
                What::NotStored(sentence) => Some(Some(sentence.clone())),
                _ => None,
            })
            .await;
        match refused {
            None => stored.push(token),
            Some(sentence) => break sentence,
        }
    };
    assert_eq!(sentence, "This till cannot store scans: its disk is full");
    events.signalled(Signal::Reject).await;
    assert_eq!(bridge.journal_depth(), stored.len());
    gateway.come_back().await;
    for _ in 0..stored.len() {
        events.answered().await;
    }
    bridge.stop().await;
    assert_eq!(gateway.tokens(), stored);
}
