//! Browsers and apps that want to hear of a card, and what each of them has been told.
//!
//! The functions that write are called with the card's row locked, which makes "is this the first" and "was this the
//! last" true until the commit. `told_generation` numbers what an address has taken while others
//! of the same card have not: a row that is tried again leaves it out. It is empty once the row is finished.

use crate::domain::address::{
    AddressKey, Destination, PushAddress, Registration, RegistrationKind, Subscription,
};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::silence::Silence;
use crate::domain::time::Timestamp;
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const LISTEN: &str = "insert into push_addresses (merchant_id, card_id, channel, address_key, kind, address, \
     receiver_key, auth_secret, sender_key, registered_at, expires_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     on conflict (merchant_id, card_id, channel, address_key) do update set \
     receiver_key = excluded.receiver_key, auth_secret = excluded.auth_secret, sender_key = excluded.sender_key, \
     registered_at = excluded.registered_at, expires_at = excluded.expires_at, told_generation = null, \
     unanswered = 0, silent_since = 0";
const DELETE: &str = "delete from push_addresses where merchant_id = $1 and card_id = $2 and channel = $3 \
     and address_key = $4";
/// Only as it was when it was sent to.
const DELETE_DEAD: &str = "delete from push_addresses where merchant_id = $1 and card_id = $2 and channel = $3 \
     and address_key = $4 and registered_at = $5";
const NEWEST: &str = "select address_key from push_addresses where merchant_id = $1 and card_id = $2 \
     and channel = $3 order by registered_at desc, address_key limit $4";
const ANY: &str = "select count(*) from (select 1 from push_addresses where merchant_id = $1 and card_id = $2 \
     and channel = $3 limit 1) as one";
const OF_CARDS: &str = "select a.merchant_id, a.card_id, a.told_generation, a.address_key, a.kind, a.address, \
     a.receiver_key, a.auth_secret, a.registered_at, a.unanswered, a.silent_since from (values {bigint, bigint}) as v \
     join push_addresses a on a.merchant_id = v.column1 and a.card_id = v.column2 and a.channel = $1";
const TELL: &str = "update push_addresses set told_generation = v.column4 \
     from (values {bigint, bigint, text, bigint}) as v where push_addresses.merchant_id = v.column1 \
     and push_addresses.card_id = v.column2 and push_addresses.channel = $1 \
     and push_addresses.address_key = v.column3";
const NOTE_SILENCE: &str = "update push_addresses set unanswered = v.column4, silent_since = v.column5 \
     from (values {bigint, bigint, text, bigint, bigint}) as v where push_addresses.merchant_id = v.column1 \
     and push_addresses.card_id = v.column2 and push_addresses.channel = $1 \
     and push_addresses.address_key = v.column3";
const FORGET_TOLD: &str = "update push_addresses set told_generation = null where (merchant_id, card_id) in \
     (select v.column1, v.column2 from (values {bigint, bigint}) as v) and channel = $1 \
     and told_generation is not null";
const EXPIRED: &str = "select merchant_id, card_id, channel, address_key from push_addresses \
     where expires_at is not null and expires_at <= $1 order by expires_at limit $2";
const EXPIRES_AT: &str = "select expires_at from push_addresses where merchant_id = $1 and card_id = $2 \
     and channel = $3 and address_key = $4";
const OF_OTHER_SENDERS: &str = "select count(*) from (select 1 from push_addresses where channel = $1 \
     and sender_key <> $2 limit 1) as one";
const DELETE_OF_CARD: &str = "delete from push_addresses where merchant_id = $1 and card_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[
    LISTEN,
    DELETE,
    DELETE_DEAD,
    NEWEST,
    ANY,
    OF_CARDS,
    TELL,
    NOTE_SILENCE,
    FORGET_TOLD,
    EXPIRED,
    EXPIRES_AT,
    OF_OTHER_SENDERS,
    DELETE_OF_CARD,
];

/// An address that listens to a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    pub card: CardKey,
    /// What it has been told already while others wait, as the dispatcher numbers it: a generation of the outbox row
    /// and the alerts beside it.
    pub told: Option<i64>,
    pub silence: Silence,
    pub address: PushAddress,
}

/// One address of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub card: CardKey,
    pub channel: Channel,
    pub key: AddressKey,
}

/// The channel that a destination is reached by.
pub fn channel_of(destination: &Destination) -> Channel {
    match destination {
        Destination::Browser(_) => Channel::WebPush,
        Destination::App(_) => Channel::Fcm,
    }
}

/// Adds an address to a card, or says that it listens still. `sender_key` is the key of ours that a browser's
/// subscription was made for.
pub async fn listen(
    tx: &mut Tx<'_>,
    (merchant, card): CardKey,
    address: &PushAddress,
    sender_key: Option<&str>,
    expires_at: Option<Timestamp>,
) -> Result<(), Error> {
    let channel = channel_of(&address.destination).as_str();
    let (receiver_key, auth_secret) = match &address.destination {
        Destination::Browser(subscription) => (
            Some(subscription.receiver_key()),
            Some(subscription.auth_secret()),
        ),
        Destination::App(_) => (None, None),
    };
    let params = params![
        merchant,
        card,
        channel,
        &address.key.0,
        address.destination.kind(),
        address.destination.address(),
        receiver_key,
        auth_secret,
        sender_key,
        address.registered_at,
        expires_at
    ];
    tx.exec(LISTEN, &params).await?;
    Ok(())
}

/// Whether there was such an address.
pub async fn delete(tx: &mut Tx<'_>, place: &Place) -> Result<bool, Error> {
    let (merchant, card) = place.card;
    let params = params![merchant, card, place.channel.as_str(), &place.key.0];
    Ok(tx.exec(DELETE, &params).await? > 0)
}

