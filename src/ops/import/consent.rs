//! Consents that a file brings along.
//!
//! There is no place for them yet: `domain::import::consent_after` says what a consent is after an import, and this is
//! where it is to be asked, for each person of a chunk, in the transaction that writes them. Until then rows keep their
//! consent to themselves, and the report says how many did.

use crate::domain::id::{BatchId, CustomerId, MerchantId};
use crate::store::{Error, Tx};

/// Notes what a file says of consents; how many of them were left out.
pub(super) async fn note(
    _tx: &mut Tx<'_>,
    _merchant: MerchantId,
    _batch: BatchId,
    wanted: &[(CustomerId, bool)],
) -> Result<usize, Error> {
    Ok(wanted.len())
}
