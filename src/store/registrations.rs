//! Apple's registrations: which device wants to hear of which card, and what a device has missed.
//!
//! The functions that write are called with the card's row locked, which makes "is this the first" and "was this
//! the last" true until the commit. What changed since a tag is read on the caller's snapshot, together with the
//! tag itself (see [`crate::store::tags`]).

use crate::domain::id::{
    CardId, DeviceLibraryIdentifier, MerchantId, PassTypeIdentifier, PushToken, SerialNumber, UpdateTag,
};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const STAMP: &str = "select c.card_id, p.pass_type_identifier, c.version, c.changed_at from cards c \
     join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     where c.merchant_id = $1 and c.serial_number = $2";
/// A device that was told of the card and has not fetched it since.
///
/// `k` is found by its index alone and the registration by its whole key: asked for more than the index holds, SQLite would
/// walk through all of the merchant's registrations. A cross join is read from left to right.
const AWAITED: &str = "select 1 from registrations k cross join registrations r \
     where k.merchant_id = $1 and k.card_id = $2 and r.merchant_id = k.merchant_id \
     and r.pass_type_identifier = k.pass_type_identifier \
     and r.device_library_identifier = k.device_library_identifier and r.card_id = k.card_id \
     and r.told_at > coalesce(r.fetched_at, 0) limit 1";
const PUSH_TOKEN: &str = "select push_token from registrations where merchant_id = $1 \
     and pass_type_identifier = $2 and device_library_identifier = $3 and card_id = $4";
const INSERT: &str = "insert into registrations (merchant_id, pass_type_identifier, device_library_identifier, \
     card_id, push_token, registered_at, tag) values ($1, $2, $3, $4, $5, $6, null)";
const CONFIRM: &str = "update registrations set push_token = $5, registered_at = $6, dead_at = null where merchant_id = $1 \
     and pass_type_identifier = $2 and device_library_identifier = $3 and card_id = $4";
const MARK: &str = "update registrations set tag = $5 where merchant_id = $1 \
     and pass_type_identifier = $2 and device_library_identifier = $3 and card_id = $4";
const DELETE: &str = "delete from registrations where merchant_id = $1 \
     and pass_type_identifier = $2 and device_library_identifier = $3 and card_id = $4";
const ANY: &str = "select count(*) from (select 1 from registrations where merchant_id = $1 and card_id = $2 \
     limit 1) as one";
/// Found as [`AWAITED`] is.
const OF_CARD: &str = "select r.pass_type_identifier, r.device_library_identifier, r.registered_at, r.asked_at, \
     r.fetched_at from registrations k cross join registrations r \
     where k.merchant_id = $1 and k.card_id = $2 and r.merchant_id = k.merchant_id \
     and r.pass_type_identifier = k.pass_type_identifier \
     and r.device_library_identifier = k.device_library_identifier and r.card_id = k.card_id limit $3";
/// A cross join is read from left to right by SQLite: the device's few registrations first. Left to itself, or asked
/// for an order, SQLite walks through all of the merchant's cards.
const CHANGED: &str = "select c.serial_number from registrations r cross join cards c \
     where c.merchant_id = r.merchant_id and c.card_id = r.card_id \
     and r.merchant_id = $1 and r.pass_type_identifier = $2 and r.device_library_identifier = $3 \
     and (coalesce(c.tag, 0) > $4 or coalesce(r.tag, 0) > $4)";

pub(crate) const STATEMENTS: &[&str] = &[
    STAMP, AWAITED, PUSH_TOKEN, INSERT, CONFIRM, MARK, DELETE, ANY, OF_CARD, CHANGED,
];

/// What must be known of a card before a caller may learn anything about it.
#[derive(Debug, Clone)]
pub struct CardStamp {
    pub card: CardId,
    pub pass_type_identifier: PassTypeIdentifier,
    pub version: i64,
    pub changed_at: Timestamp,
}

/// Who is registered for what.
#[derive(Debug, Clone)]
pub struct RegistrationKey {
    pub merchant: MerchantId,
    pub pass_type_identifier: PassTypeIdentifier,
    pub device: DeviceLibraryIdentifier,
    pub card: CardId,
}

pub async fn stamp(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    serial_number: &SerialNumber,
) -> Result<Option<CardStamp>, Error> {
    tx.opt(STAMP, &params![merchant, serial_number.as_str()]).await
}

