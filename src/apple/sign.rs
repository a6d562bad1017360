//! The `signature` file of a pass: a detached CMS SignedData (RFC 5652) over `manifest.json`.
//!
//! One signer, SHA-256, the signed attributes contentType, signingTime and messageDigest, and the certificates
//! of the signer and of Apple's intermediate, byte for byte as they were issued. Everything but the time, the
//! digest and the signature itself is encoded once when the identity is loaded, so that a pass costs one RSA
//! operation and little more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sha::Sha256;

use crate::apple::der::{self, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, context, element};
use crate::apple::identity::Identity;
use crate::domain::time::Timestamp;

// Object identifiers as content bytes: RFC 5652 §4 and §11, RFC 5754 §2.2, RFC 8017 §A.1, RFC 5758 §3.2.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ECDSA_WITH_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// DER of `INTEGER 1` and of `NULL`.
const VERSION_1: &[u8] = &[0x02, 0x01, 0x01];
const NULL: &[u8] = &[0x05, 0x00];

/// Signs manifests with one identity. Shared between threads.
pub(crate) struct Signer {
    key: PKey<Private>,
    /// Ready and idle: never more than there were signatures at one time.
    contexts: Mutex<Vec<PkeyCtx<Private>>>,
    /// SignedData up to and including the certificates.
    signed_data_start: Vec<u8>,
    /// SignerInfo up to and including the digest algorithm.
    signer_info_start: Vec<u8>,
    content_type: Vec<u8>,
    signature_algorithm: Vec<u8>,
}

impl Signer {
    pub(crate) fn new(identity: &Identity) -> Result<Self, ErrorStack> {
        let certificate = identity.certificate.to_der()?;
        let intermediate = identity.intermediate.to_der()?;
        let issuer = identity.certificate.issuer_name().to_der()?;
        let serial = serial_number(&certificate);

        // Parameters are absent for SHA-256 and NULL for RSA: RFC 5754 §2 and §3.2.
        let digest_algorithm = element(SEQUENCE, &[&object(SHA_256)]);
        let signature_algorithm = match identity.key.id() {
            Id::EC => element(SEQUENCE, &[&object(ECDSA_WITH_SHA_256)]),
            _ => element(SEQUENCE, &[&object(RSA_ENCRYPTION), NULL]),
        };

        let mut signed_data_start = VERSION_1.to_vec();
        der::write(&mut signed_data_start, SET, &[&digest_algorithm]);
        der::write(&mut signed_data_start, SEQUENCE, &[&object(DATA)]);
        // A SET OF is ordered by its elements' bytes.
        let mut certificates = [certificate, intermediate];
        certificates.sort();
        der::write(
            &mut signed_data_start,
            context(0),
            &certificates.each_ref().map(Vec::as_slice),
        );

        let mut signer_info_start = VERSION_1.to_vec();
        der::write(&mut signer_info_start, SEQUENCE, &[&issuer, &serial]);
        signer_info_start.extend_from_slice(&digest_algorithm);

        Ok(Self {
            key: identity.key.clone(),
            contexts: Mutex::new(Vec::new()),
            signed_data_start,
            signer_info_start,
            content_type: attribute(CONTENT_TYPE, &object(DATA)),
            signature_algorithm,
        })
    }

    /// The detached signature of `manifest`, made at `now`: DER, some 3 kB.
    pub(crate) fn sign(&self, manifest: &[u8], now: Timestamp) -> Result<Vec<u8>, ErrorStack> {
        let signing_time = attribute(SIGNING_TIME, &time(now));
        let digest = attribute(MESSAGE_DIGEST, &element(OCTET_STRING, &[&sha256(manifest)]));
        // DER orders a SET OF by its elements' bytes; these three differ first in their lengths: 24, 28, 47.
        let attributes: [&[u8]; 3] = [&self.content_type, &signing_time, &digest];

        // The signature covers the attributes under the tag SET; the message carries them under [0] (§5.4).
        let signature = self.raw_signature(&sha256(&element(SET, &attributes)))?;
        let signer_info = element(
            SEQUENCE,
            &[
                &self.signer_info_start,
                &element(context(0), &attributes),
                &self.signature_algorithm,
                &element(OCTET_STRING, &[&signature]),
            ],
        );
        let signers = element(SET, &[&signer_info]);
        let signed_data = element(SEQUENCE, &[&self.signed_data_start, &signers]);
        let content = element(context(0), &[&signed_data]);
        Ok(element(SEQUENCE, &[&object(SIGNED_DATA), &content]))
    }

    fn raw_signature(&self, digest: &[u8; 32]) -> Result<Vec<u8>, ErrorStack> {
        let idle = self.contexts().pop();
        let mut context = match idle {
            Some(context) => context,
            None => prepare(&self.key)?,
        };
        let mut signature = Vec::with_capacity(256);
        context.sign_to_vec(digest, &mut signature)?;
        self.contexts().push(context);
        Ok(signature)
    }

    fn contexts(&self) -> MutexGuard<'_, Vec<PkeyCtx<Private>>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A context that signs SHA-256 digests with `key`, any number of times.
fn prepare(key: &PKeyRef<Private>) -> Result<PkeyCtx<Private>, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.sign_init()?;
    if key.id() == Id::RSA {
        context.set_rsa_padding(Padding::PKCS1)?;
    }
    context.set_signature_md(Md::sha256())?;
    Ok(context)
}

/// SHA-256 by OpenSSL's plain functions: its one-shot function looks the algorithm up under a lock each time, which
/// costs more than hashing a manifest.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(data);
    hash.finish()
}

fn object(identifier: &[u8]) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[identifier])
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&object(name), &element(SET, &[value])])
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5652 §11.3).
fn time(now: Timestamp) -> Vec<u8> {
    let now = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
    if (1950..2050).contains(&now.year()) {
        element(
            der::UTC_TIME,
            &[now.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()],
        )
    } else {
        element(
            der::GENERALIZED_TIME,
            &[now.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()],
        )
    }
}

/// The serial number's encoding, taken from the certificate itself so that it is the same to the bit.
fn serial_number(certificate: &[u8]) -> Vec<u8> {
    const INTEGER: u8 = 0x02;
    der::read(certificate)
        .and_then(|(outer, _)| der::read(outer.content))
        .and_then(|(signed_part, _)| {
            der::children(signed_part.content).find(|element| element.tag == INTEGER)
        })
        .map(|serial| serial.whole.to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_their_century_demands() {
        assert_eq!(&time(Timestamp(1_790_000_000_000))[..], b"\x17\x0d260921141320Z");
        assert_eq!(
            &time(Timestamp(2_600_000_000_000))[..],
            b"\x18\x0f20520522141320Z"
        );
    }
}
