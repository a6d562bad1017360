//! What is in hand: which rows wait for which sends, and what follows when the last answer is in. Pure.

use std::collections::HashMap;

use crate::domain::address::AddressKey;
use crate::domain::delivery::{BackOff, Channel, Next, Outcome};
use crate::domain::event::EventKind;
use crate::domain::face::CardFace;
use crate::domain::id::{PassTypeIdentifier, PushToken};
use crate::domain::notice::{Notice, Rings};
use crate::domain::silence::Silence;
use crate::domain::time::Timestamp;
use crate::push::{Alert, Delivery};
use crate::store::push_addresses::Listening;
use crate::store::pushes::{Address, CardKey, Claimed};

/// One row under one lease.
pub(super) type RowKey = (i64, CardKey);

/// One send and the rows that wait for it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) delivery: Delivery,
    pub(super) rows: Vec<RowKey>,
}

/// What one send came to.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Outcome(Outcome),
    /// It was not tried: the circuit is open, which is a fault of the provider's or of our set-up there, or the node
    /// stops. The attempt does not count.
    Untried {
        due_at: Timestamp,
        is_fault: bool,
    },
}

/// A row whose sends are all answered, and what is to be written.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) key: CardKey,
    pub(super) lease: i64,
    /// As claimed.
    pub(super) generation: i64,
    pub(super) step: Step,
    /// The provider did not take it, and it is tried again.
    pub(super) is_fault: bool,
    pub(super) event: Option<(EventKind, String)>,
    pub(super) dead: Vec<Dead>,
    /// Alerts left with it.
    pub(super) rings: bool,
    /// Addresses of ours that have taken it, and what they have taken: left out if others of this card are tried again.
    pub(super) told: Vec<(AddressKey, i64)>,
    /// Devices for which the provider has taken it.
    pub(super) reached: Vec<PushToken>,
    /// Addresses of ours at which nobody answered, or somebody does again.
    pub(super) silences: Vec<(AddressKey, Silence)>,
    pub(super) claimed_at: Timestamp,
    /// The provider's word that nothing more rings for this card today.
    pub(super) silenced: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    Again { due_at: Timestamp, attempts: i64 },
}

/// An address that the provider no longer knows.
#[derive(Debug, Clone)]
pub(super) struct Dead {
    pub(super) place: Place,
    pub(super) since: Option<Timestamp>,
    pub(super) reason: String,
    pub(super) cause: Cause,
}

/// Who says that an address is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Its provider.
    Provider,
    /// Nobody has answered there for too long.
    Silence,
}

impl Cause {
    /// As the metrics call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "dead",
            Self::Silence => "unanswered",
        }
    }
}

/// Where a push went.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Device(Address),
    /// The card itself is the address.
    Card,
    /// An address as it was when it was claimed.
    Listening {
        key: AddressKey,
        registered_at: Timestamp,
    },
}

struct Live {
    row: Claimed,
    waiting_for: usize,
    worst: Option<Answer>,
    dead: Vec<Dead>,
    /// What addresses of ours are told, as a number.
    said: i64,
    told: Vec<(AddressKey, i64)>,
    reached: Vec<PushToken>,
    /// Addresses at which nobody answered the last time.
    silent: HashMap<AddressKey, Silence>,
    silences: Vec<(AddressKey, Silence)>,
    silenced: Option<String>,
}

/// All rows of one lane that are neither waiting in the outbox nor finished.
pub(super) struct Batch {
    channel: Channel,
    back_off: BackOff,
    live: HashMap<RowKey, Live>,
    /// When anybody answered last: our own network was there.
    answered: Option<Timestamp>,
}

impl Batch {
    pub(super) fn new(channel: Channel, back_off: BackOff) -> Self {
        Self {
            channel,
            back_off,
            live: HashMap::new(),
            answered: None,
        }
    }

