//! Pages of what leaves as a file: cards with their holders, or people alone, in the order of the lists.

use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::customers::Customer;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! card_columns {
    () => {
        "c.card_id, c.program_id, c.serial_number, c.status, c.punches, c.points, c.spend, c.created_at, "
    };
}

macro_rules! people_columns {
    () => {
        "u.customer_id, u.merchant_id, u.first_name, u.last_name, u.email, u.phone, u.external_id, u.birthday, \
         u.birth_year, u.language, u.verified_at, u.erased_at, u.created_at, u.version, u.changed_at, \
         u.last_event_id, u.edited_event_id"
    };
}

const CARDS: &str = concat!(
    "select ",
    card_columns!(),
    people_columns!(),
    " from cards c join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id \
     where c.merchant_id = $1 and c.card_id < $2 and (cast($3 as bigint) = 0 or c.program_id = $3) and u.erased_at is null \
     order by c.card_id desc limit $4"
);
const SOME_CARDS: &str = concat!(
    "select ",
    card_columns!(),
    people_columns!(),
    " from (values {bigint, bigint}) as v join cards c on c.merchant_id = v.column1 and c.card_id = v.column2 \
     join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id where u.erased_at is null"
);
const PEOPLE: &str = concat!(
    "select ",
    people_columns!(),
    " from customers u where u.merchant_id = $1 and u.customer_id < $2 and u.erased_at is null \
     order by u.customer_id desc limit $3"
);

pub(crate) const STATEMENTS: &[&str] = &[CARDS, SOME_CARDS, PEOPLE];

/// A card as it leaves, with its holder.
#[derive(Debug, Clone)]
pub struct ExportedCard {
    pub id: CardId,
    pub program: ProgramId,
    pub serial_number: String,
    pub status: String,
    pub punches: i64,
    pub points: i64,
    pub spend: i64,
    pub created_at: Timestamp,
    pub customer: Customer,
}

/// Cards issued before `before`, newest first.
pub async fn cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: Option<ProgramId>,
    before: Option<CardId>,
    limit: i64,
) -> Result<Vec<ExportedCard>, Error> {
    let before = before.map_or(i64::MAX, |card| card.0);
    let program = program.map_or(0, |program| program.0);
    tx.all(CARDS, &params![merchant, before, program, limit]).await
}

/// Those of `ids` that exist, in no promised order.
pub async fn some_cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    ids: &[CardId],
) -> Result<Vec<ExportedCard>, Error> {
    let rows: Vec<_> = ids.iter().map(|card| params![merchant, *card].to_vec()).collect();
    tx.all_rows(SOME_CARDS, &[], &rows).await
}

/// People who came before `before`, newest first.
pub async fn people(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<Customer>, Error> {
    let before = before.map_or(i64::MAX, |customer| customer.0);
    tx.all(PEOPLE, &params![merchant, before, limit]).await
}

impl FromRow for ExportedCard {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            program: row.next()?,
            serial_number: row.next()?,
            status: row.next()?,
            punches: row.next()?,
            points: row.next()?,
            spend: row.next()?,
            created_at: row.next()?,
            customer: Customer::from_row(row)?,
        })
    }
}
