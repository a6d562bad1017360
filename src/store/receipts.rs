//! What became of the pushes to each device, beside its registration.
//!
//! Written as sets only: by the finisher when a provider has answered, and every second or so for what devices asked
//! and fetched meanwhile. Both may come first: a phone is often quicker than the finisher's commit, so what counts is
//! when the push was taken in hand.
//!
//! Locks: registrations, after cards and pushes where those are needed.
//!
//! `k` is found by index alone and the registration by its whole key, as in [`crate::store::pushes`].

use crate::domain::id::{CardId, DeviceLibraryIdentifier, MerchantId, PassTypeIdentifier, PushToken};
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Change, Error, FromRow, Row, Tx};

/// Parameters of the set: merchant, card, push token, queued, told, accepted, whether it was for its silence, when to
/// look again.
const TOLD: &str = "update registrations set \
     queued_at = case when coalesce(registrations.fetched_at, 0) >= coalesce(registrations.told_at, 0) \
     then v.column4 else registrations.queued_at end, \
     told_at = v.column5, accepted_at = v.column6, \
     unanswered = case when v.column7 = 1 then registrations.unanswered else 0 end, \
     look_at = case when registrations.fetched_at >= v.column5 then null \
     when v.column7 = 1 then registrations.look_at else v.column8 end \
     from (values {bigint, bigint, text, bigint, bigint, bigint, bigint, bigint}) as v \
     join registrations k on k.merchant_id = v.column1 and k.card_id = v.column2 \
     where registrations.merchant_id = k.merchant_id \
     and registrations.pass_type_identifier = k.pass_type_identifier \
     and registrations.device_library_identifier = k.device_library_identifier \
     and registrations.card_id = k.card_id and registrations.push_token = v.column3 \
     returning registrations.queued_at, registrations.told_at, registrations.fetched_at";
const ASKED: &str = "update registrations set asked_at = v.column4 \
     from (values {bigint, text, text, bigint}) as v \
     where registrations.merchant_id = v.column1 and registrations.pass_type_identifier = v.column2 \
     and registrations.device_library_identifier = v.column3 \
     and (registrations.asked_at is null or registrations.asked_at < v.column4)";
const OF_CARDS: &str = "select r.merchant_id, r.card_id, r.pass_type_identifier, r.device_library_identifier, \
     r.registered_at, r.queued_at, r.told_at, r.accepted_at, r.asked_at, r.fetched_at, r.unanswered, r.look_at \
     from (values {bigint, bigint}) as v \
     join registrations k on k.merchant_id = v.column1 and k.card_id = v.column2 \
     join registrations r on r.merchant_id = k.merchant_id and r.pass_type_identifier = k.pass_type_identifier \
     and r.device_library_identifier = k.device_library_identifier and r.card_id = k.card_id";
const OF_CARDS_LOCKED: &str = "select r.merchant_id, r.card_id, r.pass_type_identifier, r.device_library_identifier, \
     r.registered_at, r.queued_at, r.told_at, r.accepted_at, r.asked_at, r.fetched_at, r.unanswered, r.look_at \
     from (values {bigint, bigint}) as v \
     join registrations k on k.merchant_id = v.column1 and k.card_id = v.column2 \
     join registrations r on r.merchant_id = k.merchant_id and r.pass_type_identifier = k.pass_type_identifier \
     and r.device_library_identifier = k.device_library_identifier and r.card_id = k.card_id \
     order by r.merchant_id, r.card_id, r.device_library_identifier for update of r";
const FETCHED: &str = "update registrations set fetched_at = v.column5, unanswered = v.column6, look_at = v.column7 \
     from (values {bigint, text, text, bigint, bigint, bigint, bigint}) as v \
     where registrations.merchant_id = v.column1 and registrations.pass_type_identifier = v.column2 \
     and registrations.device_library_identifier = v.column3 and registrations.card_id = v.column4";
const SILENT: &str = "select r.merchant_id, r.pass_type_identifier, r.device_library_identifier, r.card_id, \
     r.unanswered from registrations r where r.look_at <= $1 order by r.look_at limit $2";
const LOOK: &str = "update registrations set unanswered = v.column5, look_at = v.column6 \
     from (values {bigint, text, text, bigint, bigint, bigint}) as v \
     where registrations.merchant_id = v.column1 and registrations.pass_type_identifier = v.column2 \
     and registrations.device_library_identifier = v.column3 and registrations.card_id = v.column4";
