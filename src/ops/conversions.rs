//! Conversions that could not happen with the redemption: tried again until they work or staff give up.
//!
//! Exactly once: whoever tries has the card locked and reads its waiting row again under the lock; the row goes in the
//! transaction that turns the card.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::card::{Card, CardStatus};
use crate::domain::conversion::{self, Follow, LinkRefusal, Turn};
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::program::{LinkedProgram, Program};
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::{CardError, write_change};
use crate::ops::chores::TURN;
use crate::store::conversions::{self, Waiting};
use crate::store::{self, Error, Tx, cards, events};

/// How long a card that staff ended is left alone before its conversion is looked at again.
const WHILE_VOID: Duration = Duration::from_secs(3600);

/// Why a link was not made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("scheme.linked: {0}")]
    Refused(#[from] LinkRefusal),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Refuses the rules of a coupon whose cards could not become cards of the program that they name. For everything
/// that writes a program.
pub(crate) async fn check_link(tx: &mut Tx<'_>, program: &Program) -> Result<(), LinkError> {
    if let Some(link) = conversion::link(&program.rules) {
        let found = cards::program(tx, program.merchant, link.program).await?;
        conversion::check(program, link, found.as_ref().map(|of| &of.program))?;
    }
    Ok(())
}

impl Ops {
    /// One turn of the chore: tries what is due. How many rows were looked at.
    pub(crate) async fn convert_due(&self, now: Timestamp) -> Result<usize, Error> {
        let done = self.store.write("convert_due", move |tx| {
            Box::pin(async move {
                let mut due = conversions::due(tx, now, TURN).await?;
                due.sort_unstable();
                for card in cards::cards_for_update(tx, &due).await? {
                    let waiting = conversions::of_card(tx, card.merchant, card.id).await?;
                    if let Some(waiting) = waiting.filter(|waiting| waiting.due_at <= now) {
                        attempt(tx, card, waiting, now).await?;
                    }
                }
                Ok::<_, CardError>(due.len())
            })
        });
        done.await.map_err(store_error)
    }

    /// Tries a waiting conversion at once. None when the card waits for none.
    pub async fn convert(&self, merchant: MerchantId, card: CardId) -> Result<Option<Follow>, CardError> {
        let now = self.clock.now();
        self.store
            .write("convert_coupon", move |tx| {
                Box::pin(async move {
                    let locked = cards::card_for_update(tx, merchant, card).await?;
                    let card = locked.ok_or(CardError::NotFound)?;
                    match conversions::of_card(tx, merchant, card.id).await? {
                        Some(waiting) => Ok(Some(attempt(tx, card, waiting, now).await?)),
                        None => Ok(None),
                    }
                })
            })
            .await
    }

    /// Stops trying: the card stays the redeemed coupon that it is. Whether it was waiting.
    pub async fn give_up_conversion(
        &self,
        merchant: MerchantId,
        card: CardId,
        actor: Actor,
    ) -> Result<bool, CardError> {
        let now = self.clock.now();
        self.store
            .write("give_up_conversion", move |tx| {
                Box::pin(async move {
                    let locked = cards::card_for_update(tx, merchant, card).await?;
                    let card = locked.ok_or(CardError::NotFound)?;
                    if !conversions::delete(tx, merchant, card.id).await? {
                        return Ok(false);
                    }
                    let row = NewEvent::of_card(card.id, EventKind::ConversionFailed, actor, now)
                        .with_reason("given up");
                    note(tx, card, &[row], now).await?;
                    Ok(true)
                })
            })
            .await
    }
}

/// Tries to turn a locked card; its waiting row goes, or waits longer than before.
async fn attempt(tx: &mut Tx<'_>, card: Card, waiting: Waiting, now: Timestamp) -> Result<Follow, CardError> {
    let link = LinkedProgram {
        program: waiting.program,
        first_punch: waiting.first_punch,
    };
    if card.redeemed_at.is_none() || card.is_converted() {
        conversions::delete(tx, card.merchant, card.id).await?;
        return Ok(Follow::Unlinked);
    }
    if card.status == CardStatus::Void {
        let later = Waiting {
            due_at: now.plus(WHILE_VOID),
            ..waiting
        };
        conversions::save(tx, &[later]).await?;
        return Ok(Follow::Waits(link, LinkRefusal::CardVoid));
    }
    let coupon = cards::program(tx, card.merchant, card.program).await?;
    let coupon = coupon.ok_or_else(|| Error::inconsistent("the program of each card", "no such program"))?;
    // A missing program is mended by naming another one in the coupon's rules.
    let link = conversion::link(&coupon.program.rules).unwrap_or(link);
    let found = cards::program(tx, card.merchant, link.program).await?;
    let zone = TimeZone::get(&coupon.zone).unwrap_or(TimeZone::UTC);
    let turn = Turn {
        amount: waiting.amount,
        capture: None,
        at: now,
    };
    let before = Change {
        card,
        events: Vec::new(),
    };
    let found = found.as_ref().map(|of| &of.program);
    let (mut change, follow) = conversion::turned(&coupon.program, link, found, &zone, before, turn);
    match &follow {
        Follow::Waits(link, refusal) => {
            let reason = refusal.to_string();
            // The timeline says why once, and again when something else stands in the way.
            if reason != waiting.reason {
                note(tx, change.card, &change.events, now).await?;
            }
            let later = Waiting {
                program: link.program,
                first_punch: link.first_punch,
                reason,
                attempts: waiting.attempts + 1,
                due_at: now.plus(conversion::retry_after(waiting.attempts + 1)),
                ..waiting
            };
            conversions::save(tx, &[later]).await?;
        }
        Follow::Converted(_) | Follow::Unlinked => {
            conversions::delete(tx, change.card.merchant, change.card.id).await?;
            change.card.touch(now);
            write_change(tx, change.card, &change.events, now).await?;
        }
    }
    Ok(follow)
}

/// Appends rows that no holder sees: nothing is pushed.
async fn note(tx: &mut Tx<'_>, card: Card, rows: &[NewEvent], now: Timestamp) -> Result<(), Error> {
    let key = (card.merchant, card.id);
    let mut in_hand = HashMap::from([(card.id, card)]);
    events::append(tx, &mut in_hand, rows, now).await?;
    let changed: Vec<Card> = in_hand.into_values().collect();
    cards::save(tx, &changed, now).await?;
    tx.announce(store::Change::Card(key.0, key.1));
    Ok(())
}

fn store_error(error: CardError) -> Error {
    match error {
        CardError::Store(error) => error,
        other => Error::inconsistent("a card with its programs", other),
    }
}
