//! What a customer has spent with a merchant since their first card: a sum of the past, not a prediction.
//!
//! Amounts of different currencies are never added to each other. What nobody entered is unknown: it is left out of the
//! sums and counted beside them. A card that was converted keeps its sums, so its history goes on counting.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::money::Currency;

/// The sums of one card, as the ledger has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardLifetime {
    pub currency: Currency,
    /// Minor units; what was taken back is subtracted already.
    pub spend: i64,
    pub visits: i64,
    /// Visits without an amount.
    pub unpriced: i64,
}

/// One customer's lifetime value, over all of their cards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// Minor units by currency code; a currency in which nothing was ever spent is missing.
    pub spend: BTreeMap<&'static str, (Currency, i64)>,
    pub visits: i64,
    pub unpriced: i64,
}

/// Adds the cards of one customer.
pub fn of_cards(cards: impl IntoIterator<Item = CardLifetime>) -> Lifetime {
    let mut lifetime = Lifetime::default();
    for card in cards {
        lifetime.visits += card.visits;
        lifetime.unpriced += card.unpriced;
        if card.spend != 0 {
            let (_, sum) = lifetime
                .spend
                .entry(card.currency.code())
                .or_insert((card.currency, 0));
            *sum += card.spend;
        }
    }
    lifetime.spend.retain(|_, (_, sum)| *sum != 0);
    lifetime
}

/// "12.50 EUR and 700 JPY; 3 visits without amount".
impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.spend.is_empty() {
            write!(f, "nothing spent that is known of")?;
        }
        for (index, (currency, sum)) in self.spend.values().enumerate() {
            let and = if index == 0 { "" } else { " and " };
            write!(f, "{and}{} {currency}", currency.print(*sum))?;
        }
        match self.unpriced {
            0 => Ok(()),
            1 => write!(f, "; 1 visit without amount"),
            many => write!(f, "; {many} visits without amount"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn card(code: &str, spend: i64, unpriced: i64) -> CardLifetime {
        CardLifetime {
            currency: Currency::parse(code).expect("a currency"),
            spend,
            visits: 1 + unpriced,
            unpriced,
        }
    }

    #[test]
    fn currencies_stay_apart_and_unknown_amounts_are_counted() {
        let cards = [
            card("EUR", 1000, 2),
            card("JPY", 700, 1),
            card("EUR", 250, 0),
            card("USD", 0, 0),
        ];
        let lifetime = of_cards(cards);
        assert_eq!(
            lifetime.to_string(),
            "12.50 EUR and 700 JPY; 3 visits without amount"
        );
        assert_eq!(of_cards([]).to_string(), "nothing spent that is known of");
    }

    proptest! {
        #[test]
        fn the_order_and_grouping_of_cards_say_nothing(
            spends in prop::collection::vec((0..3_usize, -500..500_i64, 0..3_i64), 0..20),
        ) {
            let cards: Vec<_> = spends
                .iter()
                .map(|(code, spend, unpriced)| card(["EUR", "JPY", "USD"][*code], *spend, *unpriced))
                .collect();
            let forwards = of_cards(cards.iter().copied());
            prop_assert_eq!(&forwards, &of_cards(cards.iter().rev().copied()));
            let all: i64 = forwards.spend.values().map(|(_, sum)| sum).sum();
            prop_assert_eq!(all, cards.iter().map(|card| card.spend).sum::<i64>());
        }
    }
}
