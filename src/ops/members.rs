//! Members' roles, and members who leave. A merchant never loses its last owner, whoever asks and however many at once.

use crate::domain::access::{self, Action, MemberRefusal};
use crate::domain::id::{MemberId, MerchantId};
use crate::domain::member::Role;
use crate::ops::Ops;
use crate::store::access::{self as store, Member};
use crate::store::{Error, Tx};

/// Why a member stays as they are.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error("there is no such member")]
    NotFound,
    /// The one who asks has left meanwhile.
    #[error("only a member of this merchant may do this")]
    NotAMember,
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
    #[error(transparent)]
    Store(#[from] Error),
}

impl Ops {
    pub async fn members(&self, merchant: MerchantId) -> Result<Vec<Member>, Error> {
        self.store
            .read("members", move |tx| {
                Box::pin(async move { store::list(tx, merchant).await })
            })
            .await
    }

    /// The member, if their role may do `action` at this moment.
    pub async fn permit(
        &self,
        merchant: MerchantId,
        member: MemberId,
        action: Action,
    ) -> Result<Member, MemberError> {
        let found = self.store.read("member", move |tx| {
            Box::pin(async move { store::member(tx, merchant, member).await })
        });
        let found = found.await?.ok_or(MemberError::NotAMember)?;
        if !found.role.may(action) {
            let refused = MemberRefusal::NotAllowed {
                yours: found.role,
                needs: action.least_role(),
            };
            return Err(refused.into());
        }
        Ok(found)
    }

    /// Gives a member another role; `by` is the member who asks, none for the operator of the gateway.
    pub async fn set_role(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        member: MemberId,
        role: Role,
    ) -> Result<(), MemberError> {
        self.store
            .write("set_role", move |tx| {
                Box::pin(async move {
                    check(tx, merchant, by, member, Some(role)).await?;
                    Ok(store::set_role(tx, merchant, member, role).await?)
                })
            })
            .await
    }

    /// Ends a member's access, sessions and all. Their name stays with what they did.
    pub async fn remove_member(
        &self,
        merchant: MerchantId,
        by: Option<MemberId>,
        member: MemberId,
    ) -> Result<(), MemberError> {
        let now = self.clock.now();
        self.store
            .write("remove_member", move |tx| {
                Box::pin(async move {
                    let leaving = check(tx, merchant, by, member, None).await?;
                    Ok(store::remove(tx, &leaving, now).await?)
                })
            })
            .await
    }
}

/// Locks the owners first and reads both members after that, so that what is checked still holds when it is written.
async fn check(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    by: Option<MemberId>,
    member: MemberId,
    then: Option<Role>,
) -> Result<Member, MemberError> {
    let owners = store::owners_for_update(tx, merchant).await?.len();
    let by = match by {
        Some(by) => {
            let by = store::member(tx, merchant, by).await?;
            Some(by.ok_or(MemberError::NotAMember)?.role)
        }
        None => None,
    };
    let found = store::member(tx, merchant, member).await?;
    let found = found.ok_or(MemberError::NotFound)?;
    access::change_member(by, found.role, then, owners)?;
    Ok(found)
}
