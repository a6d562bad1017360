//! Identifiers as types, so that a card is never passed where a customer is meant.
//!
//! Our own ids are positive 63-bit integers that grow with time (small keys, appended at the end of every
//! index). People and URLs see them as 13 characters of Crockford's base 32, which sort like the integers.
//! Names given by Apple are opaque strings checked for length and for characters that are safe in a path.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("an id has {LENGTH} characters of 0-9 and a-z without i, l, o, u; got {0:?}")]
    Malformed(String),
    #[error("{name} must have 1 to {limit} visible ASCII characters without '/'; got {got} characters")]
    Opaque {
        name: &'static str,
        limit: usize,
        got: usize,
    },
}

/// Writes an id as 13 characters of base 32.
fn encode(value: i64) -> [u8; LENGTH] {
    let mut text = [b'0'; LENGTH];
    let mut rest = value.cast_unsigned();
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Result<i64, IdError> {
    let malformed = || IdError::Malformed(text.chars().take(40).collect());
    if text.len() != LENGTH {
        return Err(malformed());
    }
    let mut value: u64 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET
            .iter()
            .position(|letter| *letter == byte)
            .ok_or_else(malformed)?;
        if value >> 58 != 0 {
            return Err(malformed());
        }
        value = (value << 5) | digit as u64;
    }
    match i64::try_from(value) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(malformed()),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode(self.0);
                f.pad(std::str::from_utf8(&text).unwrap_or("?"))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                decode(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant: the business that issues cards.
    MerchantId,
    /// A person who signs in to the console.
    MemberId,
    /// Who signs in, whatever they are a member of.
    AccountId,
    /// A link that makes whoever follows it a member.
    MemberInvitationId,
    /// A place where stations stand.
    LocationId,
    /// A till computer that runs the bridge.
    StationId,
    /// A merchant's scheme: maps to Apple's pass type and template, and to Google's class.
    ProgramId,
    /// A person who holds cards.
    CustomerId,
    /// One customer in one program: our aggregate.
    CardId,
    /// A time-boxed promotion of a program.
    PromotionId,
    /// A bulk job or import: what it did can be told apart and taken back as a whole.
    BatchId,
    /// Codes that were made together.
    CodeBatchId,
    /// One letter to one address.
    InvitationId,
    /// Something a merchant offers that customers claim and redeem.
    OfferId,
    /// A rule that does something for a card when something happens to it.
    CampaignId,
    /// What staff wrote about a person.
    NoteId,
    /// One thing that must be accounted for.
    AuditId,
    /// A rule or list of cards that a merchant has given a name.
    SegmentId,
    /// A text that somebody wants cards to be told.
    MessageId,
    /// An address that is counted when it is followed.
    LinkId,
    /// Something that was said to a topic of Firebase.
    TopicNoticeId,
    /// A file that somebody uploaded to import it.
    UploadId,
}

/// A ledger row; numbered by the store, growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub i64);

/// Position in the order of changes that a device has seen; a string on the wire, never a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UpdateTag(pub i64);

impl UpdateTag {
    /// Smaller than every tag and than "no tag yet" (0): what a device has that never asked.
    pub const NEVER: Self = Self(-1);

    /// Reads what a device sends back. Anything that is not one of our tags counts as "never asked":
    /// the answer is then everything, not an error.
    pub fn parse_lenient(text: &str) -> Self {
        match text.parse::<i64>() {
            Ok(value) if value >= 0 => Self(value),
            _ => Self::NEVER,
        }
    }
}

impl fmt::Display for UpdateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident($what:literal, $limit:literal)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let fits = (1..=$limit).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
                if fits {
                    Ok(Self(text))
                } else {
                    Err(IdError::Opaque { name: $what, limit: $limit, got: text.chars().count() })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    )*};
}

opaque! {
    /// Apple's pass type identifier, `pass.…`.
    PassTypeIdentifier("a pass type identifier", 155),
    /// The serial number of a pass; chosen by us, fixed for the life of the card.
    SerialNumber("a serial number", 128),
    /// Apple's name for a device; the same for all passes on it.
    DeviceLibraryIdentifier("a device library identifier", 128),
    /// Where APNs reaches a device; hexadecimal, may change at any time.
    PushToken("a push token", 255),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_printing_and_parsing(value in 1..=i64::MAX) {
            let id = CardId(value);
            prop_assert_eq!(id.to_string().parse::<CardId>(), Ok(id));
        }

        #[test]
        fn printed_ids_sort_like_their_numbers(a in 1..=i64::MAX, b in 1..=i64::MAX) {
            prop_assert_eq!(a.cmp(&b), CardId(a).to_string().cmp(&CardId(b).to_string()));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,40}") {
            let _ = text.parse::<CardId>();
            let _ = SerialNumber::parse(text.clone());
            let _ = UpdateTag::parse_lenient(&text);
        }
    }

    #[test]
    fn ids_outside_the_range_are_refused() {
        assert!("zzzzzzzzzzzzz".parse::<CardId>().is_err());
        assert!("0000000000000".parse::<CardId>().is_err());
        assert!("800000000000u".parse::<CardId>().is_err());
    }

    #[test]
    fn a_foreign_tag_means_never_asked() {
        assert_eq!(UpdateTag::parse_lenient("2026-01-01T00:00:00Z"), UpdateTag::NEVER);
        assert_eq!(UpdateTag::parse_lenient("-4"), UpdateTag::NEVER);
        assert_eq!(UpdateTag::parse_lenient("17"), UpdateTag(17));
    }
}
