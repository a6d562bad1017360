//! Cards by hand: issue, redeem, take back. Ending and restoring them is in `ops::lifecycle`.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::domain::budget::Classes;
use crate::domain::capture::Token;
use crate::domain::card::{Card, CardStatus, Identity};
use crate::domain::change::Cause;
use crate::domain::conversion;
use crate::domain::delivery::Channel;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId, SerialNumber};
use crate::domain::issue::{self, IssueRefusal};
use crate::domain::ledger::{self, LatestEarning};
use crate::domain::lifecycle::{self, LifecycleRefusal};
use crate::domain::profile::{Field, FieldError, Profile, Region};
use crate::domain::program::ProgramKind;
use crate::domain::redemption::{self, RedeemRefusal, ReverseRefusal};
use crate::domain::time::Timestamp;
use crate::ops::balances::caught_up;
use crate::ops::campaigns::follow;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::customers::{self as people, CustomerError};
use crate::ops::{Ops, coupons, offers, promotions};
use crate::store::cards::{CardWithProgram, ProgramOfMerchant};
use crate::store::customers::Customer;
use crate::store::{Change, Error, Tx, cards, customers, dues, events, invitations, outbox};

/// Why a card was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("there is no such card")]
    NotFound,
    #[error(transparent)]
    Issue(#[from] IssueRefusal),
    #[error(transparent)]
    Redeem(#[from] RedeemRefusal),
    #[error(transparent)]
    Reverse(#[from] ReverseRefusal),
    #[error(transparent)]
    Lifecycle(#[from] LifecycleRefusal),
    /// Somebody else changed the card since the caller looked at it.
    #[error("this card has changed meanwhile; look again and decide anew")]
    Stale,
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The person with this address or number has a card of the program already.
    #[error("the customer with this address or number has card {0} of this program already")]
    AlreadyHolds(CardId),
    /// Somebody else became a customer with the same address or number at this moment.
    #[error("somebody else took the same address or number at this moment; try again")]
    Raced,
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why a tag was not attached to a card.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    #[error("there is no such card")]
    NoCard,
    #[error("this tag belongs to a card already; take another tag")]
    Taken,
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a new holder tells of themselves.
#[derive(Debug, Clone)]
pub struct Holder {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl Ops {
    /// Issues a card in `program` to a person, who becomes a customer unless their address or number is one's already.
    /// The name is printed on the card and stays there.
    pub async fn issue(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        holder: Holder,
    ) -> Result<CardWithProgram, CardError> {
        let issue = self.new_issue(merchant, self.clock.now());
        self.store
            .write("issue_card", move |tx| {
                let (issue, holder) = (issue.clone(), holder.clone());
                Box::pin(async move { issue.run(tx, program, holder).await })
            })
            .await
    }

    /// The names that a new customer and their card will have, drawn before the transaction that makes them.
    pub(super) fn new_issue(&self, merchant: MerchantId, now: Timestamp) -> Issue {
        Issue {
            merchant,
            customer: CustomerId(self.ids.next(now)),
            card: CardId(self.ids.next(now)),
            token: Token::from_random(self.ids.secret()),
            now,
        }
    }

    /// Hands out one reward. `seen` is the card's version that the caller looked at: a second click on the same
    /// page redeems nothing.
    pub async fn redeem(
        &self,
        merchant: MerchantId,
        card: CardId,
        seen: i64,
        actor: Actor,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("redeem_reward", move |tx| {
                Box::pin(async move {
                    let (card, of) = locked(tx, merchant, card, Some(seen)).await?;
                    let change = caught_up(&of.of, &card, now, |card| {
                        redemption::redeem(&of.of.program.rules, card, None, &Cause::of(actor), now)
                    })?;
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }

    /// Takes back a punch, a redemption or the use of a promotion of this card. The uses made with a presentation go
    /// with it.
    pub async fn reverse(
        &self,
        merchant: MerchantId,
        card: CardId,
        original: EventId,
        actor: Actor,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("reverse_event", move |tx| {
                Box::pin(async move {
                    let (card, of) = locked(tx, merchant, card, None).await?;
                    let original = events::event(tx, merchant, original)
                        .await?
                        .filter(|event| event.event.card() == Some(card.id))
                        .ok_or(CardError::NotFound)?;
                    conversion::check_scan(&card, &original)?;
                    if conversion::is_redemption(&card, &original) {
                        return coupons::take_back(tx, &card, &original, actor, now).await;
                    }
                    let already = events::is_reversed(tx, merchant, original.id).await?;
                    let rules = &of.of.program.rules;
                    if original.event.kind == EventKind::PromotionUsed {
                        return promotions::take_back(tx, rules, &card, &original, already, actor, now).await;
                    }
                    let remaining = remaining(tx, &card, &original, &of.of.zone).await?;
                    let mut change =
                        redemption::reverse(rules, &card, &original, already, remaining, actor, now)?;
                    if ledger::is_earning(&original.event) {
                        let with_it = promotions::go_with(tx, &card, original.id, actor, now).await?;
                        change.events.extend(with_it);
                    }
                    if let Some(Detail::Offer { offer }) = original.event.detail {
                        offers::take_back(tx, &card, offer, original.id, now).await?;
                    }
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }

    /// Notes that a copy of the card now lives at Google and wants to hear of changes.
    pub async fn link_google(&self, merchant: MerchantId, card: CardId) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write("link_google", move |tx| {
                Box::pin(async move {
                    let (mut card, _) = locked(tx, merchant, card, None).await?;
                    let known = card.channels.contains(Channel::Google);
                    card.note_install(Channel::Google, now);
                    let events = if known || card.status == CardStatus::Void {
                        Vec::new()
                    } else {
                        let kind = EventKind::CardInstalled;
                        invitations::note_installed(tx, merchant, card.id, now).await?;
                        let installed = event(card.id, kind, Delta::default(), Actor::Device, now);
                        vec![installed.with_reason("Google Wallet")]
                    };
                    // A change between drawing the object and this line must still reach it, the card's end too.
                    if card.status == CardStatus::Void {
                        outbox::enqueue(tx, [&card], now).await?;
                    }
                    write_change(tx, card, &events, now).await
                })
            })
            .await
    }

    /// Lets a plastic tag stand for a card beside its code. `tag` is what [`Token::from_uid`] gives.
    pub async fn attach_tag(&self, merchant: MerchantId, card: CardId, tag: Token) -> Result<(), TagError> {
        self.store
            .write("attach_tag", move |tx| {
                let tag = tag.clone();
                Box::pin(async move {
                    cards::card(tx, merchant, card).await?.ok_or(TagError::NoCard)?;
                    match cards::insert_token(tx, merchant, &tag, card).await {
                        Err(error) if error.is_unique_violation() => Err(TagError::Taken),
                        other => Ok(other?),
                    }
                })
            })
            .await
    }
}

/// A customer and their card, about to be made.
#[derive(Clone)]
pub(super) struct Issue {
    merchant: MerchantId,
    customer: CustomerId,
    card: CardId,
    token: Token,
    now: Timestamp,
}

impl Issue {
    /// Makes them within a transaction. Whoever has the holder's address or number already gets the card.
    pub(super) async fn run(
        &self,
        tx: &mut Tx<'_>,
        program: ProgramId,
        holder: Holder,
    ) -> Result<CardWithProgram, CardError> {
        let (merchant, now) = (self.merchant, self.now);
        let customer = holder_of(tx, merchant, self.customer, program, &holder, now).await?;
        let new = NewCard {
            id: self.card,
            program,
            customer,
            holder: Some(holder.name),
            token: self.token.clone(),
        };
        issue_card(tx, merchant, new, Actor::Gateway, now).await
    }
}

/// A card to issue.
pub(crate) struct NewCard {
    pub(crate) id: CardId,
    pub(crate) program: ProgramId,
    pub(crate) customer: CustomerId,
    /// The name to print on it.
    pub(crate) holder: Option<String>,
    pub(crate) token: Token,
}

/// Issues a card to somebody who is there already, and who is locked or new in this transaction.
pub(crate) async fn issue_card(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    new: NewCard,
    actor: Actor,
    now: Timestamp,
) -> Result<CardWithProgram, CardError> {
    let of = cards::program(tx, merchant, new.program)
        .await?
        .ok_or(CardError::NotFound)?;
    let card = new_card(new.id, merchant, new.program, new.customer, new.token, now)?;
    let card = write_new(tx, &of, &card, new.holder.as_deref(), &Cause::of(actor), now).await?;
    // Read again, because the person may have been there before, with wishes of their own.
    cards::card(tx, merchant, card.id)
        .await?
        .ok_or(CardError::NotFound)
}

/// The customer that a holder is: one who has the same address or number, or a new one.
async fn holder_of(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: CustomerId,
    program: ProgramId,
    holder: &Holder,
    now: Timestamp,
) -> Result<CustomerId, CardError> {
    let country = customers::habits(tx, merchant)
        .await?
        .map(|habits| habits.country);
    let region = country.as_deref().and_then(Region::parse);
    let mut profile = Profile::default();
    profile.set(Field::FirstName, &holder.name, region)?;
    profile.set(Field::Email, holder.email.as_deref().unwrap_or_default(), region)?;
    profile.set(Field::Phone, holder.phone.as_deref().unwrap_or_default(), region)?;
    if let Some((_, known)) = people::known(tx, merchant, &profile).await? {
        // Locked, so that two cards for one person are not issued side by side.
        let locked = customers::customers_for_update(tx, merchant, &[known.id]).await?;
        if locked.iter().all(|person| person.erased_at.is_some()) {
            return Err(CardError::Raced);
        }
        let cards = customers::cards_in_program(tx, merchant, program, &[known.id]).await?;
        let live = cards.iter().find(|(_, _, status)| *status != CardStatus::Void);
        let kind = cards::program(tx, merchant, program)
            .await?
            .map(|of| of.program.rules.kind());
        return match live {
            // Coupons are given again and again; of other programs a person has one card.
            Some((_, card, _)) if kind != Some(ProgramKind::Coupon) => Err(CardError::AlreadyHolds(*card)),
            _ => Ok(known.id),
        };
    }
    let customer = Customer::new(id, merchant, profile, now);
    match people::insert(tx, &customer).await {
        Ok(()) => Ok(id),
        Err(CustomerError::Store(error)) => Err(error.into()),
        Err(_) => Err(CardError::Raced),
    }
}

pub(crate) fn new_card(
    id: CardId,
    merchant: MerchantId,
    program: ProgramId,
    customer: CustomerId,
    token: Token,
    now: Timestamp,
) -> Result<Card, CardError> {
    let serial_number = SerialNumber::parse(format!("card-{id}"))
        .map_err(|error| Error::inconsistent("a serial number", error))?;
    let identity = Identity {
        id,
        merchant,
        program,
        customer,
        serial_number,
        token,
    };
    Ok(Card::new(identity, now))
}

/// Writes a card that has no history yet, with the rows of its first moment. Whatever issues cards comes here.
pub(crate) async fn write_new(
    tx: &mut Tx<'_>,
    of: &ProgramOfMerchant,
    card: &Card,
    holder: Option<&str>,
    cause: &Cause,
    now: Timestamp,
) -> Result<Card, CardError> {
    let first = issue::issue(&of.program, card, &of.time_zone(), cause, now)?;
    cards::insert_card(tx, card, holder).await?;
    customers::add_serial(tx, card.merchant, card.customer, card.serial_number.as_str()).await?;
    write_change(tx, first.card, &first.events, now).await
}

fn event(card: CardId, kind: EventKind, delta: Delta, actor: Actor, at: Timestamp) -> NewEvent {
    NewEvent::of_card(card, kind, actor, at).with_delta(delta)
}

/// The card, locked, together with its program; refused when it is not the version that the caller saw.
pub(crate) async fn locked(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: CardId,
    seen: Option<i64>,
) -> Result<(Card, CardWithProgram), CardError> {
    let card = cards::card_for_update(tx, merchant, id)
        .await?
        .ok_or(CardError::NotFound)?;
    if seen.is_some_and(|seen| seen != card.version) {
        return Err(CardError::Stale);
    }
    let of = cards::card(tx, merchant, id).await?.ok_or(CardError::NotFound)?;
    Ok((card, of))
}

/// The newest punch of `card` that stands without `original`.
pub(crate) async fn remaining(
    tx: &mut Tx<'_>,
    card: &Card,
    original: &Event,
    zone: &str,
) -> Result<LatestEarning, Error> {
    let Some(newest) = card.last_event else {
        return Ok(LatestEarning::default());
    };
    let mut history = events::history(tx, card.merchant, newest, NEIGHBOURS).await?;
    history.retain(|event| event.id != original.id);
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let punches: Vec<_> = ledger::standing_earnings(&history).collect();
    Ok(LatestEarning {
        visit_at: ledger::standing_visits(&history).max(),
        ..ledger::latest(punches.iter().copied(), &zone)
    })
}

/// Writes many changes at once, at most one a card; the cards are locked. For bulk jobs, imports and chores. As with one
/// change, phones do not hear of what befalls a card that has ended.
pub(crate) async fn write_changes(
    tx: &mut Tx<'_>,
    changes: Vec<redemption::Change>,
    now: Timestamp,
) -> Result<Vec<Card>, Error> {
    let mut rows = Vec::new();
    let mut in_hand = HashMap::with_capacity(changes.len());
    let mut wants = HashMap::with_capacity(changes.len());
    for change in changes {
        if lifecycle::is_told(&change.card, &change.events) {
            wants.insert(change.card.id, Classes::touched(&change.events));
        }
        rows.extend(change.events);
        in_hand.insert(change.card.id, change.card);
    }
    let ids = events::append(tx, &mut in_hand, &rows, now).await?;
    tracing::trace!(target: "passgate::walk", step = "changes_appended");
    follow::set(tx, &in_hand, &rows, &ids, now).await?;
    let mut changed: Vec<Card> = in_hand.into_values().collect();
    // Pushes are locked in the order of their cards.
    changed.sort_unstable_by_key(|card| (card.merchant, card.id));
    cards::save(tx, &changed, now).await?;
    dues::arm(tx, &changed).await?;
    let told = changed
        .iter()
        .filter_map(|card| Some((card, *wants.get(&card.id)?)));
    outbox::enqueue_to_ring(tx, told, now).await?;
    for card in &changed {
        tx.announce(Change::Card(card.merchant, card.id));
    }
    Ok(changed)
}

/// Appends the rows, saves the card, sees to its dates, asks for pushes, and tells who is watching.
pub(crate) async fn write_change(
    tx: &mut Tx<'_>,
    card: Card,
    new_events: &[NewEvent],
    now: Timestamp,
) -> Result<Card, CardError> {
    let id = card.id;
    let mut in_hand = HashMap::from([(id, card)]);
    let ids = events::append(tx, &mut in_hand, new_events, now).await?;
    follow::one(tx, in_hand.get(&id), new_events, &ids, now).await?;
    let card = in_hand.remove(&id).ok_or(CardError::NotFound)?;
    cards::save(tx, std::slice::from_ref(&card), now).await?;
    dues::arm(tx, [&card]).await?;
    if lifecycle::is_told(&card, new_events) {
        let wants = Classes::touched(new_events);
        outbox::enqueue_to_ring(tx, [(&card, wants)], now).await?;
    }
    tx.announce(Change::Card(card.merchant, card.id));
    Ok(card)
}
