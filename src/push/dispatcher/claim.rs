//! The transaction that claims: locks due rows and their cards, decides what may ring, and writes that down before
//! anything leaves.
//!
//! Invariant: an alert leaves only if its row is committed here. Nobody else can decide about a card meanwhile, because
//! its row is locked, and whoever decides next reads what was committed. Where nothing wants to ring, nothing is read.

use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;

use crate::domain::budget::{Classes, Decision, Intent, Origin, Rule, Ruling, Standing, created, decide};
use crate::domain::delivery::Channel;
use crate::domain::event::EventKind;
use crate::domain::id::{MerchantId, MessageId};
use crate::domain::preference::Class;
use crate::domain::profile::Language;
use crate::domain::time::Timestamp;
use crate::push::Alert;
use crate::store::alerts::NewAlert;
use crate::store::budgets::{Book, Known, Paces, StoredAlert, intents_of};
use crate::store::intents::{Decided, IntentState, Waiting};
use crate::store::messages::translations;
use crate::store::push_addresses::Listening;
use crate::store::push_events::Line;
use crate::store::pushes::{Address, CardKey, Claimed, Due, Kept, MESSAGES, OPEN};
use crate::store::{Change, Error, Tx, alerts, budgets, intents, push_addresses, push_events, pushes};

/// What a lane has in hand after a claim.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub(super) rows: Vec<Claimed>,
    /// Only for Apple.
    pub(super) addresses: Vec<Address>,
    /// What rings, where a provider is to be told so with the state.
    pub(super) alerts: HashMap<CardKey, Vec<Alert>>,
    /// Only for channels with addresses of our own.
    pub(super) listening: Vec<Listening>,
    /// As many rows were due as were asked for: there may be more.
    pub(super) full: bool,
    /// How often each rule decided, for the metrics.
    pub(super) rules: HashMap<&'static str, u64>,
    /// How full the fullest window of each card was that asked, in percent.
    pub(super) used: Vec<i64>,
}

/// Claims up to `limit` due rows of `channel` under `lease`, which lasts until the time with it.
pub(super) async fn claim(
    tx: &mut Tx<'_>,
    channel: Channel,
    now: Timestamp,
    lease: (i64, Timestamp),
    limit: usize,
) -> Result<Claim, Error> {
    let due = pushes::due(tx, channel, now, limit).await?;
    let mut claim = Claim {
        full: due.len() == limit,
        ..Claim::default()
    };
    let mut asking: Vec<CardKey> = due
        .iter()
        .filter(|row| row.wants != 0)
        .map(|row| row.key)
        .collect();
    asking.sort_unstable();
    let mut keys: Vec<CardKey>;
    if asking.is_empty() {
        claim.rows = due.iter().map(|row| claimed(row, false, now)).collect();
        keys = claim.rows.iter().map(|row| row.key).collect();
        keys.sort_unstable();
        if !keys.is_empty() {
            pushes::lease(tx, channel, lease, &keys).await?;
        }
    } else {
        let desk = Desk::open(tx, channel, now, lease.0, &due, &asking).await?;
        keys = desk.write(tx, lease, &due, &mut claim).await?;
    }
    if keys.is_empty() {
        return Ok(claim);
    }
    match channel {
        Channel::Apple => claim.addresses = pushes::tag(tx, &keys).await?,
        Channel::Google => {}
        Channel::Fcm | Channel::WebPush => {
            claim.listening = push_addresses::of_cards(tx, channel, &keys).await?;
        }
    }
    Ok(claim)
}

fn claimed(row: &Due, rings: bool, now: Timestamp) -> Claimed {
    Claimed {
        key: row.key,
        generation: row.generation,
        attempts: row.attempts + 1,
        rings,
        claimed_at: now,
    }
}

/// What was decided about one row.
#[derive(Debug)]
struct Decree {
    kept: Kept,
    /// Something leaves that rings, now or again.
    rings: bool,
}

/// The decisions of one claim, before they are written.
struct Desk {
    channel: Channel,
    now: Timestamp,
    lease: i64,
    decrees: HashMap<CardKey, Decree>,
    alerts: Vec<NewAlert>,
    /// Cards with alerts that are sent again.
    again: Vec<CardKey>,
    decided: Vec<Decided>,
    rulings: Vec<(CardKey, Ruling)>,
    /// For messages that are decided on for the first time.
    created: Vec<Line>,
    /// The clocks by which timelines are read.
    zones: HashMap<MerchantId, TimeZone>,
    news: Vec<(CardKey, Class, Option<MessageId>)>,
    rings: HashMap<CardKey, Vec<Alert>>,
    /// What holders read, where it is known.
    languages: HashMap<CardKey, Language>,
    used: Vec<i64>,
    paces: Paces,
}

