//! What follows from several answers for one card, and from one answer for several cards.

use std::time::Duration;

use super::*;
use crate::domain::id::{CardId, MerchantId};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const LEASE: i64 = 7;

fn row(card: i64) -> Claimed {
    Claimed {
        key: (MerchantId(1), CardId(card)),
        generation: 1,
        attempts: 1,
        rings: false,
        claimed_at: NOW,
    }
}

fn address(card: i64, token: &str) -> Address {
    Address {
        key: (MerchantId(1), CardId(card)),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example").expect("valid"),
        push_token: PushToken::parse(token).expect("valid"),
    }
}

fn batch() -> Batch {
    Batch::new(Channel::Apple, BackOff::default())
}

fn outcomes() -> [Outcome; 7] {
    let reason = || "word".to_owned();
    [
        Outcome::Accepted,
        Outcome::Gone {
            since: None,
            reason: reason(),
        },
        Outcome::Retry {
            after: Some(Duration::from_secs(5)),
            reason: reason(),
        },
        Outcome::Misconfigured { reason: reason() },
        Outcome::Rejected { reason: reason() },
        Outcome::Untried {
            after: Duration::from_secs(5),
            reason: reason(),
        },
        Outcome::Unanswered { reason: reason() },
    ]
}

#[test]
fn several_cards_of_one_device_are_one_push() {
    let mut batch = batch();
    let addresses = vec![
        address(1, "aa"),
        address(2, "aa"),
        address(2, "bb"),
        address(2, "aa"),
    ];
    let (targets, settled) = batch.take_devices(LEASE, &[row(1), row(2), row(3)], addresses);
    assert_eq!(targets.len(), 2);
    assert_eq!(settled.len(), 1, "nobody waits for the third card");

    let mut settled = Vec::new();
    for target in &targets {
        settled.extend(batch.answer(target, &Answer::Outcome(Outcome::Accepted), 0, NOW));
    }
    settled.sort_by_key(|row| row.key);
    assert_eq!(settled.len(), 2);
    for row in settled {
        assert_eq!(row.step, Step::Done);
        assert_eq!(row.event, Some((EventKind::PushSent, "apple".into())));
    }
    assert!(batch.live.is_empty());
}

#[test]
fn one_device_that_was_not_reached_keeps_the_row() {
    for (first, second, again) in [
        (0, 2, true),
        (0, 3, true),
        (1, 2, true),
        (0, 1, false),
        (0, 4, false),
        (1, 4, false),
        (0, 5, true),
        (0, 6, true),
    ] {
        let mut batch = batch();
        let (targets, _) = batch.take_devices(LEASE, &[row(1)], vec![address(1, "aa"), address(1, "bb")]);
        let mut settled = Vec::new();
        for (target, answer) in targets.iter().zip([first, second]) {
            let answer = Answer::Outcome(outcomes()[answer].clone());
            settled.extend(batch.answer(target, &answer, 0, NOW));
        }
        let [row] = settled.as_slice() else {
            panic!("one row, got {settled:?}")
        };
        assert_eq!(matches!(row.step, Step::Again { .. }), again, "{first} {second}");
    }
}

#[test]
fn what_was_not_tried_does_not_count_as_an_attempt() {
    let mut batch = batch();
    let (targets, _) = batch.take_devices(LEASE, &[row(1)], vec![address(1, "aa")]);
    let answer = Answer::Untried {
        due_at: NOW,
        is_fault: false,
    };
    let settled = batch.answer(&targets[0], &answer, 0, NOW);
    let expected = Step::Again {
        due_at: NOW,
        attempts: 0,
    };
    assert_eq!(settled[0].step, expected);
    assert_eq!(settled[0].event, None);
}

#[test]
fn what_our_pace_held_back_is_due_when_there_is_room_and_counts_no_attempt() {
    let mut batch = batch();
    let claimed = Claimed {
        attempts: 9,
        ..row(1)
    };
    let (targets, _) = batch.take_devices(LEASE, &[claimed], vec![address(1, "aa")]);
    let after = Duration::from_secs(3);
    let answer = Answer::Outcome(Outcome::Untried {
        after,
        reason: "crowded".into(),
    });
    let settled = batch.answer(&targets[0], &answer, 0, NOW);
    let expected = Step::Again {
        due_at: NOW.plus(after),
        attempts: 8,
    };
    assert_eq!(settled[0].step, expected);
    assert_eq!(settled[0].event, None);
}

proptest! {
    #[test]
    fn every_row_is_settled_exactly_once(
        addresses in proptest::collection::vec((0..6_i64, 0..4_u8), 0..20),
        answers in proptest::collection::vec(0..6_usize, 20),
    ) {
        let mut batch = batch();
        let rows: Vec<_> = (0..6).map(row).collect();
        let addresses = addresses
            .into_iter()
            .map(|(card, token)| address(card, &format!("{token:02x}")))
            .collect();
        let (targets, mut settled) = batch.take_devices(LEASE, &rows, addresses);
        for (target, answer) in targets.iter().zip(answers.iter().cycle()) {
            let answer = Answer::Outcome(outcomes()[*answer].clone());
            settled.extend(batch.answer(target, &answer, 0, NOW));
        }
        let mut keys: Vec<_> = settled.iter().map(|row| row.key).collect();
        keys.sort();
        prop_assert_eq!(keys, rows.iter().map(|row| row.key).collect::<Vec<_>>());
        prop_assert!(batch.live.is_empty());
    }
}
