//! Money: whole minor units of one ISO 4217 currency. No fractions, no conversion between currencies.
//!
//! Invariant: an [`Amount`] is never negative and never absurd, so that sums of a shop's whole life fit into 64 bits.

use std::fmt;

use iso_currency::Currency as Code;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(Code);

/// What a customer paid, in minor units: 350 is 3.50 € and 350 ¥.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

/// Ten million of a currency with two decimals: more than any till takes in one sale.
const MOST: i64 = 1_000_000_000;

/// Why something is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("a currency is an ISO 4217 code like EUR; got {0:?}")]
    Currency(String),
    #[error("an amount is 0 to {MOST} minor units; got {0}")]
    Amount(i64),
    #[error("an amount in {code} is a number with at most {decimals} decimals, like {example}; got {got:?}")]
    Text {
        code: Currency,
        decimals: u16,
        example: &'static str,
        got: String,
    },
}

impl Currency {
    pub const EUR: Self = Self(Code::EUR);

    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Code::from_code(text)
            .map(Self)
            .ok_or_else(|| MoneyError::Currency(text.chars().take(10).collect()))
    }

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimals of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u16 {
        self.0.exponent().unwrap_or(0)
    }

    /// Reads what a person typed: digits with at most one point or comma before the decimals.
    pub fn amount(self, text: &str) -> Result<Amount, MoneyError> {
        let decimals = usize::from(self.decimals());
        let refuse = || MoneyError::Text {
            code: self,
            decimals: self.decimals(),
            example: if decimals == 0 { "350" } else { "3.50" },
            got: text.chars().take(40).collect(),
        };
        let (whole, part) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > decimals {
            return Err(refuse());
        }
        let all = format!("{whole}{part:0<decimals$}");
        Amount::new(all.parse().map_err(|_| refuse())?)
    }

    /// "3.50", without the currency.
    pub fn print(self, minor: i64) -> String {
        let decimals = usize::from(self.decimals());
        let sign = if minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
        match decimals {
            0 => format!("{sign}{digits}"),
            _ => {
                let (whole, part) = digits.split_at(digits.len() - decimals);
                format!("{sign}{whole}.{part}")
            }
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl Amount {
    pub fn new(minor: i64) -> Result<Self, MoneyError> {
        if (0..=MOST).contains(&minor) {
            Ok(Self(minor))
        } else {
            Err(MoneyError::Amount(minor))
        }
    }

    pub fn minor(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Amount {
    type Error = MoneyError;
    fn try_from(minor: i64) -> Result<Self, MoneyError> {
        Self::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_with_the_decimals_of_their_currency() {
        let euro = |text| Currency::EUR.amount(text).map(Amount::minor).ok();
        assert_eq!(euro("3.5"), Some(350));
        assert_eq!(euro("3,05"), Some(305));
        assert_eq!(euro("12"), Some(1200));
        for wrong in ["", "-1", "3.505", "1.000,00", "abc", ".5", "99999999999999999999"] {
            assert_eq!(euro(wrong), None, "{wrong}");
        }
        let yen = Currency::parse("JPY").expect("a currency");
        assert_eq!(yen.amount("350").map(Amount::minor), Ok(350));
        assert!(yen.amount("3.5").is_err());
        assert!(Currency::parse("EURO").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(minor in 0..=MOST) {
            for code in ["EUR", "JPY", "KWD"] {
                let currency = Currency::parse(code).expect("a currency");
                let read = currency.amount(&currency.print(minor));
                prop_assert_eq!(read.map(Amount::minor), Ok(minor));
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            let _ = Currency::EUR.amount(&text);
            let _ = Currency::parse(&text);
        }
    }
}
