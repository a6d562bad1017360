-- Counts of the built-in segments and of the grid by recency and frequency, kept in the transaction that changes a card.
-- The twin of this file under ../postgres has the same tables and columns.

-- What a card is counted as. `counted_program` is null while it is not counted at all; `counts_due_at` is never later
-- than the moment at which time alone makes the card count differently, so a card that was written by anything else
-- than the gateway is due at once.
alter table cards add column counted_program integer;
alter table cards add column counted_version integer not null default 0;
alter table cards add column segments integer not null default 0;
alter table cards add column rfm integer not null default 0;
alter table cards add column counts_due_at integer default 0;
-- Its last visit but one.
alter table cards add column visit_before_at integer;

update cards set visit_before_at = e.at from
    (select v.merchant_id, v.card_id, v.at, row_number() over
        (partition by v.merchant_id, v.card_id order by v.at desc, v.event_id desc) as place
        from events as v where v.visits > 0 and not exists (select 1 from events as r
            where r.merchant_id = v.merchant_id and r.reverses_event_id = v.event_id and r.visits < 0))
    as e where e.place = 2 and e.merchant_id = cards.merchant_id and e.card_id = cards.card_id;

create index cards_by_counts_due on cards (counts_due_at) where counts_due_at is not null;
create index if not exists cards_by_customer on cards (merchant_id, customer_id);

-- How many cards of a program stand in exactly these segments and this cell, by the version of the rules that they are
-- counted by. A chip's count is a sum of a few hundred such rows.
create table segment_counts (
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    segments integer not null,
    rfm integer not null,
    cards integer not null,
    primary key (merchant_id, program_id, version, segments, rfm)
) strict, without rowid;

-- What is to be added to the counts. Transactions only append here, so that those of one merchant do not wait for each
-- other's counters; who reads adds these rows, and a chore folds them into the counts.
create table segment_deltas (
    delta_id integer not null primary key,
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    segments integer not null,
    rfm integer not null,
    cards integer not null
) strict;

create index segment_deltas_by_merchant on segment_deltas (merchant_id);

-- Every version of the rules that the counts of a program follow.
create table segment_rules (
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    rules text not null,
    made_at integer not null,
    primary key (merchant_id, program_id, version)
) strict, without rowid;

-- Where a program's counts are: the version that is in force, and when its relative limits are measured next. While
-- cards are being moved to what they are counted by now, `walk_version`, `walked_to` is the card up to which they were.
create table segment_states (
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    measure_at integer not null,
    walk_version integer not null,
    walked_to integer,
    primary key (merchant_id, program_id)
) strict, without rowid;
