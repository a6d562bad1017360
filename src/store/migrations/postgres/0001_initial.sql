-- The first schema. Times are unix milliseconds; every key begins with merchant_id; flags are 0 or 1.
-- The twin of this file under ../sqlite has the same tables and columns: a test compares them.

create table merchants (
    merchant_id bigint not null primary key,
    name text collate "C" not null,
    zone text collate "C" not null,
    created_at bigint not null
);

create table locations (
    merchant_id bigint not null,
    location_id bigint not null,
    name text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, location_id)
);

create table stations (
    merchant_id bigint not null,
    station_id bigint not null,
    location_id bigint not null,
    name text collate "C" not null,
    key_hash bytea not null unique,
    revoked_at bigint,
    created_at bigint not null,
    primary key (merchant_id, station_id)
);

create table members (
    merchant_id bigint not null,
    member_id bigint not null,
    email text collate "C" not null unique,
    name text collate "C" not null,
    role text collate "C" not null,
    password_hash text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, member_id)
);

create table sessions (
    token_hash bytea not null primary key,
    merchant_id bigint not null,
    member_id bigint not null,
    created_at bigint not null,
    expires_at bigint not null
);

create index sessions_by_member on sessions (merchant_id, member_id);

create table programs (
    merchant_id bigint not null,
    program_id bigint not null,
    kind text collate "C" not null,
    name text collate "C" not null,
    template text collate "C" not null,
    pass_type_identifier text collate "C" not null,
    reward_name text collate "C" not null,
    goal bigint not null,
    punches_per_visit bigint not null,
    max_per_day bigint,
    minimum_gap_ms bigint not null,
    carry_over bigint not null,
    reversal_window_ms bigint not null,
    visit_gap_ms bigint not null,
    created_at bigint not null,
    primary key (merchant_id, program_id)
);

create table customers (
    merchant_id bigint not null,
    customer_id bigint not null,
    name text collate "C" not null,
    email text collate "C",
    phone text collate "C",
    created_at bigint not null,
    primary key (merchant_id, customer_id)
);

-- One row a card; its numbers are running sums of its events. `channels` is a set of bits: 1 apple, 2 google.
create table cards (
    merchant_id bigint not null,
    card_id bigint not null,
    program_id bigint not null,
    customer_id bigint not null,
    serial_number text collate "C" not null,
    token text collate "C" not null,
    holder text collate "C",
    status text collate "C" not null,
    channels bigint not null,
    punches bigint not null,
    rewards bigint not null,
    visits bigint not null,
    last_visit_at bigint,
    last_punch_at bigint,
    last_punch_day bigint,
    punches_on_day bigint not null,
    created_at bigint not null,
    version bigint not null,
    changed_at bigint not null,
    last_event_id bigint,
    tag bigint,
    primary key (merchant_id, card_id)
) with (fillfactor = 80);

create unique index cards_by_serial_number on cards (merchant_id, serial_number);

-- What a till may be shown, and the card it stands for: the barcode's code, a plastic tag's UID.
create table tokens (
    merchant_id bigint not null,
    token text collate "C" not null,
    card_id bigint not null,
    primary key (merchant_id, token)
);

-- One row a presentation, with the answer that every repeat of it gets. The key grows at each station, so a
-- new row is always an append.
create table captures (
    merchant_id bigint not null,
    station_id bigint not null,
    counter bigint not null,
    kind text collate "C" not null,
    fingerprint bigint not null,
    captured_at bigint not null,
    received_at bigint not null,
    card_id bigint,
    refusal text collate "C",
    refusal_detail bigint not null,
    rewards_earned bigint not null,
    punches bigint not null,
    goal bigint not null,
    rewards bigint not null,
    primary key (merchant_id, station_id, counter)
);

-- The ledger and timeline. A card names its newest row and each row names the one before it, so that reading
-- one card's history needs no index which every tap would have to keep.
create table events (
    event_id bigint generated always as identity,
    merchant_id bigint not null,
    card_id bigint not null,
    previous_event_id bigint,
    kind text collate "C" not null,
    punches bigint not null,
    rewards bigint not null,
    visits bigint not null,
    at bigint not null,
    recorded_at bigint not null,
    actor text collate "C" not null,
    actor_id bigint,
    station_id bigint,
    counter bigint,
    reverses_event_id bigint,
    reason text collate "C",
    primary key (merchant_id, event_id)
);

create unique index events_by_reversed on events (merchant_id, reverses_event_id, kind)
    where reverses_event_id is not null;

-- Apple's registrations: which device wants to hear of which card.
create table registrations (
    merchant_id bigint not null,
    pass_type_identifier text collate "C" not null,
    device_library_identifier text collate "C" not null,
    card_id bigint not null,
    push_token text collate "C" not null,
    registered_at bigint not null,
    -- A tag above every tag that existed when the device registered after a change it may have missed.
    tag bigint,
    primary key (merchant_id, pass_type_identifier, device_library_identifier, card_id)
);

create index registrations_by_card on registrations (merchant_id, card_id);

-- The last update tag handed out; one row a merchant, locked while tags are allotted.
create table tags (
    merchant_id bigint not null primary key,
    value bigint not null
);

-- The outbox: at most one live row a card and channel. It holds intent, not payload: the newest state is what is
-- sent. While a row is leased, due_at is when the lease runs out, so a dead node's rows become due by themselves.
create table pushes (
    merchant_id bigint not null,
    card_id bigint not null,
    channel text collate "C" not null,
    generation bigint not null,
    due_at bigint not null,
    attempts bigint not null,
    lease bigint,
    created_at bigint not null,
    primary key (merchant_id, card_id, channel)
);

create index pushes_by_due on pushes (channel, due_at);
