//! Reading the timeline of a customer, merged from their own events and those of all their cards, or of one card.

use std::collections::HashMap;

use crate::domain::event::Subject;
use crate::domain::id::{EventId, MerchantId};
use crate::domain::secret::MasterKey;
use crate::domain::timeline::cursor::{self, CursorError, Of};
use crate::domain::timeline::{self, Filter, MOST_CHAINS, Page, Place};
use crate::ops::Ops;
use crate::store::timeline::{self as store, Entry};
use crate::store::{Error, Tx};

/// Rows on one page at most.
pub const LARGEST_PAGE: usize = 200;
/// Rows of a chain that are read at once.
const READ: usize = 32;
/// New events are counted up to here.
pub const MOST_NEWER: usize = 1000;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum TimelineError {
    #[error("there is no such customer or card")]
    NotFound,
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error("size: expected 1 to {LARGEST_PAGE}; got {got}")]
    Size { got: usize },
    #[error("customer: expected at most {most} cards; got more. Ask for the timeline of one card", most = MOST_CHAINS - 1)]
    TooManyCards,
    #[error(transparent)]
    Store(#[from] Error),
}

/// One page of a timeline, newest first.
#[derive(Debug, Clone)]
pub struct TimelinePage {
    /// Fewer than asked for also where a filter lets little through; only `start_of_history` says that this is all.
    pub rows: Vec<Entry>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing is older than this page.
    pub start_of_history: bool,
    /// Events that came on top since the first page of the walk and that the filter shows.
    pub newer: usize,
    /// There are more of them than were counted.
    pub newer_and_more: bool,
    /// IANA name of the merchant's time zone.
    pub zone: String,
}

impl Ops {
    /// The newest page, or the one that begins at `cursor`.
    pub async fn timeline(
        &self,
        key: &MasterKey,
        merchant: MerchantId,
        of: Subject,
        filter: &Filter,
        cursor: Option<&str>,
        size: usize,
    ) -> Result<TimelinePage, TimelineError> {
        if !(1..=LARGEST_PAGE).contains(&size) {
            return Err(TimelineError::Size { got: size });
        }
        let belongs = Of {
            merchant,
            timeline: of,
            filter,
        };
        let begun = cursor.map(|text| cursor::parse(key, belongs, text)).transpose()?;
        let read = self.store.read("timeline", |tx| {
            let (begun, filter) = (begun.clone(), filter.clone());
            Box::pin(async move { page(tx, merchant, of, filter, begun, size).await })
        });
        let (rows, places, newer, zone) = read.await?;
        Ok(TimelinePage {
            rows,
            cursor: cursor::print(key, belongs, &places),
            start_of_history: timeline::is_start(&places),
            newer: newer.min(MOST_NEWER),
            newer_and_more: newer > MOST_NEWER,
            zone,
        })
    }
}

async fn page(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    of: Subject,
    filter: Filter,
    begun: Option<Vec<Place>>,
    size: usize,
) -> Result<(Vec<Entry>, Vec<Place>, usize, String), TimelineError> {
    let limit = i64::try_from(MOST_CHAINS).unwrap_or(i64::MAX);
    let (tops, zone) = store::tops(tx, merchant, of, limit)
        .await?
        .ok_or(TimelineError::NotFound)?;
    if tops.len() > MOST_CHAINS {
        return Err(TimelineError::TooManyCards);
    }
    let newer = match &begun {
        Some(places) => newer(tx, merchant, &filter, places, &tops).await?,
        None => 0,
    };
    let places = begun.unwrap_or(tops);
    let chains: Vec<Subject> = places.iter().map(|place| place.chain).collect();
    let mut page = Page::new(places, filter, size);
    let read = i64::try_from(size.min(READ)).unwrap_or(i64::MAX);
    while let Some((at, from)) = page.wants() {
        let mut rows = store::entries(tx, merchant, from, read).await?;
        // Whatever the rows say, a timeline shows its own.
        let whole = rows.len();
        rows.retain(|entry| Some(entry.event.event.subject) == chains.get(at).copied());
        if rows.len() != whole {
            return Err(Error::inconsistent("a chain of one card or person", "an event of another").into());
        }
        page.feed(at, rows);
    }
    let (mut rows, places) = page.finish();
    store::name_messages(tx, merchant, &mut rows).await?;
    Ok((rows, places, newer, zone))
}

/// How many events that the filter shows are above the tops of `places` now; one more than [`MOST_NEWER`] for more.
async fn newer(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    filter: &Filter,
    places: &[Place],
    tops: &[Place],
) -> Result<usize, Error> {
    let known: HashMap<Subject, Option<EventId>> =
        places.iter().map(|place| (place.chain, place.top)).collect();
    let mut count = 0;
    for now in tops {
        let then = known.get(&now.chain).copied().flatten();
        let Some(top) = now.top.filter(|top| Some(*top) != then) else {
            continue;
        };
        let left = MOST_NEWER + 1 - count;
        let kinds = store::newer(tx, merchant, top, then, i64::try_from(left).unwrap_or(i64::MAX)).await?;
        count += kinds.into_iter().filter(|kind| filter.shows(*kind)).count();
        if count > MOST_NEWER {
            break;
        }
    }
    Ok(count)
}
