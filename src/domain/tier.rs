//! Tiers: what counts towards them, when a card moves, and cycles after which the counting starts again.
//!
//! A card's tier is a function of its `tier_points` and the ladder, and of nothing else. A cycle that ends takes the
//! points that were counted in it with a ledger row. [`catch_up`] writes that row whoever comes first, the chore that
//! looks for cycles that have ended or a change of the card after the end, so that both lead to the same sums; what is
//! presented late but happened in a cycle that has ended counts nothing.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::domain::card::Card;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::program::{Cycle, Ladder, Measure};
use crate::domain::time::Timestamp;

/// What a row with `delta` counts towards a tier. Only what is added counts: spending a balance lowers no tier.
pub fn measured(ladder: Option<&Ladder>, delta: Delta) -> i64 {
    match ladder.map(|ladder| ladder.measure) {
        None => 0,
        Some(Measure::Spend) => delta.spend,
        Some(Measure::Earned) => (delta.points + delta.punches).max(0),
    }
}

/// The tier that `tier_points` reach, counted from 0; none without a ladder.
pub fn reached(ladder: Option<&Ladder>, tier_points: i64) -> Option<i64> {
    let above = ladder?.tiers.iter().skip(1);
    let steps = above.take_while(|tier| tier.threshold <= tier_points).count();
    i64::try_from(steps).ok()
}

/// What the tier at this place of the ladder is called.
pub fn name(ladder: Option<&Ladder>, tier: Option<i64>) -> Option<&str> {
    let index = usize::try_from(tier?).ok()?;
    Some(&ladder?.tiers.get(index)?.name)
}

/// Moves the card to the tier that its points reach, once all rows of a transaction are applied, so that going up and
/// down within one is no change. The row to add, if it moved; being in the lowest tier from the beginning is no move.
pub fn settle(ladder: Option<&Ladder>, card: &mut Card, actor: Actor, at: Timestamp) -> Option<NewEvent> {
    let to = reached(ladder, card.tier_points);
    let from = std::mem::replace(&mut card.tier, to);
    if to == from || (from, to) == (None, Some(0)) {
        return None;
    }
    let named = |tier| name(ladder, tier).map(str::to_owned);
    let detail = Detail::Tier {
        from: named(from),
        to: named(to),
    };
    Some(NewEvent::of_card(card.id, EventKind::TierChanged, actor, at).with_detail(detail))
}

/// Ends the card's cycle if it is over at `at`, and gives it the one that `at` lies in. The row to add where anything
/// had been counted; it stands at the moment of the end. The tier is settled by what comes next, once.
pub fn catch_up(
    ladder: Option<&Ladder>,
    card: &mut Card,
    at: Timestamp,
    zone: &TimeZone,
) -> Option<NewEvent> {
    let cycle = ladder.map_or(Cycle::Never, |ladder| ladder.cycle);
    if cycle != Cycle::Never && card.cycle_ends_at.is_some_and(|end| at < end) {
        return None;
    }
    let now = bounds(cycle, card.created_at, at, zone);
    let ended = card.cycle_ends_at;
    card.cycle_began_at = now.map(|(began, _)| began);
    card.cycle_ends_at = now.map(|(_, ends)| ends);
    // A ladder that has cycles only since a moment ago takes nothing, and neither does one that has none any more.
    let (ended, _) = ended.zip(now)?;
    if card.tier_points == 0 {
        return None;
    }
    let taken = Delta {
        tier_points: -card.tier_points,
        ..Delta::default()
    };
    card.apply(taken);
    let row = NewEvent::of_card(card.id, EventKind::TierCycleEnded, Actor::Gateway, ended);
    Some(row.with_delta(taken))
}

