//! Feedback: its words, and sums of its stars.

use crate::domain::feedback::{Feedback, Rating, Span};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str = "insert into feedback (merchant_id, customer_id, event_id, card_id, visit_event_id, stars, \
     comment, at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const ADD_RATING: &str = "update customers set rating_sum = rating_sum + $3, rating_count = rating_count + 1 \
     where merchant_id = $1 and customer_id = $2";
const EXISTS: &str =
    "select count(*) from feedback where merchant_id = $1 and card_id = $2 and visit_event_id = $3";

macro_rules! page {
    ($of:literal) => {
        concat!(
            "select f.customer_id, f.event_id, f.card_id, f.visit_event_id, f.stars, f.comment, f.at from feedback f \
             where f.merchant_id = $1 and f.at >= $2 and f.at < $3 and (f.comment is not null or $4 = 0) \
             and (f.at < $5 or (f.at = $5 and f.event_id < $6)) ",
            $of,
            " order by f.at desc, f.event_id desc limit $7"
        )
    };
}
macro_rules! rating {
    ($of:literal) => {
        concat!(
            "select cast(coalesce(sum(stars), 0) as bigint), count(*) from feedback f where f.merchant_id = $1 \
             and f.at >= $2 and f.at < $3 and (f.comment is not null or $4 = 0) ",
            $of
        )
    };
}

const PAGE: &str = page!("");
const PAGE_OF_CUSTOMER: &str = page!("and f.customer_id = $8");
const RATING: &str = rating!("");
const RATING_OF_CUSTOMER: &str = rating!("and f.customer_id = $5");

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    ADD_RATING,
    EXISTS,
    PAGE,
    PAGE_OF_CUSTOMER,
    RATING,
    RATING_OF_CUSTOMER,
];

/// Feedback as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub customer: CustomerId,
    /// Its row in the ledger.
    pub event: EventId,
    pub card: CardId,
    pub visit: Option<EventId>,
    pub feedback: Feedback,
    pub at: Timestamp,
}

/// Which feedback is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// One person's; none for everybody's.
    pub customer: Option<CustomerId>,
    pub span: Span,
    pub only_comments: bool,
}

/// Where a page of feedback begins: after this one, on the way into the past.
pub type Cursor = (Timestamp, EventId);

/// Before all feedback.
pub const NEWEST: Cursor = (Timestamp(i64::MAX), EventId(i64::MAX));

/// Whether there is feedback about this visit of the card.
pub async fn exists(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    visit: Option<EventId>,
) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(EXISTS, &params![merchant, card, place(visit)]).await?;
    Ok(count > 0)
}

/// Keeps feedback and adds its stars to the person's sum.
pub async fn insert(tx: &mut Tx<'_>, merchant: MerchantId, given: &Given) -> Result<(), Error> {
    let row = params![
        merchant,
        given.customer,
        given.event,
        given.card,
        place(given.visit),
        given.feedback.stars,
        given.feedback.comment.as_deref(),
        given.at,
    ];
    tx.exec(INSERT, &row).await?;
    let stars = params![merchant, given.customer, given.feedback.stars];
    tx.exec(ADD_RATING, &stars).await?;
    Ok(())
}

/// Up to `limit` of what is wanted, newest first.
pub async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    wanted: Wanted,
    after: Cursor,
    limit: i64,
) -> Result<Vec<Given>, Error> {
    let Span { from, before } = wanted.span;
    let mut asked = params![
        merchant,
        from,
        before,
        wanted.only_comments,
        after.0,
        after.1,
        limit
    ]
    .to_vec();
    match wanted.customer {
        None => tx.all(PAGE, &asked).await,
        Some(customer) => {
            asked.push(customer.into());
            tx.all(PAGE_OF_CUSTOMER, &asked).await
        }
    }
}

/// The rating over all of what is wanted.
pub async fn rating(tx: &mut Tx<'_>, merchant: MerchantId, wanted: Wanted) -> Result<Rating, Error> {
    let Span { from, before } = wanted.span;
    let mut asked = params![merchant, from, before, wanted.only_comments].to_vec();
    let (sum, count) = match wanted.customer {
        None => tx.one(RATING, &asked).await?,
        Some(customer) => {
            asked.push(customer.into());
            tx.one(RATING_OF_CUSTOMER, &asked).await?
        }
    };
    Ok(Rating { sum, count })
}

/// A visit that is not known is 0 in the store, so that it is unique too.
fn place(visit: Option<EventId>) -> i64 {
    visit.map_or(0, |visit| visit.0)
}

impl FromRow for Given {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (customer, event, card) = (row.next()?, row.next()?, row.next()?);
        let visit: i64 = row.next()?;
        Ok(Self {
            customer,
            event,
            card,
            visit: (visit != 0).then_some(EventId(visit)),
            feedback: Feedback {
                stars: row.next()?,
                comment: row.next()?,
            },
            at: row.next()?,
        })
    }
}
