//! `passgate promotion`: what is better for a time, how often it was used, and its end.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::done_by::DoneBy;
use crate::cli::offer::instant;
use crate::cli::open;
use crate::cli::take_back::GivenTo;
use crate::config::Config;
use crate::domain::change::Cause;
use crate::domain::id::{CardId, MerchantId, ProgramId, PromotionId};
use crate::domain::promotion::{self, Terms};
use crate::domain::time::Timestamp;
use crate::ops::given::Given;

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
    /// Give the holder of a card the benefit of a promotion once.
    Use {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        promotion: PromotionId,
        #[arg(long)]
        card: CardId,
        #[command(flatten)]
        by: DoneBy,
    },
    /// Take back the newest use of a promotion by a card: it counts against no limit any more.
    TakeBack {
        #[arg(long)]
        promotion: PromotionId,
        #[command(flatten)]
        of: GivenTo,
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
            Command::Use {
                merchant,
                promotion,
                card,
                by,
            } => {
                let cause = Cause::of(by.actor(&ops, merchant).await?);
                ops.use_promotion(merchant, card, promotion, None, cause).await?;
                println!("used by card {card}");
            }
            Command::TakeBack { promotion, of } => {
                let given = Given::Promotion(promotion);
                of.run(&ops, given, "no use of this promotion").await?;
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
