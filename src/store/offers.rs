//! Offers, what each customer has to do with them, and their redemptions.

use crate::domain::event::Actor;
use crate::domain::id::{CardId, CustomerId, EventId, LocationId, MerchantId, OfferId};
use crate::domain::money::Amount;
use crate::domain::offer::{Holding, Offer, OfferState, Terms};
use crate::domain::time::Timestamp;
use crate::store::events::actor_columns;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! offer_columns {
    () => {
        "o.offer_id, o.merchant_id, o.title, o.description, o.program_id, o.begins_at, o.ends_at, o.claims, o.times, \
         o.personal, o.state, o.claimed, o.created_at, o.version"
    };
}
macro_rules! holding_columns {
    () => {
        "h.offer_id, h.customer_id, h.card_id, h.assigned_at, h.favourited_at, h.claimed_at, h.redeemed_at, \
         h.redemptions"
    };
}

const INSERT: &str = "insert into offers (merchant_id, offer_id, title, description, program_id, begins_at, ends_at, \
     claims, times, personal, state, claimed, created_at, version) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
const SAVE: &str = "update offers set title = $3, description = $4, program_id = $5, begins_at = $6, ends_at = $7, \
     claims = $8, times = $9, personal = $10, state = $11, claimed = $12, version = $13 \
     where merchant_id = $1 and offer_id = $2";
const OFFER: &str = concat!(
    "select ",
    offer_columns!(),
    " from offers o where o.merchant_id = $1 and o.offer_id = $2"
);
const OFFER_FOR_UPDATE: &str = concat!(
    "select ",
    offer_columns!(),
    " from offers o where o.merchant_id = $1 and o.offer_id = $2 for update"
);
const OFFERS: &str = concat!(
    "select ",
    offer_columns!(),
    " from offers o where o.merchant_id = $1 order by o.offer_id desc limit $2"
);
const HOLDINGS: &str = concat!(
    "select ",
    holding_columns!(),
    " from (values {bigint}) as v join offer_holdings h on h.merchant_id = $1 and h.offer_id = $2 \
     and h.customer_id = v.column1"
);
const OF_CUSTOMER: &str = concat!(
    "select ",
    offer_columns!(),
    ", ",
    holding_columns!(),
    " from offer_holdings h join offers o on o.merchant_id = h.merchant_id and o.offer_id = h.offer_id \
     where h.merchant_id = $1 and h.customer_id = $2 order by h.offer_id desc limit $3"
);
const SAVE_HOLDINGS: &str = "insert into offer_holdings (merchant_id, offer_id, customer_id, card_id, assigned_at, \
     favourited_at, claimed_at, redeemed_at, redemptions) \
     values {bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint} \
     on conflict (merchant_id, offer_id, customer_id) do update set assigned_at = excluded.assigned_at, \
     favourited_at = excluded.favourited_at, claimed_at = excluded.claimed_at, redeemed_at = excluded.redeemed_at, \
     redemptions = excluded.redemptions";
/// Numbered behind the newest, which may have been taken back.
const INSERT_REDEMPTION: &str = "insert into offer_redemptions (merchant_id, offer_id, customer_id, number, card_id, \
     event_id, at, location_id, actor, actor_id, amount) select $1, $2, $3, \
     coalesce((select max(m.number) from offer_redemptions m \
     where m.merchant_id = $1 and m.offer_id = $2 and m.customer_id = $3), 0) + 1, $4, $5, $6, \
     coalesce($7, (select s.location_id from stations s where s.merchant_id = $1 and $8 = 'station' \
     and s.station_id = $9)), $8, $9, $10";
const TAKE_BACK: &str = "update offer_redemptions set taken_back_at = $5 \
     where merchant_id = $1 and offer_id = $2 and customer_id = $3 and event_id = $4 and taken_back_at is null";
const REDEMPTIONS: &str = "select r.number, r.card_id, r.event_id, r.at, l.name, coalesce(b.name, s.name), r.amount, \
     r.taken_back_at \
     from offer_redemptions r \
     left join locations l on l.merchant_id = r.merchant_id and l.location_id = r.location_id \
     left join members b on b.merchant_id = r.merchant_id and r.actor = 'member' and b.member_id = r.actor_id \
     left join stations s on s.merchant_id = r.merchant_id and r.actor = 'station' and s.station_id = r.actor_id \
     where r.merchant_id = $1 and r.offer_id = $2 and r.customer_id = $3 order by r.number";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    SAVE,
    OFFER,
    OFFER_FOR_UPDATE,
    OFFERS,
    HOLDINGS,
    OF_CUSTOMER,
    SAVE_HOLDINGS,
    INSERT_REDEMPTION,
    TAKE_BACK,
    REDEMPTIONS,
];

/// Offers that a merchant has at most in one list.
const MOST: i64 = 1000;

/// A redemption of an offer, as it is told to staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The customer's first, second, …
    pub number: i64,
    pub card: CardId,
    /// Its row in the ledger.
    pub event: EventId,
    pub at: Timestamp,
    pub location: Option<String>,
    /// The member or the station; none for passgate itself.
    pub staff: Option<String>,
    pub amount: Option<Amount>,
    /// When it was taken back; it does not count any more.
    pub taken_back_at: Option<Timestamp>,
}

/// What is written down of a redemption.
#[derive(Debug, Clone, Copy)]
pub struct NewRedemption {
    pub event: EventId,
    pub at: Timestamp,
    /// Where, when it is not the station's own location.
    pub location: Option<LocationId>,
    pub actor: Actor,
    pub amount: Option<Amount>,
}

