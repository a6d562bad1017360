//! Whatever is presented, adjusted, redeemed and taken back in whatever order, over programs of every kind: the sums
//! are those of the ledger, no balance is overdrawn, no reward is announced twice or forgotten, and the tier follows from
//! what was counted.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::domain::adjustment::{self, Adjustment, Effect};
use crate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use crate::domain::card::tests::sample;
use crate::domain::event::Event;
use crate::domain::id::{EventId, MemberId, StationId};
use crate::domain::ledger::{self, LatestEarning};
use crate::domain::money::Amount;
use crate::domain::presentation::{self, Decision, History, Moment};
use crate::domain::program::{Rules, Scheme};
use crate::domain::redemption::{self, Taken};
use crate::domain::{issue, points, program};

const HOUR: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Step {
    Present { hours: i64, paid: Option<i64> },
    Adjust { amount: i64, paid: Option<i64> },
    Set { to: i64 },
    Redeem { which: usize },
    TakeBack { which: usize },
    Wait { days: i64 },
}

struct World {
    rules: Rules,
    zone: TimeZone,
    card: Card,
    ledger: Vec<Event>,
    now: Timestamp,
}

fn cause() -> Cause {
    Cause::of(Actor::Member(MemberId(1))).because(Reason::parse("a test").expect("a reason"))
}

impl World {
    fn open(rules: Rules) -> Self {
        let now = Timestamp(1_790_000_000_000);
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let card = Card {
            created_at: now,
            ..sample()
        };
        let mut world = Self {
            rules,
            zone,
            card,
            ledger: Vec::new(),
            now,
        };
        let program = program_of(world.rules.clone());
        let first = issue::issue(&program, &world.card, &world.zone, &cause(), now).expect("issued");
        world.take(first);
        world
    }

    /// Writes a change down and checks what must hold of it.
    fn take(&mut self, change: Change) {
        let (before, after) = (&self.card, &change.card);
        let mut sums = before.sums();
        for event in &change.events {
            sums += event.delta;
        }
        assert_eq!(sums, after.sums(), "the rows explain the change");
        let count = |kind| change.events.iter().filter(|event| event.kind == kind).count();
        let ladder = self.rules.ladder.as_ref();
        assert_eq!(after.tier, tier::reached(ladder, after.tier_points));
        let moved = after.tier != before.tier.or(after.tier.and(Some(0)));
        assert_eq!(
            count(EventKind::TierChanged),
            usize::from(moved),
            "told once, and if it moved"
        );
        let announced = i64::try_from(count(EventKind::RewardRedeemable)).expect("few");
        let taken_back = change.events.iter().any(|event| event.reverses.is_some());
        if let Scheme::Points(rules) = &self.rules.scheme {
            let covered = |points| reward::covered(rules, points);
            let risen = (covered(after.points) - covered(before.points)).max(0);
            assert!(announced <= risen, "nothing is announced that was covered before");
            assert!(
                announced == risen || taken_back,
                "everything newly covered is announced"
            );
            assert_eq!(after.rewards, covered(after.points));
        }
        for event in change.events {
            let id = EventId(i64::try_from(self.ledger.len()).expect("few") + 1);
            self.ledger.push(Event {
                id,
                previous: None,
                recorded_at: self.now,
                event,
            });
        }
        self.card = change.card;
        self.check();
    }

    fn check(&self) {
        let card = &self.card;
        let sum: Delta = self.ledger.iter().map(|event| event.event.delta).sum();
        assert_eq!(card.sums(), sum, "the sums are those of the ledger");
        match &self.rules.scheme {
            Scheme::Punch(rules) => assert!((0..rules.goal).contains(&card.punches)),
            Scheme::Points(rules) => assert!(card.points >= -rules.overdraw),
            Scheme::Coupon(_) => assert_eq!((card.punches, card.points), (0, 0)),
        }
        for count in [
            card.rewards,
            card.tier_points,
            card.visits,
            card.spend,
            card.unpriced,
            card.redemptions,
        ] {
            assert!(count >= 0, "{card:?}");
        }
    }

    /// The card as every change of it begins: with the end of its cycle, if that is over.
    fn caught_up(&self) -> (Card, Option<NewEvent>) {
        let mut card = self.card.clone();
        let ended = tier::catch_up(self.rules.ladder.as_ref(), &mut card, self.now, &self.zone);
        (card, ended)
    }

