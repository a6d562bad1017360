//! What decisions about pushes are made from: where cards stand, what rang on them, what waits, and whose policy holds.
//!
//! Everything is read for a set of cards at once, by keys, and the same functions serve the claim that sends, forecasts
//! and the view that explains. A claim reads with the cards' rows locked, so what it reads stays true until it commits.

use jiff::tz::TimeZone;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::budget::{Alert, Clocks, Intent, Level, Limits, Policy, Standing, TextDigest};
use crate::domain::card::{self, CardStatus, Channels};
use crate::domain::consent::Consents;
use crate::domain::delivery::Channel;
use crate::domain::id::{CustomerId, MerchantId, MessageId, ProgramId};
use crate::domain::message::{Translations, Words};
use crate::domain::preference::{Class, Preferences};
use crate::domain::profile::Language;
use crate::domain::time::Timestamp;
use crate::store::intents::{self, Waiting};
use crate::store::pushes::CardKey;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, Value};

/// A stop of 0 is one of no provider.
const KNOWN: &str = "select c.merchant_id, c.card_id, c.program_id, c.customer_id, c.status, c.channels, c.expires_at, \
     c.rewards, c.points, coalesce(u.paused, 0), coalesce(u.consents, 0), u.zone, coalesce(u.language, ''), \
     s.until, q.until \
     from (values {bigint, bigint}) as v join cards c on c.merchant_id = v.column1 and c.card_id = v.column2 \
     left join customers u on u.merchant_id = c.merchant_id and u.customer_id = c.customer_id \
     left join push_stops s on s.merchant_id = c.merchant_id and s.card_id = c.card_id and s.program_id = 0 \
     and s.channel = $1 \
     left join push_stops q on q.merchant_id = c.merchant_id and q.card_id = 0 and q.program_id = c.program_id \
     and q.channel = $1";
const RULES: &str = "select m.merchant_id, m.zone, p.program_id, p.policy from (values {bigint}) as v \
     join merchants m on m.merchant_id = v.column1 \
     left join push_policies p on p.merchant_id = m.merchant_id and p.channel = $1";
const ALERTS: &str = "select a.merchant_id, a.card_id, a.lease, a.position, a.class, a.message_id, a.digest, a.at, \
     a.open, t.title, t.body, t.linked from (values {bigint, bigint}) as v \
     join push_alerts a on a.merchant_id = v.column1 and a.card_id = v.column2 and a.channel = $1 \
     left join push_texts t on t.merchant_id = a.merchant_id and t.message_id = a.message_id and a.open = 1 \
     where a.at > $2 or a.open = 1";
const PACES: &str = "select c.merchant_id, c.program_id, c.free_at from (values {bigint, bigint}) as v \
     join push_paces c on c.merchant_id = v.column1 and c.program_id = v.column2 and c.channel = $1 \
     order by c.merchant_id, c.program_id for update of c";
const MAKE_PACES: &str = "insert into push_paces (merchant_id, program_id, channel, free_at) \
     values {bigint, bigint, text, bigint} on conflict (merchant_id, program_id, channel) do nothing";
const SAVE_PACES: &str = "update push_paces set free_at = v.column3 from (values {bigint, bigint, bigint}) as v \
     where push_paces.merchant_id = v.column1 and push_paces.program_id = v.column2 and push_paces.channel = $1";

pub(crate) const STATEMENTS: &[&str] = &[KNOWN, RULES, ALERTS, PACES, MAKE_PACES, SAVE_PACES];

/// One card as decisions see it.
#[derive(Debug, Clone)]
pub struct Known {
    pub key: CardKey,
    pub program: ProgramId,
    pub customer: CustomerId,
    pub status: CardStatus,
    pub channels: Channels,
    pub expires_at: Option<Timestamp>,
    pub rewards: i64,
    pub points: i64,
    pub preferences: Preferences,
    pub consents: Consents,
    /// The customer's, where it is known.
    pub zone: Option<String>,
    /// What the customer reads, where it is known.
    pub language: Option<Language>,
    pub exhausted_until: Option<Timestamp>,
}

