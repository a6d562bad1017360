//! People: their profiles, by what they are found again, and who edited them last.
//!
//! Invariant: a key in `customer_contacts` belongs to one person, so that two creations at once cannot make twins:
//! the second waits for the first and finds the key taken. Whoever writes a profile claims and releases its keys in
//! the same transaction. People are locked in the order of their ids, before cards.

use crate::domain::card::CardStatus;
use crate::domain::customer;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId};
use crate::domain::profile::{Birthday, ContactKind, Email, ExternalId, Language, Name, Phone, Profile};
use crate::domain::time::Timestamp;
use crate::store::listing::ActorName;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

/// The form in which this version writes what is searched and compared.
const SEARCH_FORM: i64 = 1;

macro_rules! customer_columns {
    () => {
        "u.customer_id, u.merchant_id, u.first_name, u.last_name, u.email, u.phone, u.external_id, u.birthday, \
         u.birth_year, u.language, u.verified_at, u.erased_at, u.created_at, u.version, u.changed_at, \
         u.last_event_id, u.edited_event_id"
    };
}

const SET_ZONE: &str = "update customers set zone = $3 where merchant_id = $1 and customer_id = $2 \
     and coalesce(zone, '') <> $4";
const MERCHANT: &str = "select zone, country, currency from merchants where merchant_id = $1";
const SET_COUNTRY: &str = "update merchants set country = $2 where merchant_id = $1";
const CUSTOMER: &str = concat!(
    "select ",
    customer_columns!(),
    " from customers u where u.merchant_id = $1 and u.customer_id = $2"
);
const CUSTOMERS_FOR_UPDATE: &str = concat!(
    "select ",
    customer_columns!(),
    " from (values {bigint, bigint}) as v join customers u on u.merchant_id = v.column1 and u.customer_id = v.column2 \
     order by u.merchant_id, u.customer_id for update of u"
);
const CUSTOMERS: &str = concat!(
    "select ",
    customer_columns!(),
    " from (values {bigint, bigint}) as v join customers u on u.merchant_id = v.column1 and u.customer_id = v.column2"
);
const OWNERS: &str = "select t.kind, t.key, t.customer_id from (values {bigint, text, text}) as v \
     join customer_contacts t on t.merchant_id = v.column1 and t.kind = v.column2 and t.key = v.column3";
const CLAIM: &str = "insert into customer_contacts (merchant_id, kind, key, customer_id) \
     values {bigint, text, text, bigint} on conflict (merchant_id, kind, key) do nothing";
const RELEASE: &str = "delete from customer_contacts \
     where merchant_id = $1 and kind = $2 and key = $3 and customer_id = $4";
const INSERT: &str = "insert into customers (merchant_id, customer_id, first_name, last_name, email, email_key, phone, \
     external_id, birthday, birth_year, language, name_key, search, search_form, created_at, changed_at) \
     values {bigint, bigint, text, text, text, text, text, text, bigint, bigint, text, text, text, bigint, bigint, \
     bigint}";
const SAVE: &str = "update customers set first_name = v.column3, last_name = v.column4, email = v.column5, \
     email_key = v.column6, phone = v.column7, external_id = v.column8, birthday = v.column9, birth_year = v.column10, \
     language = v.column11, name_key = v.column12, search = v.column13, search_form = v.column14, \
     verified_at = v.column15, version = v.column16, changed_at = v.column17, last_event_id = v.column18, \
     edited_event_id = v.column19 \
     from (values {bigint, bigint, text, text, text, text, text, text, bigint, bigint, text, text, text, bigint, \
     bigint, bigint, bigint, bigint, bigint}) as v \
     where customers.merchant_id = v.column1 and customers.customer_id = v.column2";
const ADD_TO_SEARCH: &str =
    "update customers set search = search || $3 where merchant_id = $1 and customer_id = $2";
// A person's cards are looked up in two steps, because SQLite counts on few cards for each merchant and would otherwise
// read all of them: their keys from the index by customer, which has nothing else, and then each card by its key.
const SERIALS: &str = "select k.customer_id, c.serial_number from (values {bigint, bigint}) as v \
     join cards k on k.merchant_id = v.column1 and k.customer_id = v.column2 \
     join cards c on c.merchant_id = k.merchant_id and c.card_id = k.card_id order by c.card_id";
