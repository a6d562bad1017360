//! What somebody types to find a person, made comparable with `customer::search_text`.
//!
//! A query is a few needles, and a person is found when their search text contains every one of them. Words of three
//! letters and more are found anywhere; shorter ones only at the beginning of a part: nearly everybody has an "a"
//! somewhere. A phone number is one needle, whatever stands between its digits and before them.

use crate::domain::customer::{LINE, fold, serial_of};

/// Most words that are looked for one by one; more of them are looked for as they stand, as one.
pub const MOST_NEEDLES: usize = 5;

/// Longest text that is searched for.
pub const LONGEST: usize = 100;

/// Fewest letters that are found in the middle of a part.
pub const SHORTEST_ANYWHERE: usize = 3;

/// Why nothing is searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("type something to search for: a part of a name, an address, a number or a serial number")]
    Empty,
    #[error("a search has at most {LONGEST} characters; got {0}")]
    TooLong(usize),
}

/// What to look for; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Longest first: the longest is the rarest, and an index is best asked for it.
    needles: Vec<String>,
}

impl Query {
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(QueryError::TooLong(length));
        }
        let printable: String = text
            .chars()
            .filter(|letter| !letter.is_control() || letter.is_whitespace())
            .collect();
        let folded = fold(&printable);
        if folded.is_empty() {
            return Err(QueryError::Empty);
        }
        let words = match phone_digits(&folded) {
            Some(digits) => vec![digits],
            None => {
                let words: Vec<_> = folded.split(' ').map(|word| serial_of(word).to_owned()).collect();
                if words.len() > MOST_NEEDLES {
                    vec![folded]
                } else {
                    words
                }
            }
        };
        let mut needles: Vec<String> = words
            .into_iter()
            .filter(|word| !word.is_empty())
            .map(|word| {
                if word.chars().count() < SHORTEST_ANYWHERE {
                    format!("{LINE}{word}")
                } else {
                    word
                }
            })
            .collect();
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        if needles.is_empty() {
            return Err(QueryError::Empty);
        }
        Ok(Self { needles })
    }

    pub fn needles(&self) -> &[String] {
        &self.needles
    }

    /// Whether a person with this search text is found.
    pub fn finds(&self, search_text: &str) -> bool {
        self.needles
            .iter()
            .all(|needle| search_text.contains(needle.as_str()))
    }
}

/// The digits of what looks like a phone number, without the zeros that are dialled before it. Numbers are kept with
/// their country's code, so what is left of a number in any form is a part of the number as it is kept.
fn phone_digits(text: &str) -> Option<String> {
    let is_number = text
        .chars()
        .all(|letter| letter.is_ascii_digit() || matches!(letter, ' ' | '+' | '-' | '/' | '.' | '(' | ')'));
    if !is_number {
        return None;
    }
    let without_trunk = match text.starts_with('+') || text.starts_with("00") {
        true => text.replacen("(0)", "", 1),
        false => text.to_owned(),
    };
    let digits: String = without_trunk.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0');
    let dialled = digits.len() - significant.len() <= 2 && significant.len() >= SHORTEST_ANYWHERE;
    let kept = if dialled { significant } else { digits.as_str() };
    (kept.len() >= SHORTEST_ANYWHERE).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::customer::{search_text, serial_line};

    fn ada() -> String {
        search_text(
            "Ada María",
            "Lovelace",
            Some("Ada.L@Example.com"),
            Some("+4915123456789"),
        ) + &serial_line("card-01abcdefghjkm")
    }

    #[test]
    fn a_person_is_found_by_any_part_in_any_order() {
        for text in [
            "ada",
            "ADA",
            "lovelace",
            "love",
            "lovelace ada",
            "ada lovelace",
            "maria",
            "MARÍA",
            "ada.l@example",
            "example",
            "lo ad",
            "a",
            "al ad",
            "cefghj",
            "card-01abc",
            "01abcdefghjkm",
            "ada  \t lovelace",
        ] {
            let finds = Query::parse(text).expect("a query").finds(&ada());
            assert_eq!(finds, !matches!(text, "al ad" | "cefghj"), "{text}");
        }
    }

    #[test]
    fn a_number_is_found_whatever_stands_around_its_digits() {
        for text in [
            "+49 1512 3456789",
            "0151 234",
            "0049 151",
            "+49 (0) 151 2345",
            "3456789",
            "(0151) 23-45",
            "1512345",
        ] {
            assert!(Query::parse(text).expect("a query").finds(&ada()), "{text}");
        }
        assert!(!Query::parse("0152").expect("a query").finds(&ada()));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for nothing in ["", " \n ", "\u{0}\u{1}", "card-"] {
            assert_eq!(Query::parse(nothing), Err(QueryError::Empty), "{nothing:?}");
        }
        assert_eq!(Query::parse(&"a".repeat(101)), Err(QueryError::TooLong(101)));
        let many = Query::parse("a bc def ghi jkl mno").expect("a query");
        assert_eq!(many.needles(), ["a bc def ghi jkl mno"]);
    }

    proptest! {
        /// Against a reading of the rule that knows nothing of needles.
        #[test]
        fn words_are_found_as_the_rule_says(first in "[a-cA-Cé]{0,4}", last in "[a-c ]{0,5}", text in "[a-c]{1,3}( [a-c]{1,4})?") {
            let found = Query::parse(&text).expect("a query").finds(&search_text(&first, &last, None, None));
            let parts = [fold(&format!("{first} {last}")), fold(&format!("{last} {first}"))];
            let expected = text.split(' ').all(|word| parts.iter().any(|part| {
                if word.len() < 3 { part.starts_with(word) } else { part.contains(word) }
            }));
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,120}") {
            let _ = Query::parse(&text);
        }
    }
}
