//! A browser's side of RFC 8291: reads the header of RFC 8188, derives the key from its own private one, and opens the
//! record.

use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead};

/// Why a body cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the header is cut short")]
    Header,
    #[error("the key id must be an uncompressed point of P-256")]
    SenderKey,
    #[error("the record size {size} must be greater than the record, which has {record} bytes (RFC 8291 §4)")]
    RecordSize { size: usize, record: usize },
    #[error("the record was sealed for somebody else, or changed on its way")]
    Sealed,
    #[error("the last record must end in 2 and zeros")]
    Padding,
}

/// A browser's keys for one subscription.
pub struct Receiver {
    key: EcKey<Private>,
    public_key: Vec<u8>,
    auth_secret: [u8; 16],
}

impl Receiver {
    /// With a new key pair.
    pub fn new(auth_secret: [u8; 16]) -> Result<Self, ErrorStack> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Self::with_key(EcKey::generate(&curve)?, auth_secret)
    }

    fn with_key(key: EcKey<Private>, auth_secret: [u8; 16]) -> Result<Self, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let public_key =
            key.public_key()
                .to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        Ok(Self {
            key,
            public_key,
            auth_secret,
        })
    }

    /// From both halves of a key pair.
    pub fn from_parts(private: &[u8], public: &[u8], auth_secret: [u8; 16]) -> Result<Self, ErrorStack> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&curve, public, &mut context)?;
        let private = BigNum::from_slice(private)?;
        let key = EcKey::from_private_components(&curve, &private, &point)?;
        Self::with_key(key, auth_secret)
    }

    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    pub fn auth_secret(&self) -> &[u8] {
        &self.auth_secret
    }

    pub fn private_key(&self) -> Vec<u8> {
        self.key.private_key().to_vec_padded(32).unwrap_or_default()
    }

    /// What is in the body of a push.
    pub fn open(&self, body: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (salt, rest) = body.split_at_checked(16).ok_or(Unreadable::Header)?;
        let (size, rest) = rest.split_first_chunk::<4>().ok_or(Unreadable::Header)?;
        let (length, rest) = rest.split_first().ok_or(Unreadable::Header)?;
        let (sender, record) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(Unreadable::Header)?;
        let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
        if size <= record.len() {
            return Err(Unreadable::RecordSize {
                size,
                record: record.len(),
            });
        }
        let shared = self.agree(sender).map_err(|_| Unreadable::SenderKey)?;
        let (sealed, tag) = record
            .split_at_checked(record.len().saturating_sub(16))
            .filter(|(_, tag)| tag.len() == 16)
            .ok_or(Unreadable::Header)?;
        let opened = self
            .unseal(&shared, sender, salt, sealed, tag)
            .map_err(|_| Unreadable::Sealed)?;
        let end = opened
            .iter()
            .rposition(|byte| *byte != 0)
            .filter(|end| opened.get(*end) == Some(&2))
            .ok_or(Unreadable::Padding)?;
        Ok(opened.get(..end).unwrap_or_default().to_vec())
    }

    /// The shared secret with the sender's one-time key.
    fn agree(&self, sender: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(self.key.group(), sender, &mut context)?;
        let sender = PKey::from_ec_key(EcKey::from_public_key(self.key.group(), &point)?)?;
        let own = PKey::from_ec_key(self.key.clone())?;
        let mut deriver = Deriver::new(&own)?;
        deriver.set_peer(&sender)?;
        deriver.derive_to_vec()
    }

    fn unseal(
        &self,
        shared: &[u8],
        sender: &[u8],
        salt: &[u8],
        sealed: &[u8],
        tag: &[u8],
    ) -> Result<Vec<u8>, ErrorStack> {
        // RFC 8291 §3.4, in its own letters.
        let prk_key = hmac(&self.auth_secret, &[shared])?;
        let ikm = hmac(&prk_key, &[b"WebPush: info\0", &self.public_key, sender, &[1]])?;
        let prk = hmac(salt, &[&ikm])?;
        let cek = hmac(&prk, &[b"Content-Encoding: aes128gcm\0", &[1]])?;
        let nonce = hmac(&prk, &[b"Content-Encoding: nonce\0", &[1]])?;
        let (cek, nonce) = (cek.get(..16).unwrap_or_default(), nonce.get(..12));
        decrypt_aead(Cipher::aes_128_gcm(), cek, nonce, &[], sealed, tag)
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    for part in parts {
        signer.update(part)?;
    }
    signer.sign_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    /// RFC 8291, appendix A.
    fn receiver() -> Receiver {
        let auth = bytes("BTBZMqHH6r4Tts7J_aSIgg").try_into().expect("16 bytes");
        Receiver::from_parts(
            &bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
            &bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            auth,
        )
        .expect("a key")
    }

    const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    #[test]
    fn the_example_of_the_rfc_can_be_read() {
        let opened = receiver().open(&bytes(BODY)).expect("opened");
        assert_eq!(opened, b"When I grow up, I want to be a watermelon");
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let whole = bytes(BODY);
        for place in [0, 30, 100, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(receiver().open(&changed).is_err(), "{place}");
        }
        let mut small = whole.clone();
        let record = u32::try_from(whole.len() - 86).expect("small");
        small[16..20].copy_from_slice(&record.to_be_bytes());
        assert!(matches!(
            receiver().open(&small),
            Err(Unreadable::RecordSize { .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(body: Vec<u8>) {
            let _ = receiver().open(&body);
        }
    }
}
