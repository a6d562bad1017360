//! `passgate seed`: believable customers with a history, to try things out on.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::app::seed::{self, Seeding};
use crate::cli::open;
use crate::config::Config;
use crate::domain::id::MerchantId;

#[derive(Args)]
pub(super) struct Seed {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// How many people to make.
    #[arg(long, default_value_t = 200)]
    customers: usize,
    /// The same number makes the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Seed {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let seeding = Seeding {
            merchant: self.merchant,
            customers: self.customers,
            seed: self.seed,
        };
        let seeded = seed::run(&ops, seeding, |made| {
            if made % 10_000 == 0 {
                eprintln!("{made} customers");
            }
        });
        let seeded = seeded.await?;
        println!("{} customers with {} events", seeded.customers, seeded.events);
        Ok(())
    }
}
