//! Cards and people as a file that a spreadsheet opens and an import takes back without changing anything.
//!
//! Rows leave page by page in the order of the lists, newest first; cards that are issued meanwhile are not among them.
//! That somebody takes data out is noted before the first row leaves, and how many rows it was after the last.

use std::io::{self, Write};

use crate::domain::cell;
use crate::domain::custom_field::{CustomField, FieldCode};
use crate::domain::event::Actor;
use crate::domain::id::{AuditId, CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::import::{Column, Said};
use crate::domain::money::Currency;
use crate::domain::profile::Field;
use crate::domain::program::ProgramKind;
use crate::domain::time::Timestamp;
use crate::domain::utm::{Utm, Word};
use crate::ops::Ops;
use crate::ops::customers::{CustomerError, habits};
use crate::store::custom_fields::Answer;
use crate::store::customers::Customer;
use crate::store::exports::ExportedCard;
use crate::store::{Error, audit, cards, consents, custom_fields, exports, notes, utms};

/// Rows read at once.
const PAGE: usize = 200;

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the file cannot be written: {0}")]
    File(#[from] io::Error),
    #[error("an export has the columns {known}; got {got:?}")]
    NoColumn { known: String, got: String },
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What leaves.
pub enum Which {
    /// One row for each person.
    People,
    /// One row for each card; of one program or of all.
    Cards,
    /// These cards, in this order: the seam for filters and segments. Of those that are not there nothing is said.
    These(Box<dyn Iterator<Item = CardId> + Send>),
}

/// What to export.
pub struct ExportRequest {
    pub merchant: MerchantId,
    pub which: Which,
    /// The program whose cards leave, with its fields as columns.
    pub program: Option<ProgramId>,
    /// Names of columns in their order; none: all there are.
    pub columns: Option<Vec<String>>,
    /// The filter in words or as a rule, for the audit; without personal data.
    pub filter: String,
    pub actor: Actor,
}

/// A column of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exported {
    Importable(Column),
    Status,
    CreatedAt,
}

impl Exported {
    fn as_str(&self) -> &str {
        match self {
            Self::Importable(column) => column.as_str(),
            Self::Status => "status",
            Self::CreatedAt => "created_at",
        }
    }
}

/// A row before it is written.
struct Line {
    customer: Customer,
    card: Option<ExportedCard>,
    tags: Vec<String>,
    consents: Vec<consents::Answer>,
    answers: Vec<Answer>,
    /// The link by which the card came.
    landing: Option<Utm>,
}

/// A file as it leaves, a piece at a time.
pub struct Exporter {
    ops: Ops,
    merchant: MerchantId,
    columns: Vec<Exported>,
    currency: Currency,
    pages: Pages,
    audit: AuditId,
    rows: i64,
    /// Whether the header has left.
    is_begun: bool,
    is_over: bool,
}

impl Exporter {
    /// The next piece, the first with the header; none at the end, once it is noted how many rows there were.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        if self.is_over {
            return Ok(None);
        }
        let mut out = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        if !std::mem::replace(&mut self.is_begun, true) {
            write(&mut out, self.columns.iter().map(Exported::as_str))?;
        }
        match self.pages.next(&self.ops).await? {
            Some(lines) => {
                for line in &lines {
                    let cells: Vec<String> = self
                        .columns
                        .iter()
                        .map(|column| text(column, line, self.currency))
                        .collect();
                    write(&mut out, cells.iter().map(String::as_str))?;
                    self.rows += 1;
                }
            }
            None => {
                self.is_over = true;
                let (merchant, audit, rows) = (self.merchant, self.audit, self.rows);
                self.ops
                    .store
                    .write("count_export", move |tx| {
                        Box::pin(async move { audit::set_rows(tx, merchant, audit, rows).await })
                    })
                    .await?;
            }
        }
        let piece = out
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Some(piece).filter(|piece| !piece.is_empty() || !self.is_over))
    }

    /// Rows that have left.
    pub fn rows(&self) -> i64 {
        self.rows
    }
}

