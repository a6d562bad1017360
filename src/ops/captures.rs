//! Recording captures: the one write that every tap waits for.
//!
//! Captures of all stations are gathered into sets: while one set is being committed the next one fills, so the
//! batching window is the commit in progress and no timer delays anyone. An answer is given only after the commit
//! is durable; a capture that was recorded before gets its first answer again, for ever.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::domain::budget::Classes;
use crate::domain::capture::{Capture, CaptureKey};
use crate::domain::card::Card;
use crate::domain::conversion::{self, Turn};
use crate::domain::event::NewEvent;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::presentation::{self, Accepted, Decision, History, Moment, Refusal};
use crate::domain::tier;
use crate::domain::time::Timestamp;
use crate::domain::{ledger, redemption};
use crate::ops::campaigns::follow;
use crate::ops::{Ops, coupons};
pub use crate::store::captures::Answer;
use crate::store::cards::{self, ProgramOfMerchant};
use crate::store::conversions::{self, Waiting};
use crate::store::{Change, Error, Retry, Tx, captures, dues, events, outbox, redemptions};

/// Captures in one transaction; a larger set would make a tap behind it wait too long.
pub const LARGEST_SET: usize = 256;
/// Requests waiting; beyond it stations are told to come back.
const QUEUE: usize = 4096;
/// Sets in the making at once where transactions run side by side: one commits while the others read and decide.
/// Where they do not there is one, because two would share each commit's callers between them.
pub const WORKERS: usize = 4;
/// How far back in a card's ledger a late capture or a reversal looks for punches that stand.
pub(crate) const NEIGHBOURS: i64 = 500;

/// Why captures were not recorded. Nothing is lost: the station keeps them and sends them again.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("too many captures are waiting to be recorded")]
    Busy,
    #[error("the captures could not be stored: {0}")]
    Store(Arc<Error>),
}

/// Gathers captures into sets and records them.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Job>,
}

struct Job {
    captures: Vec<(MerchantId, Capture)>,
    answer: oneshot::Sender<Result<Vec<Answer>, RecordError>>,
}

impl Recorder {
    /// Starts the workers; they stop when the last `Recorder` is dropped.
    pub fn start(ops: &Ops) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let workers = if ops.store.has_one_writer() { 1 } else { WORKERS };
        for _ in 0..workers {
            tokio::spawn(work(ops.clone(), Arc::clone(&jobs)));
        }
        Self { queue }
    }

    /// Records `captures` of one merchant and answers in the same order.
    pub async fn record(
        &self,
        merchant: MerchantId,
        captures: Vec<Capture>,
    ) -> Result<Vec<Answer>, RecordError> {
        let captures = captures.into_iter().map(|capture| (merchant, capture)).collect();
        let (answer, answered) = oneshot::channel();
        let job = Job { captures, answer };
        self.queue.try_send(job).map_err(|_| RecordError::Busy)?;
        answered.await.unwrap_or(Err(RecordError::Busy))
    }
}

async fn work(ops: Ops, jobs: Arc<Mutex<mpsc::Receiver<Job>>>) {
    let mut held = None;
    while let Some((set, next)) = gather(&jobs, held.take()).await {
        held = next;
        record_jobs(&ops, set).await;
        // Those who just had their answer may have their next capture at hand: it shares the next commit instead
        // of waiting behind it.
        tokio::task::yield_now().await;
    }
}

/// The next set of jobs, and one that did not fit into it. None when there will be no more.
///
/// A job in hand never waits for the queue: another worker may be waiting there for new jobs.
async fn gather(jobs: &Mutex<mpsc::Receiver<Job>>, held: Option<Job>) -> Option<(Vec<Job>, Option<Job>)> {
    let (first, mut queue) = match held {
        Some(job) => match jobs.try_lock() {
            Ok(queue) => (job, queue),
            Err(_) => return Some((vec![job], None)),
        },
        None => {
            let mut queue = jobs.lock().await;
            (queue.recv().await?, queue)
        }
    };
    let mut size = first.captures.len();
    let mut set = vec![first];
    while size < LARGEST_SET {
        let Ok(job) = queue.try_recv() else { break };
        if size + job.captures.len() > LARGEST_SET {
            return Some((set, Some(job)));
        }
        size += job.captures.len();
        set.push(job);
    }
    Some((set, None))
}

