//! What is typed into the form of a filter, what may be typed for each field, and the condition that it says.

use maud::{Markup, html};

use super::day_of_year;
use super::programs::Programs;
use crate::domain::money::{Amount, Currency};
use crate::domain::segment::facts::NumberFact;
use crate::domain::segment::field::Kind;
use crate::domain::segment::{Expected, Field, Rule};
use crate::web::console::words::filter::{Filter, word};
use crate::web::console::words::{Language, Text, Words};

/// The form as it was filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    pub operator: String,
    /// Which of a program's own fields.
    pub code: String,
    /// One text, or several choices.
    values: Vec<String>,
    from: String,
    to: String,
    span: String,
    unit: String,
}

/// How a field's values are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One or several of these: value and label.
    Choices(Vec<(String, String)>),
    Number,
    Decimal,
    /// Of the goal; rules have thousandths.
    Percent,
    Money,
    Day,
    MonthDay,
    Text,
}

/// The operators that a form offers for a field, as people read them. Choices are "one of" by themselves.
pub fn operators(field: &Field, input: &Input, words: &Filter) -> Vec<(&'static str, Text)> {
    let is_day = *input == Input::Day;
    let label = |operator: &str| match operator {
        "is" if matches!(input, Input::Choices(_)) => words.is_one_of,
        "is" => words.is,
        "in" => words.is_one_of,
        "not" => words.not,
        "has" => words.has,
        "under" if is_day => words.before,
        "over" if is_day => words.after,
        "under" => words.under,
        "over" => words.over,
        "between" => words.between,
        "empty" => words.empty,
        "older" => words.older,
        "within" => words.within,
        "next" => words.next,
        _ => words.today,
    };
    let has_choices = matches!(input, Input::Choices(_));
    let offered = field
        .operators()
        .iter()
        .filter(|operator| **operator != "in" || !(has_choices || *input == Input::MonthDay));
    offered.map(|operator| (*operator, label(operator))).collect()
}

impl Input {
    pub fn of(field: &Field, language: Language, programs: &Programs) -> Self {
        match field.kind {
            Kind::Number(NumberFact::Progress) => Self::Percent,
            Kind::Number(_) => Self::Number,
            Kind::Decimal(_) => Self::Decimal,
            Kind::Money(_) => Self::Money,
            Kind::Time(_) | Kind::Times(_) | Kind::FirstOf(_) | Kind::LastOf(_) => Self::Day,
            Kind::MonthDay(_) => Self::MonthDay,
            Kind::Text(_) | Kind::Texts(_) | Kind::Answer => Self::Text,
            Kind::Tier => Self::Choices(
                programs
                    .tiers()
                    .into_iter()
                    .map(|name| (name.clone(), name))
                    .collect(),
            ),
            Kind::Program => {
                let all = programs.all().into_iter();
                Self::Choices(
                    all.map(|program| (program.id.to_string(), program.name.clone()))
                        .collect(),
                )
            }
            _ => {
                let label = |name: &'static str| word(language, name).unwrap_or(name).to_owned();
                let words = field.words().into_iter();
                Self::Choices(words.map(|name| (name.to_owned(), label(name))).collect())
            }
        }
    }

    /// The fields of the form. Which of them belong to which operator is said for the script, which hides the others.
    pub fn draw(&self, typed: &Typed, all: &Words, problem: Option<&str>) -> Markup {
        let (words, language) = (&all.filter, all.language);
        let invalid = problem.map(|_| "true");
        let kind = match self {
            Self::Day => "date",
            _ => "text",
        };
        let mode = match self {
            Self::Number => Some("numeric"),
            Self::Decimal | Self::Percent | Self::Money => Some("decimal"),
            _ => None,
        };
        let value = |name: &str, label: &str, value: &str| match self {
            Self::MonthDay => day_of_year::draw(words, language, (name, label, value), problem),
            _ => html! {
                div.field {
                    label for=(name) { (label) }
                    input id=(name) name=(name) type=(kind) inputmode=[mode] value=(value)
                        autocomplete="off" aria-invalid=[invalid] aria-describedby=[problem];
                }
            },
        };
        html! {
            @match self {
                Self::Choices(choices) => fieldset.choices data-when="is not" {
                    legend { (words.values) }
                    @for (code, label) in choices {
                        label.check {
                            input type="checkbox" name="value" value=(code) checked[typed.values.contains(code)];
                            span { (label) }
                        }
                    }
                },
                _ => {
                    div data-when="is not has under over in" {
                        (value("value", words.value, typed.values.first().map_or("", String::as_str)))
                        @if *self != Self::MonthDay { p.hint data-when="in" { (words.values_hint) } }
                    }
                    div.fields data-when="between" {
                        (value("from", words.from, &typed.from))
                        (value("to", words.to, &typed.to))
                        p.hint.wide { (words.either_hint) }
                    }
                },
            }
            @if *self == Self::Day {
                div.fields data-when="older within next" {
                    div.field {
                        label for="span" { (words.span) }
                        input #span name="span" type="number" min="1" max="36500" value=(typed.span) aria-invalid=[invalid] aria-describedby=[problem];
                    }
                    div.field {
                        label for="unit" { (words.unit) }
                        select #unit name="unit" {
                            option value="d" { (words.days) }
                            option value="h" selected[typed.unit == "h"] { (words.hours) }
                        }
                    }
                }
            }
        }
    }
}

