//! `passgate segment`: who is in a segment, and saving one. The language of rules is described in
//! `docs/segments.md`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::cli::{filled, open};
use crate::config::Config;
use crate::domain::customer;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::builtin::BuiltIn;
use crate::domain::segment::saved::{Content, Viewer};
use crate::domain::segment::{Rule, RuleError};
use crate::ops::Ops;
use crate::ops::segments::{NewContent, NewSegment, Target};

/// Cards that are read and printed at once.
const AT_ONCE: usize = 200;

#[derive(Subcommand)]
pub(super) enum Segment {
    /// List a merchant's segments with their rules.
    List(Of),
    /// Save a rule or a list of cards under a name that everybody at the merchant sees.
    Add(Add),
    /// Show one segment: its rule, its members, how many of them a push can reach.
    Show(Asked),
    /// Count the members of a segment or of a rule.
    Count(Asked),
    /// Print the members of a segment or of a rule, oldest cards first.
    Members(Members),
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct Add {
    #[command(flatten)]
    of: Of,
    #[arg(long, value_parser = filled)]
    name: String,
    /// A rule such as all(status.is.installed,visits.over.9).
    #[arg(long, value_parser = rule, conflicts_with = "card", required_unless_present = "card")]
    rule: Option<Rule>,
    /// A card on the list; may be given several times.
    #[arg(long)]
    card: Vec<CardId>,
}

#[derive(Args)]
pub(super) struct Asked {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// A segment's id, or the word of a built-in one as `segment list` prints it.
    #[arg(long)]
    segment: Option<String>,
    /// A rule such as all(status.is.installed,visits.over.9).
    #[arg(long, value_parser = rule)]
    rule: Option<Rule>,
}

#[derive(Args)]
pub(super) struct Members {
    #[command(flatten)]
    asked: Asked,
    /// Most cards to print.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

fn rule(text: &str) -> Result<Rule, RuleError> {
    Rule::parse(text)
}

impl Which {
    fn target(self) -> Result<Target> {
        match (self.segment, self.rule) {
            (_, Some(rule)) => Ok(Target::Rule(rule)),
            (Some(segment), None) => match (BuiltIn::parse(&segment), segment.parse()) {
                (Some(built_in), _) => Ok(Target::BuiltIn(built_in)),
                (None, Ok(id)) => Ok(Target::Saved(id)),
                (None, Err(error)) => {
                    let words: Vec<_> = BuiltIn::ALL.iter().map(|built_in| built_in.as_str()).collect();
                    bail!(
                        "--segment: expected one of {} or a segment's id: {error}",
                        words.join(", ")
                    )
                }
            },
            (None, None) => bail!("--segment or --rule: expected one of them; got neither"),
        }
    }
}

impl Segment {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::List(of) => list(&of).await,
            Self::Add(add) => {
                let ops = open(&Config::load(add.of.config.as_deref())?).await?;
                let new = NewSegment {
                    name: add.name,
                    content: match add.rule {
                        Some(rule) => NewContent::Rule(rule),
                        None => NewContent::List(add.card),
                    },
                    owner: None,
                    shared: true,
                };
                let segment = ops.add_segment(add.of.merchant, new).await?;
                println!("segment {}", segment.id);
                Ok(())
            }
            Self::Show(asked) => show(asked).await,
            Self::Count(Asked { of, which }) => {
                let ops = open(&Config::load(of.config.as_deref())?).await?;
                let reach = ops.reach(of.merchant, Viewer::Operator, &which.target()?).await?;
                println!("members {}", reach.members);
                println!("reachable {}", reach.reachable);
                Ok(())
            }
            Self::Members(members) => members.print().await,
        }
    }
}

async fn list(of: &Of) -> Result<()> {
    let ops = open(&Config::load(of.config.as_deref())?).await?;
    let saved = ops.segments(of.merchant, Viewer::Operator).await?;
    for built_in in BuiltIn::ALL {
        println!(
            "segment {}  {}: {}",
            built_in.as_str(),
            built_in.name(),
            built_in.sentence()
        );
    }
    for segment in saved {
        let what = match &segment.content {
            Content::Rule(rule) => rule.describe(),
            Content::List => "a list of cards".into(),
        };
        let whose = if segment.shared { "" } else { " (private)" };
        println!("segment {}  {}{whose}: {what}", segment.id, segment.name);
    }
    Ok(())
}

async fn show(Asked { of, which }: Asked) -> Result<()> {
    let ops = open(&Config::load(of.config.as_deref())?).await?;
    let target = which.target()?;
    match &target {
        Target::BuiltIn(built_in) => {
            println!("name {}", built_in.name());
            println!("meaning {}", built_in.sentence());
        }
        Target::Rule(rule) => print_rule(rule),
        Target::Saved(id) => {
            let segment = ops.segment(of.merchant, Viewer::Operator, *id).await?;
            println!("name {}", segment.name);
            match segment.rule() {
                Some(rule) => print_rule(rule),
                None => println!("meaning a list of cards"),
            }
        }
    }
    let reach = ops.reach(of.merchant, Viewer::Operator, &target).await?;
    println!("members {}", reach.members);
    println!("reachable {}", reach.reachable);
    Ok(())
}

fn print_rule(rule: &Rule) {
    println!("rule {rule}");
    println!("meaning {}", rule.describe());
}

impl Members {
    async fn print(self) -> Result<()> {
        let Asked { of, which } = self.asked;
        let ops: Ops = open(&Config::load(of.config.as_deref())?).await?;
        let target = which.target()?;
        let resolved = ops.resolve(of.merchant, Viewer::Operator, &target, None).await?;
        let (mut after, mut left) = (CardId(0), self.limit);
        while left > 0 {
            let part = ops
                .members_after(of.merchant, &resolved, after, left.min(AT_ONCE))
                .await?;
            let Some(last) = part.last() else { break };
            after = *last;
            left -= part.len();
            for line in ops.lines(of.merchant, part).await? {
                let name = customer::full_name(&line.first_name, &line.last_name);
                let (status, visits) = (line.status.as_str(), line.visits);
                println!("card {}  {name}: {status}, {visits} visits", line.card);
            }
        }
        Ok(())
    }
}
