//! Browsers and apps begin to listen to a card, and stop.
//!
//! A card that somebody listens to on a channel is installed there. A card has few addresses on each channel: one more
//! takes the place of the one that has not been heard of for longest, so that nobody who has a link can fill the store.

use std::time::Duration;

use crate::domain::address::{AddressKey, Destination, PushAddress};
use crate::domain::card::{Card, CardStatus};
use crate::domain::delivery::Channel;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::time::{DAY, Timestamp};
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::ops::devices::record_quietly;
use crate::store::push_addresses::{self, Place, channel_of};
use crate::store::pushes::CardKey;
use crate::store::{self, Change, Tx, cards, invitations};

/// The channels whose addresses are kept here.
pub const CHANNELS: [Channel; 2] = [Channel::Fcm, Channel::WebPush];

/// Addresses of one card on one channel.
pub const MOST: i64 = 10;

/// Firebase forgets an address that has been idle for so long; an app that lives says so at each start.
const IDLE: Duration = DAY.saturating_mul(270);

/// Who begins to listen.
#[derive(Debug, Clone)]
pub struct Listener {
    pub destination: Destination,
    /// The key of ours that a browser's subscription was made for.
    pub sender_key: Option<String>,
    /// When the browser says that it ends.
    pub expires_at: Option<Timestamp>,
    /// The address that this one takes the place of.
    pub replaces: Option<AddressKey>,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("there is no such card")]
    NoCard,
    #[error("this card has ended: there is nothing more to tell")]
    Ended,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a listener found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    New,
    /// It listened before; what it says now has been taken.
    Again,
}

impl Ops {
    /// Lets an address hear of a card from now on.
    pub async fn listen(
        &self,
        merchant: MerchantId,
        card: CardId,
        listener: Listener,
    ) -> Result<Listening, ListenError> {
        let now = self.clock.now();
        self.store
            .write("listen", move |tx| {
                let listener = listener.clone();
                Box::pin(async move { listen(tx, (merchant, card), listener, now).await })
            })
            .await
    }

    /// Whether any browser has subscribed with another key of ours than the one of this name.
    pub async fn any_listens_for_another_key(&self, key_name: String) -> Result<bool, store::Error> {
        self.store
            .read("listens_for_another_key", move |tx| {
                let key_name = key_name.clone();
                Box::pin(async move {
                    push_addresses::any_of_other_senders(tx, Channel::WebPush, &key_name).await
                })
            })
            .await
    }

    /// Ends it. Whether it listened; ending it twice is as good as once.
    pub async fn stop_listening(
        &self,
        merchant: MerchantId,
        card: CardId,
        channel: Channel,
        key: AddressKey,
    ) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let place = Place {
            card: (merchant, card),
            channel,
            key,
        };
        self.store
            .write("stop_listening", move |tx| {
                let place = place.clone();
                Box::pin(async move {
                    match cards::card_for_update(tx, merchant, card).await? {
                        Some(card) => drop_address(tx, card, &place, now).await,
                        None => Ok(false),
                    }
                })
            })
            .await
    }
}

/// One turn of the chore: forgets addresses that nobody has spoken for in time.
pub(super) async fn forget_expired(ops: &Ops, now: Timestamp) -> Result<usize, store::Error> {
    ops.store
        .write("forget_expired_addresses", move |tx| {
            Box::pin(async move {
                let mut places = push_addresses::expired(tx, now, TURN).await?;
                let mut keys: Vec<CardKey> = places.iter().map(|place| place.card).collect();
                keys.sort_unstable();
                keys.dedup();
                let locked = cards::cards_for_update(tx, &keys).await?;
                let mut forgotten = 0;
                for card in locked {
                    let key = (card.merchant, card.id);
                    let mut card = card;
                    for place in places.extract_if(.., |place| place.card == key) {
                        // Another node may have been here, or the owner.
                        if push_addresses::is_expired(tx, &place, now).await? {
                            drop_address(tx, card, &place, now).await?;
                            forgotten += 1;
                            let again = cards::card_for_update(tx, key.0, key.1).await?;
                            card =
                                again.ok_or_else(|| store::Error::inconsistent("the locked card", "none"))?;
                        }
                    }
                }
                Ok(forgotten)
            })
        })
        .await
}

async fn listen(
    tx: &mut Tx<'_>,
    key: CardKey,
    listener: Listener,
    now: Timestamp,
) -> Result<Listening, ListenError> {
    let mut card = cards::card_for_update(tx, key.0, key.1)
        .await?
        .ok_or(ListenError::NoCard)?;
    if card.status == CardStatus::Void {
        return Err(ListenError::Ended);
    }
    let channel = channel_of(&listener.destination);
    let place = |key| Place {
        card: (card.merchant, card.id),
        channel,
        key,
    };
    let address = PushAddress {
        key: listener.destination.key(),
        destination: listener.destination,
        registered_at: now,
    };
    if let Some(old) = listener.replaces.filter(|old| *old != address.key) {
        push_addresses::delete(tx, &place(old)).await?;
    }
    let known = push_addresses::newest(tx, key, channel, MOST + 1).await?;
    let listening = if known.contains(&address.key) {
        Listening::Again
    } else {
        let room = usize::try_from(MOST - 1).unwrap_or(0);
        for old in known.into_iter().skip(room) {
            push_addresses::delete(tx, &place(old)).await?;
        }
        Listening::New
    };
    let expires_at = match channel {
        Channel::Fcm => Some(now.plus(IDLE)),
        _ => listener.expires_at,
    };
    push_addresses::listen(tx, key, &address, listener.sender_key.as_deref(), expires_at).await?;
    if !card.channels.contains(channel) {
        card.note_install(channel, now);
        let event = NewEvent::of_card(card.id, EventKind::CardInstalled, Actor::Device, now);
        invitations::note_installed(tx, card.merchant, card.id, now).await?;
        record_quietly(tx, card, event.with_reason(channel.title()), now).await?;
    }
    tx.announce(Change::Card(key.0, key.1));
    Ok(listening)
}

/// Deletes one address of a card that is locked, and the channel with the last one.
async fn drop_address(
    tx: &mut Tx<'_>,
    mut card: Card,
    place: &Place,
    now: Timestamp,
) -> Result<bool, store::Error> {
    if !push_addresses::delete(tx, place).await? {
        return Ok(false);
    }
    if !push_addresses::any(tx, place.card, place.channel).await? && card.channels.contains(place.channel) {
        card.channels = card.channels.without(place.channel);
        card.status = card.status.when_reachable_by(card.channels);
        let event = NewEvent::of_card(card.id, EventKind::CardRemoved, Actor::Device, now);
        record_quietly(tx, card, event.with_reason(place.channel.title()), now).await?;
    }
    tx.announce(Change::Card(place.card.0, place.card.1));
    Ok(true)
}
