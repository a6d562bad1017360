//! `passgate import` and `passgate export`: people and cards from and to files.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::customer::pair;
use crate::cli::open;
use crate::config::Config;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::import::Column;
use crate::ops::Ops;
use crate::ops::export::{ExportRequest, Which};
use crate::ops::import::{self, ImportReport, ImportRequest};
use crate::store::imports::Failure;

/// Failed rows that are printed; all of them go to the file.
const PRINTED: i64 = 20;

#[derive(Args)]
pub(super) struct Import {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// Issue cards of this program to those who have none; people alone are imported without it.
    #[arg(long)]
    program: Option<ProgramId>,
    /// Say what would happen, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// What a column means, such as 'Your column=email', or 'Your column=ignore'; may be given several times.
    #[arg(long = "map", value_parser = pair)]
    told: Vec<(String, String)>,
    /// Issue cards without the program's welcome. A card that begins with a balance of the file never gets it.
    #[arg(long, requires = "program")]
    no_welcome: bool,
    /// Where to write the rows that are not taken, with what is wrong, ready to be put right and imported.
    #[arg(long)]
    failed_rows: Option<PathBuf>,
    /// Write a file to fill in instead of reading one.
    #[arg(long, conflicts_with_all = ["dry_run", "told", "failed_rows"])]
    template: bool,
    /// A file with commas, semicolons or tabs between its cells, in UTF-8.
    file: PathBuf,
}

#[derive(Args)]
pub(super) struct Export {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// Cards of this program only, with its fields.
    #[arg(long)]
    program: Option<ProgramId>,
    /// One row for each person instead of one for each card.
    #[arg(long, conflicts_with_all = ["program", "card"])]
    people: bool,
    /// This card; may be given several times.
    #[arg(long)]
    card: Vec<CardId>,
    /// Columns in their order, with commas between them; all when left out.
    #[arg(long, value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Where to write; printed when left out.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Import {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        if self.template {
            return self.write_template(&ops).await;
        }
        let request = ImportRequest {
            merchant: self.merchant,
            program: self.program,
            told: self.told.clone(),
            welcome: !self.no_welcome,
            actor: Actor::Gateway,
        };
        // Columns are known only once the report is there, so failed rows wait for it beside the file they go to.
        let mut failed = Failed::new(self.failed_rows.as_deref())?;
        let file = || File::open(&self.file);
        file().with_context(|| self.file.display().to_string())?;
        let report = if self.dry_run {
            ops.dry_run(&request, file, |failure| failed.note(failure))
                .await?
        } else {
            ops.import(&request, file, |failure| failed.note(failure)).await?
        };
        print_report(&report);
        failed.finish(&report)?;
        if let Some(batch) = report.batch {
            // They have been told, and tell of people: importing the file once more tells them again.
            ops.forget_import_failures(self.merchant, batch).await?;
        }
        if self.dry_run {
            println!("Nothing was written. Without --dry-run this is what the import does.");
        }
        Ok(())
    }

    async fn write_template(&self, ops: &Ops) -> Result<()> {
        let (mut kind, mut fields) = (None, Vec::new());
        if let Some(program) = self.program {
            fields = ops.fields(self.merchant, program).await?;
            let all = ops.programs().await?;
            let own = all
                .iter()
                .find(|of| of.program.id == program && of.program.merchant == self.merchant);
            kind = own.map(|of| of.program.rules.kind());
        }
        let file = File::create_new(&self.file).with_context(|| self.file.display().to_string())?;
        let mut out = csv::Writer::from_writer(file);
        for row in import::template(kind, &fields) {
            out.write_record(row)?;
        }
        out.flush()?;
        println!(
            "{}: fill it in, delete the two examples, and import it",
            self.file.display()
        );
        Ok(())
    }
}

/// Rows that were not taken: some are printed, all are kept in a temporary file until their columns are known.
struct Failed<'p> {
    path: Option<&'p Path>,
    kept: BufWriter<File>,
    count: i64,
}

