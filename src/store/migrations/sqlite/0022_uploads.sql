-- Files that people upload to import: kept in pieces, so that any node can go on, and for a day at most.
-- The twin of this file under ../postgres has the same tables and columns.

-- `header` and `meanings` are lists in JSON, from left to right; the counts are those of the try or the run that was last.
-- `batch_id` is the import that the file became. Whoever works on it holds `lease` until `lease_until`.
create table uploads (
    merchant_id integer not null,
    upload_id integer not null,
    member_id integer not null,
    name text not null,
    program_id integer,
    welcome integer not null,
    state text not null,
    problem text,
    bytes integer not null,
    fingerprint blob not null,
    delimiter integer not null,
    header text not null,
    meanings text not null,
    read_bytes integer not null,
    created integer not null,
    updated integer not null,
    unchanged integer not null,
    failed integer not null,
    balances_kept integer not null,
    consents_left integer not null,
    batch_id integer,
    lease integer,
    lease_until integer,
    created_at integer not null,
    changed_at integer not null,
    expires_at integer not null,
    primary key (merchant_id, upload_id)
) strict, without rowid;

create index uploads_by_state on uploads (state, changed_at) where state in ('trying', 'running');
create index uploads_by_expiry on uploads (expires_at);

create table upload_pieces (
    merchant_id integer not null,
    upload_id integer not null,
    piece integer not null,
    body blob not null,
    primary key (merchant_id, upload_id, piece)
) strict;