/// An alert that was let through, as stored.
#[derive(Debug, Clone)]
pub struct StoredAlert {
    pub key: CardKey,
    pub lease: i64,
    pub position: i64,
    pub message: Option<MessageId>,
    /// Of a message that is on its way.
    pub words: Option<Words>,
    pub alert: Alert,
}

/// The rules of the merchants of some cards, and clocks by name.
#[derive(Debug, Default)]
pub struct Rules {
    channel: Option<Channel>,
    policies: HashMap<(MerchantId, ProgramId), Policy>,
    merchant_zones: HashMap<MerchantId, TimeZone>,
    limits: HashMap<(MerchantId, ProgramId), Arc<Limits>>,
    zones: HashMap<String, TimeZone>,
}

/// Everything that is known of some cards on one channel.
#[derive(Debug, Default)]
pub struct Book {
    pub rules: Rules,
    pub cards: Vec<Known>,
    pub alerts: HashMap<CardKey, Vec<StoredAlert>>,
    pub waiting: HashMap<CardKey, Vec<Waiting>>,
}

/// The places in the paces of merchants and programs, held until the transaction ends. Program 0 is all of a merchant's.
#[derive(Debug, Default)]
pub struct Paces {
    free: HashMap<(MerchantId, ProgramId), Timestamp>,
    moved: BTreeSet<(MerchantId, ProgramId)>,
}

/// All programs of a merchant.
pub const ALL_PROGRAMS: ProgramId = ProgramId(0);

/// Reads what decisions about `keys` on `channel` need. Messages that wait are read where `with_messages` names the card.
pub async fn read(
    tx: &mut Tx<'_>,
    channel: Channel,
    keys: &[CardKey],
    with_messages: &[CardKey],
    now: Timestamp,
) -> Result<Book, Error> {
    let mut book = Book {
        rules: rules(tx, channel, keys).await?,
        cards: tx
            .all_rows(KNOWN, &params![channel.as_str()], &key_rows(keys))
            .await?,
        ..Book::default()
    };
    let memory = book
        .cards
        .iter()
        .map(|card| (card.key.0, card.program))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|(merchant, program)| book.rules.limits(merchant, program).memory())
        .max();
    let Some(memory) = memory else {
        return Ok(book);
    };
    let since = now.minus(memory);
    let alerts: Vec<StoredAlert> = tx
        .all_rows(ALERTS, &params![channel.as_str(), since], &key_rows(keys))
        .await?;
    for alert in alerts {
        book.alerts.entry(alert.key).or_default().push(alert);
    }
    for alerts in book.alerts.values_mut() {
        alerts.sort_unstable_by_key(|alert| (alert.lease, alert.position));
    }
    if !with_messages.is_empty() {
        for waiting in intents::waiting(tx, channel, with_messages).await? {
            book.waiting.entry(waiting.key).or_default().push(waiting);
        }
    }
    Ok(book)
}

/// The policies and clocks of the merchants of `keys`.
pub async fn rules(tx: &mut Tx<'_>, channel: Channel, keys: &[CardKey]) -> Result<Rules, Error> {
    let merchants: BTreeSet<MerchantId> = keys.iter().map(|key| key.0).collect();
    let rows: Vec<_> = merchants.iter().map(|merchant| params![*merchant]).collect();
    let rows: Vec<(MerchantId, String, Option<ProgramId>, Option<String>)> =
        tx.all_rows(RULES, &params![channel.as_str()], &rows).await?;
    let mut rules = Rules {
        channel: Some(channel),
        ..Rules::default()
    };
    for (merchant, zone, program, policy) in rows {
        let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
        rules.merchant_zones.insert(merchant, zone);
        if let (Some(program), Some(policy)) = (program, policy) {
            let policy = Policy::stored(&policy)
                .ok_or_else(|| Error::inconsistent("a policy in push_policies.policy", "another text"))?;
            rules.policies.insert((merchant, program), policy);
        }
    }
    Ok(rules)
}

