//! Seals: a hash chain over a merchant's ledger, so that no row can be changed, lost or slipped in unnoticed.
//!
//! A seal covers the events above the last one of the seal before it, in the order of their ids:
//!
//! ```text
//! digest(event) = SHA-256( 0x01 merchant event card? customer? previous? kind punches points tier_points rewards
//!                          visits spend unpriced redemptions at recorded_at actor actor_id? source location?
//!                          station? counter? batch? reverses? reason? detail? )
//! hash(seal)    = SHA-256( "passgate seal 1" 0x00 merchant number first last count hash-of-the-seal-before
//!                          digest digest … )
//! ```
//!
//! Every number is 64 bits, big endian; a text (kind, actor, source, detail) is its length in bytes as a number and its
//! UTF-8 as stored; what may be missing (?) is 0x00, or 0x01 and the value. The first seal's hash-of-the-seal-before is
//! 32 zeros. Ids in it are ours and stand for nobody once the customer's row is erased.
//!
//! A reason is written by people, who sometimes name other people in it. It goes in as `SHA-256(salt reason)`, with a
//! salt of its own that is stored beside the seal. Forgetting a reason removes text and salt: the digest, and with it
//! the chain, stays as it was, and nobody can find the text again by trying.
//!
//! The chain shows that the ledger is what it was when it was sealed. Whoever can write to the database can also make a
//! whole new chain; against that, keep the newest hash somewhere else.

use openssl::sha::{Sha256, sha256};

use crate::domain::event::Delta;
use crate::domain::id::{EventId, MerchantId};
use crate::domain::time::Timestamp;

/// A SHA-256.
pub type Digest = [u8; 32];

/// What stands before the first seal.
pub const NOTHING: Digest = [0; 32];

/// Bytes of a mark: an event's id and the beginning of its digest.
const MARK: usize = 16;

/// A row of the ledger as it is stored, words and all, so that one that makes no sense can be named too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    pub id: EventId,
    pub card: Option<i64>,
    pub customer: Option<i64>,
    pub previous: Option<i64>,
    pub kind: String,
    pub delta: Delta,
    pub at: i64,
    pub recorded_at: i64,
    pub actor: String,
    pub actor_id: Option<i64>,
    pub source: String,
    pub location: Option<i64>,
    pub station: Option<i64>,
    pub counter: Option<i64>,
    pub batch: Option<i64>,
    pub reverses: Option<i64>,
    pub reason: Option<String>,
    pub detail: Option<String>,
}

/// What is kept beside a seal of a reason in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedReason {
    /// None once the reason has been forgotten.
    pub salt: Option<Vec<u8>>,
    pub digest: Vec<u8>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub number: i64,
    pub first: EventId,
    pub last: EventId,
    pub events: i64,
    pub previous_hash: Digest,
    pub hash: Digest,
    /// 16 bytes an event, in order: its id and the first 8 bytes of its digest.
    pub marks: Vec<u8>,
    pub sealed_at: Timestamp,
}

/// The digest of a reason under its salt.
pub fn reason_digest(salt: &[u8], reason: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(reason.as_bytes());
    hash.finish()
}

/// The digest of an event whose reason, if it has one, has the digest `reason`.
pub fn event_digest(merchant: MerchantId, row: &LedgerRow, reason: Option<&[u8]>) -> Digest {
    let delta = row.delta;
    let mut bytes = Bytes(Vec::with_capacity(320));
    bytes.0.push(1);
    bytes.number(merchant.0);
    bytes.number(row.id.0);
    bytes.maybe(row.card);
    bytes.maybe(row.customer);
    bytes.maybe(row.previous);
    bytes.text(&row.kind);
    for number in [
        delta.punches,
        delta.points,
        delta.tier_points,
        delta.rewards,
        delta.visits,
        delta.spend,
        delta.unpriced,
        delta.redemptions,
        row.at,
        row.recorded_at,
    ] {
        bytes.number(number);
    }
    bytes.text(&row.actor);
    bytes.maybe(row.actor_id);
    bytes.text(&row.source);
    bytes.maybe(row.location);
    bytes.maybe(row.station);
    bytes.maybe(row.counter);
    bytes.maybe(row.batch);
    bytes.maybe(row.reverses);
    bytes.0.push(u8::from(reason.is_some()));
    bytes.0.extend_from_slice(reason.unwrap_or_default());
    bytes.0.push(u8::from(row.detail.is_some()));
    if let Some(detail) = &row.detail {
        bytes.text(detail);
    }
    sha256(&bytes.0)
}

/// The seal number `number` over `events`, which are in order; none without any.
pub fn seal(
    merchant: MerchantId,
    number: i64,
    previous_hash: Digest,
    events: &[(EventId, Digest)],
    sealed_at: Timestamp,
) -> Option<Seal> {
    let (first, _) = events.first()?;
    let (last, _) = events.last()?;
    let mut seal = Seal {
        number,
        first: *first,
        last: *last,
        events: i64::try_from(events.len()).ok()?,
        previous_hash,
        hash: NOTHING,
        marks: Vec::with_capacity(events.len() * MARK),
        sealed_at,
    };
    for (id, digest) in events {
        seal.marks.extend_from_slice(&mark(*id, digest));
    }
    seal.hash = seal.hash_over(merchant, events);
    Some(seal)
}