    /// Takes a claim of Apple's: one target for each device and pass type. Rows that no device waits for are
    /// settled.
    pub(super) fn take_devices(
        &mut self,
        lease: i64,
        rows: &[Claimed],
        addresses: Vec<Address>,
    ) -> (Vec<Target>, Vec<Settled>) {
        let mut targets: HashMap<(PassTypeIdentifier, PushToken), Vec<RowKey>> = HashMap::new();
        let mut waiting: HashMap<CardKey, usize> = HashMap::with_capacity(rows.len());
        for address in addresses {
            let rows = targets
                .entry((address.pass_type_identifier, address.push_token))
                .or_default();
            // A card may be registered twice with one push token, by a device that took a new name.
            if rows.last() != Some(&(lease, address.key)) && !rows.contains(&(lease, address.key)) {
                rows.push((lease, address.key));
                *waiting.entry(address.key).or_default() += 1;
            }
        }
        let settled = self.admit(lease, rows, |key| waiting.get(&key).copied().unwrap_or(0));
        let targets = targets
            .into_iter()
            .map(|((pass_type_identifier, push_token), rows)| Target {
                delivery: Delivery::AppleDevice {
                    pass_type_identifier,
                    push_token,
                },
                rows,
            })
            .collect();
        (targets, settled)
    }

    /// Takes a claim of Google's: one target for each card. Rows of cards that do not exist are settled.
    pub(super) fn take_objects(
        &mut self,
        lease: i64,
        rows: &[Claimed],
        faces: Vec<CardFace>,
        mut alerts: HashMap<CardKey, Vec<Alert>>,
    ) -> (Vec<Target>, Vec<Settled>) {
        let mut faces: HashMap<CardKey, CardFace> = faces
            .into_iter()
            .map(|face| ((face.merchant, face.card), face))
            .collect();
        let settled = self.admit(lease, rows, |key| usize::from(faces.contains_key(&key)));
        let targets = rows
            .iter()
            .filter_map(|row| {
                Some(Target {
                    delivery: Delivery::GoogleObject {
                        face: Box::new(faces.remove(&row.key)?),
                        alerts: alerts.remove(&row.key).unwrap_or_default(),
                    },
                    rows: vec![(lease, row.key)],
                })
            })
            .collect();
        (targets, settled)
    }

    /// Takes a claim of a channel with addresses of our own: one target for each address of a card, except those that
    /// have been told just this. Rows that nobody waits for are settled.
    pub(super) fn take_listening(
        &mut self,
        lease: i64,
        rows: &[Claimed],
        faces: &[CardFace],
        (listening, alerts): (Vec<Listening>, &HashMap<CardKey, Vec<Alert>>),
    ) -> (Vec<Target>, Vec<Settled>) {
        let ringing = |key: &CardKey| alerts.get(key).map_or(&[][..], Vec::as_slice);
        let notices: HashMap<CardKey, Notice> = faces
            .iter()
            .map(|face| ((face.merchant, face.card), face))
            .map(|(key, face)| (key, notice(face, ringing(&key))))
            .collect();
        let said: HashMap<CardKey, i64> = rows
            .iter()
            .map(|row| (row.key, said(row.generation, ringing(&row.key))))
            .collect();
        let mut waiting: HashMap<CardKey, usize> = HashMap::with_capacity(rows.len());
        let mut targets = Vec::with_capacity(listening.len());
        let mut silent: HashMap<CardKey, HashMap<AddressKey, Silence>> = HashMap::new();
        for one in listening {
            if one.silence != Silence::NONE {
                let of_card = silent.entry(one.card).or_default();
                of_card.insert(one.address.key.clone(), one.silence);
            }
            let is_told = said.get(&one.card).is_none_or(|said| one.told == Some(*said));
            if let Some(notice) = notices.get(&one.card)
                && !is_told
            {
                *waiting.entry(one.card).or_default() += 1;
                targets.push(Target {
                    delivery: Delivery::Notice {
                        to: Box::new(one.address),
                        notice: Box::new(notice.clone()),
                    },
                    rows: vec![(lease, one.card)],
                });
            }
        }
        let settled = self.admit(lease, rows, |key| waiting.get(&key).copied().unwrap_or(0));
        for row in rows {
            if let (Some(live), Some(said)) = (self.live.get_mut(&(lease, row.key)), said.get(&row.key)) {
                live.said = *said;
                live.silent = silent.remove(&row.key).unwrap_or_default();
            }
        }
        (targets, settled)
    }

    /// Rows of a claim that nothing can be done with now.
    pub(super) fn give_back(lease: i64, rows: &[Claimed], due_at: Timestamp) -> Vec<Settled> {
        rows.iter().map(|row| untried(lease, row, due_at)).collect()
    }