impl Ops {
    /// Writes what is asked for to `out`, with a header; how many rows there were.
    pub async fn export(
        &self,
        request: ExportRequest,
        mut out: impl Write + Send,
    ) -> Result<i64, ExportError> {
        let mut exporter = self.begin_export(request).await?;
        while let Some(piece) = exporter.next().await? {
            out.write_all(&piece)?;
        }
        out.flush()?;
        Ok(exporter.rows())
    }

    /// Notes an export and gives what it writes. Columns that are not known are refused here, before anything is noted.
    pub async fn begin_export(&self, request: ExportRequest) -> Result<Exporter, ExportError> {
        let (merchant, now) = (request.merchant, self.clock.now());
        let (currency, kind, fields) = self.export_setting(merchant, request.program).await?;
        let is_of_people = matches!(request.which, Which::People);
        let all = all_columns(is_of_people, kind, &fields);
        let columns = chosen(all, request.columns.as_deref())?;
        let audit = self
            .note_export(merchant, request.actor, &request.filter, &columns, now)
            .await?;
        Ok(Exporter {
            ops: self.clone(),
            merchant,
            columns,
            currency,
            pages: Pages::new(request.which, merchant, request.program),
            audit,
            rows: 0,
            is_begun: false,
            is_over: false,
        })
    }

    /// The names of everything that an export can have, of people or of cards.
    pub async fn export_columns(
        &self,
        merchant: MerchantId,
        program: Option<ProgramId>,
        is_of_people: bool,
    ) -> Result<Vec<String>, ExportError> {
        let (_, kind, fields) = self.export_setting(merchant, program).await?;
        let all = all_columns(is_of_people, kind, &fields);
        Ok(all.iter().map(|column| column.as_str().to_owned()).collect())
    }

    async fn export_setting(
        &self,
        merchant: MerchantId,
        program: Option<ProgramId>,
    ) -> Result<(Currency, Option<ProgramKind>, Vec<CustomField>), ExportError> {
        let (habits, of, fields) = self
            .store
            .read("export_setting", move |tx| {
                Box::pin(async move {
                    let habits = habits(tx, merchant).await?;
                    let Some(program) = program else {
                        return Ok((habits, None, Vec::new()));
                    };
                    let of = cards::program(tx, merchant, program).await?;
                    let of = of.ok_or(CustomerError::NoProgram)?;
                    let fields = custom_fields::fields(tx, merchant, program).await?;
                    Ok::<_, CustomerError>((habits, Some(of), fields))
                })
            })
            .await?;
        let currency = match &of {
            Some(of) => of.program.rules.purchase.currency,
            None => Currency::parse(&habits.currency).unwrap_or(Currency::EUR),
        };
        Ok((currency, of.map(|of| of.program.rules.kind()), fields))
    }

    async fn note_export(
        &self,
        merchant: MerchantId,
        actor: Actor,
        filter: &str,
        columns: &[Exported],
        now: Timestamp,
    ) -> Result<AuditId, Error> {
        let id = AuditId(self.ids.next(now));
        let names: Vec<_> = columns.iter().map(Exported::as_str).collect();
        let detail = serde_json::json!({ "filter": filter, "columns": names }).to_string();
        self.store
            .write("note_export", move |tx| {
                let detail = detail.clone();
                Box::pin(async move { audit::append(tx, merchant, id, actor, "export", &detail, now).await })
            })
            .await?;
        Ok(id)
    }
}

