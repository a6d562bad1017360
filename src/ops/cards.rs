//! Cards by hand: issue, redeem, take back, end and restore.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::domain::capture::Token;
use crate::domain::card::{Card, CardStatus, Channels, Identity};
use crate::domain::delivery::Channel;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId, SerialNumber};
use crate::domain::ledger::{self, LatestEarning};
use crate::domain::profile::{Field, FieldError, Profile, Region};
use crate::domain::program::ProgramKind;
use crate::domain::redemption::{self, RedeemRefusal, ReverseRefusal};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::customers::{self as people, CustomerError};
use crate::store::cards::CardWithProgram;
use crate::store::customers::Customer;
use crate::store::{Change, Error, Tx, cards, customers, events, outbox};

/// Why a card was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("there is no such card")]
    NotFound,
    #[error(transparent)]
    Redeem(#[from] RedeemRefusal),
    #[error(transparent)]
    Reverse(#[from] ReverseRefusal),
    #[error("this card has already ended")]
    AlreadyVoid,
    #[error("this card has not ended")]
    NotVoid,
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
        let now = self.clock.now();
        let customer = CustomerId(self.ids.next(now));
        let id = CardId(self.ids.next(now));
        let token = Token::from_random(self.ids.secret());
        self.store
            .write("issue_card", move |tx| {
                let (holder, token) = (holder.clone(), token.clone());
                Box::pin(async move {
                    let customer = holder_of(tx, merchant, customer, program, &holder, now).await?;
                    let new = NewCard {
                        id,
                        program,
                        customer,
                        holder: Some(holder.name),
                        token,
                    };
                    issue_card(tx, merchant, new, Actor::Gateway, now).await
                })
            })
            .await
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
                    let change = redemption::redeem(&of.of.program.rules, &card, None, actor, now)?;
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }

    /// Takes back a punch or a redemption of this card.
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
                    let already = events::is_reversed(tx, merchant, original.id).await?;
                    let remaining = remaining(tx, &card, &original, &of.of.zone).await?;
                    let rules = &of.of.program.rules;
                    let change =
                        redemption::reverse(rules, &card, &original, already, remaining, actor, now)?;
                    write_change(tx, change.card, &change.events, now).await
                })
            })
            .await
    }

    /// Ends a card. It stays on the phone, shown as void, and gives nothing any more.
    pub async fn void(&self, merchant: MerchantId, card: CardId, actor: Actor) -> Result<Card, CardError> {
        self.set_status("void_card", merchant, card, actor, |card| {
            if card.status == CardStatus::Void {
                return Err(CardError::AlreadyVoid);
            }
            card.status = CardStatus::Void;
            Ok(EventKind::CardVoided)
        })
        .await
    }

    /// Makes an ended card valid again, with its balance as it was.
    pub async fn restore(&self, merchant: MerchantId, card: CardId, actor: Actor) -> Result<Card, CardError> {
        self.set_status("restore_card", merchant, card, actor, |card| {
            if card.status != CardStatus::Void {
                return Err(CardError::NotVoid);
            }
            card.status = if card.channels == Channels::NONE {
                CardStatus::Pending
            } else {
                CardStatus::Installed
            };
            Ok(EventKind::CardRestored)
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
                    card.channels = card.channels.with(Channel::Google);
                    // A change between drawing the object and this line must still reach it.
                    let events = if known || card.status == CardStatus::Void {
                        Vec::new()
                    } else {
                        card.status = CardStatus::Installed;
                        vec![event(
                            card.id,
                            EventKind::CardInstalled,
                            Delta::default(),
                            Actor::Device,
                            now,
                        )]
                    };
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

    async fn set_status(
        &self,
        name: &'static str,
        merchant: MerchantId,
        card: CardId,
        actor: Actor,
        change: fn(&mut Card) -> Result<EventKind, CardError>,
    ) -> Result<Card, CardError> {
        let now = self.clock.now();
        self.store
            .write(name, move |tx| {
                Box::pin(async move {
                    let (mut card, _) = locked(tx, merchant, card, None).await?;
                    let kind = change(&mut card)?;
                    card.touch(now);
                    let event = event(card.id, kind, Delta::default(), actor, now);
                    write_change(tx, card, &[event], now).await
                })
            })
            .await
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

/// Issues a card to somebody who is there already.
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
    cards::insert_card(tx, &card, new.holder.as_deref()).await?;
    customers::add_serial(tx, merchant, new.customer, card.serial_number.as_str()).await?;
    let issued = event(new.id, EventKind::CardIssued, Delta::default(), actor, now);
    let card = write_change(tx, card, &[issued], now).await?;
    Ok(CardWithProgram {
        card,
        of,
        holder: new.holder,
    })
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
        customers::customers_for_update(tx, merchant, &[known.id]).await?;
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

fn event(card: CardId, kind: EventKind, delta: Delta, actor: Actor, at: Timestamp) -> NewEvent {
    NewEvent::of_card(card, kind, actor, at).with_delta(delta)
}

/// The card, locked, together with its program; refused when it is not the version that the caller saw.
async fn locked(
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
async fn remaining(
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
    Ok(ledger::latest(punches.iter().copied(), &zone))
}

/// Appends the rows, saves the card, asks for pushes, and tells who is watching.
pub(crate) async fn write_change(
    tx: &mut Tx<'_>,
    card: Card,
    new_events: &[NewEvent],
    now: Timestamp,
) -> Result<Card, CardError> {
    let id = card.id;
    let mut in_hand = HashMap::from([(id, card)]);
    events::append(tx, &mut in_hand, new_events, now).await?;
    let card = in_hand.remove(&id).ok_or(CardError::NotFound)?;
    cards::save(tx, std::slice::from_ref(&card)).await?;
    outbox::enqueue(tx, [&card], now).await?;
    tx.announce(Change::Card(card.merchant, card.id));
    Ok(card)
}
