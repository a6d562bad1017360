-- What messages came to: when each copy was let through and fetched, and what providers' faults cost.
-- The twin of this file under ../sqlite has the same tables and columns.

-- `sent_at` is when the copy was let through, `fetched_at` when a phone first had the pass that says it, and `faults` how
-- often a provider did not take it since the message was last taken up.
alter table push_messages add column sent_at bigint;
alter table push_messages add column fetched_at bigint;
alter table push_messages add column faults bigint not null default 0;

-- `title` stands above the text where a channel has a place for it; `linked` is 1 where the message has a counted link,
-- which has the message's id.
alter table push_texts add column title text collate "C";
alter table push_texts add column linked bigint not null default 0;

update push_texts set
    title = (select m.title from messages m
        where m.merchant_id = push_texts.merchant_id and m.message_id = push_texts.message_id),
    linked = (select count(m.link) from messages m
        where m.merchant_id = push_texts.merchant_id and m.message_id = push_texts.message_id);

-- How many copies were fetched after so many milliseconds, rounded down: what percentiles are told from.
create table message_fetches (
    merchant_id bigint not null,
    message_id bigint not null,
    waited bigint not null,
    copies bigint not null,
    primary key (merchant_id, message_id, waited)
);
