-- Seals over the ledger, jobs over many cards, and members who have left.
-- The twin of this file under ../sqlite has the same tables and columns.

-- A hash chain a merchant: each seal covers the events above the seal before it, up to its last one. `marks` holds 16
-- bytes an event, its id and the beginning of its digest, so that what does not fit is named and not only noticed.
create table seals (
    merchant_id bigint not null,
    number bigint not null,
    first_event_id bigint not null,
    last_event_id bigint not null,
    events bigint not null,
    previous_hash bytea not null,
    hash bytea not null,
    marks bytea not null,
    sealed_at bigint not null,
    primary key (merchant_id, number)
);

-- How far a merchant's ledger is sealed, and the newest event that was seen and when: it is sealed once it has settled.
create table seal_heads (
    merchant_id bigint not null primary key,
    number bigint not null,
    through_event_id bigint not null,
    hash bytea not null,
    seen_event_id bigint,
    seen_at bigint,
    due_at bigint not null
);

-- What a seal holds of a reason: its digest under a salt. A reason that is forgotten loses its salt, so that nobody can
-- find it again by trying; the digest stays and the chain with it.
create table sealed_reasons (
    merchant_id bigint not null,
    event_id bigint not null,
    salt bytea,
    digest bytea not null,
    primary key (merchant_id, event_id)
);

-- A member who has left keeps the name under which they are in the ledger, and nothing to sign in with.
alter table members add column removed_at bigint;

-- One action on many cards. Its id is the batch of every event that it writes. The audience is written down page by page
-- up to `gathered_to`, then worked off in the order of cards up to `worked_to`.
create table jobs (
    merchant_id bigint not null,
    batch_id bigint not null,
    action text collate "C" not null,
    audience text collate "C" not null,
    reason text collate "C",
    member_id bigint,
    source text collate "C" not null,
    state text collate "C" not null,
    expected_cards bigint,
    expected_able bigint,
    expected_print bigint,
    cards bigint not null,
    print bigint not null,
    done bigint not null,
    refused bigint not null,
    gathered_to bigint not null,
    worked_to bigint not null,
    created_at bigint not null,
    changed_at bigint not null,
    finished_at bigint,
    primary key (merchant_id, batch_id)
);

create index jobs_by_open on jobs (changed_at) where finished_at is null;

-- One card of a job and what became of it. `newest_event_id` and `events` name the rows of the ledger that it made.
create table job_rows (
    merchant_id bigint not null,
    batch_id bigint not null,
    card_id bigint not null,
    state text collate "C" not null,
    refusal text collate "C",
    explanation text collate "C",
    newest_event_id bigint,
    events bigint not null,
    primary key (merchant_id, batch_id, card_id)
);

-- One person's cards for their timeline, and one program's for a job.
create index if not exists cards_by_customer on cards (merchant_id, customer_id);
create index if not exists cards_by_program on cards (merchant_id, program_id, card_id);
