//! Which copies of messages phones have fetched, and how long that took.
//!
//! A phone that fetches a card's pass gets the news that the pass says then, and no other: what was replaced before
//! anybody came for it was never fetched.
//!
//! Locks: rows of recipients after registrations, then sums, by key.

use std::collections::BTreeMap;

use crate::domain::id::{MerchantId, MessageId};
use crate::domain::message::fetches::{Fetches, rounded};
use crate::domain::time::Timestamp;
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, Tx};

const FETCHED: &str = "update push_messages set fetched_at = v.column3 \
     from (values {bigint, bigint, bigint}) as v \
     join card_news n on n.merchant_id = v.column1 and n.card_id = v.column2 \
     where push_messages.merchant_id = v.column1 and push_messages.card_id = v.column2 \
     and push_messages.message_id = n.message_id and push_messages.channel = 'apple' \
     and push_messages.fetched_at is null and push_messages.sent_at <= v.column3 \
     returning push_messages.merchant_id, push_messages.message_id, push_messages.sent_at, push_messages.fetched_at";
const COUNT: &str = "insert into message_fetches (merchant_id, message_id, waited, copies) \
     values {bigint, bigint, bigint, bigint} on conflict (merchant_id, message_id, waited) \
     do update set copies = message_fetches.copies + excluded.copies";
const OF_MESSAGE: &str =
    "select waited, copies from message_fetches where merchant_id = $1 and message_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[FETCHED, COUNT, OF_MESSAGE];

/// Notes that phones fetched the passes of cards at these times: the first fetch of each message counts.
pub async fn note(tx: &mut Tx<'_>, fetches: &[(CardKey, Timestamp)]) -> Result<(), Error> {
    let rows: Vec<_> = fetches
        .iter()
        .map(|((merchant, card), at)| params![*merchant, *card, *at])
        .collect();
    let first: Vec<(MerchantId, MessageId, Timestamp, Timestamp)> = tx.all_rows(FETCHED, &[], &rows).await?;
    let mut sums: BTreeMap<(MerchantId, MessageId, i64), i64> = BTreeMap::new();
    for (merchant, message, sent, fetched) in first {
        let waited = rounded(fetched.0.saturating_sub(sent.0));
        *sums.entry((merchant, message, waited)).or_default() += 1;
    }
    let rows: Vec<_> = sums
        .into_iter()
        .map(|((merchant, message, waited), copies)| params![merchant, message, waited, copies])
        .collect();
    if !rows.is_empty() {
        tx.exec_rows(COUNT, &[], &rows).await?;
    }
    Ok(())
}

/// How long the fetches of a message took.
pub async fn of_message(tx: &mut Tx<'_>, merchant: MerchantId, message: MessageId) -> Result<Fetches, Error> {
    let rows: Vec<(i64, i64)> = tx.all(OF_MESSAGE, &params![merchant, message]).await?;
    let mut fetches = Fetches::default();
    for (waited, copies) in rows {
        fetches.add(waited, copies);
    }
    Ok(fetches)
}