impl Rules {
    /// What is in force for a program.
    pub fn limits(&mut self, merchant: MerchantId, program: ProgramId) -> Arc<Limits> {
        let limits = self.limits.entry((merchant, program)).or_insert_with(|| {
            let of = |program| self.policies.get(&(merchant, program));
            let channel = self.channel.unwrap_or(Channel::Apple);
            Arc::new(Limits::of(channel, of(ALL_PROGRAMS), of(program)))
        });
        Arc::clone(limits)
    }

    /// Puts another policy in the place of the stored one, to see what it would do.
    pub fn suppose(&mut self, merchant: MerchantId, program: ProgramId, policy: Option<Policy>) {
        self.limits.clear();
        match policy {
            Some(policy) => drop(self.policies.insert((merchant, program), policy)),
            None => drop(self.policies.remove(&(merchant, program))),
        }
    }

    /// The clock of a merchant.
    pub fn merchant_zone(&self, merchant: MerchantId) -> &TimeZone {
        const UTC: &TimeZone = &TimeZone::UTC;
        self.merchant_zones.get(&merchant).unwrap_or(UTC)
    }

    /// Reads the clocks of `cards`' customers where a policy asks them.
    fn wind(&mut self, card: &Known) {
        if let Some(name) = &card.zone
            && !self.zones.contains_key(name)
            && let Ok(zone) = TimeZone::get(name)
        {
            self.zones.insert(name.clone(), zone);
        }
    }
}

impl Book {
    /// Calls `with` for each card, with its place in [`Book::cards`] and where it stands.
    pub fn each(
        &mut self,
        channel: Channel,
        now: Timestamp,
        mut with: impl FnMut(usize, &Known, &Standing<'_>),
    ) {
        let mut log = Vec::new();
        for (place, card) in self.cards.iter().enumerate() {
            self.rules.wind(card);
            let limits = self.rules.limits(card.key.0, card.program);
            log.clear();
            log.extend(
                self.alerts
                    .get(&card.key)
                    .into_iter()
                    .flatten()
                    .map(|stored| stored.alert),
            );
            let standing = card.standing(channel, &self.rules, &limits, &log, now);
            with(place, card, &standing);
        }
    }
}

impl Known {
    /// Where the card stands with these alerts in its log. No pace is looked at.
    pub fn standing<'s>(
        &self,
        channel: Channel,
        rules: &'s Rules,
        limits: &'s Limits,
        alerts: &'s [Alert],
        now: Timestamp,
    ) -> Standing<'s> {
        Standing {
            channel,
            state: card::state(self.status, self.expires_at, now),
            is_reachable: self.channels.contains(channel),
            has_reward: self.rewards > 0 || self.points > 0,
            preferences: self.preferences,
            consents: self.consents,
            clocks: Clocks {
                merchant: rules.merchant_zone(self.key.0),
                customer: self.zone.as_ref().and_then(|name| rules.zones.get(name)),
            },
            limits,
            alerts,
            exhausted_until: self.exhausted_until.filter(|until| *until > now),
            pace_from: None,
        }
    }
}

impl Paces {
    /// Holds the paces that `limits` name for each program.
    pub async fn hold(
        tx: &mut Tx<'_>,
        channel: Channel,
        of: &BTreeSet<(MerchantId, ProgramId)>,
        rules: &mut Rules,
    ) -> Result<Self, Error> {
        let mut keys = BTreeSet::new();
        for (merchant, program) in of {
            for (level, _) in &rules.limits(*merchant, *program).paces {
                keys.insert((*merchant, place(*level, *program)));
            }
        }
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let made: Vec<_> = keys
            .iter()
            .map(|(merchant, program)| params![*merchant, *program, channel.as_str(), 0_i64])
            .collect();
        tx.exec_rows(MAKE_PACES, &[], &made).await?;
        let rows: Vec<_> = keys
            .iter()
            .map(|(merchant, program)| params![*merchant, *program])
            .collect();
        let held: Vec<(MerchantId, ProgramId, Timestamp)> =
            tx.all_rows(PACES, &params![channel.as_str()], &rows).await?;
        Ok(Self {
            free: held
                .into_iter()
                .map(|(merchant, program, at)| ((merchant, program), at))
                .collect(),
            moved: BTreeSet::new(),
        })
    }

