//! Members, and the sessions of their accounts. A session is known by the SHA-256 of its token; the token itself is never stored.

use crate::domain::id::{AccountId, MemberId, MerchantId};
use crate::domain::member::Role;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx, accounts};

const INSERT_MEMBER: &str = "insert into members (merchant_id, member_id, account_id, name, role, created_at) \
     values ($1, $2, $3, $4, $5, $6)";
const MEMBERS: &str = "select count(*) from members where merchant_id = $1 and removed_at is null";
const INSERT_SESSION: &str = "insert into sessions (token_hash, merchant_id, member_id, account_id, created_at, \
     expires_at, used_at, agent) values ($1, $2, $3, $4, $5, $6, $5, $7)";
const SESSION: &str = "select s.merchant_id, s.member_id, s.account_id, a.email, b.name, b.role, m.name, m.zone, \
     s.expires_at, (select count(*) from members o where o.account_id = s.account_id and o.removed_at is null) \
     from sessions s \
     join accounts a on a.account_id = s.account_id \
     join members b on b.merchant_id = s.merchant_id and b.member_id = s.member_id \
     join merchants m on m.merchant_id = s.merchant_id \
     where s.token_hash = $1 and s.expires_at > $2 and b.account_id = s.account_id";
const EXTEND: &str =
    "update sessions set expires_at = $2, used_at = $3 where token_hash = $1 and expires_at < $2";
const END: &str = "delete from sessions where token_hash = $1";
const END_OF_MEMBER: &str = "delete from sessions where merchant_id = $1 and member_id = $2";
const SESSIONS: &str = "select s.token_hash, s.created_at, s.used_at, s.agent from sessions s \
     where s.account_id = $1 and s.expires_at > $2 order by s.created_at desc, s.token_hash";
const END_ONE: &str = "delete from sessions where account_id = $1 and token_hash = $2";
const END_OTHERS: &str = "delete from sessions where account_id = $1 and token_hash <> $2";
const MOVE: &str = "update sessions set merchant_id = $2, member_id = $3 where token_hash = $1";
macro_rules! member {
    () => {
        "select b.merchant_id, b.member_id, b.account_id, a.email, b.name, b.role from members b \
         join accounts a on a.account_id = b.account_id where b.merchant_id = $1 and b.removed_at is null"
    };
}
const MEMBER: &str = concat!(member!(), " and b.member_id = $2");
const OF_ACCOUNT: &str = concat!(member!(), " and b.account_id = $2");
const LIST: &str = concat!(member!(), " order by b.member_id");
const OWNERS: &str = "select member_id from members \
     where merchant_id = $1 and role = 'owner' and removed_at is null order by member_id for update";
const SET_ROLE: &str = "update members set role = $3 where merchant_id = $1 and member_id = $2";
const REMOVE: &str =
    "update members set removed_at = $3, account_id = null where merchant_id = $1 and member_id = $2";
const END_EXPIRED: &str = "delete from sessions where account_id = $1 and expires_at <= $2";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_MEMBER,
    MEMBERS,
    INSERT_SESSION,
    SESSION,
    EXTEND,
    END,
    END_EXPIRED,
    END_OF_MEMBER,
    SESSIONS,
    END_ONE,
    END_OTHERS,
    MOVE,
    MEMBER,
    OF_ACCOUNT,
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
    pub account: AccountId,
    pub name: String,
    pub role: Role,
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub merchant: MerchantId,
    pub id: MemberId,
    pub account: AccountId,
    pub email: String,
    pub name: String,
    pub role: Role,
}

/// A live session with the member it belongs to.
#[derive(Debug, Clone)]
pub struct Session {
    pub merchant: MerchantId,
    pub member: MemberId,
    pub account: AccountId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub merchant_name: String,
    /// IANA name of the merchant's time zone.
    pub zone: String,
    pub expires_at: Timestamp,
    /// How many merchants the account belongs to.
    pub merchants: i64,
}

/// A browser that is signed in, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    pub token_hash: TokenHash,
    pub created_at: Timestamp,
    /// When it was last used, within a day.
    pub used_at: Option<Timestamp>,
    /// What the browser called itself then.
    pub agent: Option<String>,
}

