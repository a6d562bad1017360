//! Setting up a merchant: its owner, its programs, its locations and the stations there.

use secrecy::SecretString;

use crate::domain::id::{LocationId, MemberId, MerchantId, PassTypeIdentifier, ProgramId, StationId};
use crate::domain::member::Role;
use crate::domain::program::{Program, Rules};
use crate::ops::Ops;
use crate::ops::access::{self, AccessError};
use crate::ops::conversions::{LinkError, check_link};
use crate::store::accounts;
use crate::store::cards::{self, NewMerchant, ProgramOfMerchant};
use crate::store::stations::{self, ListedStation, Location, Station};
use crate::store::{Error, Tx};

/// Why something was not set up. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error("this merchant has no location {0}")]
    NoLocation(LocationId),
    #[error("this merchant has {0} locations; name one of them or a new one")]
    WhichLocation(usize),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Member(#[from] AccessError),
    #[error(transparent)]
    Store(#[from] Error),
}

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
    pub rules: Rules,
}

/// Somebody who is to sign in.
#[derive(Debug, Clone)]
pub struct Newcomer {
    pub name: String,
    pub email: String,
    pub password: SecretString,
}

/// A merchant with everything that the first punch needs.
#[derive(Debug, Clone)]
pub struct NewShop {
    pub business: NewBusiness,
    pub owner: Newcomer,
    pub location: String,
    pub station: String,
    pub program: NewProgram,
}

/// What [`Ops::open_shop`] made.
#[derive(Debug, Clone)]
pub struct Shop {
    pub merchant: MerchantId,
    pub station: Station,
    pub program: ProgramId,
}

/// Where a new station is to stand.
#[derive(Debug, Clone)]
pub enum Place {
    Known(LocationId),
    New(String),
    /// The merchant's only location.
    Only,
}

/// What a station shows to prove that it is one. The store keeps its SHA-256 only.
pub struct StationKey(String);

impl StationKey {
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> [u8; 32] {
        openssl::sha::sha256(self.0.as_bytes())
    }
}

/// A station with the key that its bridge shows; the key is told once and only its hash is kept.
pub struct StationWithKey {
    pub station: Station,
    pub key: String,
}

impl Ops {
    /// Draws a key for a station that does not exist yet, so that it can be kept safe before the station is written.
    pub fn draw_station_key(&self) -> StationKey {
        StationKey(format!("station-{}", hex::encode(self.ids.secret::<32>())))
    }

    /// Makes a merchant with its owner, location, station and program, or nothing at all.
    pub async fn open_shop(&self, new: NewShop, key: &StationKey) -> Result<Shop, SetupError> {
        let now = self.clock.now();
        let id = MerchantId(self.ids.next(now));
        let Newcomer {
            name,
            email,
            password,
        } = &new.owner;
        let owner = self.new_member(id, name, email, Role::Owner, password).await?;
        let merchant = NewMerchant {
            id,
            name: new.business.name,
            zone: new.business.zone,
        };
        let station = Station {
            merchant: id,
            id: StationId(self.ids.next(now)),
            location: LocationId(self.ids.next(now)),
            name: new.station,
        };
        let program = self.program_of(id, new.program);
        let shop = Shop {
            merchant: id,
            station: station.clone(),
            program: program.id,
        };
        let (location, key_hash) = (new.location, key.hash());
        self.store
            .write("open_shop", move |tx| {
                let (merchant, owner, location) = (merchant.clone(), owner.clone(), location.clone());
                let (station, program) = (station.clone(), program.clone());
                Box::pin(async move {
                    cards::insert_merchant(tx, &merchant, now).await?;
                    access::insert(tx, &owner, now).await?;
                    stations::insert_location(tx, merchant.id, station.location, &location, now).await?;
                    stations::insert_station(tx, &station, key_hash, now).await?;
                    check_link(tx, &program).await?;
                    cards::insert_program(tx, &program, now).await?;
                    Ok::<_, SetupError>(())
                })
            })
            .await?;
        Ok(shop)
    }

    /// Makes the first merchant of a gateway with its owner; refused once anybody can sign in.
    pub async fn open_gateway(
        &self,
        business: NewBusiness,
        owner: &Newcomer,
    ) -> Result<MerchantId, SetupError> {
        let now = self.clock.now();
        let id = MerchantId(self.ids.next(now));
        let owner = self
            .new_member(id, &owner.name, &owner.email, Role::Owner, &owner.password)
            .await?;
        self.store
            .write("open_gateway", move |tx| {
                let (business, owner) = (business.clone(), owner.clone());
                Box::pin(async move {
                    match accounts::begin_first_run(tx, now).await {
                        Err(error) if error.is_unique_violation() => {
                            return Err(AccessError::AlreadyOwned.into());
                        }
                        begun => begun?,
                    }
                    if accounts::is_any(tx).await? {
                        return Err(AccessError::AlreadyOwned.into());
                    }
                    let merchant = NewMerchant {
                        id,
                        name: business.name,
                        zone: business.zone,
                    };
                    cards::insert_merchant(tx, &merchant, now).await?;
                    access::insert(tx, &owner, now).await?;
                    Ok::<_, SetupError>(id)
                })
            })
            .await
    }

