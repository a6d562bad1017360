//! Offers: staff make and give them, customers claim and mark them, staff redeem them.
//!
//! The card is locked before the offer, and the offer before anybody is counted: that is what keeps limits.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::card::Card;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, EventId, LocationId, MerchantId, OfferId};
use crate::domain::money::Amount;
use crate::domain::offer::{self, Holding, Offer, OfferRefusal, OfferState, Terms, TermsError};
use crate::domain::time::Timestamp;
use crate::ops::audience::{self, Audience, BEGIN};
use crate::ops::balances::caught_up;
use crate::ops::campaigns::follow;
use crate::ops::chores::TURN;
use crate::ops::{Ops, engagement};
use crate::store::cards::ProgramOfMerchant;
use crate::store::offers::{NewRedemption, Redemption};
use crate::store::{Change, Error, Tx, cards, events, offers};

/// Why nothing came of an offer.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    #[error("there is no such card")]
    NoCard,
    #[error("there is no such offer")]
    NoOffer,
    #[error("offers are made and given by staff; got {got}")]
    NotStaff { got: &'static str },
    #[error(transparent)]
    Terms(#[from] TermsError),
    #[error(transparent)]
    Refused(#[from] OfferRefusal),
    #[error("an offer that is {from} cannot become {to}")]
    State { from: &'static str, to: &'static str },
    /// Somebody else changed the offer or the card since the caller looked at it.
    #[error("this has changed meanwhile; look again and decide anew")]
    Stale,
    #[error(transparent)]
    Store(#[from] Error),
}

/// What came of giving an offer to an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    pub assigned: usize,
    /// Those who have it already, and cards that have ended or are of another program.
    pub passed_over: usize,
}

impl Ops {
    /// Makes a draft.
    pub async fn create_offer(
        &self,
        merchant: MerchantId,
        terms: Terms,
        actor: Actor,
    ) -> Result<Offer, OfferError> {
        staff(actor)?;
        let now = self.clock.now();
        let offer = Offer {
            id: OfferId(self.ids.next(now)),
            merchant,
            terms: terms.checked()?,
            state: OfferState::Draft,
            claimed: 0,
            created_at: now,
            version: 1,
        };
        self.store
            .write("create_offer", move |tx| {
                let offer = offer.clone();
                Box::pin(async move {
                    offers::insert(tx, &offer).await?;
                    Ok(offer)
                })
            })
            .await
    }

    /// Changes an offer's terms. `seen` is the version that the caller looked at.
    pub async fn edit_offer(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        seen: i64,
        terms: Terms,
        actor: Actor,
    ) -> Result<Offer, OfferError> {
        self.alter_offer("edit_offer", merchant, offer, Some(seen), actor, move |offer| {
            Ok(offer.edited(terms.clone())?)
        })
        .await
    }

    /// Publishes a draft, or takes an offer down for good.
    pub async fn set_offer_state(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        to: OfferState,
        actor: Actor,
    ) -> Result<Offer, OfferError> {
        self.alter_offer(
            "set_offer_state",
            merchant,
            offer,
            None,
            actor,
            move |offer| match (offer.state, to) {
                (OfferState::Draft, OfferState::Published)
                | (OfferState::Draft | OfferState::Published, OfferState::Withdrawn) => Ok(Offer {
                    state: to,
                    version: offer.version + 1,
                    ..offer.clone()
                }),
                (from, to) => Err(OfferError::State {
                    from: from.as_str(),
                    to: to.as_str(),
                }),
            },
        )
        .await
    }

    /// Gives an offer to everybody in `audience`, a page in each transaction; giving it again gives nothing twice.
    pub async fn assign_offer(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        audience: Arc<dyn Audience>,
        actor: Actor,
    ) -> Result<Assigned, OfferError> {
        staff(actor)?;
        let mut total = Assigned::default();
        let mut after = BEGIN;
        loop {
            let wanted = audience::next(&self.store, &audience, merchant, after, TURN).await?;
            let (page, now) = (wanted.clone(), self.clock.now());
            let assigned = self.store.write("assign_offer", move |tx| {
                let page = page.clone();
                Box::pin(async move { assign_page(tx, merchant, offer, &page, actor, now).await })
            });
            let assigned: usize = assigned.await?;
            let Some(last) = wanted.last() else {
                return Ok(total);
            };
            after = *last;
            total.assigned += assigned;
            total.passed_over += wanted.len() - assigned;
        }
    }

    /// The holder claims an offer.
    pub async fn claim_offer(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        card: CardId,
        actor: Actor,
    ) -> Result<Holding, OfferError> {
        let now = self.clock.now();
        self.store
            .write("claim_offer", move |tx| {
                Box::pin(async move {
                    let (card, mut offer, mut holding) = in_hand(tx, merchant, offer, card).await?;
                    let event = offer::claim(&mut offer, &mut holding, &card, actor, now)?;
                    engagement::note(tx, card, &[event], now).await?;
                    offers::save(tx, &offer).await?;
                    offers::save_holdings(tx, merchant, &[holding]).await?;
                    Ok(holding)
                })
            })
            .await
    }

    /// The holder marks an offer as a favourite, or no longer does.
    pub async fn favour_offer(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        card: CardId,
        wanted: bool,
        actor: Actor,
    ) -> Result<Holding, OfferError> {
        let now = self.clock.now();
        self.store
            .write("favour_offer", move |tx| {
                Box::pin(async move {
                    let (card, offer, mut holding) = in_hand(tx, merchant, offer, card).await?;
                    let event = offer::favour(&offer, &mut holding, &card, wanted, actor, now)?;
                    if let Some(event) = event {
                        engagement::note(tx, card, &[event], now).await?;
                        offers::save_holdings(tx, merchant, &[holding]).await?;
                    }
                    Ok(holding)
                })
            })
            .await
    }

    /// Staff redeem an offer. `seen` is the card's version that they looked at: a second click redeems nothing.
    pub async fn redeem_offer(
        &self,
        merchant: MerchantId,
        offer: OfferId,
        (card, seen): (CardId, i64),
        (amount, location): (Option<Amount>, Option<LocationId>),
        actor: Actor,
    ) -> Result<Holding, OfferError> {
        let now = self.clock.now();
        self.store
            .write("redeem_offer", move |tx| {
                Box::pin(async move {
                    let (card, mut offer, mut holding) = in_hand(tx, merchant, offer, card).await?;
                    if card.version != seen {
                        return Err(OfferError::Stale);
                    }
                    let of = program_of(tx, &card).await?;
                    let change = caught_up(&of, &card, now, |card| {
                        let rules = &of.program.rules;
                        offer::redeem(rules, &mut offer, &mut holding, card, amount, actor, now)
                    })?;
                    let place = change.events.iter().position(|event| event.delta.redemptions > 0);
                    let mut rows = change.events;
                    // A cycle that is over ended by itself, and nowhere.
                    rows.iter_mut()
                        .filter(|event| event.kind != EventKind::TierCycleEnded)
                        .for_each(|event| event.location = location);
                    let (card, ids) = engagement::change(tx, change.card, &rows, now).await?;
                    let Some(event) = place.and_then(|place| ids.get(place)) else {
                        return Err(Error::inconsistent("the event of a redemption", "none").into());
                    };
                    offers::save(tx, &offer).await?;
                    offers::save_holdings(tx, merchant, &[holding]).await?;
                    let new = NewRedemption {
                        event: *event,
                        at: now,
                        location,
                        actor,
                        amount,
                    };
                    offers::insert_redemption(tx, merchant, &holding, card.id, new).await?;
                    Ok(holding)
                })
            })
            .await
    }

    /// One offer of a merchant; none where it has no such offer.
    pub async fn offer(&self, merchant: MerchantId, offer: OfferId) -> Result<Option<Offer>, Error> {
        self.store
            .read("offer", move |tx| {
                Box::pin(async move { offers::offer(tx, merchant, offer).await })
            })
            .await
    }

    /// A merchant's newest offers, at most a thousand, newest first.
    pub async fn offers(&self, merchant: MerchantId) -> Result<Vec<Offer>, Error> {
        self.store
            .read("offers", move |tx| {
                Box::pin(async move { offers::offers(tx, merchant).await })
            })
            .await
    }

    /// What a customer has to do with offers, with every redemption, taken back or not, newest offer first.
    pub async fn offers_of_customer(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
    ) -> Result<Vec<(Offer, Holding, Vec<Redemption>)>, Error> {
        self.store
            .read("offers_of_customer", move |tx| {
                Box::pin(async move {
                    let mut all = Vec::new();
                    for (offer, holding) in offers::of_customer(tx, merchant, customer).await? {
                        // Whoever has redeemed it has claimed it, even where all redemptions were taken back.
                        let redemptions = match holding.claimed_at {
                            None => Vec::new(),
                            Some(_) => offers::redemptions(tx, merchant, offer.id, customer).await?,
                        };
                        all.push((offer, holding, redemptions));
                    }
                    Ok(all)
                })
            })
            .await
    }

    async fn alter_offer(
        &self,
        name: &'static str,
        merchant: MerchantId,
        offer: OfferId,
        seen: Option<i64>,
        actor: Actor,
        alter: impl Fn(&Offer) -> Result<Offer, OfferError> + Send + Sync + 'static,
    ) -> Result<Offer, OfferError> {
        staff(actor)?;
        let alter = Arc::new(alter);
        self.store
            .write(name, move |tx| {
                let alter = Arc::clone(&alter);
                Box::pin(async move {
                    let offer = offers::offer_for_update(tx, merchant, offer)
                        .await?
                        .ok_or(OfferError::NoOffer)?;
                    if seen.is_some_and(|seen| seen != offer.version) {
                        return Err(OfferError::Stale);
                    }
                    let altered = alter(&offer)?;
                    offers::save(tx, &altered).await?;
                    Ok(altered)
                })
            })
            .await
    }
}

fn staff(actor: Actor) -> Result<(), OfferError> {
    match actor {
        Actor::Member(_) | Actor::Gateway => Ok(()),
        Actor::Station(_) | Actor::Device => Err(OfferError::NotStaff {
            got: actor.usual_source().as_str(),
        }),
    }
}

/// The card, the offer and what its holder has to do with it, locked in that order.
async fn in_hand(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
    card: CardId,
) -> Result<(Card, Offer, Holding), OfferError> {
    let card = cards::card_for_update(tx, merchant, card)
        .await?
        .ok_or(OfferError::NoCard)?;
    let offer = offers::offer_for_update(tx, merchant, offer)
        .await?
        .ok_or(OfferError::NoOffer)?;
    let holdings = offers::holdings(tx, merchant, offer.id, &[card.customer]).await?;
    let holding = holdings
        .first()
        .copied()
        .unwrap_or_else(|| offer.untouched(&card));
    Ok((card, offer, holding))
}

/// Notes that the redemption of an offer by `card`, which is locked, was taken back with the row `event`.
pub(super) async fn take_back(
    tx: &mut Tx<'_>,
    card: &Card,
    offer: OfferId,
    event: EventId,
    now: Timestamp,
) -> Result<(), Error> {
    let (merchant, customer) = (card.merchant, card.customer);
    let locked = offers::offer_for_update(tx, merchant, offer).await?;
    locked.ok_or_else(|| Error::inconsistent("the offer that was redeemed", "none"))?;
    if !offers::take_back(tx, merchant, (offer, customer), event, now).await? {
        return Ok(());
    }
    let mut holdings = offers::holdings(tx, merchant, offer, &[customer]).await?;
    let standing = offers::redemptions(tx, merchant, offer, customer).await?;
    let standing = standing.iter().filter(|one| one.taken_back_at.is_none());
    let newest = standing.map(|one| one.at).max();
    for holding in &mut holdings {
        offer::give_back(holding, newest);
    }
    offers::save_holdings(tx, merchant, &holdings).await
}

async fn program_of(tx: &mut Tx<'_>, card: &Card) -> Result<ProgramOfMerchant, OfferError> {
    let of = cards::program(tx, card.merchant, card.program).await?;
    of.ok_or(OfferError::NoCard)
}

async fn assign_page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    offer: OfferId,
    wanted: &[CardId],
    actor: Actor,
    now: Timestamp,
) -> Result<usize, OfferError> {
    let mut held = engagement::locked(tx, merchant, wanted).await?;
    let offer = offers::offer_for_update(tx, merchant, offer)
        .await?
        .ok_or(OfferError::NoOffer)?;
    if offer.state != OfferState::Published {
        return Err(OfferRefusal::NotPublished.into());
    }
    let rows = assign(tx, &offer, &held, actor, now).await?;
    let ids = events::append(tx, &mut held, &rows, now).await?;
    let signals = crate::store::campaigns::signals(tx, merchant).await?;
    follow::many(tx, [(merchant, signals)], &held, &rows, &ids, now).await?;
    let changed: Vec<_> = rows
        .iter()
        .filter_map(|event| held.get(&event.card()?).cloned())
        .collect();
    cards::save(tx, &changed, now).await?;
    for card in &changed {
        tx.announce(Change::Card(merchant, card.id));
    }
    Ok(rows.len())
}

/// Gives a locked offer to those of `held`, locked too, who do not have it; the rows to append.
pub(super) async fn assign(
    tx: &mut Tx<'_>,
    offer: &Offer,
    held: &HashMap<CardId, Card>,
    actor: Actor,
    now: Timestamp,
) -> Result<Vec<NewEvent>, Error> {
    let mut cards: Vec<_> = held.values().collect();
    cards.sort_by_key(|card| card.id);
    let mut customers: Vec<_> = cards.iter().map(|card| card.customer).collect();
    customers.sort_unstable();
    customers.dedup();
    let known = offers::holdings(tx, offer.merchant, offer.id, &customers).await?;
    let mut holdings: HashMap<_, _> = known
        .into_iter()
        .map(|holding| (holding.customer, holding))
        .collect();
    let (mut rows, mut changed) = (Vec::new(), Vec::new());
    for card in cards {
        let holding = holdings
            .entry(card.customer)
            .or_insert_with(|| offer.untouched(card));
        if let Some(event) = offer::assign(offer, holding, card, actor, now) {
            rows.push(event);
            changed.push(*holding);
        }
    }
    offers::save_holdings(tx, offer.merchant, &changed).await?;
    Ok(rows)
}
