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
use crate::domain::event::EventKind;
use crate::domain::receipt;
use crate::domain::time::Timestamp;
use crate::store::alerts::Stopped;
use crate::store::pushes::{self, CardKey, CardState, Held, Line, OPEN, Release, Told};
use crate::store::receipts::{self, Waited};
use crate::store::{self, Change, Store, Tx, alerts, intents, push_addresses};
use crate::telemetry::{Histogram, Metric};

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
    let (mut taken, mut silences) = (Vec::new(), Vec::new());
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
                let addresses = row.told.iter();
                taken.extend(addresses.map(|(address, said)| (row.key, address.clone(), *said)));
            }
        }
        // That the card is gone from the wallet says more than that the push found nobody.
        if let Some((kind, reason)) = &row.event
            && !(*kind == EventKind::PushFailed && removed.contains_key(&row.key))
        {
            events.push((row.key, *kind, reason.clone()));
        }
    }
    let mut touched: BTreeSet<CardKey> = removed.keys().copied().collect();
    let moved: Vec<CardKey> = touched.iter().copied().collect();
    touched.extend(events.iter().map(|(key, ..)| *key));

    append(tx, &mut cards, events, now).await?;
    let removals = removed
        .drain()
        .map(|(key, reason)| (key, EventKind::CardRemoved, reason))
        .collect();
    append(tx, &mut cards, removals, now).await?;

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
    if !answers.is_empty() {
        let rang: Vec<CardKey> = answers.iter().map(|(key, _)| *key).collect();
        alerts::close(tx, channel, &rang).await?;
        intents::answered(tx, channel, &answers, now).await?;
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

/// Why what rang with `row` reached nobody; none when the provider took it.
fn refusal(row: &Settled) -> Option<String> {
    match &row.event {
        Some((EventKind::PushSent, _)) => None,
        Some((_, reason)) => Some(reason.clone()),
        None => Some("nobody listens on this channel".into()),
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

/// Appends at most one row for each card and moves the ends of their chains.
async fn append(
    tx: &mut Tx<'_>,
    cards: &mut HashMap<CardKey, CardState>,
    events: Vec<(CardKey, EventKind, String)>,
    now: Timestamp,
) -> Result<(), store::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let lines: Vec<Line> = events
        .into_iter()
        .filter_map(|(key, kind, reason)| {
            Some(Line {
                key,
                previous: cards.get(&key)?.last_event,
                kind,
                reason: Some(reason),
            })
        })
        .collect();
    for (merchant, card, event) in pushes::append(tx, &lines, now).await? {
        if let Some(card) = cards.get_mut(&(merchant, card)) {
            card.last_event = Some(event);
        }
    }
    Ok(())
}
