//! Feedback: stars and words about a visit, how they are averaged, and which days a reader asks for.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Event, EventKind, NewEvent};
use crate::domain::id::EventId;
use crate::domain::time::{CivilDay, Timestamp};
use crate::domain::wording::{self, WordingError};

/// Characters of a comment.
pub const LONGEST_COMMENT: usize = 1000;

/// What a holder says about a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// 1 to 5.
    pub stars: i64,
    pub comment: Option<String>,
}

/// Why feedback is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackRefusal {
    #[error("stars are 1 to 5; got {0}")]
    Stars(i64),
    #[error(transparent)]
    Comment(#[from] WordingError),
    #[error("feedback comes from the holder, on the card's own page; got {got}")]
    NotTheHolder { got: &'static str },
    #[error("this card has ended")]
    CardVoid,
    #[error("feedback is asked for after the first visit; this card has none yet")]
    NoVisitYet,
    #[error("there is feedback about this visit already")]
    AlreadyGiven,
}

impl Feedback {
    pub fn new(stars: i64, comment: &str) -> Result<Self, FeedbackRefusal> {
        if !(1..=5).contains(&stars) {
            return Err(FeedbackRefusal::Stars(stars));
        }
        let comment = wording::lines("a comment", comment, 0, LONGEST_COMMENT)?;
        Ok(Self {
            stars,
            comment: (!comment.is_empty()).then_some(comment),
        })
    }
}

/// Whether a card's page offers to give feedback: after the first visit that stands.
pub fn is_offered(card: &Card) -> Result<(), FeedbackRefusal> {
    if card.status == CardStatus::Void {
        return Err(FeedbackRefusal::CardVoid);
    }
    if card.visits < 1 {
        return Err(FeedbackRefusal::NoVisitYet);
    }
    Ok(())
}

/// The newest visit among `history`, newest first, that nothing takes back.
pub fn latest_visit(history: &[Event]) -> Option<EventId> {
    let reversed: Vec<_> = history.iter().filter_map(|event| event.event.reverses).collect();
    let stands = |event: &&Event| event.event.delta.visits > 0 && !reversed.contains(&event.id);
    history.iter().find(stands).map(|event| event.id)
}

/// The row that says that feedback was given; its words are not in it.
pub fn given(
    card: &Card,
    feedback: &Feedback,
    visit: Option<EventId>,
    actor: Actor,
    now: Timestamp,
) -> Result<NewEvent, FeedbackRefusal> {
    if actor != Actor::Device {
        let got = actor.usual_source().as_str();
        return Err(FeedbackRefusal::NotTheHolder { got });
    }
    is_offered(card)?;
    let detail = Detail::Feedback {
        stars: feedback.stars,
        visit: visit.map(|visit| visit.0),
    };
    Ok(NewEvent::of_card(card.id, EventKind::FeedbackGiven, actor, now).with_detail(detail))
}

/// Stars and how many times they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rating {
    pub sum: i64,
    pub count: i64,
}

impl Rating {
    /// The mean in tenths, a half rounded up; none without feedback.
    pub fn tenths(self) -> Option<i64> {
        (self.count > 0).then(|| (self.sum * 20 + self.count).div_euclid(self.count * 2))
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenths() {
            Some(tenths) => write!(f, "{}.{} (n = {})", tenths / 10, tenths % 10, self.count),
            None => f.write_str("no feedback yet"),
        }
    }
}

/// Which days are asked for, by the calendar of the merchant's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    /// From Monday.
    Week,
    Month,
    Year,
    All,
    /// From the one day to the other, both included; open where none is named.
    Between {
        from: Option<CivilDay>,
        to: Option<CivilDay>,
    },
}

/// From the first instant on and before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub before: Timestamp,
}

/// Why a period cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("the first day must not be after the last; got {from} to {to}")]
    Order {
        from: jiff::civil::Date,
        to: jiff::civil::Date,
    },
    #[error("a period is day, week, month, year, all or two days; got {0:?}")]
    Name(String),
}

