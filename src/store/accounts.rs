//! Accounts: who signs in, with what. What an account may do stands with its memberships in `access`.
//!
//! Passwords and recovery codes are kept as hashes, the secret of the second factor sealed under the master key.
//! Accounts belong to no merchant, so no key here begins with one.

use crate::domain::id::{AccountId, MemberId, MerchantId};
use crate::domain::member::Role;
use crate::domain::time::Timestamp;
use crate::store::sql::params;
use crate::store::{Error, FromRow, Row, Tx};

const INSERT: &str =
    "insert into accounts (account_id, email, name, password_hash, created_at) values ($1, $2, $3, $4, $5)";
const BY_EMAIL: &str = "select a.account_id, a.email, a.name, a.password_hash, a.second_factor, a.second_factor_step \
     from accounts a where a.email = $1";
const BY_ID: &str = "select a.account_id, a.email, a.name, a.password_hash, a.second_factor, a.second_factor_step \
     from accounts a where a.account_id = $1";
const BY_ID_FOR_UPDATE: &str = "select a.account_id, a.email, a.name, a.password_hash, a.second_factor, \
     a.second_factor_step from accounts a where a.account_id = $1 for update";
const FIRST: &str = "insert into first_run (first_run_id, at) values (1, $1)";
const ANY: &str = "select account_id from accounts limit 1";
const RENAME: &str = "update accounts set name = $2 where account_id = $1";
const RENAME_MEMBERS: &str = "update members set name = $2 where account_id = $1";
const SET_PASSWORD: &str = "update accounts set password_hash = $2 where account_id = $1";
const SET_SECOND_FACTOR: &str =
    "update accounts set second_factor = $2, second_factor_step = $3 where account_id = $1";
/// A code is good once: the step moves on, and whoever comes second with the same one finds it taken.
const TAKE_STEP: &str =
    "update accounts set second_factor_step = $2 where account_id = $1 and second_factor_step < $2";
const FORGET_CODES: &str = "delete from recovery_codes where account_id = $1";
const ADD_CODE: &str = "insert into recovery_codes (account_id, code_hash, used_at) \
     select v.column1, v.column2, null from (values {bigint, text}) as v where true";
const TAKE_CODE: &str =
    "update recovery_codes set used_at = $3 where account_id = $1 and code_hash = $2 and used_at is null";
const CODES_LEFT: &str = "select count(*) from recovery_codes where account_id = $1 and used_at is null";
const CHOOSE: &str = "update accounts set merchant_id = $2 where account_id = $1";
const MERCHANTS: &str = "select m.merchant_id, b.member_id, m.name, b.role from members b \
     join merchants m on m.merchant_id = b.merchant_id \
     left join accounts a on a.account_id = b.account_id and a.merchant_id = b.merchant_id \
     where b.account_id = $1 and b.removed_at is null \
     order by case when a.account_id is null then 1 else 0 end, m.name, m.merchant_id";
const DELETE: &str = "delete from accounts where account_id = $1 and not exists \
     (select 1 from members b where b.account_id = $1 and b.removed_at is null)";
const DELETE_CODES: &str = "delete from recovery_codes where account_id = $1 and not exists \
     (select 1 from accounts a where a.account_id = $1)";

pub(crate) const STATEMENTS: &[&str] = &[
    INSERT,
    BY_EMAIL,
    BY_ID,
    BY_ID_FOR_UPDATE,
    FIRST,
    ANY,
    RENAME,
    RENAME_MEMBERS,
    SET_PASSWORD,
    SET_SECOND_FACTOR,
    TAKE_STEP,
    FORGET_CODES,
    ADD_CODE,
    TAKE_CODE,
    CODES_LEFT,
    CHOOSE,
    MERCHANTS,
    DELETE,
    DELETE_CODES,
];

#[derive(Debug, Clone)]
pub struct NewAccount {
    pub id: AccountId,
    /// In lower case; unique in the whole gateway.
    pub email: String,
    pub name: String,
    /// In PHC form; `$argon2id$…`.
    pub password_hash: String,
}

/// Who signs in, and what is compared then.
#[derive(Clone)]
pub struct Account {
    pub id: AccountId,
    pub email: String,
    pub name: String,
    pub password_hash: String,
    /// Sealed; none: a password is enough.
    pub second_factor: Option<Vec<u8>>,
    /// The newest time step of which a code was taken.
    pub second_factor_step: i64,
}