const CARDS_IN_PROGRAM: &str = "select k.customer_id, c.card_id, c.status from (values {bigint, bigint}) as v \
     join cards k on k.merchant_id = v.column1 and k.customer_id = v.column2 \
     join cards c on c.merchant_id = k.merchant_id and c.card_id = k.card_id \
     where c.program_id = $1 order by c.card_id";
const CARDS_OF: &str = "select c.card_id, c.program_id, p.name, c.serial_number, c.status, c.holder, c.rewards from cards k \
     join cards c on c.merchant_id = k.merchant_id and c.card_id = k.card_id \
     join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     where k.merchant_id = $1 and k.customer_id = $2 order by k.card_id";
const LAST_EDIT: &str = "select e.at, e.actor, coalesce(b.name, s.name) from events e \
     left join members b on b.merchant_id = $1 and e.actor = 'member' and b.member_id = e.actor_id \
     left join stations s on s.merchant_id = $1 and e.actor = 'station' and s.station_id = e.actor_id \
     where e.merchant_id = $1 and e.event_id = $2";
const UNFORMED: &str = concat!(
    "select ",
    customer_columns!(),
    " from customers u where u.search_form = 0 and u.erased_at is null \
     order by u.merchant_id, u.customer_id limit $1 for update skip locked"
);

pub(crate) const STATEMENTS: &[&str] = &[
    SET_ZONE,
    MERCHANT,
    SET_COUNTRY,
    CUSTOMER,
    CUSTOMERS_FOR_UPDATE,
    CUSTOMERS,
    OWNERS,
    CLAIM,
    RELEASE,
    INSERT,
    SAVE,
    ADD_TO_SEARCH,
    SERIALS,
    CARDS_IN_PROGRAM,
    CARDS_OF,
    LAST_EDIT,
    UNFORMED,
];

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub id: CustomerId,
    pub merchant: MerchantId,
    pub profile: Profile,
    /// When they followed a link sent to their address.
    pub verified_at: Option<Timestamp>,
    pub erased_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Grows by one with each edit.
    pub version: i64,
    pub changed_at: Timestamp,
    /// Newest row of their own timeline.
    pub last_event: Option<EventId>,
    /// The event of the newest edit.
    pub edited: Option<EventId>,
}

/// What a merchant says of itself that profiles are read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habits {
    pub zone: String,
    pub country: String,
    pub currency: String,
}

/// A card as the page of its holder lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCard {
    pub id: CardId,
    pub program: ProgramId,
    pub program_name: String,
    pub serial_number: String,
    pub status: String,
    /// The name printed on the card.
    pub holder: Option<String>,
    /// Rewards that wait to be redeemed.
    pub rewards: i64,
}

/// Who edited a profile last, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEdit {
    pub at: Timestamp,
    pub by: ActorName,
}

/// A key by which a person is found.
pub type Contact = (ContactKind, String);

impl Customer {
    /// Somebody new.
    pub fn new(id: CustomerId, merchant: MerchantId, profile: Profile, now: Timestamp) -> Self {
        Self {
            id,
            merchant,
            profile,
            verified_at: None,
            erased_at: None,
            created_at: now,
            version: 1,
            changed_at: now,
            last_event: None,
            edited: None,
        }
    }

    /// Everything of them that is searched; `serials` are the serial numbers of their cards.
    fn search<'s>(&self, serials: impl IntoIterator<Item = &'s str>) -> String {
        let profile = &self.profile;
        let mut text = customer::search_text(
            profile.first_name.as_str(),
            profile.last_name.as_str(),
            profile.email.as_ref().map(Email::as_str),
            profile.phone.as_ref().map(Phone::as_str),
        );
        text.extend(serials.into_iter().map(customer::serial_line));
        text
    }

    /// The columns of the profile, in the order of the statements.
    fn columns(&self) -> [Value; 10] {
        let profile = &self.profile;
        let birthday = profile.birthday.map(Birthday::numbers);
        params![
            profile.first_name.as_str(),
            profile.last_name.as_str(),
            profile.email.as_ref().map(Email::as_str),
            profile.email.as_ref().map(Email::key),
            profile.phone.as_ref().map(Phone::as_str),
            profile.external_id.as_ref().map(ExternalId::as_str),
            birthday.map(|(day, _)| day),
            birthday.and_then(|(_, year)| year),
            profile.language.as_ref().map_or("", Language::as_str),
            customer::name_key(profile.first_name.as_str(), profile.last_name.as_str()),
        ]
    }
}

