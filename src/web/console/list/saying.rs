//! A rule in the words of the page: what a person reads on a chip and beside a segment.

use super::programs::Programs;
use crate::domain::segment::facts::NumberFact;
use crate::domain::segment::field::Kind;
use crate::domain::segment::{Condition, Operand, Rule, Span, Test};
use crate::web::console::screen::Screen;
use crate::web::console::words::filter::{field, word};
use crate::web::console::words::{Language, Words};

/// What rules are said with.
pub struct Saying<'p> {
    words: &'static Words,
    programs: &'p Programs,
}

impl<'p> Saying<'p> {
    pub fn new(screen: &Screen, programs: &'p Programs) -> Self {
        Self {
            words: screen.words,
            programs,
        }
    }

    pub fn rule(&self, rule: &Rule) -> String {
        let words = &self.words.filter;
        match rule {
            Rule::All(rules) if rules.is_empty() => words.everybody.to_owned(),
            Rule::Any(rules) if rules.is_empty() => words.nobody.to_owned(),
            Rule::All(rules) => self.joined(rules, words.and),
            Rule::Any(rules) => self.joined(rules, words.or),
            Rule::Not(rule) => match &**rule {
                Rule::Is(Condition {
                    field,
                    code,
                    test: Test::In(operands),
                }) => {
                    let label = self.label(field.name, code.as_ref().map(|code| code.as_str()));
                    format!("{label} {} {}", words.not, self.list(operands, field.kind))
                }
                rule => (words.but_not)(&self.rule(rule)),
            },
            Rule::Is(condition) => self.condition(condition),
        }
    }

    fn joined(&self, rules: &[Rule], word: &str) -> String {
        let part = |rule: &Rule| match rule {
            Rule::All(inner) | Rule::Any(inner) if inner.len() > 1 && rules.len() > 1 => {
                format!("({})", self.rule(rule))
            }
            _ => self.rule(rule),
        };
        rules.iter().map(part).collect::<Vec<_>>().join(word)
    }

    fn label(&self, name: &str, code: Option<&str>) -> String {
        let label = field(self.words.language, name);
        code.map_or_else(|| label.to_owned(), |code| format!("{label} {code}"))
    }

    fn condition(&self, condition: &Condition) -> String {
        let words = &self.words.filter;
        let kind = condition.field.kind;
        let label = self.label(
            condition.field.name,
            condition.code.as_ref().map(|code| code.as_str()),
        );
        let one = |operand: &Operand| self.operand(operand, kind);
        let is_day = |operand: &Operand| matches!(operand, Operand::Day(_));
        match &condition.test {
            Test::Is(Operand::Word("yes")) if !matches!(kind, Kind::Set(..)) => label,
            Test::Is(operand) => format!("{label} {} {}", words.is, one(operand)),
            Test::Not(operand) => format!("{label} {} {}", words.not, one(operand)),
            Test::In(operands) => format!("{label} {} {}", words.is_one_of, self.list(operands, kind)),
            Test::Has(text) => format!("{label} {} {}", words.has, (self.words.list.found_by)(text)),
            Test::Under(day) if is_day(day) => format!("{label} {} {}", words.before, one(day)),
            Test::Over(day) if is_day(day) => format!("{label} {} {}", words.after, one(day)),
            Test::Under(operand) => format!("{label} {} {}", words.under, one(operand)),
            Test::Over(operand) => format!("{label} {} {}", words.over, one(operand)),
            Test::Between(Some(from), Some(to)) => {
                format!("{label} {}", (words.from_to)(&one(from), &one(to)))
            }
            Test::Between(Some(from), None) => format!("{label} {}", (words.from_on)(&one(from))),
            Test::Between(None, Some(to)) => format!("{label} {}", (words.up_to)(&one(to))),
            Test::Between(None, None) => label,
            Test::Empty => format!("{label} {}", words.empty),
            Test::Older(span) => format!("{label} {} {}", words.older, self.span(*span, words.days)),
            Test::Within(span) => format!("{label} {} {}", words.within, self.span(*span, words.within_days)),
            Test::Next(span) => format!("{label} {} {}", words.next, self.span(*span, words.within_days)),
            Test::Today => format!("{label} {}", words.today),
        }
    }

    fn list(&self, operands: &[Operand], kind: Kind) -> String {
        let parts: Vec<_> = operands
            .iter()
            .map(|operand| self.operand(operand, kind))
            .collect();
        parts.join(", ")
    }

    fn operand(&self, operand: &Operand, kind: Kind) -> String {
        let language = self.words.language;
        match operand {
            Operand::Number(minor) if matches!(kind, Kind::Money(_)) => {
                language.money(self.programs.usual_currency(), *minor)
            }
            Operand::Number(thousandths) if kind == Kind::Number(NumberFact::Progress) => {
                let percent = match thousandths % 10 {
                    0 => language.number(thousandths / 10),
                    _ => language.decimal(*thousandths),
                };
                format!("{percent} %")
            }
            Operand::Number(number) => language.number(*number),
            Operand::Decimal(_) => match language {
                Language::English => operand.to_string(),
                Language::German => operand.to_string().replace('.', ","),
            },
            Operand::Day(day) => language.civil_day(*day),
            Operand::MonthDay(month, day) => {
                // A leap year has every day.
                let date = jiff::civil::Date::new(2024, *month, *day);
                date.map_or_else(|_| operand.to_string(), |date| language.date(date, true))
            }
            Operand::Text(text) => (self.words.list.found_by)(text),
            Operand::Word(name) => word(language, name).map_or_else(|| (*name).to_owned(), str::to_owned),
            Operand::Program(id) => match self.programs.name(*id) {
                "" => id.to_string(),
                name => name.to_owned(),
            },
        }
    }

    /// `days` as they are called in the place where they stand.
    fn span(&self, span: Span, days: &str) -> String {
        let words = &self.words.filter;
        let (count, unit) = match span.hours {
            1 => return words.one_hour.to_owned(),
            24 => return words.one_day.to_owned(),
            hours if hours.is_multiple_of(24) => (hours / 24, days),
            hours => (hours, words.hours),
        };
        format!("{} {unit}", self.words.language.number(i64::from(count)))
    }
}
