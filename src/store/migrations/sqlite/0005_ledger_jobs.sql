-- Seals over the ledger, jobs over many cards, and members who have left.
-- The twin of this file under ../postgres has the same tables and columns.

-- A hash chain a merchant: each seal covers the events above the seal before it, up to its last one. `marks` holds 16
-- bytes an event, its id and the beginning of its digest, so that what does not fit is named and not only noticed.
create table seals (
    merchant_id integer not null,
    number integer not null,
    first_event_id integer not null,
    last_event_id integer not null,
    events integer not null,
    previous_hash blob not null,
    hash blob not null,
    marks blob not null,
    sealed_at integer not null,
    primary key (merchant_id, number)
) strict;

-- How far a merchant's ledger is sealed, and the newest event that was seen and when: it is sealed once it has settled.
create table seal_heads (
    merchant_id integer not null primary key,
    number integer not null,
    through_event_id integer not null,
    hash blob not null,
    seen_event_id integer,
    seen_at integer,
    due_at integer not null
) strict;

-- What a seal holds of a reason: its digest under a salt. A reason that is forgotten loses its salt, so that nobody can
-- find it again by trying; the digest stays and the chain with it.
create table sealed_reasons (
    merchant_id integer not null,
    event_id integer not null,
    salt blob,
    digest blob not null,
    primary key (merchant_id, event_id)
) strict, without rowid;

-- A member who has left keeps the name under which they are in the ledger, and nothing to sign in with.
alter table members add column removed_at integer;

-- One action on many cards. Its id is the batch of every event that it writes. The audience is written down page by page
-- up to `gathered_to`, then worked off in the order of cards up to `worked_to`.
create table jobs (
    merchant_id integer not null,
    batch_id integer not null,
    action text not null,
    audience text not null,
    reason text,
    member_id integer,
    source text not null,
    state text not null,
    expected_cards integer,
    expected_able integer,
    expected_print integer,
    cards integer not null,
    print integer not null,
    done integer not null,
    refused integer not null,
    gathered_to integer not null,
    worked_to integer not null,
    created_at integer not null,
    changed_at integer not null,
    finished_at integer,
    primary key (merchant_id, batch_id)
) strict, without rowid;

create index jobs_by_open on jobs (changed_at) where finished_at is null;

-- One card of a job and what became of it. `newest_event_id` and `events` name the rows of the ledger that it made.
create table job_rows (
    merchant_id integer not null,
    batch_id integer not null,
    card_id integer not null,
    state text not null,
    refusal text,
    explanation text,
    newest_event_id integer,
    events integer not null,
    primary key (merchant_id, batch_id, card_id)
) strict, without rowid;

-- One person's cards for their timeline, and one program's for a job.
create index if not exists cards_by_customer on cards (merchant_id, customer_id);
create index if not exists cards_by_program on cards (merchant_id, program_id, card_id);