/// A row that is to be sent tells everybody anyway. One that only waits until something may ring does not, and then tells
/// everybody once more: what rings with it is not for the silent alone.
const AGAIN: &str = "insert into pushes (merchant_id, card_id, channel, generation, due_at, attempts, created_at, again) \
     select v.column1, v.column2, 'apple', 1, v.column3, 0, v.column3, 1 \
     from (values {bigint, bigint, bigint}) as v where true \
     on conflict (merchant_id, card_id, channel) do update set generation = pushes.generation + 1, \
     due_at = case when excluded.due_at < pushes.due_at then excluded.due_at else pushes.due_at end \
     where pushes.lease is null and pushes.told = pushes.generation";
const DOOM: &str = "update registrations set dead_at = $5 where merchant_id = $1 and pass_type_identifier = $2 \
     and push_token = $4 and registered_at < $5 and dead_at is null and device_library_identifier in \
     (select k.device_library_identifier from registrations k where k.merchant_id = $1 and k.card_id = $3)";
const DOOMED: &str = "select distinct doomed.merchant_id, doomed.card_id from \
     (select merchant_id, card_id from registrations where dead_at <= $1 order by dead_at limit $2) as doomed \
     order by doomed.merchant_id, doomed.card_id";
const BURY: &str = "delete from registrations where dead_at <= $1 and registered_at < dead_at \
     and (merchant_id, pass_type_identifier, device_library_identifier, card_id) in \
     (select k.merchant_id, k.pass_type_identifier, k.device_library_identifier, k.card_id \
     from (values {bigint, bigint}) as v \
     join registrations k on k.merchant_id = v.column1 and k.card_id = v.column2) \
     returning merchant_id, card_id";

pub(crate) const STATEMENTS: &[&str] = &[
    TOLD,
    ASKED,
    OF_CARDS,
    OF_CARDS_LOCKED,
    FETCHED,
    SILENT,
    LOOK,
    AGAIN,
    DOOM,
    DOOMED,
    BURY,
];

/// A push that a provider has taken for a device.
#[derive(Debug, Clone)]
pub struct Told {
    pub key: CardKey,
    pub push_token: PushToken,
    /// When the change was queued.
    pub queued_at: Timestamp,
    pub told_at: Timestamp,
    /// It was sent because the device had stayed silent.
    pub again: bool,
}

/// A device that asked what has changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asking {
    pub merchant: MerchantId,
    pub pass_type_identifier: PassTypeIdentifier,
    pub device: DeviceLibraryIdentifier,
}

/// One device of a card.
#[derive(Debug, Clone)]
pub struct Known {
    pub key: CardKey,
    pub receipt: Receipt,
}

/// A fetch that is known by now: from the change to the fetch.
pub type Waited = std::time::Duration;

/// Notes what was accepted at `now`; a device that stays silent is looked at at `look_at`. Returns how long those
/// waited that have fetched already.
pub async fn told(
    tx: &mut Tx<'_>,
    pushes: &[Told],
    now: Timestamp,
    look_at: Option<Timestamp>,
) -> Result<Vec<Waited>, Error> {
    let rows: Vec<_> = pushes
        .iter()
        .map(|push| {
            let (merchant, card) = push.key;
            params![
                merchant,
                card,
                push.push_token.as_str(),
                push.queued_at,
                push.told_at,
                now,
                i64::from(push.again),
                look_at
            ]
        })
        .collect();
    let known: Vec<(Option<i64>, Option<i64>, Option<i64>)> = tx.all_rows(TOLD, &[], &rows).await?;
    Ok(known
        .into_iter()
        .filter_map(|(queued, told, fetched)| {
            let fetched = fetched.filter(|fetched| Some(*fetched) >= told)?;
            Some(Timestamp(fetched).since(Timestamp(queued?)))
        })
        .collect())
}

/// Notes which devices asked, and when they did last.
pub async fn asked(tx: &mut Tx<'_>, devices: &[(Asking, Timestamp)]) -> Result<(), Error> {
    let rows: Vec<_> = devices
        .iter()
        .map(|(asking, at)| {
            params![
                asking.merchant,
                asking.pass_type_identifier.as_str(),
                asking.device.as_str(),
                *at
            ]
        })
        .collect();
    tx.exec_rows(ASKED, &[], &rows).await?;
    Ok(())
}

