//! Sealing the ledger in batches, outside the hot path, and checking it.
//!
//! Rows are read and hashed on a snapshot; the write transaction only adds the seal and moves the head. On PostgreSQL ids
//! become visible out of order: a transaction that drew a small one may commit after one that drew a greater. So the
//! newest event is noted together with the time, and sealed no sooner than [`SETTLED_AFTER`] later: every transaction
//! that could hold a smaller id has ended by then, because none lives longer than
//! [`LONGEST_TRANSACTION`]. What is left between the two is for nodes whose clocks
//! disagree. SQLite has one writer, whose ids are in the order of its commits; there rows are sealed at once.

use std::time::Duration;

use crate::domain::audit::{Audit, Report};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::seal::{Digest, Seal, event_digest, reason_digest, seal};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::store::seals::{self, Head, SealedRow};
use crate::store::{Error, LONGEST_TRANSACTION, Tx};

/// How long after it was seen the newest event of a ledger is sealed where transactions run side by side.
pub const SETTLED_AFTER: Duration = Duration::from_secs(600);

const _: () = assert!(
    SETTLED_AFTER.as_secs() >= 2 * LONGEST_TRANSACTION.as_secs(),
    "clocks of nodes may disagree by what is left"
);

/// How often a merchant's ledger is looked at.
pub const SEALED_EVERY: Duration = Duration::from_secs(60);

/// Events in one seal at most.
pub const LARGEST_SEAL: i64 = 1000;

/// Rows of one statement while a ledger is checked.
const PAGE: i64 = 1000;

/// What one look at a ledger leads to.
struct Plan {
    merchant: MerchantId,
    head: Head,
    rows: Vec<SealedRow>,
    /// Up to where everything is sealed once `rows` are.
    through: EventId,
    /// The newest event above it.
    newest: Option<EventId>,
}

/// One turn of the chore that seals; returns the merchants looked at.
pub(super) async fn turn(ops: &Ops, now: Timestamp) -> Result<usize, Error> {
    let settled_after = if ops.store.has_one_writer() {
        Duration::ZERO
    } else {
        SETTLED_AFTER
    };
    let look = ops.store.read("look_at_ledger", move |tx| {
        Box::pin(async move { plan(tx, now, settled_after).await })
    });
    let Some(plan) = look.await? else {
        return Ok(0);
    };
    // The time after the look: the newest event was there no later than this.
    let looked_at = ops.clock.now();
    let mut reasons = Vec::new();
    let mut events = Vec::with_capacity(plan.rows.len());
    for (row, _) in &plan.rows {
        let digest = row.reason.as_ref().map(|reason| {
            let salt = ops.ids.secret::<16>();
            let digest = reason_digest(&salt, reason);
            reasons.push((row.id, salt, digest));
            digest
        });
        let digest = event_digest(plan.merchant, row, digest.as_ref().map(<[u8; 32]>::as_slice));
        events.push((row.id, digest));
    }
    let (merchant, before) = (plan.merchant, plan.head);
    let made = seal(merchant, before.number + 1, before.hash, &events, looked_at);
    let waiting = before.seen.filter(|(event, _)| *event > plan.through);
    let after = Head {
        number: made.as_ref().map_or(before.number, |made| made.number),
        hash: made.as_ref().map_or(before.hash, |made| made.hash),
        through: plan.through,
        seen: waiting.or_else(|| plan.newest.map(|event| (event, looked_at))),
    };
    let full = i64::try_from(plan.rows.len()).is_ok_and(|count| count == LARGEST_SEAL);
    let due = if full {
        looked_at
    } else {
        looked_at.plus(SEALED_EVERY)
    };
    ops.store
        .write("seal_ledger", move |tx| {
            let (before, after) = (before.clone(), after.clone());
            let (made, reasons) = (made.clone(), reasons.clone());
            Box::pin(async move { write(tx, merchant, &before, &after, made, &reasons, due).await })
        })
        .await?;
    Ok(1)
}

