//! Links by which people become members. A link is known by the SHA-256 of its token; the token itself is never stored.

use crate::domain::id::{MemberId, MemberInvitationId, MerchantId};
use crate::domain::member::Role;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

macro_rules! columns {
    () => {
        "i.merchant_id, i.member_invitation_id, i.email, i.role, i.invited_by, i.created_at, i.expires_at"
    };
}

const INSERT: &str = "insert into member_invitations (merchant_id, member_invitation_id, token_hash, email, role, \
     invited_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const OPEN: &str = concat!(
    "select ",
    columns!(),
    " from member_invitations i where i.merchant_id = $1 and i.accepted_at is null and i.revoked_at is null \
     and i.expires_at > $2 order by i.member_invitation_id"
);
macro_rules! by_token {
    ($then:literal) => {
        concat!(
            "select ",
            columns!(),
            " from member_invitations i where i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null \
             and i.expires_at > $2",
            $then
        )
    };
}
const BY_TOKEN: &str = by_token!("");
const BY_TOKEN_FOR_UPDATE: &str = by_token!(" for update");
const ACCEPT: &str =
    "update member_invitations set accepted_at = $3 where merchant_id = $1 and member_invitation_id = $2";
const REVOKE: &str = "update member_invitations set revoked_at = $3 \
     where merchant_id = $1 and member_invitation_id = $2 and accepted_at is null and revoked_at is null";

pub(crate) const STATEMENTS: &[&str] = &[INSERT, OPEN, BY_TOKEN, BY_TOKEN_FOR_UPDATE, ACCEPT, REVOKE];

/// A link that nobody has followed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInvitation {
    pub merchant: MerchantId,
    pub id: MemberInvitationId,
    /// In lower case.
    pub email: String,
    pub role: Role,
    pub invited_by: MemberId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

pub async fn insert(
    tx: &mut Tx<'_>,
    invitation: &MemberInvitation,
    token_hash: [u8; 32],
) -> Result<(), Error> {
    let params = params![
        invitation.merchant,
        invitation.id,
        token_hash.to_vec(),
        invitation.email.as_str(),
        invitation.role.as_str(),
        invitation.invited_by,
        invitation.created_at,
        invitation.expires_at,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

/// Links that can still be followed at `now`, oldest first.
pub async fn open(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    now: Timestamp,
) -> Result<Vec<MemberInvitation>, Error> {
    tx.all(OPEN, &params![merchant, now]).await
}

/// The link with that token, if it can still be followed.
pub async fn by_token(
    tx: &mut Tx<'_>,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<MemberInvitation>, Error> {
    tx.opt(BY_TOKEN, &params![token_hash.to_vec(), now]).await
}

/// The same, locked, so that it is followed once.
pub async fn by_token_for_update(
    tx: &mut Tx<'_>,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<MemberInvitation>, Error> {
    tx.opt(BY_TOKEN_FOR_UPDATE, &params![token_hash.to_vec(), now])
        .await
}

pub async fn accept(tx: &mut Tx<'_>, invitation: &MemberInvitation, now: Timestamp) -> Result<(), Error> {
    tx.exec(ACCEPT, &params![invitation.merchant, invitation.id, now])
        .await?;
    Ok(())
}

/// Makes a link useless; false when it was followed or revoked before.
pub async fn revoke(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    invitation: MemberInvitationId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.exec(REVOKE, &params![merchant, invitation, now]).await? > 0)
}

impl FromRow for MemberInvitation {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            id: row.next()?,
            email: row.next()?,
            role: super::access::role(row)?,
            invited_by: row.next()?,
            created_at: row.next()?,
            expires_at: row.next()?,
        })
    }
}