    fn step(&mut self, step: &Step) {
        let (card, ended) = self.caught_up();
        let wrap = |change: Change| Change {
            events: ended.into_iter().chain(change.events).collect(),
            ..change
        };
        let amount = |paid: Option<i64>| paid.map(|minor| Amount::new(minor).expect("in range"));
        match *step {
            Step::Wait { days } => self.now = Timestamp(self.now.0 + days * 24 * HOUR),
            Step::Present { hours, paid } => {
                self.now = Timestamp(self.now.0 + hours * HOUR);
                let (card, ended) = self.caught_up();
                let capture = Capture {
                    key: CaptureKey {
                        station: StationId(1),
                        counter: self.now.0,
                    },
                    kind: CaptureKind::Barcode,
                    token: Token::from_random([1; 10]),
                    captured_at: self.now,
                    amount: amount(paid),
                };
                let moment = Moment {
                    at: self.now,
                    day: self.now.day_in(&self.zone),
                    history: History::Latest,
                };
                if let Decision::Accepted(accepted) =
                    presentation::decide(&self.rules, &card, &capture, moment, self.now)
                {
                    let announced = accepted
                        .events
                        .iter()
                        .filter(|event| event.kind == EventKind::RewardRedeemable);
                    let announced = i64::try_from(announced.count()).expect("few");
                    assert_eq!(announced, accepted.rewards_earned);
                    self.take(Change {
                        card: accepted.card,
                        events: ended.into_iter().chain(accepted.events).collect(),
                    });
                }
            }
            Step::Adjust { amount: by, paid } => {
                let wish = Adjustment::Add {
                    amount: by,
                    paid: amount(paid),
                };
                if let Ok(change) = adjustment::adjust(&self.rules, &card, wish, &cause(), self.now) {
                    assert!(change.events.iter().all(|event| event.reason.is_some()));
                    self.take(wrap(change));
                }
            }
            Step::Set { to } => {
                let Scheme::Punch(rules) = &self.rules.scheme else {
                    return;
                };
                let (goal, carries) = (rules.goal, rules.carry_over);
                let from = adjustment::punches_held(rules, &card);
                let wish = Adjustment::SetPunches { from, to };
                if let Ok(change) = adjustment::adjust(&self.rules, &card, wish, &cause(), self.now) {
                    if carries || to < from {
                        let after = &change.card;
                        assert_eq!((after.rewards, after.punches), (to / goal, to % goal));
                    }
                    let effect = Effect::of(&card, &change);
                    let moved = effect.rewards_earned - effect.rewards_withdrawn;
                    assert_eq!(effect.after.rewards - effect.before.rewards, moved);
                    self.take(wrap(change));
                }
            }
            Step::Redeem { which } => {
                let change = match &self.rules.scheme {
                    Scheme::Points(rules) => {
                        let Some(wanted) = rules.rewards.get(which % rules.rewards.len().max(1)) else {
                            return;
                        };
                        points::redeem(&self.rules, &card, &wanted.code, None, &cause(), self.now)
                    }
                    Scheme::Punch(_) | Scheme::Coupon(_) => {
                        redemption::redeem(&self.rules, &card, None, &cause(), self.now)
                    }
                };
                if let Ok(change) = change {
                    let stood = tier::reached(self.rules.ladder.as_ref(), card.tier_points);
                    assert!(change.card.tier >= stood, "redeeming lowers no tier");
                    self.take(wrap(change));
                }
            }
            Step::TakeBack { which } => {
                let Some(original) = self.ledger.get(which % self.ledger.len().max(1)) else {
                    return;
                };
                let mine = |event: &&Event| event.event.reverses == Some(original.id);
                let already = self
                    .ledger
                    .iter()
                    .filter(mine)
                    .any(|event| event.event.kind != EventKind::RewardWithdrawn);
                let others: Vec<Event> = self
                    .ledger
                    .iter()
                    .filter(|event| event.id != original.id)
                    .cloned()
                    .collect();
                let earnings: Vec<_> = ledger::standing_earnings(&others).collect();
                let taken = Taken {
                    original,
                    already,
                    remaining: LatestEarning {
                        visit_at: ledger::standing_visits(&others).max(),
                        ..ledger::latest(earnings.iter().copied(), &self.zone)
                    },
                    window: None,
                };
                if let Ok(change) = redemption::take_back(&self.rules, &card, &taken, &cause(), self.now) {
                    self.take(wrap(change));
                }
            }
        }
    }
}

