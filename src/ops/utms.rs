//! Landings: the first one before the install counts for a card. And how many came by each source.

use jiff::tz::TimeZone;

use crate::domain::id::{CardId, MerchantId, ProgramId};
use crate::domain::joins::{self, Joins};
use crate::domain::utm::{self, Utm};
use crate::ops::Ops;
use crate::store::utms::Landing;
use crate::store::{self, Change, Error, cards, utms};

impl Ops {
    /// Notes that the holder of a card landed by a link with these words; whether it counts.
    pub async fn note_landing(&self, merchant: MerchantId, card: CardId, utm: Utm) -> Result<bool, Error> {
        let now = self.clock.now();
        if utm.is_empty() {
            return Ok(false);
        }
        self.store
            .write("note_landing", move |tx| {
                let utm = utm.clone();
                Box::pin(async move {
                    // Locked, so that no install slips in between.
                    let Some(card) = cards::card_for_update(tx, merchant, card).await? else {
                        return Ok(false);
                    };
                    let known = utms::landing(tx, merchant, card.id).await?.is_some();
                    if !utm::counts(card.status, known) {
                        return Ok(false);
                    }
                    tx.announce(Change::Card(merchant, card.id));
                    utms::insert(tx, merchant, card.id, &Landing { utm, at: now }).await
                })
            })
            .await
    }

    /// Where the holder of a card came from.
    pub async fn landing(&self, merchant: MerchantId, card: CardId) -> Result<Option<Landing>, Error> {
        self.store
            .read("landing", move |tx| {
                Box::pin(async move { utms::landing(tx, merchant, card).await })
            })
            .await
    }

    /// Who joined a program in the last weeks, by the sources of their links.
    pub async fn joins(
        &self,
        merchant: MerchantId,
        program: ProgramId,
        zone: &TimeZone,
    ) -> Result<Joins, Error> {
        let weeks = joins::weeks(self.clock.now(), zone);
        let asked = weeks.clone();
        let (totals, counted) = self
            .store
            .read("joins", move |tx| {
                let asked = asked.clone();
                Box::pin(async move { store::joins::joins(tx, merchant, program, &asked).await })
            })
            .await?;
        Ok(Joins::new(&weeks, &totals, &counted))
    }
}
