-- The loyalty core: programs of every kind with their rules as one text, customers as people, sums for points, tiers,
-- money and redemptions, and events that belong to a card or to a person.
-- The twin of this file under ../postgres has the same tables and columns.

-- Where phone numbers without a country code are from, two letters; and the money that new programs count in.
alter table merchants add column country text not null default '';
alter table merchants add column currency text not null default 'EUR';

alter table programs add column rules text not null default '{}';
alter table programs add column archived_at integer;
alter table programs add column version integer not null default 1;
update programs set rules = '{"scheme":{"kind":"punch","goal":' || goal || ',"punches_per_visit":' || punches_per_visit
    || ',"carry_over":' || case carry_over when 1 then 'true' else 'false' end
    || '},"limits":{' || case when max_per_day is null then '' else '"max_per_day":' || max_per_day || ',' end
    || '"minimum_gap_ms":' || minimum_gap_ms || ',"visit_gap_ms":' || visit_gap_ms
    || ',"reversal_window_ms":' || reversal_window_ms || '}}';
alter table programs drop column goal;
alter table programs drop column punches_per_visit;
alter table programs drop column max_per_day;
alter table programs drop column minimum_gap_ms;
alter table programs drop column carry_over;
alter table programs drop column reversal_window_ms;
alter table programs drop column visit_gap_ms;

-- A person. What they are called and reached by is here and nowhere else, so that erasing them leaves the ledger whole.
-- `birthday` is month * 100 + day; `search` is folded: lower case, no accents, and holds everything that is searched.
alter table customers rename column name to first_name;
alter table customers add column last_name text not null default '';
alter table customers add column email_key text;
alter table customers add column birthday integer;
alter table customers add column birth_year integer;
alter table customers add column external_id text;
alter table customers add column language text not null default '';
alter table customers add column search text not null default '';
alter table customers add column verified_at integer;
alter table customers add column erased_at integer;
alter table customers add column version integer not null default 1;
alter table customers add column changed_at integer not null default 0;
alter table customers add column last_event_id integer;
update customers set email_key = lower(email), search = lower(first_name), changed_at = created_at;

alter table cards rename column last_punch_at to last_earned_at;
alter table cards rename column last_punch_day to last_earned_day;
alter table cards rename column punches_on_day to earned_on_day;
alter table cards add column points integer not null default 0;
alter table cards add column tier_points integer not null default 0;
alter table cards add column spend integer not null default 0;
alter table cards add column unpriced integer not null default 0;
alter table cards add column redemptions integer not null default 0;
alter table cards add column tier integer;
alter table cards add column scans integer not null default 0;
alter table cards add column expires_at integer;
alter table cards add column redeemed_at integer;
alter table cards add column installed_as integer not null default 0;
update cards set installed_as = program_id, scans = visits;

alter table captures add column points integer not null default 0;
alter table captures add column earned integer not null default 0;
alter table captures add column redeemed integer not null default 0;

-- An event belongs to a card or to a person, so card_id may be null; SQLite changes that only by a new table.
drop index events_by_reversed;
alter table events rename to events_before;
create table events (
    event_id integer not null primary key,
    merchant_id integer not null,
    card_id integer,
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
    reason text,
    customer_id integer,
    points integer not null default 0,
    tier_points integer not null default 0,
    spend integer not null default 0,
    unpriced integer not null default 0,
    redemptions integer not null default 0,
    source text not null default 'station',
    location_id integer,
    batch_id integer,
    detail text
) strict;
insert into events (event_id, merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, at, recorded_at,
    actor, actor_id, station_id, counter, reverses_event_id, reason, source)
    select event_id, merchant_id, card_id, previous_event_id, kind, punches, rewards, visits, at, recorded_at,
    actor, actor_id, station_id, counter, reverses_event_id, reason,
    case actor when 'station' then 'station' when 'member' then 'console' when 'device' then 'device' else 'rule' end
    from events_before;
drop table events_before;
create unique index events_by_reversed on events (merchant_id, reverses_event_id, kind)
    where reverses_event_id is not null;
