//! What a list shows of each card: one line, read for the cards of one page only.

use std::collections::HashMap;

use super::rows::Shown;
use crate::domain::card::{CardStatus, Channels};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

pub(super) const LINES: &str = "select c.card_id, c.customer_id, c.program_id, u.first_name, u.last_name, u.email, \
     u.phone, c.status, c.channels, c.punches, c.points, c.rewards, c.tier, c.tier_points, c.visits, c.spend, \
     c.unpriced, c.last_visit_at, c.expires_at, c.redeemed_at, c.created_at from (values {bigint}) as v \
     join cards c on c.merchant_id = $1 and c.card_id = v.column1 \
     join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id";

pub(super) const CARDS_OF: &str = "select c.card_id, c.customer_id, c.program_id, u.first_name, u.last_name, u.email, \
     u.phone, c.status, c.channels, c.punches, c.points, c.rewards, c.tier, c.tier_points, c.visits, c.spend, \
     c.unpriced, c.last_visit_at, c.expires_at, c.redeemed_at, c.created_at from (values {bigint}) as v \
     join cards c on c.merchant_id = $1 and c.customer_id = v.column1 \
     join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id";

/// One line of the list of customers: a card and its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub card: CardId,
    pub customer: CustomerId,
    pub program: ProgramId,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub status: CardStatus,
    pub channels: Channels,
    pub punches: i64,
    pub points: i64,
    pub rewards: i64,
    pub tier: Option<i64>,
    pub tier_points: i64,
    pub visits: i64,
    pub spend: i64,
    pub unpriced: i64,
    pub last_visit_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub redeemed_at: Option<Timestamp>,
    pub joined_at: Timestamp,
}

/// The lines of `cards` in their order; a card that is gone is left out.
pub async fn lines(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    cards: impl Iterator<Item = CardId> + Clone,
) -> Result<Vec<Line>, Error> {
    let rows: Vec<_> = cards.clone().map(|card| params![card].to_vec()).collect();
    let found: Vec<Line> = tx.all_rows(LINES, &params![merchant], &rows).await?;
    let mut by_card: HashMap<CardId, Line> = found.into_iter().map(|line| (line.card, line)).collect();
    Ok(cards.filter_map(|card| by_card.remove(&card)).collect())
}

/// All cards of some customers, each customer's in the order of their ids.
pub async fn cards_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<Line>>, Error> {
    let rows: Vec<_> = customers
        .iter()
        .map(|customer| params![*customer].to_vec())
        .collect();
    let found: Vec<Line> = tx.all_rows(CARDS_OF, &params![merchant], &rows).await?;
    let mut by_customer: HashMap<CustomerId, Vec<Line>> = HashMap::new();
    for line in found {
        by_customer.entry(line.customer).or_default().push(line);
    }
    for lines in by_customer.values_mut() {
        lines.sort_unstable_by_key(|line| line.card);
        // A customer who was named twice is one all the same.
        lines.dedup_by_key(|line| line.card);
    }
    Ok(by_customer)
}

/// How the lines of `size` cards would be asked for.
pub fn show_lines(merchant: MerchantId, size: usize) -> Shown {
    let mut params = vec![merchant.into()];
    params.extend((0..size).map(|_| Value::from(0)));
    let rows: Vec<String> = (2..size + 2)
        .map(|number| format!("(cast(${number} as bigint))"))
        .collect();
    Shown {
        text: LINES.replace("values {bigint}", &format!("values {}", rows.join(", "))),
        params,
    }
}

impl FromRow for Line {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            customer: row.next()?,
            program: row.next()?,
            first_name: row.next()?,
            last_name: row.next()?,
            email: row.next()?,
            phone: row.next()?,
            status: CardStatus::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a card status", "another word"))?,
            channels: Channels(row.next()?),
            punches: row.next()?,
            points: row.next()?,
            rewards: row.next()?,
            tier: row.next()?,
            tier_points: row.next()?,
            visits: row.next()?,
            spend: row.next()?,
            unpriced: row.next()?,
            last_visit_at: row.next()?,
            expires_at: row.next()?,
            redeemed_at: row.next()?,
            joined_at: row.next()?,
        })
    }
}
