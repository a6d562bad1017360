//! Consents that a file brings along, written as a set: a row of the timeline, the evidence, and the consent itself.

use std::collections::HashMap;

use crate::domain::consent::{self, Purpose};
use crate::domain::event::{Actor, Source};
use crate::domain::id::{BatchId, CustomerId, MerchantId};
use crate::domain::import::Noted;
use crate::domain::time::Timestamp;
use crate::store::consents::{self, Recorded};
use crate::store::{Error, Tx, events};

/// Notes consents; each person is named once for each purpose, and is locked or new in this transaction.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    by: (Actor, BatchId),
    noted: Vec<(CustomerId, Noted)>,
    now: Timestamp,
) -> Result<(), Error> {
    // A person's timeline takes one row at a time.
    for purpose in Purpose::ALL {
        let of_it = noted.iter().filter(|(_, noted)| noted.purpose == purpose);
        note_one(tx, merchant, by, of_it.cloned().collect(), now).await?;
    }
    Ok(())
}

/// The same where each person is named once.
async fn note_one(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    (actor, batch): (Actor, BatchId),
    noted: Vec<(CustomerId, Noted)>,
    now: Timestamp,
) -> Result<(), Error> {
    if noted.is_empty() {
        return Ok(());
    }
    let ids: Vec<CustomerId> = noted.iter().map(|(customer, _)| *customer).collect();
    let mut noted: HashMap<CustomerId, Noted> = noted.into_iter().collect();
    let (mut people, mut rows) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
    for person in consents::people(tx, merchant, &ids).await? {
        let Some(noted) = noted.remove(&person.customer) else {
            continue;
        };
        let wish = (noted.purpose, noted.given);
        let by = (actor, Source::Import);
        let mut event = consent::told(wish, &noted.evidence, person.customer, by, now);
        event.batch = Some(batch);
        rows.push((person.last_event, event));
        people.push((person, noted));
    }
    let newest = events::append_of_customers(tx, merchant, &rows, now).await?;
    let recorded: Vec<_> = people
        .into_iter()
        .map(|(mut person, noted)| {
            person.last_event = newest.get(&person.customer).copied();
            person.consents = person.consents.with(noted.purpose, noted.given);
            let recorded = Recorded {
                purpose: noted.purpose,
                given: noted.given,
                at: noted.at.unwrap_or(now),
                evidence: noted.evidence,
            };
            (person, recorded)
        })
        .collect();
    consents::record_all(tx, merchant, &recorded).await
}
