//! Whom a command is about: cards, a program, a segment or a rule, each said in the same words everywhere.

use anyhow::{Result, bail};
use clap::Args;

use crate::domain::bulk::Audience;
use crate::domain::chips::Chip;
use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::segment::saved::Viewer;
use crate::domain::segment::{Rule, RuleError};
use crate::ops::Ops;
use crate::ops::segments::Target;

/// A segment or a rule.
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

/// Cards in any of the ways in which they can be named.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whom {
    /// This card; may be given several times.
    #[arg(long = "card")]
    cards: Vec<CardId>,
    /// Every card of this program.
    #[arg(long)]
    program: Option<ProgramId>,
    /// Every card of this segment: its id, or the word of a built-in one as `segment list` prints it.
    #[arg(long)]
    segment: Option<String>,
    /// Every card that this rule holds for, such as all(status.is.installed,visits.over.9).
    #[arg(long, value_parser = rule)]
    rule: Option<Rule>,
}

pub(super) fn rule(text: &str) -> Result<Rule, RuleError> {
    Rule::parse(text)
}

impl Which {
    pub(super) fn target(self) -> Result<Target> {
        match (self.segment, self.rule) {
            (_, Some(rule)) => Ok(Target::Rule(rule)),
            (Some(segment), None) => segment_named(&segment),
            (None, None) => bail!("--segment or --rule: expected one of them; got neither"),
        }
    }

    pub(super) async fn audience(self, ops: &Ops, merchant: MerchantId) -> Result<Audience> {
        Ok(ops.audience(merchant, Viewer::Operator, &self.target()?).await?)
    }
}

impl Whom {
    pub(super) async fn audience(self, ops: &Ops, merchant: MerchantId) -> Result<Audience> {
        match (self.program, self.segment, self.rule) {
            (Some(program), ..) => Ok(Audience::Program(program)),
            (None, None, None) => Ok(Audience::Cards(self.cards)),
            (None, segment, rule) => Which { segment, rule }.audience(ops, merchant).await,
        }
    }
}

fn segment_named(text: &str) -> Result<Target> {
    match (Chip::parse(text), text.parse()) {
        (Some(chip), _) => Ok(Target::BuiltIn(chip)),
        (None, Ok(id)) => Ok(Target::Saved(id)),
        (None, Err(error)) => {
            let words: Vec<_> = Chip::EACH.iter().map(|chip| chip.as_str()).collect();
            bail!(
                "--segment: expected one of {} or a segment's id: {error}",
                words.join(", ")
            )
        }
    }
}