pub async fn habits(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Option<Habits>, Error> {
    tx.opt(MERCHANT, &params![merchant]).await
}

/// Says where phone numbers without a country code are from: two letters.
pub async fn set_country(tx: &mut Tx<'_>, merchant: MerchantId, country: &str) -> Result<bool, Error> {
    Ok(tx.exec(SET_COUNTRY, &params![merchant, country]).await? > 0)
}

pub async fn customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Customer>, Error> {
    tx.opt(CUSTOMER, &params![merchant, customer]).await
}

/// Those of `ids` that exist, locked until the transaction ends. `ids` must be sorted and without repeats.
pub async fn customers_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    ids: &[CustomerId],
) -> Result<Vec<Customer>, Error> {
    tx.all_rows(CUSTOMERS_FOR_UPDATE, &[], &keys(merchant, ids)).await
}

/// Those of `ids` that exist, in no promised order.
pub async fn customers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    ids: &[CustomerId],
) -> Result<Vec<Customer>, Error> {
    tx.all_rows(CUSTOMERS, &[], &keys(merchant, ids)).await
}

/// Whose each of `contacts` is; those of nobody are left out.
pub async fn owners(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    contacts: &[Contact],
) -> Result<Vec<(Contact, CustomerId)>, Error> {
    let rows: Vec<_> = contacts
        .iter()
        .map(|(kind, key)| params![merchant, kind.as_str(), key.as_str()].to_vec())
        .collect();
    let owners: Vec<(String, String, CustomerId)> = tx.all_rows(OWNERS, &[], &rows).await?;
    let kind = |text: &str| {
        ContactKind::parse(text).ok_or_else(|| Error::inconsistent("a kind of contact", "another word"))
    };
    owners
        .into_iter()
        .map(|(of, key, customer)| Ok(((kind(&of)?, key), customer)))
        .collect()
}

/// Makes keys theirs. False: somebody else holds one of them, and the transaction must be given up.
pub async fn claim(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    mut contacts: Vec<(Contact, CustomerId)>,
) -> Result<bool, Error> {
    // In one order, so that two transactions never wait for each other's keys in a circle.
    contacts.sort();
    let rows: Vec<_> = contacts
        .iter()
        .map(|((kind, key), customer)| params![merchant, kind.as_str(), key.as_str(), *customer].to_vec())
        .collect();
    let claimed = tx.exec_rows(CLAIM, &[], &rows).await?;
    Ok(usize::try_from(claimed).is_ok_and(|claimed| claimed == rows.len()))
}

/// Gives up a key that was theirs.
pub async fn release(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    (kind, key): &Contact,
    customer: CustomerId,
) -> Result<(), Error> {
    let params = params![merchant, kind.as_str(), key.as_str(), customer];
    tx.exec(RELEASE, &params).await?;
    Ok(())
}

/// Adds people whose contacts have been claimed, each with the serial numbers of the cards that they get at once.
pub async fn insert(tx: &mut Tx<'_>, customers: &[(&Customer, Option<&str>)]) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = customers
        .iter()
        .map(|(customer, serial)| {
            let mut row = params![customer.merchant, customer.id].to_vec();
            row.extend(customer.columns());
            row.extend(params![
                customer.search(*serial),
                SEARCH_FORM,
                customer.created_at,
                customer.changed_at
            ]);
            row
        })
        .collect();
    tx.exec_rows(INSERT, &[], &rows).await?;
    Ok(())
}

/// Writes back what edits change, and makes it searchable.
pub async fn save(tx: &mut Tx<'_>, merchant: MerchantId, customers: &[Customer]) -> Result<(), Error> {
    let ids: Vec<_> = customers.iter().map(|customer| customer.id).collect();
    let serials: Vec<(CustomerId, String)> = tx.all_rows(SERIALS, &[], &keys(merchant, &ids)).await?;
    let rows: Vec<Vec<Value>> = customers
        .iter()
        .map(|customer| {
            let own = serials.iter().filter(|(holder, _)| *holder == customer.id);
            let search = customer.search(own.map(|(_, serial)| serial.as_str()));
            let mut row = params![merchant, customer.id].to_vec();
            row.extend(customer.columns());
            row.extend(params![
                search,
                SEARCH_FORM,
                customer.verified_at,
                customer.version,
                customer.changed_at,
                customer.last_event,
                customer.edited,
            ]);
            row
        })
        .collect();
    tx.exec_rows(SAVE, &[], &rows).await?;
    Ok(())
}

