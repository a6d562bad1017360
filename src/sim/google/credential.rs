//! Service accounts made at run time, and the check of what they sign (RFC 7515, RFC 7519, RFC 7523).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};

/// Why no service account could be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error("OpenSSL cannot make a key: {0}")]
    Key(#[from] openssl::error::ErrorStack),
    #[error("cannot write the key file {path}: {source}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// What Google keeps of a service account.
#[derive(Clone)]
pub struct ServiceAccount {
    /// The JSON key file that its owner has.
    pub key_file: PathBuf,
    pub email: String,
    pub(super) public_key: PKey<Public>,
}

/// Makes a service account and writes its key to `service-account.json` in `directory`.
pub fn make_service_account(directory: &Path, token_uri: &str) -> Result<ServiceAccount, MakeError> {
    let rsa = Rsa::generate(2048)?;
    let private_key =
        String::from_utf8(PKey::from_rsa(rsa.clone())?.private_key_to_pem_pkcs8()?).unwrap_or_default();
    let public_key = PKey::public_key_from_pem(&rsa.public_key_to_pem()?)?;
    let email = "gateway@passgate-sim.iam.gserviceaccount.com".to_owned();
    let text = json!({
        "type": "service_account",
        "project_id": "passgate-sim",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": email,
        "client_id": "1",
        "token_uri": token_uri,
    });
    let key_file = directory.join("service-account.json");
    std::fs::write(&key_file, format!("{text:#}\n")).map_err(|source| MakeError::Write {
        path: key_file.clone(),
        source,
    })?;
    Ok(ServiceAccount {
        key_file,
        email,
        public_key,
    })
}

/// Reads a JWT and checks its RS256 signature with the key that `key_of` knows for its issuer. The error says
/// what is wrong.
pub(super) fn verify(jwt: &str, key_of: impl Fn(&str) -> Option<PKey<Public>>) -> Result<Value, String> {
    let mut parts = jwt.split('.');
    let (Some(header), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("a JWT has three parts".into());
    };
    if json_part(header)?["alg"] != "RS256" {
        return Err("the algorithm must be RS256".into());
    }
    let claims = json_part(body)?;
    let issuer = claims["iss"].as_str().ok_or("the claim iss is missing")?;
    let key = key_of(issuer).ok_or("the issuer is not known")?;
    let signed = header.len() + 1 + body.len();
    let signed = jwt.as_bytes().get(..signed).unwrap_or_default();
    let genuine = Verifier::new(MessageDigest::sha256(), &key)
        .and_then(|mut verifier| verifier.verify_oneshot(&decode(signature)?, signed))
        .unwrap_or(false);
    if genuine {
        Ok(claims)
    } else {
        Err("the signature is wrong".into())
    }
}

fn json_part(part: &str) -> Result<Value, String> {
    let bytes = decode(part).map_err(|_| "a part is not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "a part is not JSON".into())
}

/// Google takes base64url with and without padding.
fn decode(part: &str) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    URL_SAFE_NO_PAD
        .decode(part.trim_end_matches('='))
        .map_err(|_| openssl::error::ErrorStack::get())
}
