//! `passgate customer erase|keep`: erasing a person, and taking that back while there is time.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::done_by::DoneBy;
use crate::cli::open;
use crate::config::Config;
use crate::domain::event::Source;
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::ops::Ops;
use crate::ops::erasure::{Erasure, GRACE};
use crate::store::{Error, cards};

#[derive(Args)]
struct Whom {
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long, required_unless_present = "card")]
    customer: Option<CustomerId>,
    /// One of the person's cards, in place of --customer.
    #[arg(long, conflicts_with = "customer")]
    card: Option<CardId>,
}

#[derive(Args)]
pub(in crate::cli) struct Erase {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    whom: Whom,
    /// Seconds during which it can be taken back.
    #[arg(long, default_value_t = GRACE.as_secs())]
    grace: u64,
    /// Erase at once and not when the gateway next looks; there is no taking back.
    #[arg(long, conflicts_with = "grace")]
    now: bool,
    /// Confirm: this cannot be undone afterwards.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: DoneBy,
}

#[derive(Args)]
pub(in crate::cli) struct Keep {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    whom: Whom,
}

impl Erase {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let ops = open(&config).await?;
        let merchant = self.whom.merchant;
        let customer = self.whom.customer(&ops).await?;
        if !self.yes {
            bail!(
                "erasing customer {customer} ends all their cards for good and removes everything that says who they \
                 are; add --yes to confirm"
            );
        }
        let erasure = Erasure {
            merchant,
            customer,
            actor: self.by.actor(&ops, merchant).await?,
            source: Source::Console,
        };
        if self.now {
            // A grace that runs already would be kept.
            ops.keep_customer(merchant, customer).await?;
            ops.erase_customer(erasure, Duration::ZERO).await?;
            while ops.erase_due(ops.clock.now()).await? > 0 {}
            println!("customer {customer} is erased");
        } else {
            let at = ops
                .erase_customer(erasure, Duration::from_secs(self.grace))
                .await?;
            println!("customer {customer} is erased at {}", at.to_jiff());
            println!("Until then: passgate customer keep --merchant {merchant} --customer {customer}");
        }
        Ok(())
    }
}

impl Keep {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let customer = self.whom.customer(&ops).await?;
        if !ops.keep_customer(self.whom.merchant, customer).await? {
            bail!("customer {customer} was not about to be erased, or is erased already");
        }
        println!("customer {customer} is kept");
        Ok(())
    }
}

impl Whom {
    async fn customer(&self, ops: &Ops) -> Result<CustomerId> {
        let (merchant, card) = match (self.customer, self.card) {
            (Some(customer), _) => return Ok(customer),
            (None, Some(card)) => (self.merchant, card),
            (None, None) => bail!("expected --customer or --card; got neither"),
        };
        let read = ops.store.read("card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, card).await })
        });
        let found: Result<_, Error> = read.await;
        let found = found?.context("there is no such card")?;
        Ok(found.card.customer)
    }
}
