//! People who come by besides those who walk: some with the card on a phone that follows its pushes, all of them scanned at
//! a second till, which speaks the station protocol by itself.

use anyhow::{Context as _, Result};

use crate::app::demo::stage::{Customer, Stage};
use crate::clock::Clock;
use crate::domain::capture::CaptureKind;
use crate::domain::segment::Rule;
use crate::domain::segment::order::{Each, Edge, Order};
use crate::domain::segment::saved::Viewer;
use crate::ops::rosters::{List, Query, Rosters};
use crate::ops::segments::Target;
use crate::store::cards::{self, CardWithProgram};
use crate::wire::{CaptureAnswers, CaptureBatch, CaptureBody};

/// Whom the second till sees: punch cards that are not full.
const WHO: &str = "all(not(status.is.void),punches.under.5,kind.is.punch)";
/// How many of them keep the card on a phone.
const WITH_PHONE: usize = 12;

pub(super) struct Regulars {
    cards: Vec<CardWithProgram>,
    station_key: String,
    next: usize,
    counter: i64,
    _phones: Vec<Customer>,
}

impl Regulars {
    /// Finds people among those who were seeded, and gives some of them phones.
    pub(super) async fn find(stage: &mut Stage) -> Result<Self> {
        let ops = stage.gateway()?.ops.clone();
        let query = Query {
            viewer: Viewer::Operator,
            only: None,
            target: Target::Rule(Rule::parse(WHO).context("the rule of the regulars")?),
            among: None,
            search: None,
            order: Order::parse("-joined").context("an order")?,
            edge: Edge::First,
            size: 200,
            each: Each::Card,
        };
        let merchant = stage.merchant;
        let List { lines, .. } = Rosters::start(&ops, 0).list(merchant, &query).await?;
        let keys: Vec<_> = lines.iter().map(|line| (merchant, line.card)).collect();
        let keys = std::sync::Arc::new(keys);
        let cards = ops
            .store
            .read("regulars", move |tx| {
                let keys = std::sync::Arc::clone(&keys);
                Box::pin(async move { cards::cards(tx, &keys).await })
            })
            .await?;
        let location = ops.create_location(merchant, "Station Road".into()).await?;
        let station = ops.create_station(merchant, location, "Till 2".into()).await?;
        let mut phones = Vec::new();
        for card in cards.iter().take(WITH_PHONE) {
            let customer = stage.with_phone(card.clone())?;
            customer.add_card(&stage.http).await?;
            stage.listen(&customer);
            phones.push(customer);
        }
        Ok(Self {
            cards,
            station_key: station.key,
            next: 0,
            counter: 0,
            _phones: phones,
        })
    }

    /// One of them buys something at the second till; returns what the till says.
    pub(super) async fn come_by(&mut self, stage: &Stage) -> Result<String> {
        // Every third has a phone, so that pushes and fetches go on too.
        self.next += 1;
        let at = if self.next.is_multiple_of(3) {
            self.next / 3 % WITH_PHONE
        } else {
            WITH_PHONE + self.next
        };
        let Some(card) = self.cards.get(at % self.cards.len().max(1)) else {
            return Ok("nobody comes by".into());
        };
        self.counter += 1;
        let batch = CaptureBatch {
            captures: vec![CaptureBody {
                counter: self.counter,
                kind: CaptureKind::Barcode,
                token: card.card.token.expose().to_owned(),
                captured_at: Clock::System.now(),
                amount: None,
            }],
        };
        let response = stage
            .http
            .post(format!("{}/api/station/captures", stage.config.server.public_url))
            .bearer_auth(&self.station_key)
            .json(&batch)
            .send()
            .await?;
        let answers: CaptureAnswers = response.error_for_status()?.json().await?;
        let said = answers.answers.into_iter().next().map(|answer| answer.sentence);
        Ok(said.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_the_regulars_is_one() {
        assert!(Rule::parse(WHO).is_ok());
    }
}
