//! The id of a job that a page may start: made with the page and sealed, so that pressing twice starts one job and nobody
//! makes up an id.

use std::time::Duration;

use crate::domain::id::{BatchId, MerchantId};
use crate::web::Web;

/// How long a page's form can be sent.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// Hexadecimal digits of the seal.
const SEAL: usize = 32;

fn seal(web: &Web, merchant: MerchantId, batch: BatchId, until: i64) -> String {
    let input = format!("{merchant} {batch} {until}");
    let mut digits = hex::encode(web.master.derive("job ticket", input.as_bytes()));
    digits.truncate(SEAL);
    digits
}

/// A ticket for one job of a merchant.
pub(super) fn make(web: &Web, merchant: MerchantId) -> String {
    let now = web.ops.clock.now();
    let batch = BatchId(web.ops.ids.next(now));
    let until = now.plus(GOOD_FOR).0;
    format!("{batch}.{until}.{}", seal(web, merchant, batch, until))
}

/// The job that a ticket is for; none for one that is too old or not ours.
pub(super) fn read(web: &Web, merchant: MerchantId, ticket: &str) -> Option<BatchId> {
    let mut parts = ticket.splitn(3, '.');
    let batch = parts.next()?.parse().ok()?;
    let until: i64 = parts.next()?.parse().ok()?;
    let given = parts.next()?;
    let expected = seal(web, merchant, batch, until);
    let is_ours = given.len() == expected.len() && openssl::memcmp::eq(given.as_bytes(), expected.as_bytes());
    (is_ours && web.ops.clock.now().0 <= until).then_some(batch)
}
