//! Offers: what a merchant puts up for its customers to claim, mark and redeem, and how often.
//!
//! Invariant: no more customers claim than the offer has claims, and nobody redeems more often than it allows. The
//! decisions are pure; the caller holds the offer and the customer's row while it asks and writes.

use crate::domain::card::{Card, CardStatus};
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, MerchantId, OfferId, ProgramId};
use crate::domain::money::Amount;
use crate::domain::presentation::{is_visit_by_hand, visit};
use crate::domain::program::Rules;
use crate::domain::redemption::Change;
use crate::domain::time::Timestamp;
use crate::domain::wording::{self, WordingError};
use crate::domain::{expiry, tier};

/// What an offer says; everything that staff edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub title: String,
    pub text: String,
    /// Whose holders it is for; none for everybody's.
    pub program: Option<ProgramId>,
    /// When it can be claimed and redeemed; open where no time is named.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// How many customers can claim it; none for as many as want.
    pub claims: Option<i64>,
    /// How often each may redeem it.
    pub times: i64,
    /// Whether only those may claim it to whom it was assigned.
    pub personal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfferState {
    Draft,
    Published,
    /// Taken down for good.
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub id: OfferId,
    pub merchant: MerchantId,
    pub terms: Terms,
    pub state: OfferState,
    /// Customers who claimed it.
    pub claimed: i64,
    pub created_at: Timestamp,
    /// Grows by one with each edit.
    pub version: i64,
}

/// An offer and one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    pub offer: OfferId,
    pub customer: CustomerId,
    /// The card through which they have to do with it.
    pub card: CardId,
    pub assigned_at: Option<Timestamp>,
    pub favourited_at: Option<Timestamp>,
    pub claimed_at: Option<Timestamp>,
    pub redeemed_at: Option<Timestamp>,
    pub redemptions: i64,
}

/// Why an offer makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error(transparent)]
    Wording(#[from] WordingError),
    #[error("an offer ends after it begins")]
    Window,
    #[error("claims are at least 1 and at most {MOST}; got {0} (leave it out for no limit)")]
    Claims(i64),
    #[error("{claimed} customers have claimed it; the limit cannot be {got}")]
    BelowClaimed { claimed: i64, got: i64 },
    #[error("an offer is redeemed 1 to 1000 times by each customer; got {0}")]
    Times(i64),
}

const MOST: i64 = 1_000_000_000;

/// Why a customer does not get or use an offer. Said to the customer or to staff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefusal {
    #[error("this offer is not published")]
    NotPublished,
    #[error("this offer has not begun yet")]
    NotYet { from: Timestamp },
    #[error("this offer is over")]
    Over { until: Timestamp },
    #[error("all {claims} of this offer are taken")]
    Exhausted { claims: i64 },
    #[error("this offer is for those to whom it was given")]
    NotForYou,
    #[error("this offer is for holders of another program's card")]
    OtherProgram,
    #[error("this offer was claimed already")]
    AlreadyClaimed { at: Timestamp },
    #[error("this offer was redeemed {times} of {times} times")]
    UsedUp { times: i64, at: Option<Timestamp> },
    #[error("this card has ended")]
    CardVoid,
    #[error("this card has expired")]
    CardExpired,
    #[error("{what} is for {expected}; got {got}")]
    Actor {
        what: &'static str,
        expected: &'static str,
        got: &'static str,
    },
}

impl OfferState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Terms {
    pub fn checked(mut self) -> Result<Self, TermsError> {
        self.title = wording::line("the title", &self.title, 1, 80)?;
        self.text = wording::lines("the text", &self.text, 0, 2000)?;
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from >= until
        {
            return Err(TermsError::Window);
        }
        if let Some(claims) = self.claims
            && !(1..=MOST).contains(&claims)
        {
            return Err(TermsError::Claims(claims));
        }
        if !(1..=1000).contains(&self.times) {
            return Err(TermsError::Times(self.times));
        }
        Ok(self)
    }
}

impl Offer {
    /// The offer with other terms. What was claimed stays claimed.
    pub fn edited(&self, terms: Terms) -> Result<Self, TermsError> {
        let terms = terms.checked()?;
        if let Some(got) = terms.claims
            && got < self.claimed
        {
            let claimed = self.claimed;
            return Err(TermsError::BelowClaimed { claimed, got });
        }
        Ok(Self {
            terms,
            version: self.version + 1,
            ..self.clone()
        })
    }

    fn is_open(&self, card: &Card, now: Timestamp) -> Result<(), OfferRefusal> {
        if self.state != OfferState::Published {
            return Err(OfferRefusal::NotPublished);
        }
        match (self.terms.from, self.terms.until) {
            (Some(from), _) if now < from => return Err(OfferRefusal::NotYet { from }),
            (_, Some(until)) if now >= until => return Err(OfferRefusal::Over { until }),
            _ => {}
        }
        if self.terms.program.is_some_and(|program| program != card.program) {
            return Err(OfferRefusal::OtherProgram);
        }
        if card.status == CardStatus::Void {
            return Err(OfferRefusal::CardVoid);
        }
        if card.is_expired(now) {
            return Err(OfferRefusal::CardExpired);
        }
        Ok(())
    }