/// Deletes an address that a provider calls dead, unless its owner has said since that it listens there. Whether it
/// went.
pub async fn delete_dead(tx: &mut Tx<'_>, place: &Place, registered_at: Timestamp) -> Result<bool, Error> {
    let (merchant, card) = place.card;
    let channel = place.channel.as_str();
    let params = params![merchant, card, channel, &place.key.0, registered_at];
    Ok(tx.exec(DELETE_DEAD, &params).await? > 0)
}

/// Deletes everything that listens to a card.
pub async fn delete_of_card(tx: &mut Tx<'_>, (merchant, card): CardKey) -> Result<bool, Error> {
    Ok(tx.exec(DELETE_OF_CARD, &params![merchant, card]).await? > 0)
}

/// A card's addresses of one channel, at most `limit`, the one that was heard of last first.
pub async fn newest(
    tx: &mut Tx<'_>,
    (merchant, card): CardKey,
    channel: Channel,
    limit: i64,
) -> Result<Vec<AddressKey>, Error> {
    let rows: Vec<(String,)> = tx
        .all(NEWEST, &params![merchant, card, channel.as_str(), limit])
        .await?;
    Ok(rows.into_iter().map(|(key,)| AddressKey(key)).collect())
}

/// Whether anybody listens to the card on `channel`.
pub async fn any(tx: &mut Tx<'_>, (merchant, card): CardKey, channel: Channel) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(ANY, &params![merchant, card, channel.as_str()]).await?;
    Ok(count > 0)
}

/// Who listens to `cards` on `channel`.
pub async fn of_cards(tx: &mut Tx<'_>, channel: Channel, cards: &[CardKey]) -> Result<Vec<Listening>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    tx.all_rows(OF_CARDS, &params![channel.as_str()], &rows).await
}

/// Notes which addresses have taken which generation of their card's outbox row.
pub async fn tell(
    tx: &mut Tx<'_>,
    channel: Channel,
    told: &[(CardKey, AddressKey, i64)],
) -> Result<(), Error> {
    let rows: Vec<_> = told
        .iter()
        .map(|((merchant, card), key, generation)| params![*merchant, *card, &key.0, *generation])
        .collect();
    tx.exec_rows(TELL, &params![channel.as_str()], &rows).await?;
    Ok(())
}

/// Notes at which addresses nobody answered, and where somebody does again.
pub async fn note_silence(
    tx: &mut Tx<'_>,
    channel: Channel,
    silences: &[(CardKey, AddressKey, Silence)],
) -> Result<(), Error> {
    let rows: Vec<_> = silences
        .iter()
        .map(|((merchant, card), key, silence)| {
            params![*merchant, *card, &key.0, silence.attempts, silence.since]
        })
        .collect();
    tx.exec_rows(NOTE_SILENCE, &params![channel.as_str()], &rows)
        .await?;
    Ok(())
}

/// Forgets what was noted for cards whose outbox rows are finished: the next ones count from the beginning.
pub async fn forget_told(tx: &mut Tx<'_>, channel: Channel, cards: &[CardKey]) -> Result<(), Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    tx.exec_rows(FORGET_TOLD, &params![channel.as_str()], &rows)
        .await?;
    Ok(())
}

/// Addresses that nobody has spoken for in time.
pub async fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Place>, Error> {
    tx.all(EXPIRED, &params![now, limit]).await
}

/// Whether the address is there still, and out of time.
pub async fn is_expired(tx: &mut Tx<'_>, place: &Place, now: Timestamp) -> Result<bool, Error> {
    let (merchant, card) = place.card;
    let params = params![merchant, card, place.channel.as_str(), &place.key.0];
    let row: Option<(Option<Timestamp>,)> = tx.opt(EXPIRES_AT, &params).await?;
    Ok(row.is_some_and(|(expires_at,)| expires_at.is_some_and(|expires_at| expires_at <= now)))
}

/// Whether any subscription was made for another key than `sender_key`, and can hear nothing from it. May read all.
pub async fn any_of_other_senders(
    tx: &mut Tx<'_>,
    channel: Channel,
    sender_key: &str,
) -> Result<bool, Error> {
    let (count,): (i64,) = tx
        .one(OF_OTHER_SENDERS, &params![channel.as_str(), sender_key])
        .await?;
    Ok(count > 0)
}

impl FromRow for Listening {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card: (MerchantId, CardId) = (row.next()?, row.next()?);
        let told = row.next()?;
        let key = AddressKey(row.next()?);
        let (kind, address): (String, String) = (row.next()?, row.next()?);
        let (receiver_key, auth_secret): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.next()?, row.next()?);
        let unsound = |_| Error::inconsistent("an address that was checked when it was stored", "another");
        let destination = match (RegistrationKind::parse(&kind), receiver_key, auth_secret) {
            (Some(kind), ..) => Destination::App(Registration::new(kind, address).map_err(unsound)?),
            (None, Some(receiver_key), Some(auth_secret)) => {
                let subscription = Subscription::from_parts(address, receiver_key, auth_secret);
                Destination::Browser(subscription.map_err(unsound)?)
            }
            (None, ..) => return Err(Error::inconsistent("a kind of address", "another word")),
        };
        Ok(Self {
            card,
            told,
            address: PushAddress {
                key,
                destination,
                registered_at: row.next()?,
            },
            silence: Silence {
                attempts: row.next()?,
                since: row.next()?,
            },
        })
    }
}

impl FromRow for Place {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = (row.next()?, row.next()?);
        let channel: String = row.next()?;
        Ok(Self {
            card,
            channel: Channel::parse(&channel)
                .ok_or_else(|| Error::inconsistent("a channel", "another word"))?,
            key: AddressKey(row.next()?),
        })
    }
}
