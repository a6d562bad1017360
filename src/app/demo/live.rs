//! After the walk the demo stays open: customers come and go until it is stopped, so that the console has something
//! to show.

use std::time::Duration;

use anyhow::Result;

use crate::app::demo::regulars::Regulars;
use crate::app::demo::report::Report;
use crate::app::demo::stage::Stage;
use crate::cli::stop_signal;

/// Between two customers, at one till or the other.
const PAUSE: Duration = Duration::from_secs(2);
/// The demo ends by itself after so many customers.
const LONGEST: usize = 10_000;
/// Every so many customers, one of those who walked comes back, to the till with the scanner and the reader.
const WALKER: usize = 3;

pub(super) async fn run(stage: &mut Stage, report: &mut Report) -> Result<()> {
    let mut regulars = Regulars::find(stage).await?;
    report.line("Customers come by every few seconds, at two tills; stop with Ctrl-C.");
    let stop = stop_signal();
    tokio::pin!(stop);
    for turn in 0..LONGEST {
        tokio::select! {
            signal = &mut stop => return signal,
            () = tokio::time::sleep(PAUSE) => {}
        }
        if turn % WALKER == 0 {
            walker(stage, report, turn / WALKER).await;
        } else {
            // One presentation that goes wrong is told and does not end the demo.
            match regulars.come_by(stage).await {
                Ok(said) => report.line(&format!("Till 2: {said}")),
                Err(error) => report.line(&format!("Till 2: {error:#}")),
            }
        }
    }
    Ok(())
}

async fn walker(stage: &mut Stage, report: &Report, turn: usize) {
    let Some(customer) = stage.customers.get(turn % stage.customers.len().max(1)).cloned() else {
        return;
    };
    let code = customer.card.card.token.expose().to_owned();
    let (how, shown) = if turn.is_multiple_of(2) {
        ("scans", stage.scan(&code))
    } else {
        ("taps", stage.tap(&code).await)
    };
    let answered = match shown {
        Ok(()) => stage.answer().await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(answer) => report.line(&format!("{} {how}: {}", customer.name, answer.sentence)),
        Err(error) => report.line(&format!("{} {how}: {error:#}", customer.name)),
    }
}
