//! The written rules, at their edges; and that nothing changes by time alone before the moment that is named.

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::rfm::{Fifths, Limits};
use proptest::prelude::*;
use std::collections::BTreeSet;

const D: i64 = 86_400_000;
const FACTS: Facts = Facts {
    rules: CountRules {
        grid: Grid::Limits(Limits {
            recency: [30, 60],
            visits: [3, 7],
        }),
        window: Window::YEAR,
        high_value_from: None,
    },
    ready: Ready::Reward,
    installed_at: None,
    visit_before_at: None,
    recent: Recent {
        visits: 0,
        spend: 0,
        oldest: None,
    },
    is_erased: false,
};

fn holds(chip: Chip, card: &Card, facts: &Facts, now: i64) -> bool {
    membership(card, facts, Timestamp(now)).contains(chip)
}

#[test]
fn codes_and_bits_are_each_chips_own() {
    let mut bits = 0;
    for chip in Chip::EACH {
        assert_eq!(Chip::parse(chip.as_str()), Some(*chip));
        assert_eq!(bits & chip.bit(), 0);
        bits |= chip.bit();
        assert_eq!(
            Counter::from_code(Counter::Chip(*chip).code()),
            Some(Counter::Chip(*chip))
        );
    }
    let cell = Counter::Cell(Cell(25));
    assert_eq!(Counter::from_code(cell.code()), Some(cell));
    assert_eq!(Counter::from_code(-1), None);
}

#[test]
fn somebody_is_inactive_seven_full_days_after_the_last_visit_or_joining() {
    let mut card = sample();
    assert!(!holds(Chip::Inactive7, &card, &FACTS, 7 * D - 1));
    assert!(holds(Chip::Inactive7, &card, &FACTS, 7 * D));
    card.last_visit_at = Some(Timestamp(D));
    card.visits = 1;
    assert!(!holds(Chip::Inactive7, &card, &FACTS, 8 * D - 1));
    assert!(holds(Chip::Inactive7, &card, &FACTS, 8 * D));
    assert!(!holds(Chip::Inactive30, &card, &FACTS, 31 * D - 1));
    assert!(holds(Chip::Inactive30, &card, &FACTS, 31 * D));
    card.status = CardStatus::Void;
    assert!(!holds(Chip::Inactive7, &card, &FACTS, 31 * D));
    assert!(
        holds(Chip::All, &card, &FACTS, 31 * D),
        "an ended card is still a card"
    );
}

#[test]
fn active_new_and_never_scanned_follow_their_rules() {
    let mut card = sample();
    assert!(holds(Chip::New, &card, &FACTS, 7 * D - 1) && !holds(Chip::New, &card, &FACTS, 7 * D));
    assert!(holds(Chip::NeverScanned, &card, &FACTS, 0));
    assert!(!holds(Chip::Active, &card, &FACTS, 0));
    card.last_visit_at = Some(Timestamp(0));
    (card.visits, card.scans) = (1, 1);
    assert!(!holds(Chip::NeverScanned, &card, &FACTS, 0));
    assert!(holds(Chip::Active, &card, &FACTS, 30 * D - 1) && !holds(Chip::Active, &card, &FACTS, 30 * D));
    card.status = CardStatus::Removed;
    assert!(!holds(Chip::Active, &card, &FACTS, 0), "only what is in a wallet");
    card.visits = 10;
    assert!(holds(Chip::Frequent, &card, &FACTS, 0));
    assert!(!holds(Chip::Redeemed, &card, &FACTS, 0));
    card.redemptions = 1;
    assert!(holds(Chip::Redeemed, &card, &FACTS, 0));
}

