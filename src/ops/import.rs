//! Importing people and cards from a file, some rows a transaction.
//!
//! A file is read twice: once as a whole, to know that it can be read at all and which one it is, and once row by row.
//! A dry run plans every row as the run does, against the same store, and writes nothing. The run moves its job on in
//! the transaction that writes the rows; the same file with the same settings takes up an import that was interrupted.
//! Nothing of a file stays in memory but the rows of one transaction and a few bytes for each contact.

mod chunk;
mod consent;
mod failed;
mod lines;
mod survey;
mod work;

use std::io::{self, Read};
use std::sync::{Arc, RwLock};

use jiff::tz::TimeZone;

use crate::domain::capture::Token;
use crate::domain::custom_field::CustomField;
use crate::domain::event::Actor;
use crate::domain::id::{BatchId, CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::import::{Column, Context, Counts, ImportRow, Mapping, MappingError, Problem, Seen, read};
use crate::domain::money::Currency;
use crate::domain::profile::Region;
use crate::ops::Ops;
use crate::ops::customers::{CustomerError, habits, today};
use crate::store::cards::ProgramOfMerchant;
use crate::store::imports::{Failure, Job, JobKey};
use crate::store::{Error, cards, custom_fields, imports};
use chunk::{Chunk, Done, PlannedRow};
pub use failed::{failed_header, failed_row, failed_row_saying, template};
use lines::Lines;
pub(super) use survey::Surveyor;
pub use work::Head;

/// Rows in one transaction, so that a tap never waits long behind them.
const CHUNK: usize = 200;

/// Most rows of a file.
pub const MOST_ROWS: i64 = 1_000_000;

/// How often a chunk is tried again that lost a race for a contact.
const RACES: usize = 5;

/// Why a file is not imported, or not to its end. What was imported stays, and the same call goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the file cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("line {line}, byte {byte}: expected text in UTF-8; got {got}. Save the file as CSV UTF-8")]
    Encoding { line: u64, byte: u64, got: &'static str },
    #[error("the row that begins in line {line} is longer than {most} bytes; is a quote missing there?")]
    LongRow { line: u64, most: usize },
    #[error("a file has at most {MOST_ROWS} rows; cut it into several")]
    TooManyRows,
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error("the file changed while it was read")]
    FileChanged,
    #[error("another process is working on the same import")]
    Busy,
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    pub merchant: MerchantId,
    /// The program to issue cards of; none imports people only.
    pub program: Option<ProgramId>,
    /// Headers and what they mean, where a guess is not enough.
    pub told: Vec<(String, String)>,
    /// Whether a new card gets the program's welcome, as one that is issued by hand does. A card that begins with a
    /// balance of the file never gets it.
    pub welcome: bool,
    pub actor: Actor,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// None for a dry run.
    pub batch: Option<BatchId>,
    /// Rows that an earlier, interrupted run had done already.
    pub resumed: i64,
    pub columns: Vec<(String, Column)>,
    pub counts: Counts,
    /// Rows of this run with a balance other than that of the card, which is there already and keeps its own.
    pub balances_kept: i64,
    /// Rows of this run with a consent that was not noted: one that says not when and where it was given, or one that
    /// the person has refused here.
    pub consents_left: i64,
}

/// What is known before the first row.
struct Setting {
    merchant: MerchantId,
    of: Option<ProgramOfMerchant>,
    context: Context,
    mapping: Mapping,
    zone: String,
    welcome: bool,
}

impl Ops {
    /// Says what importing a file would do, and does nothing. `open` opens the file anew; `on_failure` hears of each
    /// row that would not be taken.
    pub async fn dry_run<R: Read>(
        &self,
        request: &ImportRequest,
        open: impl Fn() -> io::Result<R>,
        mut on_failure: impl FnMut(&Failure) -> io::Result<()>,
    ) -> Result<ImportReport, ImportError> {
        let survey = survey::look(open()?)?;
        let mut rows = Rows::open(open()?, survey.delimiter)?;
        let setting = Arc::new(self.guessed(request, &rows.header).await?);
        let mut report = report(&setting, None, Counts::default());
        let seen = Arc::new(RwLock::new(Seen::default()));
        while let Some(chunk) = self.next(&mut rows, &setting, &seen, request.actor, None)? {
            let chunk = Arc::new(chunk);
            let done = self
                .store
                .read("plan_import", move |tx| {
                    let chunk = Arc::clone(&chunk);
                    Box::pin(async move { chunk.plan_only(tx).await })
                })
                .await?;
            for failure in &done.failures {
                on_failure(failure)?;
            }
            note(&mut report, &seen, done);
        }
        Ok(report)
    }

