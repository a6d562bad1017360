//! `passgate program`: what a merchant's programs promise and the rules by which they punch.

mod join;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{ArgAction, Args, Subcommand};

use crate::apple::Passes;
use crate::cli::{filled, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::id::{MerchantId, PassTypeIdentifier};
use crate::domain::program::{self, Scheme};
use crate::ops::setup::NewProgram;
use join::Join;

/// Stands in a program that is made before there is any certificate.
const PLACEHOLDER: &str = "pass.example.passgate";

#[derive(Subcommand)]
pub(super) enum Program {
    /// Add a program to a merchant: a punch program by options, one of any kind by a file of rules.
    Add(Add),
    /// Show the public page by which people join a program, or set whom it lets in and what it asks.
    Join(Join),
    /// List every merchant's programs.
    List {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(super) struct Add {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long, value_parser = filled)]
    name: String,
    #[command(flatten)]
    promise: Promise,
    #[command(flatten)]
    rules: Rules,
}

/// What the holder of a card sees.
#[derive(Args)]
pub(super) struct Promise {
    /// What a full card earns.
    #[arg(long, default_value = "Free coffee", value_parser = filled)]
    reward: String,
    /// Folder under the pass templates.
    #[arg(long, default_value = "coffee")]
    template: String,
    /// Pass type identifier of a certificate in the configuration; not needed where there is only one.
    #[arg(long)]
    pass_type: Option<PassTypeIdentifier>,
}

/// How a program turns presentations into punches and punches into rewards.
#[derive(Args)]
pub(super) struct Rules {
    /// JSON file with the rules of a punch, points or coupon program, in place of the options below; the format is
    /// described in docs/program-rules.md.
    #[arg(
        long = "rules",
        value_name = "FILE",
        conflicts_with_all = [
            "goal", "punches_per_visit", "max_per_day", "minimum_gap", "carry_over", "reversal_window", "visit_gap",
        ]
    )]
    file: Option<PathBuf>,
    /// Punches that earn one reward.
    #[arg(long, default_value_t = 10)]
    goal: i64,
    /// Punches that one presentation gives.
    #[arg(long, default_value_t = 1)]
    punches_per_visit: i64,
    /// Most punches a day; no limit when left out.
    #[arg(long)]
    max_per_day: Option<i64>,
    /// Least seconds between two punches of one card.
    #[arg(long, default_value_t = 0)]
    minimum_gap: u64,
    /// Whether punches beyond the goal count towards the next reward.
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    carry_over: bool,
    /// Seconds during which a punch can be taken back.
    #[arg(long, default_value_t = 3600)]
    reversal_window: u64,
    /// Punches closer together than these seconds are one visit.
    #[arg(long, default_value_t = 3600)]
    visit_gap: u64,
}

impl Program {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Add(add) => {
                let config = Config::load(add.config.as_deref())?;
                let new = add.promise.into_program(add.name, &add.rules, &config)?;
                let ops = open(&config).await?;
                println!("program {}", ops.add_program(add.merchant, new).await?);
            }
            Self::Join(join) => join.run().await?,
            Self::List { config } => {
                let ops = open(&Config::load(config.as_deref())?).await?;
                for of in ops.programs().await? {
                    let (program, rules) = (&of.program, &of.program.rules);
                    println!(
                        "merchant {} ({})  program {}  {}: {}",
                        program.merchant,
                        of.merchant_name,
                        program.id,
                        program.name,
                        promise(&program.reward_name, rules)
                    );
                }
            }
        }
        Ok(())
    }
}

impl Promise {
    /// A program that this gateway can make passes of: its template and its certificate are there and can be used.
    pub(super) fn into_program(self, name: String, rules: &Rules, config: &Config) -> Result<NewProgram> {
        let passes = Passes::load(&config.apple, &config.server.templates, Clock::System.now())?;
        if !passes.templates().any(|known| known == self.template) {
            let known: Vec<_> = passes.templates().collect();
            bail!(
                "--template: expected one of {} (the folders in {}); got {:?}",
                known.join(", "),
                config.server.templates.display(),
                self.template
            );
        }
        Ok(NewProgram {
            name,
            template: self.template,
            pass_type_identifier: pass_type(self.pass_type, &passes)?,
            reward_name: self.reward,
            rules: rules.parse()?,
        })
    }
}

/// What a program promises, on one line.
fn promise(reward: &str, rules: &program::Rules) -> String {
    match &rules.scheme {
        Scheme::Punch(punch) => format!("{reward} for {} punches", punch.goal),
        Scheme::Points(points) if points.rewards.is_empty() => "points".into(),
        Scheme::Points(points) => {
            let rewards = points.rewards.iter();
            let prices: Vec<_> = rewards
                .map(|reward| format!("{} for {} points", reward.name, reward.points))
                .collect();
            prices.join(", ")
        }
        Scheme::Coupon(_) => format!("coupon for {reward}"),
    }
}

fn pass_type(wanted: Option<PassTypeIdentifier>, passes: &Passes) -> Result<PassTypeIdentifier> {
    let known: Vec<_> = passes.pass_types().cloned().collect();
    let list: Vec<_> = known.iter().map(PassTypeIdentifier::as_str).collect();
    match (wanted, known.as_slice()) {
        (wanted, []) => {
            let chosen = match wanted {
                Some(wanted) => wanted,
                None => PassTypeIdentifier::parse(PLACEHOLDER)?,
            };
            eprintln!(
                "passgate: warning: apple.pass_types names no certificate, so this program has no Apple passes \
                 until there is one for {chosen}"
            );
            Ok(chosen)
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => bail!("--pass-type: expected one of {}; got none", list.join(", ")),
        (Some(wanted), _) if known.contains(&wanted) => Ok(wanted),
        (Some(wanted), _) => bail!(
            "--pass-type: expected one that apple.pass_types has a certificate of ({}); got {wanted}",
            list.join(", ")
        ),
    }
}

impl Rules {
    fn parse(&self) -> Result<program::Rules> {
        if let Some(file) = &self.file {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("--rules {}", file.display()))?;
            return program::Rules::parse(&text).with_context(|| format!("--rules {}", file.display()));
        }
        Ok(program::Rules::punch(self.goal)
            .context("--goal")?
            .with_punches_per_visit(self.punches_per_visit)
            .context("--punches-per-visit")?
            .with_max_per_day(self.max_per_day)
            .context("--max-per-day")?
            .with_carry_over(self.carry_over)
            .context("--carry-over")?
            .with_minimum_gap(Duration::from_secs(self.minimum_gap))
            .with_reversal_window(Duration::from_secs(self.reversal_window))
            .with_visit_gap(Duration::from_secs(self.visit_gap)))
    }
}
