//! What a person wants to be told and agreed to, the sum of their ratings, and the evidence of their consents.

use std::collections::HashMap;

use crate::domain::consent::{Channel, Consents, Evidence, Purpose};
use crate::domain::feedback::Rating;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::preference::Preferences;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

macro_rules! person {
    () => {
        "select u.customer_id, u.last_event_id, u.paused, u.consents, u.rating_sum, u.rating_count from customers u \
         where u.merchant_id = $1 and u.customer_id = $2 and u.erased_at is null"
    };
}

const PERSON: &str = person!();
const PERSON_FOR_UPDATE: &str = concat!(person!(), " for update");
const SAVE: &str = "update customers set last_event_id = $3, paused = $4, consents = $5 \
     where merchant_id = $1 and customer_id = $2";
const CARDS_OF: &str = "select card_id from cards where merchant_id = $1 and customer_id = $2 \
     order by card_id limit $3";
const INSERT: &str = "insert into consents (merchant_id, customer_id, event_id, purpose, given, text_version, \
     channel, language, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const INSERT_ALL: &str = "insert into consents (merchant_id, customer_id, event_id, purpose, given, text_version, \
     channel, language, at) values {bigint, bigint, bigint, text, bigint, text, text, text, bigint}";
/// The newest of each purpose.
const NEWEST: &str = "select c.customer_id, c.purpose, c.given, c.text_version, c.channel, c.language, c.at \
     from (values {bigint, bigint}) as v join consents c on c.merchant_id = v.column1 and c.customer_id = v.column2 \
     where not exists (select 1 from consents d where d.merchant_id = c.merchant_id \
     and d.customer_id = c.customer_id and d.purpose = c.purpose and d.event_id > c.event_id)";
const PEOPLE: &str = "select u.customer_id, u.last_event_id, u.paused, u.consents, u.rating_sum, u.rating_count \
     from (values {bigint, bigint}) as v join customers u on u.merchant_id = v.column1 and u.customer_id = v.column2 \
     where u.erased_at is null";
const SAVE_ALL: &str = "update customers set last_event_id = v.column3, consents = v.column4 \
     from (values {bigint, bigint, bigint, bigint}) as v \
     where customers.merchant_id = v.column1 and customers.customer_id = v.column2";
const HISTORY: &str = "select purpose, given, text_version, channel, language, at from consents \
     where merchant_id = $1 and customer_id = $2 order by event_id desc limit $3";

pub(crate) const STATEMENTS: &[&str] = &[
    PERSON,
    PERSON_FOR_UPDATE,
    SAVE,
    CARDS_OF,
    INSERT,
    INSERT_ALL,
    NEWEST,
    PEOPLE,
    SAVE_ALL,
    HISTORY,
];

/// Cards of one person that are looked at; nobody holds more.
const MOST_CARDS: i64 = 500;

/// The part of a customer that engagement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub customer: CustomerId,
    /// Newest row of their timeline.
    pub last_event: Option<EventId>,
    pub preferences: Preferences,
    pub consents: Consents,
    pub rating: Rating,
}

/// A consent that was given or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub purpose: Purpose,
    pub given: bool,
    pub evidence: Evidence,
    pub at: Timestamp,
}

/// What somebody said last to a purpose.
#[derive(Debug, Clone)]
pub struct Answer {
    pub customer: CustomerId,
    pub purpose: Purpose,
    pub given: bool,
    /// The evidence; none for what was agreed to before any was kept.
    pub recorded: Option<Recorded>,
}

/// A consent with the person whose it is.
struct OfPerson(CustomerId, Recorded);

impl FromRow for OfPerson {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(row.next()?, Recorded::from_row(row)?))
    }
}

