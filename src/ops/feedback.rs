//! Feedback: given by the holder after a visit, read by staff.

use jiff::tz::TimeZone;

use crate::domain::event::Actor;
use crate::domain::feedback::{self, Feedback, FeedbackRefusal, Period, PeriodError, Rating};
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::ops::captures::NEIGHBOURS;
use crate::ops::{Ops, engagement};
use crate::store::feedback::{Cursor, Given, Wanted};
use crate::store::{Error, campaigns, cards, events, feedback as stored};

/// Why feedback was not taken or cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    #[error("there is no such card")]
    NotFound,
    #[error("there is no merchant {0}")]
    NoMerchant(MerchantId),
    #[error(transparent)]
    Refused(#[from] FeedbackRefusal),
    #[error(transparent)]
    Period(#[from] PeriodError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// What staff ask for.
#[derive(Debug, Clone, Copy)]
pub struct FeedbackFilter {
    /// One person's; none for everybody's.
    pub customer: Option<CustomerId>,
    pub period: Period,
    pub only_comments: bool,
}

/// A page of feedback and the rating over all that was asked for.
#[derive(Debug, Clone)]
pub struct FeedbackPage {
    pub rating: Rating,
    pub given: Vec<Given>,
    /// Where the next page begins; none on the last.
    pub next: Option<Cursor>,
}

impl Ops {
    /// Takes a holder's feedback about the newest visit of their card; once a visit.
    pub async fn give_feedback(
        &self,
        merchant: MerchantId,
        card: CardId,
        feedback: Feedback,
        actor: Actor,
    ) -> Result<EventId, FeedbackError> {
        let now = self.clock.now();
        self.store
            .write("give_feedback", move |tx| {
                let feedback = feedback.clone();
                Box::pin(async move {
                    let card = cards::card_for_update(tx, merchant, card)
                        .await?
                        .ok_or(FeedbackError::NotFound)?;
                    feedback::is_offered(&card)?;
                    let history = match card.last_event {
                        Some(newest) => events::history(tx, merchant, newest, NEIGHBOURS).await?,
                        None => Vec::new(),
                    };
                    let visit = feedback::latest_visit(&history);
                    let event = feedback::given(&card, &feedback, visit, actor, now)?;
                    if stored::exists(tx, merchant, card.id, visit).await? {
                        return Err(FeedbackRefusal::AlreadyGiven.into());
                    }
                    let (card, ids) = engagement::note(tx, card, &[event], now).await?;
                    let [event] = ids[..] else {
                        return Err(Error::inconsistent("one event", ids.len()).into());
                    };
                    let given = Given {
                        customer: card.customer,
                        event,
                        card: card.id,
                        visit,
                        feedback,
                        at: now,
                    };
                    stored::insert(tx, merchant, &given).await?;
                    Ok(event)
                })
            })
            .await
    }

    /// A page of at most `limit`, newest first, by the calendar of the merchant's zone.
    pub async fn feedback(
        &self,
        merchant: MerchantId,
        filter: FeedbackFilter,
        after: Option<Cursor>,
        limit: i64,
    ) -> Result<FeedbackPage, FeedbackError> {
        let now = self.clock.now();
        let limit = limit.clamp(1, 500);
        self.store
            .read("feedback", move |tx| {
                Box::pin(async move {
                    let zone = campaigns::zone(tx, merchant).await?;
                    let zone = zone.ok_or(FeedbackError::NoMerchant(merchant))?;
                    let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
                    let wanted = Wanted {
                        customer: filter.customer,
                        span: filter.period.span(now, &zone)?,
                        only_comments: filter.only_comments,
                    };
                    let rating = stored::rating(tx, merchant, wanted).await?;
                    let after = after.unwrap_or(stored::NEWEST);
                    let mut given = stored::page(tx, merchant, wanted, after, limit + 1).await?;
                    let more = i64::try_from(given.len()).is_ok_and(|count| count > limit);
                    if more {
                        given.pop();
                    }
                    let next = given.last().filter(|_| more).map(|last| (last.at, last.event));
                    Ok(FeedbackPage { rating, given, next })
                })
            })
            .await
    }
}
