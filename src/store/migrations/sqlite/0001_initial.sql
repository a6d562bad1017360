-- The first schema. Times are unix milliseconds; every key begins with merchant_id; flags are 0 or 1.
-- The twin of this file under ../postgres has the same tables and columns, with bigint for integer and bytea for
-- blob: a test compares them.

create table merchants (
    merchant_id integer not null primary key,
    name text not null,
    zone text not null,
    created_at integer not null
) strict;

create table locations (
    merchant_id integer not null,
    location_id integer not null,
    name text not null,
    created_at integer not null,
    primary key (merchant_id, location_id)
) strict, without rowid;

create table stations (
    merchant_id integer not null,
    station_id integer not null,
    location_id integer not null,
    name text not null,
    key_hash blob not null unique,
    revoked_at integer,
    created_at integer not null,
    primary key (merchant_id, station_id)
) strict, without rowid;

create table members (
    merchant_id integer not null,
    member_id integer not null,
    email text not null unique,
    name text not null,
    role text not null,
    password_hash text not null,
    created_at integer not null,
    primary key (merchant_id, member_id)
) strict, without rowid;

create table sessions (
    token_hash blob not null primary key,
    merchant_id integer not null,
    member_id integer not null,
    created_at integer not null,
    expires_at integer not null
) strict, without rowid;

create index sessions_by_member on sessions (merchant_id, member_id);

create table programs (
    merchant_id integer not null,
    program_id integer not null,
    kind text not null,
    name text not null,
    template text not null,
    pass_type_identifier text not null,
    reward_name text not null,
    goal integer not null,
    punches_per_visit integer not null,
    max_per_day integer,
    minimum_gap_ms integer not null,
    carry_over integer not null,
    reversal_window_ms integer not null,
    visit_gap_ms integer not null,
    created_at integer not null,
    primary key (merchant_id, program_id)
) strict, without rowid;

create table customers (
    merchant_id integer not null,
    customer_id integer not null,
    name text not null,
    email text,
    phone text,
    created_at integer not null,
    primary key (merchant_id, customer_id)
) strict, without rowid;

-- One row a card; its numbers are running sums of its events. `channels` is a set of bits: 1 apple, 2 google.
create table cards (
    merchant_id integer not null,
    card_id integer not null,
    program_id integer not null,
    customer_id integer not null,
    serial_number text not null,
    token text not null,
    holder text,
    status text not null,
    channels integer not null,
    punches integer not null,
    rewards integer not null,
    visits integer not null,
    last_visit_at integer,
    last_punch_at integer,
    last_punch_day integer,
    punches_on_day integer not null,
    created_at integer not null,
    version integer not null,
    changed_at integer not null,
    last_event_id integer,
    tag integer,
    primary key (merchant_id, card_id)
) strict, without rowid;

create unique index cards_by_serial_number on cards (merchant_id, serial_number);

-- What a till may be shown, and the card it stands for: the barcode's code, a plastic tag's UID.
create table tokens (
    merchant_id integer not null,
    token text not null,
    card_id integer not null,
    primary key (merchant_id, token)
) strict, without rowid;

-- One row a presentation, with the answer that every repeat of it gets. The key grows at each station, so a
-- new row is always an append.
create table captures (
    merchant_id integer not null,
    station_id integer not null,
    counter integer not null,
    kind text not null,
    fingerprint integer not null,
    captured_at integer not null,
    received_at integer not null,
    card_id integer,
    refusal text,
    refusal_detail integer not null,
    rewards_earned integer not null,
    punches integer not null,
    goal integer not null,
    rewards integer not null,
    primary key (merchant_id, station_id, counter)
) strict, without rowid;

-- The ledger and timeline. A card names its newest row and each row names the one before it, so that reading
-- one card's history needs no index which every tap would have to keep.
create table events (
    event_id integer not null primary key,
    merchant_id integer not null,
    card_id integer not null,
    previous_event_id integer,
    kind text not null,
    punches integer not null,
    rewards integer not null,
    visits integer not null,
    at integer not null,
    recorded_at integer not null,
    actor text not null,
    actor_id integer,
    station_id integer,
    counter integer,
    reverses_event_id integer,
    reason text
) strict;

create unique index events_by_reversed on events (merchant_id, reverses_event_id, kind)
    where reverses_event_id is not null;

-- Apple's registrations: which device wants to hear of which card.
create table registrations (
    merchant_id integer not null,
    pass_type_identifier text not null,
    device_library_identifier text not null,
    card_id integer not null,
    push_token text not null,
    registered_at integer not null,
    -- A tag above every tag that existed when the device registered after a change it may have missed.
    tag integer,
    primary key (merchant_id, pass_type_identifier, device_library_identifier, card_id)
) strict, without rowid;

create index registrations_by_card on registrations (merchant_id, card_id);

-- The last update tag handed out; one row a merchant, locked while tags are allotted.
create table tags (
    merchant_id integer not null primary key,
    value integer not null
) strict;

-- The outbox: at most one live row a card and channel. It holds intent, not payload: the newest state is what is
-- sent. While a row is leased, due_at is when the lease runs out, so a dead node's rows become due by themselves.
create table pushes (
    merchant_id integer not null,
    card_id integer not null,
    channel text not null,
    generation integer not null,
    due_at integer not null,
    attempts integer not null,
    lease integer,
    created_at integer not null,
    primary key (merchant_id, card_id, channel)
) strict, without rowid;

create index pushes_by_due on pushes (channel, due_at);
