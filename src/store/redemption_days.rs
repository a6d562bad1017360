//! Redemptions by card and date: a copy of the ledger's rows that rules ask for by day.
//!
//! Written where events are appended, so that no caller can forget it. A row that takes a redemption back removes it
//! here; the ledger keeps both. Taps that redeem nothing cost nothing.

use crate::domain::event::NewEvent;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const INSERT: &str = "insert into redemptions (merchant_id, card_id, event_id, at) \
     values {bigint, bigint, bigint, bigint}";
const DELETE: &str = "delete from redemptions where merchant_id = $1 and card_id = $2 and event_id = $3";
const OF_CARD: &str =
    "select r.at from redemptions r where r.merchant_id = $1 and r.card_id = $2 order by r.at";
const BETWEEN: &str = "select r.card_id, r.at from redemptions r \
     where r.merchant_id = $1 and r.card_id >= $2 and r.card_id <= $3 order by r.card_id, r.at";
const OF_CARDS: &str = "select r.card_id, r.at from (values {bigint}) as v \
     join redemptions r on r.merchant_id = $1 and r.card_id = v.column1";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, DELETE, OF_CARD, BETWEEN, OF_CARDS];

/// An event that redeems something, or takes that back, with its number.
pub(super) struct Noted<'e> {
    pub(super) merchant: MerchantId,
    pub(super) card: CardId,
    pub(super) id: EventId,
    pub(super) event: &'e NewEvent,
}

pub(super) async fn note(tx: &mut Tx<'_>, noted: &[Noted<'_>]) -> Result<(), Error> {
    let mut rows = Vec::new();
    for one in noted {
        match (one.event.delta.redemptions, one.event.reverses) {
            (1.., _) => {
                rows.push(params![one.merchant, one.card, one.id, one.event.at].to_vec());
            }
            (..=-1, Some(original)) => {
                tx.exec(DELETE, &params![one.merchant, one.card, original])
                    .await?;
            }
            _ => {}
        }
    }
    if !rows.is_empty() {
        tx.exec_rows(INSERT, &[], &rows).await?;
    }
    Ok(())
}

/// When a card redeemed something that stands, oldest first.
pub async fn of_card(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Vec<Timestamp>, Error> {
    let rows: Vec<(Timestamp,)> = tx.all(OF_CARD, &params![merchant, card]).await?;
    Ok(rows.into_iter().map(|(at,)| at).collect())
}

/// The same for all cards between two, both included, by card.
pub(super) async fn between(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    first: CardId,
    last: CardId,
) -> Result<Vec<(CardId, Timestamp)>, Error> {
    tx.all(BETWEEN, &params![merchant, first, last]).await
}

/// The same for some cards, by card.
pub(super) async fn of_cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    cards: &[CardId],
) -> Result<Vec<(CardId, Timestamp)>, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card].to_vec()).collect();
    let mut redeemed: Vec<(CardId, Timestamp)> = tx.all_rows(OF_CARDS, &params![merchant], &rows).await?;
    redeemed.sort_unstable();
    Ok(redeemed)
}
