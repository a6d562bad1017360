//! When, where and by whom a coupon was redeemed, read from the ledger row of its redemption.

use jiff::tz::TimeZone;

use crate::domain::coupon::{RedeemedBy, Redemption};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

/// Rows of a card's ledger that are walked back through at most. A coupon has a handful; only a converted card that
/// was used for years has more than this after its redemption.
const FURTHEST: i64 = 5_000;

/// Walks back from the card's newest row until the redemption at `$3`. A station's row has the station's place.
const REDEMPTION: &str = "with recursive line (event_id, previous_event_id, found, depth) as ( \
     select e.event_id, e.previous_event_id, \
     case when e.kind = 'reward_redeemed' and e.at = $3 then 1 else 0 end, cast(1 as bigint) \
     from cards c join events e on e.event_id = c.last_event_id and e.merchant_id = c.merchant_id \
     where c.merchant_id = $1 and c.card_id = $2 \
     union all \
     select e.event_id, e.previous_event_id, \
     case when e.kind = 'reward_redeemed' and e.at = $3 then 1 else 0 end, line.depth + 1 \
     from line join events e on e.event_id = line.previous_event_id and e.merchant_id = $1 \
     where line.found = 0 and line.depth < $4) \
     select e.at, m.zone, l.name, e.actor, coalesce(b.name, s.name) \
     from line join events e on e.event_id = line.event_id \
     join merchants m on m.merchant_id = $1 \
     left join members b on b.merchant_id = $1 and e.actor = 'member' and b.member_id = e.actor_id \
     left join stations s on s.merchant_id = $1 and e.actor = 'station' and s.station_id = e.actor_id \
     left join locations l on l.merchant_id = $1 and l.location_id = coalesce(e.location_id, s.location_id) \
     where line.found = 1";

pub(crate) const STATEMENTS: &[&str] = &[REDEMPTION];

/// The redemption of `card` at `at`; none when the ledger no longer leads to it.
pub async fn redemption(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    at: Timestamp,
) -> Result<Option<Redemption>, Error> {
    tx.opt(REDEMPTION, &params![merchant, card, at, FURTHEST]).await
}

impl FromRow for Redemption {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let at = row.next()?;
        let zone: String = row.next()?;
        let location = row.next()?;
        let actor: String = row.next()?;
        let name: Option<String> = row.next()?;
        let by = match actor.as_str() {
            "station" => RedeemedBy::Station(name.unwrap_or_else(|| "a till".into())),
            "member" => RedeemedBy::Member(name.unwrap_or_else(|| "a former member".into())),
            "device" => RedeemedBy::Holder,
            "gateway" => RedeemedBy::Gateway,
            _ => return Err(Error::inconsistent("an actor in events.actor", actor)),
        };
        Ok(Self {
            at,
            zone: TimeZone::get(&zone).unwrap_or(TimeZone::UTC),
            location,
            by,
        })
    }
}
