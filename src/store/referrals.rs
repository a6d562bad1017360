//! Referrals: what a program gives for them, each holder's link, and who came through it.

use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::referral::{LinkToken, Moment, ReferralRefusal, State, Terms};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const TERMS: &str = "select moment, referrer_bonus, referred_bonus from referral_terms \
     where merchant_id = $1 and program_id = $2";
const SET_TERMS: &str = "insert into referral_terms (merchant_id, program_id, moment, referrer_bonus, referred_bonus, \
     changed_at) values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, program_id) do update set \
     moment = excluded.moment, referrer_bonus = excluded.referrer_bonus, referred_bonus = excluded.referred_bonus, \
     changed_at = excluded.changed_at";
const INSERT_LINK: &str = "insert into referral_links (merchant_id, card_id, customer_id, token, created_at) \
     values ($1, $2, $3, $4, $5) on conflict (merchant_id, card_id) do nothing";
const LINK: &str = "select token from referral_links where merchant_id = $1 and card_id = $2";
const CARD_OF_LINK: &str = "select card_id from referral_links where merchant_id = $1 and token = $2";
/// Whether the person, or another one with their address or number, was there before; and whether the referrer is.
const KNOWN: &str = "select \
     (select count(*) from cards c where c.merchant_id = $1 and c.customer_id = $2 and c.card_id <> $4) \
     + (select count(*) from customers u join customers n on n.merchant_id = u.merchant_id and n.email_key = u.email_key \
     where n.merchant_id = $1 and n.customer_id = $2 and u.customer_id <> $2 and u.erased_at is null) \
     + (select count(*) from customers u join customers n on n.merchant_id = u.merchant_id and n.phone = u.phone \
     where n.merchant_id = $1 and n.customer_id = $2 and u.customer_id <> $2 and u.erased_at is null), \
     (select count(*) from customers u join customers n on n.merchant_id = u.merchant_id \
     and (n.email_key = u.email_key or n.phone = u.phone) \
     where n.merchant_id = $1 and n.customer_id = $2 and u.customer_id = $3)";
/// Whether a phone that holds the card holds one of the referrer's too.
const SHARED_DEVICE: &str = "select count(*) from registrations a \
     join registrations b on b.merchant_id = a.merchant_id and b.pass_type_identifier = a.pass_type_identifier \
     and b.device_library_identifier = a.device_library_identifier \
     join cards c on c.merchant_id = b.merchant_id and c.card_id = b.card_id \
     where a.merchant_id = $1 and a.card_id = $2 and c.customer_id = $3";
const INSERT: &str = "insert into referrals (merchant_id, customer_id, card_id, program_id, referrer_customer_id, \
     referrer_card_id, moment, referrer_bonus, referred_bonus, state, refusal, due_at, opened_at, added_at, \
     rewarded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
     on conflict (merchant_id, customer_id) do nothing";
const STIR: &str = "update referrals set due_at = $1 from (values {bigint, bigint}) as v \
     where referrals.merchant_id = v.column1 and referrals.card_id = v.column2 \
     and referrals.state in ('opened', 'added') and referrals.due_at is null";
const DUE: &str = "select merchant_id, card_id, referrer_card_id from referrals where due_at <= $1 \
     order by due_at limit $2";
macro_rules! columns {
    () => {
        "select merchant_id, customer_id, card_id, program_id, referrer_customer_id, referrer_card_id, moment, \
         referrer_bonus, referred_bonus, state, refusal, due_at, opened_at, added_at, rewarded_at from referrals "
    };
}
const BY_CARD_FOR_UPDATE: &str = concat!(columns!(), "where merchant_id = $1 and card_id = $2 for update");
const BY_CUSTOMER: &str = concat!(columns!(), "where merchant_id = $1 and customer_id = $2");
const BY_REFERRER: &str = concat!(
    columns!(),
    "where merchant_id = $1 and referrer_customer_id = $2 order by opened_at desc, card_id desc limit $3"
);
const SAVE: &str = "update referrals set state = $3, refusal = $4, due_at = $5, added_at = $6, rewarded_at = $7 \
     where merchant_id = $1 and card_id = $2";
