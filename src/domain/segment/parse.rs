//! Reading a rule from its text. Any text at all is either read or refused with the place; nothing recurses deeper
//! than [`DEEPEST`], whatever comes.

use super::expected::{Expected, Got};
use super::field::Kind;
use super::{Condition, DEEPEST, Field, LONGEST, Operand, Rule, RuleError, Span, Test};
use crate::domain::custom_field::{FieldCode, fixed_point};
use crate::domain::time::CivilDay;

/// The longest span: a century.
const MOST_HOURS: u32 = 876_000;
/// A month-day is checked against a leap year, so that 29 February is one.
const LEAP_YEAR: i16 = 2024;

impl Rule {
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > LONGEST {
            return Err(RuleError {
                at: 1,
                expected: Expected::Shorter,
                got: Got::Bytes(text.len()),
            });
        }
        let rule = parser.rule(0)?;
        if parser.rest().is_empty() {
            Ok(rule)
        } else {
            Err(parser.expected(Expected::End))
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    /// Bytes read.
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn refuse(&self, at: usize, expected: Expected) -> RuleError {
        let before = self.text.get(..at).unwrap_or_default();
        let next: String = self.text.get(at..).unwrap_or_default().chars().take(20).collect();
        RuleError {
            at: before.chars().count() + 1,
            expected,
            got: if next.is_empty() {
                Got::End
            } else {
                Got::Text(next)
            },
        }
    }

    fn expected(&self, what: Expected) -> RuleError {
        self.refuse(self.at, what)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn need(&mut self, sign: &'static str) -> Result<(), RuleError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.expected(Expected::Sign(sign)))
        }
    }

    /// The longest run of characters that `fits`.
    fn run(&mut self, fits: impl Fn(char) -> bool) -> &str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn name(&mut self) -> &str {
        self.run(|c| c.is_ascii_lowercase() || c == '_')
    }

    fn rule(&mut self, depth: usize) -> Result<Rule, RuleError> {
        let start = self.at;
        let name = self.name().to_owned();
        let is_group = self.rest().starts_with('(');
        match name.as_str() {
            "all" | "any" | "not" if is_group => {
                if depth == DEEPEST {
                    return Err(self.refuse(start, Expected::Shallower));
                }
                self.need("(")?;
                if name == "not" {
                    let rule = self.rule(depth + 1)?;
                    self.need(")")?;
                    return Ok(Rule::Not(Box::new(rule)));
                }
                let rules = self.rules(depth + 1)?;
                Ok(if name == "all" {
                    Rule::All(rules)
                } else {
                    Rule::Any(rules)
                })
            }
            _ => {
                let Some(field) = Field::named(&name) else {
                    return Err(self.refuse(start, Expected::RuleOrField));
                };
                self.need(".")?;
                let code = match field.kind {
                    Kind::Answer => Some(self.code()?),
                    _ => None,
                };
                let test = self.test(field)?;
                Ok(Rule::Is(Condition { field, code, test }))
            }
        }
    }

    /// Which of a program's fields is meant.
    fn code(&mut self) -> Result<FieldCode, RuleError> {
        let start = self.at;
        let code = FieldCode::parse(self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        let Ok(code) = code else {
            return Err(self.refuse(start, Expected::Code));
        };
        self.need(".")?;
        Ok(code)
    }

    /// Rules up to and with the closing bracket.
    fn rules(&mut self, depth: usize) -> Result<Vec<Rule>, RuleError> {
        let mut rules = Vec::new();
        if self.take(")") {
            return Ok(rules);
        }
        loop {
            rules.push(self.rule(depth)?);
            if self.take(")") {
                return Ok(rules);
            }
            if !self.take(",") {
                return Err(self.expected(Expected::CommaOrBracket));
            }
        }
    }

    fn test(&mut self, field: &'static Field) -> Result<Test, RuleError> {
        let start = self.at;
        let operator = self.name().to_owned();
        if !field.operators().contains(&operator.as_str()) {
            return Err(self.refuse(start, Expected::Operator(field)));
        }
        match operator.as_str() {
            "empty" => return Ok(Test::Empty),
            "today" => return Ok(Test::Today),
            "in" => {
                self.need("(")?;
                return self.operands(field).map(Test::In);
            }
            _ => self.need(".")?,
        }
        Ok(match operator.as_str() {
            "is" => Test::Is(self.operand(field)?),
            "not" => Test::Not(self.operand(field)?),
            "under" => Test::Under(self.bound(field)?),
            "over" => Test::Over(self.bound(field)?),
            "has" => Test::Has(self.text()?),
            "older" => Test::Older(self.span()?),
            "within" => Test::Within(self.span()?),
            "next" => Test::Next(self.span()?),
            _ => self.between(field)?,
        })
    }

    fn operands(&mut self, field: &'static Field) -> Result<Vec<Operand>, RuleError> {
        let mut operands = vec![self.operand(field)?];
        loop {
            if self.take(")") {
                return Ok(operands);
            }
            if !self.take(",") {
                return Err(self.expected(Expected::CommaOrBracket));
            }
            operands.push(self.operand(field)?);
        }
    }

    fn between(&mut self, field: &'static Field) -> Result<Test, RuleError> {
        let start = self.at;
        let from = match self.take("..") {
            true => None,
            false => {
                let from = self.bound(field)?;
                self.need("..")?;
                Some(from)
            }
        };
        let is_last = self.rest().is_empty() || self.rest().starts_with([',', ')']);
        let to = match is_last {
            true => None,
            false => Some(self.bound(field)?),
        };
        let wraps = matches!(field.kind, Kind::MonthDay(_));
        let is_backwards = match (&from, &to) {
            (None, None) => return Err(self.refuse(start, Expected::FirstOrLast)),
            (Some(Operand::Day(_)), Some(Operand::Decimal(_)))
            | (Some(Operand::Decimal(_)), Some(Operand::Day(_))) => {
                return Err(self.refuse(start, Expected::SameKind));
            }
            (Some(Operand::Number(from)), Some(Operand::Number(to)))
            | (Some(Operand::Decimal(from)), Some(Operand::Decimal(to))) => from > to,
            (Some(Operand::Day(from)), Some(Operand::Day(to))) => from > to,
            _ => false,
        };
        if is_backwards && !wraps {
            return Err(self.refuse(start, Expected::InOrder));
        }
        Ok(Test::Between(from, to))
    }

    /// What a value is under, over or between. An answer's is a number or a day; what the holder was asked decides.
    fn bound(&mut self, field: &'static Field) -> Result<Operand, RuleError> {
        match field.kind {
            Kind::Answer => self.decimal(Expected::NumberOrDay),
            _ => self.operand(field),
        }
    }

    fn decimal(&mut self, expected: Expected) -> Result<Operand, RuleError> {
        let start = self.at;
        let whole = self.run(is_digit);
        if expected == Expected::NumberOrDay
            && let Some(day) = day(whole)
        {
            return Ok(day);
        }
        let has_decimals = self.rest().starts_with('.')
            && self
                .rest()
                .get(1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if has_decimals {
            self.need(".")?;
            self.run(|c| c.is_ascii_digit());
        }
        let number = fixed_point(self.text.get(start..self.at).unwrap_or_default());
        number
            .map(Operand::Decimal)
            .ok_or_else(|| self.refuse(start, expected))
    }

    fn operand(&mut self, field: &'static Field) -> Result<Operand, RuleError> {
        match field.kind {
            Kind::Decimal(_) => self.decimal(Expected::Decimal),
            Kind::Number(_) | Kind::Money(_) => self.read(Expected::Number, is_digit, |text| {
                text.parse().ok().map(Operand::Number)
            }),
            Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => {
                self.read(Expected::Day, is_digit, day)
            }
            Kind::MonthDay(_) => self.read(Expected::MonthDay, is_digit, month_day),
            Kind::Text(_) | Kind::Texts(_) | Kind::Answer | Kind::Tier => self.text().map(Operand::Text),
            Kind::Program => self.read(
                Expected::Program,
                |c| c.is_ascii_alphanumeric(),
                |text| text.parse().ok().map(Operand::Program),
            ),
            Kind::Set(..)
            | Kind::Known(_)
            | Kind::ProgramKind
            | Kind::Status
            | Kind::Wallet
            | Kind::Coupon
            | Kind::Ready
            | Kind::HighValue
            | Kind::Cell
            | Kind::Reachable
            | Kind::ReachableFor => {
                let words = field.words();
                self.read(
                    Expected::Word(field),
                    |c| c.is_ascii_lowercase() || c == '_',
                    |text| {
                        words
                            .iter()
                            .find(|word| **word == text)
                            .map(|word| Operand::Word(word))
                    },
                )
            }
        }
    }

    fn read(
        &mut self,
        expected: Expected,
        fits: impl Fn(char) -> bool,
        read: impl Fn(&str) -> Option<Operand>,
    ) -> Result<Operand, RuleError> {
        let start = self.at;
        let operand = read(self.run(fits));
        operand.ok_or_else(|| self.refuse(start, expected))
    }

    fn text(&mut self) -> Result<String, RuleError> {
        let start = self.at;
        let mut text = String::new();
        if self.take("'") {
            loop {
                text.push_str(self.run(|c| c != '\''));
                self.need("'")?;
                if !self.take("'") {
                    break;
                }
                text.push('\'');
            }
        } else {
            text.push_str(self.run(is_bare));
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(self.refuse(start, Expected::Text));
        }
        Ok(text)
    }

    fn span(&mut self) -> Result<Span, RuleError> {
        let start = self.at;
        let digits = self.run(|c| c.is_ascii_digit());
        let count: Option<u32> = digits.parse().ok();
        let unit = if self.take("d") {
            24
        } else if self.take("h") {
            1
        } else {
            return Err(self.refuse(start, Expected::Span));
        };
        let hours = count.and_then(|count| count.checked_mul(unit));
        match hours.filter(|hours| *hours <= MOST_HOURS) {
            Some(hours) => Ok(Span { hours }),
            None => Err(self.refuse(start, Expected::Span)),
        }
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || c == '-'
}

/// What may stand in a text without quotes.
pub(super) fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | '+' | ':' | '/' | '.')
}

fn day(text: &str) -> Option<Operand> {
    let day = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some(Operand::Day(CivilDay(day)))
}

fn month_day(text: &str) -> Option<Operand> {
    let (month, day) = text.split_once('-')?;
    if month.len() != 2 || day.len() != 2 {
        return None;
    }
    let date = jiff::civil::Date::new(LEAP_YEAR, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(Operand::MonthDay(date.month(), date.day()))
}
