-- Addresses at which nobody answers, and what is said to topics. The twin of this file under ../postgres has the same tables
-- and columns.

-- Attempts without an answer since the last that had one, and when the first of them was; 0: it answers.
alter table push_addresses add column unanswered integer not null default 0;
alter table push_addresses add column silent_since integer not null default 0;

-- Topics of Firebase that a merchant has said something to. Locked while one more thing is said: it may not be too often.
create table topics (
    merchant_id integer not null,
    topic text not null,
    created_at integer not null,
    primary key (merchant_id, topic)
) strict, without rowid;

-- What was said to topics, an outbox and a history in one: `due_at` is empty once it is sent or given up. While a row is
-- leased, `due_at` is when the lease runs out.
create table topic_notices (
    merchant_id integer not null,
    topic_notice_id integer not null,
    topic text not null,
    title text not null,
    body text not null,
    url text,
    rings integer not null,
    state text not null,
    reason text,
    due_at integer,
    attempts integer not null,
    lease integer,
    created_at integer not null,
    ended_at integer,
    primary key (merchant_id, topic_notice_id)
) strict, without rowid;

create index topic_notices_by_topic on topic_notices (merchant_id, topic, created_at);
create index topic_notices_by_due on topic_notices (due_at) where due_at is not null;
