//! Where a card is told of besides Apple's and Google's wallets: a browser that shows its page, an app.
//!
//! Invariant: an address that is kept has passed the checks here. It is a secret: whoever has it can disturb its owner,
//! so that `Debug` shows none of it, and nothing else prints it.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::nid::Nid;

use crate::domain::time::Timestamp;

/// An uncompressed point of P-256 (RFC 8291 §3.1).
pub const RECEIVER_KEY: usize = 65;
/// RFC 8291 §3.2.
pub const AUTH_SECRET: usize = 16;

const LONGEST_ENDPOINT: usize = 2048;
const LONGEST_TOKEN: usize = 1024;
const LONGEST_TOPIC: usize = 900;

/// Browsers leave padding out, some libraries put it in.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why something is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    #[error(
        "endpoint: expected an address that begins with https:// and has at most {LONGEST_ENDPOINT} visible ASCII characters"
    )]
    Endpoint,
    #[error("keys.p256dh: expected a point of the curve P-256, 65 bytes in base64url")]
    ReceiverKey,
    #[error("keys.auth: expected 16 bytes in base64url; got {got}")]
    AuthSecret { got: usize },
    #[error("{kind}: expected 1 to {limit} letters, digits and {others}")]
    Registration {
        kind: &'static str,
        limit: usize,
        others: &'static str,
    },
}

/// What a browser's `PushSubscription` says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subscription {
    endpoint: String,
    receiver_key: Vec<u8>,
    auth_secret: Vec<u8>,
}

/// What an address of Firebase Cloud Messaging is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegistrationKind {
    /// A Firebase Installation ID.
    Fid,
    /// A registration token, the older form.
    Token,
    /// Everybody who subscribed to a topic; set up by the merchant, never by a holder.
    Topic,
}

/// An app at Firebase Cloud Messaging.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Registration {
    kind: RegistrationKind,
    address: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    Browser(Subscription),
    App(Registration),
}

/// The name of a destination: a hash, so that nothing of the address shows and keys stay short.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(pub String);

/// A destination of one card as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushAddress {
    pub key: AddressKey,
    pub destination: Destination,
    /// When its owner last said that it listens there: a provider's word about an earlier time says nothing.
    pub registered_at: Timestamp,
}

