//! Conversions: what may be linked, what the card becomes, and that taking back leads to where it was.

use proptest::prelude::*;

use super::*;
use crate::domain::card::tests::sample;
use crate::domain::coupon::{self, Redeem};
use crate::domain::event::Source;
use crate::domain::id::{EventId, MemberId, MerchantId};
use crate::domain::program::{CouponRules, Cycle, Measure, PointsRules, PricedReward, Rate, Tier, Validity};

const ACTOR: Actor = Actor::Member(MemberId(1));
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const BY: (Actor, &TimeZone) = (ACTOR, &TimeZone::UTC);

fn program(id: i64, rules: Rules) -> Program {
    Program {
        id: ProgramId(id),
        merchant: MerchantId(1),
        name: "Program".into(),
        template: "coffee".into(),
        pass_type_identifier: PassTypeIdentifier::parse("pass.example.coffee").expect("valid"),
        reward_name: "Coffee".into(),
        rules,
        archived_at: None,
        version: 1,
    }
}

fn coupon(first_punch: bool) -> Program {
    let linked = LinkedProgram {
        program: ProgramId(2),
        first_punch,
    };
    let rules = Rules::new(Scheme::Coupon(CouponRules {
        redeem_at_till: false,
        linked: Some(linked),
    }));
    program(1, rules.expect("rules"))
}

fn points() -> Rules {
    let mut rules = Rules::new(Scheme::Points(PointsRules {
        per_visit: 5,
        per_amount: Some(Rate {
            points: 1,
            per: Amount::new(100).expect("an amount"),
        }),
        overdraw: 0,
        rewards: Vec::new(),
    }))
    .expect("rules");
    rules.validity = Validity::AfterIssue { days: 30 };
    rules
}

/// Two tiers, a year of the calendar each.
fn ladder(measure: Measure, threshold: i64) -> Ladder {
    let tier = |name: &str, threshold| Tier {
        name: name.into(),
        threshold,
    };
    Ladder {
        measure,
        cycle: Cycle::Calendar,
        tiers: vec![tier("Basic", 0), tier("Silver", threshold)],
    }
}

/// The rules with a welcome, tiers, and a reward where they have a list.
fn welcoming(mut rules: Rules, welcome: i64, measure: Measure) -> Rules {
    if let Scheme::Points(points) = &mut rules.scheme {
        points.rewards = vec![PricedReward {
            code: "coffee".into(),
            name: "Coffee".into(),
            points: 10,
        }];
    }
    rules.welcome = welcome;
    rules.ladder = Some(ladder(measure, 12));
    rules.checked().expect("rules")
}

/// The rows as stored, newest first, numbered from 1.
fn stored(rows: &[NewEvent]) -> Vec<Event> {
    let numbered = rows.iter().zip(1_i64..).map(|(row, id)| Event {
        id: EventId(id),
        previous: None,
        recorded_at: row.at,
        event: row.clone(),
    });
    let mut events: Vec<Event> = numbered.collect();
    events.reverse();
    events
}

fn redeemed(
    coupon: &Program,
    linked: Option<&Program>,
    card: &Card,
    amount: Option<i64>,
) -> (Change, Follow) {
    let amount = amount.map(|minor| Amount::new(minor).expect("an amount"));
    let wish = Redeem {
        amount,
        actor: ACTOR,
        source: Source::Console,
        location: None,
        batch: None,
    };
    let change = coupon::redeem(&coupon.rules, card, wish, NOW).expect("redeemed");
    let turn = Turn {
        amount,
        capture: None,
        at: NOW,
    };
    follow(coupon, linked, &TimeZone::UTC, change, turn)
}

#[test]
fn the_card_becomes_one_of_the_linked_program_and_keeps_what_it_is_called() {
    let (coupon, linked) = (coupon(true), program(2, points()));
    let mut card = sample();
    card.expires_at = Some(NOW.plus(Duration::from_secs(60)));
    let (change, follow) = redeemed(&coupon, Some(&linked), &card, Some(1250));
    let after = change.card;
    assert_eq!(follow, Follow::Converted(ProgramId(2)));
    assert_eq!((after.program, after.installed_as), (ProgramId(2), ProgramId(1)));
    assert_eq!((after.id, &after.serial_number), (card.id, &card.serial_number));
    assert_eq!(
        (after.points, after.spend, after.visits, after.redemptions),
        (17, 1250, 1, 1)
    );
    assert_eq!(after.expires_at, Some(NOW.plus(Duration::from_secs(30 * 86_400))));
    let kinds: Vec<_> = change.events.iter().map(|row| row.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::RewardRedeemed,
            EventKind::CardConverted,
            EventKind::PointsAdded
        ]
    );
}

