//! The writing side of the outbox: a change of a card asks for one push per channel that reaches it.

use std::collections::BTreeMap;

use crate::domain::budget::Classes;
use crate::domain::card::Card;
use crate::domain::delivery::Channel;
use crate::domain::time::Timestamp;
use crate::store::pushes::{CardKey, MESSAGES};
use crate::store::sql::params;
use crate::store::{Change, Error, Tx};

/// A row that waits becomes due no later than before; one that is being sent, or that a provider asked to hold
/// back, keeps its time and is marked as changed once more. What wants to ring is added to what did.
const ENQUEUE: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at, \
     wants) values {bigint, bigint, text, bigint, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id, channel) do update set generation = pushes.generation + 1, \
     wants = pushes.wants | excluded.wants, again = 0, \
     due_at = case when pushes.lease is null and pushes.attempts = 0 and excluded.due_at < pushes.due_at \
     then excluded.due_at else pushes.due_at end";
/// Nothing of the card changed, so a row that is new has been told of everything.
const WAKE: &str = "insert into pushes (merchant_id, card_id, channel, generation, told, due_at, attempts, created_at, \
     wants) values {bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, card_id, channel) do update set wants = pushes.wants | excluded.wants, again = 0, \
     next_at = case when pushes.next_at is null or excluded.due_at < pushes.next_at \
     then excluded.due_at else pushes.next_at end, \
     due_at = case when pushes.lease is null and pushes.attempts = 0 and excluded.due_at < pushes.due_at \
     then excluded.due_at else pushes.due_at end";

pub(crate) const STATEMENTS: &[&str] = &[ENQUEUE, WAKE];

/// Asks for a silent push of each of `cards` on every channel that reaches it, and wakes the dispatchers.
pub async fn enqueue(
    tx: &mut Tx<'_>,
    cards: impl IntoIterator<Item = &Card>,
    now: Timestamp,
) -> Result<(), Error> {
    let silently = cards.into_iter().map(|card| (card, Classes::NONE));
    enqueue_to_ring(tx, silently, now).await
}

/// The same for changes that want to ring, each with what it is about; whether it rings is decided when it leaves.
pub async fn enqueue_to_ring(
    tx: &mut Tx<'_>,
    cards: impl IntoIterator<Item = (&Card, Classes)>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for (card, wants) in cards {
        for channel in Channel::ALL {
            if card.channels.contains(channel) {
                let row = params![
                    card.merchant,
                    card.id,
                    channel.as_str(),
                    1_i64,
                    now,
                    0_i64,
                    now,
                    wants.0
                ];
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

/// Has the messages that wait for these cards decided at the earliest time that is named for each, or now where that is
/// past, and wakes the dispatchers. The cards themselves need not be locked.
pub async fn wake(
    tx: &mut Tx<'_>,
    rows: &[(CardKey, Channel, Timestamp)],
    now: Timestamp,
) -> Result<(), Error> {
    // In the order of the cards, and each once: PostgreSQL touches a row once in a statement.
    let mut due: BTreeMap<(CardKey, Channel), Timestamp> = BTreeMap::new();
    for (key, channel, due_at) in rows {
        let due_at = now.max(*due_at);
        let earliest = due.entry((*key, *channel)).or_insert(due_at);
        *earliest = due_at.min(*earliest);
    }
    if due.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = due
        .iter()
        .map(|((key, channel), due_at)| {
            params![
                key.0,
                key.1,
                channel.as_str(),
                0_i64,
                0_i64,
                *due_at,
                0_i64,
                now,
                MESSAGES
            ]
        })
        .collect();
    tx.exec_rows(WAKE, &[], &rows).await?;
    tx.announce(Change::Pushes);
    Ok(())
}
