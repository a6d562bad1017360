//! Who we are to push services: one key for life, and short vouchers signed with it (RFC 8292).
//!
//! A voucher names the push service that it is for (`aud`: its origin, with the port where it is not the usual one), when
//! it ends (`exp`: within a day) and whom to write to (`sub`). It is used again until an hour before its end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};

use crate::domain::time::Timestamp;
use crate::web_push::contact::Contact;

/// RFC 8292 §2 allows a day.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// A push may wait in line with its voucher, and clocks differ.
const LEFT: Duration = Duration::from_secs(3600);
/// Push services whose vouchers are kept. There are a handful; holders may name others.
const MOST_VOUCHERS: usize = 256;

/// Why a file holds no key.
#[derive(Debug, thiserror::Error)]
pub enum VapidKeyError {
    #[error("expected a private key of the curve P-256 in PEM")]
    NotOne,
    #[error("OpenSSL cannot use the key: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// The key. Not printable.
pub struct VapidKey {
    key: EcKey<Private>,
    /// The uncompressed point, base64url.
    public_key: String,
}

impl VapidKey {
    pub fn generate() -> Result<Self, VapidKeyError> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Self::of(EcKey::generate(&curve)?)
    }

    /// Reads PEM, of whatever tool made it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, VapidKeyError> {
        let key = PKey::private_key_from_pem(pem).map_err(|_| VapidKeyError::NotOne)?;
        let key = key.ec_key().map_err(|_| VapidKeyError::NotOne)?;
        if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) || key.check_key().is_err() {
            return Err(VapidKeyError::NotOne);
        }
        Self::of(key)
    }

    /// For the key's file.
    pub fn to_pem(&self) -> Result<String, VapidKeyError> {
        let pem = PKey::from_ec_key(self.key.clone())?.private_key_to_pem_pkcs8()?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    fn of(key: EcKey<Private>) -> Result<Self, VapidKeyError> {
        let mut context = BigNumContext::new()?;
        let point =
            key.public_key()
                .to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        Ok(Self {
            key,
            public_key: URL_SAFE_NO_PAD.encode(point),
        })
    }

    /// What browsers subscribe with, base64url.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// 16 characters that tell this key from others.
    pub fn name(&self) -> String {
        let hash = openssl::sha::sha256(self.public_key.as_bytes());
        hex::encode(hash.get(..8).unwrap_or(&hash))
    }

    /// A token of RFC 7519, signed as `ES256` of RFC 7518 §3.4.
    fn sign(&self, audience: &str, contact: &Contact, ends: Timestamp) -> Result<String, ErrorStack> {
        let header = r#"{"typ":"JWT","alg":"ES256"}"#;
        let claims = serde_json::json!({
            "aud": audience,
            "exp": ends.0.div_euclid(1000),
            "sub": contact.as_str(),
        });
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let digest = openssl::sha::sha256(token.as_bytes());
        let signature = EcdsaSig::sign(&digest, &self.key)?;
        let mut both = signature.r().to_vec_padded(32)?;
        both.extend(signature.s().to_vec_padded(32)?);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(both, &mut token);
        Ok(token)
    }
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VapidKey({})", self.name())
    }
}

/// Vouchers by audience.
pub(super) struct Vouchers {
    key: VapidKey,
    contact: Contact,
    signed: Mutex<HashMap<String, Voucher>>,
}

#[derive(Clone)]
struct Voucher {
    /// The value of `Authorization`.
    text: String,
    ends: Timestamp,
}

impl Vouchers {
    pub(super) fn new(key: VapidKey, contact: Contact) -> Self {
        Self {
            key,
            contact,
            signed: Mutex::default(),
        }
    }

    pub(super) fn key(&self) -> &VapidKey {
        &self.key
    }

    /// The value of `Authorization` for pushes to `origin` (RFC 8292 §3).
    pub(super) fn voucher(&self, origin: &str, now: Timestamp) -> Result<String, ErrorStack> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        // One that ends later than a new one would was signed while the clock was ahead.
        let known = signed
            .get(origin)
            .filter(|voucher| (LEFT..=LIFE).contains(&voucher.ends.since(now)));
        if let Some(voucher) = known {
            return Ok(voucher.text.clone());
        }
        let ends = now.plus(LIFE);
        let token = self.key.sign(origin, &self.contact, ends)?;
        let text = format!("vapid t={token}, k={}", self.key.public_key);
        if signed.len() >= MOST_VOUCHERS {
            signed.clear();
        }
        let voucher = Voucher {
            text: text.clone(),
            ends,
        };
        signed.insert(origin.to_owned(), voucher);
        Ok(text)
    }

    /// Has the next push to `origin` carry a new one.
    pub(super) fn forget(&self, origin: &str) {
        self.signed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::bn::BigNum;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn vouchers() -> Vouchers {
        let contact = Contact::parse("mailto:cards@corner-cafe.com").expect("a contact");
        Vouchers::new(VapidKey::generate().expect("a key"), contact)
    }

    #[test]
    fn a_voucher_is_signed_for_its_service_and_ends_within_a_day() {
        let vouchers = vouchers();
        let text = vouchers
            .voucher("https://push.example.net:8443", NOW)
            .expect("signed");
        let (token, key) = text
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .expect("the form of RFC 8292");
        assert_eq!(key, vouchers.key.public_key);
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let claims = signed.split('.').nth(1).expect("claims");
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        assert_eq!(claims["aud"], "https://push.example.net:8443");
        assert_eq!(claims["sub"], "mailto:cards@corner-cafe.com");
        let ends = claims["exp"].as_i64().expect("a time") - NOW.0 / 1000;
        assert!((1..=24 * 3600).contains(&ends), "{ends}");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        assert_eq!(signature.len(), 64);
        let number = |bytes| BigNum::from_slice(bytes).expect("a number");
        let signature = EcdsaSig::from_private_components(number(&signature[..32]), number(&signature[32..]))
            .expect("one");
        let digest = openssl::sha::sha256(signed.as_bytes());
        assert!(signature.verify(&digest, &vouchers.key.key).expect("checked"));
    }

    #[test]
    fn a_voucher_is_used_until_shortly_before_its_end() {
        let vouchers = vouchers();
        let at = |now| vouchers.voucher("https://a.net", now).expect("signed");
        let first = at(NOW);
        assert_eq!(at(NOW.plus(LIFE - LEFT)), first);
        let next = at(NOW.plus(LIFE - LEFT + Duration::from_secs(1)));
        assert_ne!(next, first);
        assert_ne!(at(NOW.minus(DAY)), next, "the clock was set back");
        let current = at(NOW);
        vouchers.forget("https://a.net");
        // Another signature of the same claims: ECDSA draws a new number each time.
        assert_ne!(at(NOW), current);
        assert_ne!(vouchers.voucher("https://b.net", NOW).expect("signed"), at(NOW));
    }

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_key_survives_its_file_and_others_are_refused() {
        let key = VapidKey::generate().expect("a key");
        let read = VapidKey::from_pem(key.to_pem().expect("PEM").as_bytes()).expect("read");
        assert_eq!(read.public_key, key.public_key);
        assert_eq!(read.name(), key.name());
        let curve = EcGroup::from_curve_name(Nid::SECP384R1).expect("a curve");
        let other = EcKey::generate(&curve)
            .and_then(PKey::from_ec_key)
            .and_then(|key| key.private_key_to_pem_pkcs8())
            .expect("PEM");
        for wrong in [b"".as_slice(), b"no key", &other] {
            assert!(matches!(VapidKey::from_pem(wrong), Err(VapidKeyError::NotOne)));
        }
    }
}