/// A merchant that an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub merchant: MerchantId,
    pub member: MemberId,
    pub merchant_name: String,
    pub role: Role,
}

pub async fn insert(tx: &mut Tx<'_>, account: &NewAccount, now: Timestamp) -> Result<(), Error> {
    let params = params![
        account.id,
        account.email.as_str(),
        account.name.as_str(),
        account.password_hash.as_str(),
        now,
    ];
    tx.exec(INSERT, &params).await?;
    Ok(())
}

pub async fn by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<Account>, Error> {
    tx.opt(BY_EMAIL, &params![email]).await
}

pub async fn account(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Account>, Error> {
    tx.opt(BY_ID, &params![account]).await
}

/// An account, locked until the transaction ends.
pub async fn for_update(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Account>, Error> {
    tx.opt(BY_ID_FOR_UPDATE, &params![account]).await
}

/// Says that the first owner is being made; a unique violation for whoever says so second.
pub async fn begin_first_run(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
    tx.exec(FIRST, &params![now]).await?;
    Ok(())
}

/// Whether anybody can sign in at all.
pub async fn is_any(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let found: Option<(AccountId,)> = tx.opt(ANY, &params![]).await?;
    Ok(found.is_some())
}

/// Changes a name, also where it stands beside what the person does from now on.
pub async fn rename(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<(), Error> {
    tx.exec(RENAME, &params![account, name]).await?;
    tx.exec(RENAME_MEMBERS, &params![account, name]).await?;
    Ok(())
}

pub async fn set_password(tx: &mut Tx<'_>, account: AccountId, hash: &str) -> Result<(), Error> {
    tx.exec(SET_PASSWORD, &params![account, hash]).await?;
    Ok(())
}

/// Sets or, with none, removes the second factor, and with it the recovery codes that went with the old one.
pub async fn set_second_factor(
    tx: &mut Tx<'_>,
    account: AccountId,
    sealed: Option<&[u8]>,
    step: i64,
    code_hashes: &[String],
) -> Result<(), Error> {
    let sealed = sealed.map(<[u8]>::to_vec);
    tx.exec(SET_SECOND_FACTOR, &params![account, sealed, step])
        .await?;
    tx.exec(FORGET_CODES, &params![account]).await?;
    let rows: Vec<_> = code_hashes
        .iter()
        .map(|hash| params![account, hash.as_str()].to_vec())
        .collect();
    if !rows.is_empty() {
        tx.exec_rows(ADD_CODE, &params![], &rows).await?;
    }
    Ok(())
}

/// Takes the code of a time step; false when it, or a later one, was taken before.
pub async fn take_step(tx: &mut Tx<'_>, account: AccountId, step: i64) -> Result<bool, Error> {
    Ok(tx.exec(TAKE_STEP, &params![account, step]).await? > 0)
}

/// Takes a recovery code; false when there is none like it, or it was taken before.
pub async fn take_recovery_code(
    tx: &mut Tx<'_>,
    account: AccountId,
    hash: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.exec(TAKE_CODE, &params![account, hash, now]).await? > 0)
}

/// How many recovery codes are still good.
pub async fn recovery_codes_left(tx: &mut Tx<'_>, account: AccountId) -> Result<i64, Error> {
    let (count,): (i64,) = tx.one(CODES_LEFT, &params![account]).await?;
    Ok(count)
}

/// The merchants that an account belongs to, the one it was last at first.
pub async fn memberships(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Membership>, Error> {
    tx.all(MERCHANTS, &params![account]).await
}

/// Remembers the merchant that the account was last at.
pub async fn choose(tx: &mut Tx<'_>, account: AccountId, merchant: MerchantId) -> Result<(), Error> {
    tx.exec(CHOOSE, &params![account, merchant]).await?;
    Ok(())
}

/// Deletes an account that belongs to no merchant any more; its address is free again.
pub async fn delete_without_merchant(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Error> {
    tx.exec(DELETE, &params![account]).await?;
    tx.exec(DELETE_CODES, &params![account]).await?;
    Ok(())
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FromRow for Account {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.next()?,
            email: row.next()?,
            name: row.next()?,
            password_hash: row.next()?,
            second_factor: row.next()?,
            second_factor_step: row.next()?,
        })
    }
}

impl FromRow for Membership {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Self {
            merchant: row.next()?,
            member: row.next()?,
            merchant_name: row.next()?,
            role: super::access::role(row)?,
        })
    }
}
