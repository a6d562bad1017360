-- Customers as people who are found, noted, tagged, imported and exported.
-- The twin of this file under ../postgres has the same tables and columns; only the index for searching differs.

-- `edited_event_id` is the event of the newest edit: who and when. `search_form` is the form in which `search`,
-- `email_key` and `phone` were made; 0 stands for rows made before there was one, which a chore brings into form.
alter table customers add column edited_event_id integer;
alter table customers add column search_form integer not null default 0;
create index customers_by_search_form on customers (merchant_id, customer_id) where search_form = 0;

-- By what a person is found again: kind is email, external_id or phone. A key belongs to one person only; of older
-- twins the first keeps it.
create table customer_contacts (
    merchant_id integer not null,
    kind text not null,
    key text not null,
    customer_id integer not null,
    primary key (merchant_id, kind, key)
) strict, without rowid;

create index customer_contacts_by_customer on customer_contacts (merchant_id, customer_id);

insert into customer_contacts (merchant_id, kind, key, customer_id)
    select merchant_id, 'email', email_key, min(customer_id) from customers
    where email_key is not null and email_key <> '' and erased_at is null group by merchant_id, email_key;

-- The index for searching: trigrams of customers.search, kept by triggers, so that it cannot be forgotten.
create virtual table customer_search using fts5(
    text, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
);
insert into customer_search (rowid, text) select customer_id, search from customers where search <> '';
create trigger customer_search_insert after insert on customers when new.search <> '' begin
    insert into customer_search (rowid, text) values (new.customer_id, new.search);
end;
create trigger customer_search_update after update of search on customers when new.search <> old.search begin
    delete from customer_search where rowid = old.customer_id;
    insert into customer_search (rowid, text) values (new.customer_id, new.search);
end;
create trigger customer_search_delete after delete on customers begin
    delete from customer_search where rowid = old.customer_id;
end;

-- What a program asks beyond the profile: kind is text, number, date or choice; `choices` is a list in JSON.
create table custom_fields (
    merchant_id integer not null,
    program_id integer not null,
    code text not null,
    label text not null,
    kind text not null,
    choices text not null,
    required integer not null,
    position integer not null,
    created_at integer not null,
    primary key (merchant_id, program_id, code)
) strict, without rowid;

-- Answers, on the card: a field belongs to a program and a card is one customer in one program. `number` is what a
-- number or date is compared by: ten-thousandths, or year * 10000 + month * 100 + day.
create table custom_values (
    merchant_id integer not null,
    card_id integer not null,
    code text not null,
    value text not null,
    number integer,
    primary key (merchant_id, card_id, code)
) strict, without rowid;

-- What staff write about a person; no author is the command line. Deleted ones are gone.
create table customer_notes (
    merchant_id integer not null,
    customer_id integer not null,
    note_id integer not null,
    author_id integer,
    text text not null,
    created_at integer not null,
    edited_at integer,
    primary key (merchant_id, customer_id, note_id)
) strict, without rowid;

create table customer_tags (
    merchant_id integer not null,
    customer_id integer not null,
    tag_key text not null,
    tag text not null,
    created_at integer not null,
    primary key (merchant_id, customer_id, tag_key)
) strict, without rowid;
create index customer_tags_by_tag on customer_tags (merchant_id, tag_key, customer_id);

-- Who took data out or did what else must be accounted for. `detail` is JSON without personal data.
create table audit (
    merchant_id integer not null,
    audit_id integer not null,
    at integer not null,
    actor text not null,
    actor_id integer,
    action text not null,
    detail text not null,
    rows_count integer,
    primary key (merchant_id, audit_id)
) strict, without rowid;

-- Imports: how far each got. `records` moves in the transaction that writes what it counts, so that a job that was
-- interrupted goes on where it stopped. `fingerprint` is the SHA-256 of the file.
create table imports (
    merchant_id integer not null,
    batch_id integer not null,
    program_id integer,
    fingerprint blob not null,
    settings text not null,
    records integer not null,
    created integer not null,
    updated integer not null,
    unchanged integer not null,
    failed integer not null,
    started_at integer not null,
    finished_at integer,
    primary key (merchant_id, batch_id)
) strict, without rowid;

-- Rows that an import could not take, with what was in them, until the report is thrown away.
create table import_failures (
    merchant_id integer not null,
    batch_id integer not null,
    record integer not null,
    line integer not null,
    problems text not null,
    cells text not null,
    primary key (merchant_id, batch_id, record)
) strict, without rowid;

-- What the rows of an unfinished import have touched, one line for each transaction: no two rows change one person.
create table import_marks (
    merchant_id integer not null,
    batch_id integer not null,
    record integer not null,
    marks blob not null,
    primary key (merchant_id, batch_id, record)
) strict, without rowid;
