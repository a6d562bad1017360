//! How many joined a program in each week, and by which source.
//!
//! Cards have no index by time, but their ids grow with it: what is read begins with the first id of the period.

use crate::clock::Ids;
use crate::domain::id::{MerchantId, ProgramId};
use crate::domain::joins::{Counted, Total, Week};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

const TOTALS: &str = "select v.column3, count(l.source), count(*) - count(l.source) \
     from (values {bigint, bigint, bigint, bigint, bigint}) as v \
     join cards c on c.merchant_id = v.column1 and c.program_id = v.column2 and c.card_id >= v.column5 \
     and c.created_at >= v.column3 and c.created_at < v.column4 \
     left join utms l on l.merchant_id = c.merchant_id and l.card_id = c.card_id \
     group by v.column3";
/// Anybody can make up sources, so only those that brought most are read; the others are what is left of the totals.
const COUNTED: &str = "select v.column3, l.source, count(*) \
     from (values {bigint, bigint, bigint, bigint, bigint}) as v \
     join cards c on c.merchant_id = v.column1 and c.program_id = v.column2 and c.card_id >= v.column5 \
     and c.created_at >= v.column3 and c.created_at < v.column4 \
     join utms l on l.merchant_id = c.merchant_id and l.card_id = c.card_id and l.source is not null \
     group by v.column3, l.source order by count(*) desc, l.source limit 1000";

pub(crate) const STATEMENTS: &[&str] = &[TOTALS, COUNTED];

/// Joins of each of `weeks` in which there were any, and those of the sources that brought most.
pub async fn joins(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    weeks: &[Week],
) -> Result<(Vec<Total>, Vec<Counted>), Error> {
    let rows: Vec<Vec<Value>> = weeks
        .iter()
        .map(|week| {
            let first = Ids::first_at(week.from);
            params![merchant, program, week.from, week.until, first].to_vec()
        })
        .collect();
    let totals = tx.all_rows(TOTALS, &[], &rows).await?;
    Ok((totals, tx.all_rows(COUNTED, &[], &rows).await?))
}

impl FromRow for Total {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            from: Timestamp(row.next()?),
            named: row.next()?,
            unnamed: row.next()?,
        })
    }
}

impl FromRow for Counted {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            from: Timestamp(row.next()?),
            source: row.next()?,
            joins: row.next()?,
        })
    }
}