/// Whether a device was told of the card and has not fetched it since.
pub async fn is_awaited(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<bool, Error> {
    let found: Option<(i64,)> = tx.opt(AWAITED, &params![merchant, card]).await?;
    Ok(found.is_some())
}

/// The push token that a registration holds; `None` when there is no such registration.
pub async fn push_token(tx: &mut Tx<'_>, key: &RegistrationKey) -> Result<Option<String>, Error> {
    let params = params![
        key.merchant,
        key.pass_type_identifier.as_str(),
        key.device.as_str(),
        key.card
    ];
    let found: Option<(String,)> = tx.opt(PUSH_TOKEN, &params).await?;
    Ok(found.map(|(token,)| token))
}

/// Adds a registration that [`push_token`] did not find.
pub async fn insert(
    tx: &mut Tx<'_>,
    key: &RegistrationKey,
    token: &PushToken,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(INSERT, &with_token(key, token, now)).await?;
    Ok(())
}

/// Takes the push token of a device that registers again, and when it did: a provider's word that a token died
/// earlier says nothing about it any more.
pub async fn confirm(
    tx: &mut Tx<'_>,
    key: &RegistrationKey,
    token: &PushToken,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(CONFIRM, &with_token(key, token, now)).await?;
    Ok(())
}

/// Makes the list name this registration's card to a device that asks with a smaller tag.
pub async fn mark(tx: &mut Tx<'_>, key: &RegistrationKey, tag: UpdateTag) -> Result<(), Error> {
    let params = params![
        key.merchant,
        key.pass_type_identifier.as_str(),
        key.device.as_str(),
        key.card,
        tag.0
    ];
    tx.exec(MARK, &params).await?;
    Ok(())
}

/// Whether there was such a registration.
pub async fn delete(tx: &mut Tx<'_>, key: &RegistrationKey) -> Result<bool, Error> {
    let params = params![
        key.merchant,
        key.pass_type_identifier.as_str(),
        key.device.as_str(),
        key.card
    ];
    Ok(tx.exec(DELETE, &params).await? > 0)
}

/// Whether any device is registered for `card`.
pub async fn any(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(ANY, &params![merchant, card]).await?;
    Ok(count > 0)
}

/// A card's registrations, at most `limit`, each with when its device was last heard of.
pub async fn of_card(
    tx: &mut Tx<'_>,
    (merchant, card): (MerchantId, CardId),
    limit: i64,
) -> Result<Vec<(RegistrationKey, Timestamp)>, Error> {
    let rows: Vec<Found> = tx.all(OF_CARD, &params![merchant, card, limit]).await?;
    rows.into_iter()
        .map(|(pass_type, device, registered_at, asked_at, fetched_at)| {
            let unsound = |error| Error::inconsistent("a registration that was checked", error);
            let key = RegistrationKey {
                merchant,
                pass_type_identifier: PassTypeIdentifier::parse(pass_type).map_err(unsound)?,
                device: DeviceLibraryIdentifier::parse(device).map_err(unsound)?,
                card,
            };
            let heard = [Some(registered_at), asked_at, fetched_at].into_iter().flatten();
            Ok((key, heard.max().unwrap_or(registered_at)))
        })
        .collect()
}

/// Pass type and device; when it registered, asked and fetched.
type Found = (String, String, Timestamp, Option<Timestamp>, Option<Timestamp>);

/// The serial numbers of one type that `device` is registered for and that changed after `since`.
pub async fn changed(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    pass_type_identifier: &PassTypeIdentifier,
    device: &DeviceLibraryIdentifier,
    since: UpdateTag,
) -> Result<Vec<String>, Error> {
    let params = params![merchant, pass_type_identifier.as_str(), device.as_str(), since.0];
    let rows: Vec<(String,)> = tx.all(CHANGED, &params).await?;
    let mut serial_numbers: Vec<String> = rows.into_iter().map(|(serial_number,)| serial_number).collect();
    serial_numbers.sort_unstable();
    Ok(serial_numbers)
}

fn with_token(key: &RegistrationKey, token: &PushToken, now: Timestamp) -> [Value; 6] {
    let (kind, device) = (key.pass_type_identifier.as_str(), key.device.as_str());
    params![key.merchant, kind, device, key.card, token.as_str(), now]
}

impl FromRow for CardStamp {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: CardId(row.next()?),
            pass_type_identifier: PassTypeIdentifier::parse(row.next::<String>()?)
                .map_err(|error| Error::inconsistent("a pass type identifier", error))?,
            version: row.next()?,
            changed_at: Timestamp(row.next()?),
        })
    }
}