/// Records a set of jobs in one transaction. When that fails for a reason that may lie in one job, each job is
/// tried alone, so that one bad row cannot hold up its neighbours.
async fn record_jobs(ops: &Ops, jobs: Vec<Job>) {
    let all: Vec<_> = jobs.iter().flat_map(|job| job.captures.iter().cloned()).collect();
    match record_set(ops, all).await {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for job in jobs {
                let part = answers.by_ref().take(job.captures.len()).collect();
                let _ = job.answer.send(Ok(part));
            }
        }
        Err(error) if jobs.len() > 1 && error.retry() == Retry::Never => {
            for job in jobs {
                let result = record_set(ops, job.captures).await;
                let _ = job
                    .answer
                    .send(result.map_err(|error| RecordError::Store(Arc::new(error))));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for job in jobs {
                let _ = job.answer.send(Err(RecordError::Store(Arc::clone(&error))));
            }
        }
    }
}

/// Records `set` and answers in its order.
async fn record_set(ops: &Ops, set: Vec<(MerchantId, Capture)>) -> Result<Vec<Answer>, Error> {
    let now = ops.clock.now();
    let set = Arc::new(set);
    let mut tries = 0;
    loop {
        let body = Arc::clone(&set);
        let result = ops
            .store
            .write("record_captures", move |tx| {
                let body = Arc::clone(&body);
                Box::pin(async move { record(tx, &body, now).await })
            })
            .await;
        match result {
            // Another node recorded one of these captures between our look and our insert: look again.
            Err(error) if error.is_unique_violation() && tries < 3 => tries += 1,
            other => return other,
        }
    }
}

/// One transaction: look for repeats, lock the cards, decide, write.
async fn record(
    tx: &mut Tx<'_>,
    set: &[(MerchantId, Capture)],
    now: Timestamp,
) -> Result<Vec<Answer>, Error> {
    let mut known = known_answers(tx, set).await?;
    let fresh = fresh_captures(set, &known);
    let mut work = Work::load(tx, &fresh).await?;
    let mut recorded = Vec::with_capacity(fresh.len());
    for (merchant, capture) in fresh {
        let answer = work.decide(tx, merchant, capture, now).await?;
        known.insert((merchant, capture.key), answer.clone());
        recorded.push((merchant, capture, answer));
    }
    work.write(tx, &recorded, now).await?;
    tell_redemptions(tx, &mut known).await?;
    tracing::trace!(target: "passgate::walk", step = "captures_written");
    Ok(set
        .iter()
        .map(
            |(merchant, capture)| match known.get_mut(&(*merchant, capture.key)) {
                Some(answer) if answer.fingerprint == fingerprint(capture) => {
                    let told = answer.clone();
                    // The same capture may be in the set twice.
                    answer.repeated = true;
                    told
                }
                _ => refused(capture, Refusal::CounterReused),
            },
        )
        .collect())
}

/// Tells those who came too late for a coupon when, where and by whom it was redeemed.
async fn tell_redemptions(tx: &mut Tx<'_>, known: &mut Known) -> Result<(), Error> {
    let mut found = HashMap::new();
    for ((merchant, _), answer) in known {
        let (Some(card), Some(Refusal::AlreadyRedeemed { at })) = (answer.card, &answer.refusal) else {
            continue;
        };
        let key = (*merchant, card, *at);
        if let Entry::Vacant(unknown) = found.entry(key) {
            unknown.insert(redemptions::redemption(tx, *merchant, card, *at).await?);
        }
        answer.redemption = found.get(&key).cloned().flatten();
    }
    Ok(())
}

type Known = HashMap<(MerchantId, CaptureKey), Answer>;

async fn known_answers(tx: &mut Tx<'_>, set: &[(MerchantId, Capture)]) -> Result<Known, Error> {
    let keys: BTreeSet<_> = set
        .iter()
        .map(|(merchant, capture)| (*merchant, capture.key))
        .collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let merchants: HashMap<_, _> = keys.iter().map(|(merchant, key)| (*key, *merchant)).collect();
    let answers = captures::answers(tx, &keys).await?;
    Ok(answers
        .into_iter()
        .filter_map(|answer| Some(((*merchants.get(&answer.key)?, answer.key), answer)))
        .collect())
}

/// The captures that are new, each key once, in the order in which they happened.
fn fresh_captures<'a>(set: &'a [(MerchantId, Capture)], known: &Known) -> Vec<(MerchantId, &'a Capture)> {
    let mut seen = HashSet::new();
    let mut fresh: Vec<_> = set
        .iter()
        .map(|(merchant, capture)| (*merchant, capture))
        .filter(|(merchant, capture)| {
            let key = (*merchant, capture.key);
            !known.contains_key(&key) && seen.insert(key)
        })
        .collect();
    fresh.sort_by_key(|(_, capture)| (capture.captured_at, capture.key));
    fresh
}

/// The rows that a set of captures works on.
struct Work {
    /// What each token stands for.
    tokens: HashMap<(MerchantId, String), CardId>,
    cards: HashMap<CardId, Card>,
    programs: HashMap<(MerchantId, i64), (ProgramOfMerchant, TimeZone)>,
    changed: BTreeSet<(MerchantId, CardId)>,
    /// Those of them that time has a new or an earlier date for.
    to_arm: BTreeSet<CardId>,
    events: Vec<NewEvent>,
    /// Redeemed coupons whose linked program is not to be had.
    waiting: Vec<Waiting>,
}

