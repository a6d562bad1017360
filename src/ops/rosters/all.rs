//! Everything on a list at once, for what leaves as a file.

use crate::domain::id::{CardId, MerchantId};
use crate::domain::segment::order::Edge;
use crate::ops::rosters::{Query, Rosters};
use crate::ops::segments::SegmentError;

/// Rows that are put into order in one go.
const STEP: usize = 20_000;

impl Rosters {
    /// The cards of all rows of a list, in its order. Where the query begins is left alone.
    pub async fn cards(&self, merchant: MerchantId, query: &Query) -> Result<Vec<CardId>, SegmentError> {
        let (among, _) = self.among(merchant, query).await?;
        let resolved = self
            .ops
            .resolve(merchant, query.viewer, &query.target, among.as_deref())
            .await?
            .only(query.only.as_ref());
        let mut cards = Vec::new();
        let mut query = Query {
            edge: Edge::First,
            size: STEP,
            ..query.clone()
        };
        let held = self.current(merchant, &resolved).await?;
        loop {
            let (places, has_more) = match &held {
                Some(held) => {
                    let (
                        resolved,
                        Query {
                            order, edge, each, ..
                        },
                    ) = (resolved.clone(), query.clone());
                    let page = std::sync::Arc::clone(held).ask(move |roster| {
                        roster.page_of_each(&resolved.plan, each, order, &edge, STEP, resolved.context.now)
                    });
                    let page = page.await?;
                    (page.places, page.has_more)
                }
                None => {
                    let (places, _, has_more) =
                        self.page_of_store(merchant, resolved.clone(), &query).await?;
                    (places, has_more)
                }
            };
            cards.extend(places.iter().map(|place| place.card));
            match places.into_iter().next_back() {
                Some(last) if has_more => query.edge = Edge::After(last),
                _ => return Ok(cards),
            }
        }
    }
}
