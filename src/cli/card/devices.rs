//! `passgate card devices`: which phones hold a card, and how far its last push has come with each.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use jiff::tz::TimeZone;

use crate::cli::open;
use crate::config::Config;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;

#[derive(Args)]
pub(in crate::cli) struct Devices {
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    #[arg(long)]
    card: CardId,
}

impl Devices {
    pub(in crate::cli) async fn run(self) -> Result<()> {
        let ops = open(&Config::load(self.config.as_deref())?).await?;
        let devices = ops.card_devices(self.merchant, self.card).await?;
        if devices.is_empty() {
            println!("no phone is registered for card {}", self.card);
        }
        for device in &devices {
            print!("{}", lines(device));
        }
        Ok(())
    }
}

/// One device as text; times in UTC.
fn lines(device: &Receipt) -> String {
    let mut text = format!("{}  {}\n", device.device.as_str(), device.progress().as_str());
    let mut add = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            let at = at.to_jiff().to_zoned(TimeZone::UTC);
            text.push_str(&format!("  {name:<11}{}\n", at.strftime("%Y-%m-%d %H:%M:%S")));
        }
    };
    add("registered", Some(device.registered_at));
    add("queued", device.queued_at);
    add("accepted", device.accepted_at);
    add("asked", device.asked_at);
    add("fetched", device.fetched_at);
    add("told again", device.look_at);
    if let Some(time) = device.time_to_fetch() {
        text.push_str(&format!("  took       {:.1} s\n", time.as_secs_f64()));
    }
    if device.unanswered > 0 {
        text.push_str(&format!("  silent to  {} more pushes\n", device.unanswered));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{DeviceLibraryIdentifier, PassTypeIdentifier};

    #[test]
    fn a_device_is_told_step_by_step() {
        let device = Receipt {
            pass_type_identifier: PassTypeIdentifier::parse("pass.example").expect("valid"),
            device: DeviceLibraryIdentifier::parse("phone").expect("valid"),
            registered_at: Timestamp(0),
            queued_at: Some(Timestamp(60_000)),
            told_at: Some(Timestamp(60_100)),
            accepted_at: Some(Timestamp(60_200)),
            asked_at: Some(Timestamp(61_000)),
            fetched_at: Some(Timestamp(61_500)),
            unanswered: 0,
            look_at: None,
        };
        assert_eq!(
            lines(&device),
            "phone  fetched\n  registered 1970-01-01 00:00:00\n  queued     1970-01-01 00:01:00\n  \
             accepted   1970-01-01 00:01:00\n  asked      1970-01-01 00:01:01\n  \
             fetched    1970-01-01 00:01:01\n  took       1.5 s\n"
        );
    }
}
