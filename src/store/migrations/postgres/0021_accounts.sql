-- Who signs in, apart from what they are a member of: one account may belong to several merchants. Sessions say which
-- browser holds them, and members are invited by a link.
create table accounts (
    account_id bigint not null primary key,
    email text collate "C" not null unique,
    name text collate "C" not null,
    password_hash text collate "C" not null,
    second_factor bytea,
    second_factor_step bigint not null default 0,
    merchant_id bigint,
    created_at bigint not null
);

insert into accounts (account_id, email, name, password_hash, merchant_id, created_at)
    select member_id, email, name, password_hash, merchant_id, created_at from members where removed_at is null;

create table recovery_codes (
    account_id bigint not null,
    code_hash text collate "C" not null,
    used_at bigint,
    primary key (account_id, code_hash)
);

create table members_of_accounts (
    merchant_id bigint not null,
    member_id bigint not null,
    account_id bigint,
    name text collate "C" not null,
    role text collate "C" not null,
    created_at bigint not null,
    removed_at bigint,
    primary key (merchant_id, member_id)
);

insert into members_of_accounts (merchant_id, member_id, account_id, name, role, created_at, removed_at)
    select merchant_id, member_id, case when removed_at is null then member_id end, name, role, created_at, removed_at
    from members;

drop table members;
alter table members_of_accounts rename to members;
create unique index members_by_account on members (account_id, merchant_id) where account_id is not null;

alter table sessions add column account_id bigint not null default 0;
alter table sessions add column used_at bigint;
alter table sessions add column agent text collate "C";
update sessions set account_id = member_id;
create index sessions_by_account on sessions (account_id);

create table member_invitations (
    merchant_id bigint not null,
    member_invitation_id bigint not null,
    token_hash bytea not null unique,
    email text collate "C" not null,
    role text collate "C" not null,
    invited_by bigint not null,
    created_at bigint not null,
    expires_at bigint not null,
    accepted_at bigint,
    revoked_at bigint,
    primary key (merchant_id, member_invitation_id)
);

-- One row once the first owner was made through the console: of two who try at the same moment, one finds it taken.
create table first_run (
    first_run_id bigint not null primary key,
    at bigint not null
);