#[test]
fn ready_is_what_can_be_redeemed_now() {
    let mut card = sample();
    let coupon = Facts {
        ready: Ready::Coupon,
        ..FACTS
    };
    let points = Facts {
        ready: Ready::Balance(Some(100)),
        ..FACTS
    };
    assert!(!holds(Chip::ReadyToRedeem, &card, &FACTS, 0));
    assert!(holds(Chip::ReadyToRedeem, &card, &coupon, 0));
    card.points = 99;
    assert!(!holds(Chip::ReadyToRedeem, &card, &points, 0));
    card.points = 100;
    assert!(holds(Chip::ReadyToRedeem, &card, &points, 0));
    card.rewards = 1;
    card.expires_at = Some(Timestamp(D));
    assert!(holds(Chip::ReadyToRedeem, &card, &FACTS, D - 1));
    assert!(!holds(Chip::ReadyToRedeem, &card, &FACTS, D), "expired");
    assert!(!holds(Chip::ReadyToRedeem, &card, &coupon, D), "expired");
    card.expires_at = None;
    card.status = CardStatus::Void;
    assert!(!holds(Chip::ReadyToRedeem, &card, &FACTS, 0), "ended");
    card.status = CardStatus::Pending;
    card.redeemed_at = Some(Timestamp(0));
    assert!(!holds(Chip::ReadyToRedeem, &card, &coupon, 0), "redeemed");
}

#[test]
fn low_engagement_counts_the_visits_of_thirty_days() {
    let mut card = sample();
    let facts = |before: Option<i64>| Facts {
        installed_at: Some(Timestamp(0)),
        visit_before_at: before.map(Timestamp),
        ..FACTS
    };
    card.visits = 5;
    card.last_visit_at = Some(Timestamp(40 * D));
    assert!(
        !holds(Chip::LowEngagement, &card, &facts(None), 30 * D - 1),
        "installed too lately"
    );
    assert!(
        holds(Chip::LowEngagement, &card, &facts(Some(D)), 40 * D),
        "one visit in 30 days"
    );
    assert!(
        !holds(Chip::LowEngagement, &card, &facts(Some(39 * D)), 40 * D),
        "two visits"
    );
    assert!(
        holds(Chip::LowEngagement, &card, &facts(Some(39 * D)), 69 * D),
        "the older one is 30 days ago"
    );
    assert!(
        !holds(Chip::LowEngagement, &card, &FACTS, 90 * D),
        "never installed"
    );
}

#[test]
fn the_erased_are_in_no_segment() {
    let facts = Facts {
        is_erased: true,
        ..FACTS
    };
    assert_eq!(membership(&sample(), &facts, Timestamp(99 * D)), Chips::default());
    assert_eq!(next_change(&sample(), &facts, Timestamp(0)), None);
}

#[test]
fn a_new_visit_moves_the_one_before() {
    let mut card = sample();
    let known = KnownVisits {
        visits: 2,
        last: Some(Timestamp(20)),
        before_last: Some(Timestamp(10)),
    };
    (card.visits, card.last_visit_at) = (2, Some(Timestamp(20)));
    assert_eq!(visit_before(known, &card), VisitBefore::Is(Some(Timestamp(10))));
    (card.visits, card.last_visit_at) = (3, Some(Timestamp(30)));
    assert_eq!(visit_before(known, &card), VisitBefore::Is(Some(Timestamp(20))));
    (card.visits, card.last_visit_at) = (3, Some(Timestamp(20)));
    assert_eq!(visit_before(known, &card), VisitBefore::InLedger, "a late one");
    (card.visits, card.last_visit_at) = (1, Some(Timestamp(10)));
    assert_eq!(visit_before(known, &card), VisitBefore::Is(None));
}

fn moments() -> impl Strategy<Value = i64> {
    // Edges of the rules more often than anything between them.
    (0..130_i64, -1..=1_i64).prop_map(|(days, off)| days * D + off)
}

prop_compose! {
    fn cards()(
        status in prop::sample::select(vec![
            CardStatus::Pending, CardStatus::Installed, CardStatus::Removed, CardStatus::Void,
        ]),
        visits in 0..12_i64,
        (created, last, expires) in (moments(), proptest::option::of(moments()), proptest::option::of(moments())),
        (rewards, redemptions, scans, spend) in (0..2_i64, 0..2_i64, 0..2_i64, 0..50_i64),
    ) -> Card {
        Card {
            status, visits, rewards, redemptions, scans, spend,
            created_at: Timestamp(created),
            last_visit_at: last.map(Timestamp),
            expires_at: expires.map(Timestamp),
            ..sample()
        }
    }
}

