//! `passgate offer`: what a merchant offers, to whom it is given, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::engagement::{Whose, card_now};
use crate::cli::open;
use crate::cli::take_back::GivenTo;
use crate::cli::whom::Whom;
use crate::config::Config;
use crate::domain::event::Actor;
use crate::domain::id::{CardId, CustomerId, MerchantId, OfferId, ProgramId};
use crate::domain::money::Amount;
use crate::domain::offer::{self, OfferState, Terms};
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::given::Given;

#[derive(Args)]
pub(super) struct Offer {
    #[arg(long, short, env = "PASSGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a draft.
    Create {
        #[arg(long)]
        merchant: MerchantId,
        #[command(flatten)]
        terms: TermsArguments,
    },
    /// Replace the terms of an offer.
    Edit {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        offer: OfferId,
        #[command(flatten)]
        terms: TermsArguments,
    },
    /// Let customers claim an offer.
    Publish {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        offer: OfferId,
    },
    /// Take an offer down for good.
    Withdraw {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        offer: OfferId,
    },
    /// List a merchant's offers, newest first.
    List {
        #[arg(long)]
        merchant: MerchantId,
    },
    /// Give an offer to some cards, or to all of a program or a segment.
    Assign {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        offer: OfferId,
        #[command(flatten)]
        whom: Whom,
    },
    /// Redeem an offer for the holder of a card.
    Redeem {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        offer: OfferId,
        #[arg(long)]
        card: CardId,
        /// What was paid, in minor units (725 is 7.25 €); unknown when left out.
        #[arg(long)]
        amount: Option<i64>,
    },
    /// Take back the newest redemption of an offer by a card: it can be redeemed once more.
    TakeBack {
        #[arg(long)]
        offer: OfferId,
        #[command(flatten)]
        of: GivenTo,
    },
    /// Show what a customer has claimed, marked and redeemed.
    Show {
        #[arg(long)]
        merchant: MerchantId,
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Args)]
struct TermsArguments {
    #[arg(long)]
    title: String,
    #[arg(long, default_value = "")]
    text: String,
    /// For holders of this program's cards only.
    #[arg(long)]
    program: Option<ProgramId>,
    /// From this instant on, such as 2026-12-01T00:00:00+01:00.
    #[arg(long, value_parser = instant)]
    from: Option<Timestamp>,
    /// Before this instant.
    #[arg(long, value_parser = instant)]
    until: Option<Timestamp>,
    /// How many customers can claim it; no limit when left out.
    #[arg(long)]
    claims: Option<i64>,
    /// How often each may redeem it.
    #[arg(long, default_value_t = 1)]
    times: i64,
    /// Only for those to whom it was assigned.
    #[arg(long)]
    personal: bool,
}

/// What is done at the command line is done by the one who runs the gateway.
const BY: Actor = Actor::Gateway;

impl Offer {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        match self.command {
            Command::Create { merchant, terms } => {
                let offer = ops.create_offer(merchant, terms.into_terms(), BY).await?;
                println!(
                    "offer {}: a draft; publish it with passgate offer publish",
                    offer.id
                );
            }
            Command::Edit {
                merchant,
                offer,
                terms,
            } => {
                let seen = found(&ops, merchant, offer).await?.version;
                let offer = ops
                    .edit_offer(merchant, offer, seen, terms.into_terms(), BY)
                    .await?;
                println!("{}", line(&offer));
            }
            Command::Publish { merchant, offer } => {
                let offer = ops
                    .set_offer_state(merchant, offer, OfferState::Published, BY)
                    .await?;
                println!("{}", line(&offer));
            }
            Command::Withdraw { merchant, offer } => {
                let offer = ops
                    .set_offer_state(merchant, offer, OfferState::Withdrawn, BY)
                    .await?;
                println!("{}", line(&offer));
            }
            Command::List { merchant } => {
                for offer in ops.offers(merchant).await? {
                    println!("{}", line(&offer));
                }
            }
            Command::Assign {
                merchant,
                offer,
                whom,
            } => {
                let audience = whom.audience(&ops, merchant).await?;
                let done = ops.assign_offer(merchant, offer, Arc::new(audience), BY).await?;
                println!("assigned to {}, passed over {}", done.assigned, done.passed_over);
            }
            Command::Redeem {
                merchant,
                offer,
                card,
                amount,
            } => {
                let amount = amount.map(Amount::new).transpose().context("--amount")?;
                // A command is its own first look at the card.
                let seen = card_now(&ops, merchant, card).await?.version;
                let holding = ops
                    .redeem_offer(merchant, offer, (card, seen), (amount, None), BY)
                    .await?;
                println!("redeemed, {} so far", holding.redemptions);
            }
            Command::TakeBack { offer, of } => {
                let given = Given::Offer(offer);
                of.run(&ops, given, "no redemption of this offer").await?;
            }
            Command::Show { merchant, whose } => {
                let customer = whose.find(&ops, merchant).await?;
                show(&ops, merchant, customer).await?;
            }
        }
        Ok(())
    }
}

impl TermsArguments {
    fn into_terms(self) -> Terms {
        Terms {
            title: self.title,
            text: self.text,
            program: self.program,
            from: self.from,
            until: self.until,
            claims: self.claims,
            times: self.times,
            personal: self.personal,
        }
    }
}

async fn found(ops: &Ops, merchant: MerchantId, offer: OfferId) -> Result<offer::Offer> {
    let offers = ops.offers(merchant).await?;
    match offers.into_iter().find(|one| one.id == offer) {
        Some(offer) => Ok(offer),
        None => bail!("there is no offer {offer}"),
    }
}

async fn show(ops: &Ops, merchant: MerchantId, customer: CustomerId) -> Result<()> {
    for (offer, holding, redemptions) in ops.offers_of_customer(merchant, customer).await? {
        println!("{}", line(&offer));
        for (what, at) in [
            ("assigned", holding.assigned_at),
            ("favourite since", holding.favourited_at),
            ("claimed", holding.claimed_at),
        ] {
            if let Some(at) = at {
                println!("  {what} {}", at.to_jiff());
            }
        }
        for one in redemptions {
            let back = one.taken_back_at;
            println!(
                "  redeemed {} at {} by {}{}",
                one.at.to_jiff(),
                one.location.as_deref().unwrap_or("no known place"),
                one.staff.as_deref().unwrap_or("passgate"),
                back.map_or(String::new(), |at| format!(", taken back {}", at.to_jiff()))
            );
        }
    }
    Ok(())
}

fn line(offer: &offer::Offer) -> String {
    let limit = offer
        .terms
        .claims
        .map_or("any number".to_owned(), |claims| claims.to_string());
    format!(
        "offer {}  {}  {}: {} of {limit} claimed",
        offer.id,
        offer.state.as_str(),
        offer.terms.title,
        offer.claimed
    )
}

/// Reads an instant that somebody typed.
pub(super) fn instant(text: &str) -> Result<Timestamp> {
    let parsed: jiff::Timestamp = text
        .parse()
        .with_context(|| format!("expected an instant such as 2026-12-01T00:00:00+01:00; got {text:?}"))?;
    Ok(Timestamp(parsed.as_millisecond()))
}
