//! The rules of punching as properties: whatever is presented whenever, the sums agree with the ledger, no
//! limit is passed, and each goal reached is one reward.

use super::*;
use crate::domain::capture::{CaptureKey, Token};
use crate::domain::card::tests::sample;
use crate::domain::event::Event;
use crate::domain::id::{EventId, StationId};
use crate::domain::ledger;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const DAY: i64 = 86_400_000;

fn capture(counter: i64, at: i64) -> Capture {
    Capture {
        key: CaptureKey {
            station: StationId(1),
            counter,
        },
        kind: CaptureKind::Barcode,
        token: Token::from_random([1; 10]),
        captured_at: Timestamp(at),
        amount: None,
    }
}

fn moment(at: i64) -> Moment {
    Moment {
        at: Timestamp(at),
        day: Day(at.div_euclid(DAY)),
        history: History::Latest,
    }
}

fn present(rules: &Rules, card: &Card, at: i64) -> Decision {
    decide(rules, card, &capture(at, at), moment(at), Timestamp(at))
}

/// Presents the card at each time in turn; returns the card, its ledger, and what was accepted when.
fn play(rules: &Rules, times: &[i64]) -> (Card, Vec<NewEvent>, Vec<i64>) {
    let mut card = sample();
    let mut ledger = Vec::new();
    let mut accepted = Vec::new();
    for at in times {
        if let Decision::Accepted(punched) = present(rules, &card, *at) {
            card = punched.card;
            ledger.extend(punched.events);
            accepted.push(*at);
        }
    }
    (card, ledger, accepted)
}

fn rules() -> impl Strategy<Value = Rules> {
    (
        1..30_i64,
        1..12_i64,
        proptest::option::of(1..8_i64),
        0..7200_u64,
        any::<bool>(),
    )
        .prop_map(|(goal, per_visit, per_day, gap, carry)| {
            Rules::punch(goal)
                .and_then(|rules| rules.with_punches_per_visit(per_visit))
                .and_then(|rules| rules.with_max_per_day(per_day))
                .and_then(|rules| rules.with_carry_over(carry))
                .expect("the ranges are valid")
                .with_minimum_gap(Duration::from_secs(gap))
        })
}

