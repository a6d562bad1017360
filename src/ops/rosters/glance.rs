//! Which rows a list has at this moment, without what they say: for pages that are open and only want to know whether
//! something has come or moved.

use super::{Query, Rosters};
use crate::domain::id::{CardId, MerchantId};
use crate::ops::segments::SegmentError;

/// The rows of one page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    pub cards: Vec<CardId>,
    /// All rows, on all pages.
    pub total: usize,
}

impl Rosters {
    /// The rows of a page. None while there is no roster: the store is not to be asked again and again.
    pub async fn glance(&self, merchant: MerchantId, query: &Query) -> Result<Option<Glance>, SegmentError> {
        let (among, _) = self.among(merchant, query).await?;
        let resolved = self
            .ops
            .resolve(merchant, query.viewer, &query.target, among.as_deref())
            .await?
            .only(query.only.as_ref());
        let Some(held) = self.current(merchant, &resolved).await? else {
            return Ok(None);
        };
        let Query {
            order,
            edge,
            size,
            each,
            ..
        } = query.clone();
        let page = held
            .ask(move |roster| {
                roster.page_of_each(&resolved.plan, each, order, &edge, size, resolved.context.now)
            })
            .await?;
        Ok(Some(Glance {
            cards: page.places.iter().map(|place| place.card).collect(),
            total: page.total,
        }))
    }
}
