//! Numbers, days and lengths of time as ranges of numbers, at one moment and in the merchant's zone.

use super::field::Kind;
use super::plan::Context;
use super::range::{Range, Ranges};
use super::{Operand, Span, Test};
use crate::domain::time::CivilDay;

/// The numbers that one operand stands for.
pub(super) fn at(operand: &Operand, kind: Kind, context: &Context) -> Range {
    match operand {
        Operand::Number(number) | Operand::Decimal(number) => Range::only(*number),
        Operand::MonthDay(month, day) => Range::only(month_day(*month, *day)),
        // An answer that is a day is kept as its digits.
        Operand::Day(day) if kind == Kind::Answer => Range::only(digits(*day)),
        Operand::Day(day) => Range {
            least: start_of(*day, context),
            most: end_of(*day, context),
        },
        Operand::Text(_) | Operand::Word(_) | Operand::Program(_) => Range::NOTHING,
    }
}

fn month_day(month: i8, day: i8) -> i64 {
    i64::from(month) * 100 + i64::from(day)
}

fn digits(CivilDay(day): CivilDay) -> i64 {
    i64::from(day.year()) * 10_000 + month_day(day.month(), day.day())
}

fn start_of(day: CivilDay, context: &Context) -> i64 {
    let before = day.0.yesterday().ok().map(CivilDay);
    before
        .and_then(|before| before.end_in(&context.zone))
        .map_or(i64::MIN, |start| start.0)
}

fn end_of(day: CivilDay, context: &Context) -> i64 {
    day.end_in(&context.zone)
        .map_or(i64::MAX, |next| next.0.saturating_sub(1))
}

pub(super) fn ranges(test: &Test, kind: Kind, context: &Context) -> Ranges {
    let now = context.now.0;
    let ago = |span: &Span| now.saturating_sub(span.millis());
    match test {
        Test::Under(operand) => Range::below(at(operand, kind, context).least).into(),
        Test::Over(operand) => Range::above(at(operand, kind, context).most).into(),
        Test::Older(span) => Range {
            most: ago(span),
            ..Range::ALL
        }
        .into(),
        Test::Within(span) => Range {
            most: now,
            ..Range::above(ago(span))
        }
        .into(),
        Test::Next(span) => Range {
            least: now,
            most: now.saturating_add(span.millis()),
        }
        .into(),
        Test::Today => today(context),
        Test::Between(from, to) => {
            let least = from
                .as_ref()
                .map_or(i64::MIN, |from| at(from, kind, context).least);
            let most = to.as_ref().map_or(i64::MAX, |to| at(to, kind, context).most);
            if matches!(kind, Kind::MonthDay(_)) && least > most {
                // Over New Year.
                let year = [Range { least, most: 1231 }, Range { least: 101, most }];
                year.into_iter().collect()
            } else {
                Range { least, most }.into()
            }
        }
        _ => Range::NOTHING.into(),
    }
}

/// Who is born on 29 February celebrates on the 28th in other years.
fn today(context: &Context) -> Ranges {
    let today = context.now.to_jiff().to_zoned(context.zone.clone()).date();
    let mut days = vec![Range::only(month_day(today.month(), today.day()))];
    if today.month() == 2 && today.day() == 28 && !today.in_leap_year() {
        days.push(Range::only(229));
    }
    days.into_iter().collect()
}
