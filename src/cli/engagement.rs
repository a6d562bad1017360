//! `passgate consent`, `feedback` and `referral`: what holders wish and say, and whom they bring.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};

use crate::app::secrets;
use crate::cli::open;
use crate::config::Config;
use crate::domain::card::Card;
use crate::domain::consent::{Purpose, allows};
use crate::domain::event::Actor;
use crate::domain::feedback::Period;
use crate::domain::id::{CardId, CustomerId, MerchantId, ProgramId};
use crate::domain::join::Arrival;
use crate::domain::preference::Class;
use crate::domain::referral::{Moment, Terms};
use crate::domain::time::CivilDay;
use crate::ops::Ops;
use crate::ops::feedback::FeedbackFilter;
use crate::store::cards::{self, CardWithProgram};
use crate::store::referrals::Statistics;
use crate::web::public::card_link;
use crate::web::public::join::join_link;

#[derive(Subcommand)]
pub(super) enum Consent {
    /// Show what a customer wants to be told and agreed to, with the evidence. The holder alone changes it.
    Show {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
        #[command(flatten)]
        whose: Whose,
    },
}

/// A customer, by their own id or by that of a card they hold.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whose {
    #[arg(long)]
    customer: Option<CustomerId>,
    #[arg(long)]
    card: Option<CardId>,
}

impl Whose {
    pub(super) async fn find(&self, ops: &Ops, merchant: MerchantId) -> Result<CustomerId> {
        match (self.customer, self.card) {
            (Some(customer), _) => Ok(customer),
            (None, Some(card)) => Ok(card_now(ops, merchant, card).await?.customer),
            (None, None) => bail!("expected --customer or --card; got neither"),
        }
    }
}

/// A card as it is now.
pub(super) async fn card_now(ops: &Ops, merchant: MerchantId, card: CardId) -> Result<Card> {
    let found = ops.store.read("card", move |tx| {
        Box::pin(async move { cards::card(tx, merchant, card).await })
    });
    let found: Option<CardWithProgram> = found.await?;
    match found {
        Some(found) => Ok(found.card),
        None => bail!("there is no card {card}"),
    }
}

#[derive(Subcommand)]
pub(super) enum Feedback {
    /// List feedback, newest first, with the mean of all that was asked for.
    List {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        customer: Option<CustomerId>,
        /// day, week, month, year or all, by the calendar of the merchant's zone.
        #[arg(long, default_value = "all", conflicts_with_all = ["from", "to"])]
        period: String,
        /// First day, such as 2026-12-01.
        #[arg(long)]
        from: Option<jiff::civil::Date>,
        /// Last day.
        #[arg(long)]
        to: Option<jiff::civil::Date>,
        #[arg(long)]
        only_comments: bool,
        /// How many to show at most.
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(super) enum Referral {
    /// Set what a program gives for a referral.
    Terms {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        program: ProgramId,
        /// install or first_visit.
        #[arg(long, default_value = "first_visit", value_parser = moment)]
        moment: Moment,
        /// Punches or points for who referred.
        #[arg(long, default_value_t = 1)]
        referrer: i64,
        /// Punches or points for who came.
        #[arg(long, default_value_t = 1)]
        referred: i64,
    },
    /// Show a card's two links and whom its holder brought; or, without a card, what came of a program's referrals.
    Show {
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long, conflicts_with = "program", required_unless_present = "program")]
        card: Option<CardId>,
        #[arg(long)]
        program: Option<ProgramId>,
    },
}

impl Consent {
    pub(super) async fn run(self) -> Result<()> {
        let Self::Show {
            config,
            merchant,
            whose,
        } = self;
        let ops = open(&Config::load(config.as_deref())?).await?;
        let customer = whose.find(&ops, merchant).await?;
        let (person, history) = ops.wishes(merchant, customer).await?;
        for class in Class::ALL {
            let (kept, agreed) = (person.preferences, person.consents);
            let sent = match allows(class, kept, agreed) {
                Ok(()) => "sent".to_owned(),
                Err(why) => format!("not sent: {why}"),
            };
            println!("{}: {} ({sent})", class.as_str(), kept.of(class).as_str());
        }
        for purpose in Purpose::ALL {
            let said = if person.consents.has(purpose) {
                "given"
            } else {
                "not given"
            };
            println!("consent to {}: {said}", purpose.as_str());
        }
        for one in history {
            println!(
                "  {}  {} {} (text {}, {}, {})",
                one.at.to_jiff(),
                one.purpose.as_str(),
                if one.given { "given" } else { "taken back" },
                one.evidence.text,
                one.evidence.channel.as_str(),
                one.evidence.language
            );
        }
        Ok(())
    }
}

