//! Provider tokens as APNs judges them (Apple, "Establishing a token-based connection to APNs"): ES256 by a key it knows,
//! at most an hour old, for a topic of the key's team, and a new one not more often than every twenty minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::sha::sha256;
use serde_json::Value;

use super::check::Refusal;
use crate::domain::id::PassTypeIdentifier;
use crate::domain::time::Timestamp;

const LONGEST_LIFE: i64 = 3600;
const EARLIEST_UPDATE: i64 = 20 * 60;
/// A clock may be so far ahead of ours.
const AHEAD: i64 = 300;

const INVALID: Refusal = (403, "InvalidProviderToken");

/// A push key that the fake gave out.
#[derive(Clone)]
pub struct PushKey {
    /// The text of its `.p8` file.
    pub pem: Vec<u8>,
    pub key_id: String,
    pub team: String,
    /// What belongs to its team.
    pub topics: Vec<PassTypeIdentifier>,
}

impl PushKey {
    /// Makes a key on the spot. `key_id` and `team` have ten letters and digits.
    pub fn new(key_id: &str, team: &str, topics: &[PassTypeIdentifier]) -> Result<Self, ErrorStack> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Ok(Self {
            pem: PKey::from_ec_key(EcKey::generate(&curve)?)?.private_key_to_pem_pkcs8()?,
            key_id: key_id.to_owned(),
            team: team.to_owned(),
            topics: topics.to_vec(),
        })
    }
}

/// The keys that the fake knows, and which tokens it has seen of each.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, Known>);

struct Known {
    key: EcKey<Public>,
    team: String,
    topics: Vec<String>,
    /// `iat` of the tokens that were taken, and when the newest came.
    taken: Mutex<(Vec<i64>, i64)>,
}

/// The token that a connection has shown last.
#[derive(Clone)]
pub(super) struct Shown {
    header: HeaderValue,
    key_id: String,
    issued: i64,
}

impl Keys {
    pub(super) fn new(keys: &[PushKey]) -> Result<Self, ErrorStack> {
        let mut known = HashMap::new();
        for key in keys {
            let public = PKey::private_key_from_pem(&key.pem)?.public_key_to_pem()?;
            let one = Known {
                key: EcKey::public_key_from_pem(&public)?,
                team: key.team.clone(),
                topics: key.topics.iter().map(|topic| topic.as_str().to_owned()).collect(),
                taken: Mutex::default(),
            };
            known.insert(key.key_id.clone(), one);
        }
        Ok(Self(known))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the token of one request. `before` is what this connection has shown so far; the answer replaces it.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        topic: &str,
        before: Option<&Shown>,
        now: Timestamp,
    ) -> Result<Shown, Refusal> {
        let header = headers
            .get(header::AUTHORIZATION)
            .ok_or((403, "MissingProviderToken"))?;
        let shown = match before {
            Some(before) if before.header == *header => before.clone(),
            _ => self.read(header).ok_or(INVALID)?,
        };
        if before.is_some_and(|before| before.key_id != shown.key_id) {
            return Err((403, "UnrelatedKeyIdInToken"));
        }
        let known = self.0.get(&shown.key_id).ok_or(INVALID)?;
        let now = now.0.div_euclid(1000);
        if shown.issued > now + AHEAD {
            return Err(INVALID);
        }
        if now - shown.issued >= LONGEST_LIFE {
            return Err((403, "ExpiredProviderToken"));
        }
        if !known.topics.iter().any(|one| one == topic) {
            return Err((400, "TopicDisallowed"));
        }
        let mut taken = known.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, newest) = &mut *taken;
        if !seen.contains(&shown.issued) {
            if !seen.is_empty() && now - *newest < EARLIEST_UPDATE {
                return Err((429, "TooManyProviderTokenUpdates"));
            }
            seen.retain(|issued| now - issued < LONGEST_LIFE);
            seen.push(shown.issued);
            *newest = now;
        }
        Ok(shown)
    }

    /// A token with a sound signature of a key that is known.
    fn read(&self, header: &HeaderValue) -> Option<Shown> {
        let text = header.to_str().ok()?.strip_prefix("bearer ")?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let json = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let (head, claims) = (json(head)?, json(claims)?);
        let key_id = head["kid"].as_str()?;
        let known = self.0.get(key_id)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let (r, s) = signature.split_at_checked(32)?;
        let number = |bytes: &[u8]| BigNum::from_slice(bytes).ok();
        let signature = EcdsaSig::from_private_components(number(r)?, number(s)?).ok()?;
        let is_sound = head["alg"] == "ES256"
            && claims["iss"] == known.team.as_str()
            && s.len() == 32
            && signature.verify(&sha256(signed.as_bytes()), &known.key).ok()?;
        is_sound.then_some(Shown {
            header: header.clone(),
            key_id: key_id.to_owned(),
            issued: claims["iat"].as_i64()?,
        })
    }
}
