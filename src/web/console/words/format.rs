//! Numbers, money, days and times as people of each language write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Language;
use crate::domain::money::Currency;
use crate::domain::time::{CivilDay, Timestamp};

const MONTHS: [[&str; 12]; 2] = [
    [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ],
    [
        "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.",
    ],
];
const WHOLE_MONTHS: [[&str; 12]; 2] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
];
const WEEKDAYS: [[&str; 7]; 2] = [
    [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    [
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ],
];

impl Language {
    fn index(self) -> usize {
        match self {
            Self::English => 0,
            Self::German => 1,
        }
    }

    fn separators(self) -> (char, char) {
        match self {
            Self::English => (',', '.'),
            Self::German => ('.', ','),
        }
    }

    /// 12345 as "12,345" or "12.345".
    pub fn number(self, number: i64) -> String {
        let (group, _) = self.separators();
        let digits = number.unsigned_abs().to_string();
        let mut out = String::from(if number < 0 { "-" } else { "" });
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push(group);
            }
            out.push(digit);
        }
        out
    }

    /// 123456 minor units of EUR as "€1,234.56" would not say which dollar "$" is, so the code stands beside the number:
    /// "1,234.56 EUR".
    pub fn money(self, currency: Currency, minor: i64) -> String {
        let (_, point) = self.separators();
        let plain = currency.print(minor);
        let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
        let sign = if minor < 0 && whole == "-0" { "-" } else { "" };
        let whole = self.number(whole.parse().unwrap_or(0));
        let point = if part.is_empty() {
            String::new()
        } else {
            point.to_string()
        };
        format!("{sign}{whole}{point}{part} {}", currency.code())
    }

    /// One decimal: "4.5" or "4,5".
    pub fn decimal(self, tenths: i64) -> String {
        let (_, point) = self.separators();
        format!("{}{point}{}", tenths / 10, tenths.unsigned_abs() % 10)
    }

    /// "25 Nov", or with the year where it is not this one.
    pub fn date(self, date: Date, this_year: bool) -> String {
        let month = usize::try_from(date.month())
            .map_or(0, |month| month.saturating_sub(1))
            .min(11);
        let month = MONTHS[self.index()][month];
        let dot = if self == Self::German { "." } else { "" };
        let day = date.day();
        if this_year {
            return format!("{day}{dot} {month}");
        }
        format!("{day}{dot} {month} {}", date.year())
    }

    /// The name of a month, counted from 1; nothing where there is no such month.
    pub fn month(self, number: i8) -> &'static str {
        let index = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let name = index.and_then(|index| WHOLE_MONTHS[self.index()].get(index));
        name.copied().unwrap_or_default()
    }

    /// A day of the calendar with its year.
    pub fn civil_day(self, day: CivilDay) -> String {
        self.date(day.0, false)
    }

    /// The whole instant for who wants to know exactly: "Wednesday 25 Nov 2026, 14:03:09 CET".
    pub fn exact(self, at: Timestamp, zone: &TimeZone) -> String {
        let there = at.to_jiff().to_zoned(zone.clone());
        let weekday = usize::try_from(there.weekday().to_monday_zero_offset())
            .unwrap_or(0)
            .min(6);
        format!(
            "{} {}, {}",
            WEEKDAYS[self.index()][weekday],
            self.date(there.date(), false),
            there.strftime("%H:%M:%S %Z")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_money_are_grouped_as_each_language_does() {
        let (english, german) = (Language::English, Language::German);
        assert_eq!(
            [0, 999, 1000, -1_234_567].map(|n| english.number(n)),
            ["0", "999", "1,000", "-1,234,567"]
        );
        assert_eq!(german.number(1_234_567), "1.234.567");
        let (euro, yen) = (Currency::EUR, Currency::parse("JPY").expect("a currency"));
        assert_eq!(english.money(euro, 123_456), "1,234.56 EUR");
        assert_eq!(german.money(euro, 123_456), "1.234,56 EUR");
        assert_eq!(german.money(euro, -5), "-0,05 EUR");
        assert_eq!(english.money(yen, 123_456), "123,456 JPY");
        assert_eq!(
            (english.decimal(45), german.decimal(45)),
            ("4.5".into(), "4,5".into())
        );
    }

    #[test]
    fn days_are_written_as_each_language_does() {
        let date = jiff::civil::date(2026, 3, 5);
        assert_eq!(Language::English.date(date, true), "5 Mar");
        assert_eq!(Language::German.date(date, false), "5. März 2026");
        let at = Timestamp(1_782_941_400_000);
        assert_eq!(
            Language::German.exact(at, &TimeZone::UTC),
            "Mittwoch 1. Juli 2026, 21:30:00 UTC"
        );
    }
}
