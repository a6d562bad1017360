//! Codes on paper: made in batches, used once or several times, withdrawn as a batch.
//!
//! A batch of many thousands is made a few hundred codes at a time, each in a transaction of its own, so that no tap
//! waits behind it; what a stopped gateway left unmade is made by a chore.

use jiff::tz::TimeZone;

use crate::domain::adjustment::Adjustment;
use crate::domain::change::{Cause, Reason};
use crate::domain::code::{self, Code, CodeError, CodeRefusal, Gift};
use crate::domain::event::{Actor, Source};
use crate::domain::id::{CardId, CodeBatchId, MemberId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::balances::{AdjustError, adjust_locked};
use crate::ops::cards::{CardError, Holder};
use crate::ops::chores::TURN;
use crate::store::cards::CardWithProgram;
use crate::store::codes::{CodeBatch, ListedCode};
use crate::store::{Error, Tx, cards, codes};

/// Most uses that one code may have.
const MOST_USES: i64 = 100_000;
/// Most punches or points that one code may give.
const MOST_GIVEN: i64 = 10_000;
const LONGEST_LABEL: usize = 80;

/// What a new batch is to be.
#[derive(Debug, Clone)]
pub struct NewBatch {
    pub program: ProgramId,
    /// What staff call it.
    pub label: String,
    pub gift: Gift,
    pub count: i64,
    pub max_uses: i64,
    pub expires_at: Option<Timestamp>,
}

/// Why codes were not made, used or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    #[error("{field}: expected {expected}; got {got}")]
    Field {
        field: &'static str,
        expected: String,
        got: String,
    },
    #[error("there is no such program, or it is archived")]
    NoProgram,
    #[error("there is no such batch of codes")]
    NoBatch,
    #[error("this batch was withdrawn before")]
    AlreadyRevoked,
    #[error("there is no such card")]
    NoCard,
    #[error(transparent)]
    Typed(#[from] CodeError),
    #[error(transparent)]
    Refused(#[from] CodeRefusal),
    #[error(transparent)]
    Adjust(#[from] AdjustError),
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    /// Makes a batch with all its codes. When this is cut short, a chore makes the rest.
    pub async fn make_codes(
        &self,
        merchant: MerchantId,
        new: NewBatch,
        by: Option<MemberId>,
    ) -> Result<CodeBatch, CodesError> {
        let id = CodeBatchId(self.ids.next(self.clock.now()));
        self.begin_codes(merchant, id, new, by).await?;
        while self.make_some_codes(Some((merchant, id))).await? > 0 {}
        self.code_batch(merchant, id).await
    }

    /// Makes a batch under an id that the caller has drawn, with its first codes; a chore makes the rest. A batch that has
    /// the id already is left as it is: the same wish sent twice makes one batch.
    pub async fn begin_codes(
        &self,
        merchant: MerchantId,
        id: CodeBatchId,
        new: NewBatch,
        by: Option<MemberId>,
    ) -> Result<(), CodesError> {
        let now = self.clock.now();
        check(&new, now)?;
        let batch = CodeBatch {
            merchant,
            id,
            program: new.program,
            label: new.label.trim().to_owned(),
            gift: new.gift,
            wanted: new.count,
            made: 0,
            max_uses: new.max_uses,
            expires_at: new.expires_at,
            revoked_at: None,
            created_by: by,
            created_at: now,
        };
        self.store
            .write("make_code_batch", move |tx| {
                let batch = batch.clone();
                Box::pin(async move {
                    let program = cards::program(tx, merchant, batch.program).await?;
                    if program.is_none_or(|of| of.program.archived_at.is_some()) {
                        return Err(CodesError::NoProgram);
                    }
                    if codes::batch_for_update(tx, merchant, id).await?.is_none() {
                        codes::insert_batch(tx, &batch).await?;
                    }
                    Ok::<_, CodesError>(())
                })
            })
            .await?;
        self.make_some_codes(Some((merchant, id))).await?;
        Ok(())
    }

    /// Makes some of the codes that a batch still lacks: of `which`, or of any batch that nobody is making.
    pub(super) async fn make_some_codes(
        &self,
        which: Option<(MerchantId, CodeBatchId)>,
    ) -> Result<usize, Error> {
        let fresh: Vec<Code> = (0..TURN).map(|_| Code::from_random(self.ids.secret())).collect();
        self.store
            .write("make_codes", move |tx| {
                let fresh = fresh.clone();
                Box::pin(async move {
                    let batch = match which {
                        Some((merchant, id)) => codes::batch_for_update(tx, merchant, id).await?,
                        None => codes::unfinished(tx).await?,
                    };
                    let Some(batch) = batch else { return Ok(0) };
                    let lacking = usize::try_from(batch.wanted - batch.made).unwrap_or(0);
                    let some = fresh.get(..lacking.min(fresh.len())).unwrap_or(&fresh);
                    if some.is_empty() {
                        return Ok(0);
                    }
                    codes::add(tx, &batch, some).await?;
                    Ok(some.len())
                })
            })
            .await
    }

    pub async fn code_batch(
        &self,
        merchant: MerchantId,
        batch: CodeBatchId,
    ) -> Result<CodeBatch, CodesError> {
        self.store
            .read("code_batch", move |tx| {
                Box::pin(async move {
                    let found = codes::batch(tx, merchant, batch).await?;
                    found.ok_or(CodesError::NoBatch)
                })
            })
            .await
    }

    /// A merchant's batches, newest first.
    pub async fn code_batches(&self, merchant: MerchantId) -> Result<Vec<CodeBatch>, Error> {
        self.store
            .read("code_batches", move |tx| Box::pin(codes::batches(tx, merchant)))
            .await
    }

    /// The codes of a batch behind `after` ("" for the first), at most 200.
    pub async fn codes(
        &self,
        merchant: MerchantId,
        batch: CodeBatchId,
        after: &str,
    ) -> Result<Vec<ListedCode>, Error> {
        let after = after.to_owned();
        self.store
            .read("codes", move |tx| {
                let after = after.clone();
                Box::pin(async move { codes::page(tx, merchant, batch, &after, TURN).await })
            })
            .await
    }

    /// Withdraws a whole batch: none of its codes gives anything from now on. What was given stays.
    pub async fn revoke_codes(&self, merchant: MerchantId, batch: CodeBatchId) -> Result<(), CodesError> {
        let now = self.clock.now();
        self.store
            .write("revoke_codes", move |tx| {
                Box::pin(async move {
                    codes::batch_for_update(tx, merchant, batch)
                        .await?
                        .ok_or(CodesError::NoBatch)?;
                    if codes::revoke(tx, merchant, batch, now).await? {
                        Ok(())
                    } else {
                        Err(CodesError::AlreadyRevoked)
                    }
                })
            })
            .await
    }

    /// Uses a code that gives punches or points, on a card of its program.
    pub async fn use_code_on(
        &self,
        merchant: MerchantId,
        typed: &str,
        card: CardId,
        actor: Actor,
    ) -> Result<CardWithProgram, CodesError> {
        let code = Code::parse(typed)?;
        let now = self.clock.now();
        self.store
            .write("use_code", move |tx| {
                let code = code.clone();
                Box::pin(async move {
                    let batch = usable(tx, merchant, &code, now).await?;
                    let card_row = cards::card_for_update(tx, merchant, card)
                        .await?
                        .ok_or(CodesError::NoCard)?;
                    let of = cards::card(tx, merchant, card).await?.ok_or(CodesError::NoCard)?;
                    let Gift::Earn { amount } = batch.gift else {
                        return Err(CodeRefusal::OtherProgram.into());
                    };
                    if card_row.program != batch.program {
                        return Err(CodeRefusal::OtherProgram.into());
                    }
                    if codes::used_by(tx, merchant, &code, card).await? {
                        return Err(CodeRefusal::UsedByCard.into());
                    }
                    codes::note_use(tx, merchant, &code, card, now).await?;
                    let cause = Cause {
                        source: Source::Rule,
                        reason: Reason::parse("code").ok(),
                        ..Cause::of(actor)
                    };
                    let given = Adjustment::Add { amount, paid: None };
                    let adjusted = adjust_locked(tx, &of.of, &card_row, given, None, &cause, now).await?;
                    Ok(CardWithProgram {
                        card: adjusted.card,
                        ..of
                    })
                })
            })
            .await
    }

    /// Uses a code that gives a card: makes the customer and their card.
    pub async fn join_with_code(
        &self,
        merchant: MerchantId,
        typed: &str,
        holder: Holder,
    ) -> Result<CardWithProgram, CodesError> {
        let code = Code::parse(typed)?;
        let now = self.clock.now();
        let issue = self.new_issue(merchant, now);
        self.store
            .write("join_with_code", move |tx| {
                let (code, holder, issue) = (code.clone(), holder.clone(), issue.clone());
                Box::pin(async move {
                    let batch = usable(tx, merchant, &code, now).await?;
                    if batch.gift != Gift::Join {
                        return Err(CodeRefusal::OtherProgram.into());
                    }
                    let card = issue.run(tx, batch.program, holder).await?;
                    codes::note_use(tx, merchant, &code, card.card.id, now).await?;
                    Ok(card)
                })
            })
            .await
    }
}

/// The batch of a code that can be used now; the code is locked.
async fn usable(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    code: &Code,
    now: Timestamp,
) -> Result<CodeBatch, CodesError> {
    let stored = codes::code_for_update(tx, merchant, code)
        .await?
        .ok_or(CodeRefusal::Unknown)?;
    let batch = codes::batch(tx, merchant, stored.batch)
        .await?
        .ok_or(CodeRefusal::Unknown)?;
    let of = cards::program(tx, merchant, batch.program)
        .await?
        .ok_or(CodesError::NoProgram)?;
    let zone = TimeZone::get(&of.zone).unwrap_or(TimeZone::UTC);
    let local = |at: Timestamp| at.to_jiff().to_zoned(zone).datetime();
    stored.standing(&batch).check(now, local)?;
    Ok(batch)
}

fn check(new: &NewBatch, now: Timestamp) -> Result<(), CodesError> {
    let range = |field, got: i64, most: i64| {
        if (1..=most).contains(&got) {
            return Ok(());
        }
        Err(CodesError::Field {
            field,
            expected: format!("1 to {most}"),
            got: got.to_string(),
        })
    };
    range("count", new.count, code::LARGEST_BATCH)?;
    range("max_uses", new.max_uses, MOST_USES)?;
    if let Gift::Earn { amount } = new.gift {
        range("amount", amount, MOST_GIVEN)?;
    }
    let label = new.label.trim();
    let length = label.chars().count();
    if !(1..=LONGEST_LABEL).contains(&length) || label.chars().any(char::is_control) {
        return Err(CodesError::Field {
            field: "label",
            expected: format!("1 to {LONGEST_LABEL} printable characters"),
            got: format!("{length} characters"),
        });
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(CodesError::Field {
            field: "expires_at",
            expected: "a time to come".into(),
            got: "a time that has passed".into(),
        });
    }
    Ok(())
}
