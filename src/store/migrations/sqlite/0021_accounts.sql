-- Who signs in, apart from what they are a member of: one account may belong to several merchants. Sessions say which
-- browser holds them, and members are invited by a link.
create table accounts (
    account_id integer not null primary key,
    email text not null unique,
    name text not null,
    password_hash text not null,
    second_factor blob,
    second_factor_step integer not null default 0,
    merchant_id integer,
    created_at integer not null
) strict, without rowid;

insert into accounts (account_id, email, name, password_hash, merchant_id, created_at)
    select member_id, email, name, password_hash, merchant_id, created_at from members where removed_at is null;

create table recovery_codes (
    account_id integer not null,
    code_hash text not null,
    used_at integer,
    primary key (account_id, code_hash)
) strict, without rowid;

create table members_of_accounts (
    merchant_id integer not null,
    member_id integer not null,
    account_id integer,
    name text not null,
    role text not null,
    created_at integer not null,
    removed_at integer,
    primary key (merchant_id, member_id)
) strict, without rowid;

insert into members_of_accounts (merchant_id, member_id, account_id, name, role, created_at, removed_at)
    select merchant_id, member_id, case when removed_at is null then member_id end, name, role, created_at, removed_at
    from members;

drop table members;
alter table members_of_accounts rename to members;
create unique index members_by_account on members (account_id, merchant_id) where account_id is not null;

alter table sessions add column account_id integer not null default 0;
alter table sessions add column used_at integer;
alter table sessions add column agent text;
update sessions set account_id = member_id;
create index sessions_by_account on sessions (account_id);

create table member_invitations (
    merchant_id integer not null,
    member_invitation_id integer not null,
    token_hash blob not null unique,
    email text not null,
    role text not null,
    invited_by integer not null,
    created_at integer not null,
    expires_at integer not null,
    accepted_at integer,
    revoked_at integer,
    primary key (merchant_id, member_invitation_id)
) strict, without rowid;

-- One row once the first owner was made through the console: of two who try at the same moment, one finds it taken.
create table first_run (
    first_run_id integer not null primary key,
    at integer not null
) strict, without rowid;
