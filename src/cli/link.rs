//! `passgate link`: the counted link on a program's passes, and how often links were followed.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cli::{filled, open};
use crate::config::Config;
use crate::domain::id::{LinkId, MerchantId, ProgramId};
use crate::domain::link::{Target, TargetError};

/// Links of one look.
const PAGE: i64 = 200;

#[derive(Subcommand)]
pub(super) enum Link {
    /// Put a link on the back of a program's passes, or let the one that is there lead elsewhere.
    Set(Set),
    /// Take the link off a program's passes.
    Remove(Remove),
    /// List a merchant's links, newest first, and how often each was followed.
    List(Of),
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct Set {
    #[command(flatten)]
    of: Of,
    #[arg(long)]
    program: ProgramId,
    /// What the link is called on the pass.
    #[arg(long, value_parser = filled)]
    label: String,
    /// Where it leads: an https address.
    #[arg(long, value_parser = target)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Remove {
    #[command(flatten)]
    of: Of,
    #[arg(long)]
    program: ProgramId,
}

fn target(text: &str) -> Result<Target, TargetError> {
    Target::parse(text)
}

impl Link {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Set(set) => {
                let ops = open(&Config::load(set.of.config.as_deref())?).await?;
                let link = Some((set.label, set.target));
                ops.set_program_link(set.of.merchant, set.program, link).await?;
                println!("Passes of this program show the link when they change next.");
                Ok(())
            }
            Self::Remove(remove) => {
                let ops = open(&Config::load(remove.of.config.as_deref())?).await?;
                ops.set_program_link(remove.of.merchant, remove.program, None)
                    .await?;
                Ok(())
            }
            Self::List(of) => of.list().await,
        }
    }
}

impl Of {
    async fn list(&self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let mut before: Option<LinkId> = None;
        loop {
            let links = ops.links(self.merchant, before, PAGE).await?;
            let Some(last) = links.last() else { break };
            before = Some(last.id);
            for link in &links {
                let label = link.label.as_deref().unwrap_or("of a message");
                let (clicks, cards, target) = (link.clicks, link.cards, link.target.as_str());
                println!(
                    "link {}  {label}: {clicks} clicks by {cards} cards, to {target}",
                    link.id
                );
            }
        }
        println!("clicks {}", ops.clicks(self.merchant).await?);
        Ok(())
    }
}
