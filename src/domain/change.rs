//! A change of one card: who brings it about, the rows that explain it, and what follows from its new sums.
//!
//! Whatever adds to a card's sums goes through a `Draft` or through a presentation; both end by settling what follows
//! from the sums, rewards and tier, so that these are the same whichever way the card went.

use crate::domain::card::Card;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent, Source};
use crate::domain::id::{BatchId, LocationId};
use crate::domain::program::Rules;
use crate::domain::time::Timestamp;
use crate::domain::{reward, tier};

/// The card after the change and the ledger rows that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub card: Card,
    pub events: Vec<NewEvent>,
}

/// Who brings a change about, and by which way; every row of the change says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub actor: Actor,
    pub source: Source,
    pub location: Option<LocationId>,
    /// The bulk job or import that the change is a part of.
    pub batch: Option<BatchId>,
    pub reason: Option<Reason>,
}

/// Why somebody changed something by hand, in their words. Kept in the ledger for ever, so it must not say who the
/// customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a reason has 1 to {most} characters on one line; got {got}", most = Reason::MOST)]
pub struct NoReason {
    got: String,
}

impl Reason {
    const MOST: usize = 200;

    pub fn parse(text: &str) -> Result<Self, NoReason> {
        let text = text.trim();
        let length = text.chars().count();
        if (1..=Self::MOST).contains(&length) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        let got = match length {
            0 => "none".into(),
            1..=Self::MOST => "a control character".into(),
            longer => format!("{longer} characters"),
        };
        Err(NoReason { got })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Cause {
    /// The actor's usual way, and nothing more said.
    pub fn of(actor: Actor) -> Self {
        Self {
            actor,
            source: actor.usual_source(),
            location: None,
            batch: None,
            reason: None,
        }
    }

    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    #[must_use]
    pub fn in_batch(mut self, batch: BatchId, source: Source) -> Self {
        self.batch = Some(batch);
        self.source = source;
        self
    }

    /// A row of `card` that says all this.
    pub fn event(&self, card: &Card, kind: EventKind, at: Timestamp) -> NewEvent {
        NewEvent {
            source: self.source,
            location: self.location,
            batch: self.batch,
            reason: self.reason.as_ref().map(|reason| reason.0.clone()),
            ..NewEvent::of_card(card.id, kind, self.actor, at)
        }
    }
}

/// Settles what follows from the sums of `card` under rules that have changed since.
pub fn settle(rules: &Rules, card: &Card, cause: &Cause, now: Timestamp) -> Change {
    Draft::new(rules, card, cause, now).finish(now)
}

/// A card that is being changed.
pub(super) struct Draft<'r> {
    rules: &'r Rules,
    cause: &'r Cause,
    at: Timestamp,
    pub(super) card: Card,
    events: Vec<NewEvent>,
}

impl<'r> Draft<'r> {
    pub(super) fn new(rules: &'r Rules, card: &Card, cause: &'r Cause, at: Timestamp) -> Self {
        Self {
            rules,
            cause,
            at,
            card: card.clone(),
            events: Vec::with_capacity(2),
        }
    }

    /// Adds a row with its numbers to the ledger and to the card; the row, so that more can be said in it.
    pub(super) fn add(&mut self, kind: EventKind, delta: Delta) -> &mut NewEvent {
        self.card.apply(delta);
        let row = self.cause.event(&self.card, kind, self.at).with_delta(delta);
        self.events.push(row);
        let newest = self.events.len() - 1;
        &mut self.events[newest]
    }

    /// Settles what follows from the sums and ends the change.
    pub(super) fn finish(mut self, now: Timestamp) -> Change {
        for due in reward::due(self.rules, &self.card) {
            self.add(due.kind, due.delta).detail = due.detail;
        }
        let ladder = self.rules.ladder.as_ref();
        if let Some(changed) = tier::settle(ladder, &mut self.card, self.cause.actor, self.at) {
            let row = self.cause.event(&self.card, changed.kind, self.at);
            self.events.push(NewEvent {
                detail: changed.detail,
                ..row
            });
        }
        self.card.touch(now);
        Change {
            card: self.card,
            events: self.events,
        }
    }
}

#[cfg(test)]
mod tests;
