//! Preferences and consents: the holder changes them, everybody else reads them, and each change keeps its history.

use std::collections::HashMap;

use crate::domain::consent::{self, Channel, ConsentRefusal, Consents, Evidence, Purpose};
use crate::domain::event::{Actor, NewEvent, Source};
use crate::domain::id::{CustomerId, MerchantId};
use crate::domain::preference::{self, Class, Preference, PreferenceRefusal, Preferences};
use crate::domain::time::Timestamp;
use crate::ops::{Ops, engagement};
use crate::store::consents::{Person, Recorded};
use crate::store::{Change, Error, Tx, cards, consent_words, consents, events, outbox};

/// Why a preference or a consent was not changed.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    #[error("there is no such customer")]
    NotFound,
    #[error(transparent)]
    Preference(#[from] PreferenceRefusal),
    #[error(transparent)]
    Consent(#[from] ConsentRefusal),
    #[error(transparent)]
    Store(#[from] Error),
}

/// How many consents are shown of a person's history.
const SHOWN: i64 = 200;

impl Ops {
    /// What a person wants to be told and agreed to, with the evidence, newest first.
    pub async fn wishes(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
    ) -> Result<(Person, Vec<Recorded>), WishError> {
        self.store
            .read("wishes", move |tx| {
                Box::pin(async move {
                    let person = consents::person(tx, merchant, customer)
                        .await?
                        .ok_or(WishError::NotFound)?;
                    Ok((person, consents::history(tx, merchant, customer, SHOWN).await?))
                })
            })
            .await
    }

    /// Sets a preference as the holder wants it. Pausing or allowing places makes every pass of theirs anew, because a
    /// phone shows those by itself.
    pub async fn set_preference(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        (class, to): (Class, Preference),
        by: (Actor, Source),
    ) -> Result<Preferences, WishError> {
        let now = self.clock.now();
        self.store
            .write("set_preference", move |tx| {
                Box::pin(async move {
                    // Cards before the person: the order in which everything locks.
                    let held = if class == Class::Location {
                        let ids = consents::cards_of(tx, merchant, customer).await?;
                        engagement::locked(tx, merchant, &ids).await?
                    } else {
                        HashMap::new()
                    };
                    let mut person = consents::person_for_update(tx, merchant, customer)
                        .await?
                        .ok_or(WishError::NotFound)?;
                    let changed = preference::change(person.preferences, class, to, customer, by, now)?;
                    let Some(changed) = changed else {
                        return Ok(person.preferences);
                    };
                    person.preferences = changed.preferences;
                    append(tx, merchant, &mut person, &changed.event, now).await?;
                    let mut held: Vec<_> = held.into_values().collect();
                    held.sort_by_key(|card| card.id);
                    for card in &mut held {
                        card.touch(now);
                        tx.announce(Change::Card(merchant, card.id));
                    }
                    cards::save(tx, &held, now).await?;
                    outbox::enqueue(tx, &held, now).await?;
                    Ok(changed.preferences)
                })
            })
            .await
    }

    /// Records that a person agrees, or no longer agrees, to `purpose`.
    pub async fn set_consent(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        (purpose, given): (Purpose, bool),
        evidence: Evidence,
        by: (Actor, Source),
    ) -> Result<Consents, WishError> {
        let now = self.clock.now();
        self.store
            .write("set_consent", move |tx| {
                let evidence = evidence.clone();
                Box::pin(async move {
                    let mut person = consents::person_for_update(tx, merchant, customer)
                        .await?
                        .ok_or(WishError::NotFound)?;
                    record(tx, merchant, &mut person, (purpose, given), &evidence, by, now).await?;
                    Ok(person.consents)
                })
            })
            .await
    }
}

/// Records what a person who is new in this transaction agreed to on a page, with the words that they read there, of
/// that version of what the merchant says.
pub(super) async fn agree(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    agreed: &[(Purpose, String)],
    (version, language): (i64, &str),
    now: Timestamp,
) -> Result<(), WishError> {
    if agreed.is_empty() {
        return Ok(());
    }
    let mut person = consents::person_for_update(tx, merchant, customer)
        .await?
        .ok_or(WishError::NotFound)?;
    let by = (Actor::Device, Actor::Device.usual_source());
    for (purpose, words) in agreed {
        let name = consent::text_name(version, words);
        let evidence = Evidence::new(&name, Channel::WebCard, language)?;
        consent_words::keep_text(tx, merchant, &name, (version, language, words), now).await?;
        record(tx, merchant, &mut person, (*purpose, true), &evidence, by, now).await?;
    }
    Ok(())
}

async fn record(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    person: &mut Person,
    wish: (Purpose, bool),
    evidence: &Evidence,
    by: (Actor, Source),
    now: Timestamp,
) -> Result<(), WishError> {
    let changed = consent::change(person.consents, wish, evidence, person.customer, by, now)?;
    let Some(changed) = changed else { return Ok(()) };
    person.consents = changed.consents;
    append(tx, merchant, person, &changed.event, now).await?;
    let Some(event) = person.last_event else {
        return Err(Error::inconsistent("the event of the consent", "none").into());
    };
    let recorded = Recorded {
        purpose: wish.0,
        given: wish.1,
        evidence: evidence.clone(),
        at: now,
    };
    consents::insert(tx, merchant, person.customer, event, &recorded).await?;
    Ok(())
}

/// Appends a row to the person's timeline and writes the person back.
async fn append(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    person: &mut Person,
    event: &NewEvent,
    now: Timestamp,
) -> Result<(), Error> {
    let newest = events::append_of_customer(tx, merchant, person.last_event, event, now).await?;
    person.last_event = Some(newest);
    consents::save(tx, merchant, person).await?;
    // Lists can be asked for what people wish.
    for card in consents::cards_of(tx, merchant, person.customer).await? {
        tx.announce(Change::Card(merchant, card));
    }
    Ok(())
}
