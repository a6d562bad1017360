//! `passgate job`: one action on many cards, previewed, run by the gateway, taken back as a whole.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::cli::whom::Whom;
use crate::config::Config;
use crate::domain::access::Action;
use crate::domain::bulk::{Audience, BulkAction, Preview};
use crate::domain::event::Source;
use crate::domain::id::{BatchId, CardId, MemberId, MerchantId};
use crate::ops::Ops;
use crate::ops::jobs::NewJob;
use crate::store::jobs::{Job as Found, JobState};

/// Rows of one look at a job's cards.
const PAGE: i64 = 500;

#[derive(Subcommand)]
pub(super) enum Job {
    /// Give the same number of punches to many cards.
    AddPunches(Add),
    /// Give the same number of points to many cards.
    AddPoints(Add),
    /// Hand out one reward to each card that has one.
    Redeem(Many),
    /// End many cards; they can be restored.
    Void(Many),
    /// Make ended cards valid again.
    Restore(Many),
    /// Take back everything that a job did.
    Reverse(Reverse),
    /// List a merchant's jobs, newest first.
    List(List),
    /// Show a job and what became of each card.
    Show(One),
    /// Hold a job.
    Pause(One),
    /// Go on with a job that is held.
    Resume(One),
    /// End a job; what it did stays until it is taken back.
    Cancel(One),
}

#[derive(Args)]
pub(super) struct Add {
    #[arg(long)]
    amount: i64,
    #[command(flatten)]
    many: Many,
}

#[derive(Args)]
pub(super) struct Many {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Args)]
pub(super) struct Reverse {
    /// The job to take back.
    job: BatchId,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
pub(super) struct How {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// Why, for the timeline of each card; needed to give punches or points.
    #[arg(long)]
    reason: Option<String>,
    /// The member who does it, whose role must allow it; without it the operator does.
    #[arg(long)]
    member: Option<MemberId>,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Run the job to its end in this process instead of leaving it to the gateway.
    #[arg(long)]
    here: bool,
}

#[derive(Args)]
pub(super) struct List {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// Jobs before this one.
    #[arg(long)]
    before: Option<BatchId>,
}

#[derive(Args)]
pub(super) struct One {
    job: BatchId,
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

impl Job {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::AddPunches(add) => {
                let action = BulkAction::AddPunches { count: add.amount };
                add.many.start(action, Action::EditBalance).await
            }
            Self::AddPoints(add) => {
                let action = BulkAction::AddPoints { count: add.amount };
                add.many.start(action, Action::EditBalance).await
            }
            Self::Redeem(many) => many.start(BulkAction::Redeem, Action::RedeemReward).await,
            Self::Void(many) => many.start(BulkAction::Void, Action::VoidCard).await,
            Self::Restore(many) => many.start(BulkAction::Restore, Action::VoidCard).await,
            Self::Reverse(Reverse { job, how }) => {
                let audience = Audience::Batch(job);
                let ops = open(&Config::load(how.config.as_deref())?).await?;
                how.start(&ops, BulkAction::TakeBack, audience, Action::ReverseEvent)
                    .await
            }
            Self::List(list) => list.run().await,
            Self::Show(one) => {
                let ops = one.open().await?;
                show(&ops, one.merchant, one.job).await
            }
            Self::Pause(one) => {
                let job = one.open().await?.pause_job(one.merchant, one.job).await?;
                print(&job);
                Ok(())
            }
            Self::Resume(one) => {
                let job = one.open().await?.resume_job(one.merchant, one.job).await?;
                print(&job);
                Ok(())
            }
            Self::Cancel(one) => {
                let job = one.open().await?.cancel_job(one.merchant, one.job).await?;
                print(&job);
                Ok(())
            }
        }
    }
}

impl Many {
    async fn start(self, action: BulkAction, needs: Action) -> Result<()> {
        let ops = open(&Config::load(self.how.config.as_deref())?).await?;
        let audience = self.whom.audience(&ops, self.how.merchant).await?;
        self.how.start(&ops, action, audience, needs).await
    }
}

impl How {
    async fn start(self, ops: &Ops, action: BulkAction, audience: Audience, needs: Action) -> Result<()> {
        if let Some(member) = self.member {
            ops.permit(self.merchant, member, needs).await?;
        }
        let preview = ops
            .preview_job(self.merchant, action, &audience, self.reason.as_deref())
            .await?;
        print_preview(&preview, action);
        if self.dry_run {
            return Ok(());
        }
        if preview.seen.able == 0 {
            bail!("nothing was started: no card can be {}", action.in_words());
        }
        let new = NewJob {
            action,
            audience,
            reason: self.reason,
            member: self.member,
            source: Source::Console,
            expected: Some(preview.seen),
        };
        let job = ops.start_job(self.merchant, new).await?;
        println!("job {job}");
        if !self.here {
            println!("The running gateway works it off; `passgate job show {job}` says how far it is.");
            return Ok(());
        }
        while ops.job(self.merchant, job).await?.state == JobState::Running {
            ops.do_chores().await?;
        }
        show(ops, self.merchant, job).await
    }
}

impl List {
    async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let ops = open(&config).await?;
        for job in ops.jobs(self.merchant, self.before, 50).await? {
            print(&job);
        }
        Ok(())
    }
}

impl One {
    async fn open(&self) -> Result<Ops> {
        let config = Config::load(self.config.as_deref())?;
        open(&config).await
    }
}

fn print_preview(preview: &Preview, action: BulkAction) {
    println!("{}", preview.sentence(action));
    if preview.crossing > 0 {
        println!(
            "{} reach their goal and earn {} rewards",
            preview.crossing, preview.rewards
        );
    }
    for (card, refusal) in &preview.named {
        println!("  card {card}: {refusal}");
    }
    let unnamed = preview.seen.cards - preview.seen.able - i64::try_from(preview.named.len()).unwrap_or(0);
    if unnamed > 0 {
        println!("  and {unnamed} more");
    }
}

fn print(job: &Found) {
    println!(
        "job {} {}: {}, {} cards, {} done, {} refused, made {}",
        job.batch,
        job.action.in_words(),
        job.state.as_str(),
        job.cards,
        job.done,
        job.refused,
        job.created_at.to_jiff()
    );
}

async fn show(ops: &Ops, merchant: MerchantId, batch: BatchId) -> Result<()> {
    let job = ops.job(merchant, batch).await?;
    print(&job);
    if let Some(difference) = job.difference()
        && !difference.same_cards
    {
        println!(
            "  the audience changed since the preview: {:+} cards",
            difference.cards
        );
    }
    if let Some(able) = job.difference().and_then(|difference| difference.able)
        && able != 0
    {
        println!("  {able:+} done than the preview said");
    }
    let mut after = CardId(0);
    loop {
        let rows = ops.job_rows(merchant, batch, after, PAGE).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.card;
        for row in &rows {
            match &row.refusal {
                Some((code, sentence)) => println!("  card {}: {code}: {sentence}", row.card),
                None => println!("  card {}: {}", row.card, row.state.as_str()),
            }
        }
    }
}