fn program_of(rules: Rules) -> program::Program {
    program::Program {
        id: crate::domain::id::ProgramId(1),
        merchant: crate::domain::id::MerchantId(1),
        name: "Card".into(),
        template: "coffee".into(),
        pass_type_identifier: crate::domain::id::PassTypeIdentifier::parse("pass.example").expect("valid"),
        reward_name: "Coffee".into(),
        rules,
        archived_at: None,
        version: 1,
    }
}

fn schemes() -> impl Strategy<Value = String> {
    let punch = (1..12_i64, 1..30_i64, any::<bool>()).prop_map(|(goal, each, carry)| {
        format!(r#"{{"kind": "punch", "goal": {goal}, "punches_per_visit": {each}, "carry_over": {carry}}}"#)
    });
    let points = (0..20_i64, 0..4_i64, 0..50_i64, proptest::collection::vec(1..80_i64, 0..4)).prop_map(
        |(each, rate, overdraw, mut prices)| {
            prices.sort_unstable();
            let rewards: Vec<_> = prices
                .iter()
                .enumerate()
                .map(|(at, price)| format!(r#"{{"code": "r{at}", "name": "Reward {at}", "points": {price}}}"#))
                .collect();
            let rate = match rate {
                0 => String::new(),
                points => format!(r#""per_amount": {{"points": {points}, "per": 100}},"#),
            };
            format!(
                r#"{{"kind": "points", "per_visit": {each}, {rate} "overdraw": {overdraw}, "rewards": [{}]}}"#,
                rewards.join(",")
            )
        },
    );
    let coupon =
        any::<bool>().prop_map(|at_till| format!(r#"{{"kind": "coupon", "redeem_at_till": {at_till}}}"#));
    prop_oneof![3 => punch, 4 => points, 1 => coupon]
}

fn rules() -> impl Strategy<Value = Rules> {
    let ladders = prop_oneof![
        Just(None),
        (any::<bool>(), 0..3_usize).prop_map(|(spend, cycle)| {
            let measure = if spend { "spend" } else { "earned" };
            let cycle = ["never", "calendar", "enrolment"][cycle];
            Some(format!(
                r#""ladder": {{"measure": "{measure}", "cycle": "{cycle}", "tiers": [
                    {{"name": "Basic", "threshold": 0}}, {{"name": "Silver", "threshold": 20}},
                    {{"name": "Gold", "threshold": 60}}]}},"#
            ))
        }),
    ];
    (
        schemes(),
        ladders,
        proptest::option::of(1..40_i64),
        0..30_i64,
        any::<bool>(),
    )
        .prop_map(|(scheme, ladder, limit, welcome, required)| {
            let limits = limit.map_or(String::new(), |limit| format!(r#""max_per_day": {limit}"#));
            let ladder = ladder.unwrap_or_default();
            let text = format!(
                r#"{{"scheme": {scheme}, {ladder} "limits": {{{limits}}}, "purchase": {{"required": {required}}},
                "welcome": {welcome}}}"#
            );
            Rules::parse(&text).expect("valid rules")
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let paid = || proptest::option::of(0..3000_i64);
    proptest::collection::vec(
        prop_oneof![
            4 => (0..30_i64, paid()).prop_map(|(hours, paid)| Step::Present { hours, paid }),
            2 => (-60..60_i64, paid()).prop_map(|(amount, paid)| Step::Adjust { amount, paid }),
            1 => (-3..40_i64).prop_map(|to| Step::Set { to }),
            2 => (0..9_usize).prop_map(|which| Step::Redeem { which }),
            2 => (0..500_usize).prop_map(|which| Step::TakeBack { which }),
            1 => (1..300_i64).prop_map(|days| Step::Wait { days }),
        ],
        0..40,
    )
}

proptest! {
    #[test]
    fn whatever_happens_the_ledger_explains_the_card(rules in rules(), steps in steps()) {
        let mut world = World::open(rules);
        for step in &steps {
            world.step(step);
        }
    }

    #[test]
    fn a_lowered_goal_turns_what_is_there_into_rewards(
        goal in 2..20_i64, lower in 1..20_i64, punches in 0..19_i64, carry: bool,
    ) {
        let lower = lower.min(goal);
        let punches = punches.min(goal - 1);
        let rules = |goal| Rules::punch(goal).and_then(|rules| rules.with_carry_over(carry)).expect("valid");
        let mut world = World::open(rules(goal));
        world.step(&Step::Set { to: punches });
        let settled = settle(&rules(lower), &world.card, &cause(), world.now);
        prop_assert_eq!((settled.card.rewards, settled.card.punches), (punches / lower, punches % lower));
        // Whoever comes to the till before the change has reached the card has no less.
        world.rules = rules(lower);
        world.step(&Step::Present { hours: 1, paid: None });
        prop_assert_eq!(world.card.rewards * lower + world.card.punches, punches + 1);
    }

    #[test]
    fn no_text_makes_reading_a_reason_panic(text in ".{0,300}") {
        let _ = Reason::parse(&text);
    }
}

#[test]
fn a_reason_is_one_line_of_some_words() {
    assert_eq!(
        Reason::parse(" card lost ").expect("a reason").as_str(),
        "card lost"
    );
    for wrong in ["", "   ", "two\nlines", &"x".repeat(201)] {
        let refused = Reason::parse(wrong).expect_err(wrong).to_string();
        assert!(refused.contains("1 to 200"), "{refused}");
    }
}

#[test]
fn a_reward_is_announced_again_only_after_it_could_not_be_had() {
    let text =
        r#"{"scheme": {"kind": "points", "rewards": [{"code": "cake", "name": "Cake", "points": 50}]}}"#;
    let mut world = World::open(Rules::parse(text).expect("rules"));
    let announced = |world: &World| {
        let rows = world.ledger.iter();
        rows.filter(|event| event.event.kind == EventKind::RewardRedeemable)
            .count()
    };
    let add = |amount| Step::Adjust { amount, paid: None };
    for (amount, times) in [(49, 0), (1, 1), (30, 1), (-30, 1), (-1, 1), (1, 2)] {
        world.step(&add(amount));
        assert_eq!(announced(&world), times, "after {amount}");
    }
    world.step(&Step::Redeem { which: 0 });
    assert_eq!(
        (world.card.points, world.card.rewards, world.card.redemptions),
        (0, 0, 1)
    );
    // Taking the redemption back gives the points and the reward again, which is no news.
    let redeemed = world.ledger.len() - 1;
    world.step(&Step::TakeBack { which: redeemed });
    assert_eq!(
        (world.card.points, world.card.rewards, announced(&world)),
        (50, 1, 2)
    );
}

#[test]
fn points_that_were_spent_cannot_be_taken_back() {
    let text = r#"{"scheme": {"kind": "points", "per_visit": 50,
        "rewards": [{"code": "cake", "name": "Cake", "points": 50}]}}"#;
    let mut world = World::open(Rules::parse(text).expect("rules"));
    world.step(&Step::Present { hours: 1, paid: None });
    let earned = world.ledger[1].clone();
    assert_eq!(earned.event.kind, EventKind::CustomerScanned);
    world.step(&Step::Redeem { which: 0 });
    let taken = Taken {
        original: &earned,
        already: false,
        remaining: LatestEarning::default(),
        window: None,
    };
    let refused = redemption::take_back(&world.rules, &world.card, &taken, &cause(), world.now);
    assert_eq!(
        refused.expect_err("spent").to_string(),
        "The points that this gave were already spent: 0 are left of 50."
    );
}

#[test]
fn a_day_gives_what_it_has_room_for() {
    let text = r#"{"scheme": {"kind": "points", "per_amount": {"points": 1, "per": 100}},
        "limits": {"max_per_day": 20}}"#;
    let mut world = World::open(Rules::parse(text).expect("rules"));
    for (paid, points) in [(1500, 15), (1500, 20), (1500, 20)] {
        world.step(&Step::Present {
            hours: 1,
            paid: Some(paid),
        });
        assert_eq!(world.card.points, points);
    }
    assert_eq!(
        world.card.spend, 3000,
        "the third purchase was refused as a whole"
    );
}