impl Typed {
    /// Reads a form. A day of the year stands in one text, as in rules, or in two that were chosen.
    pub fn parse(query: &str) -> Self {
        let mut typed = Self::default();
        let mut chosen: [(String, String); 3] = Default::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim().to_owned();
            match &*name {
                "is" => typed.operator = value,
                "code" => typed.code = value,
                "value" if !value.is_empty() => typed.values.push(value),
                "from" => typed.from = value,
                "to" => typed.to = value,
                "span" => typed.span = value,
                "unit" => typed.unit = value,
                "value_month" => chosen[0].0 = value,
                "value_day" => chosen[0].1 = value,
                "from_month" => chosen[1].0 = value,
                "from_day" => chosen[1].1 = value,
                "to_month" => chosen[2].0 = value,
                "to_day" => chosen[2].1 = value,
                _ => {}
            }
        }
        let [value, from, to] = chosen.map(|(month, day)| day_of_year::joined(&month, &day));
        typed.values.extend(value);
        typed.from = from.unwrap_or(typed.from);
        typed.to = to.unwrap_or(typed.to);
        typed
    }

    /// The condition that the form says, or what it expected instead.
    pub fn rule(&self, field: &'static Field, words: &Filter, currency: Currency) -> Result<Rule, Text> {
        let has_choices = !field.words().is_empty() || matches!(field.kind, Kind::Program | Kind::Tier);
        let expected = self.expected(field, words, has_choices);
        let head = match field.kind {
            Kind::Answer => format!("{}.{}", field.name, self.code),
            _ => field.name.to_owned(),
        };
        let written = |text: &str| written(field, &self.operator, text, currency);
        let values: Vec<String> = match (self.operator.as_str(), has_choices) {
            ("in", false) => self.values.iter().flat_map(|all| all.split(';')).collect(),
            _ => self.values.iter().map(String::as_str).collect::<Vec<_>>(),
        }
        .into_iter()
        .filter(|text| !text.trim().is_empty())
        .map(written)
        .collect();
        let end = |text: &str| match text {
            "" => String::new(),
            text => written(text),
        };
        let text = match (self.operator.as_str(), values.as_slice()) {
            ("is" | "not", [value]) => format!("{head}.{}.{value}", self.operator),
            ("is" | "in", [_, ..]) => format!("{head}.in({})", values.join(",")),
            ("not", [_, _, ..]) => format!("not({head}.in({}))", values.join(",")),
            ("between", _) => format!("{head}.between.{}..{}", end(&self.from), end(&self.to)),
            ("older" | "within" | "next", _) => {
                let unit = if self.unit == "h" { "h" } else { "d" };
                format!("{head}.{}.{}{unit}", self.operator, self.span)
            }
            ("empty" | "today", _) => format!("{head}.{}", self.operator),
            (operator, [value, ..]) => format!("{head}.{operator}.{value}"),
            (_, []) => return Err(expected),
        };
        Rule::parse(&text).map_err(|error| match error.expected {
            Expected::InOrder => words.backwards,
            _ => expected,
        })
    }

    fn expected(&self, field: &Field, words: &Filter, has_choices: bool) -> Text {
        match field.kind {
            Kind::Answer if self.code.is_empty() => words.expected_code,
            _ if matches!(self.operator.as_str(), "older" | "within" | "next") => words.expected_span,
            _ if has_choices => words.expected_choice,
            Kind::Number(NumberFact::Progress) => words.expected_percent,
            Kind::Number(_) => words.expected_number,
            Kind::MonthDay(_) => words.expected_day_of_year,
            Kind::Decimal(_) => words.expected_decimal,
            Kind::Money(_) => words.expected_money,
            Kind::Text(_) | Kind::Texts(_) | Kind::Answer => words.expected_text,
            _ => words.expected_day,
        }
    }
}

