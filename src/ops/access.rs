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

use crate::domain::id::{AccountId, MemberId, MerchantId};
use crate::domain::member::Role;
use crate::domain::secret::MasterKey;
use crate::domain::time::Timestamp;
use crate::domain::wording;
use crate::ops::Ops;
use crate::store::access::{self, NewMember, Session, TokenHash};
use crate::store::accounts::{self, Account, NewAccount};
use crate::store::{self, Tx};

const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A session's end is moved at most this often, so that a page costs no write.
const SESSION_STEP: Duration = Duration::from_secs(24 * 3600);
/// Characters of a name.
const LONGEST_NAME: usize = 100;
/// Bytes of an email address (RFC 5321 §4.5.3.1.3, without its brackets).
const LONGEST_EMAIL: usize = 254;
const SHORTEST_PASSWORD: usize = 10;
/// Longer ones are refused before hashing: hashing megabytes is work for an attacker's benefit.
const LONGEST_PASSWORD: usize = 1024;
/// Characters of a browser's name that are kept.
const LONGEST_AGENT: usize = 300;

static HASHING: Semaphore = Semaphore::const_new(2);

/// Stands in for the hash of a member who does not exist.
static DECOY: LazyLock<Option<String>> = LazyLock::new(|| hash("decoy", [0; 16]).ok());

/// Why a sign-in or a new member is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("Email or password is not right.")]
    WrongCredentials,
    #[error(
        "An email address has one @ with something on both sides, no spaces, and at most {LONGEST_EMAIL} bytes."
    )]
    Email,
    #[error("A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} bytes; got {0}.")]
    PasswordLength(usize),
    #[error("This merchant already has members; an owner invites more of them.")]
    AlreadyOwned,
    #[error("This email address is a member's already, and this is not the password of their account.")]
    EmailTaken,
    #[error("This code is not right, or was used before. A new one comes every 30 seconds.")]
    WrongCode,
    #[error(
        "The second factor is on already. Turn it off with one of its codes before another one is set up."
    )]
    SecondFactorOn,
    #[error("A name has 1 to {0} characters on one line.")]
    Name(usize),
    #[error("There is nothing to sign in to: this account belongs to no merchant.")]
    NoMerchant,
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

/// What a right password leads to.
#[derive(Debug)]
pub enum SignedIn {
    Open(SessionToken),
    /// The account has a second factor: its code is asked for next.
    NeedsCode(AccountId),
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
                    let Some(account) = accounts::by_email(tx, &email).await? else {
                        return Ok(None);
                    };
                    let member = access::member_of_account(tx, merchant, account.id).await?;
                    Ok(member.map(|member| member.id))
                })
            })
            .await
    }

    /// Signs in with email and password; `agent` is what the browser calls itself.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &SecretString,
        agent: Option<&str>,
    ) -> Result<SignedIn, AccessError> {
        let known = self.account_by_email(email).await?;
        let password = password.clone();
        let account = blocking(move || check(known, &password)).await??;
        if account.second_factor.is_some() {
            return Ok(SignedIn::NeedsCode(account.id));
        }
        Ok(SignedIn::Open(self.open_session(account.id, agent).await?))
    }

    /// Goes on from [`SignedIn::NeedsCode`]: `code` is that of the second factor, or a recovery code.
    pub async fn sign_in_with_code(
        &self,
        master: &MasterKey,
        account: AccountId,
        code: &str,
        agent: Option<&str>,
    ) -> Result<SessionToken, AccessError> {
        if !self.take_code(master, account, code).await? {
            return Err(AccessError::WrongCode);
        }
        self.open_session(account, agent).await
    }

    async fn open_session(
        &self,
        account: AccountId,
        agent: Option<&str>,
    ) -> Result<SessionToken, AccessError> {
        let secret = self.ids.secret::<32>();
        let now = self.clock.now();
        let token_hash = openssl::sha::sha256(&secret);
        let agent: Option<String> = agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect());
        self.store
            .write("sign_in", move |tx| {
                let agent = agent.clone();
                Box::pin(async move {
                    access::end_expired_sessions(tx, account, now).await?;
                    let first = accounts::memberships(tx, account).await?.into_iter().next();
                    let at = first.ok_or(AccessError::NoMerchant)?;
                    let membership = (at.merchant, at.member, account);
                    let end = now.plus(SESSION_LIFE);
                    access::insert_session(tx, token_hash, membership, agent.as_deref(), now, end).await?;
                    Ok::<_, AccessError>(())
                })
            })
            .await?;
        Ok(SessionToken::from_secret(secret))
    }

    pub(crate) async fn account_by_email(&self, email: &str) -> Result<Option<Account>, store::Error> {
        let email = folded(email);
        self.store
            .read("account_by_email", move |tx| {
                let email = email.clone();
                Box::pin(async move { accounts::by_email(tx, &email).await })
            })
            .await
    }

    /// Whether anybody can sign in at all.
    pub async fn has_accounts(&self) -> Result<bool, store::Error> {
        self.store
            .read("has_accounts", |tx| {
                Box::pin(async move { accounts::is_any(tx).await })
            })
            .await
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
                        Box::pin(async move { access::extend_session(tx, token_hash, end, now).await })
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
        let id = member.member.id;
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

    /// A member as they will be stored: checked, and with their password hashed. Where there is an account with that email
    /// already, its password is the one to give, and the account gets another membership, with the account's name where
    /// none is given.
    pub(crate) async fn new_member(
        &self,
        merchant: MerchantId,
        name: &str,
        email: &str,
        role: Role,
        password: &SecretString,
    ) -> Result<Joining, AccessError> {
        check_member(email, password)?;
        let (salt, now) = (self.ids.secret::<16>(), self.clock.now());
        let id = MemberId(self.ids.next(now));
        let known = self.account_by_email(email).await?;
        let name = match &known {
            Some(account) if name.trim().is_empty() => account.name.clone(),
            _ => checked_name(name)?,
        };
        let password = password.clone();
        let known_account = known.as_ref().map(|account| account.id);
        let hashed = blocking(move || match known {
            Some(account) => check(Some(account), &password).map(|_| None),
            None => hash(password.expose_secret(), salt).map(Some),
        });
        let password_hash = hashed.await?.map_err(|error| match error {
            AccessError::WrongCredentials => AccessError::EmailTaken,
            other => other,
        })?;
        let account = password_hash.map(|password_hash| NewAccount {
            id: AccountId(id.0),
            email: folded(email),
            name: name.clone(),
            password_hash,
        });
        let member = NewMember {
            merchant,
            id,
            account: known_account.unwrap_or(AccountId(id.0)),
            name,
            role,
        };
        Ok(Joining { account, member })
    }
}