impl Work {
    async fn load(tx: &mut Tx<'_>, fresh: &[(MerchantId, &Capture)]) -> Result<Self, Error> {
        let tokens: HashSet<_> = fresh
            .iter()
            .map(|(merchant, capture)| (*merchant, capture.token.clone()))
            .collect();
        let tokens: Vec<_> = tokens.into_iter().collect();
        let found = cards::cards_of_tokens(tx, &tokens).await?;
        let keys: BTreeSet<_> = found.iter().map(|found| (found.merchant, found.card)).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let cards = cards::cards_for_update(tx, &keys).await?;
        let wanted: BTreeSet<_> = cards.iter().map(|card| (card.merchant, card.program)).collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut programs = cards::programs_of(tx, &wanted).await?;
        let linked = linked_programs(&programs);
        if !linked.is_empty() {
            programs.extend(cards::programs_of(tx, &linked).await?);
        }
        Ok(Self {
            tokens: found
                .into_iter()
                .map(|found| ((found.merchant, found.token), found.card))
                .collect(),
            cards: cards.into_iter().map(|card| (card.id, card)).collect(),
            programs: programs
                .into_iter()
                .map(|of| {
                    let zone = TimeZone::get(&of.zone).unwrap_or(TimeZone::UTC);
                    ((of.program.merchant, of.program.id.0), (of, zone))
                })
                .collect(),
            changed: BTreeSet::new(),
            to_arm: BTreeSet::new(),
            events: Vec::new(),
            waiting: Vec::new(),
        })
    }

    async fn decide(
        &mut self,
        tx: &mut Tx<'_>,
        merchant: MerchantId,
        capture: &Capture,
        now: Timestamp,
    ) -> Result<Answer, Error> {
        let token = (merchant, capture.token.expose().to_owned());
        let card = self.tokens.get(&token).and_then(|id| self.cards.get(id)).cloned();
        let Some(mut card) = card else {
            return Ok(refused(capture, Refusal::UnknownToken));
        };
        let Some((of, zone)) = self.programs.get(&(merchant, card.program.0)) else {
            return Err(Error::inconsistent("the program of each card", "no such program"));
        };
        let rules = of.program.rules.clone();
        // A station's clock that runs ahead cannot put a punch into the future.
        let at = capture.captured_at.min(now);
        let day = at.day_in(zone);
        let history = if Moment::is_out_of_order(&card, at) {
            let zone = zone.clone();
            self.neighbours(tx, &card, at, &zone).await?
        } else {
            History::Latest
        };
        let ended = tier::catch_up(rules.ladder.as_ref(), &mut card, at, zone);
        let moment = Moment { at, day, history };
        let mut answer = Answer {
            key: capture.key,
            fingerprint: fingerprint(capture),
            card: Some(card.id),
            refusal: None,
            rewards_earned: 0,
            punches: card.punches,
            goal: rules.goal(),
            rewards: card.rewards,
            points: card.points,
            earned: 0,
            redeemed: false,
            redemption: None,
            repeated: false,
        };
        match presentation::decide(&rules, &card, capture, moment, now) {
            Decision::Refused(refusal) => answer.refusal = Some(refusal),
            Decision::Accepted(accepted) => {
                let accepted = match accepted.redeemed {
                    true => self.turn(accepted, merchant, capture, at, now),
                    false => accepted,
                };
                if let Some((of, _)) = self.programs.get(&(merchant, accepted.card.program.0)) {
                    answer.goal = of.program.rules.goal();
                }
                answer.rewards_earned = accepted.rewards_earned;
                answer.punches = accepted.card.punches;
                answer.rewards = accepted.card.rewards;
                answer.points = accepted.card.points;
                answer.earned = accepted.earned;
                answer.redeemed = accepted.redeemed;
                self.events.extend(ended);
                self.events.extend(accepted.events);
                self.changed.insert((merchant, card.id));
                let before = self.cards.insert(card.id, accepted.card);
                if let Some((before, after)) = before.as_ref().zip(self.cards.get(&card.id))
                    && dues::must_arm(before, after)
                {
                    self.to_arm.insert(card.id);
                }
            }
        }
        Ok(answer)
    }