#[test]
fn what_cannot_be_linked_leaves_the_redemption_as_it_is_and_says_why() {
    let coupon = coupon(false);
    let mut archived = program(2, Rules::punch(5).expect("rules"));
    archived.archived_at = Some(NOW);
    let mut other_type = program(2, Rules::punch(5).expect("rules"));
    other_type.pass_type_identifier = PassTypeIdentifier::parse("pass.example.other").expect("valid");
    let mut yen = program(2, Rules::punch(5).expect("rules"));
    yen.rules.purchase.currency = Currency::parse("JPY").expect("a currency");
    let chained = program(2, coupon.rules.clone());
    let elsewhere = Program {
        merchant: MerchantId(9),
        ..program(2, Rules::punch(5).expect("rules"))
    };
    let cases = [
        (None, "there is no program"),
        (Some(elsewhere), "there is no program"),
        (Some(archived), "archived"),
        (Some(other_type), "pass.example.other"),
        (Some(yen), "JPY"),
        (Some(chained), "gives coupons"),
    ];
    for (linked, words) in cases {
        let (change, follow) = redeemed(&coupon, linked.as_ref(), &sample(), None);
        let Follow::Waits(link, refusal) = follow else {
            panic!("{words}: {follow:?}");
        };
        assert_eq!(link.program, ProgramId(2));
        assert!(refusal.to_string().contains(words), "{refusal}");
        assert_eq!(change.card.redeemed_at, Some(NOW));
        assert_eq!(change.card.program, ProgramId(1));
        let last = change.events.last().expect("rows");
        assert_eq!(last.kind, EventKind::ConversionFailed);
        assert_eq!(last.reason, Some(refusal.to_string()));
    }
}

#[test]
fn what_the_welcome_and_the_first_visit_cover_is_earned_and_the_ladder_begins_anew() {
    let mut coupon = coupon(true);
    coupon.rules.ladder = Some(ladder(Measure::Spend, 1000));
    let linked = program(2, welcoming(points(), 20, Measure::Earned));
    let (change, _) = redeemed(&coupon, Some(&linked), &sample(), Some(1250));
    let after = change.card;
    assert_eq!((after.points, after.rewards, after.earned_on_day), (37, 1, 17));
    assert_eq!(
        (after.tier_points, after.tier),
        (37, Some(1)),
        "not what was spent"
    );
    let end = after.cycle_ends_at.expect("a cycle").to_jiff().to_string();
    assert_eq!(end, "2027-01-01T00:00:00Z");
    let rows: Vec<_> = change
        .events
        .iter()
        .map(|row| (row.kind, row.delta.points, row.reason.as_deref()))
        .collect();
    assert_eq!(
        rows,
        [
            (EventKind::RewardRedeemed, 0, None),
            (EventKind::TierChanged, 0, None),
            (EventKind::CardConverted, 0, None),
            (EventKind::PointsAdded, 20, Some("welcome")),
            (EventKind::PointsAdded, 17, None),
            (EventKind::RewardRedeemable, 0, None),
            (EventKind::TierChanged, 0, None),
        ]
    );
}

fn linked_rules() -> impl Strategy<Value = Rules> {
    let scheme = prop_oneof![
        (1..5_i64, any::<bool>()).prop_map(|(goal, carry)| {
            let rules = Rules::punch(goal).and_then(|rules| rules.with_carry_over(carry));
            rules.expect("rules")
        }),
        Just(points()),
    ];
    let measure = prop_oneof![Just(Measure::Spend), Just(Measure::Earned)];
    (scheme, 0..30_i64, measure).prop_map(|(rules, welcome, measure)| welcoming(rules, welcome, measure))
}

