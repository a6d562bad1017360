-- Codes on paper, and invitations by mail. The twin of this file is under ../postgres.

-- A batch is made a few codes at a time: `made` says how far it has come.
create table code_batches (
    merchant_id integer not null,
    code_batch_id integer not null,
    program_id integer not null,
    label text not null,
    gift text not null,
    amount integer not null,
    wanted integer not null,
    made integer not null,
    max_uses integer not null,
    expires_at integer,
    revoked_at integer,
    created_by integer,
    created_at integer not null,
    primary key (merchant_id, code_batch_id)
) strict, without rowid;

create index code_batches_unfinished on code_batches (merchant_id, code_batch_id) where made < wanted;

create table codes (
    merchant_id integer not null,
    code text not null,
    code_batch_id integer not null,
    uses integer not null,
    first_used_at integer,
    primary key (merchant_id, code)
) strict, without rowid;

create index codes_by_batch on codes (merchant_id, code_batch_id, code);

-- Which card used which code, once.
create table code_uses (
    merchant_id integer not null,
    code text not null,
    card_id integer not null,
    used_at integer not null,
    primary key (merchant_id, code, card_id)
) strict, without rowid;

-- A letter to one address about one card. While a row is leased, due_at is when the lease runs out. `address` goes
-- when the customer is erased.
create table invitations (
    merchant_id integer not null,
    invitation_id integer not null,
    card_id integer not null,
    customer_id integer not null,
    kind text not null,
    address text not null,
    language text not null,
    state text not null,
    reason text,
    attempts integer not null,
    due_at integer,
    lease integer,
    created_by integer,
    created_at integer not null,
    sent_at integer,
    opened_at integer,
    installed_at integer,
    primary key (merchant_id, invitation_id)
) strict, without rowid;

create index invitations_by_due on invitations (due_at) where due_at is not null;
create index invitations_by_card on invitations (merchant_id, card_id, created_at);