impl Period {
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        Ok(match text {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            "all" => Self::All,
            _ => return Err(PeriodError::Name(text.chars().take(20).collect())),
        })
    }

    /// The instants of the period that `now` lies in.
    pub fn span(self, now: Timestamp, zone: &TimeZone) -> Result<Span, PeriodError> {
        let always = Span {
            from: Timestamp(i64::MIN),
            before: Timestamp(i64::MAX),
        };
        let today = now.to_jiff().to_zoned(zone.clone()).date();
        let first = match self {
            Self::All => return Ok(always),
            Self::Between { from, to } => {
                if let (Some(from), Some(to)) = (from, to)
                    && from.0 > to.0
                {
                    return Err(PeriodError::Order {
                        from: from.0,
                        to: to.0,
                    });
                }
                let begin = from.and_then(|day| start_of(day.0, zone));
                let end = to.and_then(|day| day.end_in(zone));
                return Ok(Span {
                    from: begin.unwrap_or(always.from),
                    before: end.unwrap_or(always.before),
                });
            }
            Self::Day => today,
            Self::Week => {
                let since_monday = today.weekday().since(Weekday::Monday);
                today.checked_sub(since_monday.days()).unwrap_or(today)
            }
            Self::Month => today.first_of_month(),
            Self::Year => today.first_of_year(),
        };
        Ok(Span {
            from: start_of(first, zone).unwrap_or(always.from),
            before: always.before,
        })
    }
}

fn start_of(day: jiff::civil::Date, zone: &TimeZone) -> Option<Timestamp> {
    let start = day.to_zoned(zone.clone()).ok()?;
    Some(Timestamp(start.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::tests::sample;
    use jiff::civil::date;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_mean_is_the_nearest_tenth(stars in proptest::collection::vec(1..=5_i64, 1..40)) {
            let count = i64::try_from(stars.len()).expect("few");
            let rating = Rating { sum: stars.iter().sum(), count };
            let tenths = rating.tenths().expect("there is feedback");
            prop_assert!((tenths * count - rating.sum * 10).abs() * 2 <= count);
            prop_assert!((10..=50).contains(&tenths));
        }

        #[test]
        fn now_lies_in_every_period_that_has_its_name(now in 0..4_000_000_000_000_i64) {
            let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
            for period in [Period::Day, Period::Week, Period::Month, Period::Year, Period::All] {
                let span = period.span(Timestamp(now), &zone).expect("a span");
                prop_assert!(span.from.0 <= now && now < span.before.0);
            }
        }
    }

    #[test]
    fn no_feedback_is_not_zero_stars() {
        assert_eq!(Rating::default().to_string(), "no feedback yet");
        assert_eq!(Rating { sum: 17, count: 4 }.to_string(), "4.3 (n = 4)");
    }

    #[test]
    fn a_range_includes_both_its_days_in_the_zone_and_must_be_in_order() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        let day = |day| Some(CivilDay(date(2026, 3, day)));
        let span = Period::Between {
            from: day(28),
            to: day(29),
        }
        .span(Timestamp(0), &zone)
        .expect("a span");
        let hours = (span.before.0 - span.from.0) / 3_600_000;
        assert_eq!(hours, 47, "the clocks go forward on the 29th");
        let turned = Period::Between {
            from: day(2),
            to: day(1),
        }
        .span(Timestamp(0), &zone);
        assert!(turned.is_err_and(|error| error.to_string().contains("2026-03-02 to 2026-03-01")));
    }

    #[test]
    fn feedback_waits_for_the_first_visit() {
        let mut card = sample();
        let feedback = Feedback::new(5, "  ").expect("valid");
        assert_eq!(feedback.comment, None);
        let give = |card: &Card, actor| given(card, &feedback, None, actor, Timestamp(1));
        assert_eq!(give(&card, Actor::Device), Err(FeedbackRefusal::NoVisitYet));
        card.visits = 1;
        assert!(give(&card, Actor::Device).is_ok());
        assert!(matches!(
            give(&card, Actor::Gateway),
            Err(FeedbackRefusal::NotTheHolder { .. })
        ));
        assert!(Feedback::new(0, "").is_err() && Feedback::new(6, "").is_err());
        assert!(Feedback::new(1, &"x".repeat(1001)).is_err());
    }
}