proptest! {
    #[test]
    fn a_converted_card_begins_as_one_that_is_issued(rules in linked_rules()) {
        let linked = program(2, rules);
        let (change, _) = redeemed(&coupon(false), Some(&linked), &sample(), None);
        let fresh = Card { program: ProgramId(2), ..sample() };
        let cause = Cause::of(ACTOR);
        let issued = crate::domain::issue::issue(&linked, &fresh, &TimeZone::UTC, &cause, NOW).expect("issued").card;
        let begins = |card: &Card| (
            (card.punches, card.points, card.rewards, card.tier_points, card.tier),
            (card.cycle_began_at, card.cycle_ends_at, card.expires_at),
        );
        prop_assert_eq!(begins(&change.card), begins(&issued));
    }

    #[test]
    fn taking_back_leads_to_where_it_was(
        rules in linked_rules(), first_punch: bool, amount in proptest::option::of(0..9_999_i64), ends: bool, tiers: bool
    ) {
        let mut coupon = coupon(first_punch);
        coupon.rules.ladder = tiers.then(|| ladder(Measure::Spend, 1000));
        let linked = program(2, rules);
        let mut card = sample();
        card.expires_at = ends.then(|| NOW.plus(Duration::from_secs(60)));
        tier::catch_up(coupon.rules.ladder.as_ref(), &mut card, NOW, &TimeZone::UTC);
        card.tier = tiers.then_some(0);
        let (change, _) = redeemed(&coupon, Some(&linked), &card, amount);
        let events = stored(&change.events);
        let (original, newer) = events.split_last().expect("rows");
        let back = take_back(&coupon, &change.card, original, newer, false, BY, NOW).expect("taken back");
        prop_assert_eq!(back.card.sums(), card.sums());
        prop_assert_eq!((back.card.program, back.card.redeemed_at), (ProgramId(1), None));
        let ends = |card: &Card| (card.expires_at, card.tier, card.cycle_began_at, card.cycle_ends_at);
        prop_assert_eq!(ends(&back.card), ends(&card));
        let sum: Delta = change.events.iter().chain(&back.events).map(|row| row.delta).sum();
        prop_assert_eq!(back.card.sums(), sum);
        // A row takes back another one only once.
        let mut taken: Vec<_> = back.events.iter().filter_map(|row| row.reverses.map(|id| (id, row.kind.as_str()))).collect();
        taken.sort_unstable();
        taken.dedup();
        prop_assert_eq!(taken.len(), back.events.iter().filter(|row| row.reverses.is_some()).count());
    }
}

#[test]
fn a_card_that_was_used_stays_what_it_became() {
    let (coupon, linked) = (coupon(true), program(2, Rules::punch(5).expect("rules")));
    let (mut change, _) = redeemed(&coupon, Some(&linked), &sample(), None);
    let punch = Delta {
        punches: 1,
        visits: 1,
        ..Delta::default()
    };
    change
        .events
        .push(NewEvent::of_card(change.card.id, EventKind::CustomerScanned, ACTOR, NOW).with_delta(punch));
    change.card.apply(punch);
    let take = |change: &Change| {
        let events = stored(&change.events);
        let (original, newer) = events.split_last().expect("rows");
        take_back(&coupon, &change.card, original, newer, false, BY, NOW)
    };
    assert_eq!(take(&change), Err(ReverseRefusal::ConvertedCardUsed));
    // Once that punch is taken back, nothing speaks against it any more.
    let scan = EventId(i64::try_from(change.events.len()).expect("few"));
    change.events.push(
        NewEvent::of_card(change.card.id, EventKind::PunchReversed, ACTOR, NOW)
            .with_delta(punch.opposite())
            .taking_back(scan),
    );
    change.card.apply(punch.opposite());
    assert_eq!(take(&change).map(|change| change.card.program), Ok(ProgramId(1)));
}

#[test]
fn a_redemption_is_taken_back_once_and_in_time() {
    let coupon = coupon(false);
    let (change, _) = redeemed(&coupon, None, &sample(), None);
    let events = stored(&change.events);
    let (original, newer) = events.split_last().expect("rows");
    let take = |already, now| take_back(&coupon, &change.card, original, newer, already, BY, now).map(|_| ());
    assert_eq!(take(true, NOW), Err(ReverseRefusal::AlreadyReversed));
    let late = NOW.plus(Duration::from_secs(2 * 3600));
    assert_eq!(take(false, late), Err(ReverseRefusal::TooLate { ago: 60 }));
    assert_eq!(take(false, NOW), Ok(()));
}

#[test]
fn waiting_grows_to_an_hour() {
    let minutes = |attempts| retry_after(attempts).as_secs() / 60;
    assert_eq!([0, 1, 2, 6, i64::MAX].map(minutes), [1, 2, 4, 60, 60]);
}
