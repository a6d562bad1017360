//! What a message does by itself: it starts, writes its recipients down page by page, and finishes.
//!
//! A turn is one transaction that holds the message's row and says in it how far it has come. So each recipient is
//! written down once, whatever stops in the middle and however many nodes are at it, and a tap waits behind no more than
//! a page. A recipient's row and the mark on its card's row in the outbox are written together; what becomes of them is
//! the dispatcher's matter.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::audience::{Fixed, PAGE};
use super::{MessageError, zone};
use crate::domain::budget::{self, Decision};
use crate::domain::delivery::Channel;
use crate::domain::id::{CardId, MerchantId, MessageId};
use crate::domain::message::hold::Hold;
use crate::domain::message::{ALL_EXPANDED, Message, Outcome, State, Step, is_refused};
use crate::domain::segment::saved::Viewer;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::audience::Audience as _;
use crate::ops::segments::{SegmentError, apart};
use crate::store::intents::{self, Decided, IntentState, NewIntent, NewText};
use crate::store::messages::recipients::Answers;
use crate::store::messages::{self, recipients};
use crate::store::push_events::{self, Line};
use crate::store::pushes::{self, CardKey, CardState};
use crate::store::{Error, Retry, Tx, budgets, outbox};

/// How often a message that waits for its recipients is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
/// How long one is left alone whose turn can never succeed.
const PUT_OFF_FOR: Duration = Duration::from_secs(60);

