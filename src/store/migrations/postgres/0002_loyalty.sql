-- The loyalty core: programs of every kind with their rules as one text, customers as people, sums for points, tiers,
-- money and redemptions, and events that belong to a card or to a person.
-- The twin of this file under ../sqlite has the same tables and columns.

-- Where phone numbers without a country code are from, two letters; and the money that new programs count in.
alter table merchants add column country text collate "C" not null default '';
alter table merchants add column currency text collate "C" not null default 'EUR';

alter table programs add column rules text collate "C" not null default '{}';
alter table programs add column archived_at bigint;
alter table programs add column version bigint not null default 1;
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
alter table customers add column last_name text collate "C" not null default '';
alter table customers add column email_key text collate "C";
alter table customers add column birthday bigint;
alter table customers add column birth_year bigint;
alter table customers add column external_id text collate "C";
alter table customers add column language text collate "C" not null default '';
alter table customers add column search text collate "C" not null default '';
alter table customers add column verified_at bigint;
alter table customers add column erased_at bigint;
alter table customers add column version bigint not null default 1;
alter table customers add column changed_at bigint not null default 0;
alter table customers add column last_event_id bigint;
update customers set email_key = lower(email), search = lower(first_name), changed_at = created_at;

alter table cards rename column last_punch_at to last_earned_at;
alter table cards rename column last_punch_day to last_earned_day;
alter table cards rename column punches_on_day to earned_on_day;
alter table cards add column points bigint not null default 0;
alter table cards add column tier_points bigint not null default 0;
alter table cards add column spend bigint not null default 0;
alter table cards add column unpriced bigint not null default 0;
alter table cards add column redemptions bigint not null default 0;
alter table cards add column tier bigint;
alter table cards add column scans bigint not null default 0;
alter table cards add column expires_at bigint;
alter table cards add column redeemed_at bigint;
alter table cards add column installed_as bigint not null default 0;
update cards set installed_as = program_id, scans = visits;

alter table captures add column points bigint not null default 0;
alter table captures add column earned bigint not null default 0;
alter table captures add column redeemed bigint not null default 0;

alter table events alter column card_id drop not null;
alter table events add column customer_id bigint;
alter table events add column points bigint not null default 0;
alter table events add column tier_points bigint not null default 0;
alter table events add column spend bigint not null default 0;
alter table events add column unpriced bigint not null default 0;
alter table events add column redemptions bigint not null default 0;
alter table events add column source text collate "C" not null default 'station';
alter table events add column location_id bigint;
alter table events add column batch_id bigint;
alter table events add column detail text collate "C";
update events set source = case actor when 'station' then 'station' when 'member' then 'console'
    when 'device' then 'device' else 'rule' end;
