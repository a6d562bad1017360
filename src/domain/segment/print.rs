//! Writing a rule as text: what [`Rule::parse`] reads back to the same rule.

use std::fmt::{Display, Formatter, Result, Write as _};

use super::parse::is_bare;
use super::{Condition, Operand, Rule, Span, Test};
use crate::domain::custom_field;

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::All(rules) => group(f, "all", rules),
            Self::Any(rules) => group(f, "any", rules),
            Self::Not(rule) => write!(f, "not({rule})"),
            Self::Is(condition) => condition.fmt(f),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}.", self.field.name)?;
        self.code.iter().try_for_each(|code| write!(f, "{code}."))?;
        match &self.test {
            Test::Is(operand) => write!(f, "is.{operand}"),
            Test::Not(operand) => write!(f, "not.{operand}"),
            Test::In(operands) => group(f, "in", operands),
            Test::Has(text) => {
                f.write_str("has.")?;
                quoted(f, text)
            }
            Test::Under(operand) => write!(f, "under.{operand}"),
            Test::Over(operand) => write!(f, "over.{operand}"),
            Test::Between(from, to) => {
                f.write_str("between.")?;
                from.iter().try_for_each(|from| from.fmt(f))?;
                f.write_str("..")?;
                to.iter().try_for_each(|to| to.fmt(f))
            }
            Test::Empty => f.write_str("empty"),
            Test::Older(span) => write!(f, "older.{span}"),
            Test::Within(span) => write!(f, "within.{span}"),
            Test::Next(span) => write!(f, "next.{span}"),
            Test::Today => f.write_str("today"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Decimal(number) => f.write_str(&custom_field::print(*number)),
            Self::Day(day) => write!(f, "{}", day.0),
            Self::MonthDay(month, day) => write!(f, "{month:02}-{day:02}"),
            Self::Text(text) => quoted(f, text),
            Self::Word(word) => f.write_str(word),
            Self::Program(program) => write!(f, "{program}"),
        }
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.hours.is_multiple_of(24) {
            write!(f, "{}d", self.hours / 24)
        } else {
            write!(f, "{}h", self.hours)
        }
    }
}

fn group(f: &mut Formatter<'_>, name: &str, members: &[impl Display]) -> Result {
    write!(f, "{name}(")?;
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        member.fmt(f)?;
    }
    f.write_char(')')
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    if !text.is_empty() && text.chars().all(is_bare) {
        f.write_str(text)
    } else {
        write!(f, "'{}'", text.replace('\'', "''"))
    }
}
