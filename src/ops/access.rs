//! Signing in and out, sessions, and the first owner of a merchant.
//!
//! A password is compared even when the email is unknown, so that the time of an answer tells nothing. At most
//! two passwords are hashed at once: each takes 19 MiB of memory. A session is a random token of 256 bits, of
//! which the store keeps only the SHA-256; it ends 30 days after the last day on which it was used.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::domain::id::{MemberId, MerchantId};
use crate::domain::member::Role;
use crate::domain::time::Timestamp;
use crate::ops::Ops;
use crate::store::access::{self, NewMember, PasswordOfMember, Session, TokenHash};
use crate::store::{self, Tx};

const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A session's end is moved at most this often, so that a page costs no write.
const SESSION_STEP: Duration = Duration::from_secs(24 * 3600);
const SHORTEST_PASSWORD: usize = 10;
/// Longer ones are refused before hashing: hashing megabytes is work for an attacker's benefit.
const LONGEST_PASSWORD: usize = 1024;

static HASHING: Semaphore = Semaphore::const_new(2);

/// Stands in for the hash of a member who does not exist.
static DECOY: LazyLock<Option<String>> = LazyLock::new(|| hash("decoy", [0; 16]).ok());

/// Why a sign-in or a new member is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("Email or password is not right.")]
    WrongCredentials,
    #[error("An email address has one @ with something on both sides.")]
    Email,
    #[error("A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} bytes; got {0}.")]
    PasswordLength(usize),
    #[error("This merchant already has members; an owner invites more of them.")]
    AlreadyOwned,
    #[error("This email address is a member's already; each member has one of their own.")]
    EmailTaken,
    #[error("a password could not be hashed")]
    Hashing,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a browser keeps of a session: 43 characters of base64url. Not printable by accident.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn from_secret(secret: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(secret))
    }

    /// What the store knows of the token in `text`; `None` when it is no token of ours.
    pub fn hash(text: &str) -> Option<TokenHash> {
        let secret = URL_SAFE_NO_PAD.decode(text).ok()?;
        (secret.len() == 32).then(|| openssl::sha::sha256(&secret))
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl Ops {
    /// The member of a merchant who signs in with `email`.
    pub async fn member_by_email(
        &self,
        merchant: MerchantId,
        email: &str,
    ) -> Result<Option<MemberId>, store::Error> {
        let email = folded(email);
        self.store
            .read("member_by_email", move |tx| {
                let email = email.clone();
                Box::pin(async move {
                    let found = access::password(tx, &email).await?;
                    Ok(found
                        .filter(|found| found.merchant == merchant)
                        .map(|found| found.member))
                })
            })
            .await
    }

    /// Opens a session for the member with that email and password.
    pub async fn sign_in(&self, email: &str, password: &SecretString) -> Result<SessionToken, AccessError> {
        let email = folded(email);
        let known = self
            .store
            .read("password_of_member", move |tx| {
                let email = email.clone();
                Box::pin(async move { access::password(tx, &email).await })
            })
            .await?;
        let password = password.clone();
        let member = blocking(move || check(known, &password)).await??;

        let secret = self.ids.secret::<32>();
        let now = self.clock.now();
        let token_hash = openssl::sha::sha256(&secret);
        self.store
            .write("sign_in", move |tx| {
                let PasswordOfMember { merchant, member, .. } = member;
                Box::pin(async move {
                    access::end_expired_sessions(tx, merchant, member, now).await?;
                    let end = now.plus(SESSION_LIFE);
                    access::insert_session(tx, token_hash, merchant, member, now, end).await
                })
            })
            .await?;
        Ok(SessionToken::from_secret(secret))
    }

    /// The session of the token that a browser shows, with its end moved on when a day of it has passed.
    pub async fn session(&self, shown: &str) -> Result<Option<Session>, AccessError> {
        let Some(token_hash) = SessionToken::hash(shown) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let session = self
            .store
            .read("session", move |tx| {
                Box::pin(async move { access::session(tx, token_hash, now).await })
            })
            .await?;
        if let Some(session) = &session {
            let end = now.plus(SESSION_LIFE);
            if end.since(session.expires_at) >= SESSION_STEP {
                self.store
                    .write("extend_session", move |tx| {
                        Box::pin(async move { access::extend_session(tx, token_hash, end).await })
                    })
                    .await?;
            }
        }
        Ok(session)
    }

    /// Ends the session of that token, if there is one.
    pub async fn sign_out(&self, shown: &str) -> Result<(), AccessError> {
        if let Some(token_hash) = SessionToken::hash(shown) {
            self.store
                .write("sign_out", move |tx| {
                    Box::pin(async move { access::end_session(tx, token_hash).await })
                })
                .await?;
        }
        Ok(())
    }

    /// Makes the first member of a merchant, its owner. Refused once there is any member.
    pub async fn first_owner(
        &self,
        merchant: MerchantId,
        name: &str,
        email: &str,
        password: &SecretString,
    ) -> Result<MemberId, AccessError> {
        self.add(merchant, name, email, Role::Owner, password, true).await
    }

    /// Adds a member. Whether the one who asks may do so is the caller's question.
    pub async fn add_member(
        &self,
        merchant: MerchantId,
        name: &str,
        email: &str,
        role: Role,
        password: &SecretString,
    ) -> Result<MemberId, AccessError> {
        self.add(merchant, name, email, role, password, false).await
    }

    async fn add(
        &self,
        merchant: MerchantId,
        name: &str,
        email: &str,
        role: Role,
        password: &SecretString,
        first: bool,
    ) -> Result<MemberId, AccessError> {
        let member = self.new_member(merchant, name, email, role, password).await?;
        let now = self.clock.now();
        let id = member.id;
        self.store
            .write("add_member", move |tx| {
                let member = member.clone();
                Box::pin(async move {
                    if first && access::members(tx, merchant).await? > 0 {
                        return Err(AccessError::AlreadyOwned);
                    }
                    insert(tx, &member, now).await
                })
            })
            .await?;
        Ok(id)
    }

    /// A member as they will be stored: checked, and with their password hashed.
    pub(crate) async fn new_member(
        &self,
        merchant: MerchantId,
        name: &str,
        email: &str,
        role: Role,
        password: &SecretString,
    ) -> Result<NewMember, AccessError> {
        check_member(email, password)?;
        let salt = self.ids.secret::<16>();
        let password = password.clone();
        let password_hash = blocking(move || hash(password.expose_secret(), salt)).await??;
        Ok(NewMember {
            merchant,
            id: MemberId(self.ids.next(self.clock.now())),
            email: folded(email),
            name: name.trim().to_owned(),
            role,
            password_hash,
        })
    }
}

/// Whether `email` and `password` can be a member's at all.
pub fn check_member(email: &str, password: &SecretString) -> Result<(), AccessError> {
    let email = email.trim();
    if !matches!(email.split_once('@'), Some((local, host)) if !local.is_empty() && !host.is_empty()) {
        return Err(AccessError::Email);
    }
    let length = password.expose_secret().len();
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length) {
        return Err(AccessError::PasswordLength(length));
    }
    Ok(())
}

