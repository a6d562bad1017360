//! Members and their sessions. A session is known by the SHA-256 of its token; the token itself is never stored.

use crate::domain::id::{MemberId, MerchantId};
use crate::domain::member::Role;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT_MEMBER: &str = "insert into members (merchant_id, member_id, email, name, role, password_hash, \
     created_at) values ($1, $2, $3, $4, $5, $6, $7)";
const MEMBERS: &str = "select count(*) from members where merchant_id = $1 and removed_at is null";
const PASSWORD: &str = "select merchant_id, member_id, password_hash from members where email = $1";
const INSERT_SESSION: &str = "insert into sessions (token_hash, merchant_id, member_id, created_at, expires_at) \
     values ($1, $2, $3, $4, $5)";
const SESSION: &str = "select s.merchant_id, s.member_id, b.email, b.name, b.role, m.name, m.zone, s.expires_at \
     from sessions s \
     join members b on b.merchant_id = s.merchant_id and b.member_id = s.member_id \
     join merchants m on m.merchant_id = s.merchant_id \
     where s.token_hash = $1 and s.expires_at > $2";
const EXTEND: &str = "update sessions set expires_at = $2 where token_hash = $1 and expires_at < $2";
const END: &str = "delete from sessions where token_hash = $1";
const END_OF_MEMBER: &str = "delete from sessions where merchant_id = $1 and member_id = $2";
const MEMBER: &str = "select merchant_id, member_id, email, name, role from members \
     where merchant_id = $1 and member_id = $2 and removed_at is null";
const LIST: &str = "select merchant_id, member_id, email, name, role from members \
     where merchant_id = $1 and removed_at is null order by member_id";
const OWNERS: &str = "select member_id from members \
     where merchant_id = $1 and role = 'owner' and removed_at is null order by member_id for update";
const SET_ROLE: &str = "update members set role = $3 where merchant_id = $1 and member_id = $2";
const REMOVE: &str = "update members set removed_at = $3, email = $4, password_hash = '' \
     where merchant_id = $1 and member_id = $2";
const END_EXPIRED: &str =
    "delete from sessions where merchant_id = $1 and member_id = $2 and expires_at <= $3";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_MEMBER,
    MEMBERS,
    PASSWORD,
    INSERT_SESSION,
    SESSION,
    EXTEND,
    END,
    END_EXPIRED,
    END_OF_MEMBER,
    MEMBER,
    LIST,
    OWNERS,
    SET_ROLE,
    REMOVE,
];

/// SHA-256 of a session's token.
pub type TokenHash = [u8; 32];

#[derive(Debug, Clone)]
pub struct NewMember {
    pub merchant: MerchantId,
    pub id: MemberId,
    /// In lower case; unique in the whole gateway.
    pub email: String,
    pub name: String,
    pub role: Role,
    /// In PHC form; `$argon2id$…`.
    pub password_hash: String,
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub merchant: MerchantId,
    pub id: MemberId,
    pub email: String,
    pub name: String,
    pub role: Role,
}

/// What a password is checked against.
#[derive(Debug, Clone)]
pub struct PasswordOfMember {
    pub merchant: MerchantId,
    pub member: MemberId,
    pub password_hash: String,
}

/// A live session with the member it belongs to.
#[derive(Debug, Clone)]
pub struct Session {
    pub merchant: MerchantId,
    pub member: MemberId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub merchant_name: String,
    /// IANA name of the merchant's time zone.
    pub zone: String,
    pub expires_at: Timestamp,
}

pub async fn insert_member(tx: &mut Tx<'_>, member: &NewMember, now: Timestamp) -> Result<(), Error> {
    let params = params![
        member.merchant,
        member.id,
        member.email.as_str(),
        member.name.as_str(),
        member.role.as_str(),
        member.password_hash.as_str(),
        now,
    ];
    tx.exec(INSERT_MEMBER, &params).await?;
    Ok(())
}

/// How many members the merchant has.
pub async fn members(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<i64, Error> {
    let (count,): (i64,) = tx.one(MEMBERS, &params![merchant]).await?;
    Ok(count)
}

pub async fn password(tx: &mut Tx<'_>, email: &str) -> Result<Option<PasswordOfMember>, Error> {
    tx.opt(PASSWORD, &params![email]).await
}

pub async fn insert_session(
    tx: &mut Tx<'_>,
    token_hash: TokenHash,
    merchant: MerchantId,
    member: MemberId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let params = params![token_hash.to_vec(), merchant, member, now, expires_at];
    tx.exec(INSERT_SESSION, &params).await?;
    Ok(())
}

/// The session with that token, unless it ended before `now`.
pub async fn session(
    tx: &mut Tx<'_>,
    token_hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Session>, Error> {
    tx.opt(SESSION, &params![token_hash.to_vec(), now]).await
}

/// Moves a session's end; never earlier.
pub async fn extend_session(
    tx: &mut Tx<'_>,
    token_hash: TokenHash,
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.exec(EXTEND, &params![token_hash.to_vec(), expires_at]).await?;
    Ok(())
}

pub async fn end_session(tx: &mut Tx<'_>, token_hash: TokenHash) -> Result<(), Error> {
    tx.exec(END, &params![token_hash.to_vec()]).await?;
    Ok(())
}

/// Deletes the member's sessions that have run out.
pub async fn end_expired_sessions(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    member: MemberId,
    now: Timestamp,
) -> Result<(), Error> {
    tx.exec(END_EXPIRED, &params![merchant, member, now]).await?;
    Ok(())
}

/// A member, unless they have left.
pub async fn member(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    member: MemberId,
) -> Result<Option<Member>, Error> {
    tx.opt(MEMBER, &params![merchant, member]).await
}

/// Every member of a merchant, oldest first.
pub async fn list(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<Member>, Error> {
    tx.all(LIST, &params![merchant]).await
}

/// The owners, locked until the transaction ends, so that two who remove each other are one after the other.
pub async fn owners_for_update(tx: &mut Tx<'_>, merchant: MerchantId) -> Result<Vec<MemberId>, Error> {
    let owners: Vec<(MemberId,)> = tx.all(OWNERS, &params![merchant]).await?;
    Ok(owners.into_iter().map(|(member,)| member).collect())
}

pub async fn set_role(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    member: MemberId,
    role: Role,
) -> Result<(), Error> {
    tx.exec(SET_ROLE, &params![merchant, member, role.as_str()])
        .await?;
    Ok(())
}

/// Takes away everything to sign in with; the name stays for the ledger, and the email address is free again.
pub async fn remove(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    member: MemberId,
    now: Timestamp,
) -> Result<(), Error> {
    let nobody = format!("removed:{member}");
    tx.exec(REMOVE, &params![merchant, member, now, nobody]).await?;
    tx.exec(END_OF_MEMBER, &params![merchant, member]).await?;
    Ok(())
}

impl FromRow for Member {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            id: row.next()?,
            email: row.next()?,
            name: row.next()?,
            role: role(row)?,
        })
    }
}

fn role(row: &mut Row) -> Result<Role, Error> {
    let role: String = row.next()?;
    Role::parse(&role).ok_or_else(|| Error::inconsistent("a role in members.role", role))
}

impl FromRow for PasswordOfMember {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: MerchantId(row.next()?),
            member: MemberId(row.next()?),
            password_hash: row.next()?,
        })
    }
}

impl FromRow for Session {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: MerchantId(row.next()?),
            member: MemberId(row.next()?),
            email: row.next()?,
            name: row.next()?,
            role: role(row)?,
            merchant_name: row.next()?,
            zone: row.next()?,
            expires_at: Timestamp(row.next()?),
        })
    }
}
