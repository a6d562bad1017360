//! A rule in plain words, for the people who act on it.

use super::{Condition, Operand, Rule, Span, Test};

impl Rule {
    /// "status is installed and visits over 9".
    pub fn describe(&self) -> String {
        match self {
            Self::All(rules) if rules.is_empty() => "every card".into(),
            Self::Any(rules) if rules.is_empty() => "no card".into(),
            Self::All(rules) => joined(rules, " and "),
            Self::Any(rules) => joined(rules, " or "),
            Self::Not(rule) => format!("not ({})", rule.describe()),
            Self::Is(condition) => condition.describe(),
        }
    }
}

fn joined(rules: &[Rule], word: &str) -> String {
    let part = |rule: &Rule| match rule {
        Rule::All(inner) | Rule::Any(inner) if inner.len() > 1 && rules.len() > 1 => {
            format!("({})", rule.describe())
        }
        _ => rule.describe(),
    };
    let parts: Vec<_> = rules.iter().map(part).collect();
    parts.join(word)
}

impl Condition {
    pub fn describe(&self) -> String {
        let label = match &self.code {
            Some(code) => format!("{} {code}", self.field.label),
            None => self.field.label.to_owned(),
        };
        let list = |operands: &[Operand]| {
            let parts: Vec<_> = operands.iter().map(Operand::to_string).collect();
            parts.join(", ")
        };
        match &self.test {
            Test::Is(operand) => format!("{label} is {operand}"),
            Test::Not(operand) => format!("{label} is not {operand}"),
            Test::In(operands) => format!("{label} is one of {}", list(operands)),
            Test::Has(text) => format!("{label} contains {text:?}"),
            Test::Under(operand) => format!("{label} under {operand}"),
            Test::Over(operand) => format!("{label} over {operand}"),
            Test::Between(Some(from), Some(to)) => format!("{label} from {from} to {to}"),
            Test::Between(Some(from), None) => format!("{label} from {from}"),
            Test::Between(None, to) => format!("{label} up to {}", list(to.as_slice())),
            Test::Empty => format!("{label} is empty"),
            Test::Older(span) => format!("{label} {} ago or longer", span.describe()),
            Test::Within(span) => format!("{label} less than {} ago", span.describe()),
            Test::Next(span) => format!("{label} in the next {}", span.describe()),
            Test::Today => format!("{label} today"),
        }
    }
}

impl Span {
    fn describe(self) -> String {
        let (count, unit) = if self.hours.is_multiple_of(24) {
            (self.hours / 24, "day")
        } else {
            (self.hours, "hour")
        };
        format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}
