//! Files that go out around an import: the template, and the rows that were not taken, ready to be put right.

use crate::domain::cell;
use crate::domain::custom_field::CustomField;
use crate::domain::import::{Column, Said};
use crate::domain::profile::Field;
use crate::domain::program::ProgramKind;
use crate::store::imports::Failure;

/// Stands over what was wrong.
const ERROR: &str = "error";

/// The columns of a file of failed rows: those of the file, and what was wrong.
pub fn failed_header(columns: &[(String, Column)]) -> Vec<String> {
    let own = columns.iter().map(|(header, _)| header.clone());
    own.filter(|header| header != ERROR)
        .chain([ERROR.to_owned()])
        .collect()
}

/// A row that was not taken, below [`failed_header`].
pub fn failed_row(columns: &[(String, Column)], failure: &Failure) -> Vec<String> {
    let said = failure
        .problems
        .iter()
        .map(|problem| match problem.column.as_str() {
            "" => problem.message.clone(),
            column => format!("{column}: {}", problem.message),
        });
    let said = said.collect::<Vec<_>>().join("; ");
    failed_row_saying(columns, failure, format!("line {}: {said}", failure.line))
}

/// Such a row for somebody who is told in words of their own what was wrong.
pub fn failed_row_saying(columns: &[(String, Column)], failure: &Failure, said: String) -> Vec<String> {
    let mut cells = Vec::with_capacity(columns.len() + 1);
    for (index, (header, _)) in columns.iter().enumerate() {
        if header != ERROR {
            let text = failure.cells.get(index).map_or("", String::as_str);
            cells.push(cell::neutralise(cell::restore(text)).into_owned());
        }
    }
    cells.push(said);
    cells
}

/// A file to fill in: the header, and two rows that are marked as examples and are never taken.
pub fn template(kind: Option<ProgramKind>, fields: &[CustomField]) -> Vec<Vec<String>> {
    let mut columns: Vec<Column> = Field::ALL.into_iter().map(Column::Profile).collect();
    columns.push(Column::Tags);
    match kind {
        Some(ProgramKind::Punch) => columns.extend([Column::Stamps, Column::Spend]),
        Some(ProgramKind::Points) => columns.extend([Column::Points, Column::Spend]),
        Some(ProgramKind::Coupon) | None => {}
    }
    columns.extend(Column::of_consents());
    columns.extend(fields.iter().map(|field| Column::Custom(field.code.clone())));
    columns.push(Column::Example);
    let row = |second: bool| -> Vec<String> {
        let text = |column: &Column| match column {
            Column::Profile(Field::FirstName) => if second { "Grace" } else { "Ada" }.to_owned(),
            Column::Profile(Field::LastName) => if second { "Hopper" } else { "Lovelace" }.to_owned(),
            Column::Profile(Field::Email) => if second { "" } else { "ada@example.com" }.to_owned(),
            Column::Profile(Field::Phone) => if second { "+1 202 555 0173" } else { "" }.to_owned(),
            Column::Profile(Field::ExternalId) => if second { "C-1002" } else { "C-1001" }.to_owned(),
            Column::Profile(Field::Birthday) => if second { "12-09" } else { "1990-12-10" }.to_owned(),
            Column::Profile(Field::Language) => "en".to_owned(),
            Column::Tags => if second { "" } else { "regular, vegan" }.to_owned(),
            Column::Stamps => "3".to_owned(),
            Column::Points => "120".to_owned(),
            Column::Spend => "24.50".to_owned(),
            Column::Consent(_, Said::Given) => if second { "no" } else { "yes" }.to_owned(),
            Column::Consent(_, _) if second => String::new(),
            Column::Consent(_, Said::At) => "2026-01-31".to_owned(),
            Column::Consent(_, Said::Source) => "paper".to_owned(),
            Column::Consent(_, Said::Text) => "2025-06".to_owned(),
            Column::Consent(_, Said::Language) => "en".to_owned(),
            Column::Custom(code) => {
                let field = fields.iter().find(|field| field.code == *code);
                field.map_or("", CustomField::example).to_owned()
            }
            Column::Example => "example: delete this row".to_owned(),
            Column::SerialNumber | Column::Landing(_) | Column::Ignored => String::new(),
        };
        columns
            .iter()
            .map(|column| cell::neutralise(&text(column)).into_owned())
            .collect()
    };
    let header = columns.iter().map(|column| column.as_str().to_owned()).collect();
    vec![header, row(false), row(true)]
}
