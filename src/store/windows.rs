//! Reading what of a card's ledger lies within a window, where what is kept with the card is not enough.

use crate::domain::id::{EventId, MerchantId};
use crate::domain::time::{DAY, Timestamp};
use crate::domain::window::{self, Entry, Recent, Window};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// The newest rows of the chain that begins at event `$2`, as far as they were recorded after `$3`, without those that
/// move neither visits nor money.
const ENTRIES: &str = "with recursive chain (event_id, previous_event_id, recorded_at, at, visits, spend, reverses, depth) \
     as (select e.event_id, e.previous_event_id, e.recorded_at, e.at, e.visits, e.spend, e.reverses_event_id, \
     cast(1 as bigint) from events e where e.merchant_id = $1 and e.event_id = $2 \
     union all \
     select e.event_id, e.previous_event_id, e.recorded_at, e.at, e.visits, e.spend, e.reverses_event_id, \
     chain.depth + 1 from chain join events e on e.merchant_id = $1 and e.event_id = chain.previous_event_id \
     where chain.recorded_at > $3 and chain.depth < $4) \
     select chain.event_id, chain.at, chain.visits, chain.spend, chain.reverses from chain \
     where chain.visits <> 0 or chain.spend <> 0";

pub(crate) const STATEMENTS: &[&str] = &[ENTRIES];

/// Rows of one card that are looked at. A card with more of them within its window is counted by the newest.
const MOST: i64 = 20_000;

/// What lies within `window` at `now` of the ledger whose newest row is `newest`.
pub async fn of_ledger(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    newest: Option<EventId>,
    window: Window,
    now: Timestamp,
) -> Result<Recent, Error> {
    let Some(newest) = newest else {
        return Ok(Recent::default());
    };
    // Nothing is recorded before it happens; a day more is for nodes whose clocks differ.
    let since = window.begin(now).minus(DAY);
    let entries: Vec<Entry> = tx.all(ENTRIES, &params![merchant, newest, since, MOST]).await?;
    Ok(window::recent(&entries, window, now))
}

impl FromRow for Entry {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            at: row.next()?,
            visits: row.next()?,
            spend: row.next()?,
            reverses: row.next()?,
        })
    }
}
