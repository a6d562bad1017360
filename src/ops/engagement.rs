//! What use cases of engagement share: the card of a request, locked, and rows that change nothing a holder could see.

use std::collections::HashMap;

use crate::domain::budget::Classes;
use crate::domain::card::Card;
use crate::domain::event::NewEvent;
use crate::domain::id::{CardId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::ops::campaigns::follow;
use crate::store::{Change, Error, Tx, cards, dues, events, outbox};

/// Appends rows of one card without asking for a push: nothing on the card's face changes by them.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    card: Card,
    new_events: &[NewEvent],
    now: Timestamp,
) -> Result<(Card, Vec<EventId>), Error> {
    let id = card.id;
    let mut in_hand = HashMap::from([(id, card)]);
    let ids = events::append(tx, &mut in_hand, new_events, now).await?;
    follow::one(tx, in_hand.get(&id), new_events, &ids, now).await?;
    let Some(card) = in_hand.remove(&id) else {
        return Err(Error::inconsistent("the card that was put in", "another"));
    };
    cards::save(tx, std::slice::from_ref(&card), now).await?;
    tx.announce(Change::Card(card.merchant, card.id));
    Ok((card, ids))
}

/// The same for rows that change what a holder sees: every copy of the card is told.
pub(super) async fn change(
    tx: &mut Tx<'_>,
    card: Card,
    new_events: &[NewEvent],
    now: Timestamp,
) -> Result<(Card, Vec<EventId>), Error> {
    let (card, ids) = note(tx, card, new_events, now).await?;
    dues::arm(tx, [&card]).await?;
    outbox::enqueue_to_ring(tx, [(&card, Classes::touched(new_events))], now).await?;
    Ok((card, ids))
}

/// Cards of one merchant, locked in the order of their ids, whatever the order in which they are asked for.
pub(super) async fn locked(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    wanted: &[CardId],
) -> Result<HashMap<CardId, Card>, Error> {
    let mut keys: Vec<_> = wanted.iter().map(|card| (merchant, *card)).collect();
    keys.sort_unstable();
    keys.dedup();
    let cards = cards::cards_for_update(tx, &keys).await?;
    Ok(cards.into_iter().map(|card| (card.id, card)).collect())
}
