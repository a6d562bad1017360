//! Staff notes and tags.

use crate::domain::event::Actor;
use crate::domain::id::{CustomerId, MerchantId, NoteId};
use crate::domain::note::{MOST_NOTES, MOST_TAGS, NoteText, Tag, Writer};
use crate::domain::profile::FieldError;
use crate::ops::Ops;
use crate::ops::customers::{CustomerError, locked, note_edit};
use crate::store::{Change, customers, notes};

/// Why a note was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error("there is no such note")]
    NotFound,
    #[error("a note is changed by whoever wrote it, and deleted by them, an admin or an owner")]
    NotYours,
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

impl Ops {
    /// Writes a note beside a person.
    pub async fn add_note(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        text: NoteText,
        writer: Writer,
    ) -> Result<NoteId, NoteError> {
        let id = NoteId(self.ids.next(self.clock.now()));
        self.add_note_once(merchant, customer, id, text, writer).await
    }

    /// The same under an id that the caller has drawn before: sent twice, it is one note.
    pub async fn add_note_once(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        id: NoteId,
        text: NoteText,
        writer: Writer,
    ) -> Result<NoteId, NoteError> {
        let now = self.clock.now();
        self.store
            .write("add_note", move |tx| {
                let text = text.clone();
                Box::pin(async move {
                    // Locked, so that the second of two clicks finds what the first one wrote.
                    locked(tx, merchant, customer).await?;
                    if notes::note(tx, merchant, customer, id).await?.is_some() {
                        return Ok(id);
                    }
                    let there = notes::count(tx, merchant, customer).await?;
                    if there >= MOST_NOTES {
                        let expected = format!("at most {MOST_NOTES} notes about one person");
                        let error = FieldError::new("note", "too_many", expected, text.as_str());
                        return Err(CustomerError::from(error).into());
                    }
                    notes::insert(tx, merchant, customer, id, writer.author(), &text, now).await?;
                    Ok(id)
                })
            })
            .await
    }

    pub async fn edit_note(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        note: NoteId,
        text: NoteText,
        writer: Writer,
    ) -> Result<(), NoteError> {
        let now = self.clock.now();
        self.store
            .write("edit_note", move |tx| {
                let text = text.clone();
                Box::pin(async move {
                    let there = notes::note(tx, merchant, customer, note).await?;
                    let there = there.ok_or(NoteError::NotFound)?;
                    if !writer.may_edit(there.author) {
                        return Err(NoteError::NotYours);
                    }
                    Ok(notes::edit(tx, merchant, customer, note, &text, now).await?)
                })
            })
            .await
    }

    pub async fn delete_note(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        note: NoteId,
        writer: Writer,
    ) -> Result<(), NoteError> {
        self.store
            .write("delete_note", move |tx| {
                Box::pin(async move {
                    let there = notes::note(tx, merchant, customer, note).await?;
                    let there = there.ok_or(NoteError::NotFound)?;
                    if !writer.may_delete(there.author) {
                        return Err(NoteError::NotYours);
                    }
                    Ok(notes::delete(tx, merchant, customer, note).await?)
                })
            })
            .await
    }

    /// Adds and takes away tags; the tags that the person has now. Two who tag at once do not disturb each other, so
    /// no version is asked for.
    pub async fn tag_customer(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        add: Vec<Tag>,
        remove: Vec<Tag>,
        actor: Actor,
    ) -> Result<Vec<String>, CustomerError> {
        let now = self.clock.now();
        self.store
            .write("tag_customer", move |tx| {
                let (add, remove) = (add.clone(), remove.clone());
                Box::pin(async move {
                    let mut person = locked(tx, merchant, customer).await?;
                    let mut changed = 0;
                    for tag in &remove {
                        changed += u64::from(notes::remove_tag(tx, merchant, customer, tag).await?);
                    }
                    let rows: Vec<_> = add.iter().map(|tag| (customer, tag.clone())).collect();
                    changed += notes::add_tags(tx, merchant, &rows, now).await?;
                    let tags = notes::tags(tx, merchant, &[customer]).await?;
                    if tags.len() > MOST_TAGS {
                        let expected = format!("at most {MOST_TAGS} tags on one person");
                        let got = tags.len().to_string();
                        return Err(FieldError::new("tag", "too_many", expected, &got).into());
                    }
                    if changed > 0 {
                        let (version, edited) = (person.version, person.edited);
                        note_edit(tx, &mut person, vec!["tags".into()], actor, now).await?;
                        // Tags are beside the profile: whoever is editing it need not look again.
                        (person.version, person.edited) = (version, edited);
                        customers::save(tx, merchant, std::slice::from_ref(&person)).await?;
                        for held in customers::cards_of(tx, merchant, customer).await? {
                            tx.announce(Change::Card(merchant, held.id));
                        }
                    }
                    Ok(tags.into_iter().map(|(_, tag)| tag).collect())
                })
            })
            .await
    }
}
