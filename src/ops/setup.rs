//! Setting up a merchant: its program, its first location and the stations there.

use crate::domain::id::{LocationId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use crate::domain::program::{Program, PunchRules};
use crate::ops::Ops;
use crate::store::Error;
use crate::store::cards::{self, NewMerchant};
use crate::store::stations::{self, Station};

/// What a new merchant says of its business.
#[derive(Debug, Clone)]
pub struct NewBusiness {
    pub name: String,
    /// IANA time zone of the business day.
    pub zone: String,
}

/// What a new program promises.
#[derive(Debug, Clone)]
pub struct NewProgram {
    pub name: String,
    pub template: String,
    pub pass_type_identifier: PassTypeIdentifier,
    pub reward_name: String,
    pub rules: PunchRules,
}

/// A station with the key that its bridge shows; the key is told once and only its hash is kept.
pub struct StationWithKey {
    pub station: Station,
    pub key: String,
}

impl Ops {
    pub async fn create_merchant(&self, business: NewBusiness) -> Result<MerchantId, Error> {
        let now = self.clock.now();
        let id = MerchantId(self.ids.next(now));
        let merchant = NewMerchant {
            id,
            name: business.name,
            zone: business.zone,
        };
        self.store
            .write("create_merchant", move |tx| {
                let merchant = merchant.clone();
                Box::pin(async move { cards::insert_merchant(tx, &merchant, now).await })
            })
            .await?;
        Ok(id)
    }

    pub async fn create_program(&self, merchant: MerchantId, new: NewProgram) -> Result<ProgramId, Error> {
        let now = self.clock.now();
        let id = ProgramId(self.ids.next(now));
        let program = Program {
            id,
            merchant,
            name: new.name,
            template: new.template,
            pass_type_identifier: new.pass_type_identifier,
            reward_name: new.reward_name,
            rules: new.rules,
        };
        self.store
            .write("create_program", move |tx| {
                let program = program.clone();
                Box::pin(async move { cards::insert_program(tx, &program, now).await })
            })
            .await?;
        Ok(id)
    }

    pub async fn create_location(&self, merchant: MerchantId, name: String) -> Result<LocationId, Error> {
        let now = self.clock.now();
        let id = LocationId(self.ids.next(now));
        self.store
            .write("create_location", move |tx| {
                let name = name.clone();
                Box::pin(async move { stations::insert_location(tx, merchant, id, &name, now).await })
            })
            .await?;
        Ok(id)
    }

    pub async fn create_station(
        &self,
        merchant: MerchantId,
        location: LocationId,
        name: String,
    ) -> Result<StationWithKey, Error> {
        let now = self.clock.now();
        let key = format!("station-{}", hex::encode(self.ids.secret::<32>()));
        let key_hash = openssl::sha::sha256(key.as_bytes());
        let station = Station {
            merchant,
            id: StationId(self.ids.next(now)),
            location,
            name,
        };
        let row = station.clone();
        self.store
            .write("create_station", move |tx| {
                let row = row.clone();
                Box::pin(async move { stations::insert_station(tx, &row, key_hash, now).await })
            })
            .await?;
        Ok(StationWithKey { station, key })
    }

    /// The station that shows `key`, unless it was revoked. Found by the key's hash, so that how long the search
    /// takes tells nothing about other keys.
    pub async fn station_by_key(&self, key: &str) -> Result<Option<Station>, Error> {
        let key_hash = openssl::sha::sha256(key.as_bytes());
        self.store
            .read("station_by_key", move |tx| {
                Box::pin(async move { stations::station_by_key(tx, key_hash).await })
            })
            .await
    }

    /// Ends a station's key at once.
    pub async fn revoke_station(&self, merchant: MerchantId, station: StationId) -> Result<bool, Error> {
        let now = self.clock.now();
        self.store
            .write("revoke_station", move |tx| {
                Box::pin(async move { stations::revoke(tx, merchant, station, now).await })
            })
            .await
    }
}