/// A person who was not erased.
pub async fn person(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Person>, Error> {
    tx.opt(PERSON, &params![merchant, customer]).await
}

/// The same, locked until the transaction ends. Cards of the person are locked before it.
pub async fn person_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Option<Person>, Error> {
    tx.opt(PERSON_FOR_UPDATE, &params![merchant, customer]).await
}

pub async fn save(tx: &mut Tx<'_>, merchant: MerchantId, person: &Person) -> Result<(), Error> {
    let (paused, agreed) = (person.preferences.0, person.consents.0);
    let params = params![merchant, person.customer, person.last_event, paused, agreed];
    tx.exec(SAVE, &params).await?;
    Ok(())
}

/// The person's cards, by id.
pub async fn cards_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> Result<Vec<CardId>, Error> {
    let rows: Vec<(CardId,)> = tx.all(CARDS_OF, &params![merchant, customer, MOST_CARDS]).await?;
    Ok(rows.into_iter().map(|(card,)| card).collect())
}

/// Keeps the evidence of the consent that `event` in the ledger is about.
pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    event: EventId,
    recorded: &Recorded,
) -> Result<(), Error> {
    let params = params![
        merchant,
        customer,
        event,
        recorded.purpose.as_str(),
        recorded.given,
        recorded.evidence.text.as_str(),
        recorded.evidence.channel.as_str(),
        recorded.evidence.language.as_str(),
        recorded.at,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// What each of `customers` said last to each purpose that they were ever asked about.
pub async fn answers(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customers: &[CustomerId],
) -> Result<Vec<Answer>, Error> {
    let keys = keys(merchant, customers);
    let newest: Vec<OfPerson> = tx.all_rows(NEWEST, &[], &keys).await?;
    let mut recorded: HashMap<(CustomerId, Purpose), Recorded> = newest
        .into_iter()
        .map(|OfPerson(customer, recorded)| ((customer, recorded.purpose), recorded))
        .collect();
    let mut answers = Vec::new();
    for person in people(tx, merchant, customers).await? {
        for purpose in Purpose::ALL {
            let given = person.consents.has(purpose);
            let recorded = recorded.remove(&(person.customer, purpose));
            if given || recorded.is_some() {
                answers.push(Answer {
                    customer: person.customer,
                    purpose,
                    given,
                    recorded,
                });
            }
        }
    }
    Ok(answers)
}

/// The people of `customers` who were not erased, whom the caller has locked or made.
pub async fn people(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customers: &[CustomerId],
) -> Result<Vec<Person>, Error> {
    tx.all_rows(PEOPLE, &[], &keys(merchant, customers)).await
}

/// Writes back the consents of many people and the evidence of each, which is the newest row of their timeline.
pub async fn record_all(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    recorded: &[(Person, Recorded)],
) -> Result<(), Error> {
    let saved: Vec<_> = recorded
        .iter()
        .map(|(person, _)| params![merchant, person.customer, person.last_event, person.consents.0].to_vec())
        .collect();
    tx.exec_rows(SAVE_ALL, &[], &saved).await?;
    let evidence: Vec<_> = recorded
        .iter()
        .map(|(person, recorded)| {
            params![
                merchant,
                person.customer,
                person.last_event,
                recorded.purpose.as_str(),
                recorded.given,
                recorded.evidence.text.as_str(),
                recorded.evidence.channel.as_str(),
                recorded.evidence.language.as_str(),
                recorded.at,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(INSERT_ALL, &[], &evidence).await?;
    Ok(())
}

fn keys(merchant: MerchantId, customers: &[CustomerId]) -> Vec<Vec<Value>> {
    let key = |customer: &CustomerId| params![merchant, *customer].to_vec();
    customers.iter().map(key).collect()
}

/// The newest `limit` consents of a person, newest first.
pub async fn history(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    limit: i64,
) -> Result<Vec<Recorded>, Error> {
    tx.all(HISTORY, &params![merchant, customer, limit]).await
}

impl FromRow for Person {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            customer: row.next()?,
            last_event: row.next()?,
            preferences: Preferences(row.next()?),
            consents: Consents(row.next()?),
            rating: Rating {
                sum: row.next()?,
                count: row.next()?,
            },
        })
    }
}

impl FromRow for Recorded {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let word = |expected| move || Error::inconsistent(expected, "another word");
        let purpose = Purpose::parse(&row.next::<String>()?).ok_or_else(word("the purpose of a consent"))?;
        let given = row.next()?;
        let text = row.next()?;
        let channel = Channel::parse(&row.next::<String>()?).ok_or_else(word("the channel of a consent"))?;
        Ok(Self {
            purpose,
            given,
            evidence: Evidence {
                text,
                channel,
                language: row.next()?,
            },
            at: row.next()?,
        })
    }
}
