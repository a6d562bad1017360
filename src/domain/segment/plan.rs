//! A rule at one moment, for one merchant: nothing but facts, ranges of numbers and texts.
//!
//! All three faces start here, so that what "installed", "today" or "7 days ago" means is decided once.

use jiff::tz::TimeZone;

use super::facts::{EXPIRED_CODE, NumberFact, TextFact, TimesFact, status_code};
use super::field::{Kind, STATUSES};
use super::range::{Range, Ranges};
use super::{Condition, Operand, Rule, Span, Test};
use crate::domain::card::CardStatus;
use crate::domain::customer;
use crate::domain::id::{CardId, CustomerId, ProgramId, SegmentId};
use crate::domain::program::{Program, ProgramKind};
use crate::domain::time::{CivilDay, Timestamp};

/// What rules need to know besides cards: the moment, the merchant's zone, their programs.
#[derive(Debug, Clone)]
pub struct Context {
    pub now: Timestamp,
    pub zone: TimeZone,
    pub programs: Vec<ProgramFacts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramFacts {
    pub id: ProgramId,
    pub kind: ProgramKind,
    /// Punches that earn a reward; 0 where there are none.
    pub goal: i64,
}

/// A rule without names, days or spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    All(Vec<Plan>),
    Any(Vec<Plan>),
    Not(Box<Plan>),
    /// There is a value and it is in one of the ranges.
    Number {
        fact: NumberFact,
        ranges: Ranges,
    },
    /// There is no value.
    Absent(NumberFact),
    /// There is a value and it has one of the bits.
    Bits {
        fact: NumberFact,
        mask: i64,
    },
    Text {
        fact: TextFact,
        test: TextTest,
    },
    /// One of the moments is in one of the ranges.
    Times {
        fact: TimesFact,
        ranges: Ranges,
        which: Which,
    },
    /// On the list of a segment; the store knows it by the segment, memory by its cards.
    Listed {
        segment: SegmentId,
        cards: Ranges,
    },
}

/// Which of several moments count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Each,
    First,
    Last,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    Empty,
    OneOf(Vec<String>),
    Contains(String),
}

impl Which {
    pub(super) fn of(self, times: &[i64]) -> &[i64] {
        match self {
            Self::Each => times,
            Self::First => times.get(..1).unwrap_or_default(),
            Self::Last => times.get(times.len().saturating_sub(1)..).unwrap_or_default(),
        }
    }
}

impl ProgramFacts {
    pub fn of(program: &Program) -> Self {
        Self {
            id: program.id,
            kind: program.rules.kind(),
            goal: program.rules.goal(),
        }
    }
}

impl Context {
    /// Thousandths of the goal that a card has reached.
    pub fn progress(&self, program: ProgramId, punches: i64) -> Option<i64> {
        let of = self.programs.iter().find(|known| known.id == program)?;
        (of.goal > 0).then(|| punches * 1000 / of.goal)
    }

    fn programs_of(&self, kind: ProgramKind) -> Plan {
        let of_kind = self.programs.iter().filter(|program| program.kind == kind);
        Plan::one_of(NumberFact::Program, of_kind.map(|program| program.id.0))
    }
}

impl Plan {
    pub(super) fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    fn one_of(fact: NumberFact, values: impl Iterator<Item = i64>) -> Self {
        Self::Number {
            fact,
            ranges: values.map(Range::only).collect(),
        }
    }

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Only the cards of these customers, such as a search has found.
    #[must_use]
    pub fn among(self, customers: &[CustomerId]) -> Self {
        let mut values: Vec<i64> = customers.iter().map(|customer| customer.0).collect();
        values.sort_unstable();
        values.dedup();
        Self::All(vec![Self::one_of(NumberFact::Customer, values.into_iter()), self])
    }

    /// The cards on a list.
    pub fn listed(segment: SegmentId, cards: &[CardId]) -> Self {
        Self::Listed {
            segment,
            cards: cards.iter().map(|card| Range::only(card.0)).collect(),
        }
    }

