//! Reading a rule from its text. Any text at all is either read or refused with the place; nothing recurses deeper
//! than [`DEEPEST`], whatever comes.

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
            let expected = format!("at most {LONGEST} bytes");
            return Err(parser.refuse(0, expected, Some(format!("{} bytes", text.len()))));
        }
        let rule = parser.rule(0)?;
        if parser.rest().is_empty() {
            Ok(rule)
        } else {
            Err(parser.expected("the end of the rule"))
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

    fn refuse(&self, at: usize, expected: impl Into<String>, got: Option<String>) -> RuleError {
        let before = self.text.get(..at).unwrap_or_default();
        let got = got.unwrap_or_else(|| {
            let next: String = self.text.get(at..).unwrap_or_default().chars().take(20).collect();
            if next.is_empty() {
                "the end".into()
            } else {
                format!("{next:?}")
            }
        });
        RuleError {
            at: before.chars().count() + 1,
            expected: expected.into(),
            got,
        }
    }

    fn expected(&self, what: impl Into<String>) -> RuleError {
        self.refuse(self.at, what, None)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), RuleError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.expected(format!("`{sign}`")))
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
                    let expected = format!("at most {DEEPEST} groups within each other");
                    return Err(self.refuse(start, expected, None));
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
                    let expected = "all(…), any(…), not(…) or a field such as status, visits or last_visit";
                    return Err(self.refuse(start, expected, None));
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
            return Err(self.refuse(start, "the code of a field, such as shoe_size", None));
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
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    fn test(&mut self, field: &'static Field) -> Result<Test, RuleError> {
        let start = self.at;
        let operator = self.name().to_owned();
        if !field.operators().contains(&operator.as_str()) {
            let expected = format!("one of {} for {}", field.operators().join(", "), field.name);
            return Err(self.refuse(start, expected, None));
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
                return Err(self.expected("`,` or `)`"));
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
            (None, None) => return Err(self.refuse(start, "a first or a last value", None)),
            (Some(Operand::Day(_)), Some(Operand::Decimal(_)))
            | (Some(Operand::Decimal(_)), Some(Operand::Day(_))) => {
                return Err(self.refuse(start, "two numbers or two days", None));
            }
            (Some(Operand::Number(from)), Some(Operand::Number(to)))
            | (Some(Operand::Decimal(from)), Some(Operand::Decimal(to))) => from > to,
            (Some(Operand::Day(from)), Some(Operand::Day(to))) => from > to,
            _ => false,
        };
        if is_backwards && !wraps {
            return Err(self.refuse(start, "a first value that is not after the last one", None));
        }
        Ok(Test::Between(from, to))
    }

    /// What a value is under, over or between. An answer's is a number or a day; what the holder was asked decides.
    fn bound(&mut self, field: &'static Field) -> Result<Operand, RuleError> {
        match field.kind {
            Kind::Answer => self.decimal("a number such as 42.5 or a day such as 2026-11-25", true),
            _ => self.operand(field),
        }
    }

    fn decimal(&mut self, expected: &str, or_day: bool) -> Result<Operand, RuleError> {
        let start = self.at;
        let whole = self.run(is_digit);
        if or_day && let Some(day) = day(whole) {
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
            .ok_or_else(|| self.refuse(start, expected, None))
    }

    fn operand(&mut self, field: &'static Field) -> Result<Operand, RuleError> {
        match field.kind {
            Kind::Decimal(_) => self.decimal("a number such as 3.5", false),
            Kind::Number(_) | Kind::Money(_) => self.read("a whole number", is_digit, |text| {
                text.parse().ok().map(Operand::Number)
            }),
            Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => {
                self.read("a day such as 2026-11-25", is_digit, day)
            }
            Kind::MonthDay(_) => self.read("a month and day such as 12-24", is_digit, month_day),
            Kind::Text(_) | Kind::Texts(_) | Kind::Answer | Kind::Tier => self.text().map(Operand::Text),
            Kind::Program => self.read(
                "a program's id",
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
                let expected = format!("one of {}", words.join(", "));
                self.read(
                    &expected,
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
        expected: &str,
        fits: impl Fn(char) -> bool,
        read: impl Fn(&str) -> Option<Operand>,
    ) -> Result<Operand, RuleError> {
        let start = self.at;
        let operand = read(self.run(fits));
        operand.ok_or_else(|| self.refuse(start, expected, None))
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
            let expected =
                "some text, in single quotes where it holds other signs than -_@+:/. (`empty` asks for none)";
            return Err(self.refuse(start, expected, None));
        }
        Ok(text)
    }

    fn span(&mut self) -> Result<Span, RuleError> {
        let start = self.at;
        let expected = "a number of days or hours such as 7d or 48h";
        let digits = self.run(|c| c.is_ascii_digit());
        let count: Option<u32> = digits.parse().ok();
        let unit = if self.take("d") {
            24
        } else if self.take("h") {
            1
        } else {
            return Err(self.refuse(start, expected, None));
        };
        let hours = count.and_then(|count| count.checked_mul(unit));
        match hours.filter(|hours| *hours <= MOST_HOURS) {
            Some(hours) => Ok(Span { hours }),
            None => Err(self.refuse(start, expected, None)),
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
