//! A rule at one moment, for one merchant: nothing but facts, ranges of numbers and texts.
//!
//! All three faces start here, so that what "installed", "today" or "7 days ago" means is decided once.

use jiff::tz::TimeZone;

use super::answers::{self, AnswerKind};
use super::facts::{NumberFact, TextFact, TextsFact, TimesFact};
use super::field::Kind;
use super::meaning::{self, comparable, comparable_one_of};
use super::moments::{self, at};
use super::range::{Range, Ranges};
use super::{Condition, Operand, Rule, Test};
use crate::domain::chips::Ready;
use crate::domain::customer;
use crate::domain::id::{CardId, CustomerId, ProgramId, SegmentId};
use crate::domain::program::{ProgramKind, Rules};
use crate::domain::rfm::Grid;
use crate::domain::time::Timestamp;

/// What rules need to know besides cards: the moment, the merchant's zone, their programs.
#[derive(Debug, Clone)]
pub struct Context {
    pub now: Timestamp,
    pub zone: TimeZone,
    pub programs: Vec<ProgramFacts>,
}

/// What rules need to know of a program. The limits are those that its live counts follow, so that a segment holds
/// exactly who is counted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFacts {
    pub id: ProgramId,
    pub kind: ProgramKind,
    /// Punches that earn a reward; 0 where there are none.
    pub goal: i64,
    /// The names of its tiers from the lowest up, folded.
    pub tiers: Vec<String>,
    pub ready: Ready,
    pub grid: Grid,
    /// The least that a card of the top fifth has spent; none until somebody has spent something.
    pub high_value_from: Option<i64>,
    /// What it asks beyond the profile, by code; what it asks no more too, because answers are kept.
    pub fields: Vec<(String, AnswerKind)>,
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
    /// One of the texts.
    Texts {
        fact: TextsFact,
        test: TextTest,
    },
    /// What the holder answered to the field with this code.
    Answer {
        code: String,
        test: AnswerTest,
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

/// What an answer is compared with; one that is not there is empty and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerTest {
    Text(TextTest),
    Number(Ranges),
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
    /// With the rules of the program and with what its live counts are made by.
    pub fn new(id: ProgramId, rules: &Rules, ready: Ready, grid: Grid, high_value_from: Option<i64>) -> Self {
        let tiers = rules.ladder.iter().flat_map(|ladder| &ladder.tiers);
        Self {
            id,
            kind: rules.kind(),
            goal: rules.goal(),
            tiers: tiers.map(|tier| customer::fold(&tier.name)).collect(),
            ready,
            grid,
            high_value_from,
            fields: Vec::new(),
        }
    }

    /// What the answers to a field are compared as; none where the program has no such field.
    pub(super) fn asks(&self, code: &str) -> Option<AnswerKind> {
        let field = self.fields.iter().find(|(of, _)| of == code);
        field.map(|(_, kind)| *kind)
    }
}

impl Context {
    /// Thousandths of the goal that a card has reached.
    pub fn progress(&self, program: ProgramId, punches: i64) -> Option<i64> {
        let of = self.programs.iter().find(|known| known.id == program)?;
        (of.goal > 0).then(|| punches * 1000 / of.goal)
    }

    /// The goals, which are all that facts are made with.
    pub fn goals(&self) -> Vec<(ProgramId, i64)> {
        self.programs
            .iter()
            .map(|program| (program.id, program.goal))
            .collect()
    }
}

impl Plan {
    pub(super) fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    pub(super) fn one_of(fact: NumberFact, values: impl Iterator<Item = i64>) -> Self {
        Self::Number {
            fact,
            ranges: values.map(Range::only).collect(),
        }
    }

