//! The orders in which cards are listed, and places in such an order.
//!
//! A list is cut by place, never by number: the place of the last row shown is where the next page begins, however many
//! rows have come or gone before it. Ties are broken by the card's id, so that a place is never ambiguous.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::facts::{Facts, NumberFact, TextFact};
use super::meaning::status_now;
use crate::domain::id::{CardId, MerchantId};
use crate::domain::secret::MasterKey;
use crate::domain::time::Timestamp;

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    Name,
    Email,
    Phone,
    Program,
    Status,
    Punches,
    Points,
    Rewards,
    Visits,
    Progress,
    Tier,
    TierPoints,
    Activity,
    Spend,
    Joined,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    pub sort: Sort,
    pub direction: Direction,
}

/// What a list has one row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Each {
    #[default]
    Card,
    /// A customer's newest card of those that are meant stands for all cards that they have; see [`super::merge`].
    Customer,
}

/// Where the numbers or texts to sort by are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    Number(NumberFact),
    Text(TextFact),
    /// The status that a card is shown in.
    Status,
}

/// What one row is sorted by. Where there is no value it is the least number, so that those rows are together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Number(i64),
    Text(String),
}

impl Place {
    /// Where a card stands in an order at `now`.
    pub fn of(facts: &Facts, order: Order, now: Timestamp) -> Self {
        let number = |fact| facts.number(fact).unwrap_or(NO_VALUE);
        let key = match order.sort.by() {
            SortBy::Number(fact) => Key::Number(number(fact)),
            SortBy::Text(fact) => Key::Text(facts.texts[fact.index()].clone()),
            SortBy::Status => {
                let expires = facts.number(NumberFact::Expires);
                Key::Number(status_now(number(NumberFact::Status), expires, now))
            }
        };
        Self {
            key,
            card: facts.card,
        }
    }
}

/// Stands for "no value" in an order.
pub const NO_VALUE: i64 = i64::MIN;

/// One row's place in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub key: Key,
    pub card: CardId,
}

/// Where a page begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    First,
    After(Place),
    /// The page that ends right before a place.
    Before(Place),
}

/// Why a text is not a cursor of the list it is used in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cursor: expected one that this list gave out for the same rule and order; got {got} characters that were changed or \
     belong to another list (leave it out to begin at the start)"
)]
pub struct CursorError {
    pub got: usize,
}

impl Sort {
    pub const ALL: [Self; 15] = [
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Program,
        Self::Status,
        Self::Punches,
        Self::Points,
        Self::Rewards,
        Self::Visits,
        Self::Progress,
        Self::Tier,
        Self::TierPoints,
        Self::Activity,
        Self::Spend,
        Self::Joined,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Program => "program",
            Self::Status => "status",
            Self::Punches => "punches",
            Self::Points => "points",
            Self::Rewards => "rewards",
            Self::Visits => "visits",
            Self::Progress => "progress",
            Self::Tier => "tier",
            Self::TierPoints => "tier_points",
            Self::Activity => "activity",
            Self::Spend => "spend",
            Self::Joined => "joined",
        }
    }

    pub fn by(self) -> SortBy {
        match self {
            Self::Name => SortBy::Text(TextFact::Name),
            Self::Email => SortBy::Text(TextFact::Email),
            Self::Phone => SortBy::Text(TextFact::Phone),
            Self::Program => SortBy::Number(NumberFact::Program),
            Self::Status => SortBy::Status,
            Self::Punches => SortBy::Number(NumberFact::Punches),
            Self::Points => SortBy::Number(NumberFact::Points),
            Self::Rewards => SortBy::Number(NumberFact::Rewards),
            Self::Visits => SortBy::Number(NumberFact::Visits),
            Self::Progress => SortBy::Number(NumberFact::Progress),
            Self::Tier => SortBy::Number(NumberFact::Tier),
            Self::TierPoints => SortBy::Number(NumberFact::TierPoints),
            Self::Activity => SortBy::Number(NumberFact::Activity),
            Self::Spend => SortBy::Number(NumberFact::Spend),
            Self::Joined => SortBy::Number(NumberFact::Joined),
        }
    }
}

impl Order {
    /// Reads `name` or `-spend`; the minus is for the greatest first.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, direction) = match text.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let sort = Sort::ALL.into_iter().find(|sort| sort.as_str() == name)?;
        Some(Self { sort, direction })
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.direction == Direction::Descending {
            f.write_str("-")?;
        }
        f.write_str(self.sort.as_str())
    }
}

