//! Changing what a program asks for: a field's label, choices and duty, whether it is asked at all, and taking an answer
//! away.
//!
//! Answers outlive the field: an archived one keeps what was answered, rules go on to match it, and restoring it shows
//! it again. A choice goes only while no card answers it.

use crate::domain::custom_field::{CustomField, FieldCode, FieldEdit, MOST_FIELDS};
use crate::domain::event::Actor;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::profile::FieldError;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::cards::CardError;
use crate::ops::customers::{CustomerError, edit, locked};
use crate::store::custom_fields::{self, Answer};
use crate::store::{Change, Tx, cards, customers};

impl Ops {
    /// Changes a field of a program.
    pub async fn edit_field(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        code: FieldCode,
        edit: FieldEdit,
    ) -> Result<CustomField, CustomerError> {
        self.store
            .write("edit_field", move |tx| {
                let (code, edit) = (code.clone(), edit.clone());
                Box::pin(async move {
                    let (field, _) = find(tx, merchant, program, &code).await?;
                    let edited = field.edited(&edit)?;
                    for choice in &edited.gone {
                        let answers = custom_fields::answered(tx, merchant, program, &code, choice).await?;
                        if answers > 0 {
                            let expected =
                                format!("{choice:?} among them, because {answers} cards answer it");
                            return Err(FieldError::new("choices", "answered", expected, "").into());
                        }
                    }
                    custom_fields::update(tx, merchant, program, &edited.field).await?;
                    Ok(edited.field)
                })
            })
            .await
    }

    /// Asks nobody for a field any more, or asks for it again. Answers stay. Whether that changed anything.
    pub async fn archive_field(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        code: FieldCode,
        archived: bool,
    ) -> Result<bool, CustomerError> {
        let now = self.clock.now();
        self.store
            .write("archive_field", move |tx| {
                let code = code.clone();
                Box::pin(async move {
                    let (_, since) = find(tx, merchant, program, &code).await?;
                    if since.is_some() == archived {
                        return Ok(false);
                    }
                    let asked = custom_fields::fields(tx, merchant, program).await?.len();
                    if !archived && asked >= MOST_FIELDS {
                        let expected = format!("at most {MOST_FIELDS} fields in a program");
                        return Err(FieldError::new("code", "too_many", expected, code.as_str()).into());
                    }
                    let since = archived.then_some(now);
                    custom_fields::archive(tx, merchant, program, &code, since).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// A program's fields in their order, with when each was archived.
    pub async fn all_fields(
        &self,
        merchant: MerchantId,
        program: ProgramId,
    ) -> Result<Vec<(CustomField, Option<Timestamp>)>, CustomerError> {
        self.store
            .read("all_fields", move |tx| {
                Box::pin(async move {
                    let known = cards::program(tx, merchant, program).await?;
                    known.ok_or(CustomerError::NoProgram)?;
                    Ok(custom_fields::all(tx, merchant, program).await?)
                })
            })
            .await
    }

    /// Takes away what a card answers, whether the field is required or archived. False: there was no answer.
    pub async fn clear_answer(
        &self,
        merchant: MerchantId,
        card: CardId,
        code: FieldCode,
        actor: Actor,
    ) -> Result<bool, CustomerError> {
        let now = self.clock.now();
        self.store
            .write("clear_answer", move |tx| {
                let code = code.clone();
                Box::pin(async move {
                    let of = cards::card(tx, merchant, card).await?;
                    let of = of.ok_or(CardError::NotFound)?;
                    let mut customer = locked(tx, merchant, of.card.customer).await?;
                    find(tx, merchant, of.card.program, &code).await?;
                    let answers = custom_fields::values(tx, merchant, &[card]).await?;
                    if !answers.iter().any(|answer| answer.code == code) {
                        return Ok(false);
                    }
                    let names = vec![format!("custom.{code}")];
                    let value = None;
                    custom_fields::set(tx, merchant, &[Answer { card, code, value }]).await?;
                    edit::note_edit(tx, &mut customer, names, actor, now).await?;
                    customers::save(tx, merchant, std::slice::from_ref(&customer)).await?;
                    tx.announce(Change::Card(merchant, card));
                    Ok(true)
                })
            })
            .await
    }
}

async fn find(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    program: ProgramId,
    code: &FieldCode,
) -> Result<(CustomField, Option<Timestamp>), CustomerError> {
    let all = custom_fields::all(tx, merchant, program).await?;
    let found = all.into_iter().find(|(field, _)| field.code == *code);
    found.ok_or_else(|| CustomerError::NoField(code.as_str().to_owned()))
}
