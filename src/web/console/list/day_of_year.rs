//! A day of the year in a form: a month and a day to choose from, and the one text that rules have for both.

use maud::{Markup, html};

use crate::web::console::words::Language;
use crate::web::console::words::filter::Filter;

/// A day of the year, as a month and a day that are chosen.
pub fn draw(
    words: &Filter,
    language: Language,
    (name, label, value): (&str, &str, &str),
    problem: Option<&str>,
) -> Markup {
    let invalid = problem.map(|_| "true");
    let (month, day) = value.split_once('-').unwrap_or(("", ""));
    let (month, day): (i8, i8) = (month.parse().unwrap_or(0), day.parse().unwrap_or(0));
    let (month_id, day_id) = (format!("{name}_month"), format!("{name}_day"));
    html! {
        fieldset.day-of-year {
            legend { (label) }
            div.field {
                label for=(month_id) { (words.month) }
                select id=(month_id) name=(month_id) aria-invalid=[invalid] aria-describedby=[problem] {
                    option value="" { "–" }
                    @for number in 1..=12 {
                        option value=(number) selected[number == month] { (language.month(number)) }
                    }
                }
            }
            div.field {
                label for=(day_id) { (words.day) }
                select id=(day_id) name=(day_id) aria-invalid=[invalid] aria-describedby=[problem] {
                    option value="" { "–" }
                    @for number in 1..=31 { option value=(number) selected[number == day] { (number) } }
                }
            }
        }
    }
}

/// A month and a day as rules write them; nothing where neither was chosen, and what no rule takes where one is missing.
pub fn joined(month: &str, day: &str) -> Option<String> {
    match (month, day) {
        ("", "") => None,
        ("", _) | (_, "") => Some("?".to_owned()),
        (month, day) => Some(format!("{month:0>2}-{day:0>2}")),
    }
}
