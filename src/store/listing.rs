//! What a card's page reads: the card with the names around it, and its timeline.
//!
//! Nothing here decides or writes. A timeline is read by walking back from a card's newest event, each row naming
//! the one before it.

use std::time::Duration;

use crate::domain::card::CardStatus;
use crate::domain::detail::Detail;
use crate::domain::event::{Delta, EventKind};
use crate::domain::face::{CardFace, Prices};
use crate::domain::id::{
    CardId, CustomerId, EventId, MerchantId, PassTypeIdentifier, ProgramId, SerialNumber,
};
use crate::domain::preference::{Class, Preference, Preferences};
use crate::domain::program::{ProgramKind, Rules};
use crate::domain::tier;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const SHEET: &str = "select c.merchant_id, c.card_id, c.program_id, c.customer_id, c.serial_number, c.token, c.holder, c.status, \
     c.punches, c.points, c.rewards, c.tier, c.visits, c.last_visit_at, c.created_at, c.version, c.changed_at, \
     c.last_event_id, c.expires_at, c.redeemed_at, c.installed_as, u.erased_at, u.paused, \
     p.name, p.template, p.pass_type_identifier, p.reward_name, p.rules, \
     m.name \
     from cards c \
     join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id \
     join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
     join merchants m on m.merchant_id = c.merchant_id \
     where c.merchant_id = $1 and c.card_id = $2";
/// At most `$4` rows from event `$3` back, down to but without event `$5`.
const TIMELINE: &str = "with recursive line (event_id, previous_event_id, depth) as ( \
     select e.event_id, e.previous_event_id, cast(1 as bigint) from events e \
     where e.merchant_id = $1 and e.card_id = $2 and e.event_id = $3 and e.event_id > $5 \
     union all \
     select e.event_id, e.previous_event_id, line.depth + 1 from line \
     join events e on e.event_id = line.previous_event_id \
     where e.merchant_id = $1 and e.card_id = $2 and line.depth < $4 and e.event_id > $5) \
     select e.event_id, e.previous_event_id, e.kind, e.punches, e.points, e.rewards, e.visits, e.at, e.recorded_at, \
     e.actor, coalesce(b.name, s.name), l.name, e.reverses_event_id, \
     (select min(r.event_id) from events r where r.merchant_id = $1 and r.reverses_event_id = e.event_id), \
     e.reason, e.detail \
     from line join events e on e.event_id = line.event_id \
     left join members b on b.merchant_id = $1 and e.actor = 'member' and b.member_id = e.actor_id \
     left join stations s on s.merchant_id = $1 and e.actor = 'station' and s.station_id = e.actor_id \
     left join locations l on l.merchant_id = $1 and l.location_id = s.location_id \
     order by line.depth";

pub(crate) const STATEMENTS: &[&str] = &[SHEET, TIMELINE];

/// One card with everything its page shows beside the timeline.
#[derive(Debug, Clone)]
pub struct CardSheet {
    pub face: CardFace,
    pub customer: CustomerId,
    /// When its holder was erased.
    pub erased_at: Option<Timestamp>,
    pub status: CardStatus,
    pub visits: i64,
    pub last_visit_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub last_event: Option<EventId>,
    pub reversal_window: Duration,
}

/// Who caused an event, by the name that staff know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorName {
    /// A till and the place where it stands.
    Station {
        name: String,
        location: Option<String>,
    },
    Member(String),
    Device,
    Gateway,
}

/// One line of a timeline.
#[derive(Debug, Clone)]
pub struct TimelineRow {
    pub id: EventId,
    pub previous: Option<EventId>,
    pub kind: EventKind,
    pub delta: Delta,
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    pub actor: ActorName,
    pub reverses: Option<EventId>,
    /// The event that took this one back.
    pub reversed_by: Option<EventId>,
    pub reason: Option<String>,
    pub detail: Option<Detail>,
}

pub async fn card(tx: &mut Tx<'_>, merchant: MerchantId, card: CardId) -> Result<Option<CardSheet>, Error> {
    tx.opt(SHEET, &params![merchant, card]).await
}

/// The rows of `card` from event `from` back, newest first, at most `limit` of them and only those after
/// `after`. An event of another card or merchant yields nothing.
pub async fn timeline(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    from: EventId,
    after: EventId,
    limit: i64,
) -> Result<Vec<TimelineRow>, Error> {
    tx.all(TIMELINE, &params![merchant, card, from.0, limit, after.0])
        .await
}