pub async fn insert(tx: &mut Tx<'_>, offer: &Offer) -> Result<(), Error> {
    let terms = &offer.terms;
    let params = params![
        offer.merchant,
        offer.id,
        terms.title.as_str(),
        terms.text.as_str(),
        terms.program,
        terms.from,
        terms.until,
        terms.claims,
        terms.times,
        terms.personal,
        offer.state.as_str(),
        offer.claimed,
        offer.created_at,
        offer.version,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

pub async fn save(tx: &mut Tx<'_>, offer: &Offer) -> Result<(), Error> {
    let terms = &offer.terms;
    let params = params![
        offer.merchant,
        offer.id,
        terms.title.as_str(),
        terms.text.as_str(),
        terms.program,
        terms.from,
        terms.until,
        terms.claims,
        terms.times,
        terms.personal,
        offer.state.as_str(),
        offer.claimed,
        offer.version,
    ];
    tx.exec(SAVE, &params).await?;
    Ok(())
}

pub async fn offer(tx: &mut Tx<'_>, merchant: MerchantId, offer: OfferId) -> Result<Option<Offer>, Error> {
    tx.opt(OFFER, &params![merchant, offer]).await
}

/// An offer, locked until the transaction ends. Cards are locked before it.
pub async fn offer_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
) -> Result<Option<Offer>, Error> {
    tx.opt(OFFER_FOR_UPDATE, &params![merchant, offer]).await
}

/// A merchant's offers, newest first.
pub async fn offers(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Offer>, Error> {
    tx.all(OFFERS, &params![merchant, MOST]).await
}

/// What those of `customers` have to do with an offer who have anything to do with it.
pub async fn holdings(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
    customers: &[CustomerId],
) -> Result<Vec<Holding>, Error> {
    let rows: Vec<_> = customers
        .iter()
        .map(|customer| params![*customer].to_vec())
        .collect();
    tx.all_rows(HOLDINGS, &params![merchant, offer], &rows).await
}

/// Everything that a customer has to do with offers, newest first.
pub async fn of_customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Vec<(Offer, Holding)>, Error> {
    let rows: Vec<OfferWithHolding> = tx.all(OF_CUSTOMER, &params![merchant, customer, MOST]).await?;
    Ok(rows.into_iter().map(|row| (row.0, row.1)).collect())
}

pub async fn save_holdings(tx: &mut Tx<'_>, merchant: MerchantId, holdings: &[Holding]) -> Result<(), Error> {
    let rows: Vec<_> = holdings
        .iter()
        .map(|holding| {
            params![
                merchant,
                holding.offer,
                holding.customer,
                holding.card,
                holding.assigned_at,
                holding.favourited_at,
                holding.claimed_at,
                holding.redeemed_at,
                holding.redemptions,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(SAVE_HOLDINGS, &[], &rows).await?;
    Ok(())
}

/// Writes down the newest redemption of `holding`.
pub async fn insert_redemption(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    holding: &Holding,
    card: CardId,
    new: NewRedemption,
) -> Result<(), Error> {
    let (actor, actor_id) = actor_columns(new.actor);
    let params = params![
        merchant,
        holding.offer,
        holding.customer,
        card,
        new.event,
        new.at,
        new.location,
        actor,
        actor_id,
        new.amount.map(Amount::minor),
    ];
    tx.exec(INSERT_REDEMPTION, &params).await?;
    Ok(())
}

/// Notes that the redemption of `event` was taken back. Whether it stood.
pub async fn take_back(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    (offer, customer): (OfferId, CustomerId),
    event: EventId,
    now: Timestamp,
) -> Result<bool, Error> {
    let params = params![merchant, offer, customer, event, now];
    Ok(tx.exec(TAKE_BACK, &params).await? == 1)
}

/// A customer's redemptions of an offer, first to last.
pub async fn redemptions(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
    customer: CustomerId,
) -> Result<Vec<Redemption>, Error> {
    tx.all(REDEMPTIONS, &params![merchant, offer, customer]).await
}

struct OfferWithHolding(Offer, Holding);

impl FromRow for OfferWithHolding {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(Offer::from_row(row)?, Holding::from_row(row)?))
    }
}

impl FromRow for Offer {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            merchant: row.next()?,
            terms: Terms {
                title: row.next()?,
                text: row.next()?,
                program: row.next()?,
                from: row.next()?,
                until: row.next()?,
                claims: row.next()?,
                times: row.next()?,
                personal: row.next()?,
            },
            state: OfferState::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("the state of an offer", "another word"))?,
            claimed: row.next()?,
            created_at: row.next()?,
            version: row.next()?,
        })
    }
}

impl FromRow for Holding {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            offer: row.next()?,
            customer: row.next()?,
            card: row.next()?,
            assigned_at: row.next()?,
            favourited_at: row.next()?,
            claimed_at: row.next()?,
            redeemed_at: row.next()?,
            redemptions: row.next()?,
        })
    }
}

impl FromRow for Redemption {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (number, card, event, at) = (row.next()?, row.next()?, row.next()?, row.next()?);
        let (location, staff) = (row.next()?, row.next()?);
        let amount = row.next::<Option<i64>>()?.map(Amount::new).transpose();
        Ok(Self {
            number,
            card,
            event,
            at,
            location,
            staff,
            amount: amount.map_err(|error| Error::inconsistent("an amount", error))?,
            taken_back_at: row.next()?,
        })
    }
}
