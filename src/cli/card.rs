//! `passgate card`: what is done to a card by hand.

mod devices;
mod why;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use crate::cli::done_by::DoneBy;
use crate::cli::open;
use crate::config::Config;
use crate::domain::capture::Token;
use crate::domain::conversion::Follow;
use crate::domain::coupon::Redeem;
use crate::domain::event::Source;
use crate::domain::id::{CardId, LocationId, MerchantId};
use crate::domain::program::ProgramKind;
use crate::domain::time::{CivilDay, Timestamp};
use crate::ops::Ops;
use crate::store::cards::{self, CardWithProgram};
use crate::store::{Error, Store};

#[derive(Subcommand)]
pub(super) enum Card {
    /// Let a plastic tag stand for a card. Tills take it only with bridge.allow_uid.
    AttachTag(AttachTag),
    /// Redeem a coupon, or hand out one reward of a punch card.
    Redeem(RedeemCard),
    /// End a card. It stays on the phone, shown as ended, and gives nothing any more.
    Void(Which),
    /// Make an ended card valid again, with its balance as it was.
    Restore(Which),
    /// Move the last day of a card, or take it away.
    Expire(Expire),
    /// Show which phones hold a card and how far its last push has come with each.
    Devices(devices::Devices),
    /// Try once more to turn a redeemed coupon into a card of its linked program.
    Convert(ConvertCard),
    /// Say why a card rang or did not, and when it may ring next on each channel.
    Why(why::WhyCard),
}

/// Which card, and who does something to it.
#[derive(Args)]
pub(super) struct Which {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    card: CardId,
    #[command(flatten)]
    by: DoneBy,
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

#[derive(Args)]
pub(super) struct RedeemCard {
    #[command(flatten)]
    which: Which,
    /// What was paid, in the program's currency, such as 12.50. Left out, it is unknown.
    #[arg(long, allow_hyphen_values = true)]
    amount: Option<String>,
    /// Where.
    #[arg(long)]
    location: Option<LocationId>,
}

#[derive(Args)]
pub(super) struct Expire {
    #[command(flatten)]
    which: Which,
    /// The last day of the card in the merchant's time zone, such as 2027-12-31. A past day ends the card now.
    #[arg(long, required_unless_present = "never", value_parser = day)]
    last_day: Option<CivilDay>,
    /// Take the last day away.
    #[arg(long, conflicts_with = "last_day")]
    never: bool,
    /// Confirm that a past day ends the card now.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(super) struct ConvertCard {
    #[command(flatten)]
    which: Which,
    /// Stop trying: the card stays a redeemed coupon.
    #[arg(long)]
    give_up: bool,
}

impl Card {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::AttachTag(attach) => {
                let tag = tag(&attach.uid)?;
                let ops = open(&Config::load(attach.config.as_deref())?).await?;
                ops.attach_tag(attach.merchant, attach.card, tag).await?;
                println!("card {} now answers to that tag too", attach.card);
            }
            Self::Redeem(redeem) => redeem.run().await?,
            Self::Void(which) => {
                let ops = which.open().await?;
                let actor = which.by.actor(&ops, which.merchant).await?;
                ops.void(which.merchant, which.card, actor).await?;
                println!("card {} has ended", which.card);
            }
            Self::Restore(which) => {
                let ops = which.open().await?;
                let actor = which.by.actor(&ops, which.merchant).await?;
                let card = ops.restore(which.merchant, which.card, actor).await?;
                println!("card {} is {} again", card.id, card.status.as_str());
            }
            Self::Expire(expire) => expire.run().await?,
            Self::Devices(devices) => devices.run().await?,
            Self::Convert(convert) => convert.run().await?,
            Self::Why(why) => why.run().await?,
        }
        Ok(())
    }
}

impl Which {
    async fn open(&self) -> Result<Ops> {
        open(&Config::load(self.config.as_deref())?).await
    }

    async fn read(&self, store: &Store) -> Result<CardWithProgram> {
        let (merchant, card) = (self.merchant, self.card);
        let read = store.read("card", move |tx| {
            Box::pin(async move { cards::card(tx, merchant, card).await })
        });
        let found: Result<_, Error> = read.await;
        found?.context("there is no such card")
    }
}

impl RedeemCard {
    async fn run(self) -> Result<()> {
        let (which, ops) = (&self.which, self.which.open().await?);
        let actor = which.by.actor(&ops, which.merchant).await?;
        let found = which.read(&ops.store).await?;
        let rules = &found.of.program.rules;
        // A converted coupon is told when it was redeemed, unless there is a reward of what it became.
        let is_coupon = rules.kind() == ProgramKind::Coupon;
        if !is_coupon && (found.card.rewards > 0 || found.card.redeemed_at.is_none()) {
            if self.amount.is_some() || self.location.is_some() {
                bail!(
                    "--amount and --location belong to a coupon; this is a {} card",
                    rules.kind().as_str()
                );
            }
            let card = ops
                .redeem(which.merchant, which.card, found.card.version, actor)
                .await?;
            println!(
                "one reward of card {} is redeemed, {} left",
                card.id, card.rewards
            );
            return Ok(());
        }
        let currency = rules.purchase.currency;
        let amount = self.amount.as_deref().map(|text| currency.amount(text));
        let wish = Redeem {
            amount: amount.transpose().context("--amount")?,
            actor,
            source: Source::Console,
            location: self.location,
            batch: None,
        };
        let done = ops.redeem_coupon(which.merchant, which.card, wish).await?;
        println!("card {} is redeemed", done.card.id);
        tell(&done.follow);
        Ok(())
    }
}

impl Expire {
    async fn run(self) -> Result<()> {
        let (which, ops) = (&self.which, self.which.open().await?);
        let actor = which.by.actor(&ops, which.merchant).await?;
        let zone = which.read(&ops.store).await?.of.zone;
        let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
        let end = self
            .last_day
            .map(|day| day.end_in(&zone).context("--last-day: there is no day after it"));
        let card = ops
            .change_expiry(
                which.merchant,
                which.card,
                None,
                end.transpose()?,
                self.yes,
                actor,
            )
            .await?;
        let shown = |end: Timestamp| {
            end.to_jiff()
                .to_zoned(zone.clone())
                .strftime("%-d %B %Y, %H:%M")
                .to_string()
        };
        match card.expires_at {
            Some(end) => println!("card {} ends on {}", card.id, shown(end)),
            None => println!("card {} does not end by itself", card.id),
        }
        Ok(())
    }
}

impl ConvertCard {
    async fn run(self) -> Result<()> {
        let (which, ops) = (&self.which, self.which.open().await?);
        if self.give_up {
            let actor = which.by.actor(&ops, which.merchant).await?;
            if !ops.give_up_conversion(which.merchant, which.card, actor).await? {
                bail!("card {} was not waiting to turn into another one", which.card);
            }
            println!("card {} stays a redeemed coupon", which.card);
            return Ok(());
        }
        match ops.convert(which.merchant, which.card).await? {
            Some(follow) => tell(&follow),
            None => bail!("card {} is not waiting to turn into another one", which.card),
        }
        Ok(())
    }
}

fn tell(follow: &Follow) {
    match follow {
        Follow::Unlinked => {}
        Follow::Converted(program) => println!("It is a card of program {program} now."),
        Follow::Waits(_, reason) => {
            println!("It could not turn into another card yet: {reason}. This is tried again.");
        }
    }
}

fn day(text: &str) -> Result<CivilDay> {
    let day = text
        .parse()
        .with_context(|| format!("expected a day such as 2027-12-31; got {text:?}"))?;
    Ok(CivilDay(day))
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