impl<'p> Failed<'p> {
    fn new(path: Option<&'p Path>) -> Result<Self> {
        if let Some(path) = path
            && path.exists()
        {
            bail!(
                "--failed-rows: {} is there already; it is not overwritten",
                path.display()
            );
        }
        Ok(Self {
            path,
            kept: BufWriter::new(tempfile::tempfile().context("a temporary file cannot be made")?),
            count: 0,
        })
    }

    fn note(&mut self, failure: &Failure) -> io::Result<()> {
        self.count += 1;
        if self.count <= PRINTED {
            for problem in &failure.problems {
                let column = if problem.column.is_empty() {
                    "the row"
                } else {
                    &problem.column
                };
                println!(
                    "line {}: {column}: {}; got {:?} [{}]",
                    failure.line, problem.message, problem.value, problem.code
                );
            }
        } else if self.count == PRINTED + 1 {
            println!("… and more");
        }
        if self.path.is_some() {
            let kept = (failure.record, failure.line, &failure.problems, &failure.cells);
            serde_json::to_writer(&mut self.kept, &kept)?;
            self.kept.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(self, report: &ImportReport) -> Result<()> {
        use std::io::{BufRead as _, BufReader, Seek as _};
        let Some(path) = self.path.filter(|_| self.count > 0) else {
            return Ok(());
        };
        let mut kept = self
            .kept
            .into_inner()
            .context("a temporary file cannot be written")?;
        kept.rewind()?;
        let file = File::create_new(path).with_context(|| path.display().to_string())?;
        let mut out = csv::Writer::from_writer(file);
        out.write_record(import::failed_header(&report.columns))?;
        for line in BufReader::new(kept).lines() {
            let (record, line, problems, cells) = serde_json::from_str(&line?)?;
            let failure = Failure {
                record,
                line,
                problems,
                cells,
            };
            out.write_record(import::failed_row(&report.columns, &failure))?;
        }
        out.flush()?;
        println!(
            "The rows that were not taken are in {}: put them right and import that file.",
            path.display()
        );
        Ok(())
    }
}

fn print_report(report: &ImportReport) {
    for (header, column) in &report.columns {
        match column {
            Column::Ignored => println!("column {header:?} is ignored"),
            column => println!("column {header:?} is {}", column.as_str()),
        }
    }
    if report.resumed > 0 {
        println!(
            "went on after {} rows that an earlier run had done",
            report.resumed
        );
    }
    let counts = report.counts;
    println!(
        "{} rows: {} created, {} updated, {} unchanged, {} failed",
        counts.rows(),
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.failed
    );
    if report.balances_kept > 0 {
        println!(
            "{} rows name a balance of a card that is there already; such cards keep their own",
            report.balances_kept
        );
    }
    if report.consents_left > 0 {
        println!(
            "{} rows name a consent that is not noted: a consent comes with when and where it was given, such as \
             consent_at and consent_source, and never back to somebody who has refused it",
            report.consents_left
        );
    }
    if let Some(batch) = report.batch {
        println!("batch {batch}");
    }
}

impl Export {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let (which, filter) = if self.people {
            (Which::People, "people".to_owned())
        } else if self.card.is_empty() {
            let filter = self
                .program
                .map_or("cards".into(), |program| format!("cards of program {program}"));
            (Which::Cards, filter)
        } else {
            let filter = format!("{} chosen cards", self.card.len());
            (Which::These(Box::new(self.card.into_iter())), filter)
        };
        let request = ExportRequest {
            merchant: self.merchant,
            which,
            program: self.program,
            columns: self.columns,
            filter,
            actor: Actor::Gateway,
        };
        match &self.out {
            Some(path) => {
                let file = File::create_new(path).with_context(|| path.display().to_string())?;
                let rows = ops.export(request, BufWriter::new(file)).await?;
                println!("{rows} rows in {}", path.display());
            }
            None => {
                ops.export(request, BufWriter::new(io::stdout())).await?;
            }
        }
        Ok(())
    }
}