prop_compose! {
    fn facts()(
        installed in proptest::option::of(moments()),
        before in proptest::option::of(moments()),
        high_value_from in proptest::option::of(1..60_i64),
        (days, visits, money, oldest) in (1..90_i64, 0..12_i64, 0..50_i64, proptest::option::of(moments())),
        ready in prop::sample::select(vec![Ready::Reward, Ready::Balance(Some(0)), Ready::Coupon]),
        grid in prop::sample::select(vec![
            Grid::default(),
            Grid::Limits(Limits { recency: [6, 29], visits: [1, 2] }),
            Grid::Fifths(Fifths { last_visit: [D, 2 * D, 50 * D, 90 * D], visits: [1, 2, 3, 9], spend: [9, 0, 30, 30] }),
        ]),
    ) -> Facts {
        Facts {
            rules: CountRules { grid, window: Window::new(days).expect("days"), high_value_from },
            ready,
            installed_at: installed.map(Timestamp),
            visit_before_at: before.map(Timestamp),
            recent: Recent { visits, spend: money, oldest: oldest.map(Timestamp) },
            is_erased: false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_changes_before_the_next_change_and_something_does_then(
        card in cards(), facts in facts(), now in moments(), steps in prop::collection::vec(0..200 * D, 0..20),
    ) {
        let here = standing(&card, &facts, Timestamp(now));
        let next = next_change(&card, &facts, Timestamp(now));
        if let Some(next) = next {
            prop_assert!(next.0 > now);
            let leaves = facts.recent.changes_at(facts.rules.window) == Some(next);
            prop_assert!(leaves || standing(&card, &facts, next) != here);
            prop_assert_eq!(standing(&card, &facts, Timestamp(next.0 - 1)), here);
        }
        for step in steps {
            let then = Timestamp(now + step);
            if next.is_none_or(|next| then < next) {
                prop_assert_eq!(standing(&card, &facts, then), here);
            }
        }
    }

    #[test]
    fn a_card_is_looked_at_when_something_leaves_the_window(card in cards(), facts in facts(), now in moments()) {
        if let Some(leaves) = facts.recent.changes_at(facts.rules.window).filter(|at| at.0 > now) {
            prop_assert!(next_change(&card, &facts, Timestamp(now)).is_some_and(|next| next <= leaves));
        }
    }

    #[test]
    fn a_change_is_found_only_before_the_limit(
        card in cards(), facts in facts(), now in moments(), limit in moments(),
    ) {
        let next = next_change(&card, &facts, Timestamp(now));
        let found = next_change_before(&card, &facts, Timestamp(now), Timestamp(limit));
        prop_assert_eq!(found, next.filter(|next| next.0 < limit));
    }

    #[test]
    fn what_one_place_counts_for_and_the_other_does_not_leads_from_one_to_the_other(
        (card, other) in (cards(), cards()), facts in facts(), now in moments(), is_erased in any::<bool>(),
    ) {
        let before = standing(&card, &facts, Timestamp(now));
        let after = standing(&other, &Facts { is_erased, ..facts }, Timestamp(now));
        let gone: BTreeSet<_> = before.counters_without(after).collect();
        let new: BTreeSet<_> = after.counters_without(before).collect();
        let mut counters: BTreeSet<_> = before.counters().collect();
        prop_assert!(gone.is_subset(&counters) && new.is_disjoint(&counters));
        counters.retain(|counter| !gone.contains(counter));
        counters.extend(new);
        prop_assert_eq!(counters, after.counters().collect());
    }

    #[test]
    fn rules_are_read_back_as_they_were_written(facts in facts()) {
        prop_assert_eq!(CountRules::parse(&facts.rules.print()), Some(facts.rules));
    }
}
