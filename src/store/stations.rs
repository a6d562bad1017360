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

const MERCHANT: &str = "select name from merchants where merchant_id = $1";
const LOCATIONS: &str = "select location_id, name from locations where merchant_id = $1 order by location_id";
const STATIONS: &str = "select s.merchant_id, s.station_id, s.location_id, s.name, l.name, s.revoked_at \
     from stations s join locations l on l.merchant_id = s.merchant_id and l.location_id = s.location_id \
     where s.merchant_id = $1 order by s.station_id";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_LOCATION,
    INSERT_STATION,
    STATION_BY_KEY,
    REVOKE,
    MERCHANT,
    LOCATIONS,
    STATIONS,
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    pub merchant: MerchantId,
    pub id: StationId,
    pub location: LocationId,
    pub name: String,
}

/// A place where stations stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub id: LocationId,
    pub name: String,
}

/// A station as an overview shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStation {
    pub station: Station,
    pub location_name: String,
    /// When its key was ended; none while it is valid.
    pub revoked_at: Option<Timestamp>,
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

/// The merchant's name, if there is such a merchant.
pub async fn merchant_name(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Option<String>, Error> {
    let name: Option<MerchantName> = tx.opt(MERCHANT, &params![merchant]).await?;
    Ok(name.map(|name| name.0))
}

/// Every location of the merchant, oldest first.
pub async fn locations(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Location>, Error> {
    tx.all(LOCATIONS, &params![merchant]).await
}

/// Every station of the merchant, oldest first, with those that were revoked.
pub async fn stations(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<ListedStation>, Error> {
    tx.all(STATIONS, &params![merchant]).await
}

struct MerchantName(String);

impl FromRow for MerchantName {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?))
    }
}

impl FromRow for Location {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            name: row.next()?,
        })
    }
}

impl FromRow for ListedStation {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            station: Station::from_row(row)?,
            location_name: row.next()?,
            revoked_at: row.next()?,
        })
    }
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
