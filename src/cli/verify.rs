//! `passgate verify`: checks ledgers against their seals and every balance against its ledger.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::open;
use crate::config::Config;
use crate::domain::audit::Report;
use crate::domain::id::MerchantId;

#[derive(Args)]
pub(super) struct Verify {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Only this merchant's; every merchant's when left out.
    #[arg(long)]
    merchant: Option<MerchantId>,
}

impl Verify {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let ops = open(&config).await?;
        let mut merchants = ops.merchants().await?;
        merchants.retain(|(id, _)| self.merchant.is_none_or(|only| only == *id));
        if let (Some(merchant), true) = (self.merchant, merchants.is_empty()) {
            bail!("there is no merchant {merchant}");
        }
        let mut unsound = 0;
        for (merchant, name) in merchants {
            let report = ops.verify(merchant).await?;
            print(&name, &report);
            unsound += usize::from(!report.is_sound());
        }
        match unsound {
            0 => Ok(()),
            1 => bail!(
                "one ledger does not fit; the first line that names an event, a seal or a card says where"
            ),
            several => bail!("{several} ledgers do not fit; the first line of each says where"),
        }
    }
}

fn print(name: &str, report: &Report) {
    println!("merchant {} {name}", report.merchant);
    println!(
        "  {} events, {} of them not sealed yet; {} seals; {} cards; {} reasons forgotten",
        report.events, report.unsealed, report.seals, report.cards, report.forgotten
    );
    if let Some((number, hash)) = &report.head {
        println!("  head: seal {number} {}", hex::encode(hash));
    }
    for fault in &report.faults {
        println!("  {fault}");
    }
    if report.more_faults > 0 {
        println!("  and {} more", report.more_faults);
    }
    if report.is_sound() {
        println!("  sound");
    }
}