fn rising_times() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(0..DAY / 2, 0..60).prop_map(|steps| {
        steps
            .into_iter()
            .scan(0, |at, step| {
                *at += step;
                Some(*at)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn sums_agree_with_the_ledger(rules in rules(), times in rising_times()) {
        let (card, ledger, _) = play(&rules, &times);
        let sum = |part: fn(&Delta) -> i64| ledger.iter().map(|event| part(&event.delta)).sum::<i64>();
        prop_assert_eq!(card.punches, sum(|delta| delta.punches));
        prop_assert_eq!(card.rewards, sum(|delta| delta.rewards));
        prop_assert_eq!(card.visits, sum(|delta| delta.visits));
        prop_assert!((0..rules.goal()).contains(&card.punches));
    }

    #[test]
    fn each_goal_reached_is_one_reward(rules in rules(), times in rising_times()) {
        let (card, ledger, _) = play(&rules, &times);
        let given: i64 = ledger.iter().map(|event| event.delta.punches.max(0)).sum();
        prop_assert_eq!(card.rewards, given / rules.goal());
        prop_assert_eq!(card.punches, given % rules.goal());
    }

    #[test]
    fn no_limit_is_ever_passed(rules in rules(), times in rising_times()) {
        let (_, ledger, accepted) = play(&rules, &times);
        for pair in accepted.windows(2) {
            prop_assert!(pair[1] - pair[0] >= i64::try_from(rules.limits.minimum_gap.as_millis()).expect("small"));
        }
        if let Some(limit) = rules.limits.max_per_day {
            let mut days = std::collections::BTreeMap::<i64, i64>::new();
            for event in &ledger {
                *days.entry(event.at.0.div_euclid(DAY)).or_default() += event.delta.punches.max(0);
            }
            prop_assert!(days.values().all(|count| *count <= limit));
        }
    }

    #[test]
    fn the_visible_second_moves_with_every_punch(times in rising_times()) {
        let rules = Rules::punch(5).expect("valid goal");
        let mut card = sample();
        for at in times {
            let before = card.changed_at.0 / 1000;
            if let Decision::Accepted(punched) = present(&rules, &card, at) {
                card = punched.card;
                prop_assert!(card.changed_at.0 / 1000 > before);
            }
        }
    }

    #[test]
    fn a_refusal_is_read_back_from_its_code(seconds in 0..100_000_u64, limit in 1..100_i64) {
        for refusal in [
            Refusal::UnknownToken,
            Refusal::CardVoid,
            Refusal::BeforeCard,
            Refusal::TooSoon { wait: Duration::from_secs(seconds) },
            Refusal::DailyLimit { limit },
            Refusal::CounterReused,
        ] {
            prop_assert_eq!(Refusal::from_code(refusal.code(), refusal.detail()), Some(refusal.clone()));
            prop_assert!(refusal.sentence().ends_with('.'));
        }
    }
}

#[test]
fn eighteen_punches_on_a_card_of_nine_are_two_rewards() {
    let rules = Rules::punch(9)
        .and_then(|rules| rules.with_punches_per_visit(18))
        .expect("valid rules");
    let (card, ledger, _) = play(&rules, &[0]);
    assert_eq!((card.punches, card.rewards), (0, 2));
    let earned = |event: &&NewEvent| event.kind == EventKind::RewardRedeemable;
    assert_eq!(ledger.iter().filter(earned).count(), 2);
}

#[test]
fn without_carry_over_the_surplus_is_not_given() {
    let rules = Rules::punch(10)
        .and_then(|rules| rules.with_punches_per_visit(4))
        .and_then(|rules| rules.with_carry_over(false))
        .expect("valid rules");
    let (card, ledger, _) = play(&rules, &[0, 1, 2]);
    assert_eq!((card.punches, card.rewards), (0, 1));
    assert_eq!(ledger[2].delta.punches, 2);
}

#[test]
fn a_void_card_and_a_capture_before_the_card_are_refused() {
    let rules = Rules::punch(5).expect("valid goal");
    let mut card = sample();
    card.created_at = Timestamp(1000);
    assert_eq!(
        present(&rules, &card, 999),
        Decision::Refused(Refusal::BeforeCard)
    );
    card.status = CardStatus::Void;
    assert_eq!(present(&rules, &card, 2000), Decision::Refused(Refusal::CardVoid));
}

#[test]
fn a_removed_card_still_punches() {
    let rules = Rules::punch(5).expect("valid goal");
    let mut card = sample();
    card.status = CardStatus::Removed;
    assert!(matches!(present(&rules, &card, 1), Decision::Accepted(_)));
}

#[test]
fn a_late_capture_is_judged_by_the_day_it_was_made() {
    let rules = Rules::punch(5)
        .and_then(|rules| rules.with_max_per_day(Some(1)))
        .expect("valid rules");
    let (card, ..) = play(&rules, &[3 * DAY]);
    let late = |earned_on_day| Moment {
        at: Timestamp(2 * DAY),
        day: Day(2),
        history: History::Past {
            earned_on_day,
            nearest: None,
            nearest_visit: None,
        },
    };
    let decide_late = |on_day| {
        decide(
            &rules,
            &card,
            &capture(9, 2 * DAY),
            late(on_day),
            Timestamp(4 * DAY),
        )
    };
    assert_eq!(
        decide_late(1),
        Decision::Refused(Refusal::DailyLimit { limit: 1 })
    );
    let Decision::Accepted(punched) = decide_late(0) else {
        panic!("the day before had no punch");
    };
    assert_eq!(punched.card.punches, 2);
    assert_eq!(punched.card.last_earned_at, Some(Timestamp(3 * DAY)));
    assert_eq!(punched.card.earned_on_day, 1);
}

/// Presents the card at `times` as they arrive, each moment judged by the ledger so far, as the recorder does.
fn arrive(rules: &Rules, times: &[i64]) -> (Card, Vec<Event>) {
    let mut card = sample();
    let mut ledger: Vec<Event> = Vec::new();
    for at in times {
        let mut moment = moment(*at);
        if Moment::is_out_of_order(&card, moment.at) {
            let earnings = ledger::standing_earnings(&ledger);
            let visits = ledger::standing_visits(&ledger);
            moment.history = ledger::around(earnings, visits, moment.at, &TimeZone::UTC);
        }
        if let Decision::Accepted(accepted) = decide(rules, &card, &capture(*at, *at), moment, Timestamp(*at))
        {
            card = accepted.card;
            for event in accepted.events {
                let id = EventId(i64::try_from(ledger.len()).expect("few") + 1);
                ledger.push(Event {
                    id,
                    previous: None,
                    recorded_at: event.at,
                    event,
                });
            }
        }
    }
    (card, ledger)
}

proptest! {
    #[test]
    fn visits_are_a_gap_apart_in_whatever_order_captures_arrive(
        times in prop::collection::vec(0..2 * DAY, 1..30),
        gap in 1..7200_u64,
    ) {
        let gap = Duration::from_secs(gap);
        let rules = Rules::punch(10).expect("valid goal").with_visit_gap(gap);
        let (card, ledger) = arrive(&rules, &times);
        let visits: Vec<_> = ledger::standing_visits(&ledger).collect();
        prop_assert_eq!(card.visits, i64::try_from(visits.len()).expect("few"));
        prop_assert_eq!(card.last_visit_at, visits.iter().copied().max());
        for (index, visit) in visits.iter().enumerate() {
            prop_assert!(visits[..index].iter().all(|other| visit.distance(*other) >= gap));
        }
        for event in &ledger {
            let at = event.event.at;
            prop_assert!(visits.iter().any(|visit| *visit == at || visit.distance(at) < gap), "a visit missing");
        }
    }
}

#[test]
fn a_coupon_that_is_only_shown_is_no_visit_and_no_purchase() {
    let coupon = |till| format!(r#"{{"scheme":{{"kind":"coupon","redeem_at_till":{till}}}}}"#);
    let paid = Capture {
        amount: Amount::new(500).ok(),
        ..capture(1, 1)
    };
    for (till, expected) in [(false, (0, 0)), (true, (1, 500))] {
        let rules = Rules::parse(&coupon(till)).expect("rules");
        let Decision::Accepted(accepted) = decide(&rules, &sample(), &paid, moment(1), Timestamp(1)) else {
            panic!("accepted");
        };
        assert_eq!((accepted.card.visits, accepted.card.spend), expected);
        assert_eq!(accepted.card.scans, 1);
    }
}