/// Where the cycle around `at` begins and where the next one does.
fn bounds(
    cycle: Cycle,
    enrolled: Timestamp,
    at: Timestamp,
    zone: &TimeZone,
) -> Option<(Timestamp, Timestamp)> {
    let at = at.max(enrolled);
    let year_of = |time: Timestamp| time.to_jiff().to_zoned(zone.clone()).year();
    match cycle {
        Cycle::Never => None,
        Cycle::Calendar => {
            let year = year_of(at);
            let first_day = |year| {
                let day = jiff::civil::Date::new(year, 1, 1).ok()?.to_zoned(zone.clone());
                Some(Timestamp(day.ok()?.timestamp().as_millisecond()))
            };
            Some((first_day(year)?, first_day(year + 1)?))
        }
        Cycle::Enrolment => {
            let first = enrolled.to_jiff().to_zoned(zone.clone());
            let anniversary = |years: i16| {
                let day = first.checked_add(years.years()).ok()?;
                Some(Timestamp(day.timestamp().as_millisecond()))
            };
            let years = year_of(at) - first.year();
            let began = anniversary(years)?;
            if began <= at {
                Some((began, anniversary(years + 1)?))
            } else {
                Some((anniversary(years - 1)?, began))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use crate::domain::program::Tier;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000;

    fn ladder(cycle: Cycle) -> Ladder {
        let tier = |name: &str, threshold| Tier {
            name: name.into(),
            threshold,
        };
        Ladder {
            measure: Measure::Earned,
            cycle,
            tiers: vec![tier("Basic", 0), tier("Silver", 10), tier("Gold", 50)],
        }
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled zone")
    }

    #[test]
    fn a_calendar_cycle_ends_at_new_year_of_the_merchant() {
        let at = Timestamp(1_782_941_400_000); // summer of 2026
        let (began, ends) = bounds(Cycle::Calendar, Timestamp(0), at, &berlin()).expect("a cycle");
        assert_eq!(began.to_jiff().to_string(), "2025-12-31T23:00:00Z");
        assert_eq!(ends.to_jiff().to_string(), "2026-12-31T23:00:00Z");
    }

    #[test]
    fn a_card_of_the_twenty_ninth_of_february_has_a_year_every_year() {
        let enrolled = "2024-02-29T12:00:00Z".parse::<jiff::Timestamp>().expect("a time");
        let enrolled = Timestamp(enrolled.as_millisecond());
        let later = Timestamp(enrolled.0 + 400 * DAY);
        let (began, ends) = bounds(Cycle::Enrolment, enrolled, later, &TimeZone::UTC).expect("a cycle");
        assert_eq!(began.to_jiff().to_string(), "2025-02-28T12:00:00Z");
        assert_eq!(ends.to_jiff().to_string(), "2026-02-28T12:00:00Z");
    }

    #[test]
    fn going_up_and_down_within_one_change_is_no_move() {
        let ladder = ladder(Cycle::Never);
        let mut card = sample();
        assert_eq!(
            settle(Some(&ladder), &mut card, Actor::Gateway, Timestamp(0)),
            None
        );
        assert_eq!(
            card.tier,
            Some(0),
            "everybody is in the lowest tier, from the beginning"
        );
        card.tier_points = 60;
        card.tier_points = 5;
        assert_eq!(
            settle(Some(&ladder), &mut card, Actor::Gateway, Timestamp(0)),
            None
        );
        card.tier_points = 60;
        let row = settle(Some(&ladder), &mut card, Actor::Gateway, Timestamp(0)).expect("moved");
        let (from, to) = (Some("Basic".into()), Some("Gold".into()));
        assert_eq!(row.detail, Some(Detail::Tier { from, to }));
    }

    proptest! {
        #[test]
        fn cycles_follow_each_other_without_a_gap(enrolled in 0..20_000_i64, days in 0..20_000_i64, calendar: bool) {
            let cycle = if calendar { Cycle::Calendar } else { Cycle::Enrolment };
            let enrolled = Timestamp(enrolled * DAY + 1);
            let at = Timestamp(enrolled.0 + days * DAY);
            let (began, ends) = bounds(cycle, enrolled, at, &berlin()).expect("a cycle");
            prop_assert!(began <= at && at < ends);
            let (next, _) = bounds(cycle, enrolled, ends, &berlin()).expect("the next cycle");
            prop_assert_eq!(next, ends);
        }

        #[test]
        fn whoever_comes_first_after_an_end_the_sums_are_the_same(points in 0..100_i64, more in 0..100_i64, late: bool) {
            let ladder = ladder(Cycle::Calendar);
            let zone = berlin();
            let mut card = sample();
            let begin = Timestamp(1_782_941_400_000);
            card.created_at = begin;
            prop_assert_eq!(catch_up(Some(&ladder), &mut card, begin, &zone), None);
            card.tier_points = points;
            card.tier = reached(Some(&ladder), points);
            let end = card.cycle_ends_at.expect("a cycle");
            let after = Timestamp(end.0 + DAY);
            // The chore first, or not at all.
            let mut chore = card.clone();
            catch_up(Some(&ladder), &mut chore, after, &zone);
            settle(Some(&ladder), &mut chore, Actor::Gateway, after);
            let later = Timestamp(after.0 + if late { 400 * DAY } else { 0 });
            let finish = |mut card: Card| {
                let row = catch_up(Some(&ladder), &mut card, later, &zone);
                card.tier_points += more;
                settle(Some(&ladder), &mut card, Actor::Gateway, later);
                (card, row)
            };
            let (with, _) = finish(chore);
            let (without, row) = finish(card);
            prop_assert_eq!(&with, &without);
            prop_assert_eq!(row.map(|row| row.delta.tier_points), (points > 0).then_some(-points));
            prop_assert_eq!(with.tier, reached(Some(&ladder), more));
        }
    }
}
