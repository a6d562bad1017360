//! Changing programs: edits that do not overwrite each other, archiving, and carrying new rules to the cards.
//!
//! Rules that change never rewrite what happened. They decide about everything from then on, and a chore carries what
//! follows from them to each card as rows of their own: a card with more punches than a goal that was lowered gets its
//! rewards, one that covers a reward which became cheaper is told so, one that reaches another tier moves. A card's end
//! stays as it was set when it was issued, except that visits prolong it by the rules of their day; what was counted
//! towards tiers stays counted until its cycle ends. With the chore every card's pass is drawn anew.

use crate::domain::card::CardStatus;
use crate::domain::change::{self, Cause};
use crate::domain::event::Actor;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::program::{Program, ProgramKind, Rules};
use crate::domain::tier;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::write_changes;
use crate::ops::chores::TURN;
use crate::store::{Error, cards, programs};

/// Why a program was not changed. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("there is no such program")]
    NotFound,
    /// Somebody else changed it since the caller looked: here is what they made of it.
    #[error("this program was changed meanwhile; it is in version {} now", .0.version)]
    Changed(Box<Program>),
    #[error("a {from} program stays one: its cards could not become cards of a {to} program", from = .from.as_str(), to = .to.as_str())]
    Kind { from: ProgramKind, to: ProgramKind },
    #[error(transparent)]
    Store(#[from] Error),
}

/// What staff may change of a program.
#[derive(Debug, Clone)]
pub struct ProgramEdit {
    pub name: String,
    pub template: String,
    pub reward_name: String,
    pub rules: Rules,
}

impl Ops {
    /// Changes a program that the caller saw in version `seen`.
    pub async fn edit_program(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        seen: i64,
        edit: ProgramEdit,
    ) -> Result<Program, EditError> {
        self.store
            .write("edit_program", move |tx| {
                let edit = edit.clone();
                Box::pin(async move {
                    let found = cards::program(tx, merchant, program).await?;
                    let before = found.ok_or(EditError::NotFound)?.program;
                    let (from, to) = (before.rules.kind(), edit.rules.kind());
                    if from != to {
                        return Err(EditError::Kind { from, to });
                    }
                    let after = Program {
                        name: edit.name,
                        template: edit.template,
                        reward_name: edit.reward_name,
                        rules: edit.rules,
                        version: seen + 1,
                        ..before
                    };
                    if programs::update(tx, &after, seen).await? {
                        return Ok(after);
                    }
                    let now = cards::program(tx, merchant, program).await?;
                    Err(EditError::Changed(Box::new(
                        now.ok_or(EditError::NotFound)?.program,
                    )))
                })
            })
            .await
    }

    /// Retires a program, or takes it back: its cards go on, new ones are not issued while it is retired.
    pub async fn archive_program(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        seen: i64,
        archived: bool,
    ) -> Result<Program, EditError> {
        let at = archived.then(|| self.clock.now());
        self.store
            .write("archive_program", move |tx| {
                Box::pin(async move {
                    let written = programs::set_archived(tx, merchant, program, seen, at).await?;
                    let now = cards::program(tx, merchant, program).await?;
                    let now = now.ok_or(EditError::NotFound)?.program;
                    if written {
                        Ok(now)
                    } else {
                        Err(EditError::Changed(Box::new(now)))
                    }
                })
            })
            .await
    }
}

/// Carries changed rules to the next cards of a program.
pub(super) async fn settle(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    ops.store
        .write("settle_program", move |tx| {
            Box::pin(async move {
                let Some(on_its_way) = programs::to_settle(tx).await? else {
                    return Ok(0);
                };
                let (merchant, program) = (on_its_way.merchant, on_its_way.program);
                let next = programs::cards_after(tx, merchant, on_its_way.reached, TURN).await?;
                let last: Option<CardId> = next.last().map(|(card, _)| *card);
                programs::settled(tx, merchant, program, last).await?;
                let own = next.iter().filter(|(_, of)| *of == program);
                let keys: Vec<_> = own.map(|(card, _)| (merchant, *card)).collect();
                if let Some(of) = cards::program(tx, merchant, program).await? {
                    let zone = of.time_zone();
                    let cause = Cause::of(Actor::Gateway);
                    let rules = &of.program.rules;
                    let mut changes = Vec::with_capacity(keys.len());
                    for mut card in cards::cards_for_update(tx, &keys).await? {
                        // A card that was converted meanwhile is no longer one of this program; one that staff
                        // ended is settled by its first change after they restored it.
                        if card.program != program || card.status == CardStatus::Void {
                            continue;
                        }
                        let ended = tier::catch_up(rules.ladder.as_ref(), &mut card, now, &zone);
                        let mut settled = change::settle(rules, &card, &cause, now);
                        settled.events.splice(0..0, ended);
                        changes.push(settled);
                    }
                    write_changes(tx, changes, now).await?;
                }
                // A turn that found no card of the program has still come further.
                Ok(next.len().max(1))
            })
        })
        .await
}