/// The devices of cards, in no promised order.
pub async fn of_cards(tx: &mut Tx<'_>, cards: &[CardKey]) -> Result<Vec<Known>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    tx.all_rows(OF_CARDS, &[], &rows).await
}

/// The same, locked until the transaction ends.
pub async fn of_cards_for_update(tx: &mut Tx<'_>, cards: &[CardKey]) -> Result<Vec<Known>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    tx.all_rows(OF_CARDS_LOCKED, &[], &rows).await
}

/// Writes what [`crate::domain::receipt::credit`] made of receipts.
pub async fn fetched(tx: &mut Tx<'_>, devices: &[(CardKey, &Receipt)]) -> Result<(), Error> {
    let rows: Vec<_> = devices
        .iter()
        .map(|((merchant, card), receipt)| {
            params![
                *merchant,
                receipt.pass_type_identifier.as_str(),
                receipt.device.as_str(),
                *card,
                receipt.fetched_at,
                receipt.unanswered,
                receipt.look_at
            ]
        })
        .collect();
    tx.exec_rows(FETCHED, &[], &rows).await?;
    Ok(())
}

/// A device that has not answered its last push in time.
#[derive(Debug, Clone)]
pub struct Silent {
    asking: Asking,
    card: CardId,
    pub unanswered: i64,
}

impl Silent {
    pub fn key(&self) -> CardKey {
        (self.asking.merchant, self.card)
    }
}

/// Devices that are to be looked at by `now`, the longest silent first. What is read of a card that is not locked may be
/// over a moment later.
pub async fn silent(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Silent>, Error> {
    tx.all(SILENT, &params![now, limit]).await
}

/// Queues another push to each of `devices`, whose cards are locked, with the time of the next look, and to nobody else
/// who holds their cards.
pub async fn tell_again(
    tx: &mut Tx<'_>,
    devices: &[(Silent, Option<Timestamp>)],
    now: Timestamp,
) -> Result<(), Error> {
    let mut cards: Vec<CardKey> = devices.iter().map(|(silent, _)| silent.key()).collect();
    cards.sort_unstable();
    cards.dedup();
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card, now])
        .collect();
    tx.exec_rows(AGAIN, &[], &rows).await?;
    let rows: Vec<_> = devices
        .iter()
        .map(|(silent, look_at)| {
            params![
                silent.asking.merchant,
                silent.asking.pass_type_identifier.as_str(),
                silent.asking.device.as_str(),
                silent.card,
                silent.unanswered + 1,
                *look_at
            ]
        })
        .collect();
    tx.exec_rows(LOOK, &[], &rows).await?;
    tx.announce(Change::Pushes);
    Ok(())
}

/// A provider's word that a push token died before `before`, learned with `card`: the device's other registrations with
/// it are marked, to be collected by [`bury`].
pub async fn doom(
    tx: &mut Tx<'_>,
    card: CardKey,
    pass_type_identifier: &PassTypeIdentifier,
    push_token: &PushToken,
    before: Timestamp,
) -> Result<(), Error> {
    let params = params![
        card.0,
        pass_type_identifier.as_str(),
        card.1,
        push_token.as_str(),
        before
    ];
    tx.exec(DOOM, &params).await?;
    Ok(())
}

/// Cards with marked registrations, by id.
pub async fn doomed(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<CardKey>, Error> {
    tx.all(DOOMED, &params![now, limit]).await
}

/// Deletes the marked registrations of `cards`, which are locked. Returns the cards that lost one.
pub async fn bury(tx: &mut Tx<'_>, cards: &[CardKey], now: Timestamp) -> Result<Vec<CardKey>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    tx.all_rows(BURY, &params![now], &rows).await
}

impl FromRow for Known {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let receipt = Receipt {
            pass_type_identifier: row.next()?,
            device: row.next()?,
            registered_at: row.next()?,
            queued_at: row.next()?,
            told_at: row.next()?,
            accepted_at: row.next()?,
            asked_at: row.next()?,
            fetched_at: row.next()?,
            unanswered: row.next()?,
            look_at: row.next()?,
        };
        Ok(Self { key, receipt })
    }
}

impl FromRow for Silent {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            asking: Asking {
                merchant: row.next()?,
                pass_type_identifier: row.next()?,
                device: row.next()?,
            },
            card: row.next()?,
            unanswered: row.next()?,
        })
    }
}