impl Desk {
    async fn open(
        tx: &mut Tx<'_>,
        channel: Channel,
        now: Timestamp,
        lease: i64,
        due: &[Due],
        asking: &[CardKey],
    ) -> Result<Self, Error> {
        let rows: HashMap<CardKey, &Due> = due.iter().map(|row| (row.key, row)).collect();
        let with_messages: Vec<CardKey> = asking
            .iter()
            .filter(|key| rows.get(key).is_some_and(|row| row.wants & MESSAGES != 0))
            .copied()
            .collect();
        let mut book = budgets::read(tx, channel, asking, &with_messages, now).await?;
        let programs: BTreeSet<_> = book.cards.iter().map(|card| (card.key.0, card.program)).collect();
        let paces = Paces::hold(tx, channel, &programs, &mut book.rules).await?;
        let zones = programs
            .iter()
            .map(|(merchant, _)| (*merchant, book.rules.merchant_zone(*merchant).clone()))
            .collect();
        let mut desk = Self {
            channel,
            now,
            lease,
            decrees: HashMap::with_capacity(asking.len()),
            alerts: Vec::new(),
            again: Vec::new(),
            decided: Vec::new(),
            rulings: Vec::new(),
            created: Vec::new(),
            zones,
            news: Vec::new(),
            rings: HashMap::new(),
            languages: HashMap::new(),
            used: Vec::new(),
            paces,
        };
        desk.decide(&mut book, &rows);
        desk.translate(tx).await?;
        Ok(desk)
    }

    /// Gives what rings its words in other languages: all of them where the phone chooses, else those that the holder
    /// reads. Apple's phones read theirs from the pass.
    async fn translate(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if self.channel == Channel::Apple {
            return Ok(());
        }
        let said = self.rings.iter().flat_map(|(key, alerts)| {
            let of = alerts.iter().filter_map(|alert| alert.message);
            of.map(|message| (key.0, message))
        });
        let translations = translations::of(tx, &said.collect()).await?;
        for (key, alerts) in &mut self.rings {
            for alert in alerts {
                let found = alert
                    .message
                    .and_then(|message| translations.get(&(key.0, message)));
                if let (Some(words), Some(found)) = (&mut alert.words, found) {
                    words.translations = found.clone();
                    if self.channel != Channel::Google {
                        *words = words.read_in(self.languages.get(key));
                    }
                }
            }
        }
        Ok(())
    }

    fn decide(&mut self, book: &mut Book, rows: &HashMap<CardKey, &Due>) {
        let waiting = std::mem::take(&mut book.waiting);
        let stored = book.alerts.clone();
        let none = (Vec::new(), Vec::new());
        book.each(self.channel, self.now, |_, card, standing| {
            let Some(row) = rows.get(&card.key) else { return };
            let waiting = waiting.get(&card.key).unwrap_or(&none.0);
            let stored = stored.get(&card.key).unwrap_or(&none.1);
            self.decide_card(row, card, standing, waiting, stored);
        });
    }

    fn decide_card(
        &mut self,
        row: &Due,
        card: &Known,
        standing: &Standing<'_>,
        waiting: &[Waiting],
        stored: &[StoredAlert],
    ) {
        let (key, now) = (card.key, self.now);
        self.languages
            .extend(card.language.clone().map(|language| (key, language)));
        let free = self.paces.free_from(key.0, card.program, standing.limits);
        let standing = Standing {
            // A place that is held already is no later than the first free one.
            pace_from: row.slot_at.or(free),
            ..*standing
        };
        let intents = intents_of(Classes(row.wants & Classes::ALL.0), waiting, now);
        let rulings = decide(&standing, &intents, now);
        let mut kept = Kept {
            key,
            wants: 0,
            next_at: None,
            slot_at: row.slot_at,
        };
        let mut sent = 0;
        for (intent, ruling) in intents.iter().zip(rulings) {
            match ruling.decision {
                Decision::SendNow => {
                    if kept.slot_at.take().is_none() && free.is_some() {
                        let place = now.max(free.unwrap_or(now));
                        self.paces.take(key.0, card.program, standing.limits, place);
                    }
                    self.let_through(key, intent, sent, waiting);
                    sent += 1;
                }
                Decision::Defer { until } => {
                    kept.next_at = Some(kept.next_at.map_or(until, |at| at.min(until)));
                    kept.wants |= match intent.origin {
                        Origin::Change => intent.class.bit(),
                        Origin::Message(_) => MESSAGES,
                    };
                    if kept.slot_at.is_none()
                        && let Some(place) = free.filter(|place| *place > now)
                    {
                        kept.slot_at = Some(place);
                        self.paces.take(key.0, card.program, standing.limits, place);
                    }
                }
                Decision::Suppress | Decision::Merge | Decision::Hold => {}
            }
            self.note(key, intent, ruling, waiting);
        }
        let open = stored.iter().filter(|alert| alert.alert.is_open);
        let mut is_open = false;
        for alert in open {
            is_open = true;
            self.rings.entry(key).or_default().push(Alert {
                id: (alert.lease, alert.position),
                class: alert.alert.class,
                message: alert.message,
                words: alert.words.clone(),
                link: None,
            });
        }
        if is_open {
            self.again.push(key);
        }
        let rings = is_open || sent > 0;
        if rings {
            kept.wants |= OPEN;
        }
        self.decrees.insert(key, Decree { kept, rings });
    }

