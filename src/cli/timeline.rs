//! `passgate timeline`: what happened to a customer or a card, newest first.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;

use crate::app::secrets;
use crate::cli::open;
use crate::clock::Ids;
use crate::config::Config;
use crate::domain::detail::Detail;
use crate::domain::event::{Actor, Subject};
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::timeline::{EntryType, Filter};
use crate::ops::timeline::{TimelineError, TimelinePage};
use crate::store::timeline::Entry;

#[derive(Args)]
pub(super) struct Timeline {
    /// A customer, whose cards are shown together, or one card.
    of: String,
    #[arg(long, short, env = "PASSGATE_CONFIG")]
    config: Option<PathBuf>,
    #[arg(long)]
    merchant: MerchantId,
    /// Only lines of this type, such as customer_scanned or reward_redeemed; may be given several times.
    #[arg(long = "type", value_parser = entry_type)]
    types: Vec<EntryType>,
    /// Lines on a page.
    #[arg(long, default_value_t = 50)]
    size: usize,
    /// Go on where an earlier page ended; with the same types.
    #[arg(long)]
    cursor: Option<String>,
}

impl Timeline {
    pub(super) async fn run(self) -> Result<()> {
        let config = Config::load(self.config.as_deref())?;
        let key = secrets::master_key(&config.secrets.master_key_file, &Ids::random())?;
        let ops = open(&config).await?;
        let card: CardId = self.of.parse()?;
        let filter = Filter::types(self.types);
        let cursor = self.cursor.as_deref();
        // A customer and a card are never called the same.
        let customer = Subject::Customer(CustomerId(card.0));
        let page = match ops
            .timeline(&key, self.merchant, customer, &filter, cursor, self.size)
            .await
        {
            Err(TimelineError::NotFound) => {
                let of = Subject::Card(card);
                ops.timeline(&key, self.merchant, of, &filter, cursor, self.size)
                    .await?
            }
            // The cursor may be one of the card's.
            Err(TimelineError::Cursor(refused)) => {
                let of = Subject::Card(card);
                let page = ops
                    .timeline(&key, self.merchant, of, &filter, cursor, self.size)
                    .await;
                page.map_err(|_| refused)?
            }
            other => other?,
        };
        print(&page);
        Ok(())
    }
}

fn entry_type(text: &str) -> Result<EntryType> {
    EntryType::parse(text).ok_or_else(|| {
        let known: Vec<_> = EntryType::ALL.iter().map(|entry| entry.name()).collect();
        anyhow!("expected one of {}; got {text:?}", known.join(", "))
    })
}

fn print(page: &TimelinePage) {
    if page.newer > 0 {
        let more = if page.newer_and_more { " or more" } else { "" };
        println!("{}{more} new on top since the first page", page.newer);
    }
    for entry in &page.rows {
        println!("{}", line(entry, &page.zone));
    }
    if page.start_of_history {
        println!("start of history");
    } else {
        println!("more with --cursor {}", page.cursor);
    }
}

fn line(entry: &Entry, zone: &str) -> String {
    let event = &entry.event.event;
    let instant = event.at.to_jiff();
    let time = match instant.in_tz(zone) {
        Ok(there) => there.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
        Err(_) => instant.to_string(),
    };
    let mut parts = vec![
        time,
        entry.event.id.0.to_string(),
        EntryType::of(event.kind).label().to_owned(),
    ];
    let delta = event.delta;
    let numbers = [
        ("punches", delta.punches),
        ("points", delta.points),
        ("rewards", delta.rewards),
    ];
    parts.extend(
        numbers
            .iter()
            .filter(|(_, number)| *number != 0)
            .map(|(name, number)| format!("{number:+} {name}")),
    );
    if let (true, Some(currency)) = (delta.spend != 0, entry.currency) {
        parts.push(format!("{} {currency}", currency.print(delta.spend)));
    }
    let program = entry.program_name.as_deref();
    let by = match (event.actor, entry.actor_name.as_deref()) {
        (_, Some(name)) => Some(format!("by {name}")),
        (Actor::Station(station), None) => Some(format!("by station {station}")),
        (Actor::Member(member), None) => Some(format!("by member {member}")),
        (Actor::Device, None) => Some("by the holder".to_owned()),
        (Actor::Gateway, None) => None,
    };
    parts.extend(program.map(str::to_owned));
    parts.extend(by);
    parts.extend(entry.location_name.as_ref().map(|place| format!("at {place}")));
    parts.extend(event.reason.as_ref().map(|reason| format!("({reason})")));
    parts.extend(event.batch.map(|batch| format!("batch {batch}")));
    match &event.detail {
        Some(Detail::Push { .. }) => parts.extend(entry.messages.iter().map(|text| format!("{text:?}"))),
        Some(other) => parts.push(other.print()),
        None => {}
    }
    parts.extend(
        entry
            .reversed_by
            .map(|event| format!("taken back by {}", event.0)),
    );
    parts.join("  ")
}
