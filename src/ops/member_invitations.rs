//! Invitations of members: a link that one person follows once, within two days, to get one role at one merchant.
//!
//! The role is checked when the link is made and again when it is followed: who invited may have lost the right meanwhile.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use secrecy::SecretString;

use crate::domain::access::{self as rules, MemberRefusal};
use crate::domain::id::{MemberId, MemberInvitationId, MerchantId};
use crate::domain::member::Role;
use crate::ops::Ops;
use crate::ops::access::{self, AccessError};
use crate::store::member_invitations::{self, MemberInvitation};
use crate::store::{Error, Tx, access as members};

const LIFE: Duration = Duration::from_secs(48 * 3600);

/// Why nobody was invited, or an invitation was not taken.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("This link was used, taken back, or is older than two days. Ask for a new one.")]
    Gone,
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
    #[error(transparent)]
    Account(#[from] AccessError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A link that was made; its token is told once.
pub struct NewLink {
    pub invitation: MemberInvitation,
    pub token: String,
}

impl Ops {
    /// Makes a link by which whoever has `email` becomes a member with a role.
    pub async fn invite_member(
        &self,
        merchant: MerchantId,
        by: MemberId,
        email: &str,
        role: Role,
    ) -> Result<NewLink, JoinError> {
        let email = access::folded(email);
        access::check_email(&email)?;
        let (secret, now) = (self.ids.secret::<32>(), self.clock.now());
        let invitation = MemberInvitation {
            merchant,
            id: MemberInvitationId(self.ids.next(now)),
            email,
            role,
            invited_by: by,
            created_at: now,
            expires_at: now.plus(LIFE),
        };
        let written = invitation.clone();
        self.store
            .write("invite_member", move |tx| {
                let invitation = written.clone();
                Box::pin(async move {
                    may_invite(tx, &invitation).await?;
                    member_invitations::insert(tx, &invitation, sha256(&secret)).await?;
                    Ok::<_, JoinError>(())
                })
            })
            .await?;
        Ok(NewLink {
            invitation,
            token: URL_SAFE_NO_PAD.encode(secret),
        })
    }

    /// Links of a merchant that nobody has followed yet.
    pub async fn member_invitations(&self, merchant: MerchantId) -> Result<Vec<MemberInvitation>, Error> {
        let now = self.clock.now();
        self.store
            .read("member_invitations", move |tx| {
                Box::pin(async move { member_invitations::open(tx, merchant, now).await })
            })
            .await
    }

    /// Makes a link useless; false when it was followed or taken back before.
    pub async fn revoke_member_invitation(
        &self,
        merchant: MerchantId,
        invitation: MemberInvitationId,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        self.store
            .write("revoke_member_invitation", move |tx| {
                Box::pin(async move { member_invitations::revoke(tx, merchant, invitation, now).await })
            })
            .await
    }

    /// What the link of `token` offers, with the merchant's name and whether there is an account with that address already.
    pub async fn member_invitation(
        &self,
        token: &str,
    ) -> Result<(MemberInvitation, String, bool), JoinError> {
        let hash = token_hash(token).ok_or(JoinError::Gone)?;
        let now = self.clock.now();
        let found = self
            .store
            .read("member_invitation", move |tx| {
                Box::pin(async move {
                    let Some(invitation) = member_invitations::by_token(tx, hash, now).await? else {
                        return Ok::<_, Error>(None);
                    };
                    let name = crate::store::stations::merchant_name(tx, invitation.merchant)
                        .await?
                        .unwrap_or_default();
                    Ok(Some((invitation, name)))
                })
            })
            .await?;
        let (invitation, name) = found.ok_or(JoinError::Gone)?;
        let is_known = self.account_by_email(&invitation.email).await?.is_some();
        Ok((invitation, name, is_known))
    }

    /// Follows a link: `password` is that of the account with its address, or the one that a new account gets.
    pub async fn accept_member_invitation(
        &self,
        token: &str,
        name: &str,
        password: &SecretString,
    ) -> Result<MemberInvitation, JoinError> {
        let hash = token_hash(token).ok_or(JoinError::Gone)?;
        let (invitation, _, _) = self.member_invitation(token).await?;
        let joining = self
            .new_member(
                invitation.merchant,
                name,
                &invitation.email,
                invitation.role,
                password,
            )
            .await
            .map_err(|error| match error {
                // The address is right by the link: what is wrong is the password.
                AccessError::EmailTaken => AccessError::WrongCredentials,
                other => other,
            })?;
        let now = self.clock.now();
        self.store
            .write("accept_member_invitation", move |tx| {
                let joining = joining.clone();
                Box::pin(async move {
                    let found = member_invitations::by_token_for_update(tx, hash, now).await?;
                    let invitation = found.ok_or(JoinError::Gone)?;
                    may_invite(tx, &invitation).await?;
                    access::insert(tx, &joining, now).await?;
                    member_invitations::accept(tx, &invitation, now).await?;
                    Ok(invitation)
                })
            })
            .await
    }
}

/// Whether who invites may do so, now: an admin invites anybody but owners.
async fn may_invite(tx: &mut Tx<'_>, invitation: &MemberInvitation) -> Result<(), JoinError> {
    let by = members::member(tx, invitation.merchant, invitation.invited_by).await?;
    let yours = by.ok_or(JoinError::Gone)?.role;
    Ok(rules::invite_member(yours, invitation.role)?)
}

fn token_hash(token: &str) -> Option<[u8; 32]> {
    let secret = URL_SAFE_NO_PAD.decode(token).ok()?;
    (secret.len() == 32).then(|| sha256(&secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Action;

    #[test]
    fn only_an_owner_invites_owners() {
        for yours in Role::ALL {
            for role in Role::ALL {
                let needs = if role == Role::Owner {
                    Action::ChangeOwners
                } else {
                    Action::InviteMembers
                };
                assert_eq!(
                    rules::invite_member(yours, role).is_ok(),
                    yours.may(needs),
                    "{yours:?} {role:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_token_opens_nothing() {
        assert!(token_hash(&URL_SAFE_NO_PAD.encode([7; 32])).is_some());
        for wrong in ["", "abc", "not base64!", &URL_SAFE_NO_PAD.encode([7; 31])] {
            assert_eq!(token_hash(wrong), None);
        }
    }
}
