-- Messages of a merchant to its customers, and links that are counted.
-- The twin of this file under ../postgres has the same tables and columns.

-- Recipients are listed and counted by state.
drop index push_messages_by_message;
create index push_messages_by_state on push_messages (merchant_id, message_id, state, card_id, channel);

-- `only_card_id` is the card of a message to one card. `due_at` is when a chore has to look at the message: when it
-- starts, then while its audience is being written down, then to see whether every recipient was decided on. `rule` is
-- the rule of a segment as it was at the start; `walked_to` how far those who wait were woken or ended; forecast and outcome are JSON.
create table messages (
    merchant_id integer not null,
    message_id integer not null,
    title text,
    body text not null,
    link text,
    class text not null,
    audience text not null,
    segment_id integer,
    only_card_id integer,
    moment text not null,
    state text not null,
    version integer not null,
    member_id integer,
    is_test integer not null,
    rule text,
    confirmed integer,
    starts_at integer,
    started_at integer,
    finished_at integer,
    due_at integer,
    expanded_to integer not null,
    recipients integer not null,
    walked_to integer not null,
    faults integer not null,
    paused_because text,
    forecast text,
    outcome text,
    created_at integer not null,
    changed_at integer not null,
    primary key (merchant_id, message_id)
) strict, without rowid;

create index messages_by_due on messages (due_at) where due_at is not null;
create index messages_by_card on messages (merchant_id, only_card_id) where only_card_id is not null;
create index messages_by_segment on messages (merchant_id, segment_id) where segment_id is not null;

-- Where a counted link leads. The link of a message has the id of its message, the one on a program's passes the id of
-- its program. `clicks` and `cards` are sums over the table `clicks`, and stay when rows of it go.
create table links (
    merchant_id integer not null,
    link_id integer not null,
    kind text not null,
    label text,
    target text not null,
    clicks integer not null,
    cards integer not null,
    created_at integer not null,
    primary key (merchant_id, link_id)
) strict, without rowid;

create table clicks (
    merchant_id integer not null,
    link_id integer not null,
    card_id integer not null,
    clicks integer not null,
    first_at integer not null,
    last_at integer not null,
    primary key (merchant_id, link_id, card_id)
) strict, without rowid;

create index clicks_by_card on clicks (merchant_id, card_id);