/// One turn of the chore: a step of the message that waited longest. Returns 0 when none was left to this node.
pub(in crate::ops) async fn turn(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    let due = ops.store.read("due_messages", move |tx| {
        Box::pin(async move { messages::due(tx, now).await })
    });
    let due: Result<Vec<(MerchantId, MessageId)>, Error> = due.await;
    for (merchant, id) in due? {
        match step(ops, merchant, id, now).await {
            Ok(true) => return Ok(1),
            Ok(false) => {}
            Err(error) if error.retry() == Retry::Never => {
                tracing::error!(message = %id, %error, "a message cannot go on; it is tried again later");
                put_off(ops, merchant, id, now.plus(PUT_OFF_FOR)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(0)
}

async fn put_off(ops: &Ops, merchant: MerchantId, id: MessageId, until: Timestamp) -> Result<(), Error> {
    ops.store
        .write("put_off_message", move |tx| {
            Box::pin(async move { messages::put_off(tx, merchant, id, until).await })
        })
        .await
}

/// Whether there was something left to do.
async fn step(ops: &Ops, merchant: MerchantId, id: MessageId, now: Timestamp) -> Result<bool, Error> {
    // Asked before the row is locked: counting may take a while.
    let seen = look(ops, merchant, id).await?;
    let worked = ops
        .store
        .write("send_message", move |tx| {
            let seen = seen.clone();
            Box::pin(async move {
                let Some(message) = messages::claim(tx, merchant, id, now).await? else {
                    return Ok::<_, Error>(false);
                };
                work(tx, message, &seen, now).await?;
                tracing::trace!(target: "passgate::walk", step = "message_written");
                Ok(true)
            })
        })
        .await?;
    if worked {
        tracing::trace!(target: "passgate::walk", step = "message_committed");
    }
    Ok(worked)
}

/// What is known of a message's recipients before its row is locked.
#[derive(Debug, Clone, Default)]
struct Seen {
    answers: Answers,
    /// Only where nobody was left to wait for.
    outcome: Option<Outcome>,
}

async fn look(ops: &Ops, merchant: MerchantId, id: MessageId) -> Result<Seen, Error> {
    let store = ops.store.clone();
    apart(async move {
        store
            .read("look_at_message", move |tx| {
                Box::pin(async move {
                    let found = messages::message(tx, merchant, id).await?;
                    let Some(message) = found.filter(|message| message.started_at.is_some()) else {
                        return Ok(Seen::default());
                    };
                    let answers = recipients::answers(tx, merchant, id).await?;
                    // One that was aborted writes nobody down any more.
                    let is_written = message.is_expanded() || message.state == State::Aborted;
                    let is_written = is_written && message.walked_to == ALL_EXPANDED;
                    let is_over = is_written && !recipients::is_open(tx, merchant, id).await?;
                    Ok(Seen {
                        answers,
                        outcome: match is_over {
                            true => Some(super::history::outcome(tx, &message).await?),
                            false => None,
                        },
                    })
                })
            })
            .await
    })
    .await
}

async fn work(tx: &mut Tx<'_>, mut message: Message, seen: &Seen, now: Timestamp) -> Result<(), Error> {
    let Answers {
        refused,
        mut faulty,
        accepted,
    } = seen.answers;
    if message.walked_to == CardId(0) {
        faulty = 0;
        // Somebody has just taken it up, and knows of these.
        message.faults = refused;
        intents::forgive(tx, message.merchant, message.id).await?;
    }
    let due = match message.state {
        State::Scheduled => start(tx, &mut message, now).await?,
        State::Running if is_refused(refused + faulty, message.faults, accepted) => {
            let hold = Hold {
                refused: refused - message.faults,
                tried: faulty,
            };
            pause(tx, &mut message, hold.to_string(), now).await?
        }
        State::Running | State::Aborted if message.walked_to != ALL_EXPANDED => {
            walk(tx, &mut message, now).await?;
            Some(now)
        }
        State::Running if !message.is_expanded() => {
            expand(tx, &mut message, now).await?;
            Some(now)
        }
        State::Running | State::Aborted => match &seen.outcome {
            Some(outcome) => {
                messages::save_outcome(tx, message.merchant, message.id, outcome).await?;
                if message.state == State::Running {
                    take(&mut message, Step::Finish, now)?;
                }
                None
            }
            None => Some(now.plus(LOOKED_AT_EVERY)),
        },
        State::Draft | State::Paused | State::Done | State::Cancelled => None,
    };
    messages::save(tx, &message, due).await
}

fn take(message: &mut Message, step: Step, now: Timestamp) -> Result<(), Error> {
    let taken = message.step(step, now);
    taken.map_err(|error| Error::inconsistent("a step that the state allows", error))
}

/// Fixes who is meant and what is said. A message whose audience cannot be found any more is cancelled.
async fn start(tx: &mut Tx<'_>, message: &mut Message, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    match Fixed::of(tx, message, Viewer::Operator, now).await {
        Ok(fixed) => message.rule = fixed.text(),
        Err(SegmentError::Store(error)) => return Err(error),
        Err(refused) => {
            message.paused_because = Some(refused.to_string());
            take(message, Step::Cancel, now)?;
            return Ok(None);
        }
    }
    let text = NewText {
        merchant: message.merchant,
        id: message.id,
        class: message.content.class,
        body: message.content.text.clone(),
        title: message.content.title.clone(),
        linked: message.content.link.is_some(),
        personalised: message.is_personalised(),
        digest: message.content.digest(),
        campaign: None,
        ends_at: None,
    };
    intents::insert_text(tx, &text, now).await?;
    take(message, Step::Start, now)?;
    tracing::trace!(target: "passgate::walk", step = "message_started");
    Ok(Some(now))
}

async fn pause(
    tx: &mut Tx<'_>,
    message: &mut Message,
    because: String,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    take(message, Step::Pause, now)?;
    tracing::error!(message = %message.id, because, "a message is held");
    message.paused_because = Some(because);
    text_follows(tx, message).await?;
    Ok(None)
}

/// Writes the next page of the audience down.
async fn expand(tx: &mut Tx<'_>, message: &mut Message, now: Timestamp) -> Result<(), Error> {
    let (merchant, id) = (message.merchant, message.id);
    // Relative rules mean what they meant when the message started.
    let started = message.started_at.unwrap_or(now);
    let fixed = Fixed::of(tx, message, Viewer::Operator, started).await;
    let fixed = fixed.map_err(|error| match error {
        SegmentError::Store(error) => error,
        other => Error::inconsistent("the audience that the message started with", other),
    })?;
    let page = fixed.page(tx, merchant, message.expanded_to, PAGE).await?;
    let shop = zone(tx, merchant).await.map_err(|error| match error {
        MessageError::Store(error) => error,
        other => Error::inconsistent("the merchant of a message", other),
    })?;
    let mut zones = Zones::default();
    let (mut new, mut marks, mut nowhere) = (Vec::new(), Vec::new(), Vec::new());
    let members = recipients::members(tx, merchant, &page).await?;
    for member in &members {
        let theirs = zones.get(member.zone.as_deref());
        let due_at = message.when.due_for(&shop, theirs, started);
        let key = (merchant, member.card);
        let mut add = |channel| {
            new.push(NewIntent {
                key,
                message: id,
                channel,
                due_at,
            });
        };
        for channel in Channel::ALL {
            if member.channels.contains(channel) {
                add(channel);
                marks.push((key, channel, due_at));
            }
        }
        if member.channels.0 == 0 {
            add(NOWHERE);
            nowhere.push(key);
        }
    }
    // Before the outbox, as everywhere. Others need no lock.
    let cards = match nowhere.is_empty() {
        true => Vec::new(),
        false => pushes::lock_cards(tx, &nowhere).await?,
    };
    intents::insert(tx, &new, now).await?;
    tracing::trace!(target: "passgate::walk", step = "recipients_written");
    outbox::wake(tx, &marks, now).await?;
    suppress(tx, id, &cards, now).await?;
    message.recipients += i64::try_from(members.len()).unwrap_or(i64::MAX);
    message.expanded_to = match page.last() {
        Some(last) if i64::try_from(page.len()) == Ok(PAGE) => *last,
        _ => ALL_EXPANDED,
    };
    tracing::trace!(target: "passgate::walk", step = "message_expanded");
    Ok(())
}

/// On which channel a card is decided on that has no copy anywhere; every such decision says why nothing is sent.
pub(super) const NOWHERE: Channel = Channel::Apple;

/// Cards without a copy are no matter for a dispatcher: what it would decide is decided here.
async fn suppress(
    tx: &mut Tx<'_>,
    message: MessageId,
    cards: &[CardState],
    now: Timestamp,
) -> Result<(), Error> {
    if cards.is_empty() {
        return Ok(());
    }
    let keys: Vec<CardKey> = cards.iter().map(|card| card.key).collect();
    let mut book = budgets::read(tx, NOWHERE, &keys, &keys, now).await?;
    let mut lines = Vec::with_capacity(2 * keys.len());
    let waiting = std::mem::take(&mut book.waiting);
    let mut decided = Vec::with_capacity(keys.len());
    book.each(NOWHERE, now, |_, card, standing| {
        let found = waiting.get(&card.key).into_iter().flatten();
        let Some(found) = found.into_iter().find(|waiting| waiting.message == message) else {
            return;
        };
        let mut intent = found.intent;
        // What is due later is no different: there is nowhere to send it.
        intent.due_at = intent.due_at.min(now);
        let ruling = budget::decide(standing, &[intent], now).pop();
        if let Some(ruling) = ruling.filter(|ruling| ruling.decision == Decision::Suppress) {
            let begun = budget::created(NOWHERE, intent.class, message);
            lines.push(Line::new(card.key, begun, found.created_at));
            let told = ruling.told(NOWHERE, standing.clocks.merchant);
            lines.extend(told.map(|told| Line::new(card.key, told, now)));
            decided.push(Decided {
                key: card.key,
                message,
                state: IntentState::Suppressed,
                ruling: Some(ruling),
            });
        }
    });
    intents::decide(tx, NOWHERE, &decided, now).await?;
    let newest = cards.iter().map(|card| (card.key, card.last_event)).collect();
    push_events::append_alone(tx, newest, lines, now).await
}

/// Has recipients that wait decided anew: of a message that was taken up again, or that was aborted.
async fn walk(tx: &mut Tx<'_>, message: &mut Message, now: Timestamp) -> Result<(), Error> {
    let of = (message.merchant, message.id);
    // A card's few channels stay together: the page ends before the last card of a full one.
    let mut waiting = intents::waiting_after(tx, of, (message.walked_to, None), PAGE).await?;
    let is_full = i64::try_from(waiting.len()) == Ok(PAGE);
    let last = waiting.last().map(|(card, _)| *card);
    if let (true, Some(last)) = (is_full, last) {
        waiting.retain(|(card, _)| *card != last);
    }
    let marks: Vec<_> = waiting
        .iter()
        .map(|(card, channel)| ((of.0, *card), *channel, now))
        .collect();
    outbox::wake(tx, &marks, now).await?;
    message.walked_to = match waiting.last() {
        Some((card, _)) if is_full => *card,
        _ => ALL_EXPANDED,
    };
    tracing::trace!(target: "passgate::walk", step = "message_walked");
    Ok(())
}

/// Zones by name, each looked up once.
#[derive(Default)]
pub(super) struct Zones(HashMap<String, Option<TimeZone>>);

impl Zones {
    pub(super) fn get(&mut self, name: Option<&str>) -> Option<&TimeZone> {
        let name = name?;
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), TimeZone::get(name).ok());
        }
        self.0.get(name)?.as_ref()
    }
}

/// Lets the dispatchers know whether a message that has started may go on.
pub(super) async fn text_follows(tx: &mut Tx<'_>, message: &Message) -> Result<(), Error> {
    let state = match message.state {
        State::Paused => intents::TextState::Paused,
        State::Aborted => intents::TextState::Cancelled,
        _ => intents::TextState::Live,
    };
    intents::set_text_state(tx, message.merchant, message.id, state).await?;
    Ok(())
}
