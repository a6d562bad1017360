//! `passgate customer zone`: whose clock quiet hours go by.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::done_by::DoneBy;
use crate::cli::open;
use crate::config::Config;
use crate::domain::event::Source;
use crate::domain::id::{CustomerId, MerchantId};

#[derive(Args)]
pub(in crate::cli) struct Zone {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    customer: CustomerId,
    /// IANA time zone, such as Europe/Berlin.
    #[arg(long, required_unless_present = "unknown")]
    zone: Option<String>,
    /// It is not known: quiet hours go by the merchant's clock.
    #[arg(long, conflicts_with = "zone")]
    unknown: bool,
    #[command(flatten)]
    by: DoneBy,
}

impl Zone {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let actor = self.by.actor(&ops, self.merchant).await?;
        let by = (actor, Source::Console);
        let zone = self.zone.as_deref();
        let changed = ops
            .set_customer_zone(self.merchant, self.customer, zone, by)
            .await?;
        println!("{}", if changed { "kept" } else { "it is so already" });
        Ok(())
    }
}
