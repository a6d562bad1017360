//! Cards, the programs they belong to and the customers who hold them.

use jiff::tz::TimeZone;

use crate::domain::campaign::trigger::Signals;
use crate::domain::capture::Token;
use crate::domain::card::{Card, CardStatus, Channels};
use crate::domain::customer;
use crate::domain::face::{self, CardFace, KeptNews};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId, SerialNumber};
use crate::domain::preference::Preferences;
use crate::domain::program::{Program, Rules};
use crate::domain::time::Timestamp;
use crate::store::locked::{self, Locked, known_columns};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, counts};
use found::{Found, whole};

mod found;
mod save;

pub(crate) use save::STATEMENTS as OF_SAVING;
pub use save::save;

/// A program with what its merchant adds to every decision: a name for the pass and the zone of a business day.
#[derive(Debug, Clone)]
pub struct ProgramOfMerchant {
    pub program: Program,
    pub merchant_name: String,
    pub zone: String,
    /// What the merchant's running campaigns and referrals listen to.
    pub signals: Signals,
}

impl ProgramOfMerchant {
    /// The zone of the merchant's business day.
    pub fn time_zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }
}

/// A card with all that is needed to draw its face.
#[derive(Debug, Clone)]
pub struct CardWithProgram {
    pub card: Card,
    pub of: ProgramOfMerchant,
    /// The name printed on the card when it was issued.
    pub holder: Option<String>,
    /// What the holder wants to be told.
    pub preferences: Preferences,
    /// What rang last on its passes.
    pub news: Option<KeptNews>,
}

impl CardWithProgram {
    pub fn face(&self) -> CardFace {
        face::render(
            &self.of.merchant_name,
            &self.of.program,
            &self.card,
            (self.holder.as_deref(), self.preferences),
            self.news.as_ref(),
        )
    }
}

macro_rules! card_columns {
    () => {
        "c.card_id, c.merchant_id, c.program_id, c.customer_id, c.serial_number, c.token, c.status, c.channels, \
         c.punches, c.points, c.tier_points, c.rewards, c.visits, c.spend, c.unpriced, c.redemptions, c.tier, c.scans, \
         c.last_visit_at, c.last_earned_at, c.last_earned_day, c.earned_on_day, c.cycle_began_at, c.cycle_ends_at, \
         c.expires_at, c.expired_at, c.redeemed_at, c.installed_as, c.installed_at, c.created_at, c.version, \
         c.changed_at, c.last_event_id, c.tag"
    };
}

/// What belongs to the holder and not to the card.
macro_rules! holder_columns {
    () => {
        "c.holder, coalesce((select u.paused from customers u where u.merchant_id = c.merchant_id \
         and u.customer_id = c.customer_id), 0), n.number, n.class, t.body, t.title, n.punches, n.points, n.rewards, \
         n.tier, n.message_id, (select count(*) from message_translations x where x.merchant_id = t.merchant_id \
         and x.message_id = t.message_id)"
    };
}

/// What rang last, and its text where it was a message.
macro_rules! news {
    () => {
        " left join card_news n on n.merchant_id = c.merchant_id and n.card_id = c.card_id \
         left join push_texts t on t.merchant_id = n.merchant_id and t.message_id = n.message_id"
    };
}

macro_rules! program_columns {
    () => {
        "p.program_id, p.merchant_id, p.name, p.template, p.pass_type_identifier, p.reward_name, p.rules, \
         p.archived_at, p.version, m.name, m.zone, m.signals"
    };
}

const INSERT_MERCHANT: &str =
    "insert into merchants (merchant_id, name, zone, created_at) values ($1, $2, $3, $4)";
const INSERT_PROGRAM: &str = "insert into programs (merchant_id, program_id, kind, name, template, \
     pass_type_identifier, reward_name, rules, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const INSERT_CUSTOMER: &str = "insert into customers (merchant_id, customer_id, first_name, last_name, email, \
     email_key, phone, search, created_at, changed_at, name_key) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)";
const INSERT_CARD: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, \
     holder, status, channels, punches, rewards, visits, earned_on_day, expires_at, installed_as, created_at, version, \
     changed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, $9, $10, $11, $12, $13)";
const INSERT_CARDS: &str = "insert into cards (merchant_id, card_id, program_id, customer_id, serial_number, token, \
     holder, status, channels, punches, rewards, visits, earned_on_day, expires_at, installed_as, created_at, version, \
     changed_at) select v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, 0, 0, \
     0, 0, 0, v.column9, v.column10, v.column11, v.column12, v.column13 \
     from (values {bigint, bigint, bigint, bigint, text, text, text, text, bigint, bigint, bigint, bigint, bigint}) as v";
