//! Writes what became of rows: whatever is ready, together, in one transaction; while it commits, the next gathers.
//!
//! Invariant: a row that is no longer under our lease is left alone, and a row that changed since it was claimed is
//! never deleted but due again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::batch::{Cause, Place, Settled, Step};
use crate::clock::Clock;
use crate::domain::delivery::Channel;
use crate::domain::detail::Detail;
use crate::domain::event::EventKind;
use crate::domain::id::MessageId;
use crate::domain::preference::Class;
use crate::domain::receipt;
use crate::domain::time::Timestamp;
use crate::store::alerts::{Closed, Stopped};
use crate::store::push_events::{self, Line};
use crate::store::pushes::{self, CardKey, CardState, Held, OPEN, Release, Told};
use crate::store::receipts::{self, Waited};
use crate::store::{self, Change, Store, Tx, alerts, intents, push_addresses};
use crate::telemetry::{Histogram, Metric};

/// Why a push that rings reached nobody where there is no address.
const NOBODY: &str = "nobody listens on this channel";
/// A provider that lets nothing more ring counts a rolling day, and does not say when it began.
const SILENCED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Rows in one transaction.
const TOGETHER: usize = 200;
/// Attempts to write before the leases are left to run out.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Finisher {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) channel: Channel,
    pub(super) time_to_fetch: Histogram,
    /// Told how many rows have been written.
    pub(super) written: Box<dyn Fn(usize) + Send + Sync>,
}

impl Finisher {
    /// Works until the lane lets go of its end and everything is written.
    pub(super) async fn run(self, mut settled: mpsc::UnboundedReceiver<Settled>) {
        loop {
            let mut rows = Vec::with_capacity(TOGETHER);
            if settled.recv_many(&mut rows, TOGETHER).await == 0 {
                return;
            }
            let count = rows.len();
            self.write(Arc::new(rows)).await;
            (self.written)(count);
        }
    }

    async fn write(&self, rows: Arc<Vec<Settled>>) {
        for attempt in 1..=ATTEMPTS {
            let (channel, now, rows) = (self.channel, self.clock.now(), rows.clone());
            let written = self
                .store
                .write("pushes_finish", move |tx| {
                    let rows = rows.clone();
                    Box::pin(async move { finish(tx, channel, &rows, now).await })
                })
                .await;
            match written {
                Ok(Finished { dropped, waited }) => {
                    for time in waited {
                        self.time_to_fetch.record(time);
                    }
                    tracing::trace!(target: "passgate::walk", step = "pushes_finished");
                    for (cause, count) in dropped {
                        Metric::PushAddressesDropped
                            .counter(&[("channel", self.channel.as_str()), ("cause", cause.as_str())])
                            .increment(count);
                    }
                    return;
                }
                Err(fault) if attempt == ATTEMPTS => {
                    tracing::error!(%fault, "outcomes of pushes are not stored; the pushes will be sent again");
                }
                Err(fault) => {
                    tracing::warn!(%fault, attempt, "cannot store outcomes of pushes now");
                    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
                }
            }
        }
    }
}

/// What a transaction of [`finish`] is counted as.
struct Finished {
    /// How many addresses of ours went, and why.
    dropped: BTreeMap<Cause, u64>,
    /// How long devices took that have fetched by now.
    waited: Vec<Waited>,
}

