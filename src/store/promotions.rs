//! Promotions and their uses. A promotion's row is locked while one of its uses is written, after the card's.

use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId, PromotionId};
use crate::domain::promotion::{Promotion, Terms};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! columns {
    () => {
        "p.promotion_id, p.merchant_id, p.program_id, p.name, p.text, p.starts_at, p.ends_at, p.most_per_customer, \
         p.most, p.uses, p.taken_back, p.version"
    };
}

const INSERT: &str = "insert into promotions (merchant_id, promotion_id, program_id, name, text, starts_at, ends_at, \
     most_per_customer, most, uses, version, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 1, $10)";
const UPDATE: &str = "update promotions set name = $4, text = $5, starts_at = $6, ends_at = $7, \
     most_per_customer = $8, most = $9, version = version + 1 \
     where merchant_id = $1 and promotion_id = $2 and version = $3";
const COUNT_USE: &str = "update promotions set uses = $3 where merchant_id = $1 and promotion_id = $2";
const INSERT_USE: &str = "insert into promotion_uses (merchant_id, promotion_id, number, customer_id, card_id, used_at) \
     values ($1, $2, $3, $4, $5, $6)";
const PROMOTION: &str = concat!(
    "select ",
    columns!(),
    " from promotions p where p.merchant_id = $1 and p.promotion_id = $2"
);
const FOR_UPDATE: &str = concat!(
    "select ",
    columns!(),
    " from promotions p where p.merchant_id = $1 and p.promotion_id = $2 for update"
);
const OF_MERCHANT: &str = concat!(
    "select ",
    columns!(),
    " from promotions p where p.merchant_id = $1 order by p.promotion_id desc"
);
const USED: &str = "select count(*) from promotion_uses \
     where merchant_id = $1 and customer_id = $2 and promotion_id = $3 and taken_back_at is null";
const TAKE_BACK: &str = "update promotion_uses set taken_back_at = $4 \
     where merchant_id = $1 and promotion_id = $2 and number = $3 and taken_back_at is null";
const COUNT_TAKEN_BACK: &str = "update promotions set taken_back = taken_back + 1 \
     where merchant_id = $1 and promotion_id = $2";
const USES: &str = "select number, customer_id, card_id, used_at, taken_back_at from promotion_uses \
     where merchant_id = $1 and promotion_id = $2 and number < $3 order by number desc limit $4";
/// Promotions of a card's program that run, each with how often the card's holder has used it.
const OF_CARD: &str = concat!(
    "select ",
    columns!(),
    ", (select count(*) from promotion_uses u where u.merchant_id = c.merchant_id and u.customer_id = c.customer_id \
     and u.promotion_id = p.promotion_id and u.taken_back_at is null) \
     from cards c join promotions p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     where c.merchant_id = $1 and c.card_id = $2 and p.starts_at <= $3 and p.ends_at > $3 \
     order by p.ends_at, p.promotion_id"
);

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    UPDATE,
    COUNT_USE,
    INSERT_USE,
    PROMOTION,
    FOR_UPDATE,
    OF_MERCHANT,
    USED,
    TAKE_BACK,
    COUNT_TAKEN_BACK,
    USES,
    OF_CARD,
];

/// One use, as a statement lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub number: i64,
    pub customer: CustomerId,
    pub card: CardId,
    pub used_at: Timestamp,
    /// When it was taken back.
    pub taken_back_at: Option<Timestamp>,
}

/// A promotion that a card's holder can use now or has used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCard {
    pub promotion: Promotion,
    /// How often this customer has used it.
    pub used: i64,
}

impl OnCard {
    /// None where nothing limits them.
    pub fn uses_left(&self) -> Option<i64> {
        self.promotion.uses_left(self.used)
    }
}

