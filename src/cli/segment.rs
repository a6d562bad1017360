//! `passgate segment`: who is in a segment, and saving one. The language of rules is described in
//! `docs/segments.md`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::whom::{self, Which};
use crate::cli::{filled, open};
use crate::config::Config;
use crate::domain::chips::Chip;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::order::{Each, Edge, Order, Sort};
use crate::domain::segment::saved::{Content, Viewer};
use crate::domain::segment::{Rule, builtin};
use crate::domain::{customer, search};
use crate::ops::rosters::{Query, Rosters};
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
    /// Print the members of a segment or of a rule.
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
    #[arg(long, value_parser = whom::rule, conflicts_with = "card", required_unless_present = "card")]
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
pub(super) struct Members {
    #[command(flatten)]
    asked: Asked,
    /// What they are sorted by: name, email, status, punches, points, visits, progress, tier, activity, spend or joined;
    /// with a minus before it, the greatest first.
    #[arg(long, value_parser = order, default_value = "joined", allow_hyphen_values = true)]
    sort: Order,
    /// Only people of whom something contains this: a part of a name, an address or a number.
    #[arg(long, value_parser = search)]
    find: Option<search::Query>,
    /// Most cards to print.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

fn order(text: &str) -> Result<Order> {
    let words: Vec<_> = Sort::ALL.iter().map(|sort| sort.as_str()).collect();
    Order::parse(text).with_context(|| {
        format!(
            "expected one of {}, or one with a minus before it",
            words.join(", ")
        )
    })
}

fn search(text: &str) -> Result<search::Query, search::QueryError> {
    search::Query::parse(text)
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
    for chip in Chip::EACH {
        println!("segment {}  {}: {}", chip.as_str(), chip.title(), chip.rule());
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
        Target::BuiltIn(chip) => {
            println!("name {}", chip.title());
            println!("rule {}", builtin::rule(*chip));
            println!("meaning {}", chip.rule());
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
        let ops = open(&Config::load(of.config.as_deref())?).await?;
        // A command asks once: it is not worth reading all cards into memory.
        let lists = Rosters::start(&ops, 0);
        let mut query = Query {
            viewer: Viewer::Operator,
            target: which.target()?,
            among: None,
            search: self.find,
            order: self.sort,
            edge: Edge::First,
            size: AT_ONCE,
            each: Each::Card,
            only: None,
        };
        let mut left = self.limit;
        while left > 0 {
            query.size = left.min(AT_ONCE);
            let list = lists.list(of.merchant, &query).await?;
            left -= query.size;
            for line in list.lines {
                let name = customer::full_name(&line.first_name, &line.last_name);
                let (status, visits) = (line.status.as_str(), line.visits);
                println!("card {}  {name}: {status}, {visits} visits", line.card);
            }
            match list.after {
                Some(edge) => query.edge = edge,
                None => {
                    if list.is_cut {
                        println!("--find found more people than are listed; say more of the name");
                    }
                    break;
                }
            }
        }
        Ok(())
    }
}