/// The transaction. Locks cards by id, then their rows, as a tap does.
async fn finish(
    tx: &mut Tx<'_>,
    channel: Channel,
    settled: &[Settled],
    now: Timestamp,
) -> Result<Finished, store::Error> {
    let keys: Vec<CardKey> = settled
        .iter()
        .map(|row| row.key)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut cards: HashMap<CardKey, CardState> = HashMap::with_capacity(keys.len());
    for card in pushes::lock_cards(tx, &keys).await? {
        cards.insert(card.key, card);
    }
    let held: HashMap<CardKey, Held> = pushes::held(tx, channel, &keys)
        .await?
        .into_iter()
        .map(|row| (row.key, row))
        .collect();

    let waited = note_reached(tx, settled, &held, now).await?;
    let (mut removed, dropped) = remove_dead(tx, channel, settled, &mut cards, now).await?;
    let mut done = Vec::with_capacity(keys.len());
    let (mut back, mut told, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut taken, mut faulted, mut silences) = (Vec::new(), Vec::new(), Vec::new());
    let mut events = Vec::with_capacity(keys.len());
    for row in settled {
        let Some(held) = held.get(&row.key).filter(|held| held.lease == Some(row.lease)) else {
            continue;
        };
        let heard = row.silences.iter();
        silences.extend(heard.map(|(address, silence)| (row.key, address.clone(), *silence)));
        match row.step {
            Step::Done => {
                let wants = held.wants & !OPEN;
                let changed = held.generation != row.generation;
                if changed || wants != 0 {
                    told.push(Told {
                        key: row.key,
                        due_at: held.next_at.filter(|_| !changed).unwrap_or(now),
                        wants,
                        generation: row.generation,
                    });
                } else {
                    done.push(row.key);
                }
                if row.rings {
                    answers.push((row.key, refusal(row)));
                }
            }
            Step::Again { due_at, attempts } => {
                back.push(Release {
                    key: row.key,
                    due_at,
                    attempts,
                });
                if row.is_fault && row.rings {
                    faulted.push(row.key);
                }
                let addresses = row.told.iter();
                taken.extend(addresses.map(|(address, said)| (row.key, address.clone(), *said)));
            }
        }
        if let Some((kind, reason)) = event(row, channel) {
            // That the card is gone from the wallet says more than that the push found nobody, unless it was to ring.
            if kind != EventKind::PushFailed || row.rings || !removed.contains_key(&row.key) {
                events.push(line(row.key, kind, reason, now));
            }
        }
    }
    let rang = if answers.is_empty() {
        Vec::new()
    } else {
        let keys: Vec<CardKey> = answers.iter().map(|(key, _)| *key).collect();
        intents::answered(tx, channel, &answers, now).await?;
        alerts::close(tx, channel, &keys).await?
    };
    if !faulted.is_empty() {
        intents::faulted(tx, channel, &faulted).await?;
    }
    say_what_rang(&mut events, &rang, channel);
    let mut touched: BTreeSet<CardKey> = removed.keys().copied().collect();
    let moved: Vec<CardKey> = touched.iter().copied().collect();
    touched.extend(events.iter().map(|line| line.key));
    let removals = removed.drain();
    events.extend(removals.map(|(key, reason)| line(key, EventKind::CardRemoved, reason, now)));
    append(tx, &mut cards, events, now).await?;

    let changed: Vec<CardState> = touched.iter().filter_map(|key| cards.get(key).cloned()).collect();
    if !changed.is_empty() {
        pushes::save_cards(tx, &changed, &moved, now).await?;
    }
    if !done.is_empty() {
        pushes::delete(tx, channel, &done).await?;
        if has_addresses(channel) {
            push_addresses::forget_told(tx, channel, &done).await?;
        }
    }
    if !taken.is_empty() {
        push_addresses::tell(tx, channel, &taken).await?;
    }
    if !silences.is_empty() {
        push_addresses::note_silence(tx, channel, &silences).await?;
    }
    if !told.is_empty() {
        pushes::told(tx, channel, &told).await?;
        if has_addresses(channel) {
            let keys: Vec<CardKey> = told.iter().map(|row| row.key).collect();
            push_addresses::forget_told(tx, channel, &keys).await?;
        }
    }
    if !back.is_empty() {
        pushes::release(tx, channel, &back).await?;
    }
    let due = back
        .iter()
        .map(|row| row.due_at)
        .chain(told.iter().map(|row| row.due_at));
    if due.into_iter().any(|due_at| due_at <= now) {
        tx.announce(Change::Pushes);
    }
    for row in settled {
        if let Some(reason) = &row.silenced {
            let (merchant, card) = row.key;
            let until = now.plus(SILENCED_FOR);
            alerts::stop(tx, (merchant, channel), Stopped::Card(card), until, reason).await?;
        }
    }
    for (merchant, card) in touched {
        tx.announce(Change::Card(merchant, card));
    }
    Ok(Finished { dropped, waited })
}

/// Whether the channel's addresses are rows of `push_addresses`.
fn has_addresses(channel: Channel) -> bool {
    matches!(channel, Channel::Fcm | Channel::WebPush)
}

/// What the timeline says about a row that is finished. A silent push that nobody listens for is no news.
fn event(row: &Settled, channel: Channel) -> Option<(EventKind, String)> {
    let nobody = || {
        let reason = format!("{}: {NOBODY}", channel.as_str());
        (row.rings && row.step == Step::Done).then_some((EventKind::PushFailed, reason))
    };
    row.event.clone().or_else(nobody)
}

fn line(key: CardKey, kind: EventKind, reason: String, at: Timestamp) -> Line {
    Line {
        key,
        kind,
        at,
        reason: Some(reason),
        detail: None,
    }
}

