-- Codes on paper, and invitations by mail. The twin of this file is under ../sqlite.

-- A batch is made a few codes at a time: `made` says how far it has come.
create table code_batches (
    merchant_id bigint not null,
    code_batch_id bigint not null,
    program_id bigint not null,
    label text collate "C" not null,
    gift text collate "C" not null,
    amount bigint not null,
    wanted bigint not null,
    made bigint not null,
    max_uses bigint not null,
    expires_at bigint,
    revoked_at bigint,
    created_by bigint,
    created_at bigint not null,
    primary key (merchant_id, code_batch_id)
);

create index code_batches_unfinished on code_batches (merchant_id, code_batch_id) where made < wanted;

create table codes (
    merchant_id bigint not null,
    code text collate "C" not null,
    code_batch_id bigint not null,
    uses bigint not null,
    first_used_at bigint,
    primary key (merchant_id, code)
);

create index codes_by_batch on codes (merchant_id, code_batch_id, code);

-- Which card used which code, once.
create table code_uses (
    merchant_id bigint not null,
    code text collate "C" not null,
    card_id bigint not null,
    used_at bigint not null,
    primary key (merchant_id, code, card_id)
);

-- A letter to one address about one card. While a row is leased, due_at is when the lease runs out. `address` goes
-- when the customer is erased.
create table invitations (
    merchant_id bigint not null,
    invitation_id bigint not null,
    card_id bigint not null,
    customer_id bigint not null,
    kind text collate "C" not null,
    address text collate "C" not null,
    language text collate "C" not null,
    state text collate "C" not null,
    reason text collate "C",
    attempts bigint not null,
    due_at bigint,
    lease bigint,
    created_by bigint,
    created_at bigint not null,
    sent_at bigint,
    opened_at bigint,
    installed_at bigint,
    primary key (merchant_id, invitation_id)
);

create index invitations_by_due on invitations (due_at) where due_at is not null;
create index invitations_by_card on invitations (merchant_id, card_id, created_at);
