//! Letters that bring people to their cards: asked for here, sent by the courier, followed until the card is installed.
//!
//! A letter is a row written in the transaction that asks for it; the courier takes it from there, also after a
//! restart. A crash between sending and noting it sends a letter twice, with the same message id.

use std::time::Duration;

use crate::domain::card::CardStatus;
use crate::domain::customer;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::id::{CardId, InvitationId, MemberId, MerchantId, ProgramId};
use crate::domain::invitation::{self, Delivery, InvitationKind, InvitationRefusal, InvitationState, Next};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::{CardError, Holder};
use crate::ops::devices::record_quietly;
use crate::store::invitations::{Addressee, Finished, Invitation, NewInvitation};
use crate::store::{Change, Error, Tx, cards, invitations};

/// Addresses in one call.
pub const MOST_ADDRESSES: usize = 200;

/// Why no letter was put into the queue.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    #[error("there is no such card")]
    NoCard,
    #[error(transparent)]
    Refused(#[from] InvitationRefusal),
    #[error("at most {MOST_ADDRESSES} addresses at once; got {0}")]
    TooMany(usize),
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A letter with what its text needs.
#[derive(Debug, Clone)]
pub struct Letter {
    pub invitation: Invitation,
    pub merchant_name: String,
    pub program_name: String,
    pub first_name: String,
    pub lease: i64,
}

impl Ops {
    /// Sends the holder of a card a letter with its link.
    pub async fn invite(
        &self,
        merchant: MerchantId,
        card: CardId,
        kind: InvitationKind,
        by: Option<MemberId>,
    ) -> Result<InvitationId, InviteError> {
        let now = self.clock.now();
        let id = InvitationId(self.ids.next(now));
        self.store
            .write("invite", move |tx| {
                Box::pin(async move { queue(tx, merchant, card, kind, id, by, now).await })
            })
            .await?;
        Ok(id)
    }

    /// Invites whoever has `address` into a program: the person who has it already, or a new one. Says per address
    /// what became of it.
    pub async fn invite_addresses(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        addresses: &[String],
        by: Option<MemberId>,
    ) -> Result<Vec<Result<InvitationId, InviteError>>, InviteError> {
        if addresses.len() > MOST_ADDRESSES {
            return Err(InviteError::TooMany(addresses.len()));
        }
        let mut answers = Vec::with_capacity(addresses.len());
        for address in addresses {
            answers.push(self.invite_address(merchant, program, address, by).await);
        }
        Ok(answers)
    }

    async fn invite_address(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        address: &str,
        by: Option<MemberId>,
    ) -> Result<InvitationId, InviteError> {
        let address = invitation::address(address)?;
        let now = self.clock.now();
        let id = InvitationId(self.ids.next(now));
        let issue = self.new_issue(merchant, now);
        self.store
            .write("invite_address", move |tx| {
                let (address, issue) = (address.clone(), issue.clone());
                Box::pin(async move {
                    let key = customer::email_key(&address);
                    let known = invitations::card_by_email(tx, merchant, &key, program).await?;
                    let card = match known {
                        Some(card) => card,
                        None => {
                            let holder = Holder {
                                name: String::new(),
                                email: Some(address),
                                phone: None,
                            };
                            issue.run(tx, program, holder).await?.card.id
                        }
                    };
                    queue(tx, merchant, card, InvitationKind::Invitation, id, by, now).await
                })
            })
            .await?;
        Ok(id)
    }

    /// To whom a letter about a card would go, so that staff see it before they send.
    pub async fn addressee(&self, merchant: MerchantId, card: CardId) -> Result<Option<Addressee>, Error> {
        self.store
            .read("addressee", move |tx| {
                Box::pin(invitations::addressee(tx, merchant, card))
            })
            .await
    }

    /// The address that a letter about a card would go to now, or why none would.
    pub async fn may_invite(&self, merchant: MerchantId, card: CardId) -> Result<String, InviteError> {
        let now = self.clock.now();
        self.store
            .read("may_invite", move |tx| {
                Box::pin(async move {
                    let found = cards::card(tx, merchant, card)
                        .await?
                        .ok_or(InviteError::NoCard)?;
                    if found.card.status == CardStatus::Void {
                        return Err(InvitationRefusal::CardEnded.into());
                    }
                    let whom = invitations::addressee(tx, merchant, card).await?;
                    let address = whom.and_then(|whom| whom.email);
                    let address = address.ok_or(InvitationRefusal::NoAddress)?;
                    invitation::may_send(invitations::last(tx, merchant, card).await?, now)?;
                    Ok(address)
                })
            })
            .await
    }

    /// A merchant's letters before `before`, newest first, at most 200.
    pub async fn invitations(
        &self,
        merchant: MerchantId,
        before: Option<InvitationId>,
    ) -> Result<Vec<Invitation>, Error> {
        let before = before.unwrap_or(InvitationId(i64::MAX));
        self.store
            .read("invitations", move |tx| {
                Box::pin(invitations::page(tx, merchant, before, 200))
            })
            .await
    }

    /// Notes that somebody followed a letter's link; returns the card it leads to.
    pub async fn open_invitation(
        &self,
        merchant: MerchantId,
        id: InvitationId,
    ) -> Result<Option<CardId>, Error> {
        let now = self.clock.now();
        self.store
            .write("open_invitation", move |tx| {
                Box::pin(async move {
                    let found = invitations::invitation(tx, merchant, id).await?;
                    if found.as_ref().is_some_and(|found| found.opened_at.is_none()) {
                        invitations::note_opened(tx, merchant, id, now).await?;
                    }
                    Ok(found.map(|found| found.card))
                })
            })
            .await
    }

    /// Notes that a letter came back after the mail server had accepted it.
    pub async fn bounce_invitation(
        &self,
        merchant: MerchantId,
        id: InvitationId,
        reason: &str,
    ) -> Result<bool, Error> {
        let reason: String = reason.chars().take(200).collect();
        self.store
            .write("bounce_invitation", move |tx| {
                let reason = reason.clone();
                Box::pin(async move { invitations::note_bounced(tx, merchant, id, &reason).await })
            })
            .await
    }

    /// Takes letters that are due, for the courier. They come back by themselves after `lease`.
    pub async fn claim_letters(&self, limit: i64, lease: Duration) -> Result<Vec<Letter>, Error> {
        let now = self.clock.now();
        let token = self.ids.next(now);
        let until = now.plus(lease);
        self.store
            .write("claim_letters", move |tx| {
                Box::pin(async move {
                    let mut letters = Vec::new();
                    for invitation in invitations::claim(tx, now, until, token, limit).await? {
                        let (merchant, card) = (invitation.merchant, invitation.card);
                        let of = cards::card(tx, merchant, card).await?;
                        let whom = invitations::addressee(tx, merchant, card).await?;
                        let (Some(of), Some(whom)) = (of, whom) else {
                            return Err(Error::inconsistent("the card of a letter", "none"));
                        };
                        letters.push(Letter {
                            invitation,
                            merchant_name: of.of.merchant_name,
                            program_name: of.of.program.name,
                            first_name: whom.first_name,
                            lease: token,
                        });
                    }
                    Ok(letters)
                })
            })
            .await
    }

    /// Writes down how a try ended.
    pub async fn finish_letter(&self, letter: &Letter, delivery: Delivery) -> Result<(), Error> {
        let now = self.clock.now();
        let (merchant, card) = (letter.invitation.merchant, letter.invitation.card);
        let (id, lease) = (letter.invitation.id, letter.lease);
        let next = invitation::after(delivery, letter.invitation.attempts, now);
        self.store
            .write("finish_letter", move |tx| {
                let next = next.clone();
                Box::pin(async move {
                    let (finished, kind) = written(next, now);
                    let ours = invitations::finish(tx, merchant, id, lease, &finished).await?;
                    let Some(kind) = kind.filter(|_| ours) else {
                        return Ok(());
                    };
                    let Some(card) = cards::card_for_update(tx, merchant, card).await? else {
                        return Ok(());
                    };
                    let mut event = NewEvent::of_card(card.id, kind, Actor::Gateway, now);
                    event.reason = finished.reason;
                    let (merchant, id) = (card.merchant, card.id);
                    record_quietly(tx, card, event, now).await?;
                    tx.announce(Change::Card(merchant, id));
                    Ok(())
                })
            })
            .await
    }
}

/// What is stored after a try, and what the timeline says of it.
fn written(next: Next, now: Timestamp) -> (Finished, Option<EventKind>) {
    match next {
        Next::Again { at, reason } => (
            Finished {
                state: InvitationState::Queued,
                reason: Some(reason),
                due_at: Some(at),
                sent_at: None,
            },
            None,
        ),
        Next::Done(state, reason) => {
            let sent = state == InvitationState::Sent;
            let kind = if sent {
                EventKind::InvitationSent
            } else {
                EventKind::InvitationFailed
            };
            (
                Finished {
                    state,
                    reason,
                    due_at: None,
                    sent_at: sent.then_some(now),
                },
                Some(kind),
            )
        }
    }
}

/// Puts a letter about a card into the queue, unless one went a short time ago.
pub(super) async fn queue(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    card: CardId,
    kind: InvitationKind,
    id: InvitationId,
    by: Option<MemberId>,
    now: Timestamp,
) -> Result<(), InviteError> {
    // The lock makes two clicks at once one letter.
    let locked = cards::card_for_update(tx, merchant, card)
        .await?
        .ok_or(InviteError::NoCard)?;
    if locked.status == CardStatus::Void {
        return Err(InvitationRefusal::CardEnded.into());
    }
    let whom = invitations::addressee(tx, merchant, card)
        .await?
        .ok_or(InviteError::NoCard)?;
    let address = whom.email.ok_or(InvitationRefusal::NoAddress)?;
    invitation::may_send(invitations::last(tx, merchant, card).await?, now)?;
    let new = NewInvitation {
        merchant,
        id,
        card,
        customer: whom.customer,
        kind,
        address,
        language: whom.language,
        created_by: by,
    };
    invitations::insert(tx, &new, now).await?;
    Ok(())
}