    pub(super) fn not(self) -> Self {
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
            Test::Empty => Self::empty(condition, context),
            Test::Has(text) => Self::contains(condition, text),
            test => {
                let ranges = moments::ranges(test, condition.field.kind, context);
                match condition.field.kind {
                    Kind::Answer => answers::within(condition, &ranges, context),
                    kind => Self::ranged(kind, ranges),
                }
            }
        }
    }

    fn contains(condition: &Condition, text: &str) -> Self {
        let test = TextTest::Contains;
        match condition.field.kind {
            Kind::Text(fact) => match comparable(fact, text) {
                part if part.is_empty() => Self::nothing(),
                part => Self::Text {
                    fact,
                    test: test(part),
                },
            },
            Kind::Texts(fact) => match comparable_one_of(fact, text) {
                part if part.is_empty() => Self::nothing(),
                part => Self::Texts {
                    fact,
                    test: test(part),
                },
            },
            Kind::Answer => Self::answer(condition, AnswerTest::Text(test(text.to_owned()))),
            _ => Self::nothing(),
        }
    }

    /// A condition on an answer always says on which.
    fn answer(condition: &Condition, test: AnswerTest) -> Self {
        condition
            .code
            .as_ref()
            .map_or(Self::nothing(), |code| Self::Answer {
                code: code.as_str().to_owned(),
                test,
            })
    }

    fn ranged(kind: Kind, ranges: Ranges) -> Self {
        match kind {
            Kind::Number(fact)
            | Kind::Decimal(fact)
            | Kind::Money(fact)
            | Kind::Time(fact)
            | Kind::MonthDay(fact) => Self::Number { fact, ranges },
            Kind::Times(fact) => Self::times(fact, ranges, Which::Each),
            Kind::FirstOf(fact) => Self::times(fact, ranges, Which::First),
            Kind::LastOf(fact) => Self::times(fact, ranges, Which::Last),
            _ => Self::nothing(),
        }
    }

    fn times(fact: TimesFact, ranges: Ranges, which: Which) -> Self {
        Self::Times { fact, ranges, which }
    }

    fn empty(condition: &Condition, context: &Context) -> Self {
        match condition.field.kind {
            Kind::Number(fact)
            | Kind::Decimal(fact)
            | Kind::Money(fact)
            | Kind::Time(fact)
            | Kind::MonthDay(fact) => Self::Absent(fact),
            Kind::Tier => Self::Absent(NumberFact::Tier),
            Kind::Times(fact) | Kind::FirstOf(fact) | Kind::LastOf(fact) => {
                Self::times(fact, Range::ALL.into(), Which::Each).not()
            }
            Kind::Text(fact) => Self::Text {
                fact,
                test: TextTest::Empty,
            },
            Kind::Texts(fact) => Self::Texts {
                fact,
                test: TextTest::Empty,
            },
            Kind::Answer => Self::answer(condition, AnswerTest::Text(TextTest::Empty)),
            Kind::Set(fact, _) => Self::one_of(fact, std::iter::once(0)),
            Kind::Coupon => meaning::no_coupon(context),
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
        match condition.field.kind {
            Kind::Program => {
                let programs = operands.iter().filter_map(|operand| match operand {
                    Operand::Program(program) => Some(program.0),
                    _ => None,
                });
                Self::one_of(NumberFact::Program, programs)
            }
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
            Kind::Text(fact) => Self::Text {
                fact,
                test: one_of_texts(operands, |text| comparable(fact, text)),
            },
            Kind::Texts(fact) => Self::Texts {
                fact,
                test: one_of_texts(operands, |text| comparable_one_of(fact, text)),
            },
            Kind::Answer => {
                let test = one_of_texts(operands, str::to_owned);
                Self::answer(condition, AnswerTest::Text(test))
            }
            Kind::Tier => Self::Any(texts(operands).map(|name| meaning::tier(name, context)).collect()),
            kind @ (Kind::Number(_)
            | Kind::Decimal(_)
            | Kind::Money(_)
            | Kind::Time(_)
            | Kind::Times(_)
            | Kind::FirstOf(_)
            | Kind::LastOf(_)
            | Kind::MonthDay(_)) => {
                let ranges = operands
                    .iter()
                    .map(|operand| at(operand, kind, context))
                    .collect();
                Self::ranged(kind, ranges)
            }
            kind => Self::Any(words().map(|word| meaning::word(kind, word, context)).collect()),
        }
    }
}

fn texts(operands: &[Operand]) -> impl Iterator<Item = &str> {
    operands.iter().filter_map(|operand| match operand {
        Operand::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn one_of_texts(operands: &[Operand], comparable: impl Fn(&str) -> String) -> TextTest {
    TextTest::OneOf(
        texts(operands)
            .map(comparable)
            .filter(|text| !text.is_empty())
            .collect(),
    )
}