macro_rules! statistics {
    ($of:literal) => {
        concat!(
            "select state, count(*) from referrals where merchant_id = $1 and ",
            $of,
            " = $2 group by state"
        )
    };
}
const STATISTICS_OF_CUSTOMER: &str = statistics!("referrer_customer_id");
const STATISTICS_OF_PROGRAM: &str = statistics!("program_id");

pub(crate) const STATEMENTS: &[&str] = &[
    TERMS,
    SET_TERMS,
    INSERT_LINK,
    LINK,
    CARD_OF_LINK,
    KNOWN,
    SHARED_DEVICE,
    INSERT,
    STIR,
    DUE,
    BY_CARD_FOR_UPDATE,
    BY_CUSTOMER,
    BY_REFERRER,
    SAVE,
    STATISTICS_OF_CUSTOMER,
    STATISTICS_OF_PROGRAM,
];

/// Somebody who came through a link, on the terms of that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    pub merchant: MerchantId,
    pub customer: CustomerId,
    pub card: CardId,
    pub program: ProgramId,
    pub referrer_customer: CustomerId,
    pub referrer_card: CardId,
    pub terms: Terms,
    pub state: State,
    pub refusal: Option<ReferralRefusal>,
    /// When to look at it again.
    pub due_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub added_at: Option<Timestamp>,
    pub rewarded_at: Option<Timestamp>,
}

/// How many referrals are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    pub opened: i64,
    pub added: i64,
    pub rewarded: i64,
    pub refused: i64,
}

/// Whose referrals are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Customer(CustomerId),
    Program(ProgramId),
}

pub async fn terms(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
) -> Result<Option<Terms>, Error> {
    tx.opt(TERMS, &params![merchant, program]).await
}

pub async fn set_terms(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    terms: Terms,
    now: Timestamp,
) -> Result<(), Error> {
    let (moment, referrer, referred) = (terms.moment.as_str(), terms.referrer, terms.referred);
    tx.exec(
        SET_TERMS,
        &params![merchant, program, moment, referrer, referred, now],
    )
    .await?;
    Ok(())
}

/// The link of a card: the one it has, or `fresh`.
pub async fn link(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    (card, customer): (CardId, CustomerId),
    fresh: &LinkToken,
    now: Timestamp,
) -> Result<LinkToken, Error> {
    tx.exec(
        INSERT_LINK,
        &params![merchant, card, customer, fresh.expose(), now],
    )
    .await?;
    let (token,): (String,) = tx.one(LINK, &params![merchant, card]).await?;
    LinkToken::parse(&token).ok_or_else(|| Error::inconsistent("the token of a link", "another text"))
}

/// The token of a card's link, where it was asked for.
pub async fn token_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<LinkToken>, Error> {
    let row: Option<(String,)> = tx.opt(LINK, &params![merchant, card]).await?;
    Ok(row.and_then(|(token,)| LinkToken::parse(&token)))
}

pub async fn card_of_link(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    token: &LinkToken,
) -> Result<Option<CardId>, Error> {
    let row: Option<(CardId,)> = tx.opt(CARD_OF_LINK, &params![merchant, token.expose()]).await?;
    Ok(row.map(|(card,)| card))
}

/// Whether the holder of `card` was there before, and whether they are the referrer, by address or number.
pub async fn is_known(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    referrer: CustomerId,
    card: CardId,
) -> Result<(bool, bool), Error> {
    let (known, same): (i64, i64) = tx
        .one(KNOWN, &params![merchant, customer, referrer, card])
        .await?;
    Ok((known > 0, same > 0))
}

pub async fn shares_device(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    referrer: CustomerId,
) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(SHARED_DEVICE, &params![merchant, card, referrer]).await?;
    Ok(count > 0)
}