impl Direction {
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// Half of an HMAC-SHA256: nobody guesses 128 bits.
const SEAL: usize = 16;

impl Edge {
    /// The edge as a text for addresses, which only the same list of the same merchant takes back; none for the
    /// first page. `list` is what it is a list of, such as its rule. It holds what the row is sorted by, so it is as
    /// private as the list itself.
    pub fn seal(
        &self,
        key: &MasterKey,
        merchant: MerchantId,
        list: &impl Display,
        order: Order,
    ) -> Option<String> {
        let (side, place) = match self {
            Self::First => return None,
            Self::After(place) => (0, place),
            Self::Before(place) => (1, place),
        };
        let mut bytes = vec![side];
        bytes.extend(place.card.0.to_be_bytes());
        match &place.key {
            Key::Number(number) => {
                bytes.push(0);
                bytes.extend(number.to_be_bytes());
            }
            Key::Text(text) => {
                bytes.push(1);
                bytes.extend(text.as_bytes());
            }
        }
        let seal = sealed(key, merchant, list, order, &bytes);
        bytes.extend(seal);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The edge that a text of [`Edge::seal`] stands for.
    pub fn open(
        text: &str,
        key: &MasterKey,
        merchant: MerchantId,
        list: &impl Display,
        order: Order,
    ) -> Result<Self, CursorError> {
        let refused = CursorError {
            got: text.chars().count(),
        };
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (bytes, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
            let expected = sealed(key, merchant, list, order, bytes);
            openssl::memcmp::eq(&expected, seal).then_some(())?;
            let (side, bytes) = bytes.split_first()?;
            let (card, bytes) = bytes.split_first_chunk::<8>()?;
            let (kind, bytes) = bytes.split_first()?;
            let key = match kind {
                0 => Key::Number(i64::from_be_bytes(bytes.try_into().ok()?)),
                _ => Key::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
            };
            let place = Place {
                key,
                card: CardId(i64::from_be_bytes(*card)),
            };
            Some(if *side == 0 {
                Self::After(place)
            } else {
                Self::Before(place)
            })
        };
        read().ok_or(refused)
    }
}

fn sealed(
    key: &MasterKey,
    merchant: MerchantId,
    list: &impl Display,
    order: Order,
    bytes: &[u8],
) -> [u8; SEAL] {
    let mut input = format!("{merchant} {order} {list} ").into_bytes();
    input.extend(bytes);
    let whole = key.derive("list cursor", &input);
    std::array::from_fn(|index| whole[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::segment::Rule;

    const MERCHANT: MerchantId = MerchantId(7);

    fn order() -> Order {
        Order::parse("-spend").expect("an order")
    }

    fn edges() -> Vec<Edge> {
        let place = |key| Place {
            key,
            card: CardId(99),
        };
        vec![
            Edge::After(place(Key::Number(NO_VALUE))),
            Edge::Before(place(Key::Number(1234))),
            Edge::After(place(Key::Text("zoe grossmann".into()))),
            Edge::Before(place(Key::Text(String::new()))),
        ]
    }

    #[test]
    fn a_cursor_is_read_back() {
        let key = MasterKey::from_bytes([1; 32]);
        let rule = Rule::everything();
        for edge in edges() {
            let text = edge
                .seal(&key, MERCHANT, &rule, order())
                .expect("not the first page");
            assert_eq!(Edge::open(&text, &key, MERCHANT, &rule, order()), Ok(edge));
        }
        assert_eq!(Edge::First.seal(&key, MERCHANT, &rule, order()), None);
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let key = MasterKey::from_bytes([1; 32]);
        let rule = Rule::everything();
        for edge in edges() {
            let text = edge
                .seal(&key, MERCHANT, &rule, order())
                .expect("not the first page");
            let good = URL_SAFE_NO_PAD.decode(&text).expect("base64");
            for index in 0..good.len() {
                let mut bad = good.clone();
                bad[index] ^= 1;
                let bad = URL_SAFE_NO_PAD.encode(bad);
                let refused = Edge::open(&bad, &key, MERCHANT, &rule, order());
                assert_eq!(refused, Err(CursorError { got: text.len() }));
            }
            let other_rule = Rule::parse("visits.over.1").expect("a rule");
            let other_order = Order::parse("spend").expect("an order");
            let other_key = MasterKey::from_bytes([2; 32]);
            assert!(Edge::open(&text, &key, MERCHANT, &other_rule, order()).is_err());
            assert!(Edge::open(&text, &key, MERCHANT, &rule, other_order).is_err());
            assert!(Edge::open(&text, &key, MerchantId(8), &rule, order()).is_err());
            assert!(Edge::open(&text, &other_key, MERCHANT, &rule, order()).is_err());
        }
        for text in ["", "A", "%%%", "ü", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            let refused = Edge::open(text, &key, MERCHANT, &rule, order());
            assert_eq!(refused.map_err(|error| error.got), Err(text.chars().count()));
        }
    }
}