const INSERT_TOKENS: &str = "insert into tokens (merchant_id, token, card_id) values {bigint, text, bigint}";
const SET_HOLDER: &str = "update cards set holder = $3 where merchant_id = $1 and card_id = $2";
const INSERT_TOKEN: &str = "insert into tokens (merchant_id, token, card_id) values ($1, $2, $3)";

const PROGRAM: &str = concat!(
    "select ",
    program_columns!(),
    " from programs p join merchants m on m.merchant_id = p.merchant_id \
     where p.merchant_id = $1 and p.program_id = $2"
);
const PROGRAMS: &str = concat!(
    "select ",
    program_columns!(),
    " from programs p join merchants m on m.merchant_id = p.merchant_id order by p.merchant_id, p.program_id"
);
const PROGRAMS_OF_MERCHANT: &str = concat!(
    "select ",
    program_columns!(),
    " from programs p join merchants m on m.merchant_id = p.merchant_id where p.merchant_id = $1 order by p.program_id"
);
const PROGRAMS_OF: &str = concat!(
    "select ",
    program_columns!(),
    " from (values {bigint, bigint}) as v join programs p on p.merchant_id = v.column1 and p.program_id = v.column2 \
     join merchants m on m.merchant_id = p.merchant_id"
);
const CARD: &str = concat!(
    "select ",
    card_columns!(),
    ", ",
    holder_columns!(),
    ", ",
    program_columns!(),
    " from cards c join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     join merchants m on m.merchant_id = c.merchant_id",
    news!(),
    " where c.merchant_id = $1 and c.card_id = $2"
);
const CARD_BY_SERIAL_NUMBER: &str = concat!(
    "select ",
    card_columns!(),
    ", ",
    holder_columns!(),
    ", ",
    program_columns!(),
    " from cards c join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     join merchants m on m.merchant_id = c.merchant_id",
    news!(),
    " where c.merchant_id = $1 and c.serial_number = $2"
);
const CARDS: &str = concat!(
    "select ",
    card_columns!(),
    ", ",
    holder_columns!(),
    ", ",
    program_columns!(),
    " from (values {bigint, bigint}) as v join cards c on c.merchant_id = v.column1 and c.card_id = v.column2 \
     join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     join merchants m on m.merchant_id = c.merchant_id",
    news!()
);
const CARD_FOR_UPDATE: &str = concat!(
    "select ",
    card_columns!(),
    ", ",
    known_columns!(),
    " from cards c where c.merchant_id = $1 and c.card_id = $2 for update"
);
const TOKENS: &str = "select t.merchant_id, t.token, t.card_id from (values {bigint, text}) as v \
     join tokens t on t.merchant_id = v.column1 and t.token = v.column2";
const CARDS_FOR_UPDATE: &str = concat!(
    "select ",
    card_columns!(),
    ", ",
    known_columns!(),
    " from (values {bigint, bigint}) as v join cards c on c.merchant_id = v.column1 and c.card_id = v.column2 \
     order by c.merchant_id, c.card_id for update of c"
);
pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_MERCHANT,
    INSERT_PROGRAM,
    INSERT_CUSTOMER,
    INSERT_CARD,
    INSERT_CARDS,
    INSERT_TOKENS,
    SET_HOLDER,
    INSERT_TOKEN,
    PROGRAM,
    PROGRAMS,
    PROGRAMS_OF_MERCHANT,
    PROGRAMS_OF,
    CARD,
    CARD_BY_SERIAL_NUMBER,
    CARDS,
    CARD_FOR_UPDATE,
    TOKENS,
    CARDS_FOR_UPDATE,
];

/// A merchant as stored. `zone` is an IANA name: the merchant's business day.
#[derive(Debug, Clone)]
pub struct NewMerchant {
    pub id: MerchantId,
    pub name: String,
    pub zone: String,
}

/// Somebody made up. `store::customers` has the people who come by themselves; a chore brings these into their form.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    pub id: CustomerId,
    pub merchant: MerchantId,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    /// The address as it is compared: lower case.
    pub email_key: Option<String>,
    pub phone: Option<String>,
    /// Everything that a search looks at, folded.
    pub search: String,
}

pub async fn insert_merchant(tx: &mut Tx<'_>, merchant: &NewMerchant, now: Timestamp) -> Result<(), Error> {
    let params = params![merchant.id, merchant.name.as_str(), merchant.zone.as_str(), now];
    tx.exec(INSERT_MERCHANT, &params).await?;
    Ok(())
}

