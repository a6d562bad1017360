//! Locations and stations. A station's key is stored as its SHA-256 only.

use crate::domain::id::{LocationId, MerchantId, StationId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT_LOCATION: &str =
    "insert into locations (merchant_id, location_id, name, created_at) values ($1, $2, $3, $4)";
const INSERT_STATION: &str = "insert into stations (merchant_id, station_id, location_id, name, key_hash, revoked_at, \
     created_at) values ($1, $2, $3, $4, $5, null, $6)";
const STATION_BY_KEY: &str = "select merchant_id, station_id, location_id, name from stations \
     where key_hash = $1 and revoked_at is null";
const REVOKE: &str = "update stations set revoked_at = $3 \
     where merchant_id = $1 and station_id = $2 and revoked_at is null";

pub(crate) const STATEMENTS: &[&str] = &[INSERT_LOCATION, INSERT_STATION, STATION_BY_KEY, REVOKE];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    pub merchant: MerchantId,
    pub id: StationId,
    pub location: LocationId,
    pub name: String,
}

pub async fn insert_location(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    location: LocationId,
    name: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(INSERT_LOCATION, &params![merchant, location, name, now])
        .await?;
    Ok(())
}

pub async fn insert_station(
    tx: &mut Tx<'_>,
    station: &Station,
    key_hash: [u8; 32],
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![
        station.merchant,
        station.id,
        station.location,
        station.name.as_str(),
        key_hash,
        now,
    ];
    tx.exec(INSERT_STATION, &params).await?;
    Ok(())
}

/// The station whose key has that hash, unless it was revoked.
pub async fn station_by_key(tx: &mut Tx<'_>, key_hash: [u8; 32]) -> Result<Option<Station>, Error> {
    tx.opt(STATION_BY_KEY, &params![key_hash]).await
}

/// Ends a station's key at once; true when it was valid until now.
pub async fn revoke(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    station: StationId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.exec(REVOKE, &params![merchant, station, now]).await? > 0)
}

impl FromRow for Station {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            id: row.next()?,
            location: row.next()?,
            name: row.next()?,
        })
    }
}