    /// The first place that is free for a card of `program`; none where there is no pace.
    pub fn free_from(&self, merchant: MerchantId, program: ProgramId, limits: &Limits) -> Option<Timestamp> {
        let places = limits.paces.iter().map(|(level, _)| {
            let key = (merchant, place(*level, program));
            self.free.get(&key).copied().unwrap_or(Timestamp(0))
        });
        places.max()
    }

    /// Takes the place at `at`.
    pub fn take(&mut self, merchant: MerchantId, program: ProgramId, limits: &Limits, at: Timestamp) {
        for (level, apart) in &limits.paces {
            let key = (merchant, place(*level, program));
            self.free.insert(key, at.plus(*apart));
            self.moved.insert(key);
        }
    }

    pub async fn save(self, tx: &mut Tx<'_>, channel: Channel) -> Result<(), Error> {
        let rows: Vec<_> = self
            .moved
            .iter()
            .filter_map(|key| Some(params![key.0, key.1, *self.free.get(key)?]))
            .collect();
        if !rows.is_empty() {
            tx.exec_rows(SAVE_PACES, &params![channel.as_str()], &rows)
                .await?;
        }
        Ok(())
    }
}

fn place(level: Level, program: ProgramId) -> ProgramId {
    if level == Level::Program {
        program
    } else {
        ALL_PROGRAMS
    }
}

pub(super) fn key_rows(keys: &[CardKey]) -> Vec<[Value; 2]> {
    keys.iter()
        .map(|(merchant, card)| params![*merchant, *card])
        .collect()
}

pub(super) fn class(text: &str) -> Result<Class, Error> {
    Class::parse(text).ok_or_else(|| Error::inconsistent("a class of pushes", "another word"))
}

impl FromRow for Known {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            key: (row.next()?, row.next()?),
            program: row.next()?,
            customer: row.next()?,
            status: CardStatus::parse(&row.next::<String>()?)
                .ok_or_else(|| Error::inconsistent("a card status", "another word"))?,
            channels: Channels(row.next()?),
            expires_at: row.next()?,
            rewards: row.next()?,
            points: row.next()?,
            preferences: Preferences(row.next()?),
            consents: Consents(row.next()?),
            zone: row.next()?,
            language: Some(row.next::<String>()?)
                .filter(|tag| !tag.is_empty())
                .map(Language::from_store),
            exhausted_until: {
                let (card, program): (Option<Timestamp>, Option<Timestamp>) = (row.next()?, row.next()?);
                card.max(program)
            },
        })
    }
}

impl FromRow for StoredAlert {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let key = (row.next()?, row.next()?);
        let (lease, position) = (row.next()?, row.next()?);
        let class = class(&row.next::<String>()?)?;
        let message = row.next()?;
        let digest: Option<i64> = row.next()?;
        let alert = Alert {
            class,
            digest: digest.map(TextDigest),
            at: row.next()?,
            is_open: row.next()?,
        };
        Ok(Self {
            key,
            lease,
            position,
            message,
            words: {
                let (title, text, linked): (Option<String>, Option<String>, Option<bool>) =
                    (row.next()?, row.next()?, row.next()?);
                let linked = linked.unwrap_or(false);
                text.map(|text| Words {
                    title,
                    text,
                    linked,
                    translations: Translations::default(),
                })
            },
            alert,
        })
    }
}

/// The intents that wait for a card: what changed on it, and messages.
pub fn intents_of(
    classes: crate::domain::budget::Classes,
    waiting: &[Waiting],
    now: Timestamp,
) -> Vec<Intent> {
    let changes = crate::domain::budget::Classes::OF_CHANGES
        .into_iter()
        .filter(|class| classes.contains(*class))
        .map(|class| Intent::change(class, now));
    changes
        .chain(waiting.iter().map(|waiting| waiting.intent))
        .collect()
}
