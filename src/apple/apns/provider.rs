//! Provider tokens: the other way to show APNs who we are, a JWT signed with a team's `.p8` key (Apple,
//! "Establishing a token-based connection to APNs").
//!
//! One [`ProviderTokens`] serves all pass types of one key, because APNs counts new tokens by key and answers
//! `TooManyProviderTokenUpdates` to a key that makes them too often. A token is good for an hour and may be replaced
//! after twenty minutes: it is renewed at fifty. When APNs calls one expired before that, which a clock that is wrong
//! can bring about, it is signed once more; when it calls a new one too many, the one before stays in use.
//!
//! The key and the tokens are secrets: neither shows in `Debug`, and the header is marked as sensitive.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::sha::sha256;

use super::ApnsError;
use crate::domain::time::Timestamp;

/// A token is replaced at this age; APNs refuses it at sixty minutes.
const RENEWED_AT: Duration = Duration::from_secs(50 * 60);
/// APNs takes no new token sooner than this after the last.
const EARLIEST: Duration = Duration::from_secs(20 * 60);
/// A token is of no use from this age on.
const DEAD_AT: Duration = Duration::from_secs(60 * 60);
/// A clock that is set back by more than this makes the token look as if it came from the future.
const AHEAD: Duration = Duration::from_secs(60);

/// Why a `.p8` key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderKeyError {
    #[error("a push key must be an unencrypted PEM file as Apple gives it out (.p8): {0}")]
    Pem(ErrorStack),
    #[error("a push key must be on the curve P-256; this one is not: is it a key for APNs?")]
    Curve,
    #[error("{what} must be the 10 letters and digits that Apple shows; got {got:?}")]
    Id { what: &'static str, got: String },
}

/// A team's key for pushing.
#[derive(Clone)]
pub struct ProviderKey {
    key: EcKey<Private>,
    key_id: String,
    team: String,
}

impl ProviderKey {
    /// Reads the PEM text of a `.p8` file. `key_id` and `team` are ten letters and digits each.
    pub fn from_pem(pem: &[u8], key_id: &str, team: &str) -> Result<Self, ProviderKeyError> {
        for (what, id) in [("the id of a push key", key_id), ("the team of a push key", team)] {
            if id.len() != 10 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(ProviderKeyError::Id {
                    what,
                    got: id.to_owned(),
                });
            }
        }
        let key = EcKey::private_key_from_pem(pem).map_err(ProviderKeyError::Pem)?;
        if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
            return Err(ProviderKeyError::Curve);
        }
        Ok(Self {
            key,
            key_id: key_id.to_owned(),
            team: team.to_owned(),
        })
    }

    /// Reads a `.p8` file.
    pub fn load(path: &Path, key_id: &str, team: &str) -> Result<Self, ApnsError> {
        let pem = std::fs::read(path).map_err(|source| ApnsError::PushKeyFile {
            path: path.to_owned(),
            source,
        })?;
        Self::from_pem(&pem, key_id, team).map_err(|source| ApnsError::PushKey {
            path: path.to_owned(),
            source,
        })
    }

    /// The team whose pass types may push with it.
    pub fn team(&self) -> &str {
        &self.team
    }

    /// Whether both are the same key of the same team, and so share their tokens.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key_id == other.key_id && self.team == other.team
    }

    /// `bearer <JWT>`, signed ES256 (RFC 7518 §3.4: both halves of the signature with 32 bytes each).
    fn sign(&self, now: Timestamp) -> Result<HeaderValue, ErrorStack> {
        let head = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.key_id);
        let claims = format!(r#"{{"iss":"{}","iat":{}}}"#, self.team, now.0.div_euclid(1000));
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = EcdsaSig::sign(&sha256(signed.as_bytes()), &self.key)?;
        let mut halves = signature.r().to_vec_padded(32)?;
        halves.extend(signature.s().to_vec_padded(32)?);
        let text = format!("bearer {signed}.{}", URL_SAFE_NO_PAD.encode(halves));
        // Base64 and dots are visible ASCII.
        let mut header = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("bearer"));
        header.set_sensitive(true);
        Ok(header)
    }
}

impl std::fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderKey")
            .field("key_id", &self.key_id)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

/// The tokens of one key.
pub(super) struct ProviderTokens {
    key: ProviderKey,
    state: Mutex<State>,
}

/// The pure part.
#[derive(Default)]
struct State {
    current: Option<Signed>,
    /// What was in use before, until APNs has taken the current one.
    before: Option<Signed>,
    /// No new token before then, whatever age the current one has.
    rests_until: Option<Timestamp>,
}

#[derive(Clone)]
struct Signed {
    header: HeaderValue,
    at: Timestamp,
    /// Signed because APNs called the one before expired.
    after_refusal: bool,
}

impl ProviderTokens {
    pub(super) fn new(key: ProviderKey) -> Self {
        Self {
            key,
            state: Mutex::default(),
        }
    }

    pub(super) fn key(&self) -> &ProviderKey {
        &self.key
    }

    /// The header to send now.
    pub(super) fn header(&self, now: Timestamp) -> Result<HeaderValue, ErrorStack> {
        let mut state = self.state();
        if let Some(signed) = state.usable(now) {
            return Ok(signed);
        }
        let header = self.key.sign(now)?;
        state.take(header.clone(), now, false);
        Ok(header)
    }

    /// APNs called `refused` expired: what to try instead. `None` when trying again cannot help, because the token
    /// was signed a moment ago for this very reason.
    pub(super) fn after_expired(
        &self,
        refused: &HeaderValue,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, ErrorStack> {
        let mut state = self.state();
        if let Some(current) = &state.current
            && current.header != *refused
        {
            // Another push has renewed it meanwhile.
            return Ok(Some(current.header.clone()));
        }
        if state.renewed_in_vain(now) {
            return Ok(None);
        }
        let header = self.key.sign(now)?;
        state.take(header.clone(), now, true);
        Ok(Some(header))
    }

    /// APNs takes no further token yet: back to the one before `refused`, if it still lives.
    pub(super) fn after_too_many(&self, refused: &HeaderValue, now: Timestamp) {
        self.state().step_back(refused, now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, now: Timestamp) -> Option<HeaderValue> {
        let current = self.current.as_ref()?;
        let age = now.since(current.at);
        let is_resting = self.rests_until.is_some_and(|until| now < until);
        let from_the_future = current.at > now.plus(AHEAD);
        let good = age < RENEWED_AT || (is_resting && age < DEAD_AT);
        (good && !from_the_future).then(|| current.header.clone())
    }

    fn take(&mut self, header: HeaderValue, at: Timestamp, after_refusal: bool) {
        self.before = self.current.replace(Signed {
            header,
            at,
            after_refusal,
        });
    }

    fn renewed_in_vain(&self, now: Timestamp) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.after_refusal && now.since(current.at) < EARLIEST)
    }

    fn step_back(&mut self, refused: &HeaderValue, now: Timestamp) {
        let is_current = self
            .current
            .as_ref()
            .is_some_and(|current| current.header == *refused);
        if !is_current {
            return;
        }
        self.rests_until = Some(now.plus(EARLIEST));
        if let Some(before) = self.before.take_if(|before| now.since(before.at) < DEAD_AT) {
            self.current = Some(before);
        }
    }
}

#[cfg(test)]
mod tests;
