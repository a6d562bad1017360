//! Erasing a person: asked for, and done after a time of grace in which it can be taken back; then for good.
//!
//! Every card is ended and its last push shows that, without the name. The ledger stays as it is: it never said who
//! the person was. An erasure that is due is done by whichever node finds it first.

use std::time::Duration;

use crate::domain::card::CardStatus;
use crate::domain::event::{EventKind, NewEvent, Subject};
use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::lifecycle;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::addresses;
use crate::ops::cards::{CardError, write_change};
pub use crate::store::erasure::Erasure;
use crate::store::{Error, Tx, cards, counts, erasure, events, outbox};

/// How long an erasure can be taken back where nothing else is asked for.
pub const GRACE: Duration = Duration::from_secs(30);
/// A longer grace is a promise that nobody keeps track of.
const LONGEST_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);
/// People erased in one transaction; each has a few cards.
const PEOPLE: i64 = 20;

/// Why a person is not erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    #[error("there is no such customer")]
    NotFound,
    #[error("this customer was erased already")]
    AlreadyErased,
    #[error("an erasure can be put off by at most 30 days")]
    TooFar,
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    /// Has a person erased when `grace` is over, and says when that is. Asking again changes nothing.
    pub async fn erase_customer(&self, wanted: Erasure, grace: Duration) -> Result<Timestamp, ErasureError> {
        if grace > LONGEST_GRACE {
            return Err(ErasureError::TooFar);
        }
        let now = self.clock.now();
        self.store
            .write("erase_customer", move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move {
                    let (merchant, customer) = (wanted.merchant, wanted.customer);
                    let person = erasure::person(tx, merchant, customer)
                        .await?
                        .ok_or(ErasureError::NotFound)?;
                    if person.erased_at.is_some() {
                        return Err(ErasureError::AlreadyErased);
                    }
                    erasure::schedule(tx, &wanted, now.plus(grace), now).await?;
                    let due_at = erasure::due_at(tx, merchant, customer).await?;
                    due_at.ok_or_else(|| Error::inconsistent("the erasure that was scheduled", "none").into())
                })
            })
            .await
    }

    /// Takes an erasure back before it is done. Whether there was one to take back.
    pub async fn keep_customer(&self, merchant: MerchantId, customer: CustomerId) -> Result<bool, Error> {
        self.store
            .write("keep_customer", move |tx| {
                Box::pin(async move { erasure::end(tx, merchant, customer).await })
            })
            .await
    }

    /// One turn of the chore: erases the people whose time has come. How many.
    pub async fn erase_due(&self, now: Timestamp) -> Result<usize, Error> {
        self.store
            .write("erase_due", move |tx| {
                Box::pin(async move {
                    let due = erasure::due(tx, now, PEOPLE).await?;
                    lock(tx, &due).await?;
                    for wanted in &due {
                        erase(tx, wanted, now).await?;
                    }
                    Ok(due.len())
                })
            })
            .await
    }
}

/// Locks the people, so that nobody gives them a new card meanwhile, and then the cards of all of them: one after the other
/// with their cards would be another order than that of those who work on many.
async fn lock(tx: &mut Tx<'_>, due: &[Erasure]) -> Result<(), Error> {
    let mut people: Vec<_> = due
        .iter()
        .map(|wanted| (wanted.merchant, wanted.customer))
        .collect();
    people.sort_unstable();
    let mut keys = Vec::with_capacity(people.len());
    for (merchant, customer) in people {
        erasure::person_for_update(tx, merchant, customer).await?;
        keys.extend(erasure::cards(tx, merchant, customer).await?);
    }
    keys.sort_unstable();
    cards::cards_for_update(tx, &keys).await?;
    Ok(())
}

/// Erases one person, who is locked with all of their cards.
async fn erase(tx: &mut Tx<'_>, wanted: &Erasure, now: Timestamp) -> Result<(), Error> {
    let (merchant, customer) = (wanted.merchant, wanted.customer);
    erasure::end(tx, merchant, customer).await?;
    let Some(person) = erasure::person_for_update(tx, merchant, customer).await? else {
        return Ok(());
    };
    if person.erased_at.is_some() {
        return Ok(());
    }
    let keys = erasure::cards(tx, merchant, customer).await?;
    for mut card in cards::cards_for_update(tx, &keys).await? {
        let mut rows = Vec::new();
        // Their browsers and apps are forgotten with them; wallets hear of the end.
        for channel in addresses::CHANNELS {
            card.channels = card.channels.without(channel);
        }
        if card.status == CardStatus::Void {
            // The name goes from the front of a card that ended before, too.
            card.touch(now);
            outbox::enqueue(tx, [&card], now).await?;
        } else if let Ok(change) = lifecycle::void(&card, wanted.actor, now) {
            card = change.card;
            rows = change.events;
        }
        for row in &mut rows {
            row.source = wanted.source;
        }
        write_change(tx, card, &rows, now)
            .await
            .map_err(|error| match error {
                CardError::Store(error) => error,
                other => Error::inconsistent("the card that is locked", other),
            })?;
    }
    let row = NewEvent {
        source: wanted.source,
        ..NewEvent::new(
            Subject::Customer(customer),
            EventKind::CustomerErased,
            wanted.actor,
            now,
        )
    };
    let newest = events::append_of_customer(tx, merchant, person.last_event, &row, now).await?;
    erasure::erase(tx, merchant, customer, newest, now).await?;
    // The erased are counted nowhere, and their cards were written before they were erased.
    counts::recount_customer(tx, merchant, customer, now).await
}