impl Seal {
    /// What the hash of this seal has to be if it covers `events`.
    pub fn hash_over(&self, merchant: MerchantId, events: &[(EventId, Digest)]) -> Digest {
        let mut hash = Sha256::new();
        hash.update(b"passgate seal 1\0");
        for number in [merchant.0, self.number, self.first.0, self.last.0, self.events] {
            hash.update(&number.to_be_bytes());
        }
        hash.update(&self.previous_hash);
        for (_, digest) in events {
            hash.update(digest);
        }
        hash.finish()
    }

    /// The ids that were sealed, in order.
    pub fn ids(&self) -> impl Iterator<Item = EventId> + '_ {
        self.marks.chunks_exact(MARK).map(id_of)
    }

    /// Whether `digest` is the one that event `id` had when it was sealed; none when it was not sealed here.
    pub fn knows(&self, id: EventId, digest: &Digest) -> Option<bool> {
        let marks: Vec<_> = self.marks.chunks_exact(MARK).collect();
        let at = marks.binary_search_by_key(&id, |known| id_of(known)).ok()?;
        Some(marks[at] == mark(id, digest))
    }
}

fn mark(id: EventId, digest: &Digest) -> [u8; MARK] {
    let mut bytes = [0; MARK];
    bytes[..8].copy_from_slice(&id.0.to_be_bytes());
    bytes[8..].copy_from_slice(&digest[..8]);
    bytes
}

fn id_of(mark: &[u8]) -> EventId {
    let mut id = [0; 8];
    id.copy_from_slice(&mark[..8]);
    EventId(i64::from_be_bytes(id))
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn maybe(&mut self, number: Option<i64>) {
        self.0.push(u8::from(number.is_some()));
        if let Some(number) = number {
            self.number(number);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn row(id: i64, card: i64, previous: Option<i64>, punches: i64) -> LedgerRow {
        LedgerRow {
            id: EventId(id),
            card: Some(card),
            customer: None,
            previous,
            kind: "customer_scanned".into(),
            delta: Delta {
                punches,
                ..Delta::default()
            },
            at: 1,
            recorded_at: 2,
            actor: "gateway".into(),
            actor_id: None,
            source: "rule".into(),
            location: None,
            station: None,
            counter: None,
            batch: None,
            reverses: None,
            reason: None,
            detail: None,
        }
    }

    #[test]
    fn the_encoding_of_an_event_never_changes() {
        let mut sample = row(7, 3, Some(5), 2);
        sample.detail = Some("{}".into());
        let reason = reason_digest(&[9; 16], "a gift");
        // Whatever this test says, seals in databases hold these digests: a new encoding gets a new first byte.
        assert_eq!(
            hex::encode(event_digest(MerchantId(1), &sample, Some(&reason))),
            "54b49112b3b029c3d5f07e245dacc6a6fe3767a43b212e42819dc9fc7e9b4416"
        );
        let sealed = seal(MerchantId(1), 1, NOTHING, &[(EventId(7), [1; 32])], Timestamp(0)).expect("a seal");
        assert_eq!(
            hex::encode(sealed.hash),
            "84e8b7449bf227acfbde6abf69685a1ae1663fa60564af06207a0a544364cc88"
        );
    }

    proptest! {
        /// Fields never run into each other: two rows have one digest only if they are the same row.
        #[test]
        fn different_rows_have_different_digests(
            kinds in prop::collection::vec("[ab]{0,2}", 2),
            sources in prop::collection::vec("[ab]{0,2}", 2),
            numbers in prop::collection::vec(prop::option::of(0..3_i64), 6),
        ) {
            let make = |index: usize| LedgerRow {
                kind: kinds[index].clone(),
                source: sources[index].clone(),
                location: numbers[index],
                station: numbers[index + 2],
                counter: numbers[index + 4],
                ..row(1, 1, None, 0)
            };
            let (one, other) = (make(0), make(1));
            let digest = |row: &LedgerRow| event_digest(MerchantId(1), row, None);
            prop_assert_eq!(digest(&one) == digest(&other), one == other);
        }

        #[test]
        fn a_seal_knows_its_events(ids in prop::collection::btree_set(0..1000_i64, 1..40)) {
            let events: Vec<_> = ids.iter().map(|id| (EventId(*id), sha256(&id.to_be_bytes()))).collect();
            let sealed = seal(MerchantId(1), 3, [4; 32], &events, Timestamp(9)).expect("a seal");
            prop_assert_eq!(sealed.ids().collect::<Vec<_>>(), events.iter().map(|(id, _)| *id).collect::<Vec<_>>());
            for (id, digest) in &events {
                prop_assert_eq!(sealed.knows(*id, digest), Some(true));
                prop_assert_eq!(sealed.knows(*id, &NOTHING), Some(false));
            }
            prop_assert_eq!(sealed.knows(EventId(1001), &NOTHING), None);
            prop_assert_eq!(sealed.hash, sealed.hash_over(MerchantId(1), &events));
        }
    }
}