    /// Imports a file, or goes on with an import of it that was interrupted. `on_failure` hears of every row that was
    /// not taken, at the end.
    pub async fn import<R: Read>(
        &self,
        request: &ImportRequest,
        open: impl Fn() -> io::Result<R>,
        mut on_failure: impl FnMut(&Failure) -> io::Result<()>,
    ) -> Result<ImportReport, ImportError> {
        let survey = survey::look(open()?)?;
        let mut rows = Rows::open(open()?, survey.delimiter)?;
        let setting = Arc::new(self.guessed(request, &rows.header).await?);
        let job = self.begin(request, survey.fingerprint, &setting).await?;
        let seen = Arc::new(RwLock::new(self.seen(request.merchant, &job).await?));
        rows.skip(job.records)?;
        let mut report = report(&setting, Some(job.batch), job.counts);
        while let Some(chunk) = self.next(&mut rows, &setting, &seen, request.actor, Some(job.batch))? {
            let done = self.write_chunk(Arc::new(chunk)).await?;
            note(&mut report, &seen, done);
        }
        let (merchant, batch, now) = (request.merchant, job.batch, self.clock.now());
        self.store
            .write("finish_import", move |tx| {
                Box::pin(async move { imports::finish(tx, merchant, batch, now).await })
            })
            .await?;
        let mut after = 0;
        loop {
            let page = self.import_failures(merchant, batch, after).await?;
            let Some(last) = page.last() else { break };
            after = last.record;
            for failure in &page {
                on_failure(failure)?;
            }
        }
        Ok(report)
    }

    /// Some of the rows that an import did not take, after row `after` of its file.
    pub async fn import_failures(
        &self,
        merchant: MerchantId,
        batch: BatchId,
        after: i64,
    ) -> Result<Vec<Failure>, Error> {
        const PAGE: i64 = 200;
        self.store
            .read("import_failures", move |tx| {
                Box::pin(async move { imports::failures(tx, merchant, batch, after, PAGE).await })
            })
            .await
    }

    /// Throws away what an import could not take; it tells of people.
    pub async fn forget_import_failures(&self, merchant: MerchantId, batch: BatchId) -> Result<(), Error> {
        self.store
            .write("forget_import_failures", move |tx| {
                Box::pin(async move { imports::forget_failures(tx, merchant, batch).await })
            })
            .await
    }

    async fn guessed(&self, request: &ImportRequest, header: &[String]) -> Result<Setting, ImportError> {
        let guess = |fields: &[CustomField]| Mapping::new(header, &request.told, fields);
        self.setting(request, guess).await
    }

    async fn setting(
        &self,
        request: &ImportRequest,
        map: impl FnOnce(&[CustomField]) -> Result<Mapping, MappingError>,
    ) -> Result<Setting, ImportError> {
        let (merchant, program, now) = (request.merchant, request.program, self.clock.now());
        let (habits, of, fields) = self
            .store
            .read("import_setting", move |tx| {
                Box::pin(async move {
                    let habits = habits(tx, merchant).await?;
                    let (mut of, mut fields) = (None, Vec::new());
                    if let Some(program) = program {
                        let found = cards::program(tx, merchant, program).await?;
                        let takes = found.filter(|of| of.program.archived_at.is_none());
                        of = Some(takes.ok_or(CustomerError::NoProgram)?);
                        fields = custom_fields::fields(tx, merchant, program).await?;
                    }
                    Ok::<_, CustomerError>((habits, of, fields))
                })
            })
            .await?;
        let currency = match &of {
            Some(of) => of.program.rules.purchase.currency,
            None => Currency::parse(&habits.currency).unwrap_or(Currency::EUR),
        };
        let context = Context {
            region: Region::parse(&habits.country),
            today: today(&habits, now),
            now,
            zone: TimeZone::get(&habits.zone).unwrap_or(TimeZone::UTC),
            currency,
            kind: of.as_ref().map(|of| of.program.rules.kind()),
            fields,
        };
        Ok(Setting {
            merchant,
            mapping: map(&context.fields)?,
            of,
            context,
            zone: habits.zone,
            welcome: request.welcome,
        })
    }

    async fn begin(
        &self,
        request: &ImportRequest,
        fingerprint: [u8; 32],
        setting: &Setting,
    ) -> Result<Job, Error> {
        let now = self.clock.now();
        let fresh = BatchId(self.ids.next(now));
        let columns = setting.mapping.columns().iter();
        let mut settings: Vec<_> = columns
            .map(|(header, column)| (header.as_str(), column.as_str()))
            .collect();
        // No column means this, and an import with a welcome is called what it was called before there was a choice.
        if !request.welcome {
            settings.push(("", "no welcome"));
        }
        let key = JobKey {
            program: request.program,
            fingerprint,
            settings: serde_json::to_string(&settings).unwrap_or_default(),
        };
        let merchant = request.merchant;
        self.store
            .write("begin_import", move |tx| {
                let key = key.clone();
                Box::pin(async move { imports::open(tx, merchant, &key, fresh, now).await })
            })
            .await
    }

