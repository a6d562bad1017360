//! The rows of a job, one for each card of its audience. A row's state changes in the transaction that changes its card.

use crate::domain::event::Event;
use crate::domain::id::{BatchId, CardId, EventId, MerchantId};
use crate::store::events::event_columns;
use crate::store::jobs::ids;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const INSERT_ROWS: &str = "insert into job_rows (merchant_id, batch_id, card_id, state, events) \
     values {bigint, bigint, bigint, text, bigint} on conflict (merchant_id, batch_id, card_id) do nothing";
const WAITING: &str = "select card_id from job_rows \
     where merchant_id = $1 and batch_id = $2 and card_id > $3 and state = 'waiting' order by card_id limit $4";
const FINISH_ROWS: &str = "update job_rows set state = v.column2, refusal = v.column3, explanation = v.column4, \
     newest_event_id = v.column5, events = v.column6 \
     from (values {bigint, text, text, text, bigint, bigint}) as v \
     where job_rows.merchant_id = $1 and job_rows.batch_id = $2 and job_rows.card_id = v.column1";
const ROWS: &str = "select card_id, state, refusal, explanation, newest_event_id, events from job_rows \
     where merchant_id = $1 and batch_id = $2 and card_id > $3 order by card_id limit $4";
const CHANGED: &str = "select card_id from job_rows \
     where merchant_id = $1 and batch_id = $2 and card_id > $3 and state = 'done' order by card_id limit $4";
/// The events that a batch made on each card, newest first: they lie next to each other in the card's chain.
const MADE: &str = concat!(
    "with recursive made (event_id, previous_event_id, remaining) as ( \
     select e.event_id, e.previous_event_id, r.events \
     from (values {bigint}) as v \
     join job_rows r on r.merchant_id = $1 and r.batch_id = $2 and r.card_id = v.column1 and r.state = 'done' \
     join events e on e.merchant_id = $1 and e.event_id = r.newest_event_id \
     union all \
     select e.event_id, e.previous_event_id, made.remaining - 1 from made \
     join events e on e.merchant_id = $1 and e.event_id = made.previous_event_id \
     where made.remaining > 1) \
     select ",
    event_columns!(),
    " from made join events e on e.merchant_id = $1 and e.event_id = made.event_id"
);
const TAKEN_BACK: &str = "select distinct e.reverses_event_id from (values {bigint}) as v \
     join events e on e.merchant_id = $1 and e.reverses_event_id = v.column1";

pub(crate) const STATEMENTS: &[&str] = &[INSERT_ROWS, WAITING, FINISH_ROWS, ROWS, CHANGED, MADE, TAKEN_BACK];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    Waiting,
    Done,
    Refused,
}

impl RowState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Done, Self::Refused];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// What became of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    pub card: CardId,
    pub state: RowState,
    /// The code of the reason and the sentence that explains it.
    pub refusal: Option<(String, String)>,
    /// The newest of the events that it made, and how many there are.
    pub newest: Option<EventId>,
    pub events: i64,
}

/// Writes down a page of the audience.
pub async fn insert_rows(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    cards: &[CardId],
) -> Result<(), Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|card| params![merchant, batch, *card, RowState::Waiting.as_str(), 0_i64].to_vec())
        .collect();
    tx.exec_rows(INSERT_ROWS, &[], &rows).await?;
    Ok(())
}

pub async fn waiting(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let params = params![merchant, batch, after, limit];
    Ok(ids(tx.all(WAITING, &params).await?))
}

pub async fn finish_rows(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    rows: &[JobRow],
) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| {
            let (code, sentence) = row.refusal.as_ref().map_or((None, None), |(code, sentence)| {
                (Some(code.as_str()), Some(sentence.as_str()))
            });
            params![
                row.card,
                row.state.as_str(),
                code,
                sentence,
                row.newest,
                row.events
            ]
            .to_vec()
        })
        .collect();
    tx.exec_rows(FINISH_ROWS, &params![merchant, batch], &rows)
        .await?;
    Ok(())
}

/// The rows after `after`, in the order of their cards.
pub async fn rows(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    after: CardId,
    limit: i64,
) -> Result<Vec<JobRow>, Error> {
    tx.all(ROWS, &params![merchant, batch, after, limit]).await
}

/// The cards after `after` that a batch changed.
pub async fn changed(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    after: CardId,
    limit: i64,
) -> Result<Vec<CardId>, Error> {
    let params = params![merchant, batch, after, limit];
    Ok(ids(tx.all(CHANGED, &params).await?))
}

/// What `batch` did to each of `cards`, in no promised order.
pub async fn made(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    batch: BatchId,
    cards: &[CardId],
) -> Result<Vec<Event>, Error> {
    let rows: Vec<_> = cards.iter().map(|card| params![*card].to_vec()).collect();
    tx.all_rows(MADE, &params![merchant, batch], &rows).await
}

/// Those of `events` that some row takes back.
pub async fn taken_back(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    events: &[EventId],
) -> Result<Vec<EventId>, Error> {
    let rows: Vec<_> = events.iter().map(|event| params![*event].to_vec()).collect();
    Ok(ids(tx.all_rows(TAKEN_BACK, &params![merchant], &rows).await?))
}

impl FromRow for JobRow {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = row.next()?;
        let state: String = row.next()?;
        let state =
            RowState::parse(&state).ok_or_else(|| Error::inconsistent("a state in job_rows.state", state))?;
        let (code, sentence): (Option<String>, Option<String>) = (row.next()?, row.next()?);
        Ok(Self {
            card,
            state,
            refusal: code.map(|code| (code, sentence.unwrap_or_default())),
            newest: row.next()?,
            events: row.next()?,
        })
    }
}