/// Writes a member; one whose address is taken is refused by name.
pub(crate) async fn insert(tx: &mut Tx<'_>, member: &NewMember, now: Timestamp) -> Result<(), AccessError> {
    match access::insert_member(tx, member, now).await {
        Err(error) if error.is_unique_violation() => Err(AccessError::EmailTaken),
        other => Ok(other?),
    }
}

/// An email address as it is kept and looked up.
fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Runs work that takes long and no waiting off the threads that serve requests, a bounded number at once.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccessError> {
    let permit = HASHING.acquire().await.map_err(|_| AccessError::Hashing)?;
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AccessError::Hashing);
    drop(permit);
    done
}

fn check(known: Option<PasswordOfMember>, password: &SecretString) -> Result<PasswordOfMember, AccessError> {
    let decoy = DECOY.as_deref().ok_or(AccessError::Hashing)?;
    let password = password.expose_secret();
    if password.len() > LONGEST_PASSWORD {
        return Err(AccessError::WrongCredentials);
    }
    let hash = known.as_ref().map_or(decoy, |known| known.password_hash.as_str());
    let verified = Argon2::default()
        .verify_password(password.as_bytes(), hash)
        .is_ok();
    known.filter(|_| verified).ok_or(AccessError::WrongCredentials)
}

fn hash(password: &str, salt: [u8; 16]) -> Result<String, AccessError> {
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash: argon2::password_hash::phc::PasswordHash| hash.to_string())
        .map_err(|_| AccessError::Hashing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(password: &str) -> PasswordOfMember {
        PasswordOfMember {
            merchant: MerchantId(1),
            member: MemberId(1),
            password_hash: hash(password, [3; 16]).expect("hashes"),
        }
    }

    #[test]
    fn a_password_opens_only_its_own_account() {
        let secret = SecretString::from("correct horse");
        assert!(check(Some(known("correct horse")), &secret).is_ok());
        assert!(check(Some(known("battery staple")), &secret).is_err());
        assert!(check(None, &secret).is_err());
        assert!(check(None, &SecretString::from("decoy")).is_err());
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let real = known("x").password_hash;
        let decoy = DECOY.as_deref().expect("hashes");
        let cost = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(decoy), cost(&real));
    }

    #[test]
    fn a_token_is_found_by_its_hash_and_not_printed() {
        let token = SessionToken::from_secret([7; 32]);
        assert_eq!(
            SessionToken::hash(token.expose()),
            Some(openssl::sha::sha256(&[7; 32]))
        );
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!(SessionToken::hash("short"), None);
        assert_eq!(SessionToken::hash("not base64 !"), None);
    }
}