pub async fn insert_program(tx: &mut Tx<'_>, program: &Program, now: Timestamp) -> Result<(), Error> {
    let params = params![
        program.merchant,
        program.id,
        program.rules.kind().as_str(),
        program.name.as_str(),
        program.template.as_str(),
        program.pass_type_identifier.as_str(),
        program.reward_name.as_str(),
        program.rules.print(),
        now,
    ];
    tx.exec(INSERT_PROGRAM, &params).await?;
    Ok(())
}

pub async fn insert_customer(tx: &mut Tx<'_>, customer: &NewCustomer, now: Timestamp) -> Result<(), Error> {
    let params = params![
        customer.merchant,
        customer.id,
        customer.first_name.as_str(),
        customer.last_name.as_str(),
        customer.email.as_deref(),
        customer.email_key.as_deref(),
        customer.phone.as_deref(),
        customer.search.as_str(),
        now,
        customer::name_key(&customer.first_name, &customer.last_name),
    ];
    tx.exec(INSERT_CUSTOMER, &params).await?;
    Ok(())
}

/// Inserts a new card without history. Its numbers must be zero.
pub async fn insert_card(tx: &mut Tx<'_>, card: &Card, holder: Option<&str>) -> Result<(), Error> {
    let params = params![
        card.merchant,
        card.id,
        card.program,
        card.customer,
        card.serial_number.as_str(),
        card.token.expose(),
        holder,
        card.status.as_str(),
        card.expires_at,
        card.installed_as,
        card.created_at,
        card.version,
        card.changed_at,
    ];
    tx.exec(INSERT_CARD, &params).await?;
    insert_token(tx, card.merchant, &card.token, card.id).await?;
    counts::recount(tx, &[(card.merchant, card.id)], card.created_at).await?;
    Ok(())
}

