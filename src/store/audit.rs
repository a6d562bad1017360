//! What must be accounted for: who took data out, when, and how much of it.

use crate::domain::event::Actor;
use crate::domain::id::{AuditId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str = "insert into audit (merchant_id, audit_id, at, actor, actor_id, action, detail, rows_count) \
     values ($1, $2, $3, $4, $5, $6, $7, $8)";
const SET_ROWS: &str = "update audit set rows_count = $3 where merchant_id = $1 and audit_id = $2";
const ENTRIES: &str = "select audit_id, at, actor, actor_id, action, detail, rows_count from audit \
     where merchant_id = $1 and audit_id < $2 order by audit_id desc limit $3";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, SET_ROWS, ENTRIES];

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: AuditId,
    pub at: Timestamp,
    /// `member`, `gateway` and so on, with the id that belongs to it.
    pub actor: String,
    pub actor_id: Option<i64>,
    pub action: String,
    /// JSON without personal data.
    pub detail: String,
    /// How many rows it was about; none while it is not known yet.
    pub rows: Option<i64>,
}

/// Notes what `actor` does, before it is done: what is interrupted stays accounted for.
pub async fn append(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: AuditId,
    actor: Actor,
    action: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (kind, number) = match actor {
        Actor::Station(station) => ("station", Some(station.0)),
        Actor::Member(member) => ("member", Some(member.0)),
        Actor::Device => ("device", None),
        Actor::Gateway => ("gateway", None),
    };
    let params = params![merchant, id, now, kind, number, action, detail, None::<i64>];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Adds how many rows it was about in the end.
pub async fn set_rows(tx: &mut Tx<'_>, merchant: MerchantId, id: AuditId, rows: i64) -> Result<(), Error> {
    tx.exec(SET_ROWS, &params![merchant, id, rows]).await?;
    Ok(())
}

/// The newest `limit` entries before `before`, newest first.
pub async fn entries(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: Option<AuditId>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let before = before.map_or(i64::MAX, |id| id.0);
    tx.all(ENTRIES, &params![merchant, before, limit]).await
}

impl FromRow for Entry {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            at: row.next()?,
            actor: row.next()?,
            actor_id: row.next()?,
            action: row.next()?,
            detail: row.next()?,
            rows: row.next()?,
        })
    }
}
