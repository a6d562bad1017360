//! The fields that programs ask for, and what cards answer.

use crate::domain::custom_field::{CustomField, FieldCode, FieldKind, FieldValue};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const INSERT: &str = "insert into custom_fields (merchant_id, program_id, code, label, kind, choices, required, \
     position, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const FIELDS: &str = "select code, label, kind, choices, required, position from custom_fields \
     where merchant_id = $1 and program_id = $2 and archived_at is null order by position, code";
const ALL: &str = "select code, label, kind, choices, required, position, archived_at from custom_fields \
     where merchant_id = $1 and program_id = $2 order by position, code";
const UPDATE: &str = "update custom_fields set label = $4, choices = $5, required = $6 \
     where merchant_id = $1 and program_id = $2 and code = $3";
const ARCHIVE: &str = "update custom_fields set archived_at = $4 \
     where merchant_id = $1 and program_id = $2 and code = $3";
const ANSWERED: &str = "select count(*) from cards c join custom_values t on t.merchant_id = c.merchant_id \
     and t.card_id = c.card_id and t.code = $3 where c.merchant_id = $1 and c.program_id = $2 and t.value = $4";
const SET: &str = "insert into custom_values (merchant_id, card_id, code, value, number) \
     values {bigint, bigint, text, text, bigint} \
     on conflict (merchant_id, card_id, code) do update set value = excluded.value, number = excluded.number";
const CLEAR: &str = "delete from custom_values where merchant_id = $1 and card_id = $2 and code = $3";
const VALUES: &str = "select t.card_id, t.code, t.value, t.number from (values {bigint, bigint}) as v \
     join custom_values t on t.merchant_id = v.column1 and t.card_id = v.column2 order by t.card_id, t.code";
const FORGET: &str = "delete from custom_values where merchant_id = $1 \
     and card_id in (select c.card_id from cards c where c.merchant_id = $1 and c.customer_id = $2)";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT, FIELDS, ALL, UPDATE, ARCHIVE, ANSWERED, SET, CLEAR, VALUES, FORGET,
];

/// One answer of a card; none clears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub card: CardId,
    pub code: FieldCode,
    pub value: Option<FieldValue>,
}

pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    field: &CustomField,
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![
        merchant,
        program,
        field.code.as_str(),
        field.label.trim(),
        field.kind.as_str(),
        choices(field),
        field.required,
        field.position,
        now,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// The choices of a field as JSON.
fn choices(field: &CustomField) -> String {
    let choices: &[String] = match &field.kind {
        FieldKind::Choice(choices) => choices,
        _ => &[],
    };
    serde_json::to_string(choices).unwrap_or_default()
}

/// Writes what can be changed of a field.
pub async fn update(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    field: &CustomField,
) -> Result<(), Error> {
    let (code, label) = (field.code.as_str(), field.label.as_str());
    let params = params![merchant, program, code, label, choices(field), field.required];
    tx.exec(UPDATE, &params).await?;
    Ok(())
}

/// Archives a field since then, or asks for it again.
pub async fn archive(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    code: &FieldCode,
    since: Option<Timestamp>,
) -> Result<(), Error> {
    tx.exec(ARCHIVE, &params![merchant, program, code.as_str(), since])
        .await?;
    Ok(())
}

/// How many cards of a program answer a field with exactly this text.
pub async fn answered(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    code: &FieldCode,
    value: &str,
) -> Result<i64, Error> {
    let (count,): (i64,) = tx
        .one(ANSWERED, &params![merchant, program, code.as_str(), value])
        .await?;
    Ok(count)
}

/// All fields of a program in their order, with when each was archived.
pub async fn all(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
) -> Result<Vec<(CustomField, Option<Timestamp>)>, Error> {
    let rows: Vec<WithArchived> = tx.all(ALL, &params![merchant, program]).await?;
    Ok(rows.into_iter().map(|row| (row.0, row.1)).collect())
}

/// The fields that a program asks for, in their order.
pub async fn fields(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
) -> Result<Vec<CustomField>, Error> {
    tx.all(FIELDS, &params![merchant, program]).await
}

/// Writes answers, each of another card or field.
pub async fn set(tx: &mut Tx<'_>, merchant: MerchantId, answers: &[Answer]) -> Result<(), Error> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for Answer { card, code, value } in answers {
        match value {
            Some(value) => {
                let row = params![merchant, *card, code.as_str(), value.text.as_str(), value.number];
                rows.push(row.to_vec());
            }
            None => {
                tx.exec(CLEAR, &params![merchant, *card, code.as_str()]).await?;
            }
        }
    }
    if !rows.is_empty() {
        tx.exec_rows(SET, &[], &rows).await?;
    }
    Ok(())
}

/// What `cards` answer, card by card.
pub async fn values(tx: &mut Tx<'_>, merchant: MerchantId, cards: &[CardId]) -> Result<Vec<Answer>, Error> {
    let rows: Vec<_> = cards
        .iter()
        .map(|card| params![merchant, *card].to_vec())
        .collect();
    tx.all_rows(VALUES, &[], &rows).await
}

/// Takes away everything that a person's cards answer.
pub async fn forget(tx: &mut Tx<'_>, merchant: MerchantId, customer: CustomerId) -> Result<(), Error> {
    tx.exec(FORGET, &params![merchant, customer]).await?;
    Ok(())
}

fn code(row: &mut Row) -> Result<FieldCode, Error> {
    FieldCode::parse(&row.next::<String>()?)
        .map_err(|_| Error::inconsistent("the code of a custom field", "other text"))
}

impl FromRow for CustomField {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (code, label, kind) = (code(row)?, row.next()?, row.next::<String>()?);
        let choices = serde_json::from_str(&row.next::<String>()?)
            .map_err(|_| Error::inconsistent("a list of choices in JSON", "other text"))?;
        Ok(Self {
            code,
            label,
            kind: FieldKind::parse(&kind, choices)
                .ok_or_else(|| Error::inconsistent("a kind of field", kind))?,
            required: row.next()?,
            position: row.next()?,
        })
    }
}

struct WithArchived(CustomField, Option<Timestamp>);

impl FromRow for WithArchived {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self(CustomField::from_row(row)?, row.next()?))
    }
}

impl FromRow for Answer {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            card: row.next()?,
            code: code(row)?,
            value: Some(FieldValue {
                text: row.next()?,
                number: row.next()?,
            }),
        })
    }
}
