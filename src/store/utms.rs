//! Where each holder first landed.

use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;
use crate::store::sql::FromValue;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const INSERT: &str = "insert into utms (merchant_id, card_id, source, medium, campaign, content, term, landed_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (merchant_id, card_id) do nothing";
const UTM: &str = "select source, medium, campaign, content, term, landed_at from utms \
     where merchant_id = $1 and card_id = $2";

const INSERT_ALL: &str = "insert into utms (merchant_id, card_id, source, medium, campaign, content, term, landed_at) \
     values {bigint, bigint, text, text, text, text, text, bigint}";
const OF_CARDS: &str = "select l.card_id, l.source, l.medium, l.campaign, l.content, l.term, l.landed_at \
     from (values {bigint, bigint}) as v \
     join utms l on l.merchant_id = v.column1 and l.card_id = v.column2";
const OF_PEOPLE: &str = "select c.customer_id, l.source, l.medium, l.campaign, l.content, l.term, l.landed_at \
     from (values {bigint, bigint}) as v \
     join cards c on c.merchant_id = v.column1 and c.customer_id = v.column2 \
     join utms l on l.merchant_id = c.merchant_id and l.card_id = c.card_id";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, UTM, INSERT_ALL, OF_CARDS, OF_PEOPLE];

/// The landing that counts for a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    pub utm: Utm,
    pub at: Timestamp,
}

/// Keeps a landing unless there was one; whether it was kept.
pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    landing: &Landing,
) -> Result<bool, Error> {
    Ok(tx.exec(INSERT, &row(merchant, card, landing)).await? > 0)
}

/// Keeps the landings of cards that are new in this transaction.
pub async fn insert_all(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    landings: &[(CardId, Landing)],
) -> Result<(), Error> {
    let rows: Vec<_> = landings
        .iter()
        .map(|(card, landing)| row(merchant, *card, landing))
        .collect();
    tx.exec_rows(INSERT_ALL, &[], &rows).await?;
    Ok(())
}

fn row(merchant: MerchantId, card: CardId, landing: &Landing) -> Vec<Value> {
    let utm = &landing.utm;
    params![
        merchant,
        card,
        utm.source.as_deref(),
        utm.medium.as_deref(),
        utm.campaign.as_deref(),
        utm.content.as_deref(),
        utm.term.as_deref(),
        landing.at,
    ]
    .to_vec()
}

/// The landings of those of `cards` that have one.
pub async fn of_cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    cards: &[CardId],
) -> Result<Vec<(CardId, Landing)>, Error> {
    let keys: Vec<_> = cards
        .iter()
        .map(|card| params![merchant, *card].to_vec())
        .collect();
    let rows: Vec<Of<CardId>> = tx.all_rows(OF_CARDS, &[], &keys).await?;
    Ok(rows
        .into_iter()
        .map(|Of(card, landing)| (card, landing))
        .collect())
}

/// The landings of all cards of people.
pub async fn of_people(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    people: &[CustomerId],
) -> Result<Vec<(CustomerId, Landing)>, Error> {
    let keys: Vec<_> = people
        .iter()
        .map(|person| params![merchant, *person].to_vec())
        .collect();
    let rows: Vec<Of<CustomerId>> = tx.all_rows(OF_PEOPLE, &[], &keys).await?;
    Ok(rows
        .into_iter()
        .map(|Of(person, landing)| (person, landing))
        .collect())
}

pub async fn landing(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Option<Landing>, Error> {
    tx.opt(UTM, &params![merchant, card]).await
}

impl FromRow for Landing {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            utm: Utm {
                source: row.next()?,
                medium: row.next()?,
                campaign: row.next()?,
                content: row.next()?,
                term: row.next()?,
            },
            at: row.next()?,
        })
    }
}

/// A landing with whose it is.
struct Of<Id>(Id, Landing);

impl<Id: FromValue> FromRow for Of<Id> {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?, Landing::from_row(row)?))
    }
}
