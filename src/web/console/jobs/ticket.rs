//! The id of a job that a page may start: made with the page and sealed, so that pressing twice starts one job and nobody
//! makes up an id. The seal covers what the page was about and how many cards it showed, so that a number which somebody
//! was asked to type cannot be that of another selection.

use std::time::Duration;

use crate::domain::id::{BatchId, MerchantId};
use crate::web::Web;

/// How long a page's form can be sent.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// Hexadecimal digits of the seal.
const SEAL: usize = 32;

/// What a ticket was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) batch: BatchId,
    /// How many cards the page said it would be done to.
    pub(super) able: i64,
}

fn seal(web: &Web, merchant: MerchantId, ticket: Ticket, until: i64, about: &str) -> String {
    let Ticket { batch, able } = ticket;
    let input = format!("{merchant} {batch} {until} {able} {about}");
    let mut digits = hex::encode(web.master.derive("job ticket", input.as_bytes()));
    digits.truncate(SEAL);
    digits
}

/// A ticket for one job of a merchant, done as `about` says to `able` cards.
pub(super) fn make(web: &Web, merchant: MerchantId, about: &str, able: i64) -> String {
    let now = web.ops.clock.now();
    let batch = BatchId(web.ops.ids.next(now));
    let until = now.plus(GOOD_FOR).0;
    let ticket = Ticket { batch, able };
    format!(
        "{batch}.{until}.{able}.{}",
        seal(web, merchant, ticket, until, about)
    )
}

/// What a ticket is for; none for one that is too old, not ours, or about something else.
pub(super) fn read(web: &Web, merchant: MerchantId, about: &str, text: &str) -> Option<Ticket> {
    let mut parts = text.splitn(4, '.');
    let batch = parts.next()?.parse().ok()?;
    let until: i64 = parts.next()?.parse().ok()?;
    let able = parts.next()?.parse().ok()?;
    let given = parts.next()?;
    let ticket = Ticket { batch, able };
    let expected = seal(web, merchant, ticket, until, about);
    let is_ours = given.len() == expected.len() && openssl::memcmp::eq(given.as_bytes(), expected.as_bytes());
    (is_ours && web.ops.clock.now().0 <= until).then_some(ticket)
}