pub async fn insert(tx: &mut Tx<'_>, promotion: &Promotion, now: Timestamp) -> Result<(), Error> {
    let terms = &promotion.terms;
    let params = params![
        promotion.merchant,
        promotion.id,
        promotion.program,
        terms.name.as_str(),
        terms.text.as_str(),
        terms.starts_at,
        terms.ends_at,
        terms.most_per_customer,
        terms.most,
        now,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Writes new terms over version `seen`; whether that was still the promotion's version.
pub async fn update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    promotion: PromotionId,
    seen: i64,
    terms: &Terms,
) -> Result<bool, Error> {
    let params = params![
        merchant,
        promotion,
        seen,
        terms.name.as_str(),
        terms.text.as_str(),
        terms.starts_at,
        terms.ends_at,
        terms.most_per_customer,
        terms.most,
    ];
    Ok(tx.exec(UPDATE, &params).await? == 1)
}

pub async fn promotion(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    promotion: PromotionId,
) -> Result<Option<Promotion>, Error> {
    tx.opt(PROMOTION, &params![merchant, promotion]).await
}

/// One promotion, locked until the transaction ends.
pub async fn promotion_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    promotion: PromotionId,
) -> Result<Option<Promotion>, Error> {
    tx.opt(FOR_UPDATE, &params![merchant, promotion]).await
}

/// Every promotion of a merchant, newest first; few.
pub async fn promotions(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Promotion>, Error> {
    tx.all(OF_MERCHANT, &params![merchant]).await
}

/// What runs on a card at `now`, what ends soonest first.
pub async fn on_card(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    now: Timestamp,
) -> Result<Vec<OnCard>, Error> {
    tx.all(OF_CARD, &params![merchant, card, now]).await
}

/// How often a customer has used a promotion.
pub async fn used(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    promotion: PromotionId,
) -> Result<i64, Error> {
    let (count,): (i64,) = tx.one(USED, &params![merchant, customer, promotion]).await?;
    Ok(count)
}

/// Writes down one more use of `promotion`, which is locked; it gets the next number.
pub async fn insert_use(
    tx: &mut Tx<'_>,
    promotion: &Promotion,
    customer: CustomerId,
    card: CardId,
    now: Timestamp,
) -> Result<(), Error> {
    let (merchant, id, number) = (promotion.merchant, promotion.id, promotion.numbered + 1);
    tx.exec(COUNT_USE, &params![merchant, id, number]).await?;
    tx.exec(INSERT_USE, &params![merchant, id, number, customer, card, now])
        .await?;
    Ok(())
}

/// Notes that uses were taken back, each a promotion and a number; promotions are locked in the order of their ids.
pub async fn take_back(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    mut uses: Vec<(PromotionId, i64)>,
    now: Timestamp,
) -> Result<(), Error> {
    uses.sort_unstable();
    for (promotion, number) in uses {
        tx.opt::<Promotion>(FOR_UPDATE, &params![merchant, promotion])
            .await?;
        if tx
            .exec(TAKE_BACK, &params![merchant, promotion, number, now])
            .await?
            == 1
        {
            tx.exec(COUNT_TAKEN_BACK, &params![merchant, promotion]).await?;
        }
    }
    Ok(())
}

/// Who used a promotion and when: the uses numbered below `before`, newest first.
pub async fn uses(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    promotion: PromotionId,
    before: i64,
    limit: i64,
) -> Result<Vec<Use>, Error> {
    tx.all(USES, &params![merchant, promotion, before, limit]).await
}

impl FromRow for Promotion {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (id, merchant, program): (PromotionId, MerchantId, ProgramId) =
            (row.next()?, row.next()?, row.next()?);
        let terms = Terms {
            name: row.next()?,
            text: row.next()?,
            starts_at: row.next()?,
            ends_at: row.next()?,
            most_per_customer: row.next()?,
            most: row.next()?,
        };
        let (numbered, taken_back): (i64, i64) = (row.next()?, row.next()?);
        Ok(Self {
            id,
            merchant,
            program,
            terms,
            uses: numbered - taken_back,
            numbered,
            version: row.next()?,
        })
    }
}

impl FromRow for OnCard {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            promotion: Promotion::from_row(row)?,
            used: row.next()?,
        })
    }
}

impl FromRow for Use {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            number: row.next()?,
            customer: row.next()?,
            card: row.next()?,
            used_at: row.next()?,
            taken_back_at: row.next()?,
        })
    }
}
