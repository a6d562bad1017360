//! Where a customer lives, as far as clocks go: quiet hours follow it.

use jiff::tz::TimeZone;

use crate::domain::detail::Detail;
use crate::domain::event::{Actor, EventKind, NewEvent, Source, Subject};
use crate::domain::id::{CustomerId, MerchantId};
use crate::ops::Ops;
use crate::store::{Error, consents, customers, events};

/// Why a zone is not kept.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    #[error("expected a time zone such as Europe/Berlin; got {0:?}")]
    Unknown(String),
    #[error("this merchant has no such customer")]
    NotFound,
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    /// Keeps the zone whose clock a customer goes by, or forgets it; the merchant's counts then. Whether it was another
    /// one before.
    pub async fn set_customer_zone(
        &self,
        merchant: MerchantId,
        customer: CustomerId,
        zone: Option<&str>,
        (actor, source): (Actor, Source),
    ) -> Result<bool, ZoneError> {
        if let Some(zone) = zone.filter(|zone| TimeZone::get(zone).is_err()) {
            return Err(ZoneError::Unknown(zone.chars().take(60).collect()));
        }
        let (zone, now) = (zone.map(str::to_owned), self.clock.now());
        self.store
            .write("set_customer_zone", move |tx| {
                let zone = zone.clone();
                Box::pin(async move {
                    let mut person = consents::person_for_update(tx, merchant, customer)
                        .await?
                        .ok_or(ZoneError::NotFound)?;
                    if !customers::set_zone(tx, (merchant, customer), zone.as_deref()).await? {
                        return Ok(false);
                    }
                    let detail = Detail::Fields {
                        names: vec!["zone".into()],
                    };
                    let event = NewEvent {
                        source,
                        ..NewEvent::new(Subject::Customer(customer), EventKind::ProfileEdited, actor, now)
                    };
                    let event = event.with_detail(detail);
                    let newest =
                        events::append_of_customer(tx, merchant, person.last_event, &event, now).await?;
                    person.last_event = Some(newest);
                    consents::save(tx, merchant, &person).await?;
                    Ok(true)
                })
            })
            .await
    }
}
