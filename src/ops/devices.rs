//! A phone registers for a card, and stops: the two writes of Apple's web service.
//!
//! Invariant: a change made between the download of a pass and its registration reaches the phone. A pass that has
//! changed since it was issued is put in the outbox by the registration itself, and the list names it. Being
//! registered for nothing means unreachable, not gone: the card goes on punching.

use std::collections::HashMap;

use crate::domain::card::{Card, Channels};
use crate::domain::delivery::Channel;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::PushToken;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::campaigns::follow;
use crate::store::registrations::RegistrationKey;
use crate::store::{self, Change, Tx, cards, events, invitations, outbox, registrations, tags};

/// Devices that are told of one card: a household's, and what is left of those that were replaced. One more takes the
/// place of the one that was not heard of for longest, so that nobody who has a pass can fill the store, or make one
/// change of it many pushes. Refusing the new one would be worse: phones have no answer for that but to ask again.
pub const MOST: i64 = 32;

/// What a registration found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    New,
    /// The device was registered for this card already; its push token has been taken.
    Again,
}

/// Goes into the timeline beside "installed" and "removed": a card may live in more than one wallet.
const WALLET: &str = "Apple Wallet";

impl Ops {
    /// Registers a device for a card; `None` when the card is no longer there.
    pub async fn register_device(
        &self,
        key: RegistrationKey,
        push_token: PushToken,
    ) -> Result<Option<Registered>, store::Error> {
        let now = self.clock.now();
        self.store
            .write("register_device", move |tx| {
                let (key, push_token) = (key.clone(), push_token.clone());
                Box::pin(async move { register(tx, &key, &push_token, now).await })
            })
            .await
    }

    /// Ends a registration. Returns whether there was one; ending it twice is as good as once.
    pub async fn unregister_device(&self, key: RegistrationKey) -> Result<bool, store::Error> {
        let now = self.clock.now();
        self.store
            .write("unregister_device", move |tx| {
                let key = key.clone();
                Box::pin(async move { unregister(tx, &key, now).await })
            })
            .await
    }
}

async fn register(
    tx: &mut Tx<'_>,
    key: &RegistrationKey,
    push_token: &PushToken,
    now: Timestamp,
) -> Result<Option<Registered>, store::Error> {
    let Some(mut card) = cards::card_for_update(tx, key.merchant, key.card).await? else {
        return Ok(None);
    };
    let changed_since_issued = card.version > 1;
    let known = registrations::push_token(tx, key).await?;
    let renewed = known.as_deref() != Some(push_token.as_str());
    if known.is_some() {
        registrations::confirm(tx, key, push_token, now).await?;
    } else {
        make_room(tx, key).await?;
        registrations::insert(tx, key, push_token, now).await?;
    }
    if !card.channels.contains(Channel::Apple) {
        card.note_install(Channel::Apple, now);
        card = recorded(tx, card, EventKind::CardInstalled, now).await?;
    }
    // A push that went to the old token, or to nobody, is lost: tell this device to look once.
    if renewed && changed_since_issued {
        let on_apple = Card {
            channels: Channels::NONE.with(Channel::Apple),
            ..card.clone()
        };
        outbox::enqueue(tx, [&on_apple], now).await?;
    }
    // The merchant's tags row comes last: it is the one that others wait for.
    if known.is_none() && changed_since_issued {
        let tag = tags::next(tx, key.merchant).await?;
        registrations::mark(tx, key, tag).await?;
    }
    tx.announce(Change::Card(key.merchant, card.id));
    Ok(Some(if known.is_some() {
        Registered::Again
    } else {
        Registered::New
    }))
}

/// Ends the registrations of devices that have not been heard of for longest, until there is room for one more.
async fn make_room(tx: &mut Tx<'_>, key: &RegistrationKey) -> Result<(), store::Error> {
    let mut known = registrations::of_card(tx, (key.merchant, key.card), MOST * 2).await?;
    let room = usize::try_from(MOST - 1).unwrap_or(0);
    if known.len() <= room {
        return Ok(());
    }
    known.sort_by(|(one, heard), (another, later)| {
        later
            .cmp(heard)
            .then_with(|| one.device.as_str().cmp(another.device.as_str()))
    });
    for (old, _) in known.into_iter().skip(room) {
        tracing::debug!(card = %old.card, "a device makes room for another one");
        registrations::delete(tx, &old).await?;
    }
    Ok(())
}

async fn unregister(tx: &mut Tx<'_>, key: &RegistrationKey, now: Timestamp) -> Result<bool, store::Error> {
    let Some(mut card) = cards::card_for_update(tx, key.merchant, key.card).await? else {
        return Ok(false);
    };
    if !registrations::delete(tx, key).await? {
        return Ok(false);
    }
    if !registrations::any(tx, key.merchant, key.card).await? {
        card.channels = card.channels.without(Channel::Apple);
        card.status = card.status.when_reachable_by(card.channels);
        recorded(tx, card, EventKind::CardRemoved, now).await?;
    }
    tx.announce(Change::Card(key.merchant, key.card));
    Ok(true)
}

/// Appends one event of the phone's and saves the card.
async fn recorded(
    tx: &mut Tx<'_>,
    card: Card,
    kind: EventKind,
    now: Timestamp,
) -> Result<Card, store::Error> {
    let event = NewEvent::of_card(card.id, kind, Actor::Device, now).with_reason(WALLET);
    if kind == EventKind::CardInstalled {
        invitations::note_installed(tx, card.merchant, card.id, now).await?;
    }
    record_quietly(tx, card, event, now).await
}

/// Appends an event that no copy of the card shows, and saves the card: nothing is pushed.
pub(super) async fn record_quietly(
    tx: &mut Tx<'_>,
    card: Card,
    event: NewEvent,
    now: Timestamp,
) -> Result<Card, store::Error> {
    let id = card.id;
    let mut cards = HashMap::from([(id, card)]);
    let ids = events::append(tx, &mut cards, std::slice::from_ref(&event), now).await?;
    follow::one(tx, cards.get(&id), &[event], &ids, now).await?;
    let Some(card) = cards.remove(&id) else {
        return Err(store::Error::inconsistent("the card that was put in", "another"));
    };
    cards::save(tx, std::slice::from_ref(&card), now).await?;
    Ok(card)
}
