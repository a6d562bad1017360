//! One action on many cards: what it does to each, why it cannot be done to some, and how all of it is taken back.
//!
//! The preview and the job ask the same functions, card by card; what differs between them is only what happened to the
//! cards meanwhile.

mod stored;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::domain::adjustment::{self, AdjustRefusal, Adjustment};
use crate::domain::card::{Card, CardStatus};
use crate::domain::change::{Cause, Change};
use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::id::{BatchId, CardId, EventId, ProgramId, SegmentId};
use crate::domain::ledger::LatestEarning;
use crate::domain::program::{ProgramKind, Rules};
use crate::domain::redemption::{self, RedeemRefusal, ReverseRefusal, Taken};
use crate::domain::segment::{DEEPEST, LONGEST, Rule};
use crate::domain::time::Timestamp;

/// Cards that can be named one by one; more are meant by a program or a rule.
pub const MOST_SELECTED: usize = 5000;

/// Refused cards that a preview names.
const MOST_NAMED: usize = 100;

/// What is done to each card. A form that was once stored is read for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum BulkAction {
    AddPunches {
        count: i64,
    },
    AddPoints {
        count: i64,
    },
    Redeem,
    Void,
    Restore,
    /// Take back what a batch did.
    TakeBack,
}

/// Which cards are meant. Looked up page by page, in the order of their ids, when the job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// A selection.
    Cards(Vec<CardId>),
    /// Every card of a program.
    Program(ProgramId),
    /// Every card that a batch changed.
    Batch(BatchId),
    /// Every card that a rule holds for; what the rule says of time is said of this moment.
    Rule { rule: Rule, at: Timestamp },
    /// Every card on the list of a segment.
    Listed(SegmentId),
}

/// Why an action is not done at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    #[error("amount: expected 1 to {most}; got {got}", most = adjustment::MOST)]
    Amount { got: i64 },
    #[error("reason: expected 1 to {MOST_REASON} characters without line breaks; got {got}")]
    Reason { got: usize },
    #[error("cards: expected 1 to {MOST_SELECTED}; got {got}")]
    Cards { got: usize },
    /// What is kept has to be read again.
    #[error(
        "rule: expected at most {LONGEST} bytes and {DEEPEST} groups within each other; got a longer or deeper one"
    )]
    Rule,
}

/// The longest reason, in characters.
pub const MOST_REASON: usize = 200;

/// Why one card is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("There is no such card.")]
    NoCard,
    #[error(transparent)]
    Adjust(#[from] AdjustRefusal),
    #[error(transparent)]
    Redeem(#[from] RedeemRefusal),
    #[error("This is a {got} card; {what} go to another kind.", got = .got.as_str())]
    Kind { what: &'static str, got: ProgramKind },
    #[error("This card has already ended.")]
    AlreadyVoid,
    #[error("This card has not ended.")]
    NotVoid,
    #[error("The person who held this card was erased; it cannot be brought back.")]
    CustomerErased,
    #[error(transparent)]
    Reverse(#[from] ReverseRefusal),
}

impl Refusal {
    /// A stable code for stores and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCard => "no_card",
            Self::Adjust(AdjustRefusal::CardVoid) | Self::Redeem(RedeemRefusal::CardVoid) => "card_void",
            Self::Adjust(AdjustRefusal::CardExpired) | Self::Redeem(RedeemRefusal::CardExpired) => {
                "card_expired"
            }
            Self::Adjust(_) => "balance",
            Self::Redeem(_) => "not_redeemable",
            Self::Kind { .. } => "wrong_kind",
            Self::AlreadyVoid => "already_void",
            Self::NotVoid => "not_void",
            Self::CustomerErased => "customer_erased",
            Self::Reverse(ReverseRefusal::AlreadyReversed) => "already_taken_back",
            Self::Reverse(ReverseRefusal::RewardRedeemed) => "reward_redeemed",
            Self::Reverse(ReverseRefusal::PointsSpent { .. }) => "points_spent",
            Self::Reverse(ReverseRefusal::CouponRedeemed) => "coupon_redeemed",
            Self::Reverse(ReverseRefusal::ConvertedCardUsed) => "converted_card_used",
            Self::Reverse(ReverseRefusal::TooLate { .. }) => "too_late",
            Self::Reverse(ReverseRefusal::NotReversible { .. }) => "not_reversible",
        }
    }
}

impl BulkAction {
    /// The action as a person reads it, after "can be".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::AddPunches { .. } => "given punches",
            Self::AddPoints { .. } => "given points",
            Self::Redeem => "redeemed",
            Self::Void => "ended",
            Self::Restore => "restored",
            Self::TakeBack => "taken back",
        }
    }

    pub fn check(self, audience: &Audience, reason: Option<&str>) -> Result<(), BulkError> {
        let needs_reason = match self {
            Self::AddPunches { count } | Self::AddPoints { count } => {
                if !(1..=adjustment::MOST).contains(&count) {
                    return Err(BulkError::Amount { got: count });
                }
                true
            }
            Self::Redeem | Self::Void | Self::Restore | Self::TakeBack => false,
        };
        let length = reason.map_or(0, |reason| reason.trim().chars().count());
        let has_controls = reason.is_some_and(|reason| reason.chars().any(char::is_control));
        let given = reason.is_some() || needs_reason;
        if given && (!(1..=MOST_REASON).contains(&length) || has_controls) {
            return Err(BulkError::Reason { got: length });
        }
        match audience {
            Audience::Cards(cards) if !(1..=MOST_SELECTED).contains(&cards.len()) => {
                Err(BulkError::Cards { got: cards.len() })
            }
            Audience::Rule { rule, .. } if !rule.can_be_kept() => Err(BulkError::Rule),
            _ => Ok(()),
        }
    }
}

