-- The budget of pushes: what wants to ring, what was let through and why, and who may say otherwise.
-- The twin of this file under ../sqlite has the same tables and columns.

-- An IANA name like Europe/Berlin; null where it is not known.
alter table customers add column zone text collate "C";

-- `wants` is a set: what changed and wants to ring (bits of `paused` in customers), 32 for messages that wait, 64 for
-- alerts that were let through and have no answer yet. `told` is the generation that was sent last, `next_at` when what
-- was deferred is to be decided again, `slot_at` the row's place in the merchant's pace.
alter table pushes add column wants bigint not null default 0;
alter table pushes add column told bigint not null default 0;
alter table pushes add column next_at bigint;
alter table pushes add column slot_at bigint;

-- The text in `push_texts` that a campaign's message became; null while nobody has taken it over.
alter table campaign_messages add column message_id bigint;

create index campaign_messages_to_take on campaign_messages (due_at) where message_id is null;

-- What messages say, once for all their recipients.
create table push_texts (
    merchant_id bigint not null,
    message_id bigint not null,
    class text collate "C" not null,
    body text collate "C" not null,
    digest bigint not null,
    personalised bigint not null,
    campaign_id bigint,
    state text collate "C" not null,
    ends_at bigint,
    created_at bigint not null,
    primary key (merchant_id, message_id)
);

-- A message to a card on a channel: what became of it, and by which rule. `deferred_until` is the time to which it was
-- deferred first, which stays.
create table push_messages (
    merchant_id bigint not null,
    card_id bigint not null,
    message_id bigint not null,
    channel text collate "C" not null,
    state text collate "C" not null,
    due_at bigint not null,
    until bigint,
    deferred_until bigint,
    rule text collate "C",
    ruling text collate "C",
    created_at bigint not null,
    changed_at bigint not null,
    primary key (merchant_id, card_id, message_id, channel)
);

create index push_messages_by_message on push_messages (merchant_id, message_id, card_id, channel);

-- Every alert that was let through, before it is sent: a card's budget is counted here. `open` until the provider has
-- answered.
create table push_alerts (
    merchant_id bigint not null,
    card_id bigint not null,
    channel text collate "C" not null,
    lease bigint not null,
    position bigint not null,
    class text collate "C" not null,
    message_id bigint,
    digest bigint,
    wanted_at bigint not null,
    at bigint not null,
    open bigint not null,
    primary key (merchant_id, card_id, channel, lease, position)
);

create index push_alerts_by_time on push_alerts (at);

-- The last rulings about a card on a channel, newest first, as one JSON list.
create table push_decisions (
    merchant_id bigint not null,
    card_id bigint not null,
    channel text collate "C" not null,
    rulings text collate "C" not null,
    decided_at bigint not null,
    primary key (merchant_id, card_id, channel)
);

create index push_decisions_by_time on push_decisions (decided_at);

-- `program_id` 0 is for all of the merchant's programs.
create table push_policies (
    merchant_id bigint not null,
    program_id bigint not null,
    channel text collate "C" not null,
    policy text collate "C" not null,
    version bigint not null,
    changed_at bigint not null,
    primary key (merchant_id, program_id, channel)
);

create table push_paces (
    merchant_id bigint not null,
    program_id bigint not null,
    channel text collate "C" not null,
    free_at bigint not null,
    primary key (merchant_id, program_id, channel)
);

-- A provider's word that nothing rings before: for one card (`program_id` 0) or for a program (`card_id` 0).
create table push_stops (
    merchant_id bigint not null,
    card_id bigint not null,
    program_id bigint not null,
    channel text collate "C" not null,
    until bigint not null,
    reason text collate "C" not null,
    primary key (merchant_id, card_id, program_id, channel)
);

create index push_stops_by_time on push_stops (until);

-- What the pass of a card says as news, with the numbers that the card had then: a phone rings when it changes.
create table card_news (
    merchant_id bigint not null,
    card_id bigint not null,
    number bigint not null,
    class text collate "C" not null,
    message_id bigint,
    punches bigint not null,
    points bigint not null,
    rewards bigint not null,
    tier bigint,
    at bigint not null,
    primary key (merchant_id, card_id)
);
