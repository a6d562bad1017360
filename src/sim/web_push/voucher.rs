//! What a push service checks of a sender (RFC 8292 §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use serde_json::Value;

use crate::domain::time::Timestamp;

/// Whether `authorization` is a voucher of `application_server_key` for `origin`; else why not.
pub(super) fn check(
    authorization: &str,
    application_server_key: &str,
    origin: &str,
    now: Timestamp,
) -> Result<(), String> {
    let parameters = authorization
        .strip_prefix("vapid ")
        .ok_or("the scheme must be vapid")?;
    let parameter = |name: &str| {
        let mut found = parameters
            .split(',')
            .filter_map(|part| part.trim().split_once('='));
        found.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let token = parameter("t").ok_or("there is no t")?;
    let key = parameter("k").ok_or("there is no k")?;
    if key.trim_end_matches('=') != application_server_key.trim_end_matches('=') {
        return Err("the subscription is for another key".into());
    }
    let (signed, signature) = token.rsplit_once('.').ok_or("t is no token")?;
    let (head, claims) = signed.split_once('.').ok_or("t is no token")?;
    if part(head)?["alg"] != "ES256" {
        return Err("alg must be ES256".into());
    }
    if !is_signed(signed, signature, key).unwrap_or(false) {
        return Err("BadJwtToken: the signature is not the key's".into());
    }
    let claims = part(claims)?;
    if claims["aud"] != origin {
        return Err(format!(
            "BadJwtToken: aud must be {origin}; got {}",
            claims["aud"]
        ));
    }
    let ends = claims["exp"].as_i64().ok_or("BadJwtToken: exp is no time")?;
    let now = now.0.div_euclid(1000);
    if ends <= now || ends > now + 24 * 3600 {
        return Err("BadJwtToken: exp must be within the next 24 hours".into());
    }
    let contact = claims["sub"].as_str().unwrap_or_default();
    let is_contact = contact.starts_with("mailto:") || contact.starts_with("https://");
    // Apple's services look at the host.
    let is_nowhere = ["localhost", ".invalid", ".local"]
        .iter()
        .any(|end| contact.ends_with(end));
    if !is_contact || is_nowhere {
        return Err("BadJwtToken: sub must be a mailto: or https: that exists".into());
    }
    Ok(())
}

fn part(text: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "t is not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "t holds no JSON".into())
}

fn is_signed(signed: &str, signature: &str, key: &str) -> Option<bool> {
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let (r, s) = signature.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    let signature =
        EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()?;
    let point = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).ok()?;
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
    let mut context = BigNumContext::new().ok()?;
    let point = EcPoint::from_bytes(&curve, &point, &mut context).ok()?;
    let key = EcKey::from_public_key(&curve, &point).ok()?;
    signature
        .verify(&openssl::sha::sha256(signed.as_bytes()), &key)
        .ok()
}