    /// Adds a station with `key` to a merchant, and its location where that is new.
    pub async fn add_station(
        &self,
        merchant: MerchantId,
        place: Place,
        name: String,
        key: &StationKey,
    ) -> Result<Station, SetupError> {
        let now = self.clock.now();
        let id = StationId(self.ids.next(now));
        let new_location = LocationId(self.ids.next(now));
        let key_hash = key.hash();
        self.store
            .write("add_station", move |tx| {
                let (place, name) = (place.clone(), name.clone());
                Box::pin(async move {
                    must_exist(tx, merchant).await?;
                    let location = match place {
                        Place::New(name) => {
                            stations::insert_location(tx, merchant, new_location, &name, now).await?;
                            new_location
                        }
                        Place::Known(id) => {
                            let known = stations::locations(tx, merchant).await?;
                            known
                                .iter()
                                .any(|location| location.id == id)
                                .then_some(id)
                                .ok_or(SetupError::NoLocation(id))?
                        }
                        Place::Only => match stations::locations(tx, merchant).await?.as_slice() {
                            [only] => only.id,
                            several => return Err(SetupError::WhichLocation(several.len())),
                        },
                    };
                    let station = Station {
                        merchant,
                        id,
                        location,
                        name,
                    };
                    stations::insert_station(tx, &station, key_hash, now).await?;
                    Ok(station)
                })
            })
            .await
    }

    /// Every station of a merchant and every location, oldest first.
    pub async fn stations(
        &self,
        merchant: MerchantId,
    ) -> Result<(Vec<ListedStation>, Vec<Location>), SetupError> {
        self.store
            .read("stations", move |tx| {
                Box::pin(async move {
                    must_exist(tx, merchant).await?;
                    let stations = stations::stations(tx, merchant).await?;
                    Ok((stations, stations::locations(tx, merchant).await?))
                })
            })
            .await
    }

    /// Adds a program to a merchant that exists.
    pub async fn add_program(&self, merchant: MerchantId, new: NewProgram) -> Result<ProgramId, SetupError> {
        let now = self.clock.now();
        let program = self.program_of(merchant, new);
        let id = program.id;
        self.store
            .write("add_program", move |tx| {
                let program = program.clone();
                Box::pin(async move {
                    must_exist(tx, merchant).await?;
                    check_link(tx, &program).await?;
                    cards::insert_program(tx, &program, now).await?;
                    Ok::<_, SetupError>(id)
                })
            })
            .await
    }

    /// Every program of every merchant.
    pub async fn programs(&self) -> Result<Vec<ProgramOfMerchant>, Error> {
        self.store
            .read("programs", |tx| {
                Box::pin(async move { cards::programs(tx).await })
            })
            .await
    }

    /// Every program of one merchant, archived ones too, oldest first.
    pub async fn programs_of(&self, merchant: MerchantId) -> Result<Vec<ProgramOfMerchant>, Error> {
        self.store
            .read("programs_of_merchant", move |tx| {
                Box::pin(async move { cards::programs_of_merchant(tx, merchant).await })
            })
            .await
    }

    /// Adds a member to a merchant that exists.
    pub async fn admit(
        &self,
        merchant: MerchantId,
        new: &Newcomer,
        role: Role,
    ) -> Result<MemberId, SetupError> {
        self.store
            .read("merchant", move |tx| {
                Box::pin(async move { must_exist(tx, merchant).await })
            })
            .await?;
        let added = self.add_member(merchant, &new.name, &new.email, role, &new.password);
        Ok(added.await?)
    }

    fn program_of(&self, merchant: MerchantId, new: NewProgram) -> Program {
        Program {
            id: ProgramId(self.ids.next(self.clock.now())),
            merchant,
            name: new.name,
            template: new.template,
            pass_type_identifier: new.pass_type_identifier,
            reward_name: new.reward_name,
            rules: new.rules,
            archived_at: None,
            version: 1,
        }
    }

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

    pub async fn create_program(
        &self,
        merchant: MerchantId,
        new: NewProgram,
    ) -> Result<ProgramId, SetupError> {
        let now = self.clock.now();
        let program = self.program_of(merchant, new);
        let id = program.id;
        self.store
            .write("create_program", move |tx| {
                let program = program.clone();
                Box::pin(async move {
                    check_link(tx, &program).await?;
                    cards::insert_program(tx, &program, now).await?;
                    Ok::<_, SetupError>(id)
                })
            })
            .await
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
        let key = self.draw_station_key();
        let key_hash = key.hash();
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
        Ok(StationWithKey { station, key: key.0 })
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

async fn must_exist(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<(), SetupError> {
    match stations::merchant_name(tx, merchant).await? {
        Some(_) => Ok(()),
        None => Err(SetupError::NoMerchant(merchant)),
    }
}
