//! `passgate promotion`: what is better for a time, how often it was used, and its end.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::offer::instant;
use crate::cli::open;
use crate::config::Config;
use crate::domain::id::{MerchantId, ProgramId, PromotionId};
use crate::domain::promotion::{self, Terms};
use crate::domain::time::Timestamp;

#[derive(Args)]
pub(super) struct Promotion {
    #[arg(long, short, env = "PASSGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put something up for holders of a program's cards.
    Add {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        program: ProgramId,
        #[arg(long)]
        name: String,
        /// What the holder has of it.
        #[arg(long, default_value = "")]
        text: String,
        /// From this instant on, such as 2026-12-01T00:00:00+01:00; from now on when left out.
        #[arg(long, value_parser = instant)]
        from: Option<Timestamp>,
        /// Before this instant.
        #[arg(long, value_parser = instant)]
        until: Timestamp,
        /// How often one customer may use it; no limit when left out.
        #[arg(long)]
        per_customer: Option<i64>,
        /// How often all together may use it; no limit when left out.
        #[arg(long)]
        most: Option<i64>,
    },
    /// List a merchant's promotions, newest first.
    List {
        #[arg(long)]
        merchant: MerchantId,
    },
    /// End one at once; one that has not begun never does.
    End {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        promotion: PromotionId,
    },
}

impl Promotion {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let now = ops.clock.now();
        match self.command {
            Command::Add {
                merchant,
                program,
                name,
                text,
                from,
                until,
                per_customer,
                most,
            } => {
                let terms = Terms {
                    name,
                    text,
                    starts_at: from.unwrap_or(now),
                    ends_at: until,
                    most_per_customer: per_customer,
                    most,
                };
                let added = ops.add_promotion(merchant, program, terms).await?;
                println!("{}", line(&added, now));
            }
            Command::List { merchant } => {
                for promotion in ops.promotions(merchant).await? {
                    println!("{}", line(&promotion, now));
                }
            }
            Command::End { merchant, promotion } => {
                let ended = ops
                    .end_promotion(merchant, promotion)
                    .await
                    .context("--promotion")?;
                println!("{}", line(&ended, ops.clock.now()));
            }
        }
        Ok(())
    }
}

fn line(promotion: &promotion::Promotion, now: Timestamp) -> String {
    let terms = &promotion.terms;
    let state = if promotion.is_running(now) {
        "runs"
    } else if now < terms.starts_at {
        "to come"
    } else {
        "over"
    };
    let limit = |most: Option<i64>| most.map_or("any number".to_owned(), |most| most.to_string());
    format!(
        "promotion {}  {state}  {}: {} to {}, used {} of {}, {} a customer",
        promotion.id,
        terms.name,
        terms.starts_at.to_jiff(),
        terms.ends_at.to_jiff(),
        promotion.uses,
        limit(terms.most),
        limit(terms.most_per_customer)
    )
}
