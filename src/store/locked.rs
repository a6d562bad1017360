//! What a transaction knows of the cards that it has locked: how each was stored, which writing it back compares with.
//!
//! Invariant: the columns read here change by [`crate::store::cards::save`] and [`crate::store::counts::recount`] alone,
//! which keep [`Tx::known`] in step, and the rows stay locked until the transaction ends. So a card is read once, when it
//! is locked, and never again to be written.

use std::collections::BTreeSet;

use crate::domain::card::{Card, CardStatus};
use crate::domain::chips::{Chips, KnownVisits, Standing};
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::rfm::Cell;
use crate::domain::time::Timestamp;
use crate::domain::window::{Kept, Recent};
use crate::store::segment_rules::Version;
use crate::store::{Error, FromRow, Row, Tx, cards};

/// What a card is counted as, behind the columns of the card itself.
macro_rules! known_columns {
    () => {
        "c.counted_program, c.counted_version, c.segments, c.rfm, c.counts_due_at, c.visit_before_at, c.recent_days, \
         c.recent_visits, c.recent_spend, c.recent_from"
    };
}
pub(super) use known_columns;

pub type CardKey = (MerchantId, CardId);

/// How a card is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) program: ProgramId,
    pub(super) is_void: bool,
    pub(super) installed_at: Option<Timestamp>,
    pub(super) visits: KnownVisits,
    /// What it had within the window of its program's counts.
    pub(super) kept: Kept,
    /// None while it is not counted at all.
    pub(super) counted: Option<Counted>,
    /// When time alone may make it count differently.
    pub(super) due_at: Option<Timestamp>,
}

/// What a card is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) program: ProgramId,
    pub(super) version: Version,
    pub(super) standing: Standing,
}

/// A card that was just locked.
pub(super) struct Locked {
    card: Card,
    known: Known,
}

/// Keeps how a card is stored for the moment when it is saved, and hands out the card.
pub(super) fn remember(tx: &mut Tx<'_>, locked: Locked) -> Card {
    let Locked { card, known } = locked;
    tx.known.insert((card.merchant, card.id), known);
    card
}

/// Makes sure that it is known how `cards` are stored, before they are written; locks those that were not locked.
pub(super) async fn know(tx: &mut Tx<'_>, cards: &[Card]) -> Result<(), Error> {
    let keys = cards.iter().map(|card| (card.merchant, card.id));
    let unknown: BTreeSet<CardKey> = keys.filter(|key| !tx.known.contains_key(key)).collect();
    if !unknown.is_empty() {
        let unknown: Vec<_> = unknown.into_iter().collect();
        cards::cards_for_update(tx, &unknown).await?;
    }
    Ok(())
}

impl FromRow for Locked {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let card = Card::from_row(row)?;
        let counted_program: Option<ProgramId> = row.next()?;
        let version = Version(row.next()?);
        let standing = Standing {
            chips: Chips(row.next()?),
            cell: Cell(row.next()?),
        };
        let known = Known {
            program: card.program,
            is_void: card.status == CardStatus::Void,
            installed_at: card.installed_at,
            counted: counted_program.map(|program| Counted {
                program,
                version,
                standing,
            }),
            due_at: row.next()?,
            visits: KnownVisits {
                visits: card.visits,
                last: card.last_visit_at,
                before_last: row.next()?,
            },
            kept: Kept {
                days: row.next()?,
                recent: Recent {
                    visits: row.next()?,
                    spend: row.next()?,
                    oldest: row.next()?,
                },
                visits: card.visits,
                spend: card.spend,
                scans: card.scans,
                last_visit_at: card.last_visit_at,
                last_earned_at: card.last_earned_at,
            },
        };
        Ok(Self { card, known })
    }
}
