//! `passgate card why`: why a card rang or did not, and when it may ring next, in plain words.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::tz::TimeZone;

use crate::cli::open;
use crate::config::Config;
use crate::domain::budget::{self, Decision};
use crate::domain::id::{CardId, MerchantId};
use crate::domain::time::Timestamp;
use crate::ops::pushes::Why;

#[derive(Args)]
pub(crate) struct WhyCard {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    card: CardId,
}

impl WhyCard {
    pub(crate) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let why = ops.why(self.merchant, self.card).await?;
        print!("{}", told(&why.context("there is no such card")?));
        Ok(())
    }
}

fn told(why: &Why) -> String {
    let (mut text, zone) = (String::new(), &why.zone);
    if why.channels.is_empty() {
        text.push_str(
            "This card is on no phone that can be reached, and nothing was decided about it yet.\n",
        );
    }
    for of in &why.channels {
        let _ = writeln!(text, "{}", of.channel.as_str());
        for (class, ruling) in &of.next {
            let when = match ruling.decision {
                Decision::SendNow => "may ring now".to_owned(),
                Decision::Defer { until } => {
                    format!(
                        "may ring from {}: {}",
                        shown(until, zone),
                        ruling.rule.words(zone)
                    )
                }
                _ => format!("does not ring: {}", ruling.rule.words(zone)),
            };
            let _ = writeln!(text, "  {:>9} {when}", class.as_str());
        }
        for noted in &of.rulings {
            let _ = writeln!(
                text,
                "  {}  {}",
                shown(noted.decided_at, zone),
                noted.ruling.words(zone)
            );
        }
    }
    if !why.rang.is_empty() {
        text.push_str("rang\n");
    }
    for rang in &why.rang {
        let state = if rang.is_open { ", not answered yet" } else { "" };
        let _ = writeln!(
            text,
            "  {}  {} on {}{state}",
            shown(rang.at, zone),
            rang.class.as_str(),
            rang.channel.as_str()
        );
    }
    if !why.messages.is_empty() {
        text.push_str("messages\n");
    }
    for message in &why.messages {
        let reason = message.ruling.as_ref().map(|ruling| ruling.rule.words(zone));
        let reason = reason.or_else(|| {
            message
                .rule
                .as_deref()
                .map(|rule| budget::reason(rule).to_owned())
        });
        let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {}  {} on {}, {}{because}",
            shown(message.changed_at, zone),
            message.message,
            message.channel.as_str(),
            message.state.as_str()
        );
    }
    text
}

fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff()
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}
