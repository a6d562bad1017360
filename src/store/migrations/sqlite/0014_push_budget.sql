-- The budget of pushes: what wants to ring, what was let through and why, and who may say otherwise.
-- The twin of this file under ../postgres has the same tables and columns.

-- An IANA name like Europe/Berlin; null where it is not known.
alter table customers add column zone text;

-- `wants` is a set: what changed and wants to ring (bits of `paused` in customers), 32 for messages that wait, 64 for
-- alerts that were let through and have no answer yet. `told` is the generation that was sent last, `next_at` when what
-- was deferred is to be decided again, `slot_at` the row's place in the merchant's pace.
alter table pushes add column wants integer not null default 0;
alter table pushes add column told integer not null default 0;
alter table pushes add column next_at integer;
alter table pushes add column slot_at integer;

-- The text in `push_texts` that a campaign's message became; null while nobody has taken it over.
alter table campaign_messages add column message_id integer;

create index campaign_messages_to_take on campaign_messages (due_at) where message_id is null;

-- What messages say, once for all their recipients.
create table push_texts (
    merchant_id integer not null,
    message_id integer not null,
    class text not null,
    body text not null,
    digest integer not null,
    personalised integer not null,
    campaign_id integer,
    state text not null,
    ends_at integer,
    created_at integer not null,
    primary key (merchant_id, message_id)
) strict, without rowid;

-- A message to a card on a channel: what became of it, and by which rule. `deferred_until` is the time to which it was
-- deferred first, which stays.
create table push_messages (
    merchant_id integer not null,
    card_id integer not null,
    message_id integer not null,
    channel text not null,
    state text not null,
    due_at integer not null,
    until integer,
    deferred_until integer,
    rule text,
    ruling text,
    created_at integer not null,
    changed_at integer not null,
    primary key (merchant_id, card_id, message_id, channel)
) strict, without rowid;

create index push_messages_by_message on push_messages (merchant_id, message_id, card_id, channel);

-- Every alert that was let through, before it is sent: a card's budget is counted here. `open` until the provider has
-- answered.
create table push_alerts (
    merchant_id integer not null,
    card_id integer not null,
    channel text not null,
    lease integer not null,
    position integer not null,
    class text not null,
    message_id integer,
    digest integer,
    wanted_at integer not null,
    at integer not null,
    open integer not null,
    primary key (merchant_id, card_id, channel, lease, position)
) strict, without rowid;

create index push_alerts_by_time on push_alerts (at);

-- The last rulings about a card on a channel, newest first, as one JSON list.
create table push_decisions (
    merchant_id integer not null,
    card_id integer not null,
    channel text not null,
    rulings text not null,
    decided_at integer not null,
    primary key (merchant_id, card_id, channel)
) strict, without rowid;

create index push_decisions_by_time on push_decisions (decided_at);

-- `program_id` 0 is for all of the merchant's programs.
create table push_policies (
    merchant_id integer not null,
    program_id integer not null,
    channel text not null,
    policy text not null,
    version integer not null,
    changed_at integer not null,
    primary key (merchant_id, program_id, channel)
) strict, without rowid;

create table push_paces (
    merchant_id integer not null,
    program_id integer not null,
    channel text not null,
    free_at integer not null,
    primary key (merchant_id, program_id, channel)
) strict, without rowid;

-- A provider's word that nothing rings before: for one card (`program_id` 0) or for a program (`card_id` 0).
create table push_stops (
    merchant_id integer not null,
    card_id integer not null,
    program_id integer not null,
    channel text not null,
    until integer not null,
    reason text not null,
    primary key (merchant_id, card_id, program_id, channel)
) strict, without rowid;

create index push_stops_by_time on push_stops (until);

-- What the pass of a card says as news, with the numbers that the card had then: a phone rings when it changes.
create table card_news (
    merchant_id integer not null,
    card_id integer not null,
    number integer not null,
    class text not null,
    message_id integer,
    punches integer not null,
    points integer not null,
    rewards integer not null,
    tier integer,
    at integer not null,
    primary key (merchant_id, card_id)
) strict, without rowid;
