//! What people do with their own account: name, password, browsers that are signed in, and the merchant they look at.

use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::id::{AccountId, MerchantId};
use crate::ops::Ops;
use crate::ops::access::{self, AccessError, SessionToken, blocking, hash};
use crate::store::access::{OpenSession, TokenHash};
use crate::store::accounts::{self, Membership};
use crate::store::{Error, access as sessions};

impl Ops {
    /// The browsers in which an account is signed in, the newest first.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<OpenSession>, Error> {
        let now = self.clock.now();
        self.store
            .read("sessions", move |tx| {
                Box::pin(async move { sessions::sessions(tx, account, now).await })
            })
            .await
    }

    /// Signs one browser out; false when it was not signed in any more.
    pub async fn end_session(&self, account: AccountId, token_hash: TokenHash) -> Result<bool, Error> {
        self.store
            .write("end_session", move |tx| {
                Box::pin(async move { sessions::end_one(tx, account, token_hash).await })
            })
            .await
    }

    /// Signs out every browser of an account but the one that shows `token`; returns how many there were.
    pub async fn end_other_sessions(&self, account: AccountId, token: &str) -> Result<u64, Error> {
        let kept = SessionToken::hash(token).unwrap_or_default();
        self.store
            .write("end_other_sessions", move |tx| {
                Box::pin(async move { sessions::end_others(tx, account, kept).await })
            })
            .await
    }

    /// The merchants that an account belongs to, the one it was last at first.
    pub async fn memberships(&self, account: AccountId) -> Result<Vec<Membership>, Error> {
        self.store
            .read("memberships", move |tx| {
                Box::pin(async move { accounts::memberships(tx, account).await })
            })
            .await
    }

    /// Takes the session of `token` to another merchant of its account; false when the account does not belong there.
    pub async fn switch_merchant(
        &self,
        account: AccountId,
        token: &str,
        merchant: MerchantId,
    ) -> Result<bool, Error> {
        let Some(token_hash) = SessionToken::hash(token) else {
            return Ok(false);
        };
        self.store
            .write("switch_merchant", move |tx| {
                Box::pin(async move {
                    let Some(member) = sessions::member_of_account(tx, merchant, account).await? else {
                        return Ok(false);
                    };
                    accounts::choose(tx, account, merchant).await?;
                    sessions::move_session(tx, token_hash, merchant, member.id).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Changes the name that stands beside what the person does.
    pub async fn rename_account(&self, account: AccountId, name: &str) -> Result<(), AccessError> {
        let name = access::checked_name(name)?;
        Ok(self
            .store
            .write("rename_account", move |tx| {
                let name = name.clone();
                Box::pin(async move { accounts::rename(tx, account, &name).await })
            })
            .await?)
    }

    /// Changes a password after the old one was shown, and signs out every other browser.
    pub async fn change_password(
        &self,
        email: &str,
        token: &str,
        old: &SecretString,
        new: &SecretString,
    ) -> Result<(), AccessError> {
        access::check_member(email, new)?;
        let known = self.account_by_email(email).await?;
        let (old, new, salt) = (old.clone(), new.clone(), self.ids.secret::<16>());
        let (account, hashed) = blocking(move || {
            let account = access::check(known, &old)?;
            Ok::<_, AccessError>((account.id, hash(new.expose_secret(), salt)?))
        })
        .await??;
        let kept = SessionToken::hash(token).unwrap_or_default();
        Ok(self
            .store
            .write("change_password", move |tx| {
                let hashed = hashed.clone();
                Box::pin(async move {
                    accounts::set_password(tx, account, &hashed).await?;
                    sessions::end_others(tx, account, kept).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?)
    }
}