impl Subscription {
    /// From the fields of `PushSubscription.toJSON()`.
    pub fn parse(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self, AddressRefusal> {
        let receiver_key = BASE64_URL
            .decode(p256dh)
            .map_err(|_| AddressRefusal::ReceiverKey)?;
        let auth_secret = BASE64_URL
            .decode(auth)
            .map_err(|_| AddressRefusal::AuthSecret { got: 0 })?;
        Self::from_parts(endpoint.to_owned(), receiver_key, auth_secret)
    }

    /// From what was kept.
    pub fn from_parts(
        endpoint: String,
        receiver_key: Vec<u8>,
        auth_secret: Vec<u8>,
    ) -> Result<Self, AddressRefusal> {
        let is_address = endpoint.len() <= LONGEST_ENDPOINT
            && endpoint.len() > "https://".len()
            && endpoint.starts_with("https://")
            && endpoint.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_address {
            return Err(AddressRefusal::Endpoint);
        }
        if receiver_key.len() != RECEIVER_KEY || !is_on_curve(&receiver_key) {
            return Err(AddressRefusal::ReceiverKey);
        }
        if auth_secret.len() != AUTH_SECRET {
            return Err(AddressRefusal::AuthSecret {
                got: auth_secret.len(),
            });
        }
        Ok(Self {
            endpoint,
            receiver_key,
            auth_secret,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The browser's public key, [`RECEIVER_KEY`] bytes.
    pub fn receiver_key(&self) -> &[u8] {
        &self.receiver_key
    }

    /// [`AUTH_SECRET`] bytes.
    pub fn auth_secret(&self) -> &[u8] {
        &self.auth_secret
    }

    /// The push service alone: what may be shown of the endpoint.
    pub fn origin(&self) -> &str {
        let from = "https://".len();
        let rest = self.endpoint.get(from..).unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        self.endpoint.get(..from + end).unwrap_or_default()
    }
}

/// A key that is not on the curve would make us tell something about our own (RFC 8291 §7).
fn is_on_curve(bytes: &[u8]) -> bool {
    let checked = || {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&curve, bytes, &mut context)?;
        EcKey::from_public_key(&curve, &point)?.check_key()
    };
    bytes.first() == Some(&4) && checked().is_ok()
}

impl RegistrationKind {
    pub const ALL: [Self; 3] = [Self::Fid, Self::Token, Self::Topic];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fid => "fid",
            Self::Token => "token",
            Self::Topic => "topic",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Registration {
    pub fn new(kind: RegistrationKind, address: String) -> Result<Self, AddressRefusal> {
        let (limit, others) = match kind {
            RegistrationKind::Fid => (LONGEST_TOKEN, "-_"),
            RegistrationKind::Token => (LONGEST_TOKEN, "-_:."),
            RegistrationKind::Topic => (LONGEST_TOPIC, "-_.~%"),
        };
        let fits = (1..=limit).contains(&address.len());
        let is_one = address
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter));
        if !fits || !is_one {
            return Err(AddressRefusal::Registration {
                kind: kind.as_str(),
                limit,
                others,
            });
        }
        Ok(Self { kind, address })
    }

    pub fn kind(&self) -> RegistrationKind {
        self.kind
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Destination {
    /// `endpoint`, or the kind of a registration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Browser(_) => "endpoint",
            Self::App(registration) => registration.kind.as_str(),
        }
    }

    pub fn address(&self) -> &str {
        match self {
            Self::Browser(subscription) => &subscription.endpoint,
            Self::App(registration) => &registration.address,
        }
    }

    pub fn key(&self) -> AddressKey {
        AddressKey::of(self.kind(), self.address())
    }
}

impl AddressKey {
    /// The name of the endpoint or registration `address`.
    pub fn of(kind: &str, address: &str) -> Self {
        let hash = openssl::sha::sha256(format!("{kind} {address}").as_bytes());
        Self(general_purpose::URL_SAFE_NO_PAD.encode(hash))
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Browser(subscription) => subscription.fmt(f),
            Self::App(registration) => registration.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 8291, appendix A.
    const RECEIVER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const ENDPOINT: &str = "https://push.example.net:8443/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV";

    #[test]
    fn a_subscription_as_browsers_give_it_is_taken() {
        let taken = Subscription::parse(ENDPOINT, RECEIVER, AUTH).expect("taken");
        assert_eq!(taken.origin(), "https://push.example.net:8443");
        let padded = Subscription::parse(ENDPOINT, RECEIVER, &format!("{AUTH}==")).expect("taken");
        assert_eq!(taken, padded);
        let shown = format!("{:?}", Destination::Browser(taken));
        assert!(!shown.contains("JzLQ3"), "{shown}");
    }

    #[test]
    fn what_is_no_subscription_is_refused() {
        let long = format!("https://{}", "a".repeat(LONGEST_ENDPOINT));
        for endpoint in ["", "https://", "http://push.example.net/a", "https://a b", &long] {
            assert_eq!(
                Subscription::parse(endpoint, RECEIVER, AUTH),
                Err(AddressRefusal::Endpoint),
                "{endpoint}"
            );
        }
        // Of the right length, and on no curve.
        let nowhere = BASE64_URL.encode([4; RECEIVER_KEY]);
        for key in ["", "AAAA", &nowhere] {
            let refused = Subscription::parse(ENDPOINT, key, AUTH);
            assert_eq!(refused, Err(AddressRefusal::ReceiverKey), "{key}");
        }
        assert!(Subscription::parse(ENDPOINT, RECEIVER, "AAAA").is_err());
    }

    #[test]
    fn a_registration_has_its_alphabet_and_a_name_of_its_own() {
        let fid = Registration::new(RegistrationKind::Fid, "cIN1cbQ7TGqmGRoZDcHOgj".into()).expect("a FID");
        let token = Registration::new(RegistrationKind::Token, fid.address.clone()).expect("taken as well");
        assert_ne!(
            Destination::App(fid.clone()).key(),
            Destination::App(token).key(),
            "another kind is another address"
        );
        assert!(!format!("{fid:?}").contains("cIN1"));
        for wrong in ["", "a b", "a/b", "é"] {
            for kind in RegistrationKind::ALL {
                assert!(Registration::new(kind, wrong.into()).is_err(), "{wrong:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_words_make_parsing_panic(endpoint in ".{0,60}", key in ".{0,100}", auth in ".{0,30}") {
            let _ = Subscription::parse(&endpoint, &key, &auth);
            if let Ok(taken) = Subscription::parse(&format!("https://{endpoint}"), RECEIVER, AUTH) {
                prop_assert!(taken.endpoint().starts_with(taken.origin()));
            }
        }
    }
}
