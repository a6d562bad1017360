//! What staff write beside people: notes and tags. Also which columns of all that hangs on a person are personal.

use crate::domain::id::{CustomerId, MemberId, MerchantId, NoteId};
use crate::domain::note::{NoteText, Tag};
use crate::domain::time::Timestamp;
use crate::store::customers::{self, Customer};
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, custom_fields};

const INSERT: &str = "insert into customer_notes (merchant_id, customer_id, note_id, author_id, text, created_at) \
     values ($1, $2, $3, $4, $5, $6)";
const COUNT: &str = "select count(*) from customer_notes where merchant_id = $1 and customer_id = $2";
const NOTE: &str = "select n.note_id, n.author_id, m.name, n.text, n.created_at, n.edited_at from customer_notes n \
     left join members m on m.merchant_id = n.merchant_id and m.member_id = n.author_id \
     where n.merchant_id = $1 and n.customer_id = $2 and n.note_id = $3";
const NOTES: &str = "select n.note_id, n.author_id, m.name, n.text, n.created_at, n.edited_at from customer_notes n \
     left join members m on m.merchant_id = n.merchant_id and m.member_id = n.author_id \
     where n.merchant_id = $1 and n.customer_id = $2 order by n.note_id desc";
const EDIT: &str = "update customer_notes set text = $4, edited_at = $5 \
     where merchant_id = $1 and customer_id = $2 and note_id = $3";
const DELETE: &str =
    "delete from customer_notes where merchant_id = $1 and customer_id = $2 and note_id = $3";
const TAGS: &str = "select t.customer_id, t.tag from (values {bigint, bigint}) as v join customer_tags t \
     on t.merchant_id = v.column1 and t.customer_id = v.column2 order by t.customer_id, t.tag_key";
const ADD_TAGS: &str = "insert into customer_tags (merchant_id, customer_id, tag_key, tag, created_at) \
     values {bigint, bigint, text, text, bigint} on conflict (merchant_id, customer_id, tag_key) do nothing";
const REMOVE_TAG: &str =
    "delete from customer_tags where merchant_id = $1 and customer_id = $2 and tag_key = $3";
const FORGET_NOTES: &str = "delete from customer_notes where merchant_id = $1 and customer_id = $2";
const FORGET_TAGS: &str = "delete from customer_tags where merchant_id = $1 and customer_id = $2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    COUNT,
    NOTE,
    NOTES,
    EDIT,
    DELETE,
    TAGS,
    ADD_TAGS,
    REMOVE_TAG,
    FORGET_NOTES,
    FORGET_TAGS,
];

/// Everything that tells who somebody is, outside the ledger: what erasing a person must clear. The index for searching
/// follows `customers.search` by itself; `cards.holder` is printed on the pass. What imports keep of refused rows
/// belongs to no person yet and goes with the report.
pub const PERSONAL: &[(&str, &[&str])] = &[
    (
        "customers",
        &[
            "first_name",
            "last_name",
            "email",
            "email_key",
            "phone",
            "birthday",
            "birth_year",
            "external_id",
            "language",
            "search",
        ],
    ),
    ("cards", &["holder"]),
    ("customer_contacts", &["key"]),
    ("customer_notes", &["text"]),
    ("customer_tags", &["tag_key", "tag"]),
    ("custom_values", &["value", "number"]),
    ("import_failures", &["problems", "cells"]),
];

/// A note with the name of its author, where that is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: NoteId,
    pub author: Option<MemberId>,
    pub author_name: Option<String>,
    pub text: String,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
}

pub async fn insert(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    note: NoteId,
    author: Option<MemberId>,
    text: &NoteText,
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![merchant, customer, note, author, text.as_str(), now];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

pub async fn count(tx: &mut Tx<'_>, merchant: MerchantId, customer: CustomerId) -> Result<i64, Error> {
    let (count,): (i64,) = tx.one(COUNT, &params![merchant, customer]).await?;
    Ok(count)
}

pub async fn note(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    note: NoteId,
) -> Result<Option<Note>, Error> {
    tx.opt(NOTE, &params![merchant, customer, note]).await
}

/// A person's notes, newest first.
pub async fn notes(tx: &mut Tx<'_>, merchant: MerchantId, customer: CustomerId) -> Result<Vec<Note>, Error> {
    tx.all(NOTES, &params![merchant, customer]).await
}

pub async fn edit(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    note: NoteId,
    text: &NoteText,
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![merchant, customer, note, text.as_str(), now];
    tx.exec(EDIT, &params).await?;
    Ok(())
}

pub async fn delete(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    note: NoteId,
) -> Result<(), Error> {
    tx.exec(DELETE, &params![merchant, customer, note]).await?;
    Ok(())
}

/// The tags of `customers`, person by person, in alphabetical order.
pub async fn tags(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customers: &[CustomerId],
) -> Result<Vec<(CustomerId, String)>, Error> {
    let rows: Vec<_> = customers
        .iter()
        .map(|id| params![merchant, *id].to_vec())
        .collect();
    tx.all_rows(TAGS, &[], &rows).await
}

/// Adds tags; how many of them were new.
pub async fn add_tags(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    tags: &[(CustomerId, Tag)],
    now: Timestamp,
) -> Result<u64, Error> {
    let rows: Vec<_> = tags
        .iter()
        .map(|(customer, tag)| params![merchant, *customer, tag.key(), tag.as_str(), now].to_vec())
        .collect();
    tx.exec_rows(ADD_TAGS, &[], &rows).await
}

pub async fn remove_tag(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    tag: &Tag,
) -> Result<bool, Error> {
    let removed = tx
        .exec(REMOVE_TAG, &params![merchant, customer, tag.key()])
        .await?;
    Ok(removed > 0)
}

/// Takes away what hangs on a person besides their own row and their cards: notes, tags, answers, and the keys by which
/// they were found. Erasing clears the columns of [`PERSONAL`] in `customers` and `cards` itself, after this.
pub async fn forget(tx: &mut Tx<'_>, person: &Customer) -> Result<(), Error> {
    for contact in person.profile.contacts() {
        customers::release(tx, person.merchant, &contact, person.id).await?;
    }
    for statement in [FORGET_NOTES, FORGET_TAGS] {
        tx.exec(statement, &params![person.merchant, person.id]).await?;
    }
    custom_fields::forget(tx, person.merchant, person.id).await
}

impl FromRow for Note {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            author: row.next()?,
            author_name: row.next()?,
            text: row.next()?,
            created_at: row.next()?,
            edited_at: row.next()?,
        })
    }
}
