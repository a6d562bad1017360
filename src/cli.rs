//! The command line. `passgate help` is its manual; each command says what it does and what it needs.

mod campaign;
mod card;
mod code;
mod counts;
mod customer;
mod done_by;
mod engagement;
mod field;
mod invitation;
mod job;
mod link;
mod member;
mod message;
mod offer;
mod password;
mod policy;
mod program;
mod promotion;
mod seed;
mod segment;
mod setup;
mod station;
mod take_back;
mod timeline;
mod topic;
mod transfer;
mod verify;
mod whom;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};

use crate::app::Gateway;
use crate::app::demo;
use crate::app::watched;
use crate::apple::dev_chain;
use crate::bridge::Bridge;
use crate::clock::{Clock, Ids};
use crate::config::{self, Config};
use crate::ops::Ops;
use crate::store::Store;
use crate::telemetry;

/// A self-hosted gateway for wallet passes: issue punch cards into Apple Wallet and Google Wallet, keep them up to
/// date by push, and punch them at the till.
#[derive(Parser)]
#[command(name = "passgate", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve phones, stations and the console, and send pushes.
    Serve {
        /// Configuration file; docs/passgate.example.toml explains every key.
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Run a till: read scanners and NFC readers and send what they see to the gateway.
    Bridge {
        /// Configuration file; its [bridge] part is used.
        #[arg(long, short, env = "PASSGATE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Show the whole walk on this machine with simulated phones, scanner and reader. Needs no account.
    Demo {
        /// Run the walk once, check every step, print one line for each and exit.
        #[arg(long)]
        once: bool,
        /// Where to keep the demo's files; a new folder under the system's temporary folder by default. Must be new or
        /// empty: a used folder is refused.
        #[arg(long)]
        directory: Option<PathBuf>,
    },
    /// Make a merchant with its owner, a location, a station and a punch program: all of it or nothing.
    Setup(setup::Setup),
    /// Issue a card to a customer and print the address of its page.
    Issue(setup::Issue),
    /// A merchant's tills.
    #[command(subcommand)]
    Station(station::Station),
    /// People who sign in to the console.
    #[command(subcommand)]
    Member(member::Member),
    /// A merchant's programs.
    #[command(subcommand)]
    Program(program::Program),
    /// Cards.
    #[command(subcommand)]
    Card(card::Card),
    /// Codes on paper that give a card, punches or points.
    #[command(subcommand)]
    Code(code::Code),
    /// Make believable customers with two years of history, to try things out on.
    Seed(seed::Seed),
    /// Letters with the link of a card.
    #[command(subcommand)]
    Invitation(invitation::Invitation),
    /// Customers: people, what staff write beside them, and erasing them.
    #[command(subcommand)]
    Customer(customer::Customer),
    /// What a program asks of its customers beyond the profile.
    #[command(subcommand)]
    Field(field::Field),
    /// Import people and cards from a file.
    Import(transfer::Import),
    /// Export people and cards to a file that an import takes back.
    Export(transfer::Export),
    /// Live counts: the built-in segments, the grid of recency and visits, what customers have spent.
    #[command(subcommand)]
    Counts(counts::Counts),
    /// What a merchant offers its customers.
    Offer(offer::Offer),
    /// Something better for a time, on top of a program.
    Promotion(promotion::Promotion),
    /// What is done for cards when something happens to them.
    Campaign(campaign::Campaign),
    /// What customers want to be told and agreed to.
    #[command(subcommand)]
    Consent(engagement::Consent),
    /// What customers say about their visits.
    #[command(subcommand)]
    Feedback(engagement::Feedback),
    /// Whom customers bring.
    #[command(subcommand)]
    Referral(engagement::Referral),
    /// How often cards may ring.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// One action on many cards.
    #[command(subcommand)]
    Job(job::Job),
    /// Links that are counted when they are followed.
    #[command(subcommand)]
    Link(link::Link),
    /// Texts to one card, a selection, a segment or all holders of a program.
    #[command(subcommand)]
    Message(Box<message::Message>),
    /// Topics of Firebase: something is said to everybody whose app subscribed.
    #[command(subcommand)]
    Topic(topic::Topic),
    /// Show what happened to a customer or a card.
    Timeline(timeline::Timeline),
    /// Check that no ledger was changed since it was sealed and that every balance is the sum of its ledger. Fails when
    /// something does not fit, and names it.
    Verify(verify::Verify),
    /// Groups of cards by rule or by list.
    #[command(subcommand)]
    Segment(segment::Segment),
    /// Certificates.
    #[command(subcommand)]
    Certs(Certs),
}

#[derive(Subcommand)]
enum Certs {
    /// Make a development chain that is shaped like Apple's, so that everything runs without an Apple account.
    /// iPhones do not accept passes signed with it.
    Dev {
        /// Folder for the files; existing files are never overwritten.
        #[arg(long, default_value = "data/dev-certs")]
        out: PathBuf,
        #[arg(long, default_value = "pass.example.passgate")]
        pass_type: String,
        #[arg(long, default_value = "PASSGATE01")]
        team: String,
    },
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("passgate: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    // The command runs on a worker thread: the main thread's own future would be served less promptly.
    let result = runtime.block_on(async { tokio::spawn(execute(arguments.command)).await });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("passgate: {}", sentence(&error));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("passgate: stopped by a fault of its own: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes, each said once: many of ours name their cause themselves.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

async fn execute(command: Command) -> Result<()> {
    match command {
        Command::Serve { config } => serve(config).await,
        Command::Bridge { config } => bridge(config).await,
        Command::Demo { once, directory } => demo::run(once, directory).await,
        Command::Setup(setup) => setup.run().await,
        Command::Issue(issue) => issue.run().await,
        Command::Station(station) => station.run().await,
        Command::Member(member) => member.run().await,
        Command::Program(program) => program.run().await,
        Command::Card(card) => card.run().await,
        Command::Code(code) => code.run().await,
        Command::Seed(seed) => seed.run().await,
        Command::Invitation(invitation) => invitation.run().await,
        Command::Customer(customer) => customer.run().await,
        Command::Field(field) => field.run().await,
        Command::Import(import) => import.run().await,
        Command::Export(export) => export.run().await,
        Command::Counts(counts) => counts.run().await,
        Command::Offer(offer) => offer.run().await,
        Command::Promotion(promotion) => promotion.run().await,
        Command::Campaign(campaign) => campaign.run().await,
        Command::Consent(consent) => consent.run().await,
        Command::Feedback(feedback) => feedback.run().await,
        Command::Referral(referral) => referral.run().await,
        Command::Policy(policy) => policy.run().await,
        Command::Job(job) => job.run().await,
        Command::Link(link) => link.run().await,
        Command::Message(message) => message.run().await,
        Command::Topic(topic) => topic.run().await,
        Command::Timeline(timeline) => timeline.run().await,
        Command::Verify(verify) => verify.run().await,
        Command::Segment(segment) => segment.run().await,
        Command::Certs(Certs::Dev { out, pass_type, team }) => certs_dev(&out, &pass_type, &team),
    }
}

async fn serve(path: Option<PathBuf>) -> Result<()> {
    let config = Config::load(path.as_deref())?;
    let metrics = telemetry::init(&config.log.level, log_format(&config.log))?;
    let mut gateway = Gateway::start(&config, Clock::System, Ids::random(), metrics).await?;
    let outcome = tokio::select! {
        signal = stop_signal() => signal,
        ended = gateway.ended() => Err(ended.into()),
    };
    tracing::info!("stopping");
    gateway.stop().await;
    outcome
}

async fn bridge(path: Option<PathBuf>) -> Result<()> {
    let config = Config::load(path.as_deref())?;
    let metrics = telemetry::init(&config.log.level, log_format(&config.log))?;
    let _watched = match config.bridge.metrics_listen {
        Some(address) => Some(watched::start(address, metrics)?),
        None => None,
    };
    let bridge = Bridge::start(&config.bridge, Clock::System, Ids::random())?;
    stop_signal().await?;
    tracing::info!("stopping");
    bridge.stop().await;
    Ok(())
}

fn certs_dev(out: &Path, pass_type: &str, team: &str) -> Result<()> {
    let pass_type = pass_type.parse().context("--pass-type")?;
    let chain = dev_chain::write_pass_chain(out, &pass_type, team, Clock::System.now())?;
    let quoted = |path: &Path| toml::Value::from(path.display().to_string());
    println!(
        "Made a development chain. A reader of its passes must trust {}.",
        chain.root.display()
    );
    println!("Two changes make a copy of docs/passgate.example.toml use it.");
    println!("Put this line in place of the one that begins with `intermediates`:");
    println!();
    println!("intermediates = {}", quoted(out));
    println!();
    println!("and these at the end of the file:");
    println!();
    println!("[[apple.pass_types]]");
    println!("certificate = {}", quoted(&chain.certificate));
    println!("key = {}", quoted(&chain.key));
    Ok(())
}

/// The use cases on the configured store, for commands that work beside a running gateway.
async fn open(config: &Config) -> Result<Ops> {
    let store = Store::open(&config.store.url, config.store.connections).await?;
    store.migrate().await?;
    Ok(Ops {
        store,
        clock: Clock::System,
        ids: Ids::random(),
    })
}

/// A name in an argument: anything but nothing.
fn filled(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        bail!("expected some text; got nothing");
    }
    Ok(text.to_owned())
}

fn log_format(log: &config::Log) -> telemetry::Format {
    match log.format {
        config::LogFormat::Text => telemetry::Format::Text,
        config::LogFormat::Json => telemetry::Format::Json,
    }
}

/// Returns when the process is asked to stop (Ctrl-C, SIGTERM).
pub(crate) async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
