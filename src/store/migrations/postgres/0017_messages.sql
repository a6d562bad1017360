-- Messages of a merchant to its customers, and links that are counted.
-- The twin of this file under ../sqlite has the same tables and columns.

-- Recipients are listed and counted by state.
drop index push_messages_by_message;
create index push_messages_by_state on push_messages (merchant_id, message_id, state, card_id, channel);

-- `only_card_id` is the card of a message to one card. `due_at` is when a chore has to look at the message: when it
-- starts, then while its audience is being written down, then to see whether every recipient was decided on. `rule` is
-- the rule of a segment as it was at the start; `walked_to` how far those who wait were woken or ended; forecast and outcome are JSON.
create table messages (
    merchant_id bigint not null,
    message_id bigint not null,
    title text collate "C",
    body text collate "C" not null,
    link text collate "C",
    class text collate "C" not null,
    audience text collate "C" not null,
    segment_id bigint,
    only_card_id bigint,
    moment text collate "C" not null,
    state text collate "C" not null,
    version bigint not null,
    member_id bigint,
    is_test bigint not null,
    rule text collate "C",
    confirmed bigint,
    starts_at bigint,
    started_at bigint,
    finished_at bigint,
    due_at bigint,
    expanded_to bigint not null,
    recipients bigint not null,
    walked_to bigint not null,
    faults bigint not null,
    paused_because text collate "C",
    forecast text collate "C",
    outcome text collate "C",
    created_at bigint not null,
    changed_at bigint not null,
    primary key (merchant_id, message_id)
);

create index messages_by_due on messages (due_at) where due_at is not null;
create index messages_by_card on messages (merchant_id, only_card_id) where only_card_id is not null;
create index messages_by_segment on messages (merchant_id, segment_id) where segment_id is not null;

-- Where a counted link leads. The link of a message has the id of its message, the one on a program's passes the id of
-- its program. `clicks` and `cards` are sums over the table `clicks`, and stay when rows of it go.
create table links (
    merchant_id bigint not null,
    link_id bigint not null,
    kind text collate "C" not null,
    label text collate "C",
    target text collate "C" not null,
    clicks bigint not null,
    cards bigint not null,
    created_at bigint not null,
    primary key (merchant_id, link_id)
);

create table clicks (
    merchant_id bigint not null,
    link_id bigint not null,
    card_id bigint not null,
    clicks bigint not null,
    first_at bigint not null,
    last_at bigint not null,
    primary key (merchant_id, link_id, card_id)
);

create index clicks_by_card on clicks (merchant_id, card_id);
