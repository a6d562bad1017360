//! What one row says.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::cell;
use crate::domain::consent::{self, Channel, Purpose};
use crate::domain::custom_field::{CustomField, FieldCode, FieldValue};
use crate::domain::event::Delta;
use crate::domain::import::mapping::consent_name;
use crate::domain::import::{Column, Mapping, Problem, Said, Stated};
use crate::domain::money::Currency;
use crate::domain::note::{MOST_TAGS, Tag};
use crate::domain::profile::{Field, FieldError, Profile, Region};
use crate::domain::program::ProgramKind;
use crate::domain::time::Timestamp;
use crate::domain::utm::Utm;
use crate::domain::wording;

/// More than any card begins with.
const MOST_OPENING: i64 = 1_000_000;

/// By what rows are read.
#[derive(Debug, Clone)]
pub struct Context {
    pub region: Option<Region>,
    /// The merchant's day.
    pub today: Date,
    pub now: Timestamp,
    pub zone: TimeZone,
    pub currency: Currency,
    /// The kind of the program that cards are issued of; none where only people are imported.
    pub kind: Option<ProgramKind>,
    pub fields: Vec<CustomField>,
}

/// What a row says, checked cell by cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportRow {
    /// The fields that say something, and what.
    pub(super) fields: Vec<Field>,
    pub(super) profile: Profile,
    pub(super) tags: Vec<Tag>,
    pub(super) answers: Vec<(FieldCode, FieldValue)>,
    /// What a new card begins with.
    pub(super) opening: Delta,
    pub(super) serial_number: Option<String>,
    /// What it says about consents, by purpose.
    pub(super) consents: BTreeMap<Purpose, Stated>,
    /// The words of the link by which the card came.
    pub(super) landing: Utm,
}

