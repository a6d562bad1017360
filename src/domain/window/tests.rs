//! What is carried along from change to change is what the ledger says, whatever happens and however time passes.

use super::*;
use crate::domain::card::tests::sample;
use proptest::prelude::*;

const D: i64 = 86_400_000;

/// What may happen to a card.
#[derive(Debug, Clone)]
enum Step {
    /// A presentation so many milliseconds ago, whether it is a visit of its own, and what was paid.
    Tap {
        ago: i64,
        is_visit: bool,
        paid: i64,
    },
    /// Two presentations that are saved together.
    Taps {
        apart: i64,
        paid: i64,
    },
    /// Money that was added by hand.
    Add {
        paid: i64,
    },
    /// One of the newest rows is taken back.
    TakeBack {
        which: usize,
    },
    Wait {
        time: i64,
    },
    Resize {
        days: i64,
    },
}

fn steps() -> impl Strategy<Value = Step> {
    let paid = || prop_oneof![Just(0), 1..500_i64];
    prop_oneof![
        4 => (any::<bool>(), paid()).prop_map(|(is_visit, paid)| Step::Tap { ago: 0, is_visit, paid }),
        2 => (0..12 * D, any::<bool>(), paid()).prop_map(|(ago, is_visit, paid)| Step::Tap { ago, is_visit, paid }),
        1 => (1..2 * D, paid()).prop_map(|(apart, paid)| Step::Taps { apart, paid }),
        1 => (1..500_i64).prop_map(|paid| Step::Add { paid }),
        1 => (0..4_usize).prop_map(|which| Step::TakeBack { which }),
        3 => prop_oneof![Just(10 * D), 0..12 * D].prop_map(|time| Step::Wait { time }),
        1 => (1..12_i64).prop_map(|days| Step::Resize { days }),
    ]
}

/// A card with its ledger, newest row last.
struct Played {
    card: Card,
    ledger: Vec<Entry>,
    now: i64,
}

impl Played {
    fn add(&mut self, at: i64, visits: i64, spend: i64, reverses: Option<EventId>) {
        let id = EventId(i64::try_from(self.ledger.len()).expect("few") + 1);
        let at = Timestamp(at);
        self.ledger.push(Entry {
            id,
            at,
            visits,
            spend,
            reverses,
        });
        self.card.visits += visits;
        self.card.spend += spend;
        let reversed: Vec<_> = self.ledger.iter().filter_map(|entry| entry.reverses).collect();
        let standing = self
            .ledger
            .iter()
            .filter(|entry| entry.visits > 0 && entry.reverses.is_none() && !reversed.contains(&entry.id));
        self.card.last_visit_at = standing.map(|entry| entry.at).max();
    }

    fn tap(&mut self, at: i64, is_visit: bool, paid: i64) {
        self.add(at, is_visit.into(), paid, None);
        self.card.scans += 1;
        self.card.last_earned_at = self.card.last_earned_at.max(Some(Timestamp(at)));
    }

    fn take_back(&mut self, which: usize) {
        let reversed: Vec<_> = self.ledger.iter().filter_map(|entry| entry.reverses).collect();
        let mut standing = self.ledger.iter().rev();
        let found = standing
            .by_ref()
            .filter(|entry| entry.reverses.is_none() && !reversed.contains(&entry.id))
            .nth(which)
            .copied();
        if let Some(entry) = found {
            self.add(self.now, -entry.visits, -entry.spend, Some(entry.id));
        }
    }
}

#[test]
fn a_visit_counts_until_exactly_the_length_of_the_window_later() {
    let window = Window::new(365).expect("a year");
    assert_eq!(window, Window::default());
    let entry = |id, at, visits, reverses: Option<i64>| Entry {
        id: EventId(id),
        at: Timestamp(at),
        visits,
        spend: visits * 100,
        reverses: reverses.map(EventId),
    };
    let ledger = [
        entry(1, D, 1, None),
        entry(2, 2 * D, 1, None),
        entry(3, 3 * D, 1, None),
        entry(4, 400 * D, -1, Some(3)),
    ];
    let at = |now| recent(&ledger, window, Timestamp(now));
    assert_eq!((at(366 * D - 1).visits, at(366 * D).visits), (2, 1));
    assert_eq!(at(366 * D).changes_at(window), Some(Timestamp(367 * D)));
    assert_eq!(
        at(367 * D),
        Recent::default(),
        "the correction counts for nothing itself"
    );
}

#[test]
fn a_window_is_of_a_day_to_ten_years() {
    for days in [i64::MIN, -1, 0, 3651, i64::MAX] {
        assert_eq!(Window::new(days), Err(NoWindow(days)));
        assert!(serde_json::from_str::<Window>(&days.to_string()).is_err());
    }
    assert_eq!(
        serde_json::to_string(&Window::default()).expect("a number"),
        "365"
    );
}

#[test]
fn the_usual_tap_needs_no_ledger() {
    let window = Window::default();
    let mut card = sample();
    let mut kept = Kept::default();
    for day in 0..20 {
        let at = Some(Timestamp(day * D));
        (card.visits, card.spend, card.scans) = (day + 1, (day + 1) * 250, day + 1);
        (card.last_visit_at, card.last_earned_at) = (at, at);
        let now = Timestamp(day * D);
        let followed = follow(&kept, &card, window, now);
        if day == 0 {
            // It was never counted before.
            assert_eq!(followed, Followed::InLedger);
            let first = Recent {
                visits: 1,
                spend: 250,
                oldest: at,
            };
            kept = Kept::of(&card, window, first);
            continue;
        }
        let Followed::Is(recent) = followed else {
            panic!("day {day}: {followed:?}")
        };
        assert_eq!((recent.visits, recent.spend), (day + 1, (day + 1) * 250));
        assert_eq!(recent.oldest, Some(Timestamp(0)));
        kept = Kept::of(&card, window, recent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_carried_along_is_what_the_ledger_says(steps in prop::collection::vec(steps(), 0..40)) {
        let mut window = Window::new(10).expect("ten days");
        let mut played = Played { card: sample(), ledger: Vec::new(), now: 100 * D };
        let mut kept = Kept::default();
        for step in steps {
            match step {
                Step::Tap { ago, is_visit, paid } => played.tap(played.now - ago, is_visit, paid),
                Step::Taps { apart, paid } => {
                    played.tap(played.now - apart, false, paid);
                    played.tap(played.now, true, paid);
                }
                Step::Add { paid } => played.add(played.now, 0, paid, None),
                Step::TakeBack { which } => played.take_back(which),
                Step::Wait { time } => played.now += time,
                Step::Resize { days } => window = Window::new(days).expect("days"),
            }
            let now = Timestamp(played.now);
            let truth = recent(&played.ledger, window, now);
            if let Followed::Is(recent) = follow(&kept, &played.card, window, now) {
                prop_assert_eq!(recent, truth, "after {:?}", step);
            }
            // Until the moment that is named, nothing changes by time alone; then something does.
            if let Some(change) = truth.changes_at(window) {
                prop_assert!(change > now);
                let before = recent(&played.ledger, window, Timestamp(change.0 - 1));
                prop_assert_eq!(before, truth);
                prop_assert_ne!(recent(&played.ledger, window, change), truth);
            }
            kept = Kept::of(&played.card, window, truth);
        }
    }
}
