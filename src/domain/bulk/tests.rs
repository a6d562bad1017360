//! Each action on generated cards: sums stay true, what was done is taken back to the letter, refusals say why.

use proptest::prelude::*;

use super::*;
use crate::domain::card::Channels;
use crate::domain::card::tests::sample;
use crate::domain::event::{Actor, Source};
use crate::domain::id::MemberId;
use crate::domain::program::{PointsRules, Scheme};

const NOW: Timestamp = Timestamp(1000);

fn cause() -> Cause {
    Cause::of(Actor::Member(MemberId(1))).in_batch(BatchId(2), Source::Console)
}

fn points(overdraw: i64) -> Rules {
    Rules::new(Scheme::Points(PointsRules {
        per_visit: 1,
        per_amount: None,
        overdraw,
        rewards: Vec::new(),
    }))
    .expect("rules")
}

/// The change as the store gives it back, newest entry first.
fn made(change: &Change, first: i64) -> Made {
    let mut entries: Vec<_> = change
        .events
        .iter()
        .zip(first..)
        .map(|(event, id)| Event {
            id: EventId(id),
            previous: None,
            recorded_at: NOW,
            event: event.clone(),
        })
        .collect();
    entries.reverse();
    Made {
        entries,
        taken_back: HashSet::new(),
        remaining: LatestEarning::default(),
    }
}

fn check_sums(before: &Card, change: &Change) -> Result<(), TestCaseError> {
    let mut sums = before.sums();
    sums += change.events.iter().map(|event| event.delta).sum();
    prop_assert_eq!(sums, change.card.sums());
    prop_assert_eq!(change.card.version, before.version + 1);
    Ok(())
}

proptest! {
    #[test]
    fn what_a_batch_did_is_taken_back_to_the_letter(
        goal in 1..6_i64, punches in 0..6_i64, rewards in 0..3_i64, balance in 0..50_i64,
        action in prop_oneof![
            (1..20_i64).prop_map(|count| BulkAction::AddPunches { count }),
            (1..20_i64).prop_map(|count| BulkAction::AddPoints { count }),
            Just(BulkAction::Redeem), Just(BulkAction::Void), Just(BulkAction::Restore),
        ],
        is_void in any::<bool>(),
    ) {
        let rules = match action {
            BulkAction::AddPoints { .. } => points(0),
            _ => Rules::punch(goal).expect("rules"),
        };
        let mut card = sample();
        card.channels = Channels(1);
        card.punches = punches.min(goal - 1);
        match rules.scheme {
            // Nothing is listed there, so that no balance covers a reward.
            Scheme::Points(_) => card.points = balance,
            Scheme::Punch(_) | Scheme::Coupon(_) => card.rewards = rewards,
        }
        if is_void {
            card.status = CardStatus::Void;
        }
        let Ok(change) = judge(action, &rules, &card, None, &cause(), NOW) else {
            return Ok(());
        };
        check_sums(&card, &change)?;
        let mut batch = made(&change, 10);
        let back = judge(BulkAction::TakeBack, &rules, &change.card, Some(&batch), &cause(), NOW).expect("possible");
        check_sums(&change.card, &back)?;
        prop_assert_eq!(back.card.sums(), card.sums());
        prop_assert_eq!(back.card.status, card.status);
        // Each row takes back one of the batch, and none twice under one kind.
        let mut pairs = HashSet::new();
        for event in &back.events {
            prop_assert!(pairs.insert((event.reverses.expect("an entry"), event.kind)));
        }
        batch.taken_back.insert(batch.entries[0].id);
        let again = judge(BulkAction::TakeBack, &rules, &back.card, Some(&batch), &cause(), NOW);
        prop_assert_eq!(again, Err(Refusal::Reverse(ReverseRefusal::AlreadyReversed)));
    }

    #[test]
    fn taking_back_later_never_leaves_less_than_nothing(
        goal in 1..6_i64, count in 1..20_i64, later in 0..12_i64, redeemed in 0..4_i64,
    ) {
        let rules = Rules::punch(goal).expect("rules");
        let card = sample();
        let change = judge(BulkAction::AddPunches { count }, &rules, &card, None, &cause(), NOW).expect("added");
        let batch = made(&change, 10);
        let mut card = change.card;
        if later > 0 {
            let more = Adjustment::Add { amount: later, paid: None };
            card = adjustment::adjust(&rules, &card, more, &cause(), NOW).expect("more").card;
        }
        for _ in 0..redeemed {
            if let Ok(change) = redemption::redeem(&rules, &card, None, &cause(), NOW) {
                card = change.card;
            }
        }
        match judge(BulkAction::TakeBack, &rules, &card, Some(&batch), &cause(), NOW) {
            Ok(back) => {
                check_sums(&card, &back)?;
                prop_assert!(back.card.punches >= 0 && back.card.rewards >= 0);
                let worth = |card: &Card| card.punches + goal * card.rewards;
                prop_assert_eq!(worth(&back.card), worth(&card) - count);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::Reverse(ReverseRefusal::RewardRedeemed));
                prop_assert!(card.punches + goal * card.rewards < count);
            }
        }
    }
}