/// Inserts new cards without history, each with the name printed on it.
pub async fn insert_cards(tx: &mut Tx<'_>, cards: &[(Card, Option<String>)]) -> Result<(), Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|(card, holder)| {
            params![
                card.merchant,
                card.id,
                card.program,
                card.customer,
                card.serial_number.as_str(),
                card.token.expose(),
                holder.as_deref(),
                card.status.as_str(),
                card.expires_at,
                card.installed_as,
                card.created_at,
                card.version,
                card.changed_at,
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(INSERT_CARDS, &[], &rows).await?;
    let tokens: Vec<_> = cards
        .iter()
        .map(|(card, _)| params![card.merchant, card.token.expose(), card.id].to_vec())
        .collect();
    tx.exec_rows(INSERT_TOKENS, &[], &tokens).await?;
    if let Some((first, _)) = cards.first() {
        let keys: Vec<_> = cards.iter().map(|(card, _)| (card.merchant, card.id)).collect();
        counts::recount(tx, &keys, first.created_at).await?;
    }
    Ok(())
}

/// Changes the name that is printed on a card; the caller touches and saves the card.
pub async fn set_holder(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    holder: Option<&str>,
) -> Result<(), Error> {
    tx.exec(SET_HOLDER, &params![merchant, card, holder]).await?;
    Ok(())
}

/// Lets `token` stand for a card; a token stands for one card only.
pub async fn insert_token(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    token: &Token,
    card: CardId,
) -> Result<(), Error> {
    tx.exec(INSERT_TOKEN, &params![merchant, token.expose(), card])
        .await?;
    Ok(())
}

pub async fn program(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
) -> Result<Option<ProgramOfMerchant>, Error> {
    tx.opt(PROGRAM, &params![merchant, program]).await
}

/// Every program of every merchant; small, read to keep them at hand.
pub async fn programs(tx: &mut Tx<'_>) -> Result<Vec<ProgramOfMerchant>, Error> {
    tx.all(PROGRAMS, &[]).await
}

/// Every program of a merchant, archived ones too, oldest first.
pub async fn programs_of_merchant(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
) -> Result<Vec<ProgramOfMerchant>, Error> {
    tx.all(PROGRAMS_OF_MERCHANT, &params![merchant]).await
}

/// Those of `keys` that exist, in no promised order.
pub async fn programs_of(
    tx: &mut Tx<'_>,
    keys: &[(MerchantId, ProgramId)],
) -> Result<Vec<ProgramOfMerchant>, Error> {
    let rows: Vec<_> = keys
        .iter()
        .map(|(merchant, program)| params![*merchant, *program])
        .collect();
    tx.all_rows(PROGRAMS_OF, &[], &rows).await
}

pub async fn card(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<CardWithProgram>, Error> {
    let found: Option<Found> = tx.opt(CARD, &params![merchant, card]).await?;
    Ok(whole(tx, found).await?.pop())
}

pub async fn card_by_serial_number(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    serial_number: &SerialNumber,
) -> Result<Option<CardWithProgram>, Error> {
    let params = params![merchant, serial_number.as_str()];
    let found: Option<Found> = tx.opt(CARD_BY_SERIAL_NUMBER, &params).await?;
    Ok(whole(tx, found).await?.pop())
}

/// Those of `keys` that exist, in no promised order.
pub async fn cards(tx: &mut Tx<'_>, keys: &[(MerchantId, CardId)]) -> Result<Vec<CardWithProgram>, Error> {
    let rows: Vec<_> = keys
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    let found: Vec<Found> = tx.all_rows(CARDS, &[], &rows).await?;
    whole(tx, found).await
}

/// One card, locked until the transaction ends.
pub async fn card_for_update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
) -> Result<Option<Card>, Error> {
    let found: Option<Locked> = tx.opt(CARD_FOR_UPDATE, &params![merchant, card]).await?;
    Ok(found.map(|found| locked::remember(tx, found)))
}

/// Which card each of `tokens` stands for; tokens of no card are left out.
pub async fn cards_of_tokens(
    tx: &mut Tx<'_>,
    tokens: &[(MerchantId, Token)],
) -> Result<Vec<CardOfToken>, Error> {
    let rows: Vec<_> = tokens
        .iter()
        .map(|(merchant, token)| params![*merchant, token.expose()])
        .collect();
    tx.all_rows(TOKENS, &[], &rows).await
}

/// Those of `keys` that exist, locked until the transaction ends.
///
/// `keys` must be sorted and without repeats: two transactions that lock sets of cards in the same order never
/// wait for each other in a circle.
pub async fn cards_for_update(tx: &mut Tx<'_>, keys: &[(MerchantId, CardId)]) -> Result<Vec<Card>, Error> {
    let rows: Vec<_> = keys
        .iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect();
    let found: Vec<Locked> = tx.all_rows(CARDS_FOR_UPDATE, &[], &rows).await?;
    Ok(found
        .into_iter()
        .map(|found| locked::remember(tx, found))
        .collect())
}

/// A token and the card it stands for.
#[derive(Debug, Clone)]
pub struct CardOfToken {
    pub merchant: MerchantId,
    pub token: String,
    pub card: CardId,
}

impl FromRow for CardOfToken {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            token: row.next()?,
            card: row.next()?,
        })
    }
}

impl FromRow for Card {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            merchant: row.next()?,
            program: row.next()?,
            customer: row.next()?,
            serial_number: row.next()?,
            token: Token::parse(&row.next::<String>()?)
                .map_err(|error| Error::inconsistent("a token", error))?,
            status: CardStatus::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a card status", "another word"))?,
            channels: Channels(row.next()?),
            punches: row.next()?,
            points: row.next()?,
            tier_points: row.next()?,
            rewards: row.next()?,
            visits: row.next()?,
            spend: row.next()?,
            unpriced: row.next()?,
            redemptions: row.next()?,
            tier: row.next()?,
            scans: row.next()?,
            last_visit_at: row.next()?,
            last_earned_at: row.next()?,
            last_earned_day: row.next()?,
            earned_on_day: row.next()?,
            cycle_began_at: row.next()?,
            cycle_ends_at: row.next()?,
            expires_at: row.next()?,
            expired_at: row.next()?,
            redeemed_at: row.next()?,
            installed_as: row.next()?,
            installed_at: row.next()?,
            created_at: row.next()?,
            version: row.next()?,
            changed_at: row.next()?,
            last_event: row.next()?,
            tag: row.next()?,
        })
    }
}

impl FromRow for ProgramOfMerchant {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            program: Program {
                id: row.next()?,
                merchant: row.next()?,
                name: row.next()?,
                template: row.next()?,
                pass_type_identifier: row.next()?,
                reward_name: row.next()?,
                rules: Rules::parse(&row.next::<String>()?)
                    .map_err(|error| Error::inconsistent("rules of a program", error))?,
                archived_at: row.next()?,
                version: row.next()?,
            },
            merchant_name: row.next()?,
            zone: row.next()?,
            signals: Signals(row.next()?),
        })
    }
}
