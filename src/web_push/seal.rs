//! The encryption of RFC 8291 (Message Encryption for Web Push) in the form of RFC 8188 (`aes128gcm`), one record a push.
//!
//! What is sent is the header (salt, record size, our one-time public key) and the sealed record: the plaintext, the byte
//! 2 that ends the last record, and zeros up to one of a few sizes, so that the length says little about the words. The
//! record size is 4096, greater than any record that is sent here, as RFC 8291 §4 demands.

use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::symm::{Cipher, encrypt_aead};

use crate::domain::address::{RECEIVER_KEY, Subscription};

/// The record size that the header names, and the largest body that every push service takes (RFC 8030 §7.2).
const RECORD: usize = 4096;
const HEADER: usize = 16 + 4 + 1 + RECEIVER_KEY;
const TAG: usize = 16;
/// What fits into `RECORD` bytes beside the header, the authentication tag and the byte that ends the record.
pub const LARGEST_PLAINTEXT: usize = RECORD - HEADER - TAG - 1;

/// What plaintexts are padded to.
const SIZES: [usize; 5] = [256, 512, 1024, 2048, LARGEST_PLAINTEXT];

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a push holds at most {LARGEST_PLAINTEXT} bytes; got {got}")]
    TooLong { got: usize },
    #[error("OpenSSL cannot seal a push: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// A key pair for one push.
pub fn one_time_key() -> Result<PKey<Private>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&curve)?)
}

/// The body of a push. `own` and `salt` are for this push alone.
pub fn seal(
    plaintext: &[u8],
    subscription: &Subscription,
    own: &PKey<Private>,
    salt: [u8; 16],
) -> Result<Vec<u8>, SealError> {
    let size = SIZES
        .into_iter()
        .find(|size| *size >= plaintext.len())
        .ok_or(SealError::TooLong { got: plaintext.len() })?;
    Ok(seal_padded(plaintext, size, subscription, own, salt)?)
}

/// [`seal`] with the plaintext padded to `size`, which it does not exceed.
fn seal_padded(
    plaintext: &[u8],
    size: usize,
    subscription: &Subscription,
    own: &PKey<Private>,
    salt: [u8; 16],
) -> Result<Vec<u8>, ErrorStack> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&curve, subscription.receiver_key(), &mut context)?;
    let receiver = PKey::from_ec_key(EcKey::from_public_key(&curve, &point)?)?;
    let own_key = own.ec_key()?;
    let own_public =
        own_key
            .public_key()
            .to_bytes(&curve, PointConversionForm::UNCOMPRESSED, &mut context)?;

    let mut deriver = Deriver::new(own)?;
    deriver.set_peer(&receiver)?;
    let shared = deriver.derive_to_vec()?;
    // RFC 8291 §3.4: both public keys and the subscription's secret go into the key.
    let info = [
        b"WebPush: info\0".as_slice(),
        subscription.receiver_key(),
        &own_public,
    ]
    .concat();
    let material: [u8; 32] = hkdf(subscription.auth_secret(), &shared, &info)?;
    // RFC 8188 §2.2 and §2.3.
    let key: [u8; 16] = hkdf(&salt, &material, b"Content-Encoding: aes128gcm\0")?;
    let nonce: [u8; 12] = hkdf(&salt, &material, b"Content-Encoding: nonce\0")?;

    let mut record = Vec::with_capacity(size + 1);
    record.extend_from_slice(plaintext);
    record.push(2);
    record.resize((size + 1).max(record.len()), 0);
    let mut tag = [0; TAG];
    let sealed = encrypt_aead(Cipher::aes_128_gcm(), &key, Some(&nonce), &[], &record, &mut tag)?;

    let mut body = Vec::with_capacity(HEADER + sealed.len() + TAG);
    body.extend_from_slice(&salt);
    body.extend_from_slice(&4096_u32.to_be_bytes());
    body.push(65);
    body.extend_from_slice(&own_public);
    body.extend_from_slice(&sealed);
    body.extend_from_slice(&tag);
    Ok(body)
}

/// HKDF with SHA-256 (RFC 5869), extract and expand.
fn hkdf<const N: usize>(salt: &[u8], material: &[u8], info: &[u8]) -> Result<[u8; N], ErrorStack> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_md(Md::sha256())?;
    context.set_hkdf_salt(salt)?;
    context.set_hkdf_key(material)?;
    context.add_hkdf_info(info)?;
    let mut derived = [0; N];
    context.derive(Some(&mut derived))?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use openssl::bn::BigNum;
    use proptest::prelude::*;

    /// RFC 8291, section 5 and appendix A.
    const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
    const RECEIVER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const OWN_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const OWN_PUBLIC: &str =
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    fn own() -> PKey<Private> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("the curve");
        let mut context = BigNumContext::new().expect("memory");
        let public = EcPoint::from_bytes(&curve, &bytes(OWN_PUBLIC), &mut context).expect("a point");
        let private = BigNum::from_slice(&bytes(OWN_PRIVATE)).expect("a number");
        let key = EcKey::from_private_components(&curve, &private, &public).expect("a key");
        PKey::from_ec_key(key).expect("a key")
    }

    fn subscription() -> Subscription {
        Subscription::parse("https://push.example.net/push/a", RECEIVER, AUTH).expect("valid")
    }

    #[test]
    fn the_example_of_the_rfc_comes_out_byte_for_byte() {
        let salt = bytes(SALT).try_into().expect("16 bytes");
        let body = seal_padded(PLAINTEXT, 0, &subscription(), &own(), salt).expect("sealed");
        assert_eq!(URL_SAFE_NO_PAD.encode(body), BODY);
    }

    #[test]
    fn the_largest_plaintext_fits_and_one_more_byte_does_not() {
        assert_eq!(LARGEST_PLAINTEXT, 3993);
        let largest = vec![b'a'; LARGEST_PLAINTEXT];
        let body = seal(&largest, &subscription(), &own(), [1; 16]).expect("sealed");
        assert_eq!(body.len(), RECORD);
        let more = vec![b'a'; LARGEST_PLAINTEXT + 1];
        assert!(matches!(
            seal(&more, &subscription(), &own(), [1; 16]),
            Err(SealError::TooLong { got: 3994 })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn lengths_tell_little_and_records_stay_below_the_record_size(length in 0..LARGEST_PLAINTEXT) {
            let body = seal(&vec![7; length], &subscription(), &own(), [1; 16]).expect("sealed");
            let record = body.len() - HEADER;
            prop_assert!(SIZES.contains(&(record - TAG - 1)));
            prop_assert!(record < RECORD, "RFC 8291 §4");
        }
    }
}
