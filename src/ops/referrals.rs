//! Referrals: a holder's link, who came through it, and the bonus for both.
//!
//! An install or a first visit only marks the referral (`campaigns::follow`); a chore then locks both cards, decides
//! and pays, so that a tap never waits for somebody else's card.

use crate::domain::bonus;
use crate::domain::campaign::trigger::Signals;
use crate::domain::card::Card;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::referral::{self, LinkToken, Newcomer, ReferralRefusal, State, Terms, TermsError};
use crate::domain::time::Timestamp;
use crate::ops::{Ops, balances, engagement};
use crate::store::referrals::{Of, Referral, Statistics};
use crate::store::{Error, Tx, campaigns, cards, referrals};

/// Why nothing came of a referral.
#[derive(Debug, thiserror::Error)]
pub enum ReferralError {
    #[error("there is no such card")]
    NoCard,
    #[error("there is no such program")]
    NoProgram,
    #[error("what a referral gives is set by staff; got {got}")]
    NotStaff { got: &'static str },
    #[error(transparent)]
    Terms(#[from] TermsError),
    #[error(transparent)]
    Refused(#[from] ReferralRefusal),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What is shown of a person's referrals.
#[derive(Debug, Clone)]
pub struct ReferralSheet {
    /// Through whom they came.
    pub came_by: Option<Referral>,
    pub statistics: Statistics,
    /// The newest who came through them.
    pub brought: Vec<Referral>,
}

/// Referrals that one turn of the chore looks at; each locks two cards.
const TURN: i64 = 50;
/// How many are shown of one person.
const SHOWN: i64 = 100;

impl Ops {
    /// Sets what a program gives for a referral from now on.
    pub async fn set_referral_terms(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        terms: Terms,
        actor: Actor,
    ) -> Result<(), ReferralError> {
        if matches!(actor, Actor::Device | Actor::Station(_)) {
            let got = actor.usual_source().as_str();
            return Err(ReferralError::NotStaff { got });
        }
        let terms = terms.checked()?;
        let now = self.clock.now();
        self.store
            .write("set_referral_terms", move |tx| {
                Box::pin(async move {
                    cards::program(tx, merchant, program)
                        .await?
                        .ok_or(ReferralError::NoProgram)?;
                    referrals::set_terms(tx, merchant, program, terms, now).await?;
                    let signals = campaigns::signals_for_update(tx, merchant).await?;
                    let signals = signals.unwrap_or_default().and(Signals::REFERRALS);
                    campaigns::set_signals(tx, merchant, signals).await?;
                    Ok(())
                })
            })
            .await
    }

    pub async fn referral_terms(
        &self,
        merchant: MerchantId,
        program: ProgramId,
    ) -> Result<Option<Terms>, Error> {
        self.store
            .read("referral_terms", move |tx| {
                Box::pin(async move { referrals::terms(tx, merchant, program).await })
            })
            .await
    }

    /// The token of a card's referral link, made when it is first asked for. Not the card's own link: that one opens
    /// the very card.
    pub async fn referral_link(
        &self,
        merchant: MerchantId,
        card: CardId,
    ) -> Result<LinkToken, ReferralError> {
        let now = self.clock.now();
        let fresh = LinkToken::from_random(self.ids.secret());
        self.store
            .write("referral_link", move |tx| {
                let fresh = fresh.clone();
                Box::pin(async move {
                    let card = cards::card_for_update(tx, merchant, card)
                        .await?
                        .ok_or(ReferralError::NoCard)?;
                    let of = (card.id, card.customer);
                    Ok(referrals::link(tx, merchant, of, &fresh, now).await?)
                })
            })
            .await
    }

    /// Notes that `card` was issued through a link. A referral that does not count is refused with its reason and
    /// kept with it; the card stays what it is.
    pub async fn accept_referral(
        &self,
        merchant: MerchantId,
        token: LinkToken,
        card: CardId,
    ) -> Result<Referral, ReferralError> {
        let now = self.clock.now();
        let kept = self.store.write("accept_referral", move |tx| {
            let token = token.clone();
            Box::pin(async move { accept(tx, merchant, &token, card, now).await })
        });
        let referral: Referral = kept.await?;
        match referral.refusal {
            Some(refusal) => Err(refusal.into()),
            None => Ok(referral),
        }
    }

    /// A person's referrals.
    pub async fn referrals_of(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
    ) -> Result<ReferralSheet, Error> {
        self.store
            .read("referrals_of", move |tx| {
                Box::pin(async move {
                    Ok(ReferralSheet {
                        came_by: referrals::of_customer(tx, merchant, customer).await?,
                        statistics: referrals::statistics(tx, merchant, Of::Customer(customer)).await?,
                        brought: referrals::by_referrer(tx, merchant, customer, SHOWN).await?,
                    })
                })
            })
            .await
    }

    /// How many referrals a program has in each state.
    pub async fn referral_statistics(
        &self,
        merchant: MerchantId,
        program: ProgramId,
    ) -> Result<Statistics, Error> {
        self.store
            .read("referral_statistics", move |tx| {
                Box::pin(async move { referrals::statistics(tx, merchant, Of::Program(program)).await })
            })
            .await
    }

    /// Looks again at referrals whose card was installed or presented. A chore: returns how many it looked at.
    pub(super) async fn advance_referrals(&self, now: Timestamp) -> Result<usize, Error> {
        let due = self.store.read("due_referrals", move |tx| {
            Box::pin(async move { referrals::due(tx, now, TURN).await })
        });
        let due: Vec<_> = due.await?;
        for (merchant, card, referrer) in &due {
            let (merchant, card, referrer) = (*merchant, *card, *referrer);
            self.store
                .write("advance_referral", move |tx| {
                    Box::pin(async move { advance(tx, merchant, card, referrer, now).await })
                })
                .await?;
        }
        Ok(due.len())
    }
}

/// Notes that `card` was issued through a link; what does not count is kept with its reason.
pub(super) async fn accept(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    token: &LinkToken,
    card: CardId,
    now: Timestamp,
) -> Result<Referral, ReferralError> {
    let referrer = referrals::card_of_link(tx, merchant, token)
        .await?
        .ok_or(ReferralRefusal::UnknownLink)?;
    let held = engagement::locked(tx, merchant, &[card, referrer]).await?;
    let card = held.get(&card).ok_or(ReferralError::NoCard)?;
    let referrer = held.get(&referrer).ok_or(ReferralRefusal::UnknownLink)?;
    let terms = referrals::terms(tx, merchant, referrer.program)
        .await?
        .ok_or(ReferralRefusal::NoTerms)?;
    let (is_known, is_referrer) =
        referrals::is_known(tx, merchant, card.customer, referrer.customer, card.id).await?;
    let newcomer = Newcomer {
        is_known,
        is_referrer,
    };
    let refusal = referral::open(referrer, card, newcomer).err();
    let referral = Referral {
        merchant,
        customer: card.customer,
        card: card.id,
        program: card.program,
        referrer_customer: referrer.customer,
        referrer_card: referrer.id,
        terms,
        state: if refusal.is_some() {
            State::Refused
        } else {
            State::Opened
        },
        refusal,
        // It may have been installed before anybody told us through whom it came.
        due_at: refusal.is_none().then_some(now),
        opened_at: now,
        added_at: None,
        rewarded_at: None,
    };
    // A customer who refers themselves is not marked for ever: somebody else may have brought them.
    if refusal == Some(ReferralRefusal::SelfReferral) {
        return Err(ReferralRefusal::SelfReferral.into());
    }
    if referrals::insert(tx, &referral).await? {
        Ok(referral)
    } else {
        Err(ReferralRefusal::AlreadyReferred.into())
    }
}

async fn advance(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    referrer: CardId,
    now: Timestamp,
) -> Result<(), Error> {
    let mut held = engagement::locked(tx, merchant, &[card, referrer]).await?;
    let Some(mut referral) = referrals::by_card_for_update(tx, merchant, card).await? else {
        return Ok(());
    };
    // Another node was faster.
    if referral.due_at.take().is_none() {
        return Ok(());
    }
    let (Some(came), Some(brought)) = (held.remove(&card), held.remove(&referrer)) else {
        return Err(Error::inconsistent("both cards of a referral", "one or none"));
    };
    let same_device = referrals::shares_device(tx, merchant, card, brought.customer).await?;
    let step = referral::advance(
        referral.state,
        referral.terms.moment,
        &brought,
        &came,
        same_device,
    );
    match step {
        Err(refusal) => {
            referral.state = State::Refused;
            referral.refusal = Some(refusal);
        }
        Ok(None) => {}
        Ok(Some(step)) => {
            referral.state = step.to;
            let mut brought = brought;
            if step.adds {
                referral.added_at = Some(now);
                let detail = Detail::Referral { card };
                let added = NewEvent::of_card(brought.id, EventKind::ReferralAdded, Actor::Gateway, now);
                (brought, _) = engagement::note(tx, brought, &[added.with_detail(detail)], now).await?;
            }
            if step.rewards {
                referral.rewarded_at = Some(now);
                let other = (brought.id, came.id);
                reward(tx, brought, other.1, referral.terms.referrer, now).await?;
                reward(tx, came, other.0, referral.terms.referred, now).await?;
            }
        }
    }
    referrals::save(tx, &referral).await
}

/// Gives one side its bonus. A card that can hold none gets none: the referral counts all the same.
async fn reward(
    tx: &mut Tx<'_>,
    card: Card,
    other: CardId,
    amount: i64,
    now: Timestamp,
) -> Result<(), Error> {
    if amount == 0 {
        return Ok(());
    }
    let Some(of) = cards::program(tx, card.merchant, card.program).await? else {
        return Err(Error::inconsistent("the program of each card", "no such program"));
    };
    let detail = Detail::Referral { card: other };
    let given = balances::caught_up(&of, &card, now, |card| {
        bonus::give(&of.program.rules, card, amount, "referral", &detail, now)
    });
    if let Ok(change) = given {
        engagement::change(tx, change.card, &change.events, now).await?;
    }
    Ok(())
}
