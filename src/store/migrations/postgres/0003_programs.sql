-- The rules of programs made whole: cycles of tiers, ends that are noted once, promotions, orders that are credited once.
-- The twin of this file under ../sqlite has the same tables and columns.

-- While a change of its rules is being carried to its cards: the last card that it has reached.
alter table programs add column settled_to bigint;

alter table cards add column cycle_began_at bigint;
alter table cards add column cycle_ends_at bigint;
alter table cards add column expired_at bigint;

-- When to look at a card again because time alone changes it: never later than its own date of that kind, often
-- earlier, because a tap that moves the card's date does not come here. Kinds: end, cycle.
create table dues (
    merchant_id bigint not null,
    card_id bigint not null,
    kind text collate "C" not null,
    due_at bigint not null,
    primary key (merchant_id, card_id, kind)
);

create index dues_by_time on dues (kind, due_at);

insert into dues (merchant_id, card_id, kind, due_at)
    select merchant_id, card_id, 'end', expires_at from cards where expires_at is not null;

-- An order of a shop gives its points once, however often it is sent.
create table orders (
    merchant_id bigint not null,
    program_id bigint not null,
    reference text collate "C" not null,
    card_id bigint not null,
    credited_at bigint not null,
    primary key (merchant_id, program_id, reference)
);

create table promotions (
    merchant_id bigint not null,
    promotion_id bigint not null,
    program_id bigint not null,
    name text collate "C" not null,
    text text collate "C" not null,
    starts_at bigint not null,
    ends_at bigint not null,
    most_per_customer bigint,
    most bigint,
    uses bigint not null,
    version bigint not null,
    created_at bigint not null,
    primary key (merchant_id, promotion_id)
);

-- One row a use, numbered within its promotion.
create table promotion_uses (
    merchant_id bigint not null,
    promotion_id bigint not null,
    number bigint not null,
    customer_id bigint not null,
    card_id bigint not null,
    used_at bigint not null,
    primary key (merchant_id, promotion_id, number)
);

create index promotion_uses_by_customer on promotion_uses (merchant_id, customer_id, promotion_id);
