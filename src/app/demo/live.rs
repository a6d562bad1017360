//! After the walk the demo stays open: customers come and go until it is stopped, so that the console has something
//! to show.

use std::time::Duration;

use anyhow::Result;

use crate::app::demo::report::Report;
use crate::app::demo::stage::Stage;
use crate::cli::stop_signal;

/// Between two customers at the till.
const PAUSE: Duration = Duration::from_secs(4);
/// The demo ends by itself after so many customers.
const LONGEST: usize = 5000;

pub(super) async fn run(stage: &mut Stage, report: &mut Report) -> Result<()> {
    report.line("A customer comes by every few seconds; stop with Ctrl-C.");
    let stop = stop_signal();
    tokio::pin!(stop);
    for turn in 0..LONGEST {
        tokio::select! {
            signal = &mut stop => return signal,
            () = tokio::time::sleep(PAUSE) => {}
        }
        let Some(customer) = stage.customers.get(turn % stage.customers.len().max(1)).cloned() else {
            return Ok(());
        };
        let code = customer.card.card.token.expose().to_owned();
        // One presentation that goes wrong is told and does not end the demo.
        let (how, shown) = if turn % 2 == 0 {
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
    Ok(())
}
