//! `passgate demo`: the whole walk on one machine, with simulated phones, scanner and reader, and stand-ins for
//! APNs and Google that speak the real protocols on real sockets.
//!
//! Needs no account, no hardware and no root. `--once` runs the walk, checks every step and says which one failed.

mod live;
mod regulars;
mod report;
mod stage;
mod tour;
mod walk;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::app::seed::{self, Seeding};
use crate::telemetry;
use report::Report;
use stage::Stage;

/// Customers besides those who walk.
const REGULARS: usize = 2000;

/// Runs the demo in `directory`, or in a new one that goes when the demo ends.
pub async fn run(once: bool, directory: Option<PathBuf>) -> Result<()> {
    if let Some(directory) = &directory
        && directory.read_dir().is_ok_and(|mut files| files.next().is_some())
    {
        bail!(
            "--directory: expected a new or empty folder; {} holds files already: remove them or name another",
            directory.display()
        );
    }
    let metrics = telemetry::init("error", telemetry::Format::Text)?;
    let temporary = match &directory {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("passgate-demo-").tempdir()?),
    };
    let directory = match (&temporary, directory) {
        (Some(temporary), _) => temporary.path().to_path_buf(),
        (None, Some(directory)) => directory,
        (None, None) => PathBuf::from("."),
    };
    let mut report = Report::new();
    let mut stage = Stage::set(&directory, metrics)
        .await
        .context("the demo cannot be set up")?;
    report.line(&format!("Everything is in {}", directory.display()));
    report.line(stage.reader.describe());
    report.line(&stage.invitation());
    if !once {
        // Somebody to look at in the console besides those who walk.
        let seeding = Seeding {
            merchant: stage.merchant,
            customers: REGULARS,
            seed: 1,
        };
        let ops = stage.gateway.as_ref().map(|gateway| gateway.ops.clone());
        if let Some(ops) = ops {
            let seeded = seed::run(&ops, seeding, |_| {}).await?;
            report.line(&format!(
                "{} more customers have a history of two years",
                seeded.customers
            ));
        }
    }
    let walked = walk::run(&mut stage, &mut report).await;
    let result = match walked {
        Ok(()) if once => Ok(()),
        Ok(()) => match tour::print(&stage, &report).await {
            Ok(()) => live::run(&mut stage, &mut report).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    stage.strike().await;
    result
}