pub async fn insert_member(tx: &mut Tx<'_>, member: &NewMember, now: Timestamp) -> Result<(), Error> {
    let params = params![
        member.merchant,
        member.id,
        member.account,
        member.name.as_str(),
        member.role.as_str(),
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

pub async fn insert_session(
    tx: &mut Tx<'_>,
    token_hash: TokenHash,
    membership: (MerchantId, MemberId, AccountId),
    agent: Option<&str>,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let (merchant, member, account) = membership;
    let params = params![
        token_hash.to_vec(),
        merchant,
        member,
        account,
        now,
        expires_at,
        agent
    ];
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
    now: Timestamp,
) -> Result<(), Error> {
    let params = params![token_hash.to_vec(), expires_at, now];
    tx.exec(EXTEND, &params).await?;
    Ok(())
}

/// The browsers in which an account is signed in, the newest first.
pub async fn sessions(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<OpenSession>, Error> {
    tx.all(SESSIONS, &params![account, now]).await
}

/// Ends one of an account's sessions; false when it has none like it.
pub async fn end_one(tx: &mut Tx<'_>, account: AccountId, token_hash: TokenHash) -> Result<bool, Error> {
    Ok(tx.exec(END_ONE, &params![account, token_hash.to_vec()]).await? > 0)
}

/// Ends all sessions of an account but one.
pub async fn end_others(tx: &mut Tx<'_>, account: AccountId, token_hash: TokenHash) -> Result<u64, Error> {
    tx.exec(END_OTHERS, &params![account, token_hash.to_vec()]).await
}

/// Takes a session to another merchant of its account.
pub async fn move_session(
    tx: &mut Tx<'_>,
    token_hash: TokenHash,
    merchant: MerchantId,
    member: MemberId,
) -> Result<(), Error> {
    let params = params![token_hash.to_vec(), merchant, member];
    tx.exec(MOVE, &params).await?;
    Ok(())
}

pub async fn end_session(tx: &mut Tx<'_>, token_hash: TokenHash) -> Result<(), Error> {
    tx.exec(END, &params![token_hash.to_vec()]).await?;
    Ok(())
}

/// Deletes the account's sessions that have run out.
pub async fn end_expired_sessions(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), Error> {
    tx.exec(END_EXPIRED, &params![account, now]).await?;
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

/// What an account is at a merchant.
pub async fn member_of_account(
    tx: &mut Tx<'_>,
    merchant: MerchantId,
    account: AccountId,
) -> Result<Option<Member>, Error> {
    tx.opt(OF_ACCOUNT, &params![merchant, account]).await
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

/// Ends a membership. The name stays for the ledger; an account that belongs nowhere any more is deleted, and its email
/// address is free again.
pub async fn remove(tx: &mut Tx<'_>, member: &Member, now: Timestamp) -> Result<(), Error> {
    tx.exec(REMOVE, &params![member.merchant, member.id, now]).await?;
    tx.exec(END_OF_MEMBER, &params![member.merchant, member.id])
        .await?;
    accounts::delete_without_merchant(tx, member.account).await
}

impl FromRow for Member {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            id: row.next()?,
            account: row.next()?,
            email: row.next()?,
            name: row.next()?,
            role: role(row)?,
        })
    }
}

pub(super) fn role(row: &mut Row) -> Result<Role, Error> {
    let role: String = row.next()?;
    Role::parse(&role).ok_or_else(|| Error::inconsistent("a role in members.role", role))
}

impl FromRow for OpenSession {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        let hash: Vec<u8> = row.next()?;
        Ok(Self {
            token_hash: hash.try_into().map_err(|hash: Vec<u8>| {
                Error::inconsistent("32 bytes in sessions.token_hash", hash.len())
            })?,
            created_at: row.next()?,
            used_at: row.next()?,
            agent: row.next()?,
        })
    }
}

impl FromRow for Session {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: MerchantId(row.next()?),
            member: MemberId(row.next()?),
            account: row.next()?,
            email: row.next()?,
            name: row.next()?,
            role: role(row)?,
            merchant_name: row.next()?,
            zone: row.next()?,
            expires_at: Timestamp(row.next()?),
            merchants: row.next()?,
        })
    }
}
