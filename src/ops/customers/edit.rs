//! What an edit does to a locked person: the profile, its keys, the answers of a card, and the row in the timeline. Also
//! the chore that brings older rows into form.

use crate::domain::custom_field::FieldCode;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent, Subject};
use crate::domain::profile::{Field, Profile, Region};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::chores::TURN;
use crate::ops::customers::{CustomerError, Edit, fields, today};
use crate::store::customers::{Contact, Customer, Habits};
use crate::store::{Change, Error, Tx, customers, events};

/// Applies an edit to a locked person.
pub(super) async fn apply(
    tx: &mut Tx<'_>,
    habits: &Habits,
    mut customer: Customer,
    edit: Edit,
    actor: Actor,
    now: Timestamp,
) -> Result<Customer, CustomerError> {
    let merchant = customer.merchant;
    let before = customer.profile.clone();
    for (field, text) in &edit.fields {
        customer
            .profile
            .set(*field, text, Region::parse(&habits.country))?;
    }
    // Whoever came without any contact may stay without; nobody loses the last one.
    if !before.contacts().is_empty() {
        customer.profile = customer.profile.checked(today(habits, now))?;
    } else if let Some(birthday) = customer.profile.birthday {
        birthday.check_past(today(habits, now))?;
    }
    let mut names: Vec<String> = before
        .changed(&customer.profile)
        .iter()
        .map(ToString::to_string)
        .collect();
    if let Some((card, typed)) = edit.answers {
        let changed = fields::edit(tx, &customer, card, &typed).await?;
        names.extend(changed.iter().map(|code: &FieldCode| format!("custom.{code}")));
    }
    if names.is_empty() {
        return Ok(customer);
    }
    move_contacts(tx, &before, &customer).await?;
    if before.email.as_ref().map(|email| email.key())
        != customer.profile.email.as_ref().map(|email| email.key())
    {
        customer.verified_at = None;
    }
    note_edit(tx, &mut customer, names, actor, now).await?;
    customers::save(tx, merchant, std::slice::from_ref(&customer)).await?;
    // Lists show the person beside each of their cards.
    for held in customers::cards_of(tx, merchant, customer.id).await? {
        tx.announce(Change::Card(merchant, held.id));
    }
    Ok(customer)
}

/// Appends "these fields changed" to the person's timeline; the caller saves the person.
pub(super) async fn note_edit(
    tx: &mut Tx<'_>,
    customer: &mut Customer,
    names: Vec<String>,
    actor: Actor,
    now: Timestamp,
) -> Result<(), Error> {
    let event = NewEvent::new(
        Subject::Customer(customer.id),
        EventKind::ProfileEdited,
        actor,
        now,
    )
    .with_detail(Detail::Fields { names });
    let event = events::append_of_customer(tx, customer.merchant, customer.last_event, &event, now).await?;
    customer.last_event = Some(event);
    customer.edited = Some(event);
    customer.version += 1;
    customer.changed_at = now;
    Ok(())
}

/// Claims the keys that are new and gives up those that are gone.
async fn move_contacts(tx: &mut Tx<'_>, before: &Profile, customer: &Customer) -> Result<(), CustomerError> {
    let (old, new) = (before.contacts(), customer.profile.contacts());
    let added: Vec<Contact> = new.iter().filter(|key| !old.contains(key)).cloned().collect();
    let owners = customers::owners(tx, customer.merchant, &added).await?;
    if let Some(((kind, _), owner)) = owners.iter().find(|(_, owner)| *owner != customer.id) {
        return Err(CustomerError::Taken {
            kind: *kind,
            customer: *owner,
        });
    }
    for gone in old.iter().filter(|key| !new.contains(key)) {
        customers::release(tx, customer.merchant, gone, customer.id).await?;
    }
    let unclaimed = added
        .into_iter()
        .filter(|key| !owners.iter().any(|(owned, _)| owned == key));
    let claims = unclaimed.map(|key| (key, customer.id)).collect();
    if customers::claim(tx, customer.merchant, claims).await? {
        Ok(())
    } else {
        Err(CustomerError::Raced)
    }
}

/// Brings people into form whose rows were written before there was one: numbers in E.164, keys claimed, everything
/// searchable. Of twins the first one keeps the key; a number that cannot be read stays as it was typed.
pub(crate) async fn bring_into_form(ops: &Ops, _: Timestamp) -> Result<usize, Error> {
    ops.store
        .write("bring_customers_into_form", |tx| {
            Box::pin(async move {
                let unformed = customers::unformed(tx, TURN).await?;
                for mut customer in unformed.iter().cloned() {
                    let merchant = customer.merchant;
                    let country = customers::habits(tx, merchant)
                        .await?
                        .map(|habits| habits.country);
                    let region = country.as_deref().and_then(Region::parse);
                    if let Some(phone) = &customer.profile.phone {
                        let typed = phone.as_str().to_owned();
                        // What cannot be read was typed by somebody and may still help staff.
                        let _ = customer.profile.set(Field::Phone, &typed, region);
                    }
                    for key in customer.profile.contacts() {
                        customers::claim(tx, merchant, vec![(key, customer.id)]).await?;
                    }
                    customers::save(tx, merchant, &[customer]).await?;
                }
                Ok(unformed.len())
            })
        })
        .await
}
