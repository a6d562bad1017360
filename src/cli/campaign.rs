//! `passgate campaign`: what is done for cards by themselves, and who is in it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::cli::whom::{Which, Whom};
use crate::config::Config;
use crate::domain::campaign::{self, CampaignRules, CampaignState, Cause};
use crate::domain::event::Actor;
use crate::domain::id::{CampaignId, MerchantId};

#[derive(Args)]
pub(super) struct Campaign {
    #[arg(long, short, env = "PASSGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a draft from a file of rules.
    ///
    /// The rules are a JSON object: "trigger" ({"on": "joined" | "installed" | "visit" | "reward_earned" | "coupon_used"
    /// | "tier_changed" | "feedback_given" | "referral_added"}, {"on": "punches", "count": 3}, {"on": "reward_unused" |
    /// "inactive" | "expiry_near", "days": 7} or {"on": "birthday", "offset_days": 0, "hour": 9}) and "action" ({"do":
    /// "bonus", "amount": 2}, {"do": "offer", "offer": "…"} or {"do": "message", "class": "marketing", "text": "…"});
    /// and where wanted "audience" ("everybody" or "members"), "program", "eligible" (the rule of a segment), "repeat" ({"again": "always" | "never"} or
    /// {"again": "after_days", "days": 30}), "delay_minutes", "cap" ({"times": 2, "days": 7}) and "leave_on" (a trigger's
    /// word, such as "visit").
    Create {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        name: String,
        /// File with the rules.
        #[arg(long)]
        rules: PathBuf,
    },
    /// Replace the name and the rules of a campaign.
    Edit {
        #[arg(long)]
        merchant: MerchantId,
        #[arg(long)]
        campaign: CampaignId,
        #[arg(long)]
        name: String,
        #[arg(long)]
        rules: PathBuf,
    },
    /// Start a draft or resume a paused campaign.
    Start(Named),
    /// Hear no triggers and hold what is due.
    Pause(Named),
    /// End a campaign for good.
    End(Named),
    /// List a merchant's campaigns, newest first.
    List {
        #[arg(long)]
        merchant: MerchantId,
    },
    /// Show a campaign's rules and what has come of it.
    Show(Named),
    /// Put cards into a campaign.
    Join(Moved),
    /// Take cards out of a campaign and cancel what is due for them.
    Leave(Moved),
    /// Put in who is in a segment now, and take out whom it put in before and who is in it no more.
    Sync(Synced),
}

#[derive(Args)]
struct Named {
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    campaign: CampaignId,
}

#[derive(Args)]
struct Moved {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Args)]
struct Synced {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    which: Which,
}

const BY: Actor = Actor::Gateway;

impl Campaign {
    pub(super) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let set = async |named: Named, to| -> Result<()> {
            let campaign = ops
                .set_campaign_state(named.merchant, named.campaign, to, BY)
                .await?;
            println!("{}", line(&campaign));
            Ok(())
        };
        match self.command {
            Command::Create {
                merchant,
                name,
                rules,
            } => {
                let campaign = ops.create_campaign(merchant, &name, read(&rules)?, BY).await?;
                println!("{}", line(&campaign));
            }
            Command::Edit {
                merchant,
                campaign,
                name,
                rules,
            } => {
                let rules = read(&rules)?;
                let known = ops.campaigns(merchant).await?;
                let Some(known) = known.iter().find(|one| one.id == campaign) else {
                    bail!("there is no campaign {campaign}");
                };
                let edit = (name.as_str(), rules);
                let campaign = ops
                    .edit_campaign(merchant, campaign, known.version, edit, BY)
                    .await?;
                println!("{}", line(&campaign));
            }
            Command::Start(named) => set(named, CampaignState::Active).await?,
            Command::Pause(named) => set(named, CampaignState::Paused).await?,
            Command::End(named) => set(named, CampaignState::Ended).await?,
            Command::List { merchant } => {
                for campaign in ops.campaigns(merchant).await? {
                    println!("{}", line(&campaign));
                }
            }
            Command::Show(named) => {
                let report = ops.campaign_report(named.merchant, named.campaign).await?;
                println!("{}", line(&report.campaign));
                println!("{}", report.campaign.rules.print());
                for (state, count) in report.counts {
                    println!("  {state}: {count}");
                }
            }
            Command::Join(moved) => {
                let Moved { named, whom } = moved;
                let whom = Arc::new(whom.audience(&ops, named.merchant).await?);
                let count = ops.join_campaign(named.merchant, named.campaign, whom, Cause::Hand, BY);
                println!("{} joined", count.await?);
            }
            Command::Leave(moved) => {
                let Moved { named, whom } = moved;
                let whom = Arc::new(whom.audience(&ops, named.merchant).await?);
                let count = ops.leave_campaign(named.merchant, named.campaign, whom, Cause::Hand, BY);
                println!("{} left", count.await?);
            }
            Command::Sync(Synced { named, which }) => {
                let segment = Arc::new(which.audience(&ops, named.merchant).await?);
                let (joined, left) = ops
                    .sync_campaign(named.merchant, named.campaign, segment, BY)
                    .await?;
                println!("{joined} joined, {left} left");
            }
        }
        Ok(())
    }
}

fn read(file: &PathBuf) -> Result<CampaignRules> {
    let text = std::fs::read_to_string(file).with_context(|| format!("--rules {}", file.display()))?;
    CampaignRules::parse(&text).with_context(|| format!("--rules {}", file.display()))
}

fn line(campaign: &campaign::Campaign) -> String {
    format!(
        "campaign {}  {}  {}",
        campaign.id,
        campaign.state.as_str(),
        campaign.name
    )
}