/// What a batch did to one card, newest entry first, and which of its entries were taken back since.
#[derive(Debug, Clone, Default)]
pub struct Made {
    pub entries: Vec<Event>,
    pub taken_back: HashSet<EventId>,
    /// The newest earning and the newest visit that stand without them.
    pub remaining: LatestEarning,
}

/// What `action` does to `card`. `made` is what the batch in question did to it, for [`BulkAction::TakeBack`].
pub fn judge(
    action: BulkAction,
    rules: &Rules,
    card: &Card,
    made: Option<&Made>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, Refusal> {
    let kind = |what, expected| {
        let got = rules.kind();
        if got == expected {
            Ok(())
        } else {
            Err(Refusal::Kind { what, got })
        }
    };
    let added = |amount| Adjustment::Add { amount, paid: None };
    match action {
        BulkAction::AddPunches { count } => {
            kind("punches", ProgramKind::Punch)?;
            Ok(adjustment::adjust(rules, card, added(count), cause, now)?)
        }
        BulkAction::AddPoints { count } => {
            kind("points", ProgramKind::Points)?;
            Ok(adjustment::adjust(rules, card, added(count), cause, now)?)
        }
        BulkAction::Redeem => Ok(redemption::redeem(rules, card, None, cause, now)?),
        BulkAction::Void if card.status == CardStatus::Void => Err(Refusal::AlreadyVoid),
        BulkAction::Restore if card.status != CardStatus::Void => Err(Refusal::NotVoid),
        BulkAction::Void | BulkAction::Restore => {
            let mut after = card.clone();
            let kind = turn_over(&mut after);
            after.touch(now);
            let event = cause.event(card, kind, now);
            Ok(Change {
                card: after,
                events: vec![event],
            })
        }
        BulkAction::TakeBack => match made {
            Some(made) => take_back(rules, card, made, cause, now),
            None => Err(ReverseRefusal::NotReversible {
                kind: "nothing was done",
            }
            .into()),
        },
    }
}

/// Ends a card, or makes an ended one valid again.
fn turn_over(card: &mut Card) -> EventKind {
    if card.status != CardStatus::Void {
        card.status = CardStatus::Void;
        return EventKind::CardVoided;
    }
    card.status = card.status_by_copies();
    EventKind::CardRestored
}

/// Takes back each entry of a batch on one card. What only followed from the sums, rewards and tier, is settled anew.
fn take_back(
    rules: &Rules,
    card: &Card,
    made: &Made,
    cause: &Cause,
    now: Timestamp,
) -> Result<Change, Refusal> {
    if made
        .entries
        .iter()
        .any(|entry| made.taken_back.contains(&entry.id))
    {
        return Err(ReverseRefusal::AlreadyReversed.into());
    }
    let mut after = card.clone();
    let mut events = Vec::with_capacity(made.entries.len());
    for entry in &made.entries {
        match entry.event.kind {
            EventKind::TierChanged | EventKind::TierCycleEnded | EventKind::RewardRedeemable => {}
            EventKind::CardVoided | EventKind::CardRestored => {
                let was_ended = entry.event.kind == EventKind::CardVoided;
                if was_ended != (after.status == CardStatus::Void) {
                    return Err(ReverseRefusal::AlreadyReversed.into());
                }
                let kind = turn_over(&mut after);
                events.push(cause.event(card, kind, now).taking_back(entry.id));
            }
            _ => {
                let taken = Taken {
                    original: entry,
                    already: false,
                    remaining: made.remaining,
                    window: None,
                };
                let change = redemption::take_back(rules, &after, &taken, cause, now)?;
                after = change.card;
                events.extend(change.events);
            }
        }
    }
    // One change of the card, however many entries it has.
    after.version = card.version;
    after.changed_at = card.changed_at;
    after.touch(now);
    Ok(Change { card: after, events })
}

/// What a job would do, counted card by card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    pub seen: Seen,
    /// Cards that reach their goal, and the rewards that this earns.
    pub crossing: i64,
    pub rewards: i64,
    /// How many cannot, by the code of the reason.
    pub refused: BTreeMap<&'static str, i64>,
    /// The first cards that cannot, each with its reason.
    pub named: Vec<(CardId, Refusal)>,
}

/// An audience as it was looked at: enough to tell later how it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub cards: i64,
    pub able: i64,
    /// The same for the same cards in any order.
    pub print: i64,
}

impl Preview {
    pub fn add(&mut self, card: CardId, judged: &Result<Change, Refusal>) {
        self.seen.cards += 1;
        self.seen.print = self.seen.print.wrapping_add(print(card));
        match judged {
            Ok(change) => {
                let earned = |event: &&NewEvent| event.kind == EventKind::RewardRedeemable;
                let rewards: i64 = change
                    .events
                    .iter()
                    .filter(earned)
                    .map(|event| event.delta.rewards)
                    .sum();
                self.seen.able += 1;
                self.crossing += i64::from(rewards > 0);
                self.rewards += rewards;
            }
            Err(refusal) => {
                *self.refused.entry(refusal.code()).or_default() += 1;
                if self.named.len() < MOST_NAMED {
                    self.named.push((card, refusal.clone()));
                }
            }
        }
    }

    /// "38 of 50 can be redeemed".
    pub fn sentence(&self, action: BulkAction) -> String {
        let Seen { cards, able, .. } = self.seen;
        format!("{able} of {cards} can be {}", action.in_words())
    }
}

/// A number for each card; their sum tells two audiences of equal size apart.
pub fn print(card: CardId) -> i64 {
    let mut mixed = card.0.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).cast_signed()
}

#[cfg(test)]
mod tests;