/// "75", "75 %" or "75,5" percent as thousandths.
fn thousandths(text: &str) -> Option<i64> {
    let text = text.trim_end_matches('%').trim().replace(',', ".");
    let (whole, tenths) = text.split_once('.').unwrap_or((&text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(tenths) || tenths.len() > 1 {
        return None;
    }
    let (whole, tenths): (i64, i64) = (whole.parse().ok()?, tenths.parse().ok()?);
    whole.checked_mul(10)?.checked_add(tenths)
}

/// A value as rules are written.
fn written(field: &Field, operator: &str, text: &str, currency: Currency) -> String {
    let text = text.trim();
    let is_bound = matches!(operator, "under" | "over" | "between");
    match field.kind {
        Kind::Number(NumberFact::Progress) => {
            thousandths(text).map_or_else(|| "?".to_owned(), |number| number.to_string())
        }
        Kind::Decimal(_) => text.replace(',', "."),
        Kind::Money(_) => {
            let amount = currency.amount(text).map(Amount::minor);
            amount.map_or_else(|_| "?".to_owned(), |minor| minor.to_string())
        }
        Kind::Answer if is_bound => text.replace(',', "."),
        Kind::Text(_) | Kind::Texts(_) | Kind::Answer | Kind::Tier => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::console::words::filter::ENGLISH;
    use proptest::prelude::*;

    fn rule(field: &str, query: &str) -> Result<String, Text> {
        let field = Field::named(field).expect("a field");
        let typed = Typed::parse(query);
        typed
            .rule(field, &ENGLISH, Currency::EUR)
            .map(|rule| rule.to_string())
    }

    #[test]
    fn a_form_says_a_condition() {
        for (field, query, said) in [
            ("visits", "is=over&value=9", "visits.over.9"),
            ("visits", "is=in&value=1;+2", "visits.in(1,2)"),
            ("spend", "is=between&from=12,50&to=", "spend.between.1250.."),
            ("status", "is=is&value=void", "status.is.void"),
            (
                "status",
                "is=not&value=void&value=expired",
                "not(status.in(void,expired))",
            ),
            (
                "redeemed",
                "is=between&from=2026-11-01&to=2026-11-30",
                "redeemed.between.2026-11-01..2026-11-30",
            ),
            (
                "birthday",
                "is=between&from=12-20&to=01-10",
                "birthday.between.12-20..01-10",
            ),
            (
                "birthday",
                "is=between&from_month=12&from_day=20&to_month=1&to_day=10",
                "birthday.between.12-20..01-10",
            ),
            (
                "birthday",
                "is=between&from_month=&from_day=&to_month=2&to_day=29",
                "birthday.between...02-29",
            ),
            (
                "birthday",
                "is=is&value_month=2&value_day=29",
                "birthday.is.02-29",
            ),
            ("birthday", "is=today", "birthday.today"),
            ("progress", "is=over&value=75", "progress.over.750"),
            (
                "progress",
                "is=between&from=12,5+%25&to=100%25",
                "progress.between.125..1000",
            ),
            ("last_visit", "is=older&span=30&unit=d", "last_visit.older.30d"),
            ("name", "is=has&value=O'Neil+%26+co", "name.has.'O''Neil & co'"),
            ("email", "is=empty", "email.empty"),
            (
                "custom",
                "is=over&code=shoe_size&value=42,5",
                "custom.shoe_size.over.42.5",
            ),
        ] {
            assert_eq!(rule(field, query).as_deref(), Ok(said), "{field} {query}");
        }
    }

    #[test]
    fn what_is_no_condition_is_answered_with_what_was_expected() {
        for (field, query, said) in [
            ("visits", "is=over&value=many", ENGLISH.expected_number),
            ("visits", "is=over", ENGLISH.expected_number),
            ("spend", "is=over&value=-", ENGLISH.expected_money),
            ("status", "is=is", ENGLISH.expected_choice),
            (
                "redeemed",
                "is=between&from=2026-11-30&to=2026-11-01",
                ENGLISH.backwards,
            ),
            ("redeemed", "is=between", ENGLISH.expected_day),
            ("last_visit", "is=older&span=x", ENGLISH.expected_span),
            ("name", "is=has&value=+", ENGLISH.expected_text),
            ("custom", "is=is&value=1", ENGLISH.expected_code),
            ("status", "is=drop&value=void", ENGLISH.expected_choice),
            (
                "birthday",
                "is=is&value_month=2&value_day=",
                ENGLISH.expected_day_of_year,
            ),
            (
                "birthday",
                "is=is&value_month=2&value_day=31",
                ENGLISH.expected_day_of_year,
            ),
            (
                "birthday",
                "is=between&from_month=x&from_day=1",
                ENGLISH.expected_day_of_year,
            ),
            ("progress", "is=over&value=half", ENGLISH.expected_percent),
            ("progress", "is=over&value=7.55", ENGLISH.expected_percent),
        ] {
            assert_eq!(rule(field, query), Err(said), "{field} {query}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_rule_or_refused(value in "\\PC{0,30}", operator in "(is|not|in|has|under|between|older)", field in 0_usize..46) {
            let query: String = form_urlencoded::Serializer::new(String::new())
                .append_pair("is", &operator).append_pair("value", &value).append_pair("from", &value)
                .append_pair("code", "x").append_pair("span", &value).finish();
            let field = crate::domain::segment::FIELDS[field].name;
            if let Ok(text) = rule(field, &query) {
                prop_assert!(Rule::parse(&text).is_ok());
            }
        }
    }
}
