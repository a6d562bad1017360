//! A till whose journal was damaged while it was off: it starts, and what can be read reaches the gateway.

use super::gateway::Gateway;
use super::till::{Till, UID};
use passgate::sim::tag::SimTag;

#[tokio::test]
async fn a_damaged_journal_is_sent_as_far_as_it_can_be_read() {
    let mut gateway = Gateway::away().await;
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    let reader = bridge.in_process_reader("demo");
    for token in ["CARD1", "CARD2", "CARD3"] {
        let mut tag = SimTag::type2(UID, token);
        let atr = tag.atr().to_vec();
        reader
            .tap(&atr, |command| tag.answer(command))
            .await
            .expect("runs");
        events.captured().await;
    }
    bridge.stop().await;

    let files = std::fs::read_dir(&till.config.journal).expect("the journal's folder");
    let segment = files
        .map(|entry| entry.expect("readable").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .expect("a segment");
    let mut bytes = std::fs::read(&segment).expect("read");
    let second = bytes
        .windows(5)
        .position(|window| window == b"CARD2")
        .expect("there");
    bytes[second] ^= 0x10;
    std::fs::write(&segment, &bytes).expect("damaged");

    let (bridge, mut events) = till.open();
    let damaged = bridge.recovered().damaged.expect("noticed");
    assert_eq!((damaged.segments, damaged.readable), (1, 2));
    assert_eq!(bridge.journal_depth(), 2);
    let kept = std::fs::read(segment.with_extension("corrupt")).expect("kept");
    assert_eq!(kept, bytes);
    gateway.come_back().await;
    events.answered().await;
    events.answered().await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["CARD1", "CARD3"]);
}
