//! `passgate policy`: how often cards may ring, and what another policy would have done.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::budget::replay::Tally;
use crate::domain::budget::{self, Level, Limits};
use crate::domain::delivery::Channel;
use crate::domain::id::{MerchantId, ProgramId};
use crate::ops::pushes::{Policies, Preview};

#[derive(Subcommand)]
pub(super) enum Policy {
    /// Show what is in force for a merchant's programs, and who said so.
    Show(Show),
    /// Put a policy in force for a merchant or one of its programs, from the next push on. It can only lower what the
    /// platform allows.
    Set(Set),
    /// Decide anew about the last 30 days under a policy, without putting it in force.
    Preview(Set),
}

#[derive(Args)]
pub(super) struct Show {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct Set {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// One program; all of the merchant's when left out.
    #[arg(long)]
    program: Option<ProgramId>,
    /// A channel by name, such as apple or google.
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The policy as JSON, such as {"windows": [{"most": 2, "hours": 24}], "gap_minutes": 60,
    /// "quiet": {"from": "21:00", "to": "08:00"}}. What it leaves out is as the gateway has it.
    #[arg(required_unless_present = "usual")]
    policy: Option<String>,
    /// No policy of its own: as the gateway has it, or as the merchant's.
    #[arg(long, conflicts_with = "policy")]
    usual: bool,
}

impl Policy {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Show(show) => {
                let ops = open(&Config::load(show.config.as_deref())?).await?;
                print!("{}", shown(&ops.push_policies(show.merchant).await?));
            }
            Self::Set(set) => {
                let ops = open(&Config::load(set.config.as_deref())?).await?;
                let policy = set.policy.as_deref();
                ops.set_push_policy(set.merchant, set.program, set.channel, policy)
                    .await?;
                println!("the policy for {} is in force", set.channel.as_str());
            }
            Self::Preview(set) => {
                let ops = open(&Config::load(set.config.as_deref())?).await?;
                let policy = set.policy.as_deref();
                let preview = ops
                    .preview_push_policy(set.merchant, set.program, set.channel, policy)
                    .await?;
                print!("{}", previewed(&preview));
            }
        }
        Ok(())
    }
}

fn channel(text: &str) -> Result<Channel> {
    let names: Vec<&str> = Channel::ALL.into_iter().map(Channel::as_str).collect();
    Channel::parse(text).with_context(|| format!("expected one of {}; got {text:?}", names.join(", ")))
}

fn shown(policies: &Policies) -> String {
    let mut text = String::new();
    for of in &policies.in_force {
        let _ = writeln!(text, "program {}, {}", of.program, of.channel.as_str());
        text.push_str(&limits(&of.limits));
    }
    for of in &policies.stored {
        let place = match of.program.0 {
            0 => "all programs".to_owned(),
            _ => format!("program {}", of.program),
        };
        let _ = writeln!(
            text,
            "stored for {place}, {}, version {}: {}",
            of.channel.as_str(),
            of.version,
            of.policy.print()
        );
    }
    text
}

fn limits(limits: &Limits) -> String {
    let mut text = String::new();
    for window in &limits.windows {
        let _ = writeln!(
            text,
            "  at most {} of a card in any {} hours, {} for rewards alone ({})",
            if window.most == 1 {
                "1 alert".to_owned()
            } else {
                format!("{} alerts", window.most)
            },
            window.hours,
            window.kept,
            said_by(window.level)
        );
    }
    let _ = writeln!(
        text,
        "  alerts of a card at least {} minutes apart",
        limits.gap.as_secs() / 60
    );
    for quiet in &limits.quiets {
        let _ = writeln!(text, "  quiet from {} to {}", quiet.from, quiet.to);
    }
    let _ = writeln!(
        text,
        "  the same text not again within {} hours",
        limits.repeat.as_secs() / 3600
    );
    text
}

fn said_by(level: Level) -> &'static str {
    match level {
        Level::Platform => "the platform",
        Level::Gateway => "the gateway",
        Level::Merchant => "the merchant",
        Level::Program => "the program",
    }
}

fn previewed(preview: &Preview) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} cards, {} wishes to ring in the last 30 days, {} of which rang",
        preview.cards, preview.wanted, preview.rang
    );
    let mut column = |name: &str, tally: &Tally| {
        let _ = writeln!(
            text,
            "{name:>8}: {} at once, {} later, {} said by others, {} still waiting",
            tally.at_once, tally.later, tally.merged, tally.waiting
        );
        for (rule, count) in &tally.suppressed {
            let _ = writeln!(text, "{:>8}  {count} not sent: {}", "", budget::reason(rule));
        }
    };
    column("now", &preview.before);
    column("then", &preview.after);
    let _ = writeln!(
        text,
        "{} would not have rung, {} later than they did, {} more would have",
        preview.fewer, preview.later, preview.more
    );
    text
}
