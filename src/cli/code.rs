//! `passgate code`: codes on paper, made in batches, printed, used and withdrawn.

mod sheet;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{filled, open};
use crate::config::Config;
use crate::domain::code::Gift;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, CodeBatchId, MerchantId, ProgramId};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::codes::NewBatch;
use crate::store::codes::{CodeBatch, ListedCode};
use crate::web::console::tools::codes::print;

#[derive(Subcommand)]
pub(super) enum Code {
    /// Make a batch of codes.
    Make(Make),
    /// List a merchant's batches.
    List(Of),
    /// Write a batch's codes as CSV, or as a sheet to print and cut.
    Export(Export),
    /// Withdraw a whole batch at once. What its codes gave stays.
    Revoke(One),
    /// Use a code on a card, as staff do when a customer hands one over.
    Use(Use),
}

#[derive(Clone, Copy, ValueEnum)]
enum Gives {
    /// A card of the program.
    Join,
    /// Punches or points on a card of the program; how many is said by --amount.
    Earn,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Csv,
    /// An HTML page with a QR code for each, to be printed from a browser.
    Sheet,
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct One {
    #[command(flatten)]
    of: Of,
    #[arg(long)]
    batch: CodeBatchId,
}

#[derive(Args)]
pub(super) struct Make {
    #[command(flatten)]
    of: Of,
    #[arg(long)]
    program: ProgramId,
    /// What staff call the batch.
    #[arg(long, value_parser = filled)]
    label: String,
    #[arg(long, value_enum)]
    gives: Gives,
    /// Punches or points that each use gives.
    #[arg(long, default_value_t = 1)]
    amount: i64,
    #[arg(long)]
    count: i64,
    /// How many cards may use one code.
    #[arg(long, default_value_t = 1)]
    max_uses: i64,
    /// When the codes end, such as 2027-01-31T23:00:00Z; never when left out.
    #[arg(long)]
    expires: Option<jiff::Timestamp>,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    one: One,
    #[arg(long = "as", value_enum, default_value = "csv")]
    form: Form,
    /// Where to write; existing files are not overwritten.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
pub(super) struct Use {
    #[command(flatten)]
    of: Of,
    #[arg(long)]
    code: String,
    #[arg(long)]
    card: CardId,
}

impl Code {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Make(make) => make.run().await,
            Self::List(of) => {
                let ops = of.open().await?;
                for batch in ops.code_batches(of.merchant).await? {
                    println!("{}", line(&batch));
                }
                Ok(())
            }
            Self::Export(export) => export.run().await,
            Self::Revoke(one) => {
                let ops = one.of.open().await?;
                ops.revoke_codes(one.of.merchant, one.batch).await?;
                println!(
                    "batch {} is withdrawn: none of its codes gives anything any more",
                    one.batch
                );
                Ok(())
            }
            Self::Use(used) => {
                let ops = used.of.open().await?;
                let card = ops
                    .use_code_on(used.of.merchant, &used.code, used.card, Actor::Gateway)
                    .await?;
                println!("card {}: {}", used.card, card.face().balance());
                Ok(())
            }
        }
    }
}

impl Of {
    async fn open(&self) -> Result<Ops> {
        open(&Config::load(self.config.as_deref())?).await
    }
}

impl Make {
    async fn run(self) -> Result<()> {
        let gift = match self.gives {
            Gives::Join => Gift::Join,
            Gives::Earn => Gift::Earn { amount: self.amount },
        };
        let new = NewBatch {
            program: self.program,
            label: self.label,
            gift,
            count: self.count,
            max_uses: self.max_uses,
            expires_at: self.expires.map(|at| Timestamp(at.as_millisecond())),
        };
        let ops = self.of.open().await?;
        let batch = ops.make_codes(self.of.merchant, new, None).await?;
        println!("{}", line(&batch));
        Ok(())
    }
}

impl Export {
    async fn run(self) -> Result<()> {
        let (merchant, id) = (self.one.of.merchant, self.one.batch);
        let ops = self.one.of.open().await?;
        let batch = ops.code_batch(merchant, id).await?;
        if self.out.exists() {
            bail!(
                "--out: {} exists already and is not overwritten; name another file",
                self.out.display()
            );
        }
        let file = std::fs::File::create_new(&self.out)
            .with_context(|| format!("--out: cannot make {}", self.out.display()))?;
        let mut out = std::io::BufWriter::new(file);
        let count = match self.form {
            Form::Csv => write_csv(&ops, &batch, &mut out).await?,
            Form::Sheet => {
                let config = Config::load(self.one.of.config.as_deref())?;
                let public_url = config.server.public_url.trim_end_matches('/');
                sheet::write(&ops, public_url, &batch, &mut out).await?
            }
        };
        out.flush()?;
        println!("{count} codes in {}", self.out.display());
        Ok(())
    }
}

/// Every code of a batch, a page at a time, so that a large batch needs no memory.
async fn for_each_code(
    ops: &Ops,
    batch: &CodeBatch,
    mut each: impl FnMut(&ListedCode) -> Result<()>,
) -> Result<usize> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let page = ops.codes(batch.merchant, batch.id, &after).await?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        for code in &page {
            each(code)?;
        }
        count += page.len();
        after.clone_from(&last.code);
    }
}

async fn write_csv(ops: &Ops, batch: &CodeBatch, out: &mut impl Write) -> Result<usize> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(print::HEADER)?;
    let count = for_each_code(ops, batch, |code| {
        writer.write_record(print::row(batch, code))?;
        Ok(())
    });
    let count = count.await?;
    writer.flush()?;
    Ok(count)
}

fn line(batch: &CodeBatch) -> String {
    let gives = match batch.gift {
        Gift::Join => "a card".to_owned(),
        Gift::Earn { amount } => format!("{amount} on a card"),
    };
    let state = match (batch.revoked_at, batch.expires_at) {
        (Some(at), _) => format!("withdrawn at {}", at.to_jiff()),
        (None, Some(at)) => format!("until {}", at.to_jiff()),
        (None, None) => "without an end".to_owned(),
    };
    format!(
        "batch {}  program {}  {:?}: {} codes for {gives}, {} uses each, {state}",
        batch.id, batch.program, batch.label, batch.made, batch.max_uses
    )
}
