//! Triggers that time alone pulls: birthdays, silence, an end that comes near. Found by looking at all cards again and
//! again; each occurrence has a name of its own, so that looking twice does nothing twice.
//!
//! A birthday is celebrated on its day in the merchant's zone, 29 February on the 28th where the year has none, at the
//! hour that the campaign names. An hour that the clocks leave out is the one after it; of one that comes twice it is
//! the first.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::campaign::step::span;
use crate::domain::campaign::{CampaignRules, Trigger};
use crate::domain::id::{CardId, ProgramId};
use crate::domain::time::Timestamp;

/// How often silence and ends are looked for.
const PACE: Duration = Duration::from_secs(3600);
/// How far back birthdays are made up for after an outage.
const CATCH_UP: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a look needs to know of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    pub card: CardId,
    pub program: ProgramId,
    pub is_void: bool,
    pub last_visit_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub redeemed_at: Option<Timestamp>,
    /// Month times 100 plus day.
    pub birthday: Option<i64>,
}

/// When to look first, and next after a look that was due at `after`; never for triggers that events pull.
pub fn next_look(
    rules: &CampaignRules,
    after: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<Timestamp> {
    match rules.trigger {
        Trigger::Birthday { hour, .. } => next_hour(hour, after.max(now.minus(CATCH_UP)), zone),
        Trigger::Inactive { .. } | Trigger::ExpiryNear { .. } => Some(after.plus(PACE).max(now)),
        _ => None,
    }
}

/// The first time after `after` at which it is `hour` o'clock.
fn next_hour(hour: i64, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let hour = i8::try_from(hour).ok()?;
    let mut day = after.to_jiff().to_zoned(zone.clone()).date();
    // Two days are enough everywhere but where a zone skipped a whole day.
    for _ in 0..4 {
        let at = day.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        let at = Timestamp(at.timestamp().as_millisecond());
        if at > after {
            return Some(at);
        }
        day = day.tomorrow().ok()?;
    }
    None
}

/// The occurrence that a look due at `at` finds in a card, if any.
pub fn found(rules: &CampaignRules, glance: &Glance, at: Timestamp, zone: &TimeZone) -> Option<i64> {
    let other_program = rules.program.is_some_and(|program| program != glance.program);
    let ended = glance.expires_at.is_some_and(|end| end <= at);
    if glance.is_void || ended || other_program {
        return None;
    }
    match rules.trigger {
        Trigger::Inactive { days } => {
            let since = silent_since(glance.last_visit_at, glance.created_at);
            let silent = glance.redeemed_at.is_none() && since.plus(span(days)) <= at;
            silent.then_some(since.0)
        }
        Trigger::ExpiryNear { days } => {
            let end = glance.expires_at.filter(|end| *end <= at.plus(span(days)))?;
            glance.redeemed_at.is_none().then_some(end.0)
        }
        Trigger::Birthday { offset_days, .. } => {
            let today = at.to_jiff().to_zoned(zone.clone()).date();
            let day = today.checked_sub(offset_days.days()).ok()?;
            (celebrated(glance.birthday?, day.year()) == Some(day)).then_some(i64::from(day.year()))
        }
        _ => None,
    }
}

/// Whether an occurrence found earlier is still so: nobody visited, no end was moved.
pub fn still_holds(
    rules: &CampaignRules,
    occurrence: i64,
    silent_since: Timestamp,
    end: Option<Timestamp>,
) -> bool {
    match rules.trigger {
        Trigger::Inactive { .. } => silent_since.0 == occurrence,
        Trigger::ExpiryNear { .. } => end == Some(Timestamp(occurrence)),
        _ => true,
    }
}

/// Since when a card has not visited.
pub fn silent_since(last_visit_at: Option<Timestamp>, created_at: Timestamp) -> Timestamp {
    last_visit_at.unwrap_or(created_at)
}

/// The day on which a birthday is celebrated in `year`.
pub fn celebrated(birthday: i64, year: i16) -> Option<Date> {
    let month = i8::try_from(birthday / 100).ok()?;
    let day = i8::try_from(birthday % 100).ok()?;
    let exact = Date::new(year, month, day).ok();
    exact.or_else(|| {
        if birthday == 229 {
            Date::new(year, 2, 28).ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::{Action, Audience, Repeat};
    use jiff::civil::date;
    use proptest::prelude::*;

    fn rules(trigger: Trigger) -> CampaignRules {
        CampaignRules {
            trigger,
            audience: Audience::Everybody,
            eligible: None,
            program: None,
            repeat: Repeat::Always,
            delay_minutes: 0,
            cap: None,
            leave_on: None,
            action: Action::Bonus { amount: 1 },
        }
    }

    fn glance(birthday: i64) -> Glance {
        Glance {
            card: CardId(1),
            program: ProgramId(1),
            is_void: false,
            last_visit_at: None,
            created_at: Timestamp(0),
            expires_at: None,
            redeemed_at: None,
            birthday: Some(birthday),
        }
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("bundled zone")
    }

    fn at(zone: &TimeZone, day: Date, hour: i8) -> Timestamp {
        let zoned = day.at(hour, 0, 0, 0).to_zoned(zone.clone()).expect("a time");
        Timestamp(zoned.timestamp().as_millisecond())
    }

    #[test]
    fn the_29th_of_february_is_celebrated_on_the_28th_in_other_years() {
        assert_eq!(celebrated(229, 2028), Some(date(2028, 2, 29)));
        assert_eq!(celebrated(229, 2027), Some(date(2027, 2, 28)));
        assert_eq!(celebrated(230, 2027), None);
        assert_eq!(celebrated(1301, 2027), None);
    }

    #[test]
    fn an_offset_may_cross_the_new_year() {
        let zone = berlin();
        let before = rules(Trigger::Birthday {
            offset_days: -3,
            hour: 9,
        });
        let look = |day| found(&before, &glance(102), at(&zone, day, 9), &zone);
        assert_eq!(
            look(date(2026, 12, 30)),
            Some(2027),
            "the birthday of 2027, three days before it"
        );
        assert_eq!(look(date(2026, 12, 31)), None);
    }

    #[test]
    fn an_hour_that_the_clocks_leave_out_is_the_one_after_it() {
        let zone = berlin();
        let look = |after| {
            next_look(
                &rules(Trigger::Birthday {
                    offset_days: 0,
                    hour: 2,
                }),
                after,
                after,
                &zone,
            )
        };
        let gap = look(at(&zone, date(2026, 3, 28), 12)).expect("a look");
        assert_eq!(gap, at(&zone, date(2026, 3, 29), 3));
        let twice = look(at(&zone, date(2026, 10, 24), 12)).expect("a look");
        assert_eq!(
            twice,
            Timestamp(at(&zone, date(2026, 10, 25), 1).0 + 3_600_000),
            "the first of the two"
        );
    }

    #[test]
    fn silence_and_a_near_end_are_found_and_have_names() {
        let zone = TimeZone::UTC;
        let day = 86_400_000;
        let inactive = rules(Trigger::Inactive { days: 30 });
        let mut card = glance(101);
        card.created_at = Timestamp(5);
        assert_eq!(found(&inactive, &card, Timestamp(30 * day), &zone), None);
        assert_eq!(found(&inactive, &card, Timestamp(30 * day + 5), &zone), Some(5));
        card.last_visit_at = Some(Timestamp(9 * day));
        assert_eq!(found(&inactive, &card, Timestamp(30 * day + 5), &zone), None);
        assert_eq!(found(&inactive, &card, Timestamp(40 * day), &zone), Some(9 * day));
        let near = rules(Trigger::ExpiryNear { days: 3 });
        card.expires_at = Some(Timestamp(50 * day));
        assert_eq!(found(&near, &card, Timestamp(46 * day), &zone), None);
        assert_eq!(found(&near, &card, Timestamp(47 * day), &zone), Some(50 * day));
        assert_eq!(
            found(&near, &card, Timestamp(50 * day), &zone),
            None,
            "it has ended"
        );
    }

    proptest! {
        #[test]
        fn every_birthday_is_found_once_a_year_in_every_zone(
            month in 1..=12_i64, day in 1..=31_i64, hour in 0..=23_i64, offset_days in -60..=60_i64,
            zone in prop_oneof![
                Just("Europe/Berlin"), Just("America/New_York"), Just("Australia/Lord_Howe"), Just("UTC")
            ],
        ) {
            let birthday = month * 100 + day;
            prop_assume!(celebrated(birthday, 2028).is_some());
            let zone = TimeZone::get(zone).expect("bundled zone");
            let rules = rules(Trigger::Birthday { offset_days, hour });
            let mut look = at(&zone, date(2026, 1, 1), 0);
            let end = at(&zone, date(2030, 1, 1), 0);
            let mut years = Vec::new();
            while let Some(next) = next_look(&rules, look, look, &zone).filter(|next| *next < end) {
                prop_assert!(next > look);
                years.extend(found(&rules, &glance(birthday), next, &zone));
                look = next;
            }
            prop_assert!((3..=5).contains(&years.len()), "{years:?}");
            prop_assert!(years.windows(2).all(|pair| pair[1] == pair[0] + 1), "{years:?}");
        }
    }
}
