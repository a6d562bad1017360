//! The writing side of the outbox: a change of a card asks for one push per channel that reaches it.

use crate::domain::card::Card;
use crate::domain::delivery::Channel;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Change, Error, Tx};

/// A row that waits becomes due no later than before; one that is being sent, or that a provider asked to hold
/// back, keeps its time and is marked as changed once more.
const ENQUEUE: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at) \
     values {bigint, bigint, text, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id, channel) do update set generation = pushes.generation + 1, \
     again = 0, due_at = case when pushes.lease is null and pushes.attempts = 0 and excluded.due_at < pushes.due_at \
     then excluded.due_at else pushes.due_at end";

pub(crate) const STATEMENTS: &[&str] = &[ENQUEUE];

/// Asks for a push of each of `cards` on every channel that reaches it, and wakes the dispatchers.
pub async fn enqueue(
    tx: &mut Tx<'_>,
    cards: impl IntoIterator<Item = &Card>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for card in cards {
        for channel in Channel::ALL {
            if card.channels.contains(channel) {
                let row = params![card.merchant, card.id, channel.as_str(), 1_i64, now, 0_i64, now];
                rows.push(row);
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    tx.exec_rows(ENQUEUE, &[], &rows).await?;
    tx.announce(Change::Pushes);
    Ok(())
}