    /// What `rule` means at the context's moment.
    pub fn of(rule: &Rule, context: &Context) -> Self {
        match rule {
            Rule::All(rules) => Self::All(rules.iter().map(|rule| Self::of(rule, context)).collect()),
            Rule::Any(rules) => Self::Any(rules.iter().map(|rule| Self::of(rule, context)).collect()),
            Rule::Not(rule) => Self::of(rule, context).not(),
            Rule::Is(condition) => Self::of_condition(condition, context),
        }
    }

    fn of_condition(condition: &Condition, context: &Context) -> Self {
        match &condition.test {
            Test::Not(operand) => Self::equals(condition, std::slice::from_ref(operand), context).not(),
            Test::Is(operand) => Self::equals(condition, std::slice::from_ref(operand), context),
            Test::In(operands) => Self::equals(condition, operands, context),
            Test::Empty => Self::empty(condition.field.kind, context),
            Test::Has(text) => match condition.field.kind {
                Kind::Text(fact) => match comparable(fact, text) {
                    part if part.is_empty() => Self::nothing(),
                    part => Self::Text {
                        fact,
                        test: TextTest::Contains(part),
                    },
                },
                _ => Self::nothing(),
            },
            test => Self::ranged(condition.field.kind, ranges(test, condition.field.kind, context)),
        }
    }

    fn ranged(kind: Kind, ranges: Ranges) -> Self {
        match kind {
            Kind::Number(fact) | Kind::Money(fact) | Kind::Time(fact) | Kind::MonthDay(fact) => {
                Self::Number { fact, ranges }
            }
            Kind::Times(fact) => Self::times(fact, ranges, Which::Each),
            Kind::FirstOf(fact) => Self::times(fact, ranges, Which::First),
            Kind::LastOf(fact) => Self::times(fact, ranges, Which::Last),
            _ => Self::nothing(),
        }
    }

    fn times(fact: TimesFact, ranges: Ranges, which: Which) -> Self {
        Self::Times { fact, ranges, which }
    }

    fn empty(kind: Kind, context: &Context) -> Self {
        match kind {
            Kind::Number(fact) | Kind::Money(fact) | Kind::Time(fact) | Kind::MonthDay(fact) => {
                Self::Absent(fact)
            }
            Kind::Times(fact) | Kind::FirstOf(fact) | Kind::LastOf(fact) => {
                Self::times(fact, Range::ALL.into(), Which::Each).not()
            }
            Kind::Text(fact) => Self::Text {
                fact,
                test: TextTest::Empty,
            },
            Kind::Set(fact, _) => Self::one_of(fact, std::iter::once(0)),
            Kind::Coupon => Self::Any(vec![
                context.programs_of(ProgramKind::Coupon),
                Self::Absent(NumberFact::CouponRedeemed).not(),
            ])
            .not(),
            _ => Self::nothing(),
        }
    }

