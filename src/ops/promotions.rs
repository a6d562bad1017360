//! Promotions: made, changed and used, each use once and within the limits whoever redeems at the same time.

use crate::domain::card::Card;
use crate::domain::change::Cause;
use crate::domain::event::{Actor, Event, NewEvent};
use crate::domain::id::{CardId, EventId, MerchantId, ProgramId, PromotionId};
use crate::domain::program::Rules;
use crate::domain::promotion::{self, Promotion, PromotionRefusal, Terms, TermsError};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::cards::{CardError, write_change};
use crate::store::promotions::{self, OnCard, Use};
use crate::store::{Error, Tx, cards, events};

/// Why a promotion was not made, changed or used. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    #[error("there is no such promotion, program or card")]
    NotFound,
    #[error(transparent)]
    Terms(#[from] TermsError),
    #[error(transparent)]
    Refused(#[from] PromotionRefusal),
    /// Somebody else changed it since the caller looked: here is what they made of it.
    #[error("this promotion was changed meanwhile; it is in version {} now", .0.version)]
    Changed(Box<Promotion>),
    /// Somebody else changed the card since the caller looked at it.
    #[error("this card has changed meanwhile; look again and decide anew")]
    Stale,
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    pub async fn add_promotion(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        terms: Terms,
    ) -> Result<Promotion, PromotionError> {
        let now = self.clock.now();
        let promotion = Promotion {
            id: PromotionId(self.ids.next(now)),
            merchant,
            program,
            terms: terms.checked()?,
            uses: 0,
            numbered: 0,
            version: 1,
        };
        self.store
            .write("add_promotion", move |tx| {
                let promotion = promotion.clone();
                Box::pin(async move {
                    let program = cards::program(tx, merchant, program).await?;
                    program.ok_or(PromotionError::NotFound)?;
                    promotions::insert(tx, &promotion, now).await?;
                    Ok(promotion)
                })
            })
            .await
    }

    /// Changes a promotion that the caller saw in version `seen`; uses so far stay counted.
    pub async fn edit_promotion(
        &self,
        merchant: MerchantId,
        promotion: PromotionId,
        seen: i64,
        terms: Terms,
    ) -> Result<Promotion, PromotionError> {
        let terms = terms.checked()?;
        self.store
            .write("edit_promotion", move |tx| {
                let terms = terms.clone();
                Box::pin(async move {
                    let written = promotions::update(tx, merchant, promotion, seen, &terms).await?;
                    let now = promotions::promotion(tx, merchant, promotion).await?;
                    let now = now.ok_or(PromotionError::NotFound)?;
                    if written {
                        Ok(now)
                    } else {
                        Err(PromotionError::Changed(Box::new(now)))
                    }
                })
            })
            .await
    }

    /// Ends a promotion at once; one that has not begun never does. Uses so far stay.
    pub async fn end_promotion(
        &self,
        merchant: MerchantId,
        promotion: PromotionId,
    ) -> Result<Promotion, PromotionError> {
        let now = self.clock.now();
        self.store
            .write("end_promotion", move |tx| {
                Box::pin(async move {
                    let found = promotions::promotion_for_update(tx, merchant, promotion).await?;
                    let found = found.ok_or(PromotionError::NotFound)?;
                    let terms = found.terms.clone().ended(now);
                    promotions::update(tx, merchant, promotion, found.version, &terms).await?;
                    let ended = promotions::promotion(tx, merchant, promotion).await?;
                    ended.ok_or(PromotionError::NotFound)
                })
            })
            .await
    }

    /// Gives the holder of a card the benefit of a promotion once. `seen` is the card's version that the caller looked
    /// at: a second click on the same page uses nothing.
    pub async fn use_promotion(
        &self,
        merchant: MerchantId,
        card: CardId,
        promotion: PromotionId,
        seen: Option<i64>,
        cause: Cause,
    ) -> Result<Card, PromotionError> {
        let now = self.clock.now();
        self.store
            .write("use_promotion", move |tx| {
                let cause = cause.clone();
                Box::pin(async move {
                    let locked = cards::card_for_update(tx, merchant, card).await?;
                    let card = locked.ok_or(PromotionError::NotFound)?;
                    if seen.is_some_and(|seen| seen != card.version) {
                        return Err(PromotionError::Stale);
                    }
                    let of = cards::program(tx, merchant, card.program).await?;
                    let of = of.ok_or(PromotionError::NotFound)?;
                    let promotion = promotions::promotion_for_update(tx, merchant, promotion).await?;
                    let promotion = promotion.ok_or(PromotionError::NotFound)?;
                    let used = promotions::used(tx, merchant, card.customer, promotion.id).await?;
                    let rules = &of.program.rules;
                    let earning = match card.last_event.filter(|_| card.last_earned_at.is_some()) {
                        Some(newest) => {
                            let history = events::history(tx, merchant, newest, NEIGHBOURS).await?;
                            promotion::earning_of_visit(rules, &history, now)
                        }
                        None => None,
                    };
                    let change =
                        promotion::use_promotion(&promotion, rules, &card, used, earning, &cause, now)?;
                    promotions::insert_use(tx, &promotion, card.customer, card.id, now).await?;
                    let written = write_change(tx, change.card, &change.events, now).await;
                    written.map_err(|error| match error {
                        CardError::Store(error) => PromotionError::Store(error),
                        _ => PromotionError::NotFound,
                    })
                })
            })
            .await
    }

    /// Every promotion of a merchant, newest first.
    pub async fn promotions(&self, merchant: MerchantId) -> Result<Vec<Promotion>, Error> {
        self.store
            .read("promotions", move |tx| {
                Box::pin(async move { promotions::promotions(tx, merchant).await })
            })
            .await
    }

    /// What runs on a card now, with the uses that its holder has left.
    pub async fn promotions_on_card(&self, merchant: MerchantId, card: CardId) -> Result<Vec<OnCard>, Error> {
        let now = self.clock.now();
        self.store
            .read("promotions_on_card", move |tx| {
                Box::pin(async move { promotions::on_card(tx, merchant, card, now).await })
            })
            .await
    }

    /// Who used a promotion: its uses numbered below `before`, newest first.
    pub async fn promotion_uses(
        &self,
        merchant: MerchantId,
        promotion: PromotionId,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Use>, Error> {
        self.store
            .read("promotion_uses", move |tx| {
                Box::pin(async move { promotions::uses(tx, merchant, promotion, before, limit).await })
            })
            .await
    }
}

/// Takes back a use of a promotion by a card that is locked.
pub(crate) async fn take_back(
    tx: &mut Tx<'_>,
    rules: &Rules,
    card: &Card,
    original: &Event,
    already: bool,
    actor: Actor,
    now: Timestamp,
) -> Result<Card, CardError> {
    let change = promotion::take_back(rules, card, original, already, &Cause::of(actor), now)?;
    let uses = promotion::used_by(original).into_iter().collect();
    promotions::take_back(tx, card.merchant, uses, now).await?;
    write_change(tx, change.card, &change.events, now).await
}

/// Takes back what was used with the presentation `earning`, which is being taken back; the rows that say so.
pub(crate) async fn go_with(
    tx: &mut Tx<'_>,
    card: &Card,
    earning: EventId,
    actor: Actor,
    now: Timestamp,
) -> Result<Vec<NewEvent>, Error> {
    let Some(newest) = card.last_event else {
        return Ok(Vec::new());
    };
    let mut newer = events::history(tx, card.merchant, newest, NEIGHBOURS).await?;
    newer.retain(|event| event.id > earning);
    let uses = promotion::uses_with(&newer, earning);
    let numbers = uses
        .iter()
        .filter_map(|event| promotion::used_by(event))
        .collect();
    promotions::take_back(tx, card.merchant, numbers, now).await?;
    let cause = Cause::of(actor);
    let row = |event: &&Event| promotion::reversal(card, event, &cause, now);
    Ok(uses.iter().map(row).collect())
}