/// Everything that there is to write.
fn all_columns(is_of_people: bool, kind: Option<ProgramKind>, fields: &[CustomField]) -> Vec<Exported> {
    let mut all: Vec<Exported> = Field::ALL
        .into_iter()
        .map(|field| Exported::Importable(Column::Profile(field)))
        .collect();
    all.push(Exported::Importable(Column::Tags));
    all.extend(Column::of_consents().map(Exported::Importable));
    if !is_of_people {
        let balances = match kind {
            Some(ProgramKind::Punch) => vec![Column::Stamps, Column::Spend],
            Some(ProgramKind::Points) => vec![Column::Points, Column::Spend],
            Some(ProgramKind::Coupon) => vec![Column::Spend],
            None => vec![Column::Stamps, Column::Points, Column::Spend],
        };
        let custom = fields.iter().map(|field| Column::Custom(field.code.clone()));
        let of_card = balances.into_iter().chain(custom).chain([Column::SerialNumber]);
        all.extend(of_card.map(Exported::Importable));
        all.extend(Word::ALL.map(|word| Exported::Importable(Column::Landing(word))));
        all.push(Exported::Status);
    }
    all.push(Exported::CreatedAt);
    all
}

/// What of it is asked for, in the order asked for.
fn chosen(all: Vec<Exported>, wanted: Option<&[String]>) -> Result<Vec<Exported>, ExportError> {
    let Some(wanted) = wanted else {
        return Ok(all);
    };
    let find = |name: &String| {
        let found = all.iter().find(|column| column.as_str() == name.trim());
        found.cloned().ok_or_else(|| ExportError::NoColumn {
            known: all.iter().map(Exported::as_str).collect::<Vec<_>>().join(", "),
            got: name.chars().take(40).collect(),
        })
    };
    wanted.iter().map(find).collect()
}

/// What stands in a cell, before it is made harmless.
fn text(column: &Exported, line: &Line, currency: Currency) -> String {
    let card = line.card.as_ref();
    let of_card = |value: fn(&ExportedCard) -> String| card.map(value).unwrap_or_default();
    let answer = |code: &FieldCode| {
        let own = line.answers.iter().find(|answer| answer.code == *code);
        own.and_then(|answer| answer.value.as_ref())
            .map(|value| value.text.clone())
    };
    match column {
        Exported::Importable(column) => match column {
            Column::Profile(field) => line.customer.profile.text(*field).into_owned(),
            Column::Tags => line.tags.join(", "),
            Column::Stamps => of_card(|card| card.punches.to_string()),
            Column::Points => of_card(|card| card.points.to_string()),
            Column::Spend => card.map(|card| currency.print(card.spend)).unwrap_or_default(),
            Column::SerialNumber => of_card(|card| card.serial_number.clone()),
            Column::Custom(code) => answer(code).unwrap_or_default(),
            Column::Consent(purpose, said) => line
                .consents
                .iter()
                .find(|answer| answer.purpose == *purpose)
                .map(|answer| consent(answer, *said))
                .unwrap_or_default(),
            Column::Landing(word) => line
                .landing
                .as_ref()
                .and_then(|landing| landing.word(*word))
                .unwrap_or_default()
                .to_owned(),
            Column::Example | Column::Ignored => String::new(),
        },
        Exported::Status => of_card(|card| card.status.clone()),
        Exported::CreatedAt => card
            .map_or(line.customer.created_at, |card| card.created_at)
            .to_jiff()
            .to_string(),
    }
}

/// What somebody said to a purpose, as an import reads it.
fn consent(answer: &consents::Answer, said: Said) -> String {
    let evidence = answer.recorded.as_ref().map(|recorded| &recorded.evidence);
    match said {
        Said::Given => Some(if answer.given { "yes" } else { "no" }.to_owned()),
        Said::At => answer
            .recorded
            .as_ref()
            .map(|recorded| recorded.at.to_jiff().to_string()),
        Said::Source => evidence.map(|evidence| evidence.channel.as_str().to_owned()),
        Said::Text => evidence.map(|evidence| evidence.text.clone()),
        Said::Language => evidence.map(|evidence| evidence.language.clone()),
    }
    .unwrap_or_default()
}

fn write<'c>(
    out: &mut csv::Writer<impl Write>,
    cells: impl Iterator<Item = &'c str>,
) -> Result<(), ExportError> {
    let cells: Vec<_> = cells.map(cell::neutralise).collect();
    let written = out.write_record(cells.iter().map(|cell| cell.as_bytes()));
    written.map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        _ => io::Error::other("a row could not be written").into(),
    })
}

