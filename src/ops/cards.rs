//! Cards by hand: issue, redeem, take back. Ending and restoring them is in `ops::lifecycle`.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::domain::capture::Token;
use crate::domain::card::{Card, CardStatus, Identity};
use crate::domain::change::Cause;
use crate::domain::conversion;
use crate::domain::customer;
use crate::domain::delivery::Channel;
use crate::domain::event::{Actor, Delta, Event, EventKind, NewEvent};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId, ProgramId, SerialNumber};
use crate::domain::issue::{self, IssueRefusal};
use crate::domain::ledger::{self, LatestEarning};
use crate::domain::lifecycle::{self, LifecycleRefusal};
use crate::domain::preference::Preferences;
use crate::domain::redemption::{self, RedeemRefusal, ReverseRefusal};
use crate::domain::time::Timestamp;
use crate::ops::campaigns::follow;
use crate::ops::captures::NEIGHBOURS;
use crate::ops::{Ops, coupons};
use crate::store::cards::{CardWithProgram, NewCustomer, ProgramOfMerchant};
use crate::store::{Change, Error, Tx, cards, dues, events, invitations, outbox};

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
    /// Makes a customer and their card in `program`. The name is printed on the card and stays there.
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
                    let change =
                        redemption::redeem(&of.of.program.rules, &card, None, &Cause::of(actor), now)?;
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
                    conversion::check_scan(&card, &original)?;
                    if conversion::is_redemption(&card, &original) {
                        return coupons::take_back(tx, &card, &original, actor, now).await;
                    }
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
    /// Makes both within a transaction.
    pub(super) async fn run(
        &self,
        tx: &mut Tx<'_>,
        program: ProgramId,
        holder: Holder,
    ) -> Result<CardWithProgram, CardError> {
        let (merchant, now) = (self.merchant, self.now);
        let of = cards::program(tx, merchant, program)
            .await?
            .ok_or(CardError::NotFound)?;
        let customer = NewCustomer {
            id: self.customer,
            merchant,
            search: customer::search_text(&holder.name, "", holder.email.as_deref(), holder.phone.as_deref()),
            first_name: holder.name.clone(),
            last_name: String::new(),
            email_key: holder.email.as_deref().map(customer::email_key),
            email: holder.email,
            phone: holder.phone,
        };
        cards::insert_customer(tx, &customer, now).await?;
        let card = new_card(self.card, merchant, program, customer.id, self.token.clone(), now)?;
        let cause = Cause::of(Actor::Gateway);
        let card = write_new(tx, &of, &card, &holder.name, &cause, now).await?;
        Ok(CardWithProgram {
            card,
            of,
            holder: Some(holder.name),
            preferences: Preferences::ALL_ACTIVE,
        })
    }
}

fn new_card(
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
    holder: &str,
    cause: &Cause,
    now: Timestamp,
) -> Result<Card, CardError> {
    let first = issue::issue(&of.program, card, &of.time_zone(), cause, now)?;
    cards::insert_card(tx, card, Some(holder)).await?;
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

/// Writes many changes at once, at most one a card; the cards are locked. For bulk jobs, imports and chores.
pub(crate) async fn write_changes(
    tx: &mut Tx<'_>,
    changes: Vec<redemption::Change>,
    now: Timestamp,
) -> Result<Vec<Card>, Error> {
    let mut rows = Vec::new();
    let mut in_hand = HashMap::with_capacity(changes.len());
    for change in changes {
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
    outbox::enqueue(tx, &changed, now).await?;
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
        outbox::enqueue(tx, [&card], now).await?;
    }
    tx.announce(Change::Card(card.merchant, card.id));
    Ok(card)
}
