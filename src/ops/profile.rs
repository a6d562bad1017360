//! Everything that the profile of a card and its holder shows, read on one snapshot.

use crate::domain::consent::Consents;
use crate::domain::face::CardFace;
use crate::domain::feedback::Rating;
use crate::domain::fetched;
use crate::domain::id::{CardId, CustomerId, MerchantId};
use crate::domain::receipt::Receipt;
use crate::domain::rfm::Seen;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::ops::customers::{self as people, CustomerError, CustomerSheet};
use crate::ops::receipts;
use crate::store::cards::CardWithProgram;
use crate::store::profile::{self, Copies, Counts, Waiting};
use crate::store::promotions::{self, OnCard};
use crate::store::utms::{self, Landing};
use crate::store::{cards, consents, erasure, events, segment_rules, windows};

/// Rows of the ledger that are taken off to say what a phone shows; a card that is further behind is not drawn.
const REACH: i64 = 64;

/// A card, its holder, and what is known of both.
#[derive(Debug, Clone)]
pub struct Profile {
    pub card: CardWithProgram,
    pub person: CustomerSheet,
    /// The phones that hold it in Apple Wallet.
    pub devices: Vec<Receipt>,
    /// Browsers and apps that listen to it.
    pub copies: Vec<Copies>,
    /// What is to be sent still.
    pub waiting: Vec<Waiting>,
    pub counts: Counts,
    pub rating: Rating,
    pub consents: Consents,
    /// The campaign words that brought the holder.
    pub landing: Option<Landing>,
    /// What its place in the grid of recency and frequency is called.
    pub cell: &'static str,
    pub promotions: Vec<OnCard>,
    /// When the holder will be erased.
    pub erased_at: Option<Timestamp>,
    /// What the phone shows that fetched last.
    pub fetched: Option<LastFetch>,
}

/// What a phone fetched.
#[derive(Debug, Clone)]
pub struct LastFetch {
    pub at: Timestamp,
    /// The card as the phone shows it; none where too much has happened since.
    pub face: Option<CardFace>,
    /// Rows of the ledger that it has not seen.
    pub newer: usize,
}

impl Profile {
    /// Whether the phone shows the card as it is.
    pub fn is_current(&self) -> bool {
        let changed_at = self.card.card.changed_at;
        self.fetched
            .as_ref()
            .is_some_and(|fetch| fetch.at >= changed_at || fetch.newer == 0)
    }
}

impl Ops {
    /// The profile of a card; none where the merchant has no such card.
    pub async fn profile(
        &self,
        merchant: MerchantId,
        card: CardId,
    ) -> Result<Option<Profile>, CustomerError> {
        let now = self.clock.now();
        self.store
            .read("profile", move |tx| {
                Box::pin(async move {
                    let Some(found) = cards::card(tx, merchant, card).await? else {
                        return Ok(None);
                    };
                    let customer = found.card.customer;
                    let person = people::sheet(tx, merchant, customer).await?;
                    let engaged = consents::person(tx, merchant, customer).await?;
                    let devices = receipts::of_card(tx, merchant, card).await?;
                    let program = (merchant, found.card.program);
                    let rules = segment_rules::of_programs(tx, &[program]).await?;
                    let rules = rules
                        .get(&program)
                        .map(|counting| counting.rules)
                        .unwrap_or_default();
                    let newest = found.card.last_event;
                    let seen = Seen {
                        visits: found.card.visits,
                        last_visit_at: found.card.last_visit_at,
                        recent: windows::of_ledger(tx, merchant, newest, rules.window, now).await?,
                    };
                    let cell = rules.grid.cell(&seen, now);
                    let history = match found.card.last_event {
                        Some(newest) => events::history(tx, merchant, newest, REACH).await?,
                        None => Vec::new(),
                    };
                    let fetched_at = devices.iter().filter_map(|device| device.fetched_at).max();
                    let fetched = fetched_at.map(|at| {
                        let then = fetched::at(&found.card, &found.of.program.rules, &history, at);
                        let newer = then.as_ref().map_or(history.len(), |then| then.newer);
                        let face = then.map(|then| {
                            let card = then.card;
                            CardWithProgram {
                                card,
                                ..found.clone()
                            }
                            .face()
                        });
                        LastFetch { at, face, newer }
                    });
                    Ok(Some(Profile {
                        person,
                        devices,
                        copies: profile::copies(tx, merchant, card).await?,
                        waiting: profile::waiting(tx, merchant, card).await?,
                        counts: profile::counts(tx, merchant, card, newest).await?,
                        rating: engaged.as_ref().map(|person| person.rating).unwrap_or_default(),
                        consents: engaged.map(|person| person.consents).unwrap_or_default(),
                        landing: utms::landing(tx, merchant, card).await?,
                        cell: rules.grid.name(cell),
                        promotions: promotions::on_card(tx, merchant, card, now).await?,
                        erased_at: erasure::due_at(tx, merchant, customer).await?,
                        fetched,
                        card: found,
                    }))
                })
            })
            .await
    }

    /// When a person will be erased, if that was asked for.
    pub async fn erasure_due(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
    ) -> Result<Option<Timestamp>, crate::store::Error> {
        self.store
            .read("erasure_due", move |tx| {
                Box::pin(async move { erasure::due_at(tx, merchant, customer).await })
            })
            .await
    }
}