/// Pages of lines; what was read last is where the next page begins.
struct Pages {
    which: Which,
    merchant: MerchantId,
    program: Option<ProgramId>,
    last_card: Option<CardId>,
    last_person: Option<CustomerId>,
}

impl Pages {
    fn new(which: Which, merchant: MerchantId, program: Option<ProgramId>) -> Self {
        Self {
            which,
            merchant,
            program,
            last_card: None,
            last_person: None,
        }
    }

    /// None at the end.
    async fn next(&mut self, ops: &Ops) -> Result<Option<Vec<Line>>, Error> {
        let (merchant, program) = (self.merchant, self.program);
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let lines = match &mut self.which {
            Which::People => {
                let before = self.last_person;
                ops.store
                    .read("export_people", move |tx| {
                        Box::pin(async move {
                            let people = exports::people(tx, merchant, before, limit).await?;
                            let lines = people.into_iter().map(|customer| (customer, None)).collect();
                            with_all_beside(tx, merchant, lines).await
                        })
                    })
                    .await?
            }
            Which::Cards => {
                let before = self.last_card;
                ops.store
                    .read("export_cards", move |tx| {
                        Box::pin(async move {
                            let cards = exports::cards(tx, merchant, program, before, limit).await?;
                            let lines = cards.into_iter().map(|card| (card.customer.clone(), Some(card)));
                            with_all_beside(tx, merchant, lines.collect()).await
                        })
                    })
                    .await?
            }
            Which::These(ids) => loop {
                let some: Vec<CardId> = ids.by_ref().take(PAGE).collect();
                if some.is_empty() {
                    return Ok(None);
                }
                let lines = ops
                    .store
                    .read("export_some_cards", move |tx| {
                        let some = some.clone();
                        Box::pin(async move {
                            let mut cards = exports::some_cards(tx, merchant, &some).await?;
                            cards.sort_by_key(|card| some.iter().position(|id| *id == card.id));
                            let lines = cards.into_iter().map(|card| (card.customer.clone(), Some(card)));
                            with_all_beside(tx, merchant, lines.collect()).await
                        })
                    })
                    .await?;
                if !lines.is_empty() {
                    break lines;
                }
            },
        };
        self.last_person = lines.last().map(|line| line.customer.id);
        self.last_card = lines
            .last()
            .and_then(|line| line.card.as_ref())
            .map(|card| card.id);
        Ok((!lines.is_empty()).then_some(lines))
    }
}

async fn with_all_beside(
    tx: &mut crate::store::Tx<'_>,
    merchant: MerchantId,
    rows: Vec<(Customer, Option<ExportedCard>)>,
) -> Result<Vec<Line>, Error> {
    let mut people: Vec<CustomerId> = rows.iter().map(|(customer, _)| customer.id).collect();
    people.sort();
    people.dedup();
    let held: Vec<CardId> = rows
        .iter()
        .filter_map(|(_, card)| card.as_ref())
        .map(|card| card.id)
        .collect();
    let tags = notes::tags(tx, merchant, &people).await?;
    let consents = consents::answers(tx, merchant, &people).await?;
    let answers = custom_fields::values(tx, merchant, &held).await?;
    let landings = utms::of_cards(tx, merchant, &held).await?;
    let line = |(customer, card): (Customer, Option<ExportedCard>)| Line {
        tags: tags
            .iter()
            .filter(|(id, _)| *id == customer.id)
            .map(|(_, tag)| tag.clone())
            .collect(),
        consents: consents
            .iter()
            .filter(|answer| answer.customer == customer.id)
            .cloned()
            .collect(),
        answers: answers
            .iter()
            .filter(|answer| card.as_ref().is_some_and(|card| card.id == answer.card))
            .cloned()
            .collect(),
        landing: landings
            .iter()
            .find(|(id, _)| card.as_ref().is_some_and(|card| card.id == *id))
            .map(|(_, landing)| landing.utm.clone()),
        customer,
        card,
    };
    Ok(rows.into_iter().map(line).collect())
}
