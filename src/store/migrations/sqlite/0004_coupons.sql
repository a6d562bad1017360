-- Coupons and card states: when a card first came into a wallet, coupons that still wait to turn into a card of their linked
-- program, and people who are about to be erased.
-- The twin of this file under ../postgres has the same tables and columns.

-- A void card that is restored gets back the status that its copies give it, so it is kept whether there ever was one.
alter table cards add column installed_at integer;
update cards set installed_at = installs.at
    from (select merchant_id, card_id, min(at) as at from events where kind = 'card_installed'
        group by merchant_id, card_id) as installs
    where cards.merchant_id = installs.merchant_id and cards.card_id = installs.card_id;
update cards set installed_at = created_at where installed_at is null and status in ('installed', 'removed');

-- The cards of one person.
create index cards_by_customer on cards (merchant_id, customer_id);

-- Coupons whose linked program was not to be had when they were redeemed. `amount` is what was paid then, null where
-- nobody knows; `reason` is what stood in the way the last time.
create table conversions (
    merchant_id integer not null,
    card_id integer not null,
    program_id integer not null,
    first_punch integer not null,
    amount integer,
    reason text not null,
    attempts integer not null,
    due_at integer not null,
    created_at integer not null,
    primary key (merchant_id, card_id)
) strict, without rowid;

create index conversions_by_due on conversions (due_at);

-- People who are erased at `due_at` unless somebody takes that back, and who asked for it.
create table erasures (
    merchant_id integer not null,
    customer_id integer not null,
    actor text not null,
    actor_id integer,
    source text not null,
    due_at integer not null,
    created_at integer not null,
    primary key (merchant_id, customer_id)
) strict, without rowid;

create index erasures_by_due on erasures (due_at);