    /// What a customer has who never had to do with it.
    pub fn untouched(&self, card: &Card) -> Holding {
        Holding {
            offer: self.id,
            customer: card.customer,
            card: card.id,
            assigned_at: None,
            favourited_at: None,
            claimed_at: None,
            redeemed_at: None,
            redemptions: 0,
        }
    }

    fn event(&self, card: &Card, kind: EventKind, actor: Actor, now: Timestamp) -> NewEvent {
        NewEvent::of_card(card.id, kind, actor, now).with_detail(Detail::Offer { offer: self.id })
    }

    fn take(&mut self, holding: &mut Holding, now: Timestamp) -> Result<(), OfferRefusal> {
        if self.terms.personal && holding.assigned_at.is_none() {
            return Err(OfferRefusal::NotForYou);
        }
        if let Some(claims) = self.terms.claims
            && self.claimed >= claims
        {
            return Err(OfferRefusal::Exhausted { claims });
        }
        self.claimed += 1;
        holding.claimed_at = Some(now);
        Ok(())
    }
}

/// The holder claims the offer for themselves.
pub fn claim(
    offer: &mut Offer,
    holding: &mut Holding,
    card: &Card,
    actor: Actor,
    now: Timestamp,
) -> Result<NewEvent, OfferRefusal> {
    holder_only("claiming", actor)?;
    offer.is_open(card, now)?;
    if let Some(at) = holding.claimed_at {
        return Err(OfferRefusal::AlreadyClaimed { at });
    }
    offer.take(holding, now)?;
    Ok(offer.event(card, EventKind::OfferClaimed, actor, now))
}

/// The holder marks the offer or no longer does; nothing when it is so already.
pub fn favour(
    offer: &Offer,
    holding: &mut Holding,
    card: &Card,
    wanted: bool,
    actor: Actor,
    now: Timestamp,
) -> Result<Option<NewEvent>, OfferRefusal> {
    holder_only("marking a favourite", actor)?;
    if offer.state == OfferState::Draft {
        return Err(OfferRefusal::NotPublished);
    }
    if holding.favourited_at.is_some() == wanted {
        return Ok(None);
    }
    let (kind, at) = if wanted {
        (EventKind::OfferFavourited, Some(now))
    } else {
        (EventKind::OfferUnfavourited, None)
    };
    holding.favourited_at = at;
    Ok(Some(offer.event(card, kind, actor, now)))
}

/// Gives the offer to a customer, who may then claim or redeem it; nothing when they have it already.
pub fn assign(
    offer: &Offer,
    holding: &mut Holding,
    card: &Card,
    actor: Actor,
    now: Timestamp,
) -> Option<NewEvent> {
    if holding.assigned_at.is_some() || holding.claimed_at.is_some() || offer.is_open(card, now).is_err() {
        return None;
    }
    holding.assigned_at = Some(now);
    Some(offer.event(card, EventKind::CouponAssigned, actor, now))
}

/// Staff redeem the offer for a customer. One who has not claimed it does so by redeeming it.
pub fn redeem(
    rules: &Rules,
    offer: &mut Offer,
    holding: &mut Holding,
    card: &Card,
    amount: Option<Amount>,
    actor: Actor,
    now: Timestamp,
) -> Result<Change, OfferRefusal> {
    if actor == Actor::Device {
        return Err(OfferRefusal::Actor {
            what: "redeeming",
            expected: "staff",
            got: actor.usual_source().as_str(),
        });
    }
    offer.is_open(card, now)?;
    if holding.redemptions >= offer.terms.times {
        return Err(OfferRefusal::UsedUp {
            times: offer.terms.times,
            at: holding.redeemed_at,
        });
    }
    let mut events = Vec::with_capacity(2);
    if holding.claimed_at.is_none() {
        offer.take(holding, now)?;
        events.push(offer.event(card, EventKind::OfferClaimed, actor, now));
    }
    holding.redemptions += 1;
    holding.redeemed_at = Some(now);
    let is_visit = is_visit_by_hand(rules, card, actor, now);
    let mut delta = visit(is_visit, amount);
    delta += Delta {
        redemptions: 1,
        ..Delta::default()
    };
    delta.tier_points = tier::measured(rules.ladder.as_ref(), delta);
    let mut after = card.clone();
    after.apply(delta);
    if is_visit {
        after.last_visit_at = card.last_visit_at.max(Some(now));
        expiry::roll(&rules.validity, &mut after);
    }
    events.push(
        offer
            .event(card, EventKind::OfferRedeemed, actor, now)
            .with_delta(delta),
    );
    events.extend(tier::settle(rules.ladder.as_ref(), &mut after, actor, now));
    after.touch(now);
    Ok(Change { card: after, events })
}

/// Notes that one redemption was taken back: the customer may redeem once more. `newest` is when the newest was that
/// stands. What was claimed stays claimed.
pub fn give_back(holding: &mut Holding, newest: Option<Timestamp>) {
    holding.redemptions = (holding.redemptions - 1).max(0);
    holding.redeemed_at = newest;
}

fn holder_only(what: &'static str, actor: Actor) -> Result<(), OfferRefusal> {
    if actor == Actor::Device {
        return Ok(());
    }
    Err(OfferRefusal::Actor {
        what,
        expected: "the holder",
        got: actor.usual_source().as_str(),
    })
}

#[cfg(test)]
mod tests;