/// Somebody who becomes a member, with the account that is made for it where there is none.
#[derive(Debug, Clone)]
pub(crate) struct Joining {
    pub account: Option<NewAccount>,
    pub member: NewMember,
}

/// Whether `email` and `password` can be a member's at all.
pub fn check_member(email: &str, password: &SecretString) -> Result<(), AccessError> {
    check_email(email)?;
    let length = password.expose_secret().len();
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length) {
        return Err(AccessError::PasswordLength(length));
    }
    Ok(())
}

/// Whether `email` can be a member's at all.
pub(crate) fn check_email(email: &str) -> Result<(), AccessError> {
    let email = email.trim();
    let is_one = match email.split_once('@') {
        Some((local, host)) => !local.is_empty() && !host.is_empty() && !host.contains('@'),
        None => false,
    };
    let is_unprintable = |letter: char| letter.is_whitespace() || letter.is_control();
    if !is_one || email.len() > LONGEST_EMAIL || email.chars().any(is_unprintable) {
        return Err(AccessError::Email);
    }
    Ok(())
}

/// The name that stands beside what a member does: one line, without spaces around it.
pub(crate) fn checked_name(name: &str) -> Result<String, AccessError> {
    wording::line("name", name, 1, LONGEST_NAME).map_err(|_| AccessError::Name(LONGEST_NAME))
}

/// Writes a member; one whose address is taken is refused by name.
pub(crate) async fn insert(tx: &mut Tx<'_>, joining: &Joining, now: Timestamp) -> Result<(), AccessError> {
    let taken = |error: store::Error| match error.is_unique_violation() {
        true => AccessError::EmailTaken,
        false => error.into(),
    };
    if let Some(account) = &joining.account {
        accounts::insert(tx, account, now).await.map_err(taken)?;
    }
    access::insert_member(tx, &joining.member, now)
        .await
        .map_err(taken)
}

/// An email address as it is kept and looked up.
pub(crate) fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Hashes passwords off the threads that serve requests, a bounded number at once.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AccessError> {
    blocking_within(&HASHING, work).await
}

/// The place is given back when the work has ended, and not when the one who asked has left: who hangs up in the middle of
/// a request leaves its work and the memory of that behind.
async fn blocking_within<T: Send + 'static>(
    places: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AccessError> {
    let place = places.acquire().await.map_err(|_| AccessError::Hashing)?;
    let work = move || {
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AccessError::Hashing)
}

pub(crate) fn check(known: Option<Account>, password: &SecretString) -> Result<Account, AccessError> {
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

pub(crate) fn hash(password: &str, salt: [u8; 16]) -> Result<String, AccessError> {
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash: argon2::password_hash::phc::PasswordHash| hash.to_string())
        .map_err(|_| AccessError::Hashing)
}

#[cfg(test)]
mod tests;
