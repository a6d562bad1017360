-- Live counts by counter instead of by exact set of segments: a transaction appends one row for each program, and who
-- reads adds up some forty numbers.
-- The twin of this file under ../postgres has the same tables and columns.

-- How many cards of a program are in a built-in segment or in a cell of the grid, by the version of the rules that they
-- are counted by. `counter` is the bit of a segment, or 64 and the number of a cell.
create table segment_counters (
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    counter integer not null,
    cards integer not null,
    primary key (merchant_id, program_id, version, counter)
) strict, without rowid;

-- What was counted, and what was still to be added to it. The first bit is everybody who was not erased: only they are
-- in a cell.
insert into segment_counters (merchant_id, program_id, version, counter, cards)
with counted (merchant_id, program_id, version, segments, rfm, cards) as (
    select merchant_id, program_id, version, segments, rfm, cards from segment_counts
    union all
    select merchant_id, program_id, version, segments, rfm, cards from segment_deltas
), bits (place, value) as (
    select 0, 1
    union all select 1, 2
    union all select 2, 4
    union all select 3, 8
    union all select 4, 16
    union all select 5, 32
    union all select 6, 64
    union all select 7, 128
    union all select 8, 256
    union all select 9, 512
    union all select 10, 1024
), single (merchant_id, program_id, version, counter, cards) as (
    select c.merchant_id, c.program_id, c.version, b.place, c.cards from counted c
    join bits b on (c.segments & b.value) <> 0
    union all
    select c.merchant_id, c.program_id, c.version, 64 + c.rfm, c.cards from counted c where (c.segments & 1) <> 0
)
select merchant_id, program_id, version, counter, sum(cards) from single
group by merchant_id, program_id, version, counter having sum(cards) <> 0;

drop table segment_counts;
drop table segment_deltas;

-- What is to be added to the counters of one program, as JSON pairs of counter and change. Transactions only append
-- here, so that those of one merchant do not wait for each other's counters; who reads adds these rows, and a chore
-- folds them into the counters.
create table segment_deltas (
    delta_id integer not null primary key,
    merchant_id integer not null,
    program_id integer not null,
    version integer not null,
    changes text not null
) strict;

create index segment_deltas_by_merchant on segment_deltas (merchant_id);