/// Keeps a referral; false when this person was referred before.
pub async fn insert(tx: &mut Tx<'_>, referral: &Referral) -> Result<bool, Error> {
    let params = params![
        referral.merchant,
        referral.customer,
        referral.card,
        referral.program,
        referral.referrer_customer,
        referral.referrer_card,
        referral.terms.moment.as_str(),
        referral.terms.referrer,
        referral.terms.referred,
        referral.state.as_str(),
        referral.refusal.map(ReferralRefusal::code),
        referral.due_at,
        referral.opened_at,
        referral.added_at,
        referral.rewarded_at,
    ];
    Ok(tx.exec(INSERT, &params).await? > 0)
}

/// Something happened to these cards: the referrals through which they came are looked at again.
pub async fn stir(tx: &mut Tx<'_>, cards: &[(MerchantId, CardId)], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(merchant, card)| params![*merchant, *card].to_vec())
        .collect();
    tx.exec_rows(STIR, &params![now], &rows).await
}

/// Up to `limit` referrals to look at: the merchant, the card, the referrer's card.
pub async fn due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(MerchantId, CardId, CardId)>, Error> {
    tx.all(DUE, &params![now, limit]).await
}

/// The referral through which a card came, locked until the transaction ends. Cards are locked before it.
pub async fn by_card_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<Referral>, Error> {
    tx.opt(BY_CARD_FOR_UPDATE, &params![merchant, card]).await
}

pub async fn save(tx: &mut Tx<'_>, referral: &Referral) -> Result<(), Error> {
    let params = params![
        referral.merchant,
        referral.card,
        referral.state.as_str(),
        referral.refusal.map(ReferralRefusal::code),
        referral.due_at,
        referral.added_at,
        referral.rewarded_at,
    ];
    tx.exec(SAVE, &params).await?;
    Ok(())
}

/// Through whom a person came.
pub async fn of_customer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Referral>, Error> {
    tx.opt(BY_CUSTOMER, &params![merchant, customer]).await
}

/// The newest `limit` people who came through a person.
pub async fn by_referrer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    referrer: CustomerId,
    limit: i64,
) -> Result<Vec<Referral>, Error> {
    tx.all(BY_REFERRER, &params![merchant, referrer, limit]).await
}

pub async fn statistics(tx: &mut Tx<'_>, merchant: MerchantId, of: Of) -> Result<Statistics, Error> {
    let rows: Vec<(String, i64)> = match of {
        Of::Customer(id) => tx.all(STATISTICS_OF_CUSTOMER, &params![merchant, id]).await?,
        Of::Program(id) => tx.all(STATISTICS_OF_PROGRAM, &params![merchant, id]).await?,
    };
    let mut statistics = Statistics::default();
    for (state, count) in rows {
        match State::parse(&state) {
            Some(State::Opened) => statistics.opened = count,
            Some(State::Added) => statistics.added = count,
            Some(State::Rewarded) => statistics.rewarded = count,
            Some(State::Refused) => statistics.refused = count,
            None => return Err(Error::inconsistent("the state of a referral", "another word")),
        }
    }
    Ok(statistics)
}

impl FromRow for Terms {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let moment = Moment::parse(&row.next::<String>()?);
        Ok(Self {
            moment: moment.ok_or_else(|| Error::inconsistent("the moment of a bonus", "another word"))?,
            referrer: row.next()?,
            referred: row.next()?,
        })
    }
}

impl FromRow for Referral {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let word = |expected| move || Error::inconsistent(expected, "another word");
        Ok(Self {
            merchant: row.next()?,
            customer: row.next()?,
            card: row.next()?,
            program: row.next()?,
            referrer_customer: row.next()?,
            referrer_card: row.next()?,
            terms: Terms::from_row(row)?,
            state: State::parse(&row.next::<String>()?).ok_or_else(word("the state of a referral"))?,
            refusal: match row.next::<Option<String>>()? {
                None => None,
                Some(code) => {
                    Some(ReferralRefusal::parse(&code).ok_or_else(word("the refusal of a referral"))?)
                }
            },
            due_at: row.next()?,
            opened_at: row.next()?,
            added_at: row.next()?,
            rewarded_at: row.next()?,
        })
    }
}
