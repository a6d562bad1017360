//! A birthday: month and day, and the year where it is known.

use std::fmt;

use jiff::civil::Date;

use crate::domain::profile::FieldError;

/// The oldest year of birth that is taken for one.
const FIRST_YEAR: i16 = 1890;

/// Stands in for an unknown year: it has a 29 February.
const LEAP_YEAR: i16 = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Birthday {
    month: i8,
    day: i8,
    year: Option<i16>,
}

impl Birthday {
    /// Reads `1990-05-17`, `17.05.1990`, and both without the year: `05-17`, `--05-17`, `17.05.`
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let refuse = || {
            let expected = "a day such as 1990-05-17, or 05-17 without the year";
            FieldError::new("birthday", "impossible_date", expected, text)
        };
        let text = text.trim();
        let (parts, day_first): (Vec<&str>, bool) = if text.contains('.') {
            (
                text.trim_end_matches('.').split('.').map(str::trim).collect(),
                true,
            )
        } else {
            (
                text.strip_prefix("--").unwrap_or(text).split('-').collect(),
                false,
            )
        };
        let digits =
            |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if !parts.iter().all(digits) {
            return Err(refuse());
        }
        let numbers: Vec<i16> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        let (year, month, day) = match (numbers.as_slice(), day_first) {
            ([year, month, day], false) | ([day, month, year], true) => (Some(*year), *month, *day),
            ([month, day], false) | ([day, month], true) => (None, *month, *day),
            _ => return Err(refuse()),
        };
        let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
            return Err(refuse());
        };
        Self::new(month, day, year).ok_or_else(refuse)
    }

    /// None for a day that no calendar has.
    pub fn new(month: i8, day: i8, year: Option<i16>) -> Option<Self> {
        Date::new(year.unwrap_or(LEAP_YEAR), month, day).ok()?;
        let is_old = year.is_some_and(|year| year < FIRST_YEAR);
        (!is_old).then_some(Self { month, day, year })
    }

    /// As the store keeps it: month * 100 + day, and the year.
    pub fn numbers(self) -> (i64, Option<i64>) {
        (
            i64::from(self.month) * 100 + i64::from(self.day),
            self.year.map(i64::from),
        )
    }

    /// What [`Birthday::numbers`] gave.
    pub fn from_numbers(month_and_day: i64, year: Option<i64>) -> Option<Self> {
        let month = i8::try_from(month_and_day / 100).ok()?;
        let day = i8::try_from(month_and_day % 100).ok()?;
        let year = year.map(i16::try_from).transpose().ok()?;
        Self::new(month, day, year)
    }

    /// Nobody is born tomorrow.
    pub fn check_past(self, today: Date) -> Result<(), FieldError> {
        let is_past = self
            .year
            .and_then(|year| Date::new(year, self.month, self.day).ok())
            .is_none_or(|date| date <= today);
        if is_past {
            return Ok(());
        }
        let expected = "a day that is not in the future";
        Err(FieldError::new(
            "birthday",
            "future_date",
            expected,
            &self.to_string(),
        ))
    }
}

impl fmt::Display for Birthday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}-{:02}-{:02}", self.month, self.day),
            None => write!(f, "{:02}-{:02}", self.month, self.day),
        }
    }
}
