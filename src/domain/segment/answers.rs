//! What programs ask of their customers, as far as rules compare the answers.
//!
//! Answers that are numbers are kept as ten-thousandths and days as their digits, so that a number is only ever held
//! against a number and a day against a day: programs that ask for something else under the same code are left out, and
//! a comparison that fits none of them is refused before anything is asked or kept.

use super::field::Kind;
use super::plan::{AnswerTest, Context, Plan};
use super::range::Ranges;
use super::{Condition, Operand, Rule, Test};

/// What an answer is compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// Any text, or one of some choices.
    Text,
    Number,
    Day,
}

/// Why a rule is not one for this merchant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("custom.{code}: expected {expected}; got {got}", expected = .kind.expected())]
pub struct Incomparable {
    pub code: String,
    /// As what the answers are compared.
    pub kind: AnswerKind,
    pub got: String,
}

impl AnswerKind {
    /// By the name of the kind of field.
    pub fn of_field(kind: &str) -> Self {
        match kind {
            "number" => Self::Number,
            "date" => Self::Day,
            _ => Self::Text,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "is, not, in, has or empty, because the answers are texts",
            Self::Number => "a number such as 42.5, because the answers are numbers",
            Self::Day => "a day such as 2026-11-25, because the answers are days",
        }
    }

    fn of_operand(operand: &Operand) -> Self {
        match operand {
            Operand::Day(_) => Self::Day,
            _ => Self::Number,
        }
    }
}

/// What an answer is compared with, where it is under, over or between something.
fn bound(test: &Test) -> Option<&Operand> {
    match test {
        Test::Under(operand) | Test::Over(operand) => Some(operand),
        Test::Between(from, to) => from.as_ref().or(to.as_ref()),
        _ => None,
    }
}

impl Rule {
    /// Refuses comparisons of answers that none of the merchant's programs asks for as such. A code that no program has is
    /// no mistake: nobody has answered.
    pub fn checked_for(&self, context: &Context) -> Result<(), Incomparable> {
        match self {
            Self::All(rules) | Self::Any(rules) => {
                rules.iter().try_for_each(|rule| rule.checked_for(context))
            }
            Self::Not(rule) => rule.checked_for(context),
            Self::Is(condition) => check(condition, context),
        }
    }
}

fn check(condition: &Condition, context: &Context) -> Result<(), Incomparable> {
    let (Some(code), Kind::Answer, Some(operand)) =
        (&condition.code, condition.field.kind, bound(&condition.test))
    else {
        return Ok(());
    };
    let asked = context
        .programs
        .iter()
        .filter_map(|program| program.asks(code.as_str()));
    let mut other = None;
    for kind in asked {
        if kind == AnswerKind::of_operand(operand) {
            return Ok(());
        }
        other = other.or(Some(kind));
    }
    other.map_or(Ok(()), |kind| {
        Err(Incomparable {
            code: code.as_str().to_owned(),
            kind,
            got: operand.to_string(),
        })
    })
}

/// Cards whose answer, where their program asks for a number or a day as the condition means it, is within `ranges`.
pub(super) fn within(condition: &Condition, ranges: &Ranges, context: &Context) -> Plan {
    let (Some(code), Some(operand)) = (&condition.code, bound(&condition.test)) else {
        return Plan::nothing();
    };
    let wanted = AnswerKind::of_operand(operand);
    let asking = context
        .programs
        .iter()
        .filter(|program| program.asks(code.as_str()) == Some(wanted));
    let programs: Vec<i64> = asking.map(|program| program.id.0).collect();
    if programs.is_empty() {
        return Plan::nothing();
    }
    let answer = Plan::Answer {
        code: code.as_str().to_owned(),
        test: AnswerTest::Number(ranges.clone()),
    };
    Plan::All(vec![
        Plan::one_of(super::facts::NumberFact::Program, programs.into_iter()),
        answer,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::api_for_tests::ProgramFacts;
    use super::*;
    use crate::domain::chips::Ready;
    use crate::domain::id::ProgramId;
    use crate::domain::program::ProgramKind;
    use crate::domain::rfm::Grid;
    use crate::domain::time::Timestamp;

    fn context() -> Context {
        let program = |id, fields: &[(&str, AnswerKind)]| ProgramFacts {
            id: ProgramId(id),
            kind: ProgramKind::Punch,
            goal: 0,
            tiers: Vec::new(),
            ready: Ready::Reward,
            grid: Grid::default(),
            high_value_from: None,
            fields: fields
                .iter()
                .map(|(code, kind)| ((*code).to_owned(), *kind))
                .collect(),
        };
        let one = [
            ("size", AnswerKind::Number),
            ("since", AnswerKind::Day),
            ("hat", AnswerKind::Text),
        ];
        let other = [("size", AnswerKind::Text), ("since", AnswerKind::Number)];
        Context {
            now: Timestamp(0),
            zone: jiff::tz::TimeZone::UTC,
            programs: vec![program(1, &one), program(2, &other)],
        }
    }

    #[test]
    fn a_comparison_that_fits_no_program_is_refused_with_what_would_fit() {
        let check = |text: &str| {
            let rule = Rule::parse(text).expect("a rule");
            rule.checked_for(&context())
                .map_err(|refused| refused.to_string())
        };
        for sound in [
            "custom.size.over.42",
            "custom.since.under.2026-01-01",
            "custom.since.between.1..2",
            "any(custom.hat.is.M,not(custom.hat.empty))",
            "custom.size.is.M",
            "custom.unknown.over.2026-01-01",
        ] {
            assert_eq!(check(sound), Ok(()), "{sound}");
        }
        let refused = |text: &str| check(text).expect_err("refused");
        assert_eq!(
            refused("all(visits.over.2,not(custom.hat.over.4))"),
            "custom.hat: expected is, not, in, has or empty, because the answers are texts; got 4"
        );
        assert_eq!(
            refused("custom.size.between.2026-01-01.."),
            "custom.size: expected a number such as 42.5, because the answers are numbers; got 2026-01-01"
        );
    }

    #[test]
    fn only_programs_that_ask_for_it_are_compared() {
        let plan = |text: &str| Plan::of(&Rule::parse(text).expect("a rule"), &context());
        let programs = |id| Plan::one_of(super::super::facts::NumberFact::Program, std::iter::once(id));
        for (text, program) in [
            ("custom.size.over.42", 1),
            ("custom.since.over.2026-01-01", 1),
            ("custom.since.over.2", 2),
        ] {
            let Plan::All(parts) = plan(text) else {
                panic!("{text}")
            };
            assert_eq!(parts.first(), Some(&programs(program)), "{text}");
        }
        assert_eq!(plan("custom.hat.over.4"), Plan::nothing());
    }
}