    /// Writes an alert of `intent` down; it is the `position`-th of its card in this claim.
    fn let_through(&mut self, key: CardKey, intent: &Intent, position: i64, waiting: &[Waiting]) {
        let message = match intent.origin {
            Origin::Change => None,
            Origin::Message(message) => Some(message),
        };
        self.alerts.push(NewAlert {
            key,
            lease: self.lease,
            position,
            class: intent.class,
            message,
            digest: intent.digest,
            wanted_at: intent.due_at,
        });
        if self.channel == Channel::Apple {
            self.news.push((key, intent.class, message));
        }
        let text = message.and_then(|message| waiting.iter().find(|of| of.message == message));
        self.rings.entry(key).or_default().push(Alert {
            id: (self.lease, position),
            class: intent.class,
            message,
            words: text.map(|of| of.words.clone()),
            link: None,
        });
    }

    /// Keeps a ruling where people will look for it.
    fn note(&mut self, key: CardKey, intent: &Intent, ruling: Ruling, waiting: &[Waiting]) {
        let fullest = ruling.counters.iter().filter(|count| count.most > 0);
        self.used
            .extend(fullest.map(|count| count.used * 100 / count.most).max());
        if let Origin::Message(message) = intent.origin {
            let state = match ruling.decision {
                Decision::SendNow => IntentState::Sending,
                Decision::Suppress => IntentState::Suppressed,
                Decision::Defer { .. } | Decision::Merge | Decision::Hold => IntentState::Waiting,
            };
            let found = waiting.iter().find(|of| of.message == message);
            if let Some(found) = found.filter(|of| of.rule.is_none()) {
                let told = created(self.channel, intent.class, message);
                self.created.push(Line::new(key, told, found.created_at));
            }
            let known = found.is_some_and(|of| {
                state == IntentState::Waiting
                    && of.until == ruling.until()
                    && of.rule.as_deref() == Some(ruling.rule.as_str())
            });
            if !known {
                self.decided.push(Decided {
                    key,
                    message,
                    state,
                    ruling: (state != IntentState::Sending).then(|| ruling.clone()),
                });
            }
        }
        self.rulings.push((key, ruling));
    }

    /// Writes everything, and returns the keys of the rows that are leased.
    async fn write(
        self,
        tx: &mut Tx<'_>,
        lease: (i64, Timestamp),
        due: &[Due],
        claim: &mut Claim,
    ) -> Result<Vec<CardKey>, Error> {
        let (channel, now) = (self.channel, self.now);
        if !self.alerts.is_empty() {
            alerts::insert(tx, channel, &self.alerts, now).await?;
        }
        if !self.again.is_empty() {
            alerts::again(tx, channel, &self.again, now).await?;
        }
        if !self.decided.is_empty() {
            intents::decide(tx, channel, &self.decided, now).await?;
        }
        for (_, ruling) in &self.rulings {
            *claim.rules.entry(ruling.rule.as_str()).or_default() += 1;
        }
        // What another alert says needs no line of its own.
        let told: Vec<_> = self
            .rulings
            .into_iter()
            .filter(|(_, ruling)| !matches!(ruling.rule, Rule::Merged { .. }))
            .collect();
        let new = alerts::note(tx, channel, told, now).await?;
        let mut lines = self.created;
        lines.extend(new.iter().filter_map(|(key, ruling)| {
            let told = ruling.told(channel, self.zones.get(&key.0)?)?;
            Some(Line::new(*key, told, now))
        }));
        // What is let through is announced with its provider's answer.
        for line in lines.iter().filter(|line| line.kind != EventKind::PushCreated) {
            tx.announce(Change::Card(line.key.0, line.key.1));
        }
        let newest = due.iter().map(|row| (row.key, row.last_event)).collect();
        push_events::append_alone(tx, newest, lines, now).await?;
        if !self.news.is_empty() {
            alerts::make_news(tx, &self.news, now).await?;
        }
        self.paces.save(tx, channel).await?;

        let (mut leased, mut put_off, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for row in due {
            let decree = self.decrees.get(&row.key);
            let kept = decree.map_or(
                Kept {
                    key: row.key,
                    wants: 0,
                    next_at: None,
                    slot_at: None,
                },
                |decree| decree.kept,
            );
            let rings = decree.is_some_and(|decree| decree.rings);
            if rings || row.told < row.generation {
                claim.rows.push(claimed(row, rings, now));
                leased.push(kept);
            } else if let Some(next_at) = kept.next_at {
                put_off.push((kept, next_at));
            } else {
                gone.push(row.key);
            }
        }
        leased.sort_unstable_by_key(|kept| kept.key);
        if !leased.is_empty() {
            pushes::lease_each(tx, channel, lease, &leased).await?;
        }
        if !put_off.is_empty() {
            pushes::put_off(tx, channel, &put_off).await?;
        }
        if !gone.is_empty() {
            pushes::delete(tx, channel, &gone).await?;
        }
        claim.alerts = self.rings;
        claim.used = self.used;
        Ok(leased.into_iter().map(|kept| kept.key).collect())
    }
}
