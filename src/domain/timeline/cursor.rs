//! A place in a timeline as text: opaque, bound to the timeline and filter it was given out for, and sealed, so that one
//! that was made up or changed is refused and not read as another place.
//!
//! `base64url( 1, count: u16, count * (0 person | 1 card, id, top, next), mac: 16 bytes )`, numbers of 64 bits big endian,
//! 0 for none. The MAC is the beginning of an HMAC over merchant, timeline, filter and everything before it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::memcmp;

use super::{Filter, MOST_CHAINS, Place};
use crate::domain::event::Subject;
use crate::domain::id::{CardId, CustomerId, EventId, MerchantId};
use crate::domain::secret::MasterKey;

const VERSION: u8 = 1;
const HEAD: usize = 3;
const PLACE: usize = 25;
const MAC: usize = 16;
const LONGEST: usize = (HEAD + MOST_CHAINS * PLACE + MAC).div_ceil(3) * 4;

/// A cursor that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}; got {got:?}")]
pub struct CursorError {
    pub field: &'static str,
    pub expected: &'static str,
    /// The beginning of what came.
    pub got: String,
}

/// What a cursor belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    pub merchant: MerchantId,
    pub timeline: Subject,
    pub filter: &'a Filter,
}

pub fn print(key: &MasterKey, of: Of<'_>, places: &[Place]) -> String {
    let places = &places[..places.len().min(MOST_CHAINS)];
    let mut bytes = vec![VERSION];
    let count = u16::try_from(places.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&count.to_be_bytes());
    for place in places {
        let (kind, id) = tagged(place.chain);
        bytes.push(kind);
        for number in [id, number(place.top), number(place.next)] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
    let mac = mac(key, of, &bytes);
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn parse(key: &MasterKey, of: Of<'_>, text: &str) -> Result<Vec<Place>, CursorError> {
    let refused = || CursorError {
        field: "cursor",
        expected: "a cursor that this list gave out, unchanged and with the same filter",
        got: text.chars().take(40).collect(),
    };
    if text.len() > LONGEST {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    let (content, shown) = bytes.split_last_chunk::<MAC>().ok_or_else(refused)?;
    if !memcmp::eq(&mac(key, of, content), shown) {
        return Err(refused());
    }
    // From here on it is ours; what does not fit now was written by another version.
    let (head, rest) = content.split_first_chunk::<HEAD>().ok_or_else(refused)?;
    let count = usize::from(u16::from_be_bytes([head[1], head[2]]));
    if head[0] != VERSION || rest.len() != count * PLACE {
        return Err(refused());
    }
    rest.chunks_exact(PLACE)
        .map(|place| read(place).ok_or_else(refused))
        .collect()
}

fn read(place: &[u8]) -> Option<Place> {
    let (kind, rest) = place.split_first()?;
    let mut numbers = rest.chunks_exact(8).map(|number| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(number);
        i64::from_be_bytes(bytes)
    });
    let id = numbers.next()?;
    let chain = match kind {
        0 => Subject::Customer(CustomerId(id)),
        1 => Subject::Card(CardId(id)),
        _ => return None,
    };
    let mut event = || {
        numbers
            .next()
            .map(|number| Some(EventId(number)).filter(|event| event.0 != 0))
    };
    Some(Place {
        chain,
        top: event()?,
        next: event()?,
    })
}

fn mac(key: &MasterKey, of: Of<'_>, content: &[u8]) -> [u8; MAC] {
    let mut input = Vec::with_capacity(content.len() + 64);
    let (kind, id) = tagged(of.timeline);
    input.extend_from_slice(&of.merchant.0.to_be_bytes());
    input.push(kind);
    input.extend_from_slice(&id.to_be_bytes());
    for name in of.filter.names() {
        input.extend_from_slice(name.as_bytes());
        input.push(b',');
    }
    input.push(0);
    input.extend_from_slice(content);
    let mut mac = [0; MAC];
    mac.copy_from_slice(&key.derive("timeline cursor", &input)[..MAC]);
    mac
}

fn tagged(chain: Subject) -> (u8, i64) {
    match chain {
        Subject::Customer(customer) => (0, customer.0),
        Subject::Card(card) => (1, card.0),
    }
}

fn number(event: Option<EventId>) -> i64 {
    event.map_or(0, |event| event.0)
}