/// Lets a person be found by the serial number of a new card of theirs.
pub async fn add_serial(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    serial_number: &str,
) -> Result<(), Error> {
    let line = customer::serial_line(serial_number);
    tx.exec(ADD_TO_SEARCH, &params![merchant, customer, line]).await?;
    Ok(())
}

/// Whose cards in `program` are which, oldest first, with their status.
pub async fn cards_in_program(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    ids: &[CustomerId],
) -> Result<Vec<(CustomerId, CardId, CardStatus)>, Error> {
    let cards: Vec<(CustomerId, CardId, String)> = tx
        .all_rows(CARDS_IN_PROGRAM, &params![program], &keys(merchant, ids))
        .await?;
    let status = |text: String| {
        CardStatus::parse(&text).ok_or_else(|| Error::inconsistent("a status in cards.status", text))
    };
    cards
        .into_iter()
        .map(|(customer, card, text)| Ok((customer, card, status(text)?)))
        .collect()
}

/// A person's cards, oldest first.
pub async fn cards_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Vec<HeldCard>, Error> {
    tx.all(CARDS_OF, &params![merchant, customer]).await
}

/// Who made the edit that event `edited` tells of.
pub async fn last_edit(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    edited: EventId,
) -> Result<Option<LastEdit>, Error> {
    tx.opt(LAST_EDIT, &params![merchant, edited]).await
}

/// Up to `limit` people whose row was not written in this version's form, locked.
pub async fn unformed(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Customer>, Error> {
    tx.all(UNFORMED, &params![limit]).await
}

fn keys(merchant: MerchantId, ids: &[CustomerId]) -> Vec<Vec<Value>> {
    ids.iter().map(|id| params![merchant, *id].to_vec()).collect()
}

/// Keeps the zone whose clock a person goes by. Whether it was another one before.
pub async fn set_zone(
    tx: &mut Tx<'_>,
    (merchant, customer): (MerchantId, CustomerId),
    zone: Option<&str>,
) -> Result<bool, Error> {
    let params = params![merchant, customer, zone, zone.unwrap_or_default()];
    Ok(tx.exec(SET_ZONE, &params).await? > 0)
}

impl FromRow for Customer {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (id, merchant) = (row.next()?, row.next()?);
        let (first_name, last_name) = (row.next()?, row.next()?);
        let (email, phone, external_id): (Option<_>, Option<_>, Option<_>) =
            (row.next()?, row.next()?, row.next()?);
        let (birthday, birth_year): (Option<i64>, _) = (row.next()?, row.next()?);
        let language: String = row.next()?;
        Ok(Self {
            id,
            merchant,
            profile: Profile {
                first_name: Name::from_store(first_name),
                last_name: Name::from_store(last_name),
                email: email.map(Email::from_store),
                phone: phone.map(Phone::from_store),
                external_id: external_id.map(ExternalId::from_store),
                birthday: birthday
                    .map(|day| {
                        Birthday::from_numbers(day, birth_year)
                            .ok_or_else(|| Error::inconsistent("a birthday", "a day of no calendar"))
                    })
                    .transpose()?,
                language: (!language.is_empty()).then(|| Language::from_store(language)),
            },
            verified_at: row.next()?,
            erased_at: row.next()?,
            created_at: row.next()?,
            version: row.next()?,
            changed_at: row.next()?,
            last_event: row.next()?,
            edited: row.next()?,
        })
    }
}

impl FromRow for Habits {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            zone: row.next()?,
            country: row.next()?,
            currency: row.next()?,
        })
    }
}

impl FromRow for HeldCard {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            program: row.next()?,
            program_name: row.next()?,
            serial_number: row.next()?,
            status: row.next()?,
            holder: row.next()?,
            rewards: row.next()?,
        })
    }
}

impl FromRow for LastEdit {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let at = row.next()?;
        let actor: String = row.next()?;
        let name: Option<String> = row.next()?;
        let by = match actor.as_str() {
            "member" => ActorName::Member(name.unwrap_or_else(|| "a former member".into())),
            "station" => ActorName::Station {
                name: name.unwrap_or_else(|| "a till".into()),
                location: None,
            },
            "device" => ActorName::Device,
            "gateway" => ActorName::Gateway,
            _ => return Err(Error::inconsistent("an actor in events.actor", actor)),
        };
        Ok(Self { at, by })
    }
}