    fn admit(
        &mut self,
        lease: i64,
        rows: &[Claimed],
        waiting_for: impl Fn(CardKey) -> usize,
    ) -> Vec<Settled> {
        let mut settled = Vec::new();
        for row in rows {
            match waiting_for(row.key) {
                0 => settled.push(Settled {
                    step: Step::Done,
                    ..untried(lease, row, row.claimed_at)
                }),
                waiting_for => {
                    let live = Live {
                        row: *row,
                        waiting_for,
                        worst: None,
                        dead: Vec::new(),
                        said: row.generation,
                        told: Vec::new(),
                        reached: Vec::new(),
                        silent: HashMap::new(),
                        silences: Vec::new(),
                        silenced: None,
                    };
                    self.live.insert((lease, row.key), live);
                }
            }
        }
        settled
    }

    /// Notes the answer of one target and returns the rows that waited for nothing else.
    ///
    /// `jitter` spreads the next attempts.
    pub(super) fn answer(
        &mut self,
        target: &Target,
        answer: &Answer,
        jitter: u8,
        now: Timestamp,
    ) -> Vec<Settled> {
        if let Answer::Outcome(Outcome::Accepted | Outcome::Gone { .. }) = answer {
            self.answered = Some(now);
        }
        let mut settled = Vec::new();
        for key in &target.rows {
            let Some(live) = self.live.get_mut(key) else {
                continue;
            };
            let heard = listen(live, &target.delivery, answer, self.answered, now);
            let (answer, cause) = match &heard {
                Some(given_up) => (given_up, Cause::Silence),
                None => (answer, Cause::Provider),
            };
            match answer {
                Answer::Outcome(Outcome::Gone { since, reason }) => live.dead.push(Dead {
                    place: place(&target.delivery, key.1),
                    since: *since,
                    reason: reason.clone(),
                    cause,
                }),
                // A refusal for good ends it for this address as well as its being taken.
                Answer::Outcome(Outcome::Accepted | Outcome::Silenced { .. } | Outcome::Rejected { .. }) => {
                    if let Delivery::Notice { to, .. } = &target.delivery {
                        live.told.push((to.key.clone(), live.said));
                    }
                }
                Answer::Outcome(_) | Answer::Untried { .. } => {}
            }
            if let Answer::Outcome(Outcome::Silenced { reason }) = answer {
                live.silenced = Some(reason.clone());
            }
            if let Answer::Outcome(Outcome::Accepted) = answer
                && let Delivery::AppleDevice { push_token, .. } = &target.delivery
            {
                live.reached.push(push_token.clone());
            }
            let is_worse = live
                .worst
                .as_ref()
                .is_none_or(|worst| weight(answer) > weight(worst));
            if is_worse {
                live.worst = Some(answer.clone());
            }
            live.waiting_for = live.waiting_for.saturating_sub(1);
            if live.waiting_for == 0
                && let Some(live) = self.live.remove(key)
            {
                settled.push(self.settle(key.0, live, jitter, now));
            }
        }
        settled
    }

    fn settle(&self, lease: i64, live: Live, jitter: u8, now: Timestamp) -> Settled {
        let Live {
            row,
            worst,
            dead,
            told,
            reached,
            silences,
            silenced,
            ..
        } = live;
        let settled = |settled: Settled| Settled {
            dead,
            told,
            reached,
            silences,
            silenced,
            ..settled
        };
        let name = self.channel.as_str();
        let (step, event) = match worst {
            None => (Step::Done, None),
            Some(Answer::Untried { due_at, is_fault }) => {
                return settled(Settled {
                    is_fault,
                    ..untried(lease, &row, due_at)
                });
            }
            Some(Answer::Outcome(outcome)) => match self.back_off.next(&outcome, row.attempts, jitter, now) {
                Next::Again { at } => (
                    Step::Again {
                        due_at: at,
                        attempts: row.attempts,
                    },
                    None,
                ),
                Next::NotYet { at } => return settled(untried(lease, &row, at)),
                Next::GiveUp { reason } => (
                    Step::Done,
                    Some((EventKind::PushFailed, format!("{name}: {reason}"))),
                ),
                Next::Done => {
                    let event = match &outcome {
                        Outcome::Accepted => (EventKind::PushSent, name.to_owned()),
                        Outcome::Silenced { .. } => (EventKind::PushSent, format!("{name}: without ringing")),
                        other => (EventKind::PushFailed, format!("{name}: {}", reason(other))),
                    };
                    (Step::Done, Some(event))
                }
            },
        };
        settled(Settled {
            step,
            is_fault: matches!(step, Step::Again { .. }),
            event,
            ..untried(lease, &row, row.claimed_at)
        })
    }
}

