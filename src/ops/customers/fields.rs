//! Custom fields: defining them, reading answers, and everything that a person's page shows.

use crate::domain::custom_field::{CustomField, FieldCode, MOST_FIELDS};
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::profile::FieldError;
use crate::ops::Ops;
use crate::ops::customers::{Answers, CustomerError};
use crate::store::custom_fields::{self, Answer};
use crate::store::customers::{self, Customer, HeldCard, LastEdit};
use crate::store::notes::{self, Note};
use crate::store::{Tx, cards};

/// Columns of files that a field must not be mistaken for.
pub(crate) const RESERVED: &[&str] = &[
    "first_name",
    "last_name",
    "name",
    "email",
    "phone",
    "external_id",
    "birthday",
    "language",
    "tags",
    "stamps",
    "points",
    "spend",
    "serial_number",
    "status",
    "created_at",
    "marketing_consent",
    "consent_at",
    "consent_source",
    "consent_text",
    "consent_language",
    "profiling_consent",
    "profiling_consent_at",
    "profiling_consent_source",
    "profiling_consent_text",
    "profiling_consent_language",
    "personalised_consent",
    "personalised_consent_at",
    "personalised_consent_source",
    "personalised_consent_text",
    "personalised_consent_language",
    "error",
    "example",
];

/// A person with everything that their page shows.
#[derive(Debug, Clone)]
pub struct CustomerSheet {
    pub customer: Customer,
    pub last_edit: Option<LastEdit>,
    pub tags: Vec<String>,
    pub cards: Vec<CardSheet>,
    pub notes: Vec<Note>,
}

/// A card with every field of its program, answered or not.
#[derive(Debug, Clone)]
pub struct CardSheet {
    pub card: HeldCard,
    /// None where there is no answer: shown as empty. Answers to archived fields are not shown.
    pub answers: Vec<(CustomField, Option<String>)>,
}

impl Ops {
    /// Adds a field to a program. Cards that are there already have no answer, required or not, until they are asked.
    pub async fn add_field(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        field: CustomField,
    ) -> Result<CustomField, CustomerError> {
        let field = field.checked()?;
        if RESERVED.contains(&field.code.as_str()) {
            let expected = "a code that is no column of every file already";
            return Err(FieldError::new("code", "reserved", expected, field.code.as_str()).into());
        }
        let now = self.clock.now();
        self.store
            .write("add_field", move |tx| {
                let mut field = field.clone();
                Box::pin(async move {
                    cards::program(tx, merchant, program)
                        .await?
                        .ok_or(CustomerError::NoProgram)?;
                    let there = custom_fields::all(tx, merchant, program).await?;
                    let asked = there.iter().filter(|(_, archived)| archived.is_none());
                    if asked.count() >= MOST_FIELDS {
                        let expected = format!("at most {MOST_FIELDS} fields in a program");
                        return Err(FieldError::new("code", "too_many", expected, field.code.as_str()).into());
                    }
                    // An archived one keeps its code, because it keeps its answers.
                    if there.iter().any(|(other, _)| other.code == field.code) {
                        let expected = "a code that this program does not have yet";
                        return Err(FieldError::new("code", "taken", expected, field.code.as_str()).into());
                    }
                    field.position = there.iter().map(|(other, _)| other.position).max().unwrap_or(0) + 1;
                    custom_fields::insert(tx, merchant, program, &field, now).await?;
                    Ok(field)
                })
            })
            .await
    }

    /// The fields that a program asks for, in their order.
    pub async fn fields(
        &self,
        merchant: MerchantId,
        program: ProgramId,
    ) -> Result<Vec<CustomField>, CustomerError> {
        self.store
            .read("fields", move |tx| {
                Box::pin(async move {
                    cards::program(tx, merchant, program)
                        .await?
                        .ok_or(CustomerError::NoProgram)?;
                    Ok(custom_fields::fields(tx, merchant, program).await?)
                })
            })
            .await
    }

    /// Everything that a person's page shows.
    pub async fn customer_sheet(
        &self,
        merchant: MerchantId,
        id: CustomerId,
    ) -> Result<CustomerSheet, CustomerError> {
        self.store
            .read("customer_sheet", move |tx| Box::pin(sheet(tx, merchant, id)))
            .await
    }
}

/// [`Ops::customer_sheet`] on the caller's snapshot.
pub(crate) async fn sheet(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    id: CustomerId,
) -> Result<CustomerSheet, CustomerError> {
    let customer = customers::customer(tx, merchant, id).await?;
    let customer = customer.ok_or(CustomerError::NotFound)?;
    let last_edit = match customer.edited {
        Some(event) => customers::last_edit(tx, merchant, event).await?,
        None => None,
    };
    let mut sheets = Vec::new();
    for card in customers::cards_of(tx, merchant, id).await? {
        let fields = custom_fields::fields(tx, merchant, card.program).await?;
        let values = custom_fields::values(tx, merchant, &[card.id]).await?;
        let answer = |field: &CustomField| {
            let own = values.iter().find(|answer| answer.code == field.code);
            own.and_then(|answer| answer.value.as_ref())
                .map(|value| value.text.clone())
        };
        let answers = fields.into_iter().map(|field| {
            let answer = answer(&field);
            (field, answer)
        });
        sheets.push(CardSheet {
            card,
            answers: answers.collect(),
        });
    }
    let tags = notes::tags(tx, merchant, &[id]).await?;
    Ok(CustomerSheet {
        customer,
        last_edit,
        tags: tags.into_iter().map(|(_, tag)| tag).collect(),
        cards: sheets,
        notes: notes::notes(tx, merchant, id).await?,
    })
}

/// Reads what was typed against a program's fields. For a new card (`complete`) every required field must be there.
pub(crate) async fn read(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    card: CardId,
    typed: &[(String, String)],
    complete: bool,
) -> Result<Answers, CustomerError> {
    let fields = custom_fields::fields(tx, merchant, program).await?;
    if let Some((code, _)) = typed
        .iter()
        .find(|(code, _)| !fields.iter().any(|field| field.code.as_str() == code))
    {
        return Err(CustomerError::NoField(code.chars().take(40).collect()));
    }
    let mut answers = Vec::new();
    for field in fields {
        let given = typed.iter().find(|(code, _)| field.code.as_str() == code);
        let text = match given {
            Some((_, text)) => text.as_str(),
            None if complete => "",
            None => continue,
        };
        let value = field.read(text)?;
        if value.is_some() || !complete {
            answers.push(Answer {
                card,
                code: field.code,
                value,
            });
        }
    }
    Ok(answers)
}

/// Changes the answers of one of a person's cards; which of them changed.
pub(super) async fn edit(
    tx: &mut Tx<'_>,
    customer: &Customer,
    card: CardId,
    typed: &[(String, String)],
) -> Result<Vec<FieldCode>, CustomerError> {
    let merchant = customer.merchant;
    let held = customers::cards_of(tx, merchant, customer.id).await?;
    let card = held
        .iter()
        .find(|held| held.id == card)
        .ok_or(crate::ops::cards::CardError::NotFound)?;
    let mut answers = read(tx, merchant, card.program, card.id, typed, false).await?;
    let before = custom_fields::values(tx, merchant, &[card.id]).await?;
    answers.retain(|answer| {
        let old = before.iter().find(|old| old.code == answer.code);
        old.and_then(|old| old.value.as_ref()) != answer.value.as_ref()
    });
    custom_fields::set(tx, merchant, &answers).await?;
    Ok(answers.into_iter().map(|answer| answer.code).collect())
}
