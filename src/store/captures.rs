//! Captures: one row a presentation, holding the answer that every repeat of it gets. Written as sets.

use crate::domain::capture::{Capture, CaptureKey};
use crate::domain::coupon::Redemption;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::presentation::Refusal;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const ANSWERS: &str = "select c.station_id, c.counter, c.fingerprint, c.card_id, c.refusal, c.refusal_detail, \
     c.rewards_earned, c.punches, c.goal, c.rewards, c.points, c.earned, c.redeemed \
     from (values {bigint, bigint, bigint}) as v join captures c \
     on c.merchant_id = v.column1 and c.station_id = v.column2 and c.counter = v.column3";
const INSERT: &str = "insert into captures (merchant_id, station_id, counter, kind, fingerprint, captured_at, \
     received_at, card_id, refusal, refusal_detail, rewards_earned, punches, goal, rewards, points, earned, \
     redeemed) values {bigint, bigint, bigint, text, bigint, bigint, bigint, bigint, text, bigint, bigint, bigint, \
     bigint, bigint, bigint, bigint, bigint}";

pub(crate) const STATEMENTS: &[&str] = &[ANSWERS, INSERT];

/// What a capture led to, as stored and as told to the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub key: CaptureKey,
    /// Tells two captures apart that wrongly share a key.
    pub fingerprint: i64,
    pub card: Option<CardId>,
    pub refusal: Option<Refusal>,
    /// Rewards earned by this very capture.
    pub rewards_earned: i64,
    /// The card's numbers after it; zero when no card was found.
    pub punches: i64,
    pub goal: i64,
    pub rewards: i64,
    pub points: i64,
    /// Punches or points given by this very capture.
    pub earned: i64,
    /// Whether it redeemed a coupon.
    pub redeemed: bool,
    /// Of a coupon that was redeemed before: when, where and by whom. Read from the ledger and not stored here.
    pub redemption: Option<Redemption>,
    /// The capture was answered before, and this is that answer.
    pub repeated: bool,
}

/// The stored answers of those of `keys` that were recorded before.
pub async fn answers(tx: &mut Tx<'_>, keys: &[(MerchantId, CaptureKey)]) -> Result<Vec<Answer>, Error> {
    let rows: Vec<_> = keys
        .iter()
        .map(|(merchant, key)| params![*merchant, key.station, key.counter])
        .collect();
    tx.all_rows(ANSWERS, &[], &rows).await
}

/// Stores new captures with their answers. A key that is there already is a conflict: another node has recorded
/// it meanwhile, and the whole transaction is run again.
pub async fn insert(
    tx: &mut Tx<'_>,
    captures: &[(MerchantId, &Capture, &Answer)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = captures
        .iter()
        .map(|(merchant, capture, answer)| {
            params![
                *merchant,
                capture.key.station,
                capture.key.counter,
                capture.kind.as_str(),
                answer.fingerprint,
                capture.captured_at,
                now,
                answer.card,
                answer.refusal.as_ref().map(Refusal::code),
                answer.refusal.as_ref().map_or(0, Refusal::detail),
                answer.rewards_earned,
                answer.punches,
                answer.goal,
                answer.rewards,
                answer.points,
                answer.earned,
                answer.redeemed,
            ]
        })
        .collect();
    tx.exec_rows(INSERT, &[], &rows).await?;
    Ok(())
}

impl FromRow for Answer {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let station = row.next()?;
        let counter = row.next()?;
        let fingerprint = row.next()?;
        let card = row.next()?;
        let refusal: Option<String> = row.next()?;
        let detail = row.next()?;
        let refusal = refusal
            .map(|code| {
                Refusal::from_code(&code, detail)
                    .ok_or_else(|| Error::inconsistent("a refusal's code", "another word"))
            })
            .transpose()?;
        Ok(Self {
            key: CaptureKey { station, counter },
            fingerprint,
            card,
            refusal,
            rewards_earned: row.next()?,
            punches: row.next()?,
            goal: row.next()?,
            rewards: row.next()?,
            points: row.next()?,
            earned: row.next()?,
            redeemed: row.next()?,
            redemption: None,
            repeated: true,
        })
    }
}