/// Takes note of whether anybody answered at an address of ours; when nobody will any more, what to take the answer for.
fn listen(
    live: &mut Live,
    delivery: &Delivery,
    answer: &Answer,
    answered: Option<Timestamp>,
    now: Timestamp,
) -> Option<Answer> {
    let Delivery::Notice { to, .. } = delivery else {
        return None;
    };
    let before = live.silent.get(&to.key).copied().unwrap_or(Silence::NONE);
    match answer {
        Answer::Outcome(Outcome::Unanswered { reason }) => {
            let silence = before.longer(now);
            if silence.is_for_good(answered, now) {
                let days = now.since(silence.since).as_secs() / 86_400;
                let since = Some(now);
                let reason = format!("{reason}; silent for {days} days");
                return Some(Answer::Outcome(Outcome::Gone { since, reason }));
            }
            live.silences.push((to.key.clone(), silence));
        }
        Answer::Untried { .. } | Answer::Outcome(Outcome::Untried { .. }) => {}
        Answer::Outcome(_) if before != Silence::NONE => {
            live.silences.push((to.key.clone(), Silence::NONE));
        }
        Answer::Outcome(_) => {}
    }
    None
}

/// What a browser or app is shown: what rings, or else silently what the card says now.
fn notice(face: &CardFace, alerts: &[Alert]) -> Notice {
    let rings = alerts.iter().map(|alert| Rings {
        class: alert.class,
        words: alert.words.as_ref(),
        link: alert.link.as_deref(),
    });
    Notice::ringing(face, rings).unwrap_or_else(|| Notice::refresh(face))
}

/// Tells what is said in one attempt from what is said in another: the state of the card and the alerts beside it.
fn said(generation: i64, alerts: &[Alert]) -> i64 {
    alerts.iter().fold(generation, |said, alert| {
        let (lease, position) = alert.id;
        [lease, position]
            .into_iter()
            .fold(said, |said, part| said.wrapping_mul(31).wrapping_add(part))
    })
}

/// The attempt does not count.
fn untried(lease: i64, row: &Claimed, due_at: Timestamp) -> Settled {
    Settled {
        key: row.key,
        lease,
        generation: row.generation,
        step: Step::Again {
            due_at,
            attempts: (row.attempts - 1).max(0),
        },
        is_fault: false,
        event: None,
        dead: Vec::new(),
        rings: row.rings,
        told: Vec::new(),
        reached: Vec::new(),
        silences: Vec::new(),
        claimed_at: row.claimed_at,
        silenced: None,
    }
}

/// Of several answers for one card, the one that needs another attempt counts most; then that somebody was reached.
fn weight(answer: &Answer) -> (u8, std::time::Duration) {
    let none = std::time::Duration::ZERO;
    match answer {
        Answer::Outcome(Outcome::Misconfigured { .. }) => (7, none),
        Answer::Outcome(Outcome::Retry { after, .. }) => (6, after.unwrap_or_default()),
        Answer::Outcome(Outcome::Unanswered { .. }) => (5, none),
        Answer::Outcome(Outcome::Untried { after, .. }) => (4, *after),
        Answer::Untried { .. } => (4, none),
        Answer::Outcome(Outcome::Accepted | Outcome::Silenced { .. }) => (3, none),
        Answer::Outcome(Outcome::Rejected { .. }) => (2, none),
        Answer::Outcome(Outcome::Gone { .. }) => (1, none),
    }
}

fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Accepted => "",
        Outcome::Silenced { reason }
        | Outcome::Gone { reason, .. }
        | Outcome::Retry { reason, .. }
        | Outcome::Unanswered { reason }
        | Outcome::Untried { reason, .. }
        | Outcome::Misconfigured { reason }
        | Outcome::Rejected { reason } => reason,
    }
}

fn place(delivery: &Delivery, key: CardKey) -> Place {
    match delivery {
        Delivery::AppleDevice {
            pass_type_identifier,
            push_token,
        } => Place::Device(Address {
            key,
            pass_type_identifier: pass_type_identifier.clone(),
            push_token: push_token.clone(),
        }),
        Delivery::GoogleObject { .. } => Place::Card,
        Delivery::Notice { to, .. } => Place::Listening {
            key: to.key.clone(),
            registered_at: to.registered_at,
        },
    }
}

#[cfg(test)]
mod tests;
