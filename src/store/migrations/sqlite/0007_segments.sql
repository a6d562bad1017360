-- Segments: redemptions by date, names as they are compared and sorted, saved segments, and what a rule measures by.
-- The twin of this file under ../postgres has the same tables and columns.

-- One row a redemption that stands: a copy of the ledger by card and date. Taking a redemption back removes its row.
create table redemptions (
    merchant_id integer not null,
    card_id integer not null,
    event_id integer not null,
    at integer not null,
    primary key (merchant_id, card_id, event_id)
) strict, without rowid;
insert into redemptions (merchant_id, card_id, event_id, at)
    select e.merchant_id, e.card_id, e.event_id, e.at from events e
    where e.kind in ('reward_redeemed', 'offer_redeemed') and e.card_id is not null
    and not exists (select 1 from events r where r.merchant_id = e.merchant_id and r.reverses_event_id = e.event_id);

-- The name folded, as lists sort by it and rules compare it.
alter table customers add column name_key text not null default '';
update customers set name_key = lower(trim(first_name || ' ' || last_name));
-- Erased people are few, and no list shows their cards.
create index customers_by_erasure on customers (merchant_id, customer_id) where erased_at is not null;

create table segments (
    merchant_id integer not null,
    segment_id integer not null,
    name text not null,
    name_key text not null,
    -- As the language prints it; null for a list.
    rule text,
    owner_id integer,
    shared integer not null,
    version integer not null,
    created_at integer not null,
    changed_at integer not null,
    primary key (merchant_id, segment_id)
) strict, without rowid;
create unique index segments_by_name on segments (merchant_id, name_key);

-- The cards of segments that are lists.
create table segment_cards (
    merchant_id integer not null,
    segment_id integer not null,
    card_id integer not null,
    primary key (merchant_id, segment_id, card_id)
) strict, without rowid;

-- The least spend that belongs to the top fifth, taken from time to time: a rule needs a number that stands still.
create table segment_measures (
    merchant_id integer not null primary key,
    high_value integer,
    measured_at integer not null
) strict;