fn status(row: &mut Row) -> Result<CardStatus, Error> {
    let text: String = row.next()?;
    CardStatus::parse(&text).ok_or_else(|| Error::inconsistent("a status in cards.status", text))
}

fn rules(row: &mut Row) -> Result<Rules, Error> {
    Rules::parse(&row.next::<String>()?).map_err(|error| Error::inconsistent("rules of a program", error))
}

impl FromRow for CardSheet {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let (merchant, card) = (MerchantId(row.next()?), CardId(row.next()?));
        let program = ProgramId(row.next()?);
        let customer = CustomerId(row.next()?);
        let serial_number = SerialNumber::parse(row.next::<String>()?)
            .map_err(|error| Error::inconsistent("a serial number in cards.serial_number", error))?;
        let code = row.next()?;
        let holder = row.next()?;
        let status = status(row)?;
        let (punches, points, rewards, tier) = (row.next()?, row.next()?, row.next()?, row.next()?);
        let visits = row.next()?;
        let last_visit_at = row.next::<Option<i64>>()?.map(Timestamp);
        let created_at = Timestamp(row.next()?);
        let version = row.next()?;
        let changed_at = Timestamp(row.next()?);
        let last_event = row.next::<Option<i64>>()?.map(EventId);
        let expires_at = row.next()?;
        let redeemed_at: Option<Timestamp> = row.next()?;
        let installed_as = row.next()?;
        let erased_at = row.next()?;
        let preferences = Preferences(row.next()?);
        let (program_name, template) = (row.next()?, row.next()?);
        let pass_type_identifier = PassTypeIdentifier::parse(row.next::<String>()?)
            .map_err(|error| Error::inconsistent("a pass type in programs.pass_type_identifier", error))?;
        let (reward_name, rules) = (row.next()?, rules(row)?);
        let merchant_name = row.next()?;
        Ok(Self {
            face: CardFace {
                merchant,
                program,
                installed_as,
                card,
                merchant_name,
                program_name,
                reward_name,
                template,
                pass_type_identifier,
                serial_number,
                holder,
                code,
                kind: rules.kind(),
                punches,
                points,
                goal: rules.goal(),
                rewards,
                tier: tier::name(rules.ladder.as_ref(), tier).map(str::to_owned),
                prices: Prices::of(&rules, points),
                void: status == CardStatus::Void,
                redeemed: rules.kind() == ProgramKind::Coupon && redeemed_at.is_some(),
                expires_at,
                locations: preferences.of(Class::Location) == Preference::Active,
                version,
                changed_at,
                news: None,
                link: None,
            },
            customer,
            erased_at,
            status,
            visits,
            last_visit_at,
            created_at,
            last_event,
            reversal_window: rules.limits.reversal_window,
        })
    }
}

impl FromRow for TimelineRow {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let id = EventId(row.next()?);
        let previous = row.next::<Option<i64>>()?.map(EventId);
        let kind: String = row.next()?;
        let kind = EventKind::parse(&kind)
            .ok_or_else(|| Error::inconsistent("a kind of event in events.kind", kind))?;
        let delta = Delta {
            punches: row.next()?,
            points: row.next()?,
            rewards: row.next()?,
            visits: row.next()?,
            ..Delta::default()
        };
        let at = Timestamp(row.next()?);
        let recorded_at = Timestamp(row.next()?);
        let actor: String = row.next()?;
        let name: Option<String> = row.next()?;
        let location: Option<String> = row.next()?;
        let (reverses, reversed_by) = (row.next()?, row.next()?);
        let (reason, detail): (Option<String>, Option<String>) = (row.next()?, row.next()?);
        let detail = detail.map(|json| {
            Detail::parse(&json)
                .ok_or_else(|| Error::inconsistent("a detail in events.detail", "another text"))
        });
        let actor = match actor.as_str() {
            "station" => ActorName::Station {
                name: name.unwrap_or_else(|| "a till".into()),
                location,
            },
            "member" => ActorName::Member(name.unwrap_or_else(|| "a former member".into())),
            "device" => ActorName::Device,
            "gateway" => ActorName::Gateway,
            _ => return Err(Error::inconsistent("an actor in events.actor", actor)),
        };
        Ok(Self {
            id,
            previous,
            kind,
            delta,
            at,
            recorded_at,
            actor,
            reverses,
            reversed_by,
            reason,
            detail: detail.transpose()?,
        })
    }
}