impl ImportRow {
    pub fn serial_number(&self) -> Option<&str> {
        self.serial_number.as_deref()
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// Reads a row. Every cell that is wrong is named, not only the first.
pub fn read(mapping: &Mapping, cells: &[&str], context: &Context) -> Result<ImportRow, Vec<Problem>> {
    let mut row = ImportRow::default();
    let mut problems = Vec::new();
    let columns = mapping.columns();
    if let Some(extra) = cells
        .get(columns.len()..)
        .and_then(|extra| extra.iter().find(|cell| !cell.trim().is_empty()))
    {
        let message = format!("expected at most {} cells; is a quote missing?", columns.len());
        problems.push(Problem::new("", extra, "too_many_cells", message));
    }
    for ((header, column), cell) in columns.iter().zip(cells) {
        let text = cell::restore(cell).trim();
        if text.is_empty() {
            continue;
        }
        match take(&mut row, column, text, context) {
            Ok(()) => {}
            Err(Refused::Field(error)) => problems.push(Problem::of(header, &error)),
            Err(Refused::Example) => {
                let message = "this is an example of the template; delete the row";
                return Err(vec![Problem::new(header, text, "example", message)]);
            }
        }
    }
    if problems.is_empty() {
        Ok(row)
    } else {
        Err(problems)
    }
}

enum Refused {
    Field(FieldError),
    Example,
}

impl From<FieldError> for Refused {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

fn take(row: &mut ImportRow, column: &Column, text: &str, context: &Context) -> Result<(), Refused> {
    match column {
        Column::Profile(field) => {
            row.profile.set(*field, text, context.region)?;
            if let (Field::Birthday, Some(birthday)) = (field, row.profile.birthday) {
                birthday.check_past(context.today)?;
            }
            row.fields.push(*field);
        }
        Column::Tags => {
            row.tags = text
                .split(',')
                .filter(|tag| !tag.trim().is_empty())
                .map(Tag::parse)
                .collect::<Result<_, _>>()?;
            if row.tags.len() > MOST_TAGS {
                let expected = format!("at most {MOST_TAGS} tags");
                return Err(FieldError::new("tags", "too_many", expected, text).into());
            }
        }
        Column::SerialNumber => row.serial_number = Some(text.chars().take(128).collect()),
        Column::Stamps => {
            row.opening.punches = opening("stamps", ProgramKind::Punch, text, context)?;
        }
        Column::Points => {
            row.opening.points = opening("points", ProgramKind::Points, text, context)?;
            row.opening.tier_points = row.opening.points;
        }
        Column::Spend => {
            let amount = context
                .currency
                .amount(text)
                .map_err(|error| FieldError::new("spend", "not_an_amount", error.to_string(), text))?;
            row.opening.spend = amount.minor();
            if row.opening.spend > 0 && context.kind == Some(ProgramKind::Coupon) {
                return Err(FieldError::new(
                    "spend",
                    "wrong_kind",
                    "nothing, because a coupon has no balance",
                    text,
                )
                .into());
            }
        }
        Column::Consent(purpose, said) => {
            let stated = row.consents.entry(*purpose).or_default();
            let field = consent_name(*purpose, *said);
            match said {
                Said::Given => stated.given = Some(yes_or_no(field, text)?),
                Said::At => stated.at = Some(past(field, text, context)?),
                Said::Source => stated.source = Some(source(field, text)?),
                Said::Text => {
                    let line = wording::line(field, text, 1, 40)
                        .map_err(|error| FieldError::new(field, "malformed", error.to_string(), text))?;
                    stated.text = Some(line);
                }
                Said::Language => {
                    if !consent::is_language_tag(text) {
                        let expected = "a language tag like de or pt-BR";
                        return Err(FieldError::new(field, "malformed", expected, text).into());
                    }
                    stated.language = Some(text.to_owned());
                }
            }
        }
        Column::Custom(code) => {
            if let Some(field) = context.fields.iter().find(|field| field.code == *code)
                && let Some(value) = field.read(text)?
            {
                row.answers.push((code.clone(), value));
            }
        }
        Column::Landing(word) => row.landing.set(*word, text),
        Column::Example => return Err(Refused::Example),
        Column::Ignored => {}
    }
    Ok(())
}

/// A balance to begin with; zero is none, whatever the program counts.
fn opening(field: &'static str, kind: ProgramKind, text: &str, context: &Context) -> Result<i64, FieldError> {
    let number = text
        .parse::<i64>()
        .ok()
        .filter(|number| (0..=MOST_OPENING).contains(number));
    let Some(number) = number else {
        let expected = format!("a whole number from 0 to {MOST_OPENING}");
        return Err(FieldError::new(field, "not_a_balance", expected, text));
    };
    if number > 0 && context.kind != Some(kind) {
        let expected = format!(
            "nothing, because no card of a {} program is issued",
            kind.as_str()
        );
        return Err(FieldError::new(field, "wrong_kind", expected, text));
    }
    Ok(number)
}

fn yes_or_no(field: &'static str, text: &str) -> Result<bool, FieldError> {
    match text.to_lowercase().as_str() {
        "yes" | "y" | "true" | "1" | "ja" | "oui" | "si" | "sí" => Ok(true),
        "no" | "n" | "false" | "0" | "nein" | "non" => Ok(false),
        _ => Err(FieldError::new(field, "no_choice", "yes or no", text)),
    }
}

/// A day in the merchant's zone or a moment, not ahead of now.
fn past(field: &'static str, text: &str, context: &Context) -> Result<Timestamp, FieldError> {
    let refused = |code| {
        let expected = "a day like 2026-01-31 or a moment like 2026-01-31T09:30:00Z that has passed";
        FieldError::new(field, code, expected, text)
    };
    let day = || {
        let day = text.parse::<Date>().ok()?;
        Some(day.to_zoned(context.zone.clone()).ok()?.timestamp())
    };
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(day);
    let at = moment.ok_or_else(|| refused("no_date"))?;
    let at = Timestamp(at.as_millisecond());
    if at > context.now {
        return Err(refused("in_the_future"));
    }
    Ok(at)
}

fn source(field: &'static str, text: &str) -> Result<Channel, FieldError> {
    Channel::parse(&text.to_lowercase()).ok_or_else(|| {
        let known = Channel::ALL.map(Channel::as_str).join(", ");
        FieldError::new(field, "no_choice", format!("one of {known}"), text)
    })
}