    fn equals(condition: &Condition, operands: &[Operand], context: &Context) -> Self {
        let words = || {
            operands.iter().filter_map(|operand| match operand {
                Operand::Word(word) => Some(*word),
                _ => None,
            })
        };
        let any_word = |plan: &dyn Fn(&'static str) -> Self| Self::Any(words().map(plan).collect());
        match condition.field.kind {
            Kind::Program => {
                let programs = operands.iter().filter_map(|operand| match operand {
                    Operand::Program(program) => Some(program.0),
                    _ => None,
                });
                Self::one_of(NumberFact::Program, programs)
            }
            Kind::ProgramKind => any_word(&|word| {
                ProgramKind::parse(word).map_or(Self::nothing(), |kind| context.programs_of(kind))
            }),
            Kind::Status => any_word(&|word| status(word, context.now)),
            Kind::Coupon => any_word(&|word| coupon(word, context)),
            Kind::Known(fact) => any_word(&|word| yes_no(word, Self::Absent(fact).not())),
            Kind::Reachable => any_word(&|word| yes_no(word, reachable())),
            Kind::Set(fact, known) => {
                let bits = |word: &str| {
                    known
                        .iter()
                        .find(|(name, _)| *name == word)
                        .map_or(0, |(_, bit)| *bit)
                };
                Self::Bits {
                    fact,
                    mask: words().map(bits).fold(0, |mask, bit| mask | bit),
                }
            }
            Kind::Text(fact) => {
                let texts = operands.iter().filter_map(|operand| match operand {
                    Operand::Text(text) => Some(comparable(fact, text)),
                    _ => None,
                });
                Self::Text {
                    fact,
                    test: TextTest::OneOf(texts.filter(|text| !text.is_empty()).collect()),
                }
            }
            kind => Self::ranged(
                kind,
                operands.iter().map(|operand| at(operand, context)).collect(),
            ),
        }
    }
}

/// A text as the fact is kept.
fn comparable(fact: TextFact, text: &str) -> String {
    match fact {
        TextFact::Name => customer::fold(text),
        TextFact::Email => customer::email_key(text),
        TextFact::Phone => text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        TextFact::ExternalId | TextFact::Language => text.to_owned(),
    }
}

fn yes_no(word: &str, yes: Plan) -> Plan {
    if word == "yes" { yes } else { yes.not() }
}

fn stored(status: CardStatus) -> Plan {
    Plan::one_of(NumberFact::Status, std::iter::once(status_code(status)))
}

fn has_ended(now: Timestamp) -> Plan {
    Plan::Number {
        fact: NumberFact::Expires,
        ranges: Range {
            most: now.0,
            ..Range::ALL
        }
        .into(),
    }
}

/// Void comes before expired, and expired before everything that a phone reported.
fn status(word: &str, now: Timestamp) -> Plan {
    match CardStatus::parse(word) {
        Some(CardStatus::Void) => stored(CardStatus::Void),
        Some(other) => Plan::All(vec![stored(other), has_ended(now).not()]),
        None => Plan::All(vec![stored(CardStatus::Void).not(), has_ended(now)]),
    }
}

fn coupon(word: &str, context: &Context) -> Plan {
    let redeemed = Plan::Absent(NumberFact::CouponRedeemed).not();
    let unredeemed = |state: Plan| {
        let is_coupon = context.programs_of(ProgramKind::Coupon);
        Plan::All(vec![is_coupon, Plan::Absent(NumberFact::CouponRedeemed), state])
    };
    match word {
        "redeemed" => redeemed,
        "active" => {
            let ended = Plan::Any(vec![stored(CardStatus::Void), has_ended(context.now)]);
            unredeemed(ended.not())
        }
        word => unredeemed(status(word, context.now)),
    }
}

fn reachable() -> Plan {
    let has_channel = Plan::one_of(NumberFact::Channels, std::iter::once(0)).not();
    Plan::All(vec![has_channel, stored(CardStatus::Void).not()])
}

/// The state that a card is shown in, as a number that sorts.
pub fn status_now(stored: i64, expires: Option<i64>, now: Timestamp) -> i64 {
    if stored != status_code(CardStatus::Void) && expires.is_some_and(|end| end <= now.0) {
        EXPIRED_CODE
    } else {
        stored
    }
}

/// The word for such a number.
pub fn status_word(code: i64) -> &'static str {
    match code {
        0 => STATUSES[0],
        1 => STATUSES[1],
        2 => STATUSES[2],
        EXPIRED_CODE => STATUSES[4],
        _ => STATUSES[3],
    }
}

/// The numbers that one operand stands for.
fn at(operand: &Operand, context: &Context) -> Range {
    match operand {
        Operand::Number(number) => Range::only(*number),
        Operand::MonthDay(month, day) => Range::only(month_day(*month, *day)),
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

fn ranges(test: &Test, kind: Kind, context: &Context) -> Ranges {
    let now = context.now.0;
    let ago = |span: &Span| now.saturating_sub(span.millis());
    match test {
        Test::Under(operand) => Range::below(at(operand, context).least).into(),
        Test::Over(operand) => Range::above(at(operand, context).most).into(),
        Test::Older(span) => Range::below(ago(span)).into(),
        Test::Within(span) => Range {
            least: ago(span),
            most: now,
        }
        .into(),
        Test::Next(span) => Range {
            least: now,
            most: now.saturating_add(span.millis()),
        }
        .into(),
        Test::Today => today(context),
        Test::Between(from, to) => {
            let least = from.as_ref().map_or(i64::MIN, |from| at(from, context).least);
            let most = to.as_ref().map_or(i64::MAX, |to| at(to, context).most);
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
