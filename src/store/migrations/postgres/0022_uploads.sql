-- Files that people upload to import: kept in pieces, so that any node can go on, and for a day at most.
-- The twin of this file under ../sqlite has the same tables and columns.

-- `header` and `meanings` are lists in JSON, from left to right; the counts are those of the try or the run that was last.
-- `batch_id` is the import that the file became. Whoever works on it holds `lease` until `lease_until`.
create table uploads (
    merchant_id bigint not null,
    upload_id bigint not null,
    member_id bigint not null,
    name text collate "C" not null,
    program_id bigint,
    welcome bigint not null,
    state text collate "C" not null,
    problem text collate "C",
    bytes bigint not null,
    fingerprint bytea not null,
    delimiter bigint not null,
    header text collate "C" not null,
    meanings text collate "C" not null,
    read_bytes bigint not null,
    created bigint not null,
    updated bigint not null,
    unchanged bigint not null,
    failed bigint not null,
    balances_kept bigint not null,
    consents_left bigint not null,
    batch_id bigint,
    lease bigint,
    lease_until bigint,
    created_at bigint not null,
    changed_at bigint not null,
    expires_at bigint not null,
    primary key (merchant_id, upload_id)
);

create index uploads_by_state on uploads (state, changed_at) where state in ('trying', 'running');
create index uploads_by_expiry on uploads (expires_at);

create table upload_pieces (
    merchant_id bigint not null,
    upload_id bigint not null,
    piece bigint not null,
    body bytea not null,
    primary key (merchant_id, upload_id, piece)
);
