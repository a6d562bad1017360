//! What the console reads: pages of cards, one card with the names around it, its timeline.
//!
//! Nothing here decides or writes. Pages are cut by key, never by OFFSET, so that page 1 000 costs what page 1
//! costs. A timeline is read by walking back from a card's newest event, each row naming the one before it.

use std::time::Duration;

use crate::domain::card::{CardStatus, Channels};
use crate::domain::customer;
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

macro_rules! page_of_cards {
    ($edge:literal, $order:literal) => {
        concat!(
            "select c.card_id, u.first_name, u.last_name, p.name, p.rules, c.punches, c.points, c.rewards, c.status, c.channels, \
             c.last_visit_at, c.created_at \
             from cards c \
             join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id \
             join programs p on p.merchant_id = c.merchant_id and p.program_id = c.program_id \
             where c.merchant_id = $1 and c.card_id ",
            $edge,
            " $2 and ($3 = 'all' or c.status = $3 or ($3 = 'ready' and c.rewards > 0 and c.status <> 'void')) \
             order by c.card_id ",
            $order,
            " limit $4"
        )
    };
}

const OLDER: &str = page_of_cards!("<", "desc");
const NEWER: &str = page_of_cards!(">", "asc");
const COUNTS: &str = "select c.status, count(*), count(case when c.rewards > 0 then 1 end) from cards c \
     where c.merchant_id = $1 group by c.status order by c.status";
const SHEET: &str = "select c.merchant_id, c.card_id, c.program_id, c.customer_id, c.serial_number, c.token, c.holder, c.status, c.channels, \
     c.punches, c.points, c.rewards, c.tier, c.visits, c.last_visit_at, c.created_at, c.version, c.changed_at, \
     c.last_event_id, c.expires_at, c.redeemed_at, c.installed_as, u.first_name, u.last_name, u.email, u.phone, u.paused, \
     p.name, p.template, p.pass_type_identifier, p.reward_name, p.rules, \
     m.name, m.zone \
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
     e.reason \
     from line join events e on e.event_id = line.event_id \
     left join members b on b.merchant_id = $1 and e.actor = 'member' and b.member_id = e.actor_id \
     left join stations s on s.merchant_id = $1 and e.actor = 'station' and s.station_id = e.actor_id \
     left join locations l on l.merchant_id = $1 and l.location_id = s.location_id \
     order by line.depth";

pub(crate) const STATEMENTS: &[&str] = &[OLDER, NEWER, COUNTS, SHEET, TIMELINE];

/// Which cards a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    All,
    /// With a reward to redeem, and not ended.
    Ready,
    Status(CardStatus),
}

impl Show {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Ready => "ready",
            Self::Status(status) => status.as_str(),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "ready" => Some(Self::Ready),
            other => CardStatus::parse(other).map(Self::Status),
        }
    }
}

/// Where a page of cards begins; cards are listed newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Newest,
    /// The cards issued before this one.
    OlderThan(CardId),
    /// The cards issued after this one.
    NewerThan(CardId),
}

/// One line of the list of cards.
#[derive(Debug, Clone)]
pub struct CardRow {
    pub id: CardId,
    pub customer_name: String,
    pub program_name: String,
    pub rules: Rules,
    pub punches: i64,
    pub points: i64,
    pub rewards: i64,
    pub status: CardStatus,
    pub channels: Channels,
    pub last_visit_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Cards, newest first, and where the pages beside them begin.
#[derive(Debug, Clone)]
pub struct CardPage {
    pub rows: Vec<CardRow>,
    pub newer: Option<Edge>,
    pub older: Option<Edge>,
}

/// How many cards each way of showing would list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub all: i64,
    pub ready: i64,
    pub pending: i64,
    pub installed: i64,
    pub removed: i64,
    pub void: i64,
}

impl Counts {
    pub fn of(self, show: Show) -> i64 {
        match show {
            Show::All => self.all,
            Show::Ready => self.ready,
            Show::Status(CardStatus::Pending) => self.pending,
            Show::Status(CardStatus::Installed) => self.installed,
            Show::Status(CardStatus::Removed) => self.removed,
            Show::Status(CardStatus::Void) => self.void,
        }
    }
}

