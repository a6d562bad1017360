//! The gateway away, back, refusing, or losing its answers: nothing is lost and nothing counts twice.

use super::gateway::{Gateway, Mood};
use super::till::{Events, Till, UID};
use passgate::bridge::feedback::Signal;
use passgate::bridge::journal::Journal;
use passgate::bridge::uplink::GatewayState;
use passgate::bridge::{BridgeHandle, What};
use passgate::domain::capture::CaptureKind;
use passgate::domain::time::Timestamp;
use passgate::sim::tag::SimTag;
use passgate::wire::CaptureBody;
use std::time::Duration;

async fn tap(bridge: &BridgeHandle, token: &str) {
    let mut tag = SimTag::type2(UID, token);
    let atr = tag.atr().to_vec();
    let reader = bridge.in_process_reader("demo");
    reader
        .tap(&atr, |command| tag.answer(command))
        .await
        .expect("runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_captures_goes_out_in_order_and_in_batches() {
    let gateway = Gateway::start().await;
    let till = Till::new(gateway.url());
    let expected: Vec<String> = (0..450).map(|number| format!("CARD{number}")).collect();
    let (mut journal, _) = Journal::open(&till.config.journal, Timestamp(1_800_000_000_000)).expect("new");
    for token in &expected {
        let capture = CaptureBody {
            counter: 0,
            kind: CaptureKind::Barcode,
            token: token.clone(),
            captured_at: Timestamp(1_800_000_000_000),
            amount: None,
        };
        journal.append(capture).expect("stored");
    }
    drop(journal);
    let (bridge, mut events) = till.open();
    for _ in 0..expected.len() {
        events.answered().await;
    }
    assert_eq!(bridge.journal_depth(), 0);
    bridge.stop().await;
    assert_eq!(gateway.tokens(), expected);
    assert_eq!(gateway.requests(), 3);
}

async fn gateway_is(events: &mut Events, wanted: impl Fn(&GatewayState) -> bool) {
    events
        .until("state of the gateway", |what| match what {
            What::Gateway(state) if wanted(state) => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captures_wait_for_the_gateway_and_survive_a_restart_of_the_till() {
    let mut gateway = Gateway::away().await;
    let mut till = Till::new(gateway.url());
    till.config.answer_within = Duration::from_millis(20);
    let (bridge, mut events) = till.open();
    tap(&bridge, "FIRST").await;
    tap(&bridge, "SECOND").await;
    events.signalled(Signal::Stored).await;
    events.signalled(Signal::Offline).await;
    events.signalled(Signal::Offline).await;
    assert_eq!(bridge.journal_depth(), 2);
    bridge.stop().await;

    let (bridge, mut events) = till.open();
    assert_eq!(bridge.recovered().pending, 2);
    tap(&bridge, "THIRD").await;
    events.captured().await;
    gateway.come_back().await;
    gateway_is(&mut events, |state| *state == GatewayState::Reachable).await;
    let mut counters = Vec::new();
    for _ in 0..3 {
        counters.push(events.answered().await);
    }
    assert!(counters.is_sorted());
    assert_eq!(bridge.journal_depth(), 0);
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["FIRST", "SECOND", "THIRD"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_and_counts_once() {
    let gateway = Gateway::start().await;
    gateway.set_mood(Mood::LosesAnswers);
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    tap(&bridge, "ABC123").await;
    let counter = events.captured().await;
    gateway_is(&mut events, |state| matches!(state, GatewayState::Away(_))).await;
    assert_eq!(bridge.journal_depth(), 1);
    gateway.set_mood(Mood::Answers);
    assert_eq!(events.answered().await, counter);
    bridge.stop().await;
    assert!(gateway.requests() >= 2);
    assert_eq!(gateway.tokens(), ["ABC123"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_and_answers_that_make_no_sense_lose_nothing() {
    let gateway = Gateway::start().await;
    gateway.set_mood(Mood::RefusesKey);
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    tap(&bridge, "ABC123").await;
    gateway_is(&mut events, |state| *state == GatewayState::KeyRefused).await;
    for (mood, reason) in [
        (Mood::BrokenProxy, "400"),
        (Mood::Babbles, "not one of the till protocol"),
        (Mood::AnswersOthers, "not for the captures that were sent"),
    ] {
        gateway.set_mood(mood);
        gateway_is(
            &mut events,
            |state| matches!(state, GatewayState::Away(why) if why.contains(reason)),
        )
        .await;
        assert_eq!(bridge.journal_depth(), 1);
    }
    gateway.set_mood(Mood::Answers);
    events.answered().await;
    bridge.stop().await;
    assert_eq!(gateway.tokens(), ["ABC123"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_capture_that_the_gateway_cannot_take_does_not_hold_up_the_rest() {
    let mut gateway = Gateway::away().await;
    gateway.set_mood(Mood::Strict);
    let till = Till::new(gateway.url());
    let (bridge, mut events) = till.open();
    let mut expected = Vec::new();
    for number in 0..20 {
        let token = if number == 13 {
            "POISON".to_owned()
        } else {
            format!("CARD{number}")
        };
        tap(&bridge, &token).await;
        events.captured().await;
        if number != 13 {
            expected.push(token);
        }
    }
    gateway.come_back().await;
    let reason = events
        .until("capture put aside", |what| match what {
            What::PutAside { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await;
    assert!(reason.contains("cannot be taken"), "{reason}");
    tap(&bridge, "LAST").await;
    expected.push("LAST".into());
    let last = events.captured().await;
    while events.answered().await != last {}
    assert_eq!(bridge.journal_depth(), 0);
    bridge.stop().await;
    assert_eq!(gateway.tokens(), expected);
    let rejected = std::fs::read_to_string(till.config.journal.join("rejected")).expect("there");
    assert_eq!(rejected.lines().count(), 1);
    assert!(rejected.contains("POISON"));
}
