//! `passgate topic`: something is said to everybody whose app subscribed to a topic of Firebase.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::cli::open;
use crate::config::Config;
use crate::domain::id::MerchantId;
use crate::domain::link::{Target, TargetError};
use crate::domain::topic::{TopicName, TopicRefusal, Words};
use crate::store::topics::TopicNotice;

/// Rows of one look.
const PAGE: i64 = 200;

#[derive(Subcommand)]
pub(super) enum Topic {
    /// Say something to everybody whose app subscribed to a topic. Firebase does not tell who that is, so no card's budget
    /// counts it: a topic takes three in 24 hours. A running gateway sends it within seconds.
    Send(Send),
    /// List the topics that something was said to, and what apps subscribe to for each. Firebase lists no topics itself.
    List(Of),
    /// Show what was said to a topic and what became of it, newest first.
    Show(Show),
}

#[derive(Args)]
pub(super) struct Of {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
}

#[derive(Args)]
pub(super) struct Send {
    #[command(flatten)]
    of: Of,
    /// The topic's name: letters, digits and -_.~
    #[arg(long, value_parser = name)]
    topic: TopicName,
    #[arg(long)]
    title: String,
    #[arg(long)]
    text: String,
    /// Where a click leads: an https address.
    #[arg(long, value_parser = target)]
    url: Option<Target>,
    /// Do not ring: apps are handed the words as data.
    #[arg(long)]
    silent: bool,
}

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    of: Of,
    #[arg(long, value_parser = name)]
    topic: TopicName,
}

fn name(text: &str) -> Result<TopicName, TopicRefusal> {
    text.parse()
}

fn target(text: &str) -> Result<Target, TargetError> {
    Target::parse(text)
}

impl Topic {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Send(send) => send.run().await,
            Self::List(of) => of.list().await,
            Self::Show(show) => show.run().await,
        }
    }
}

impl Send {
    async fn run(self) -> Result<()> {
        let config = Config::load(self.of.config.as_deref())?;
        if config.google.fcm.project.is_empty() {
            bail!("no app is told of anything: set google.fcm.project to the id of the Firebase project");
        }
        let words = Words::checked(&self.title, &self.text, self.url, !self.silent)?;
        let ops = open(&config).await?;
        let merchant = self.of.merchant;
        let id = ops.say_to_topic(merchant, self.topic.clone(), words).await?;
        println!("notice {id} waits for a gateway to send it");
        println!("subscribed {}", self.topic.at_firebase(merchant));
        Ok(())
    }
}

impl Of {
    async fn list(&self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let mut after: Option<TopicName> = None;
        loop {
            let topics = ops.topics(self.merchant, after.as_ref(), PAGE).await?;
            let Some(last) = topics.last() else {
                return Ok(());
            };
            after = Some(last.name.clone());
            for topic in &topics {
                let last = topic.last_said_at.map(|at| format!(", last {}", at.to_jiff()));
                println!(
                    "topic {}: {} sent, {} waiting{}; apps subscribe to {}",
                    topic.name,
                    topic.sent,
                    topic.waiting,
                    last.unwrap_or_default(),
                    topic.name.at_firebase(self.merchant)
                );
            }
        }
    }
}

impl Show {
    async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.of.config.as_deref())?).await?;
        let mut before = None;
        loop {
            let notices = ops
                .topic_notices(self.of.merchant, &self.topic, before, PAGE)
                .await?;
            let Some(last) = notices.last() else {
                return Ok(());
            };
            before = Some(last.id);
            for notice in &notices {
                println!("{}", line(notice));
            }
        }
    }
}

fn line(notice: &TopicNotice) -> String {
    let reason = notice.reason.as_deref().map(|reason| format!(" ({reason})"));
    format!(
        "{} {}  {}{}: {} / {}",
        notice.id,
        notice.created_at.to_jiff(),
        notice.state.as_str(),
        reason.unwrap_or_default(),
        notice.words.title,
        notice.words.body
    )
}
