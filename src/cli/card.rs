//! `passgate card`: what is done to a card by hand and not in the console.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::capture::Token;
use crate::domain::id::{CardId, MerchantId};

#[derive(Subcommand)]
pub(super) enum Card {
    /// Let a plastic tag stand for a card. Tills take it only with bridge.allow_uid.
    AttachTag(AttachTag),
}

#[derive(Args)]
pub(super) struct AttachTag {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    card: CardId,
    /// The tag's serial number: 4, 7 or 10 bytes in hexadecimal, such as 04:A2:24:B1:6C:5D:80.
    #[arg(long)]
    uid: String,
}

impl Card {
    pub(super) async fn run(self) -> Result<()> {
        let Self::AttachTag(attach) = self;
        let config = Config::load(attach.config.as_deref())?;
        let tag = tag(&attach.uid)?;
        let ops = open(&config).await?;
        ops.attach_tag(attach.merchant, attach.card, tag).await?;
        println!("card {} now answers to that tag too", attach.card);
        Ok(())
    }
}

fn tag(uid: &str) -> Result<Token> {
    let digits: String = uid.chars().filter(|c| !matches!(c, ':' | '-' | ' ')).collect();
    let bytes = hex::decode(digits)
        .with_context(|| format!("--uid: expected bytes in hexadecimal such as 04:A2:24:B1; got {uid:?}"))?;
    Token::from_uid(&bytes).context("--uid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_may_be_written_as_phones_and_readers_write_it() {
        let token = |text| tag(text).map(|token| token.expose().to_owned()).ok();
        assert_eq!(token("04:A2:24:B1"), Some("uid:04a224b1".into()));
        assert_eq!(token("04a224b1"), Some("uid:04a224b1".into()));
        assert_eq!(token("04a224"), None);
        assert_eq!(token("tag"), None);
    }
}