impl Feedback {
    pub(super) async fn run(self) -> Result<()> {
        let Self::List {
            config,
            merchant,
            customer,
            period,
            from,
            to,
            only_comments,
            limit,
        } = self;
        let period = match (from, to) {
            (None, None) => Period::parse(&period)?,
            (from, to) => Period::Between {
                from: from.map(CivilDay),
                to: to.map(CivilDay),
            },
        };
        let ops = open(&Config::load(config.as_deref())?).await?;
        let filter = FeedbackFilter {
            customer,
            period,
            only_comments,
        };
        let page = ops.feedback(merchant, filter, None, limit).await?;
        println!("{}", page.rating);
        for one in &page.given {
            let comment = one.feedback.comment.as_deref().unwrap_or("").replace('\n', " ");
            let stars = one.feedback.stars;
            println!(
                "{}  {stars} of 5  customer {}  {comment}",
                one.at.to_jiff(),
                one.customer
            );
        }
        if page.next.is_some() {
            println!("… and more; narrow the period or raise --limit");
        }
        Ok(())
    }
}

impl Referral {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Terms {
                config,
                merchant,
                program,
                moment,
                referrer,
                referred,
            } => {
                let ops = open(&Config::load(config.as_deref())?).await?;
                let terms = Terms {
                    moment,
                    referrer,
                    referred,
                };
                ops.set_referral_terms(merchant, program, terms, Actor::Gateway)
                    .await?;
                println!("set for those who come from now on");
            }
            Self::Show {
                config,
                merchant,
                card: Some(card),
                ..
            } => show_card(&Config::load(config.as_deref())?, merchant, card).await?,
            Self::Show {
                config,
                merchant,
                program,
                card: None,
            } => {
                let program = program.ok_or_else(|| anyhow!("expected --card or --program; got neither"))?;
                let ops = open(&Config::load(config.as_deref())?).await?;
                if let Some(terms) = ops.referral_terms(merchant, program).await? {
                    let (moment, referrer) = (terms.moment.as_str(), terms.referrer);
                    println!(
                        "at {moment}: {referrer} for who referred, {} for who came",
                        terms.referred
                    );
                }
                tell(ops.referral_statistics(merchant, program).await?);
            }
        }
        Ok(())
    }
}

async fn show_card(config: &Config, merchant: MerchantId, card: CardId) -> Result<()> {
    let ops = open(config).await?;
    let master = secrets::master_key(&config.secrets.master_key_file, &ops.ids)?;
    let customer = card_now(&ops, merchant, card).await?.customer;
    let public_url = config.server.public_url.trim_end_matches('/');
    println!(
        "installation link: {}",
        card_link(public_url, &master, merchant, card)
    );
    let arrival = Arrival {
        referral: Some(ops.referral_link(merchant, card).await?),
        ..Arrival::default()
    };
    let program = card_now(&ops, merchant, card).await?.program;
    println!(
        "referral link: {}",
        join_link(public_url, merchant, program, &arrival)
    );
    let sheet = ops.referrals_of(merchant, customer).await?;
    if let Some(came_by) = sheet.came_by {
        println!(
            "came through customer {}: {}",
            came_by.referrer_customer,
            came_by.state.as_str()
        );
    }
    tell(sheet.statistics);
    for one in sheet.brought {
        let why = one.refusal.map_or(String::new(), |why| format!(" ({why})"));
        println!(
            "  {}  customer {}  {}{why}",
            one.opened_at.to_jiff(),
            one.customer,
            one.state.as_str()
        );
    }
    if let Some(landing) = ops.landing(merchant, card).await? {
        for (name, word) in landing.utm.words() {
            if let Some(word) = word {
                println!("  landed with {name} {word:?}");
            }
        }
    }
    Ok(())
}

fn tell(statistics: Statistics) {
    let Statistics {
        opened,
        added,
        rewarded,
        refused,
    } = statistics;
    println!("opened {opened}, added {added}, rewarded {rewarded}, refused {refused}");
}

fn moment(text: &str) -> Result<Moment> {
    Moment::parse(text).ok_or_else(|| anyhow!("expected install or first_visit; got {text:?}"))
}