/// One card with everything its page shows beside the timeline.
#[derive(Debug, Clone)]
pub struct CardSheet {
    pub face: CardFace,
    pub customer: CustomerId,
    pub customer_name: String,
    pub customer_email: Option<String>,
    pub customer_phone: Option<String>,
    pub status: CardStatus,
    pub channels: Channels,
    pub visits: i64,
    pub last_visit_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub last_event: Option<EventId>,
    pub reversal_window: Duration,
    /// IANA name of the merchant's time zone.
    pub zone: String,
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
}

/// One page of at most `size` cards.
pub async fn cards(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    show: Show,
    edge: Edge,
    size: usize,
) -> Result<CardPage, Error> {
    let (statement, key) = match edge {
        Edge::Newest => (OLDER, i64::MAX),
        Edge::OlderThan(card) => (OLDER, card.0),
        Edge::NewerThan(card) => (NEWER, card.0),
    };
    // One row more than shown tells whether there is another page.
    let limit = i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows: Vec<CardRow> = tx
        .all(statement, &params![merchant, key, show.as_str(), limit])
        .await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let upwards = matches!(edge, Edge::NewerThan(_));
    if upwards {
        rows.reverse();
    }
    let (has_newer, has_older) = match edge {
        Edge::Newest => (false, more),
        Edge::OlderThan(_) => (true, more),
        Edge::NewerThan(_) => (more, true),
    };
    let newer = rows
        .first()
        .filter(|_| has_newer)
        .map(|row| Edge::NewerThan(row.id));
    let older = rows
        .last()
        .filter(|_| has_older)
        .map(|row| Edge::OlderThan(row.id));
    Ok(CardPage { rows, newer, older })
}

pub async fn counts(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Counts, Error> {
    let by_status: Vec<StatusCount> = tx.all(COUNTS, &params![merchant]).await?;
    let mut counts = Counts::default();
    for StatusCount { status, cards, ready } in by_status {
        counts.all += cards;
        match status {
            CardStatus::Pending => counts.pending = cards,
            CardStatus::Installed => counts.installed = cards,
            CardStatus::Removed => counts.removed = cards,
            CardStatus::Void => counts.void = cards,
        }
        if status != CardStatus::Void {
            counts.ready += ready;
        }
    }
    Ok(counts)
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

struct StatusCount {
    status: CardStatus,
    cards: i64,
    ready: i64,
}

fn status(row: &mut Row) -> Result<CardStatus, Error> {
    let text: String = row.next()?;
    CardStatus::parse(&text).ok_or_else(|| Error::inconsistent("a status in cards.status", text))
}

fn name(row: &mut Row) -> Result<String, Error> {
    let (first, last): (String, String) = (row.next()?, row.next()?);
    Ok(match customer::full_name(&first, &last) {
        // Erased, or known by an address only: a heading or a link without a word cannot be read aloud.
        none if none.is_empty() => "No name".to_owned(),
        name => name,
    })
}

fn rules(row: &mut Row) -> Result<Rules, Error> {
    Rules::parse(&row.next::<String>()?).map_err(|error| Error::inconsistent("rules of a program", error))
}

impl FromRow for StatusCount {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            status: status(row)?,
            cards: row.next()?,
            ready: row.next()?,
        })
    }
}

impl FromRow for CardRow {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: CardId(row.next()?),
            customer_name: name(row)?,
            program_name: row.next()?,
            rules: rules(row)?,
            punches: row.next()?,
            points: row.next()?,
            rewards: row.next()?,
            status: status(row)?,
            channels: Channels(row.next()?),
            last_visit_at: row.next::<Option<i64>>()?.map(Timestamp),
            created_at: Timestamp(row.next()?),
        })
    }
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
        let channels = Channels(row.next()?);
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
        let (customer_name, customer_email, customer_phone) = (name(row)?, row.next()?, row.next()?);
        let preferences = Preferences(row.next()?);
        let (program_name, template) = (row.next()?, row.next()?);
        let pass_type_identifier = PassTypeIdentifier::parse(row.next::<String>()?)
            .map_err(|error| Error::inconsistent("a pass type in programs.pass_type_identifier", error))?;
        let (reward_name, rules) = (row.next()?, rules(row)?);
        let (merchant_name, zone) = (row.next()?, row.next()?);
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
            customer_name,
            customer_email,
            customer_phone,
            status,
            channels,
            visits,
            last_visit_at,
            created_at,
            last_event,
            reversal_window: rules.limits.reversal_window,
            zone,
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
            reverses: row.next::<Option<i64>>()?.map(EventId),
            reversed_by: row.next::<Option<i64>>()?.map(EventId),
            reason: row.next()?,
        })
    }
}
