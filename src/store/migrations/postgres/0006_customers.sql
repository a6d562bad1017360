-- Customers as people who are found, noted, tagged, imported and exported.
-- The twin of this file under ../sqlite has the same tables and columns; only the index for searching differs.

-- `edited_event_id` is the event of the newest edit: who and when. `search_form` is the form in which `search`,
-- `email_key` and `phone` were made; 0 stands for rows made before there was one, which a chore brings into form.
alter table customers add column edited_event_id bigint;
alter table customers add column search_form bigint not null default 0;
create index customers_by_search_form on customers (merchant_id, customer_id) where search_form = 0;

-- By what a person is found again: kind is email, external_id or phone. A key belongs to one person only; of older
-- twins the first keeps it.
create table customer_contacts (
    merchant_id bigint not null,
    kind text collate "C" not null,
    key text collate "C" not null,
    customer_id bigint not null,
    primary key (merchant_id, kind, key)
);

create index customer_contacts_by_customer on customer_contacts (merchant_id, customer_id);

insert into customer_contacts (merchant_id, kind, key, customer_id)
    select merchant_id, 'email', email_key, min(customer_id) from customers
    where email_key is not null and email_key <> '' and erased_at is null group by merchant_id, email_key;

-- The index for searching: trigrams of customers.search. Where the extension cannot be made the same statements run
-- without it, slower.
do $$
begin
    create extension if not exists pg_trgm;
    create index customers_by_search on customers using gin (search gin_trgm_ops);
exception when insufficient_privilege or undefined_file or undefined_object or feature_not_supported then
    raise notice 'customers are searched without an index: %', sqlerrm;
end
$$;

-- What a program asks beyond the profile: kind is text, number, date or choice; `choices` is a list in JSON.
create table custom_fields (
    merchant_id bigint not null,
    program_id bigint not null,
    code text collate "C" not null,
    label text collate "C" not null,
    kind text collate "C" not null,
    choices text collate "C" not null,
    required bigint not null,
    position bigint not null,
    created_at bigint not null,
    primary key (merchant_id, program_id, code)
);

-- Answers, on the card: a field belongs to a program and a card is one customer in one program. `number` is what a
-- number or date is compared by: ten-thousandths, or year * 10000 + month * 100 + day.
create table custom_values (
    merchant_id bigint not null,
    card_id bigint not null,
    code text collate "C" not null,
    value text collate "C" not null,
    number bigint,
    primary key (merchant_id, card_id, code)
);

-- What staff write about a person; no author is the command line. Deleted ones are gone.
create table customer_notes (
    merchant_id bigint not null,
    customer_id bigint not null,
    note_id bigint not null,
    author_id bigint,
    text text collate "C" not null,
    created_at bigint not null,
    edited_at bigint,
    primary key (merchant_id, customer_id, note_id)
);

create table customer_tags (
    merchant_id bigint not null,
    customer_id bigint not null,
    tag_key text collate "C" not null,
    tag text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, customer_id, tag_key)
);
create index customer_tags_by_tag on customer_tags (merchant_id, tag_key, customer_id);

-- Who took data out or did what else must be accounted for. `detail` is JSON without personal data.
create table audit (
    merchant_id bigint not null,
    audit_id bigint not null,
    at bigint not null,
    actor text collate "C" not null,
    actor_id bigint,
    action text collate "C" not null,
    detail text collate "C" not null,
    rows_count bigint,
    primary key (merchant_id, audit_id)
);

-- Imports: how far each got. `records` moves in the transaction that writes what it counts, so that a job that was
-- interrupted goes on where it stopped. `fingerprint` is the SHA-256 of the file.
create table imports (
    merchant_id bigint not null,
    batch_id bigint not null,
    program_id bigint,
    fingerprint bytea not null,
    settings text collate "C" not null,
    records bigint not null,
    created bigint not null,
    updated bigint not null,
    unchanged bigint not null,
    failed bigint not null,
    started_at bigint not null,
    finished_at bigint,
    primary key (merchant_id, batch_id)
);

-- Rows that an import could not take, with what was in them, until the report is thrown away.
create table import_failures (
    merchant_id bigint not null,
    batch_id bigint not null,
    record bigint not null,
    line bigint not null,
    problems text collate "C" not null,
    cells text collate "C" not null,
    primary key (merchant_id, batch_id, record)
);

-- What the rows of an unfinished import have touched, one line for each transaction: no two rows change one person.
create table import_marks (
    merchant_id bigint not null,
    batch_id bigint not null,
    record bigint not null,
    marks bytea not null,
    primary key (merchant_id, batch_id, record)
);