    /// Adds to the redemption of a coupon what it turns into.
    fn turn(
        &mut self,
        accepted: Accepted,
        merchant: MerchantId,
        capture: &Capture,
        at: Timestamp,
        now: Timestamp,
    ) -> Accepted {
        let program = |id: ProgramId| self.programs.get(&(merchant, id.0)).map(|(of, _)| of);
        let Some(coupon) = program(accepted.card.program) else {
            return accepted;
        };
        let linked = conversion::link(&coupon.program.rules).and_then(|link| program(link.program));
        let change = redemption::Change {
            card: accepted.card,
            events: accepted.events,
        };
        let turn = Turn {
            amount: capture.amount,
            capture: Some(capture.key),
            at,
        };
        let of_redemption = change.events.len();
        let (change, follow) = coupons::follow(coupon, linked, change, turn);
        let with_it = change.events.iter().skip(of_redemption);
        let rewards: i64 = with_it.map(|event| event.delta.rewards.max(0)).sum();
        let waiting = coupons::waiting(&change.card, &follow, capture.amount, now);
        self.waiting.extend(waiting);
        Accepted {
            card: change.card,
            events: change.events,
            rewards_earned: accepted.rewards_earned + rewards,
            ..accepted
        }
    }

    /// What was punched around `at`, from the ledger and from this very set, for a capture that arrives after a
    /// later one of the same card.
    async fn neighbours(
        &self,
        tx: &mut Tx<'_>,
        card: &Card,
        at: Timestamp,
        zone: &TimeZone,
    ) -> Result<History, Error> {
        let stored = match card.last_event {
            Some(newest) => events::history(tx, card.merchant, newest, NEIGHBOURS).await?,
            None => Vec::new(),
        };
        let pending = self
            .events
            .iter()
            .filter(|event| event.card() == Some(card.id) && ledger::is_earning(event));
        let punches = ledger::standing_earnings(&stored).chain(pending);
        let pending_visits = self
            .events
            .iter()
            .filter(|event| event.card() == Some(card.id) && event.delta.visits > 0)
            .map(|event| event.at);
        let visits = ledger::standing_visits(&stored).chain(pending_visits);
        Ok(ledger::around(punches, visits, at, zone))
    }

    async fn write(
        mut self,
        tx: &mut Tx<'_>,
        recorded: &[(MerchantId, &Capture, Answer)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let rows: Vec<_> = recorded
            .iter()
            .map(|(merchant, capture, answer)| (*merchant, *capture, answer))
            .collect();
        captures::insert(tx, &rows, now).await?;
        let ids = events::append(tx, &mut self.cards, &self.events, now).await?;
        let listening = self
            .programs
            .values()
            .map(|(of, _)| (of.program.merchant, of.signals));
        follow::many(tx, listening, &self.cards, &self.events, &ids, now).await?;
        let changed: Vec<Card> = self
            .changed
            .iter()
            .filter_map(|(_, card)| self.cards.get(card).cloned())
            .collect();
        cards::save(tx, &changed, now).await?;
        dues::arm(tx, changed.iter().filter(|card| self.to_arm.contains(&card.id))).await?;
        conversions::save(tx, &self.waiting).await?;
        let mut wants: HashMap<CardId, Classes> = HashMap::with_capacity(changed.len());
        for event in &self.events {
            if let Some(card) = event.card() {
                let wanted = wants.entry(card).or_default();
                *wanted = wanted.and(Classes::touched([event]));
            }
        }
        let told = changed
            .iter()
            .map(|card| (card, wants.get(&card.id).copied().unwrap_or_default()));
        outbox::enqueue_to_ring(tx, told, now).await?;
        for card in &changed {
            tx.announce(Change::Card(card.merchant, card.id));
        }
        Ok(())
    }
}

fn refused(capture: &Capture, refusal: Refusal) -> Answer {
    Answer {
        key: capture.key,
        fingerprint: fingerprint(capture),
        card: None,
        refusal: Some(refusal),
        rewards_earned: 0,
        punches: 0,
        goal: 0,
        rewards: 0,
        points: 0,
        earned: 0,
        redeemed: false,
        redemption: None,
        repeated: false,
    }
}

/// What the coupons among `programs` turn into, as far as tills redeem them.
fn linked_programs(programs: &[ProgramOfMerchant]) -> Vec<(MerchantId, ProgramId)> {
    let known: HashSet<_> = programs.iter().map(|of| of.program.id).collect();
    let links = programs.iter().filter_map(|of| {
        let link = conversion::link(&of.program.rules)?;
        (!known.contains(&link.program)).then_some((of.program.merchant, link.program))
    });
    links.collect::<BTreeSet<_>>().into_iter().collect()
}

/// 64 bits over what a capture says, to notice two captures under one key.
fn fingerprint(capture: &Capture) -> i64 {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(capture.kind.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(capture.token.expose().as_bytes());
    hash.update(&[0]);
    hash.update(&capture.captured_at.0.to_be_bytes());
    if let Some(amount) = capture.amount {
        hash.update(&amount.minor().to_be_bytes());
    }
    let [a, b, c, d, e, f, g, h, ..] = hash.finish();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