#[test]
fn points_that_were_spent_cannot_be_taken_back() {
    let rules = points(2);
    let change = judge(
        BulkAction::AddPoints { count: 10 },
        &rules,
        &sample(),
        None,
        &cause(),
        NOW,
    )
    .expect("added");
    let batch = made(&change, 1);
    let mut card = change.card;
    card.points = 7;
    let refused = judge(BulkAction::TakeBack, &rules, &card, Some(&batch), &cause(), NOW);
    assert_eq!(
        refused,
        Err(ReverseRefusal::PointsSpent {
            given: 10,
            balance: 7
        }
        .into())
    );
    card.points = 8;
    assert!(judge(BulkAction::TakeBack, &rules, &card, Some(&batch), &cause(), NOW).is_ok());
}

#[test]
fn a_preview_says_who_can_who_crosses_and_why_others_cannot() {
    let rules = Rules::punch(5).expect("rules");
    let mut preview = Preview::default();
    for at in 0..50_i64 {
        let mut card = sample();
        card.id = CardId(at + 1);
        card.punches = at % 5;
        match at {
            0..8 => card.status = CardStatus::Void,
            8..12 => card.expires_at = Some(Timestamp(1)),
            _ => {}
        }
        let judged = judge(
            BulkAction::AddPunches { count: 1 },
            &rules,
            &card,
            None,
            &cause(),
            NOW,
        );
        preview.add(card.id, &judged);
    }
    assert_eq!(
        preview.sentence(BulkAction::AddPunches { count: 1 }),
        "38 of 50 can be given punches"
    );
    assert_eq!(
        preview.refused,
        BTreeMap::from([("card_expired", 4), ("card_void", 8)])
    );
    assert_eq!((preview.crossing, preview.rewards), (8, 8));
    assert_eq!(preview.named[0].1.to_string(), "This card has ended.");
}

#[test]
fn actions_that_make_no_sense_are_refused_with_field_expected_and_got() {
    let cards = |count| Audience::Cards(vec![CardId(1); count]);
    let add = |count| BulkAction::AddPunches { count };
    let refused = |action: BulkAction, audience, reason: Option<&str>| {
        action.check(&audience, reason).expect_err("refused").to_string()
    };
    assert_eq!(
        refused(add(0), cards(1), Some("x")),
        "amount: expected 1 to 1000000; got 0"
    );
    assert!(refused(add(-5), cards(1), Some("x")).contains("got -5"));
    assert!(refused(add(1), cards(1), None).starts_with("reason: expected 1 to 200"));
    assert!(refused(add(1), cards(1), Some("a\nb")).starts_with("reason"));
    assert!(refused(BulkAction::Void, cards(1), Some(&"x".repeat(201))).contains("got 201"));
    assert!(refused(BulkAction::Void, cards(0), None).contains("got 0"));
    assert!(refused(BulkAction::Void, cards(MOST_SELECTED + 1), None).contains("5001"));
    assert_eq!(BulkAction::Void.check(&cards(1), None), Ok(()));
}

#[test]
fn stored_forms_are_read_back() {
    for action in [BulkAction::AddPoints { count: 3 }, BulkAction::TakeBack] {
        let json = serde_json::to_string(&action).expect("printed");
        assert_eq!(serde_json::from_str::<BulkAction>(&json).ok(), Some(action));
    }
    let audience = Audience::Cards(vec![CardId(7)]);
    let json = serde_json::to_string(&audience).expect("printed");
    assert_eq!(json, r#"{"cards":["0000000000007"]}"#);
    assert_eq!(serde_json::from_str::<Audience>(&json).ok(), Some(audience));
}

#[test]
fn a_rule_that_could_not_be_read_again_is_refused() {
    let check = |rule: Rule| {
        let at = NOW;
        BulkAction::Void.check(&Audience::Rule { rule, at }, None)
    };
    let parse = |text: &str| Rule::parse(text).expect("a rule");
    let long = parse(&format!("name.has.'{}'", "x".repeat(LONGEST - 20)));
    let deep = parse(&format!(
        "{}visits.over.1{}",
        "not(".repeat(DEEPEST),
        ")".repeat(DEEPEST)
    ));
    for rule in [long, deep] {
        assert_eq!(check(rule.clone()), Ok(()));
        let joined = parse("visits.over.9").and(rule);
        assert_eq!(check(joined), Err(BulkError::Rule));
    }
}
