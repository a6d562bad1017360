-- The rules of programs made whole: cycles of tiers, ends that are noted once, promotions, orders that are credited once.
-- The twin of this file under ../postgres has the same tables and columns.

-- While a change of its rules is being carried to its cards: the last card that it has reached.
alter table programs add column settled_to integer;

alter table cards add column cycle_began_at integer;
alter table cards add column cycle_ends_at integer;
alter table cards add column expired_at integer;

-- When to look at a card again because time alone changes it: never later than its own date of that kind, often
-- earlier, because a tap that moves the card's date does not come here. Kinds: end, cycle.
create table dues (
    merchant_id integer not null,
    card_id integer not null,
    kind text not null,
    due_at integer not null,
    primary key (merchant_id, card_id, kind)
) strict, without rowid;

create index dues_by_time on dues (kind, due_at);

insert into dues (merchant_id, card_id, kind, due_at)
    select merchant_id, card_id, 'end', expires_at from cards where expires_at is not null;

-- An order of a shop gives its points once, however often it is sent.
create table orders (
    merchant_id integer not null,
    program_id integer not null,
    reference text not null,
    card_id integer not null,
    credited_at integer not null,
    primary key (merchant_id, program_id, reference)
) strict, without rowid;

create table promotions (
    merchant_id integer not null,
    promotion_id integer not null,
    program_id integer not null,
    name text not null,
    text text not null,
    starts_at integer not null,
    ends_at integer not null,
    most_per_customer integer,
    most integer,
    uses integer not null,
    version integer not null,
    created_at integer not null,
    primary key (merchant_id, promotion_id)
) strict, without rowid;

-- One row a use, numbered within its promotion.
create table promotion_uses (
    merchant_id integer not null,
    promotion_id integer not null,
    number integer not null,
    customer_id integer not null,
    card_id integer not null,
    used_at integer not null,
    primary key (merchant_id, promotion_id, number)
) strict, without rowid;

create index promotion_uses_by_customer on promotion_uses (merchant_id, customer_id, promotion_id);