    /// What the rows that are done have touched.
    async fn seen(&self, merchant: MerchantId, job: &Job) -> Result<Seen, Error> {
        let batch = job.batch;
        let marks = self
            .store
            .read("import_marks", move |tx| {
                Box::pin(async move { imports::marks(tx, merchant, batch).await })
            })
            .await?;
        let mut seen = Seen::default();
        for marks in marks {
            seen.extend(Seen::parse(&marks));
        }
        Ok(seen)
    }

    /// The next rows of a file; none at its end.
    fn next<R: Read>(
        &self,
        rows: &mut Rows<R>,
        setting: &Arc<Setting>,
        seen: &Arc<RwLock<Seen>>,
        actor: Actor,
        batch: Option<BatchId>,
    ) -> Result<Option<Chunk>, ImportError> {
        let now = self.clock.now();
        let mut planned = Vec::with_capacity(CHUNK);
        let from = rows.done;
        while planned.len() < CHUNK
            && let Some((line, cells)) = rows.next()?
        {
            let texts: Vec<&str> = cells.iter().map(String::as_str).collect();
            let row: Result<ImportRow, Vec<Problem>> = read(&setting.mapping, &texts, &setting.context);
            planned.push(PlannedRow {
                record: rows.done,
                line,
                row,
                cells,
                customer: CustomerId(self.ids.next(now)),
                card: CardId(self.ids.next(now)),
                token: Token::from_random(self.ids.secret()),
            });
        }
        Ok((!planned.is_empty()).then(|| Chunk {
            setting: Arc::clone(setting),
            seen: Arc::clone(seen),
            rows: planned,
            from,
            batch,
            actor,
            now,
        }))
    }

    async fn write_chunk(&self, chunk: Arc<Chunk>) -> Result<Done, ImportError> {
        for _ in 0..RACES {
            let chunk = Arc::clone(&chunk);
            let done = self
                .store
                .write("import_rows", move |tx| {
                    let chunk = Arc::clone(&chunk);
                    Box::pin(async move { chunk.plan_and_write(tx).await })
                })
                .await;
            match done {
                Err(ImportError::Customer(CustomerError::Raced)) => {}
                other => return other,
            }
        }
        Err(CustomerError::Raced.into())
    }
}

fn report(setting: &Setting, batch: Option<BatchId>, counts: Counts) -> ImportReport {
    ImportReport {
        batch,
        resumed: counts.rows(),
        columns: setting.mapping.columns().to_vec(),
        counts,
        balances_kept: 0,
        consents_left: 0,
    }
}

/// Adds what a chunk did.
fn note(report: &mut ImportReport, seen: &RwLock<Seen>, done: Done) {
    report.counts += done.counts;
    report.balances_kept += done.balances_kept;
    report.consents_left += done.consents_left;
    let mut seen = seen.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    seen.extend(done.seen);
}

/// The rows of a file, one after another. Rows with nothing in them are none.
struct Rows<R> {
    reader: csv::Reader<Lines<R>>,
    header: Vec<String>,
    /// Rows that have been read.
    done: i64,
}

impl<R: Read> Rows<R> {
    fn open(file: R, delimiter: u8) -> Result<Self, ImportError> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Lines::new(file));
        let mut rows = Self {
            reader,
            header: Vec::new(),
            done: -1,
        };
        rows.header = rows.next()?.map(|(_, cells)| cells).unwrap_or_default();
        rows.done = 0;
        Ok(rows)
    }

    /// The next row and the line in which it begins.
    fn next(&mut self) -> Result<Option<(u64, Vec<String>)>, ImportError> {
        let mut record = csv::StringRecord::new();
        loop {
            let is_there = self.reader.read_record(&mut record).map_err(|error| {
                // The survey has read the whole file without finding anything wrong.
                match error.into_kind() {
                    csv::ErrorKind::Io(error) => ImportError::File(error),
                    _ => ImportError::FileChanged,
                }
            })?;
            if !is_there {
                return Ok(None);
            }
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                break;
            }
        }
        self.done += 1;
        if self.done > MOST_ROWS {
            return Err(ImportError::TooManyRows);
        }
        // Empty lines before a row are a part of it to the reader, so that its line is told from its end.
        let within: usize = record.iter().map(|cell| cell.matches('\n').count()).sum();
        let line = self.reader.position().line().saturating_sub(within as u64 + 1);
        Ok(Some((line, record.iter().map(str::to_owned).collect())))
    }

    /// Bytes that were read, nearly.
    fn bytes(&self) -> i64 {
        i64::try_from(self.reader.position().byte()).unwrap_or(i64::MAX)
    }

    fn skip(&mut self, rows: i64) -> Result<(), ImportError> {
        while self.done < rows {
            self.next()?.ok_or(ImportError::FileChanged)?;
        }
        Ok(())
    }
}