/// Has the events of pushes that rang say about what, and with which messages.
fn say_what_rang(events: &mut [Line], rang: &[Closed], channel: Channel) {
    let mut by_card: HashMap<CardKey, (Vec<Class>, Vec<MessageId>)> = HashMap::with_capacity(rang.len());
    for one in rang {
        let (classes, messages) = by_card.entry(one.key).or_default();
        if !classes.contains(&one.class) {
            classes.push(one.class);
        }
        messages.extend(one.message);
    }
    for event in events {
        if let Some((mut classes, mut messages)) = by_card.remove(&event.key) {
            classes.sort_unstable();
            messages.sort_unstable();
            event.detail = Some(Detail::Push {
                channel,
                classes,
                messages,
                rule: None,
                until: None,
            });
        }
    }
}

/// Why what rang with `row` reached nobody; none when the provider took it.
fn refusal(row: &Settled) -> Option<String> {
    match &row.event {
        Some((EventKind::PushSent, _)) => None,
        Some((_, reason)) => Some(reason.clone()),
        None => Some(NOBODY.into()),
    }
}

/// Notes which devices a provider has taken the push for, and when to look whether they answered. Returns how long
/// those waited that have fetched before this was written.
async fn note_reached(
    tx: &mut Tx<'_>,
    settled: &[Settled],
    held: &HashMap<CardKey, Held>,
    now: Timestamp,
) -> Result<Vec<Waited>, store::Error> {
    let mut told = Vec::with_capacity(settled.len());
    for row in settled {
        let held = held.get(&row.key);
        told.extend(row.reached.iter().map(|push_token| receipts::Told {
            key: row.key,
            push_token: push_token.clone(),
            queued_at: held.map_or(row.claimed_at, |held| held.queued_at),
            told_at: row.claimed_at,
            again: held.is_some_and(|held| held.again),
        }));
    }
    if told.is_empty() {
        return Ok(Vec::new());
    }
    told.sort_unstable_by_key(|one| one.key);
    receipts::told(tx, &told, now, receipt::gap(0).map(|gap| now.plus(gap))).await
}

/// Deletes dead addresses and takes the channel from cards that have none left. Returns those cards, each with the
/// reason, and how many addresses of ours went for which cause.
async fn remove_dead(
    tx: &mut Tx<'_>,
    channel: Channel,
    settled: &[Settled],
    cards: &mut HashMap<CardKey, CardState>,
    now: Timestamp,
) -> Result<(HashMap<CardKey, String>, BTreeMap<Cause, u64>), store::Error> {
    let (mut removed, mut dropped) = (HashMap::new(), BTreeMap::new());
    for row in settled {
        for dead in &row.dead {
            let was_last = match &dead.place {
                Place::Device(address) => {
                    // A device that registered after the provider's word is alive again.
                    let before = dead.since.unwrap_or(Timestamp(i64::MAX));
                    let (pass_type, token) = (&address.pass_type_identifier, &address.push_token);
                    // What other cards the device holds goes later, by a chore: their locks are not ours.
                    receipts::doom(tx, row.key, pass_type, token, before.min(now)).await?;
                    pushes::unregister(tx, address, before).await?
                        && !pushes::is_registered(tx, row.key).await?
                }
                Place::Card => true,
                Place::Listening { key, registered_at } => {
                    let place = push_addresses::Place {
                        card: row.key,
                        channel,
                        key: key.clone(),
                    };
                    let went = push_addresses::delete_dead(tx, &place, *registered_at).await?;
                    if went {
                        *dropped.entry(dead.cause).or_default() += 1;
                    }
                    went && !push_addresses::any(tx, row.key, channel).await?
                }
            };
            if let Some(card) = cards.get_mut(&row.key)
                && was_last
                && card.channels.contains(channel)
            {
                card.channels = card.channels.without(channel);
                card.status = card.status.when_reachable_by(card.channels);
                removed.insert(row.key, format!("{}: {}", channel.as_str(), dead.reason));
            }
        }
    }
    Ok((removed, dropped))
}

/// Appends to the timelines of `cards`, and moves on their newest events.
async fn append(
    tx: &mut Tx<'_>,
    cards: &mut HashMap<CardKey, CardState>,
    events: Vec<Line>,
    now: Timestamp,
) -> Result<(), store::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let mut newest: HashMap<_, _> = cards.values().map(|card| (card.key, card.last_event)).collect();
    push_events::append(tx, &mut newest, events, now).await?;
    for card in cards.values_mut() {
        card.last_event = newest.get(&card.key).copied().flatten();
    }
    Ok(())
}