async fn plan(tx: &mut Tx<'_>, now: Timestamp, settled_after: Duration) -> Result<Option<Plan>, Error> {
    let Some(merchant) = seals::due(tx, now).await? else {
        return Ok(None);
    };
    let head = seals::head(tx, merchant).await?;
    let newest = seals::newest(tx, merchant, head.through).await?;
    let settled = if settled_after.is_zero() {
        newest
    } else {
        let seen = head.seen.filter(|(_, at)| now.since(*at) >= settled_after);
        seen.map(|(event, _)| event)
    };
    let settled = settled.unwrap_or(head.through);
    let rows = if settled > head.through {
        seals::rows(tx, merchant, head.through, settled, LARGEST_SEAL).await?
    } else {
        Vec::new()
    };
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == LARGEST_SEAL);
    let through = match rows.last() {
        Some((last, _)) if is_full => last.id,
        _ => settled,
    };
    Ok(Some(Plan {
        merchant,
        head,
        rows,
        through,
        newest: newest.filter(|newest| *newest > through),
    }))
}

/// Adds the seal, unless another node has added one since the look.
async fn write(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    before: &Head,
    after: &Head,
    made: Option<Seal>,
    reasons: &[(EventId, [u8; 16], Digest)],
    due: Timestamp,
) -> Result<(), Error> {
    if seals::head_for_update(tx, merchant).await? != *before {
        return Ok(());
    }
    let kept = seals::insert_reasons(tx, merchant, reasons).await?;
    if kept != reasons.len() as u64 {
        return Err(Error::Body("a reason was forgotten since the look; look again"));
    }
    if let Some(made) = made {
        seals::insert(tx, merchant, &made).await?;
    }
    seals::save_head(tx, merchant, after, due).await
}

impl Ops {
    /// Checks one merchant's whole ledger on one snapshot: seals, rows, and every card's sums. Takes as long as reading
    /// all of it does, and holds some hundred bytes a card, so it is for the command line.
    pub async fn verify(&self, merchant: MerchantId) -> Result<Report, Error> {
        self.store
            .read("verify_ledger", move |tx| {
                Box::pin(async move { verify(tx, merchant).await })
            })
            .await
    }

    /// Every merchant with its name.
    pub async fn merchants(&self) -> Result<Vec<(MerchantId, String)>, Error> {
        self.store
            .read("merchants", |tx| {
                Box::pin(async move { seals::merchants(tx).await })
            })
            .await
    }
}

async fn verify(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Report, Error> {
    let mut audit = Audit::new(merchant);
    let head = seals::head(tx, merchant).await?;
    let mut from = Head::NONE.through;
    let mut number = 0;
    while let Some(seal) = seals::seals(tx, merchant, number, 1).await?.pop() {
        number = seal.number;
        audit.seal(&seal, &all_rows(tx, merchant, from, seal.last).await?);
        from = from.max(seal.last);
    }
    audit.head(head.number, &head.hash);
    loop {
        let rows = seals::rows(tx, merchant, from, EventId(i64::MAX), PAGE).await?;
        let Some((last, _)) = rows.last() else { break };
        from = last.id;
        audit.unsealed(head.through, &rows);
    }
    let mut after = CardId(0);
    loop {
        let page = seals::card_sums(tx, merchant, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.card;
        for card in page {
            audit.card(card.card, card.sums, card.newest);
        }
    }
    let mut after = CustomerId(0);
    loop {
        let page = seals::customers(tx, merchant, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (customer, newest) in page {
            audit.customer(customer, newest);
        }
    }
    Ok(audit.finish())
}

/// Every row above `from` and up to `through`: those of one seal, unless rows were slipped in.
async fn all_rows(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    mut from: EventId,
    through: EventId,
) -> Result<Vec<SealedRow>, Error> {
    let mut all = Vec::new();
    loop {
        let rows = seals::rows(tx, merchant, from, through, PAGE).await?;
        match rows.last() {
            Some((last, _)) => from = last.id,
            None => return Ok(all),
        }
        all.extend(rows);
    }
}
