//! What customers have spent, from the sums that their cards keep.

use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::lifetime::{self, CardLifetime, Lifetime};
use crate::domain::program::Rules;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// In two steps: see `store::customers`.
const OF_CUSTOMER: &str = "select p.rules, c.spend, c.visits, c.unpriced from cards k \
     join cards c on c.merchant_id = k.merchant_id and c.card_id = k.card_id \
     join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     where k.merchant_id = $1 and k.customer_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[OF_CUSTOMER];

/// A customer's lifetime value; empty for somebody without a card.
pub async fn of_customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Lifetime, Error> {
    let cards: Vec<CardLifetime> = tx.all(OF_CUSTOMER, &params![merchant, customer]).await?;
    Ok(lifetime::of_cards(cards))
}

impl FromRow for CardLifetime {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let rules: String = row.next()?;
        let rules = Rules::parse(&rules).map_err(|error| Error::inconsistent("rules of a program", error))?;
        Ok(Self {
            currency: rules.purchase.currency,
            spend: row.next()?,
            visits: row.next()?,
            unpriced: row.next()?,
        })
    }
}
